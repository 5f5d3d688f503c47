"""What a server is told once, and how a request finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request

from honne.annotate.database import Database

__all__ = ["Settings", "database", "settings"]


@dataclass(frozen=True)
class Settings:
    """`url` is the address by which people reach the server; its host is the only one answered, beside loopback's."""

    url: str
    secret: bytes
    runs: Sequence[Path] = ()
    guide: str | None = None
    most_bytes: int = 1 << 20

    @property
    def https(self) -> bool:
        return self.url.startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """Names in a Host header that are answered; another name would be a page of someone else's (DNS rebinding)."""
        return frozenset({"localhost", "127.0.0.1", "::1", (urlsplit(self.url).hostname or "").lower()})


def settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


def database(request: Request) -> Database:
    found: Database = request.app.state.database
    return found
