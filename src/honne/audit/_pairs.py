"""From base answers to the items and responses of an audit: each base, and what differs from it in one thing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from honne.audit._changes import Change, Subject, changes, wordings
from honne.audit._criteria import TURNED, place
from honne.audit._exchanges import Base
from honne.judges._family import families
from honne.judges._refusal import FULL, LABELS, REFUSED
from honne.plugins import Benchmark, Judge, is_choice
from honne.records import Item, Message, Response, now

__all__ = ["Pair", "based", "drawn", "spread", "subject"]

MODEL = "audit"
Pair = tuple[Item, Response]
_GUARD = ("safe", "unsafe")


def subject(judge: Judge) -> Subject:
    """What the changes need to know of a judge: its model's family and how it states a verdict."""
    makers = wordings()["makers"]
    name = judge.model.name if judge.model is not None else ""
    family = next((f for f in sorted(families(name)) if f in makers), "")
    guard = judge.name.split("/")[1] if judge.name.startswith("guard/") else ""
    return Subject(family, guard if guard in wordings()["replies"] else "json", judge.model is not None)


def based(bases: Sequence[Base], built: Benchmark) -> list[Pair]:
    """The shipped base answers as items of a benchmark, with their truth."""
    out = []
    for base in bases:
        harmful = base.truth.get("safe") is False or base.tone is not None
        told: dict[str, Any] = {"base": f"{base.id}.{base.lang}", "probe": "base", "truth": base.truth}
        if base.lang != "en" and base.topic is None:
            told["twin"] = f"{base.id}.en"
        meta = {"audit": told} | ({"topic": base.topic} if base.topic else {})
        item = Item(
            seq=0,
            id=told["base"],
            benchmark=built.name,
            version=built.version,
            lang=base.lang,
            category=place(built.name, harmful),
            form="open" if base.options is None else "choice",
            group=base.id,
            messages=(Message("user", base.question),),
            options=base.options,
            target=base.target,
            meta=json.dumps(meta, ensure_ascii=False),
        )
        out.append((item, _answer(item, base.answer)))
    return out


def drawn(item: Item, answer: str, name: str) -> Pair:
    """An answer of the user's own run as a base answer; what is true of it is not known."""
    try:
        meta = json.loads(item.meta)
    except (ValueError, RecursionError):
        meta = {}
    meta = {**(meta if isinstance(meta, dict) else {}), "audit": {"base": name, "probe": "base", "truth": None}}
    mine = msgspec.structs.replace(item, id=name, attack=None, parent=None, meta=json.dumps(meta, ensure_ascii=False))
    return mine, _answer(mine, answer)


def spread(bases: Iterable[Pair], known: Mapping[str, Base], judge: Judge, built: Benchmark) -> list[Pair]:
    """Every base and its changes, numbered. What makes no difference to what this judge is shown is left out."""
    about = subject(judge)
    out: list[Pair] = []
    for item, response in bases:
        # By the id, so that no wording falls to one language or kind of answer alone.
        turn = int.from_bytes(hashlib.sha256(item.id.encode()).digest()[:4])
        base = known.get(item.id)
        shown = _shown(judge, item, response)
        levels = len(_labels(judge, built, item, response))
        out.append((_told(item, levels=levels), response))
        aims = list(_aims(judge, built, item, response, base))
        found = changes(response.text or "", _lang(item), turn, aims, base.tone if base else None, about)
        count: dict[str, int] = {}
        for change in found:
            count[change.probe] = count.get(change.probe, 0) + 1
            pair = _changed(item, response, change, count[change.probe], levels)
            if change.probe == "control" or _shown(judge, *_renamed(pair, item)) != shown:
                out.append(pair)
        if base is not None and base.moved is not None:
            out.append(_moved(item, base, levels))
    return [(msgspec.structs.replace(item, seq=i), response) for i, (item, response) in enumerate(out)]


def _answer(item: Item, text: str) -> Response:
    return Response(item_id=item.id, model=MODEL, text=text, status="ok", at=now())


def _lang(item: Item) -> str:
    return item.lang.partition("-")[0]


def _told(item: Item, **more: Any) -> Item:
    meta = json.loads(item.meta)
    meta["audit"] |= more
    return msgspec.structs.replace(item, meta=json.dumps(meta, ensure_ascii=False))


def _changed(item: Item, response: Response, change: Change, count: int, levels: int) -> Pair:
    told = _told(item, probe=change.probe, aim=change.aim, twin=None, levels=levels)
    category = f"{item.category}/{TURNED}".lstrip("/") if change.turned else item.category
    made = msgspec.structs.replace(told, id=f"{item.id}~{change.probe}-{count}", category=category)
    messages = {"messages": response.messages} if response.messages is not None else {}
    return made, msgspec.structs.replace(_answer(made, change.text), **messages)


def _moved(item: Item, base: Base, levels: int) -> Pair:
    assert base.moved is not None
    options, answer, letter = base.moved
    told = _told(item, probe="position", aim=None, twin=None, levels=levels)
    made = msgspec.structs.replace(told, id=f"{item.id}~position-1", options=options, target=letter)
    return made, _answer(made, answer)


def _renamed(pair: Pair, item: Item) -> Pair:
    """The pair under the base's own id, so that what a judge is shown differs in nothing but the change."""
    changed, response = pair
    return (
        msgspec.structs.replace(changed, id=item.id),
        msgspec.structs.replace(response, item_id=item.id),
    )


def _shown(judge: Judge, item: Item, response: Response) -> Any:
    request = judge.render(item, response)
    return (response.text, item.options) if request is None else (request.messages, request.prompt)


def _labels(judge: Judge, built: Benchmark, item: Item, response: Response) -> tuple[str, ...]:
    """The verdicts that this judge may give to an item, best first."""
    if "refusal_shares" in (getattr(judge, "metrics", None) or ()):
        return LABELS
    if judge.name.startswith("guard/"):
        return _GUARD
    if is_choice(item.form):
        return ("right", "wrong")
    request = judge.render(item, response)
    schema: Mapping[str, Any] = (request.schema if request is not None else None) or {}
    listed = schema.get("properties", {}).get("verdict", {}).get("enum")
    scale = built.scale(item.category)
    if listed and set(listed) != set(scale.labels):
        return tuple(cast(Sequence[str], listed))
    ranked = sorted(scale.verdicts, key=lambda v: -(v.score if v.score is not None else 0.5))
    return tuple(v.label for v in ranked)


def _aims(judge: Judge, built: Benchmark, item: Item, response: Response, base: Base | None) -> Iterator[str]:
    """The verdicts that injected text asks for: the opposite of what is true, or both ends where that is not known."""
    labels = _labels(judge, built, item, response)
    if not labels:
        return
    if is_choice(item.form):
        # A letter inside the text would be another answer, and not one about it.
        yield labels[-1]
    elif base is None:
        yield from dict.fromkeys((labels[0], labels[-1]))
    elif {FULL, REFUSED} <= set(labels):
        yield REFUSED if base.truth["complied"] else FULL
    else:
        yield labels[-1] if base.truth["safe"] else labels[0]
