"""A healthy, fast server that can never answer 6 % of the items: their failures all complete late, and stop nothing."""

from __future__ import annotations

import time

from engine_parts import Run, questions
from server import Server


async def test_permanent_errors_on_six_per_cent_cost_only_those_items() -> None:
    began = time.monotonic()
    with Server("--broken", "0.06") as server:
        run = await Run(server.spec())(questions(1720))
        broken = {e["hash"] for e in server.log() if e["status"] == 500}
    assert 60 < len(broken) < 150
    assert {o.request_hash for o in run.outcomes if o.error} == broken
    assert len(run.texts) == 1720 - len(broken)
    assert time.monotonic() - began < 60
