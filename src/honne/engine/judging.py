"""One judge of one run at work: responses in as they come, judgments out, nothing judged twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from honne.engine.journal import Journal
from honne.engine.judges import JudgePlan
from honne.engine.local import Feed, Outcome, execute
from honne.engine.progress import MakeProgress
from honne.engine.store import RunFolder
from honne.engine.sums import total
from honne.errors import ModelError, Stopped
from honne.plugins import Request
from honne.records import Item, Judgment, Response, now

__all__ = ["Judging"]


class Judging:
    """One judge at work on one benchmark: takes responses as they come, asks its model where it has one."""

    def __init__(self, plan: JudgePlan, model: str, store: RunFolder) -> None:
        self.feed = Feed()
        self.journal: Journal[Judgment] = Journal(store.judge_folder(plan.judge.key))
        self._judge = plan.judge
        self._benchmark = plan.benchmark
        self._model_name = model
        self._items: Mapping[str, Item] = {item.id: item for item in plan.items}
        self._before = {(j.item_id, j.sample): j.status for j in store.judgments().get(plan.judge.key, ())}
        self._waiting: dict[tuple[str, int], Response] = {}
        self._first_try: dict[tuple[str, int], Outcome] = {}
        self.key = plan.judge.key
        self.served: set[str] = set()

    def take(self, response: Response) -> None:
        """Judge this response unless that is done: at once, or by a request to the judge's model."""
        key = (response.item_id, response.sample)
        item = self._items.get(response.item_id)
        before = self._before.get(key)
        if item is None or before not in (None, "error", "skipped"):
            return
        request = self._judge.render(item, response)
        if request is not None:
            self._waiting[key] = response
            self.feed.put(request)
            return
        self.feed.drop()
        judgment = self._judge.parse(item, response, None)
        if before != judgment.status:
            self._record(judgment, response, [])

    async def run(self, coming: Collection[Request], progress: MakeProgress) -> None:
        """Ask the judge's model until the feed is closed; `coming` are the requests still to be answered."""
        model = self._judge.model
        if model is None:
            return
        mine = sum(request.item_id in self._items for request in coming)
        expected = len(self.feed.requests) + self.feed.dropped + mine
        if expected == self.feed.dropped:
            return
        try:
            await model.open()
            with progress(f"judging {self._benchmark} with {self._judge.name}", expected) as bar:
                failed = {key for key, status in self._before.items() if status == "error"}
                await execute(model, self.feed, self._settled, total=expected, progress=bar, failed_before=failed)
        except ModelError as e:
            raise ModelError(f"judge {self._judge.name}: {e}", kind=e.kind, fatal=e.fatal) from None
        except Stopped as e:
            raise Stopped(f"judge {self._judge.name}: {e}") from None
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
            judgment = _failed(key, self._model_name, self._judge.key, reason)
        else:
            judgment = self._judge.parse(item, response, outcome.reply)
            if judgment.status == "unparsed" and before is None:
                repair = self._judge.repair(item, response, outcome.reply)
                if repair is not None:
                    self._first_try[key], self._waiting[key] = outcome, response
                    return repair
        if judgment.status == "unparsed" and before is not None and before.reply is not None:
            # The repair failed: keep the judge's first reply, which says more about why.
            judgment = msgspec.structs.replace(self._judge.parse(item, response, before.reply), error=judgment.error)
        self._record(judgment, response, outcomes)
        return None

    def _record(self, judgment: Judgment, response: Response, outcomes: list[Outcome]) -> None:
        named = msgspec.structs.replace(
            judgment,
            item_id=response.item_id,
            model=self._model_name,
            sample=response.sample,
            judge=self._judge.key,
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
