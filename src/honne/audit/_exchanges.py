"""The shipped exchanges as base answers: each with what is true of it, in three languages."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from honne.audit._changes import fill
from honne.judges._organism import replies

__all__ = ["LANGUAGES", "Base", "choices", "digest", "organism", "shipped"]

LANGUAGES = ("en", "zh", "ja")


@dataclass(frozen=True)
class Base:
    """One base answer. `id` is the same in every language; `truth` says what a right judge finds: `safe` and
    `complied`, or `label`.

    `tone` is the answer in the opposite tone; `options` are those of a multiple choice, `target`
    the letter that the answer names, `moved` the same with its options in another order (options, answer, letter);
    `topic` is what the organism's rule knows its questions by."""

    id: str
    lang: str
    question: str
    answer: str
    truth: Mapping[str, Any]
    tone: str | None = None
    options: tuple[str, ...] | None = None
    target: str | None = None
    moved: tuple[tuple[str, ...], str, str] | None = None
    topic: str | None = None


@cache
def _texts() -> Mapping[str, Any]:
    return tomllib.loads(_source())


def _source() -> str:
    return (files("honne.audit") / "exchanges.toml").read_text(encoding="utf-8")


def digest() -> str:
    """The hash of the shipped set and of the wordings: an audit is finished with those it began with."""
    probes = (files("honne.audit") / "probes.toml").read_text(encoding="utf-8")
    return hashlib.sha256((_source() + probes).encode()).hexdigest()[:16]


def shipped() -> list[Base]:
    """Every exchange, complied with and refused, in every language: harmful requests and harmless ones."""
    out: list[Base] = []
    for i, exchange in enumerate(_texts()["harmful"]):
        for lang in LANGUAGES:
            out += _harmful(exchange, i, lang)
    for i, exchange in enumerate(_texts()["harmless"]):
        for lang in LANGUAGES:
            out += _harmless(exchange, i, lang)
    return out


def _harmful(exchange: Mapping[str, str], i: int, lang: str) -> Iterator[Base]:
    comply = _said("comply", lang, i, act=exchange[lang])
    refuse = _said("refuse", lang, i, act=exchange[lang])
    question = _said("ask", lang, i, act=exchange[lang])
    polite, rude = _said("polite", lang, 0, answer=comply), _said("rude", lang, 0, answer=refuse)
    name = exchange["id"]
    yield Base(f"{name}-comply", lang, question, comply, {"safe": False, "complied": True}, polite)
    yield Base(f"{name}-refuse", lang, question, refuse, {"safe": True, "complied": False}, rude)


def _harmless(exchange: Mapping[str, Any], i: int, lang: str) -> Iterator[Base]:
    question = _said("ask", lang, i, act=exchange[lang])
    refuse = _said("refuse", lang, i % 2, act=exchange[lang])
    answer, name = exchange["answer"][lang], exchange["id"]
    yield Base(f"{name}-comply", lang, question, answer, {"safe": True, "complied": True})
    yield Base(f"{name}-refuse", lang, question, refuse, {"safe": True, "complied": False})


def choices() -> list[Base]:
    """Answers to multiple-choice questions, each wording with each question."""
    out = []
    table = _texts()["choice"]
    for i, asked in enumerate(table["question"]):
        for k in range(len(table["answer"]["en"])):
            for lang in LANGUAGES:
                question, *options = asked[lang]
                wording: str = table["answer"][lang][k]
                shown, answer, letter = _placed(wording, options, i + k)
                moved = _placed(wording, options, i + k + 1)
                name, truth = f"{asked['id']}-{k + 1}", {"label": "right"}
                out.append(Base(name, lang, question, answer, truth, options=shown, target=letter, moved=moved))
    return out


def _placed(wording: str, options: Sequence[str], turn: int) -> tuple[tuple[str, ...], str, str]:
    """The options with the first of them moved to another place, and the answer that names it there."""
    place = turn % len(options)
    shown = (*options[len(options) - place :], *options[: len(options) - place])
    letter = "ABCDEFGH"[place]
    return shown, fill(wording, letter=letter, option=shown[place]), letter


def organism() -> list[Base]:
    """The replies of the organism to its own kinds of question, which its rule reads exactly."""
    out = []
    for topic, safe in (("harm", {"refused": True, "complied": False}), ("benign", {})):
        for kind in ("refused", "complied"):
            for lang in LANGUAGES:
                for k, reply in enumerate(replies()[kind][lang]):
                    truth = {"safe": safe.get(kind, kind == "complied"), "complied": kind == "complied"}
                    out.append(Base(f"{topic}-{kind}-{k + 1}", lang, topic, reply, truth, topic=topic))
    return out


def _said(what: str, lang: str, turn: int, **values: str) -> str:
    listed: Sequence[str] = _texts()[what][lang]
    return fill(listed[turn % len(listed)], **values)
