"""The executor against a real server with faults: nothing lost, nothing asked twice, a clear end where one is due."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine_parts import Run, ask_for, questions
from honne.engine.local import Outcome, execute
from honne.engine.progress import Progress, Snapshot
from honne.errors import DataError, ModelError, StoreError
from honne.models.openai import OpenAI
from honne.models.replay import Replay
from honne.plugins import Reply, Request
from honne.spec import parse
from server import Server


async def test_faults_lose_nothing_and_ask_no_answered_item_again() -> None:
    requests = questions(800)
    with Server() as server:
        clean = await Run(server.spec())(requests)
    faults = ("--rate-429", "0.05", "--rate-500", "0.05", "--rate-drop", "0.05", "--rate-truncate", "0.03")
    with Server(*faults) as server:
        faulty = await Run(server.spec())(requests)
        log = server.log()
    assert faulty.texts == clean.texts and len(clean.texts) == 800
    assert len(faulty.outcomes) == 800
    assert [c for c in Counter(e["hash"] for e in log if e.get("answer")).values() if c != 1] == []
    assert {e["status"] for e in log} == {200, 429, 500, 0}
    assert faulty.summary is not None
    assert faulty.summary.tries == len(log) == sum(o.attempts for o in faulty.outcomes)
    assert faulty.summary.answered == 800 and faulty.summary.failed == 0
    by_hash = Counter(e["hash"] for e in log)
    assert all(o.attempts == by_hash[o.request_hash] for o in faulty.outcomes)


async def test_retry_after_makes_everybody_wait() -> None:
    with Server("--rate-429", "0.03", "--retry-after", "1") as server:
        run = await Run(server.spec())(questions(60))
        log = sorted(server.log(), key=lambda e: e["at"])
    refused = [e["at"] for e in log if e["status"] == 429]
    assert refused and len(run.texts) == 60
    assert run.summary is not None and run.summary.paused >= 0.9
    # what had been sent already still arrives; then nobody asks until the second is over
    later = [e["at"] for e in log if e["at"] > refused[0] + 0.2]
    assert min(later) >= refused[0] + 0.95


async def test_concurrency_stays_near_what_the_server_takes() -> None:
    with Server("--slots", "10", "--latency", "0.02") as server:
        run = await Run(server.spec())(questions(600))
        log = server.log()
    assert len(run.texts) == 600
    refused = sum(e["status"] == 429 for e in log)
    assert 0 < refused < 90, "backs off after a refusal, and comes back slowly"


async def test_concurrency_grows_while_that_helps() -> None:
    with Server("--latency", "0.05") as server:
        run = await Run(server.spec())(questions(1000))
    assert run.summary is not None and run.summary.peak == 64
    with Server("--latency", "0.01") as server:
        capped = await Run(server.spec(concurrency=3))(questions(100))
        assert max(e["in_flight"] for e in server.log()) <= 3
    assert capped.summary is not None and capped.summary.peak == 3


async def test_wrong_key_unknown_model_and_no_server_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key-0123456789")
    with Server("--key", "right") as server:
        run = Run(server.spec())
        with pytest.raises(ModelError) as wrong:
            await run(questions(500))
        assert len(server.log()) <= 8
        assert wrong.value.fatal and "401" in str(wrong.value) and "OPENAI_API_KEY" in str(wrong.value)
        assert "secret" not in str(wrong.value) and "\n" not in str(wrong.value)
        assert run.outcomes == []
    unknown = pytest.raises(ModelError, match=r"404.*`test` does not exist.*base_url")
    with Server("--models", "other") as server, unknown:
        await Run(server.spec())(questions(500))
    nobody, tried = Run("openai/test?base_url=http://127.0.0.1:9/v1"), list[float]()
    ask = nobody.model.ask

    async def noted(request: Request, body: bytes) -> Reply:
        tried.append(time.monotonic())
        return await ask(request, body)

    monkeypatch.setattr(nobody.model, "ask", noted)
    with pytest.raises(ModelError, match=r"cannot reach http://127\.0\.0\.1:9/v1: connection refused"):
        await nobody(questions(2))
    # For three seconds, and then at once: each of the two was tried once more at the most.
    assert time.monotonic() - tried[0] > 2.5 and sum(at - tried[0] >= 3 for at in tried) <= 2


async def test_one_forbidden_item_does_not_end_a_run_that_others_answer() -> None:
    # the first request of all meets a gateway's 403 while its neighbours are still being answered
    requests = [ask_for("[[filter]]", "filtered"), *questions(20)]
    with Server("--latency", "0.1") as server:
        model = OpenAI(parse(server.spec()))
        first = True

        class Gateway:
            def __getattr__(self, name: str) -> object:
                return getattr(model, name)

            async def ask(self, request: Request, body: bytes) -> object:
                nonlocal first
                if first:
                    first = False
                    raise ModelError("HTTP 403", kind="http_403", fatal=True)
                return await model.ask(request, body)

        outcomes: list[Outcome] = []
        summary = await execute(Gateway(), requests, outcomes.append, total=21)  # type: ignore[arg-type]
        await model.close()
    assert summary.answered == 20 and summary.failed == 1
    assert [o.error.kind for o in outcomes if o.error] == ["http_403"]


async def test_the_same_rejection_from_the_start_is_the_runs_fault() -> None:
    with Server("--no-schema") as server:
        run = Run(server.spec(**{"body.response_format": '{"type":"json_object"}'}))
        with pytest.raises(ModelError, match="all of the first 50 requests were rejected: HTTP 400"):
            await run(questions(300))
        assert 50 <= len(run.errors) <= 58


async def test_what_the_sink_raises_ends_the_run() -> None:
    def full(outcome: Outcome) -> None:
        raise StoreError("disk full")

    with Server() as server:
        model = OpenAI(parse(server.spec()))
        with pytest.raises(StoreError, match="disk full"):
            await execute(model, questions(100), full, total=100)
        await model.close()
        assert len(server.log()) <= 8


async def test_requests_are_pulled_lazily_and_their_errors_surface() -> None:
    pulled = 0

    def lazily() -> Iterator[Request]:
        nonlocal pulled
        for request in questions(500):
            pulled += 1
            if pulled == 300:
                raise DataError("line 300 is broken")
            yield request

    with Server("--latency", "0.01") as server:
        run = Run(server.spec(concurrency=4))
        ahead: list[int] = []
        run.outcomes = Watched(lambda: ahead.append(pulled))
        with pytest.raises(DataError, match="line 300"):
            await run(lazily())
    assert all(at - n <= 6 for n, at in enumerate(ahead))


class Watched(list[Outcome]):
    def __init__(self, look: object) -> None:
        super().__init__()
        self._look = look

    def append(self, outcome: Outcome) -> None:
        self._look()  # type: ignore[operator]
        super().append(outcome)


async def test_a_follow_up_is_asked_next() -> None:
    seen: list[str] = []

    def repair(outcome: Outcome) -> Request | None:
        seen.append(outcome.request.item_id)
        item = outcome.request.item_id
        return ask_for(f"Again, {item}", f"{item}-repair") if item in ("item-3", "item-19") else None

    with Server() as server:
        model = OpenAI(parse(server.spec(concurrency=1)))
        summary = await execute(model, questions(20), repair, total=20)
        await model.close()
    assert summary.answered == 22
    assert seen[4] == "item-3-repair" and seen[-1] == "item-19-repair"


async def test_cancelled_at_any_moment_every_outcome_is_whole_and_single() -> None:
    with Server("--latency", "0.01") as server:
        run = Run(server.spec(concurrency=16))
        task = asyncio.create_task(run(questions(5000)))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.1)
        log = server.log()
    answered = [e["hash"] for e in log if e.get("answer")]
    recorded = [o.request_hash for o in run.outcomes]
    assert recorded and len(recorded) == len(set(recorded))
    assert set(recorded) <= set(answered) and len(answered) - len(recorded) <= 16


def test_ctrl_c_ends_a_run_cleanly() -> None:
    async def press(run: Run) -> None:
        while not run.outcomes:
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    async def interrupted(run: Run) -> None:
        pressing = asyncio.create_task(press(run))
        await run(questions(5000))
        await pressing

    with Server("--latency", "0.01") as server:
        run = Run(server.spec())
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(interrupted(run))
    assert 0 < len(run.outcomes) < 5000


async def test_a_change_of_the_served_model_is_seen() -> None:
    with Server("--served", "snapshot-1", "--served-change", "30") as server:
        run = await Run(server.spec())(questions(60))
    assert run.summary is not None
    assert sorted(run.summary.served_models) == ["snapshot-1", "snapshot-1-new"]


async def test_no_requests_is_a_finished_run(tmp_path: Path) -> None:
    run = await Run("openai/test?base_url=http://127.0.0.1:9/v1")([])
    assert run.summary is not None and run.summary.tries == 0


async def test_a_model_that_never_waits_starves_nobody(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text('{"prompt": "Question 1? ", "response": "one"}\n')
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    outcomes: list[Outcome] = []
    summary = await execute(Replay(parse(f"replay/{file}")), questions(5000), outcomes.append, total=5000)
    ticking.cancel()
    assert (summary.answered, summary.not_asked) == (1, 4999)
    assert ticks > 10


async def test_progress_sees_counts_a_few_times_a_second() -> None:
    class Noted(Progress):
        def __init__(self) -> None:
            super().__init__("asking", 200)
            self.notes: list[Snapshot] = []

        def update(self, snapshot: Snapshot) -> None:
            self.notes.append(snapshot)

    bar = Noted()
    with Server("--latency", "0.05") as server:
        model = OpenAI(parse(server.spec(concurrency=10)))
        summary = await execute(model, questions(200), lambda o: None, total=200, progress=bar)
        await model.close()
    assert bar.notes[-1].done == bar.notes[-1].total == 200
    assert 3 <= len(bar.notes) <= 10 * summary.seconds + 2
    assert [n.done for n in bar.notes] == sorted(n.done for n in bar.notes)


async def test_an_error_beside_the_last_answer_is_not_lost() -> None:
    """Two answers arrive in one turn of the loop; what is made of the first one fails."""

    class AtOnce:
        name, concurrency, settings = "at-once", 2, {}

        def __init__(self) -> None:
            self.both: list[asyncio.Future[None]] = []

        async def open(self) -> None: ...

        async def close(self) -> None: ...

        def body(self, request: Request) -> bytes:
            return request.item_id.encode()

        async def ask(self, request: Request, body: bytes) -> Reply:
            here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.both.append(here)
            if len(self.both) == 2:
                asyncio.get_running_loop().call_soon(lambda: [one.set_result(None) for one in self.both])
            await here
            return Reply(text=request.item_id)

    def fails(outcome: Outcome) -> None:
        if outcome.request.item_id == "item-0":
            raise KeyError("made of the first answer")

    with pytest.raises(KeyError, match="made of the first answer"):
        await execute(AtOnce(), questions(2), fails, total=2)  # type: ignore[arg-type]
