"""What the judges by rule share: no model, no prompt, no options; an answer is read, or it is skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from honne.judges._answers import about, judged_text
from honne.plugins import Benchmark, Model, Reply, Request
from honne.records import Item, Judgment, Response
from honne.spec import Spec, read_options

__all__ = ["Fixed"]


class Fixed:
    """A judge by rule, built as `Fixed(spec, benchmark)`; it has no options (ConfigError).

    A judge by rule gives `name`, `key` and `read`; a change of what it reads is a new version in its key.
    """

    name: str
    key: str
    model: Model | None = None
    prompts: Mapping[str, str] = {}

    def __init__(self, spec: Spec, benchmark: Benchmark | None = None) -> None:
        read_options(spec, {})

    def render(self, item: Item, response: Response) -> Request | None:
        """None: there is no model to ask."""
        return None

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        """None: there is no reply to repair."""
        return None

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment on a response; `skipped` without an answer to read."""
        text = judged_text(response)
        found = {"status": "skipped"} if text is None else self.read(item, response, text)
        return Judgment(**about(item, response, self.key), **found)

    def read(self, item: Item, response: Response, text: str) -> dict[str, Any]:
        """The fields of the judgment on an answer with this text, `status` among them."""
        raise NotImplementedError
