"""One process that serves the pages until Ctrl-C: what is checked before it listens, and what the terminal is told."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from honne.annotate import guides
from honne.annotate.database import Database
from honne.annotate.server.accounts import count_users
from honne.annotate.server.app import create_app
from honne.annotate.server.settings import Settings
from honne.engine.store import open_run
from honne.errors import ConfigError

__all__ = ["secret", "serve"]

Say = Callable[[str], None]


def serve(
    runs: Sequence[Path], *, guide: str | None, database: str, host: str, port: int, url: str | None, say: Say
) -> None:
    """Serve until interrupted. Raises ConfigError, DataError or StoreError before anything listens."""
    if guide is not None:
        guides.load(guide)
    found = _runs(runs)
    address = _address(host, port, url)
    listening = _listen(host, port)
    try:
        opened = Database.open(database)
        try:
            with opened.read() as s:
                first = None if count_users(s) else secrets.token_urlsafe(24)
            if first is not None and not _loopback(host):
                raise ConfigError(
                    f"there is no account yet, so only this machine is served: start once without --host {host}, "
                    "make the owner's account by the link that is printed, then start again"
                )
            settings = Settings(address, secret(say), found, guide)
            say(f"honne annotate: {opened.shown}, {len(found)} run folder{'' if len(found) == 1 else 's'}")
            if first is not None:
                say(f"make the owner's account here (this link works once): {address}/first/{first}")
            say(f"serving {address} (Ctrl-C ends it; what is saved is kept)")
            _run(create_app(opened, settings, first), settings, listening)
            say("stopped: every label that was sent is in the database; the same command goes on")
        finally:
            opened.close()
    finally:
        listening.close()


def _runs(paths: Sequence[Path]) -> list[Path]:
    """Run folders, absolute; a folder that is none but holds some stands for those. Raises StoreError."""
    out: list[Path] = []
    for path in paths:
        children = [] if (path / "run.json").is_file() or not path.is_dir() else sorted(path.iterdir())
        inside = [child for child in children if (child / "run.json").is_file()]
        for one in inside or [path]:
            open_run(one)
            out.append(one.resolve())
    return list(dict.fromkeys(out))


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(host: str, port: int, url: str | None) -> str:
    """The address by which people reach the server, without a slash at its end."""
    if url is None:
        try:
            every = ipaddress.ip_address(host).is_unspecified
        except ValueError:
            every = False
        if every:
            raise ConfigError(
                f"--host {host} listens everywhere: say by --url how people reach it, e.g. https://labels.example.org"
            )
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"--url {url!r} is no address, such as https://labels.example.org") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.username:
        raise ConfigError(
            f"--url {url!r} is no address such as https://labels.example.org, without a path or a name in it"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _listen(host: str, port: int) -> socket.socket:
    """A socket at the address. Raises ConfigError where it is taken or not of this machine."""
    made = None
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(where)
    except OSError as e:
        if made is not None:
            made.close()
        raise ConfigError(
            f"cannot listen at {host} port {port}: {(e.strerror or str(e)).lower()}; choose another --port"
        ) from None
    return made


def secret(say: Say) -> bytes:
    """The key that signs cookies: made once for this user of this machine, readable by them alone.

    Without a place to keep it, one for this start: people log in again after the next.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    path = (Path(state) if Path(state).is_absolute() else Path.home() / ".local/state") / "honne" / "annotate.key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            kept = path.read_bytes()
            if len(kept) >= 32:
                return kept
            raise OSError("it is not a key") from None
        made = secrets.token_bytes(32)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made)
    except OSError as e:
        say(f"note: {path}: {e.strerror or e}; people log in again after the next start")
        return secrets.token_bytes(32)
    return made


def _run(app: Any, settings: Settings, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        # Addresses hold invitations: they are in no log.
        access_log=False,
        log_level="error",
        server_header=False,
        lifespan="off",
        ws="none",
        # Behind a proxy of this machine, which https means, the address of the visitor is the one that it forwards.
        proxy_headers=settings.https,
        timeout_graceful_shutdown=10,
    )
    # What is loaded by now stays: to look through all of it for garbage would stop everybody for a sixth of a second.
    gc.collect()
    gc.freeze()
    # uvicorn ends by Ctrl-C or SIGTERM, and then raises the signal again: by then there is nothing left to stop.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
