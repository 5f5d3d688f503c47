"""An item and its answers as a page shows them: by turns, in part where they are long, with nothing in them unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from honne.annotate.guides import Part
from honne.annotate.server.pages import language
from honne.annotate.server.shown import Piece, piece, rest
from honne.annotate.server.words import translator
from honne.annotate.text import LONGEST
from honne.records import Message, category_parts

__all__ = ["Shown", "View", "category_name", "gone", "whole_text"]

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
    @property
    def guide_part(self) -> Part: ...


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
        return cls(turns, answers, category_name(shown.guide_part, shown.dimension), marks)


def category_name(part: Part, path: str) -> str:
    """A category for those who label by this part: empty where it has no part of its own, for what it says is then no
    business of theirs (XSTest's says whether the question is harmful, which must not sway them)."""
    return "" if part.dimension == "*" else " › ".join(category_parts(path))


def whole_text(request: Request, found: tuple[Sequence[Message], Sequence[str]], which: str) -> Response:
    """What a page left out of the text `which` (`q0`, … of the question, `a0`, `a1` of the answers), for the script
    that put the page there; without one the whole text as plain text. 404 where there is no such text."""
    texts = {f"q{i}": turn.content for i, turn in enumerate(found[0])} | {f"a{i}": t for i, t in enumerate(found[1])}
    if which not in texts:
        raise HTTPException(404)
    if "hx-request" in request.headers:
        return HTMLResponse(rest(texts[which]).encode(errors="replace"))
    return PlainTextResponse(texts[which].encode(errors="replace"))


def gone(request: Request) -> Response:
    """The answer where the run folder no longer has a text. What is wrong with the folder names it, and so the model:
    the pages of its owner say that, not this one."""
    said = translator(language(request))("label.more_gone")
    if "hx-request" in request.headers:
        return HTMLResponse(Markup('<p class="faint">{}</p>').format(said))
    return PlainTextResponse(said, 404)


def _piece(text: str, cut: bool) -> Piece:
    """The beginning of a text; of one that the database holds in part, nobody knows here how long it is."""
    held = piece(text)
    partly = cut and len(text.encode(errors="surrogatepass")) > LONGEST - 4
    return replace(held, more=max(held.more, 1), partly=True) if partly else held
