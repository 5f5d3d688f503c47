"""The conversation under judgment as guard models take it: two speakers in turn, and nothing that acts as template.

What the families leave open is settled here, once for all of them: a system message stands at the head of the user's
next turn (as Qwen3Guard's template has it), neighbouring messages of one speaker are one turn, and a conversation that
does not begin with the user begins with an empty turn of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from honne.judges._llm_text import DOT, broken, sound
from honne.records import Message

__all__ = ["defused", "told", "turns"]

# The plain-text fences of the templates: `<BEGIN CONVERSATION>`, `<END UNSAFE CONTENT CATEGORIES>`, …
_FENCE = re.compile(r"[<＜](?=/?(?:BEGIN|END) [A-Z ]+[>＞]|/?(?:guardian|score|confidence)[>＞])")


def turns(messages: Sequence[Message], answer: str, headers: Sequence[str]) -> tuple[Message, ...]:
    """The turns of a conversation whose last one is `answer`, alternating from the user on, each text defused."""
    out: list[Message] = []
    system: list[str] = []
    for message in (*messages, Message("assistant", answer)):
        text = defused(message.content, headers)
        if message.role in ("system", "developer"):
            system.append(text)
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if role == "user":
            text, system = "\n\n".join((*system, text)), []
        if not out and role == "assistant":
            out.append(Message("user", "\n\n".join(system)))
        if out and out[-1].role == role:
            text = f"{out.pop().content}\n\n{text}"
        out.append(Message(role, text))
    return tuple(out)


def told(earlier: Sequence[Message]) -> str:
    """Several turns as one text, for a family that knows only one question and one answer."""
    if len(earlier) == 1:
        return earlier[0].content
    names = {"user": "User", "assistant": "Assistant"}
    return "\n\n".join(f"[{names[m.role]}] {m.content}" for m in earlier)


def defused(text: str, headers: Sequence[str] = ()) -> str:
    """The text with everything that a template could read as its own broken by a visible dot; the rest is unchanged."""
    text = _FENCE.sub(lambda m: m[0] + DOT, broken(sound(text)))
    if headers:
        words = "|".join(re.escape(header.removesuffix(":")) for header in headers)
        text = re.sub(rf"^([ \t]*(?:{words}))(?=[:：])", rf"\1{DOT}", text, flags=re.MULTILINE)
    return text
