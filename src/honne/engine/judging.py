"""One judge of one run at work: responses in as they come, judgments out, nothing judged twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from honne.engine.journal import Journal
from honne.engine.judges import JudgePlan
from honne.engine.local import Feed, Outcome, execute
from honne.engine.progress import MakeProgress
from honne.engine.store import RunFolder
from honne.engine.sums import total
from honne.errors import JudgeError, ModelError, Stopped
from honne.plugins import Judge, Probe, Request
from honne.records import Item, Judgment, Response, now

__all__ = ["Judging", "check"]

# Characters of a judge's reply that are shown where it failed its self-check.
_SHOWN = 200
# Answers that a judge reads at once, where it is quicker so.
_HELD = 128


async def check(judges: Sequence[Judging], coming: Collection[Request], progress: MakeProgress) -> dict[str, list[str]]:
    """Have every judge that is about to work answer its probes; returns what a run should note, by the judge's key.

    `coming` are the requests still to be answered by the model under test. A judge with nothing to judge is not
    asked. Raises JudgeError for a wrong answer, ModelError where a judge's model cannot be asked.
    """
    notes: dict[str, list[str]] = {}
    for judging in judges:
        if judging.key not in notes and judging.expected(coming):
            notes[judging.key] = [*getattr(judging.judge, "notes", ()), *await _checked(judging.judge, progress)]
    return notes


async def _checked(judge: Judge, progress: MakeProgress) -> list[str]:
    """Ask a judge its probes, if it has any; retries and patience are those of every other request."""
    probes: Sequence[Probe] = getattr(judge, "probes", tuple)()
    if not probes or judge.model is None:
        return []
    by_id = {probe.item.id: probe for probe in probes}
    requests = [request for probe in probes if (request := judge.render(probe.item, probe.response)) is not None]

    def settled(outcome: Outcome) -> None:
        probe = by_id[outcome.request.item_id]
        if outcome.reply is None or outcome.reply.status == "not_asked":
            raise JudgeError(f"judge {judge.name} could not be checked before the run: {outcome.error or 'no reply'}")
        judgment = judge.parse(probe.item, probe.response, outcome.reply)
        if judgment.status != "scored" or judgment.label not in probe.labels:
            raise JudgeError(_failure(judge, probe, judgment, outcome.reply.text or ""))

    try:
        with progress(f"checking {judge.name}", len(requests)) as bar:
            await execute(judge.model, requests, settled, total=len(requests), progress=bar)
    except ModelError as e:
        raise ModelError(f"judge {judge.name}: {e}", kind=e.kind, fatal=e.fatal) from None
    except Stopped as e:
        raise JudgeError(f"judge {judge.name} could not be checked before the run: {e}") from None
    finally:
        await judge.model.close()
    return [f"judge {judge.name}: self-check passed ({len(requests)} known answers)"]


def _failure(judge: Judge, probe: Probe, judgment: Judgment, said: str) -> str:
    found = f"{judgment.label!r}" if judgment.status == "scored" else judgment.status
    why = f" ({judgment.error})" if judgment.error and judgment.status != "scored" else ""
    told = " ".join(said.split())
    shown = told[:_SHOWN] + ("…" if len(told) > _SHOWN else "")
    return (
        f"judge {judge.name} failed its self-check: {probe.what} came back as {found}{why}, not as "
        f"{' or '.join(map(repr, probe.labels))}; the server said {shown!r}. Is it this model, with its own chat "
        "template? (judge.check=off goes on without the check)"
    )


class Judging:
    """One judge at work on one benchmark: takes responses as they come, asks its model where it has one."""

    def __init__(self, plan: JudgePlan, model: str, store: RunFolder) -> None:
        self.feed = Feed()
        self.journal: Journal[Judgment] = Journal(store.judge_folder(plan.judge.key))
        self.judge = plan.judge
        self._benchmark = plan.benchmark
        self._model_name = model
        self._items: Mapping[str, Item] = {item.id: item for item in plan.items}
        self._before = {(j.item_id, j.sample): j.status for j in store.judgments().get(plan.judge.key, ())}
        self._waiting: dict[tuple[str, int], Response] = {}
        self._first_try: dict[tuple[str, int], Outcome] = {}
        self._held: list[tuple[Item, Response]] = []
        self.key = plan.judge.key
        self.served: set[str] = set()

    def take(self, response: Response) -> None:
        """Judge this response unless that is done: at once, or by a request to the judge's model."""
        key = (response.item_id, response.sample)
        item = self._items.get(response.item_id)
        before = self._before.get(key)
        if item is None or before not in (None, "error", "skipped"):
            return
        request = self.judge.render(item, response)
        if request is not None:
            self._waiting[key] = response
            self.feed.put(request)
            return
        self.feed.drop()
        self._held.append((item, response))
        if len(self._held) >= (_HELD if hasattr(self.judge, "parse_all") else 1):
            self._read()

    def close(self) -> None:
        """There is nothing more to take."""
        self._read()
        self.feed.close()

    def _read(self) -> None:
        """Have what was taken judged by a judge that asks no model for it."""
        held, self._held = self._held, []
        if len(held) > 1:
            judgments = self.judge.parse_all(held)
        else:
            judgments = [self.judge.parse(item, response, None) for item, response in held]
        for (item, response), judgment in zip(held, judgments, strict=True):
            if self._before.get((item.id, response.sample)) != judgment.status:
                self._record(judgment, response, [])

    def expected(self, coming: Collection[Request]) -> int:
        """How many answers there are to judge: those at hand and those that `coming` requests will bring."""
        return len(self.feed.requests) + sum(request.item_id in self._items for request in coming)

    async def run(self, coming: Collection[Request], progress: MakeProgress) -> None:
        """Ask the judge's model until the feed is closed; `coming` are the requests still to be answered."""
        model = self.judge.model
        expected = self.expected(coming) + self.feed.dropped
        if model is None or expected == self.feed.dropped:
            return
        try:
            await model.open()
            with progress(f"judging {self._benchmark} with {self.judge.name}", expected) as bar:
                failed = {key for key, status in self._before.items() if status == "error"}
                await execute(model, self.feed, self._settled, total=expected, progress=bar, failed_before=failed)
        except ModelError as e:
            raise ModelError(f"judge {self.judge.name}: {e}", kind=e.kind, fatal=e.fatal) from None
        except Stopped as e:
            raise Stopped(f"judge {self.judge.name}: {e}") from None
        finally:
            await model.close()

    def _settled(self, outcome: Outcome) -> Request | None:
        key = (outcome.request.item_id, outcome.request.sample)
        item, response = self._items[key[0]], self._waiting.pop(key)
        before = self._first_try.pop(key, None)
        outcomes = [o for o in (before, outcome) if o is not None]
        if outcome.reply is not None and outcome.reply.served_model is not None:
            self.served.add(outcome.reply.served_model)
        if outcome.reply is None or outcome.reply.status == "not_asked":
            reason = str(outcome.error) if outcome.error else "the recording has no judgment of this answer"
            judgment = _failed(key, self._model_name, self.judge.key, reason)
        else:
            judgment = self.judge.parse(item, response, outcome.reply)
            if judgment.status == "unparsed" and before is None:
                repair = self.judge.repair(item, response, outcome.reply)
                if repair is not None:
                    self._first_try[key], self._waiting[key] = outcome, response
                    return repair
        if judgment.status == "unparsed" and before is not None and before.reply is not None:
            # The repair failed: keep the judge's first reply, which says more about why.
            judgment = msgspec.structs.replace(self.judge.parse(item, response, before.reply), error=judgment.error)
        self._record(judgment, response, outcomes)
        return None

    def _record(self, judgment: Judgment, response: Response, outcomes: list[Outcome]) -> None:
        named = msgspec.structs.replace(
            judgment,
            item_id=response.item_id,
            model=self._model_name,
            sample=response.sample,
            judge=self.judge.key,
            at=now(),
        )
        self.journal.append(_costed(named, outcomes) if outcomes else named)


def _failed(key: tuple[str, int], model: str, judge: str, reason: str) -> Judgment:
    return Judgment(item_id=key[0], model=model, sample=key[1], judge=judge, status="error", error=reason, at=now())


def _costed(judgment: Judgment, outcomes: list[Outcome]) -> Judgment:
    replies = [o.reply for o in outcomes if o.reply is not None]
    return msgspec.structs.replace(
        judgment,
        attempts=sum(o.attempts for o in outcomes),
        seconds=total(o.seconds for o in outcomes),
        tokens_in=total(r.tokens_in for r in replies),
        tokens_out=total(r.tokens_out for r in replies),
        cost=total(r.cost for r in replies),
    )
