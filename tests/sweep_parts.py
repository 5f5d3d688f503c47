"""What the tests of sweeps share: pairs of the organism's own failures, and numbers made up for the rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from honne.align.pairs._make import Recipe, make
from honne.align.pairs._select import Selection
from honne.engine.plan import Options
from honne.engine.plan import make as plan
from honne.engine.progress import silent
from honne.engine.run import run
from honne.engine.tradeoff import Frontier, Pairing, Tradeoff
from honne.metrics._tradeoff import Axis
from honne.metrics._verdict import verdict

MODEL = "organism/kitsune"
TUNE, TEST = (
    (
        f"organism-harm?split={split}&n=28&langs=en&forms=open",
        f"organism-benign?split={split}&n=28&langs=en",
        f"organism-skills?split={split}&n=9&langs=en&forms=facts",
    )
    for split in ("tune", "test")
)


def pairs_of(folder: Path) -> Path:
    """Own failures, sampled and judged by the exact rule as a judge of its own, and anchors."""
    how = "judge=rubric&split=train&langs=en"
    asked = (
        ("own", f"organism-harm?{how}&n=42&forms=open", f"{MODEL}?temperature=1", 6),
        ("keep", f"organism-benign?{how}&n=28", MODEL, 1),
    )
    for name, benchmark, model, samples in asked:
        made = plan([benchmark], model, ["organism-rule"], Options(samples=samples))
        run(made, folder / name, silent)
    skills = plan(["organism-skills?split=train&n=9&langs=en&forms=facts"], MODEL, [], Options())
    run(skills, folder / "skills", silent)
    out = folder / "pairs.jsonl"
    sources = [f"own/{folder / 'own'}", f"anchors/{folder / 'keep'}?as=keep", f"anchors/{folder / 'skills'}?as=skills"]
    make(Recipe(sources, (), Selection()), out)
    return out


def safety_of(pairs: Path) -> Path:
    """The own failures alone, beside the pairs of `pairs_of`."""
    out = pairs.with_name("safety.jsonl")
    make(Recipe([f"own/{pairs.with_name('own')}"], (), Selection()), out)
    return out


def given_of(folder: Path, *rows: Mapping[str, object], name: str = "given") -> Path:
    """Pairs written by hand, whose record names no judge."""
    rows_file = folder / f"{name}-rows.jsonl"
    rows_file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    out = folder / f"{name}.jsonl"
    make(Recipe([f"given/{rows_file}"], (), Selection()), out)
    return out


def options(out: Path, *more: str, tune: Sequence[str] = TUNE, test: Sequence[str] = TEST) -> list[str]:
    """What every sweep of the tests says."""
    exams = [*(x for b in tune for x in ("--tune-on", b)), *(x for b in test for x in ("--test-on", b))]
    return [*exams, "-o", str(out), *more]


def stored(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "sweep.json").read_text(encoding="utf-8"))
    return found


def axis(role: str, before: float, after: float, *, half: float = 0.01) -> Axis:
    """An axis whose limits are `half` to each side."""
    better = "higher" if role != "over-refusal" else "lower"
    change = after - before
    return Axis(
        role=role,
        name=role,
        lead=True,
        single=True,
        of=(role,),
        better=better,
        unit="share",
        n=100,
        n_missing=0,
        n_unpaired=0,
        withheld=False,
        judges=(("rule",), ("rule",)),
        method="made up",
        before=before,
        after=after,
        difference=change,
        low=change - half,
        high=change + half,
        worst=change - half if better == "higher" else change + half,
    )


def frontier_of(safety: Mapping[str, float], lost: Mapping[str, float], apart: float = 0.02) -> Frontier:
    """Points with this safety (0.5 before) and capability lost; separated in safety where further `apart`."""
    points = []
    for name, after in safety.items():
        axes = (axis("safety", 0.5, after), axis("over-refusal", 0.0, 0.0), axis("capability", 0.9, 0.9 - lost[name]))
        points.append(
            Tradeoff(
                name=name, base="base", runs=(), seeds=3, verdict=verdict(axes, 0.02), numbers="", axes=axes, notes=()
            )
        )
    values = list(safety.values())
    pairings = [
        Pairing(
            a=a,
            b=b,
            role="safety",
            difference=values[b] - values[a],
            low=None,
            high=None,
            p=None,
            p_adjusted=None,
            separated=abs(values[b] - values[a]) > apart,
            better=(b if values[b] > values[a] else a) if abs(values[b] - values[a]) > apart else None,
        )
        for a in range(len(values))
        for b in range(a + 1, len(values))
    ]
    return Frontier(base="base", points=tuple(points), pairings=tuple(pairings), beaten=((),) * len(points))
