"""What the built-in benchmarks share: options, safe/unsafe scale and rubric, pinned sources, the check of the ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from honne import plugins
from honne.benchmarks._text import LANGS, LETTERS, language, packaged
from honne.errors import ConfigError, DataError
from honne.plugins import Benchmark, Measure, Row, Scale, Source, Verdict, View
from honne.records import Estimate, Item, Judgment, Message, Response, now
from honne.spec import Spec, read_options

__all__ = ["SAFE", "Base", "best_and_worst", "github", "numbered", "validate_ends"]

SAFE = Scale((Verdict("safe", 1.0, 1.0), Verdict("unsafe", 0.0, 0.0)))


def github(
    repo: str, commit: str, path: str, *, dataset: str, file: str, sha256: str, size: int, licence: str
) -> Source:
    """A file of a GitHub repository at a pinned commit; `size` in bytes, `sha256` of the original bytes."""
    url = f"https://raw.githubusercontent.com/{repo}/{commit}/{path}"
    return Source(dataset, file, url, sha256, size, licence)


class Base:
    """The common part of a benchmark: built from its Spec, whose options must be among `kinds`.

    The defaults are those of a set of open questions with safe/unsafe verdicts. `related` are files published with the
    benchmark (recorded answers, say) that `honne data` offers and a run does not read. `notes` are for the reader of a
    run.
    """

    name: str
    version: str = "1"
    title: str
    url: str
    sources: tuple[Source, ...] = ()
    related: tuple[Source, ...] = ()
    judges: Mapping[str, str] = {"open": "rubric"}
    metrics: tuple[str, ...] = ("safe_rate",)
    kinds: Mapping[str, type] = {}
    notes: Sequence[str] = ()

    def __init__(self, spec: Spec) -> None:
        self.options: dict[str, Any] = read_options(spec, self.kinds)
        self._check_name(spec)

    def _check_name(self, spec: Spec) -> None:
        if spec.name:
            raise ConfigError(f"{spec.label}: the benchmark {spec.provider} takes no /{spec.name}")

    def items(self, *, seed: int) -> Iterable[Item]:
        raise NotImplementedError

    def scale(self, category: str) -> Scale:
        """Safe or unsafe, whatever the category."""
        return SAFE

    def rubric(self, item: Item) -> str | None:
        """The safe/unsafe criteria, in the item's language."""
        return packaged(f"rubrics/safe.{language(item.lang)}.txt")

    def rubrics(self) -> Mapping[str, str]:
        """The criteria in every language, by file name."""
        return {f"safe.{lang}": packaged(f"rubrics/safe.{lang}.txt") for lang in LANGS}

    def validate(self) -> None:
        """Read all items and check that all-best and all-worst judgments hit the ends of every metric."""
        validate_ends(self)

    def _item(self, seq: int, id: str, prompt: str, *, lang: str, category: str, group: str | None = None) -> Item:
        """An open item with one user message; its own group unless one is given."""
        return Item(
            seq=seq,
            id=id,
            benchmark=self.name,
            version=self.version,
            lang=lang,
            category=category,
            group=group or id,
            messages=(Message(role="user", content=prompt),),
        )


# ------------------------------------------------------------------- ends


def best_and_worst(benchmark: Benchmark, item: Item) -> tuple[Judgment, Judgment]:
    """Two invented judgments of an item: the best and the worst verdict that its form and scale allow."""
    if item.options is not None:
        wrong = next(letter for letter in LETTERS if letter != item.target)
        return (
            _judged(item, Verdict("right", 1.0), choice=item.target),
            _judged(item, Verdict("wrong", 0.0), choice=wrong),
        )
    verdicts = [v for v in benchmark.scale(item.category).verdicts if v.score is not None]
    ranked = sorted(verdicts, key=lambda v: v.score or 0.0)
    if not ranked:
        raise DataError(f"{benchmark.name}: the scale of category {item.category!r} has no verdict with a score")
    return _judged(item, ranked[-1]), _judged(item, ranked[0])


def _judged(item: Item, verdict: Verdict, choice: str | None = None) -> Judgment:
    return Judgment(
        item_id=item.id,
        model="validate",
        judge="validate",
        status="scored",
        label=verdict.label,
        score=verdict.score,
        raw_score=verdict.raw_score,
        refused=verdict.refused,
        choice=choice,
        at=now(),
    )


Ends = Callable[[Benchmark, Item], tuple[Judgment, Judgment]]


def numbered(benchmark: Benchmark, seed: int = 0) -> list[Item]:
    """The items, if they are numbered 0, 1, 2, … and their ids are unique. Raises DataError."""
    items = list(benchmark.items(seed=seed))
    if not items or [item.seq for item in items] != list(range(len(items))):
        raise DataError(f"{benchmark.name}: items must be numbered 0, 1, 2, …")
    if len({item.id for item in items}) < len(items):
        raise DataError(f"{benchmark.name}: item ids are not unique")
    return items


def validate_ends(benchmark: Benchmark, seed: int = 0, ends: Ends = best_and_worst) -> list[Item]:
    """Check that every measure with a better side reaches that end when all judgments are the best there are, and that
    it falls (to the other end, unless agreement keeps it up) when all are the worst.

    Consistency measures such as FINE's CS stay at their best when every answer is bad in both forms: the worst
    judgments must bring down at least one measure of each metric. `ends` gives an item's best and worst judgment.
    Returns the items. Raises DataError.
    """
    items = numbered(benchmark, seed)
    pairs = [ends(benchmark, item) for item in items]
    for name in benchmark.metrics:
        metric = plugins.load("metrics", name)
        best = _means(metric, items, [b for b, _ in pairs])
        worst = _means(metric, items, [w for _, w in pairs])
        _check(benchmark.name, name, best, worst)
    return items


_Mean = tuple[float, float, float, str | None]


def _means(metric: plugins.Metric, items: list[Item], judgments: list[Judgment]) -> dict[str, _Mean]:
    at = now()
    rows = [
        Row(item, 0, Response(item_id=item.id, model="validate", text="text", status="ok", at=at), judgment)
        for item, judgment in zip(items, judgments, strict=True)
    ]
    by_judge = {"validate": {(item.id, 0): judgment for item, judgment in zip(items, judgments, strict=True)}}
    out: dict[str, _Mean] = {}
    for found in metric(View(rows, "validate", by_judge)):
        if isinstance(found, Estimate) or found.reference is not None or not found.units:
            continue
        out[found.metric] = (_mean(found), found.floor, found.ceiling, found.better)
    return out


def _mean(measure: Measure) -> float:
    values = [unit.value for unit in measure.units if unit.value is not None]
    return sum(values) / len(values) if values else float("nan")


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9  # false for the NaN of a measure without values


def _check(benchmark: str, metric: str, best: Mapping[str, _Mean], worst: Mapping[str, _Mean]) -> None:
    fell, sided = False, False
    for name, (mean, floor, ceiling, better) in best.items():
        if better is None:
            continue
        sided = True
        top, bottom = (ceiling, floor) if better == "higher" else (floor, ceiling)
        if not _same(mean, top):
            raise DataError(f"{benchmark}: all-best judgments give {name} = {mean:g}, not {top:g}")
        if name not in worst:
            raise DataError(f"{benchmark}: all-worst judgments give no {name}: their labels are another scale's")
        low = worst[name][0]
        if _same(low, bottom):
            fell = True
        elif not _same(low, top):
            raise DataError(f"{benchmark}: all-worst judgments give {name} = {low:g}, neither {bottom:g} nor {top:g}")
    if sided and not fell:
        raise DataError(f"{benchmark}: all-worst judgments bring no measure of {metric!r} to its lower end")
