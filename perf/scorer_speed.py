"""How many answers a second the shipped scorer judges on one core: `python perf/scorer_speed.py [N]`.

    loaded    what `load(…).probabilities` takes, in batches and one by one
    judge     what `honne judge RUN --judge scorer` takes for a run of N answers: all of it (reading, judging, writing,
              the estimates), and of that the judge itself

Times are of the CPU, so that other work on the machine counts little. Answers are words of honne's own documents, each
different, to questions of 40 characters. The aim: 3,000 answers of 160 characters, or 1,000 of 700, per second.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from threadpoolctl import threadpool_limits

from honne.engine.imported import write
from honne.engine.plan import describe
from honne.engine.progress import silent
from honne.engine.rejudge import make, rejudge
from honne.judges._scorer import load, packaged
from honne.judges.scorer import Scorer
from honne.plugins import load as plugin
from honne.records import Item, Message, Response, now
from honne.spec import Config, parse

AIMS = {160: 3000, 700: 1000}
DOCS = Path(__file__).parents[1] / "docs"


def main(n: int) -> None:
    scorer = load(packaged())
    print(f"{'characters':>10} {'what':<22} {'answers/s':>10} {'aim':>7}")
    for length, aim in AIMS.items():
        rows = [(prompt, answer, "safety") for prompt, answer in texts(n, length)]
        scorer.probabilities(rows[:10])
        for what, size in (("loaded, in batches", n), ("loaded, one by one", 1)):
            parts = [rows[at : at + size] for at in range(0, n, size)]
            said(length, what, n, aim, lambda parts=parts: [scorer.probabilities(part) for part in parts])
        with tempfile.TemporaryDirectory() as folder:
            judged(Path(folder) / "run", n, length, aim)


def judged(path: Path, n: int, length: int, aim: int) -> None:
    """`honne judge` on a run of n answers; the judge's own share of it is measured on the same answers."""
    built = plugin("benchmarks", "trust-safety")(parse("trust-safety"))
    items, responses = [], []
    for seq, (prompt, answer) in enumerate(texts(n, length)):
        about = {"benchmark": built.name, "version": "1", "lang": "en", "category": "x", "group": str(seq)}
        items.append(Item(seq=seq, id=str(seq), messages=(Message("user", prompt),), **about))
        responses.append(Response(item_id=str(seq), model="m", status="ok", text=answer, at=now()))
    benchmarks = [{**describe(built), "version": "import", "judges": {}}]
    how = {"benchmark": "trust-safety"}
    run = write(
        path, model="m", items=items, responses=responses, judgments={}, benchmarks=benchmarks, how=how, notes=()
    )
    said(length, "honne judge", n, aim, lambda: rejudge(make(run, ["scorer"], Config()), silent))
    judge = Scorer(parse("scorer"), built)
    pairs = list(zip(items, responses, strict=True))
    said(
        length, "of that, the judge", n, aim, lambda: [judge.parse_all(pairs[at : at + 128]) for at in range(0, n, 128)]
    )


def said(length: int, what: str, n: int, aim: int, work: Callable[[], object]) -> None:
    with threadpool_limits(1):
        began = time.process_time()
        work()
        spent = time.process_time() - began
    print(f"{length:>10} {what:<22} {n / spent:>10,.0f} {aim:>7,}", flush=True)


def texts(n: int, length: int) -> Iterator[tuple[str, str]]:
    words = [w for page in sorted(DOCS.glob("*.md")) for w in page.read_text(encoding="utf-8").split()]
    rng = random.Random(length)
    for _ in range(n):
        yield " ".join(rng.choices(words, k=10))[:40], " ".join(rng.choices(words, k=length))[:length]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
