"""When a run gives up, and when it must not: a dying server, one that comes back, a storm, a stretch of bad items."""

from __future__ import annotations

from collections import Counter

import pytest

from engine_parts import Run, questions
from honne.errors import Stopped
from server import Server


async def test_a_minute_limit_without_retry_after_is_waited_out() -> None:
    with Server("--storm", "40", "2.5") as server:
        run = await Run(server.spec())(questions(120))
    assert len(run.texts) == 120 and run.summary is not None
    assert run.summary.paused >= 1


async def test_a_dying_server_stops_the_run_after_fifty_failures_in_a_row() -> None:
    with Server("--fail-after", "200") as server:
        run = Run(server.spec())
        with pytest.raises(Stopped, match=r"50 failed items in a row.*HTTP 500.*the engine is dead"):
            await run(questions(2000))
    assert len(run.texts) == 200 and 50 <= len(run.errors) <= 80
    assert all(o.attempts == 6 for o in run.outcomes if o.error)


async def test_a_server_that_comes_back_costs_nothing() -> None:
    with Server("--away", "100", "0.5", "--latency", "0.005") as server:
        run = await Run(server.spec())(questions(300))
    assert len(run.texts) == 300 and run.errors == {}
    assert any(o.attempts > 1 for o in run.outcomes)


async def test_scattered_and_contiguous_bad_items_do_not_stop_a_healthy_server() -> None:
    def mark(i: int) -> str:
        return "[[broken]]" if 100 <= i < 140 else "[[bad]]" if 200 <= i < 280 else ""

    with Server() as server:
        run = await Run(server.spec())(questions(400, mark))
        asked = Counter(e["hash"] for e in server.log())
    assert Counter(run.errors.values()) == {"http_500": 40, "http_400": 80}
    assert len(run.texts) == 280
    assert {asked[o.request_hash] for o in run.outcomes if o.error and o.error.kind == "http_400"} == {1}
    assert {asked[o.request_hash] for o in run.outcomes if o.error and o.error.kind == "http_500"} == {6}
