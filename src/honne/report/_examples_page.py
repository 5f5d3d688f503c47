"""Answers from the worst categories, on the HTML page."""

from __future__ import annotations

from typing import Any

from honne.report import _svg
from honne.report._blocks import Block
from honne.report._room import Room
from honne.report._text import category, clean, clip, interval, oneline, value
from honne.report.model import Example, Part, Worst

__all__ = ["worsts"]

_PROMPT, _OPTION, _ANSWER, _WHY = 800, 300, 1500, 600


def worsts(b: Block, room: Room) -> list[dict[str, Any]]:
    """The worst categories of every run with answers; on a brief page only those whose answers fit."""
    groups: list[dict[str, Any]] = []
    for i, name in b.runs:
        found = [_worst(w, room) for run, w in b.worst if run == name]
        if found := [w for w in found if w["examples"] or not room.brief]:
            groups.append({"name": name, "glyph": _svg.glyph(i), "categories": found})
    return groups


def _worst(w: Worst, room: Room) -> dict[str, Any]:
    examples = [found for e in w.examples if (found := _example(e, room))]
    e = w.estimate
    return {
        "name": category(e.slice),
        "metric": oneline(e.metric),
        "value": value(e),
        "interval": interval(e),
        "n": e.n,
        "missing": e.n_missing,
        "bad": w.bad,
        "examples": examples,
    }


def _example(e: Example, room: Room) -> dict[str, Any] | None:
    prompt = [(oneline(m.role, 20), _excerpt(m.content, _PROMPT)) for m in e.messages[-3:]]
    parts = [_part(p) for p in e.parts[:6]]
    texts = [text for _, text in prompt]
    texts += [text for p in parts for text in (p["answer"], p["rationale"], *(o for _, o in p["options"]))]
    if not room.take(*texts):
        return None
    return {"id": oneline(e.unit, 80), "lang": oneline(e.lang, 20), "prompt": prompt, "parts": parts}


def _excerpt(text: str, limit: int) -> str:
    """The beginning of a text, safe to look at; only that much of a long one is ever touched."""
    return clip(clean(text[: limit + 1]), limit)


def _part(p: Part) -> dict[str, Any]:
    letters = (chr(ord("A") + k) for k in range(26))
    return {
        "item": oneline(p.item_id, 80),
        "form": oneline(p.form, 40),
        "sample": p.sample,
        "options": [(letter, _excerpt(o, _OPTION)) for letter, o in zip(letters, p.options[:8], strict=False)],
        "target": oneline(p.target, 20) if p.target else "",
        "status": oneline(p.status, 40),
        "answer": _excerpt(p.answer, _ANSWER),
        "verdict": oneline(p.verdict, 60),
        "rationale": _excerpt(p.rationale, _WHY),
    }
