"""The main job: ask, judge, estimate. The same command again finishes what is missing and asks nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from honne.engine import answers
from honne.engine.estimate import analyse
from honne.engine.journal import Journal
from honne.engine.judges import panelled, settle, tallies
from honne.engine.judging import Judging, check
from honne.engine.local import Outcome, execute
from honne.engine.plan import Plan, merged_info, sent_messages
from honne.engine.progress import MakeProgress
from honne.engine.stages import carried_out
from honne.engine.store import RunFolder, differences, locked, response_key, vacant
from honne.engine.sums import judges_cost, judges_tokens, tokens, total
from honne.errors import HonneError, ModelError, Stopped, StoreError
from honne.plugins import Request, is_choice
from honne.records import SETTLED, Message, Response, now

__all__ = ["drive", "run"]

_T = TypeVar("_T")


def run(plan: Plan, folder: Path, progress: MakeProgress) -> RunFolder:
    """Carry out `plan` in `folder`, from where it stands.

    Raises StoreError for a folder of another spec, ModelError when nothing could be asked, Stopped when the run ended
    early; everything received is kept, and estimated, in every case.
    """
    with locked(folder) as store:
        info = _begin(plan, store)
        why: HonneError | None = None
        try:
            try:
                plan = drive(_prepared(plan, store, info, progress))
                drive(_ask_and_judge(plan, store, info, progress))
            except KeyboardInterrupt:
                raise Stopped("interrupted.") from None
        except HonneError as e:
            why = e
        try:
            _finish(plan, store, info, why)
        except HonneError as e:
            why = why or e
        if why is not None:
            raise _reason(why, store, folder)
        return store


def _reason(why: HonneError, store: RunFolder, folder: Path) -> HonneError:
    """What to tell the user: whatever was answered is kept, and the same command goes on from it."""
    if isinstance(why, ModelError) and any(r.status in SETTLED for r in store.responses()):
        why = Stopped(f"{why}.") if why.kind == "unreachable" else ModelError(f"{why}. Answers are kept", kind=why.kind)
    if isinstance(why, Stopped):
        return Stopped(f"{why} The same command goes on from {folder}.")
    return why


def drive(work: Coroutine[Any, Any, _T]) -> _T:
    """Run to the end, also where a loop is running already, as in a notebook; an interrupt ends it in both."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    at_work: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def watched() -> _T:
        at_work.append((asyncio.get_running_loop(), asyncio.current_task()))
        return await work

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, watched())
        try:
            return running.result()
        except KeyboardInterrupt:
            for loop, task in at_work:
                if task is not None:
                    loop.call_soon_threadsafe(task.cancel)
            raise


def _begin(plan: Plan, store: RunFolder) -> dict[str, Any]:
    info = plan.info()
    if (store.path / "run.json").exists():
        old = store.info
        changed = differences(old["spec"], info["spec"])
        if changed and not store.responses() and not store.judgments():
            # Nothing was received under the other spec (a misspelt model, a dead server): start over.
            (store.path / "items.parquet").unlink(missing_ok=True)
            store.refresh()
            old, changed = info, []
        if changed:
            # The items follow from the options: they are worth a word only where all options are the same.
            what = "; ".join(c for c in changed if not c.startswith("items:")) or _reworded(plan, store)
            raise StoreError(
                f"{store.path} holds another run: {what}. Use the options it was started with, or another -o"
            )
        info = merged_info(old, info)
    elif not vacant(store.path):
        raise StoreError(f"{store.path} is not empty and not a run folder: name another -o")
    store.write_info(info)
    return info


async def _prepared(plan: Plan, store: RunFolder, info: dict[str, Any], progress: MakeProgress) -> Plan:
    """Fix the items: at once, or after the attacks that a model carries out."""
    if plan.stages:
        plan = await carried_out(plan, store, info, progress)
        if store.items() and store.items() != list(plan.items):
            store.replace_items(plan.items)
    store.write_items(plan.items)
    return plan


def _reworded(plan: Plan, store: RunFolder) -> str:
    """Which item is asked otherwise than before: the data, or honne's prompts, have changed."""
    before = {item.id: item for item in store.items()}
    found = next((item.id for item in plan.items if before.get(item.id) != item), "their number")
    return f"the items have changed, first {found!r} (other data, or another version of honne)"


async def _ask_and_judge(plan: Plan, store: RunFolder, info: dict[str, Any], progress: MakeProgress) -> None:
    """Ask, and judge each answer as it comes. A judge that cannot work at all ends the asking at once.

    When the asking ends early, what was received is judged before the reason is raised.
    """
    todo = list(_requests(plan, store))
    # In a shuffled order, items that a server cannot answer (a whole category, say) lie scattered and do not look like
    # a dead server, and a run that stops early holds a fair sample. Records are sorted by item whenever they are read.
    random.Random(plan.options.seed).shuffle(todo)
    judges = [Judging(judging, plan.model.name, store) for judging in plan.judges if not panelled(judging)]
    coming = {(request.item_id, request.sample) for request in todo}

    def answered(response: Response) -> None:
        for judging in judges:
            judging.take(response)

    for response in store.responses():
        if (response.item_id, response.sample) not in coming:
            answered(response)

    async def ask() -> None:
        try:
            if todo:
                await _ask(plan, store, todo, info, progress, answered)
        finally:
            for judging in judges:
                judging.close()

    tasks: list[asyncio.Task[None]] = []
    try:
        info["judge_notes"] |= await check(judges, todo, progress)
        asking = asyncio.create_task(ask())
        working = [asyncio.create_task(judging.run(todo, progress)) for judging in judges]
        tasks += (asking, *working)
        for done in asyncio.as_completed(working):
            await done
        await asking
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for judging in judges:
            judging.journal.close()
            known = set(info["judges_served"].get(judging.key, ()))
            info["judges_served"][judging.key] = sorted(known | judging.served)


# ----------------------------------------------------------------- responses


def _requests(plan: Plan, store: RunFolder) -> Iterator[Request]:
    settled = {response_key(r) for r in store.responses() if r.status in SETTLED}
    occurrences = Counter(item.messages for item in plan.items if item.id not in plan.unasked)
    asked: Counter[tuple[Message, ...]] = Counter()
    for item in plan.items:
        if item.id in plan.unasked:
            continue
        occurrence = asked[item.messages]
        asked[item.messages] += 1
        for sample in range(plan.options.samples):
            if (item.id, sample) not in settled:
                yield Request(
                    item_id=item.id,
                    sample=sample,
                    messages=item.messages,
                    occurrence=occurrence,
                    occurrences=occurrences[item.messages],
                    options=item.options if is_choice(item.form) else None,
                )


async def _ask(
    plan: Plan,
    store: RunFolder,
    todo: list[Request],
    info: dict[str, Any],
    progress: MakeProgress,
    answered: Callable[[Response], None],
) -> None:
    journal: Journal[Response] = Journal(store.responses_folder)
    model = plan.model
    await model.open()
    served: set[str] = set(info["served_models"])
    said = sent_messages(model)
    try:
        with progress(f"asking {model.name}", len(todo)) as bar:

            def record(outcome: Outcome) -> None:
                answer = answers.response(model, outcome)
                sent = said(outcome.request.messages)
                if sent is not None:
                    answer = msgspec.structs.replace(answer, messages=sent)
                journal.append(answer)
                if answer.served_model is not None:
                    served.add(answer.served_model)
                answered(answer)

            failed = {response_key(r) for r in store.responses() if r.status == "error"}
            await execute(model, todo, record, total=len(todo), progress=bar, failed_before=failed)
    finally:
        info["served_models"] = sorted(served)
        info["notes"] += getattr(model, "notes", ())
        _note_loaded(info, getattr(model, "loaded", {}))
        journal.close()
        await model.close()


def _note_loaded(info: dict[str, Any], loaded: Mapping[str, Any]) -> None:
    """Keep what a model in this process was when the run began, and say where it is not the same any more."""
    for key, value in loaded.items():
        first = info["loaded"].setdefault(key, value)
        if first != value and key != "first_prompt":
            info["notes"].append(f"the model's {key} changed within the run: {first}, then {value}")


# -------------------------------------------------------------------- finish


def _finish(plan: Plan, store: RunFolder, info: dict[str, Any], why: HonneError | None) -> None:
    store.refresh()
    with _also_when_full(why):
        settle(plan.judges, store)
        store.finish_responses()
        store.finish_judgments()
    responses = store.responses()
    counts = Counter(r.status for r in responses)
    counts["not_asked"] += len(plan.items) * plan.options.samples - len(responses)
    info["counts"] = dict(sorted(counts.items()))
    info["cost"] |= {"model": total(r.cost for r in responses if r.status in SETTLED), "judges": judges_cost(store)}
    info["tokens"] |= {"model": tokens(responses), "judges": judges_tokens(store)}
    info["damage"] = list(dict.fromkeys([*info["damage"], *store.damage]))
    info["judge_tallies"] |= tallies(plan.judges, store)
    info["notes"] = list(dict.fromkeys([*info["notes"], *_notes(info)]))
    info["state"] = "done" if why is None or _complete(plan, store) else "stopped"
    info["why"] = None if why is None else str(why)
    info["finished"] = now().isoformat(timespec="seconds")
    store.write_info(info)
    store.write_estimates(analyse(store, plan.options.paper).estimates)


@contextlib.contextmanager
def _also_when_full(why: HonneError | None) -> Iterator[None]:
    """A run that stops because the disk is full cannot be compacted; its segments stay, and the first reason counts."""
    try:
        yield
    except Stopped:
        if why is None:
            raise


def _complete(plan: Plan, store: RunFolder) -> bool:
    """Whether every item has a record and every judge has one for each of its responses, errors included."""
    have = {response_key(r) for r in store.responses()}
    if len(have) < len(plan.items) * plan.options.samples:
        return False
    for judging in plan.judges:
        judged = {(j.item_id, j.sample) for j in store.judgments().get(judging.judge.key, ())}
        mine = {item.id for item in judging.items}
        if any(key not in judged for key in have if key[0] in mine):
            return False
    return True


def _notes(info: dict[str, Any]) -> Iterator[str]:
    named = [("the served model", info["served_models"])]
    named += [(f"the model behind judge {key}", served) for key, served in info["judges_served"].items()]
    for what, served in named:
        if len(served) > 1:
            yield f"{what} changed within the run: {', '.join(served)}"
    for row in info["data"]:
        if not row["matches"]:
            yield f"{row['dataset']}/{row['file']} differs from the published file (sha256 {row['sha256'][:12]}…)"
    for said in (*info["judge_notes"].values(), *info["judge_tallies"].values()):
        yield from (note for note in said if isinstance(note, str)) if isinstance(said, list) else ()
    yield from info["damage"]
