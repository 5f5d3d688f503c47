"""An item and its answers as a page shows them: by turns, in part where they are long, with nothing in them unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from honne.annotate.server.shown import Piece, piece, rest
from honne.annotate.text import LONGEST
from honne.records import Message, category_parts

__all__ = ["Shown", "View", "category_name", "whole_text"]

_ROLES = ("system", "user", "assistant")


class Shown(Protocol):
    """What a view is made of: a task, or a dispute."""

    @property
    def question(self) -> tuple[Message, ...]: ...
    @property
    def answers(self) -> tuple[str, ...]: ...
    @property
    def cut(self) -> bool: ...
    @property
    def dimension(self) -> str: ...


@dataclass(frozen=True)
class Turn:
    """A turn of the conversation (`role`), or an answer (`title`); `href` has the rest of its text."""

    role: str
    title: str
    text: Piece
    href: str


@dataclass(frozen=True)
class View:
    """`marks`: a text has characters that are shown by their code points."""

    turns: tuple[Turn, ...]
    answers: tuple[Turn, ...]
    category: str
    marks: bool

    @classmethod
    def of(cls, shown: Shown, texts: str) -> View:
        """The view of a task; `texts` is the address below which its whole texts are."""
        turns = tuple(
            Turn(turn.role if turn.role in _ROLES else "user", "", _piece(turn.content, shown.cut), f"{texts}/q{i}")
            for i, turn in enumerate(shown.question)
        )
        titles = ("answer",) if len(shown.answers) == 1 else ("answer_a", "answer_b")
        answers = tuple(
            Turn("assistant", title, _piece(text, shown.cut), f"{texts}/a{i}")
            for i, (title, text) in enumerate(zip(titles, shown.answers, strict=True))
        )
        marks = any('class="unseen"' in turn.text.html for turn in (*turns, *answers))
        return cls(turns, answers, category_name(shown.dimension), marks)


def category_name(path: str) -> str:
    """A category path for people."""
    return " › ".join(category_parts(path)) or "–"


def whole_text(request: Request, found: tuple[Sequence[Message], Sequence[str]], which: str) -> Response:
    """What a page left out of the text `which` (`q0`, … of the question, `a0`, `a1` of the answers), for the script
    that put the page there; without one the whole text as plain text. 404 where there is no such text."""
    texts = {f"q{i}": turn.content for i, turn in enumerate(found[0])} | {f"a{i}": t for i, t in enumerate(found[1])}
    if which not in texts:
        raise HTTPException(404)
    if "hx-request" in request.headers:
        return HTMLResponse(rest(texts[which]).encode(errors="replace"))
    return PlainTextResponse(texts[which].encode(errors="replace"))


def _piece(text: str, cut: bool) -> Piece:
    """The beginning of a text; of one that the database holds in part, nobody knows here how long it is."""
    held = piece(text)
    partly = cut and len(text.encode(errors="surrogatepass")) > LONGEST - 4
    return replace(held, more=max(held.more, 1), partly=True) if partly else held
