"""The rules of pace, on a clock of their own."""

from __future__ import annotations

import io
import random

import pytest

from honne.engine.limits import FailureCap, Limiter, Trouble, backoff
from honne.engine.progress import Snapshot, silent, visible


def served(limiter: Limiter, now: float, requests: int, latency: float, slots: int) -> float:
    """Let a server with `slots` places answer `requests`, `limiter.limit` at once; the time when it is done."""
    while requests > 0:
        batch = limiter.limit
        took = latency * max(1.0, batch / slots)
        for _ in range(batch):
            limiter.succeeded(now, now + took)
        now += took
        requests -= batch
    return now


def test_the_limit_doubles_up_to_the_cap_while_throughput_grows() -> None:
    limiter = Limiter(100)
    assert limiter.limit == 8
    served(limiter, 0.0, 2000, 1.0, slots=1000)
    assert limiter.limit == 100
    assert Limiter(3).limit == 3 and Limiter(0).limit == 1


def test_the_limit_stays_where_more_does_not_help() -> None:
    limiter = Limiter(1000)
    now = served(limiter, 0.0, 3000, 1.0, slots=16)
    assert limiter.limit in (16, 32)
    seen = []
    for _ in range(200):
        now = served(limiter, now, limiter.limit, 1.0, slots=16)
        seen.append(limiter.limit)
    assert max(seen) <= 32 and sorted(seen)[len(seen) // 2] == 16


def test_one_cut_a_round_trip() -> None:
    limiter = Limiter(64)
    for _ in range(8):
        limiter.overloaded(0.0, 1.0, None)
    assert limiter.limit == 5
    limiter.overloaded(0.5, 1.2, None)  # started before the cut
    assert limiter.limit == 5
    limiter.overloaded(1.1, 1.3, None)
    assert limiter.limit == 3
    for k in range(9):
        limiter.overloaded(2.0 + k, 2.5 + k, None)
    assert limiter.limit == 1
    before = limiter.limit
    served(limiter, 20.0, 200, 0.1, slots=100)
    assert before < limiter.limit <= 64


def test_a_storm_is_waited_out_for_a_minute_and_not_longer() -> None:
    limiter = Limiter(8)
    now = 0.0
    for _ in range(100):
        limiter.overloaded(now, now + 0.01, None)
        now = max(now + 0.02, limiter.paused_until)
    assert 55 <= limiter.paused <= 95
    limiter.succeeded(now, now + 1)
    for k in range(3):
        limiter.overloaded(now + 2 + k, now + 2.5 + k, None)
    assert limiter.paused_until > now + 4, "after a success, patience starts anew"


@pytest.mark.parametrize(("wish", "pause"), [(5.0, 5.0), (0.0, 0.0), (86400.0, 600.0)])
def test_retry_after_pauses_everybody_for_ten_minutes_at_most(wish: float, pause: float) -> None:
    limiter = Limiter(8)
    limiter.overloaded(0.0, 1.0, wish)
    limiter.overloaded(0.0, 1.0, wish)
    assert max(0.0, limiter.paused_until - 1.0) == pause == limiter.paused


def test_backoff_grows_with_full_jitter() -> None:
    rng = random.Random(1)
    for tries, top in [(1, 0.25), (2, 0.5), (5, 4.0), (12, 30.0)]:
        drawn = [backoff(tries, rng) for _ in range(2000)]
        assert 0 <= min(drawn) < 0.05 * top and 0.95 * top < max(drawn) <= top


def test_the_cap_counts_failures_in_a_row() -> None:
    cap = FailureCap(3)
    assert [cap.failed(), cap.failed()] == [False, False]
    cap.succeeded()
    assert [cap.failed(), cap.failed(), cap.failed()] == [False, False, True]


def test_fresh_items_wait_while_too_many_are_in_trouble() -> None:
    trouble = Trouble()
    assert trouble.admits(10_000), "a server without faults is never slowed"
    trouble.troubled = 30
    assert not trouble.admits(0)
    trouble.troubled = 0
    for _ in range(200):
        trouble.first_try(True)
    assert trouble.admits(0) and not trouble.admits(45), "those in flight are expected to fail too"


def test_progress_in_a_log_and_in_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    snapshot = Snapshot(done=3, failed=1, total=9, in_flight=2, limit=8, retrying=1, pause=75.0, trouble="http_429")
    for stream in (io.StringIO(), Terminal()):
        with visible("asking [bold]x[/bold]", 9, stream) as bar:
            for _ in range(50):
                bar.update(snapshot)
        text = stream.getvalue()
        for part in ("asking [bold]x", "3/9", "1 failed", "http_429", "1:15"):
            assert part in text.replace("\x1b[0m", ""), part
        assert text.count("3/9") < 10
    with silent("asking", 9) as quiet:
        quiet.update(snapshot)
