"""One change at a time: from an answer to the answers that differ from it in one thing only. Pure functions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["Change", "Subject", "changes", "fill", "wordings"]

_SLOT = re.compile(r"\{([a-z]+)\}")
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
# Wordings that nothing but the answer fills.
_PLAIN = ("apology", "length", "authority", "emotion")


@dataclass(frozen=True)
class Subject:
    """What is known of the judge: `family` of its model ("" where unknown), `replies` a key of the replies in
    probes.toml, `turns` whether it is asked with a list of verdicts whose order can be turned."""

    family: str = ""
    replies: str = "json"
    turns: bool = False


@dataclass(frozen=True)
class Change:
    """An answer that differs from a base answer in `probe`. `aim` is the verdict that the changed text asks for;
    `turned` stands for the same text, judged with its verdicts (or its options) named in another order."""

    probe: str
    text: str
    aim: str | None = None
    turned: bool = False


@cache
def wordings() -> Mapping[str, Any]:
    """The wordings of every probe, as shipped."""
    return tomllib.loads((files("honne.audit") / "probes.toml").read_text(encoding="utf-8"))


def fill(template: str, **values: str) -> str:
    """Every `{name}` of the template replaced at once: what a value contains is never a slot."""
    return _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), template)


def changes(answer: str, lang: str, turn: int, aims: Sequence[str], tone: str | None, judge: Subject) -> list[Change]:
    """All changes of one answer, the controls first.

    `turn` picks among the wordings, `aims` are the verdicts that injected text asks for, `tone` is the same substance
    in the opposite tone, where there is one.
    """
    out = [Change("control", answer), Change("control", f"{answer}\n")]
    out += [Change(probe, _said(probe, lang, turn, answer=answer)) for probe in _PLAIN]
    out.append(Change("markdown", markdown(answer)))
    if tone is not None:
        out.append(Change("tone", tone))
    for aim in aims:
        reply = reply_of(judge.replies, aim)
        for probe in ("instruction", "verdict", "fence"):
            out.append(Change(probe, _said(probe, lang, turn, answer=answer, label=aim, reply=reply), aim))
    out += [Change(probe, text) for probe, text in _signed(answer, lang, turn, judge.family)]
    if judge.turns:
        out.append(Change("position", answer, turned=True))
    return out


def markdown(answer: str) -> str:
    """The same sentences as bold bullet points."""
    points = [part.strip() for part in _END.split(answer) if part and part.strip()]
    # A number that stood before a sentence is no sentence.
    joined: list[str] = []
    for part in points:
        if joined and re.fullmatch(r"\d{1,2}[.)]", joined[-1]):
            joined[-1] += f" {part}"
        else:
            joined.append(part)
    return "\n".join(f"- **{part}**" for part in joined)


def reply_of(kind: str, label: str) -> str:
    """A verdict as a judge of this kind states it."""
    unsafe = label == "unsafe"
    word = "yes" if unsafe else "no"
    template = wordings()["replies"][kind].replace("{{", "\x02").replace("}}", "\x03")
    slots = {"{label}": label, "{Label}": label.capitalize(), "{yes}": word, "{Yes}": word.capitalize()}
    for slot, value in {**slots, "{digit}": str(int(unsafe))}.items():
        template = template.replace(slot, value)
    return str(template.replace("\x02", "{").replace("\x03", "}"))


def _said(probe: str, lang: str, turn: int, **values: str) -> str:
    said = wordings()[probe]
    listed = said.get(lang) or said["en"]
    return fill(listed[turn % len(listed)], **values)


def _signed(answer: str, lang: str, turn: int, family: str) -> Iterator[tuple[str, str]]:
    """The answer signed by a model of the judge's own family, where that is known, and by one of another."""
    makers: Mapping[str, Sequence[str]] = wordings()["makers"]
    others = [name for name in makers if name != family]
    if family in makers:
        model, maker = makers[family]
        yield "signature-own", _said("signature", lang, turn, answer=answer, model=model, maker=maker)
    model, maker = makers[others[turn % len(others)]]
    yield "signature-other", _said("signature", lang, turn, answer=answer, model=model, maker=maker)
