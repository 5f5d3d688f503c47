"""Attacks that a model carries out, such as a translation: a stage before the run's own questions.

Every reply is recorded in the run folder as it comes (`attacked/<attack>/`), so a killed run asks for none of them
again. Only when the stage is through are the items written, and they stay; those whose attack failed keep their plain
messages, are not asked, and are tried again when the run is resumed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from honne.engine import journal
from honne.engine.answers import response
from honne.engine.attacking import Stage
from honne.engine.journal import Journal
from honne.engine.local import Outcome, execute
from honne.engine.plan import Plan
from honne.engine.progress import MakeProgress
from honne.engine.store import RunFolder, response_key
from honne.engine.sums import tokens, total
from honne.plugins import Model, Request
from honne.records import SETTLED, Item, Message, Response

__all__ = ["carried_out"]


async def carried_out(plan: Plan, store: RunFolder, info: dict[str, Any], progress: MakeProgress) -> Plan:
    """The plan with the messages that the model made. Raises what the executor raises; every reply is kept."""
    model = plan.translator
    assert model is not None  # a plan with stages has one
    made: dict[str, tuple[Message, ...]] = {}
    unasked: set[str] = set()
    written = {item.id: item.messages for item in store.items()}
    try:
        for stage in plan.stages:
            fixed = {id: written[id] for id, plain in stage.plain.items() if written.get(id, plain) != plain}
            replies = await _replies(stage, fixed, model, store, progress)
            info["cost"]["attacks"][stage.name] = total(r.cost for r in replies.values() if r.status in SETTLED)
            info["tokens"]["attacks"][stage.name] = tokens(replies.values())
            found = {id: fixed.get(id) or _taken(stage, id, replies.get(id)) for id in stage.plain}
            made |= {id: messages for id, messages in found.items() if messages is not None}
            lost = [id for id, messages in found.items() if messages is None]
            unasked.update(lost)
            if lost:
                info["notes"].append(_lost(stage, model, len(lost), replies.get(lost[0])))
    finally:
        await model.close()
    judges = tuple(replace(judging, items=_with(judging.items, made)) for judging in plan.judges)
    return replace(plan, items=_with(plan.items, made), judges=judges, unasked=frozenset(unasked))


async def _replies(
    stage: Stage, fixed: Collection[str], model: Model, store: RunFolder, progress: MakeProgress
) -> dict[str, Response]:
    """What the model replied for the items of the stage; what is `fixed` or was answered before is not asked."""
    folder = store.attack_folder(stage.name)
    found = {r.item_id: r for r in journal.read_all(folder, Response, response_key, store.damage).values()}
    todo = [
        Request(item_id=id, messages=stage.attack.ask(messages))
        for id, messages in stage.plain.items()
        if id not in fixed and (id not in found or found[id].status not in SETTLED)
    ]
    if not todo:
        return found
    kept: Journal[Response] = Journal(folder)

    def record(outcome: Outcome) -> None:
        answered = response(model, outcome)
        kept.append(answered)
        found[answered.item_id] = answered

    failed = {response_key(r) for r in found.values() if r.status == "error"}
    try:
        with progress(f"{stage.name} with {model.name}", len(todo)) as bar:
            await execute(model, todo, record, total=len(todo), progress=bar, failed_before=failed)
    finally:
        kept.close()
    journal.compact(folder, Response, [found[id] for id in stage.plain if id in found])
    return found


def _taken(stage: Stage, id: str, reply: Response | None) -> tuple[Message, ...] | None:
    if reply is None or reply.status != "ok" or reply.text is None:
        return None
    return stage.attack.take(stage.plain[id], reply.text)


def _lost(stage: Stage, model: Model, n: int, first: Response | None) -> str:
    why = (
        "not answered" if first is None else first.error or ("a blank reply" if first.status == "ok" else first.status)
    )
    return (
        f"{stage.name}: {n} of {len(stage.plain)} items are not asked: {model.name} gave no usable reply (first: {why})"
    )


def _with(items: tuple[Item, ...], made: Mapping[str, tuple[Message, ...]]) -> tuple[Item, ...]:
    return tuple(msgspec.structs.replace(i, messages=made[i.id]) if i.id in made else i for i in items)
