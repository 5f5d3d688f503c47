"""The card of a scorer as Markdown, from its scorer.json alone. What the file says is escaped: it may be anybody's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from honne.report._text import NO_VALUE, count
from honne.report.markdown import escape, table

if TYPE_CHECKING:
    from honne.judges._scorer import About

__all__ = ["render"]

_NAMES = {
    "accuracy": "right",
    "macro_f1": "macro-F1",
    "majority": "always the commonest label",
    "ece": "calibration error (ECE)",
    "far": "far from the training answers",
    "accuracy near": "right on those that are not far",
    "accuracy far": "right on those that are far",
}


def render(about: About) -> str:
    """The card."""
    card = about.card
    out = [f"# Scorer {escape(about.name)} {escape(about.version)}", ""]
    out += [
        f"A {about.kind} scorer of honne, `{about.digest}`: of a prompt and an answer, one label a head.",
        "",
    ]
    out += ["## Heads", "", *_heads(about), ""]
    out += ["## What it was trained on", "", *_sources(card), "", *_counts(card), ""]
    out += ["## How", "", *_how(about), ""]
    out += ["## How good it is", "", *_results(card), ""]
    out += ["## Where it must not be used", "", *(f"- {escape(str(line), 600)}" for line in _list(card.get("limits")))]
    return "\n".join(out).rstrip() + "\n"


def _heads(about: About) -> list[str]:
    body = [
        [
            name,
            ", ".join(head.labels),
            ", ".join(lang or "not stated" for lang in head.languages),
            "every benchmark with these labels" if head.general else "the benchmark of its name",
            f"{head.temperature:.2f}",
            f"{head.far:.3g}",
        ]
        for name, head in about.heads.items()
    ]
    return table(["head", "labels", "languages", "serves", "temperature", "far above"], body)


def _sources(card: Mapping[str, Any]) -> list[str]:
    body = [
        [
            _text(one, "name"),
            _count(one.get("rows")),
            _text(one, "labelled_by"),
            _text(one, "licence"),
            " ".join(filter(None, (str(one.get("attribution") or ""), str(one.get("url") or "")))) or "not stated",
        ]
        for one in _list(card.get("sources"))
        if isinstance(one, Mapping)
    ]
    if not body:
        return ["The file does not say."]
    return table(["source", "labelled answers", "labelled by", "licence", "attribution"], body)


def _text(one: Mapping[str, Any], key: str) -> str:
    return str(one.get(key) or "not stated")


def _count(n: object) -> str:
    return count(n) if isinstance(n, int) else NO_VALUE


def _counts(card: Mapping[str, Any]) -> list[str]:
    learnt = _map(card.get("prompts_learnt"))
    body = [
        [head, label, lang or "not stated", _count(n), _count(learnt.get(head)) if first else ""]
        for head, labels in _map(card.get("counts")).items()
        for first, label, lang, n in _cells(labels)
    ]
    return table(["head", "label", "language", "answers", "prompts"], body) if body else []


def _cells(labels: object) -> Iterator[tuple[bool, str, str, object]]:
    """Per label and language, whether it is the head's first row."""
    first = True
    for label, langs in _map(labels).items():
        for lang, n in _map(langs).items():
            yield first, label, lang, n
            first = False


def _how(about: About) -> list[str]:
    said = {"kind": about.kind, **_map(about.card.get("how"))}
    lines = [[key.replace("_", " "), _setting(value)] for key, value in said.items()]
    hidden = len(_list(_map(about.card.get("prompts")).get("sha256")))
    return [
        *table(["", ""], lines),
        "",
        f"Salted hashes of {count(hidden)} training prompts are in the file: honne scorer eval leaves them out.",
    ]


def _setting(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _results(card: Mapping[str, Any]) -> list[str]:
    out = ["On held-out prompts of the same sources: other answers will do worse.", ""]
    body = []
    for head, numbers in _map(card.get("results")).items():
        for key, one in _map(numbers).items():
            found = _map(one)
            name = _NAMES.get(key) or re.sub("^recall ", "found of label ", key)
            n = [_count(found.get("n")), _count(found.get("n_missing"))]
            body.append([head, name, _percent(found.get("value")), _range(found), *n, str(found.get("method") or "")])
    if not body:
        return ["The file does not say."]
    out += table(["head", "", "value", "95% interval", "n", "missing", "method"], body)
    places = [
        [head, _text(one, "source"), _text(one, "lang"), *_shares(one, "accuracy", "majority", "far")]
        for head, listed in _map(card.get("by_source")).items()
        for one in map(_map, _list(listed))
    ]
    if places:
        heads = ["head", "source", "language", "n", "right", "95% interval", "always the commonest label", "far"]
        out += ["", "The same by source and language: the numbers above are those of this mixture.", ""]
        out += table(heads, places)
    return out


def _shares(one: Mapping[str, Any], first: str, *keys: str) -> list[str]:
    """The n, value and interval of the first, and the values of the others."""
    found = _map(one.get(first))
    values = (_percent(_map(one.get(key)).get("value")) for key in keys)
    return [_count(found.get("n")), _percent(found.get("value")), _range(found), *values]


def _percent(x: object) -> str:
    return f"{100 * x:.1f}%" if isinstance(x, int | float) else NO_VALUE


def _range(found: Mapping[str, Any]) -> str:
    low, high = found.get("low"), found.get("high")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return NO_VALUE
    return f"{100 * low:.1f}–{100 * high:.1f}"


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
