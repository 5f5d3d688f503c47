"""What the engine's tests share: requests, and one call of `execute` against a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from honne.engine.local import Outcome, Summary, execute
from honne.models.openai import OpenAI
from honne.plugins import Request
from honne.records import Message
from honne.spec import parse


def ask_for(text: str, item_id: str = "item", **fields: object) -> Request:
    return Request(item_id=item_id, messages=(Message("user", text),), **fields)  # type: ignore[arg-type]


def questions(n: int, mark: Callable[[int], str] = lambda i: "") -> list[Request]:
    return [ask_for(f"Question {i}? {mark(i)}", f"item-{i}") for i in range(n)]


class Run:
    """Outcomes in completion order, and the summary when there is one."""

    def __init__(self, spec: str) -> None:
        self.model = OpenAI(parse(spec))
        self.outcomes: list[Outcome] = []
        self.summary: Summary | None = None

    async def __call__(self, requests: Iterable[Request], total: int = 0) -> Run:
        try:
            self.summary = await execute(self.model, requests, self.outcomes.append, total=total)
        finally:
            await self.model.close()
        return self

    @property
    def texts(self) -> dict[str, str | None]:
        return {o.request.item_id: o.reply.text for o in self.outcomes if o.reply is not None}

    @property
    def errors(self) -> dict[str, str]:
        return {o.request.item_id: o.error.kind for o in self.outcomes if o.error is not None}
