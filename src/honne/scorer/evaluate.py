"""How good a judge is, measured against labels: every number with its interval, its n and what is missing.

A judge here is a scorer that is asked now, or any judge whose verdicts are in a run. Right is what equals the reference
label. A row without a verdict is missing, not wrong; the bounds of each share say what it would be had all missing
verdicts been wrong, or right. Answers to one question (`group`) are one cluster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from honne.metrics._calibrated import errors, reliability
from honne.metrics._points import plain
from honne.plugins import Unit
from honne.records import Estimate
from honne.scorer.evaluation import Case, Class, Given, Part, Rival
from honne.scorer.light import ordered
from honne.stats.agreement import Agreement, krippendorff_alpha, raw_agreement
from honne.stats.classification import confusion, macro_f1
from honne.stats.intervals import Interval, rate
from honne.stats.multiple import holm
from honne.stats.paired import paired

__all__ = ["measure"]


def measure(judge: str, dimension: str, labels: Sequence[str], cases: Sequence[Case], given: Sequence[Given]) -> Part:
    """A judge on one dimension; `labels` is the scale in its order, `given` in the order of the cases.

    Raises ValueError where there is no case.
    """
    if not cases:
        raise ValueError(f"{dimension}: no case")
    known = {*labels, *(case.label for case in cases)}
    given = [replace(one, label=_on(one.label, known)) for one in given]
    used = {case.label for case in cases} | {one.label for one in given if one.label is not None}
    scale = (*(label for label in labels if label in used), *ordered(list(used - set(labels))))
    here = _Here(
        judge,
        cases,
        [None if g.label is None else float(g.label == c.label) for c, g in zip(cases, given, strict=True)],
    )
    both = [i for i, one in enumerate(given) if one.label is not None]
    codes = {label: code for code, label in enumerate(scale)}
    truth = np.array([codes[cases[i].label] for i in both], dtype=np.int64)
    said = np.array([codes[given[i].label or ""] for i in both], dtype=np.int64)
    matrix = confusion(truth, said, len(scale))
    most = Counter(case.label for case in cases).most_common(1)[0][0]
    rivals, apart = _rivals(here, known)
    return Part(
        dimension=dimension,
        labels=scale,
        n=len(cases),
        n_missing=len(cases) - len(both),
        groups=len({case.group for case in cases}),
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        accuracy=here.share("accuracy", here.right, headline=True),
        macro_f1=here.f1(given),
        majority=here.share("majority_accuracy", [float(case.label == most) for case in cases], judge="majority"),
        majority_label=most,
        classes=tuple(_classes(here, scale, given)),
        slices=tuple(_slices(here, given)),
        far=_far(here, given),
        calibration=tuple(_calibration(here, given)),
        ceiling=tuple(_ceiling(here)),
        rivals=tuple(rivals),
        apart=tuple(apart),
    )


def _on(label: str | None, scale: set[str]) -> str | None:
    """A verdict on a scale: one with points (`safe-7`) says what it says without them, where the scale has none."""
    if label is None or label in scale:
        return label
    said = plain(label)
    return said if said in scale else label


@dataclass(frozen=True)
class _Here:
    """What every number of a part is made from. `right`: 1, 0, or None where there is no verdict."""

    judge: str
    cases: Sequence[Case]
    right: Sequence[float | None]

    def share(
        self,
        metric: str,
        values: Sequence[float | None],
        name: str = "all",
        places: Sequence[int] | None = None,
        judge: str | None = None,
        headline: bool = False,
    ) -> Estimate:
        """A share as an estimate, over all cases or those at `places`; None among the values is missing."""
        chosen = range(len(values)) if places is None else places
        known = [i for i in chosen if values[i] is not None]
        found = rate([values[i] or 0.0 for i in known], [self.cases[i].group for i in known])
        return self.made(metric, name, found, len(chosen), len(chosen) - len(known), judge or self.judge, headline)

    def f1(self, given: Sequence[Given], name: str = "all", places: Sequence[int] | None = None) -> Estimate:
        """Macro-F1 as an estimate; no bounds, as missing verdicts may be of any class."""
        chosen = range(len(given)) if places is None else places
        known = [i for i in chosen if given[i].label is not None]
        codes: dict[str, int] = {}
        truth = [codes.setdefault(self.cases[i].label, len(codes)) for i in known]
        said = [codes.setdefault(given[i].label or "", len(codes)) for i in known]
        found = macro_f1(truth, said, max(len(codes), 1), [self.cases[i].group for i in known])
        missing = len(chosen) - len(known)
        return self.made("macro_f1", name, found, len(chosen), missing, self.judge, bounded=missing == 0)

    def made(
        self,
        metric: str,
        name: str,
        found: Interval | Agreement,
        n: int,
        missing: int,
        judge: str | None,
        headline: bool = False,
        bounded: bool = True,
        unit: str = "proportion",
    ) -> Estimate:
        """An estimate of this dimension; what is said of no one judge (`judge` None) has no share judged."""
        total = (found.value or 0.0) * (n - missing)
        return Estimate(
            run="",
            model="",
            judge=judge,
            benchmark=self.cases[0].dimension,
            metric=metric,
            slice=name,
            value=found.value,
            low=found.low,
            high=found.high,
            level=found.level,
            method=found.method,
            n=n,
            n_missing=missing,
            unit=unit,
            worst=total / n if n and bounded else None,
            best=(total + missing) / n if n and bounded else None,
            headline=headline,
            better="higher",
            judged=(n - missing) / n if n and judge is not None else None,
        )


def _classes(here: _Here, scale: Sequence[str], given: Sequence[Given]) -> Iterator[Class]:
    for label in scale:
        true = [i for i, case in enumerate(here.cases) if case.label == label]
        called = [i for i, one in enumerate(given) if one.label == label]
        recall = here.share("recall", here.right, f"label/{label}", true)
        precision = here.share("precision", here.right, f"label/{label}", called)
        yield Class(label, recall, precision)


def _slices(here: _Here, given: Sequence[Given]) -> Iterator[tuple[Estimate, Estimate]]:
    """Accuracy and macro-F1 by language and by model family, where there are at least two of them."""
    ways: tuple[tuple[str, Callable[[Case], str]], ...] = (
        ("lang", lambda case: case.lang),
        ("family", lambda case: case.family),
    )
    for way, of in ways:
        members: dict[str, list[int]] = {}
        for i, case in enumerate(here.cases):
            members.setdefault(of(case) or "not stated", []).append(i)
        if len(members) < 2:
            continue
        for name, places in sorted(members.items()):
            whole = f"{way}/{name}"
            yield here.share("accuracy", here.right, whole, places), here.f1(given, whole, places)


def _far(here: _Here, given: Sequence[Given]) -> tuple[Estimate, Estimate, Estimate] | None:
    """The share that is far from the training answers, and the accuracy on the near and on the far ones."""
    flags = [None if one.far is None else float(one.far) for one in given]
    if all(flag is None for flag in flags):
        return None
    near, far = ([i for i, flag in enumerate(flags) if flag == wanted] for wanted in (0.0, 1.0))
    return (
        here.share("far_share", flags),
        here.share("accuracy", here.right, "far/no", near),
        here.share("accuracy", here.right, "far/yes", far),
    )


def _calibration(here: _Here, given: Sequence[Given]) -> Iterator[Estimate]:
    """ECE of the confidence in the label given, and the bins of the reliability plot."""
    if all(one.confidence is None for one in given):
        return
    stated = [Unit(c.id, c.group, "", one.confidence) for c, one in zip(here.cases, given, strict=True)]
    right = [Unit(c.id, c.group, "", value) for c, value in zip(here.cases, here.right, strict=True)]
    yield from errors(stated, right, here.judge, "open")
    yield from reliability(stated, right, here.judge, "open")


def _ceiling(here: _Here) -> Iterator[Estimate]:
    """What people agree on: `rater_agreement` and `rater_alpha` among the raters, and each against the reference.

    The reference is made of the raters' labels, so that `rater_accuracy` is too high by as much.
    """
    keys = sorted({key for case in here.cases for key in case.raters})
    if len(keys) > 1:
        codes: dict[str, int] = {}
        table = [[_code(codes, case.raters.get(key)) for key in keys] for case in here.cases]
        groups = [case.group for case in here.cases]
        for metric, found, unit in (
            ("rater_agreement", raw_agreement(table, groups), "proportion"),
            ("rater_alpha", krippendorff_alpha(table, groups), "alpha"),
        ):
            n = len(here.cases)
            yield here.made(metric, "all", found, n, n - found.n, None, bounded=False, unit=unit)
    for key in keys:
        labels = [case.raters.get(key) for case in here.cases]
        same = [None if x is None else float(x == c.label) for x, c in zip(labels, here.cases, strict=True)]
        yield here.share("rater_accuracy", same, judge=key)


def _code(codes: dict[str, int], label: str | None) -> int:
    return -1 if label is None else codes.setdefault(label, len(codes))


def _rivals(here: _Here, scale: set[str]) -> tuple[list[Rival], list[str]]:
    """Every other judge on the same answers, and those who never use a label of this scale: they cannot be compared."""
    found, apart = [], []
    for key in sorted({key for case in here.cases for key in case.others}):
        verdicts = [_on(case.others.get(key, Given(None)).label, scale) for case in here.cases]
        if not {label for label in verdicts if label is not None} & scale:
            apart.append(key)
            continue
        theirs = [None if x is None else float(x == c.label) for x, c in zip(verdicts, here.cases, strict=True)]
        both = [i for i in range(len(theirs)) if theirs[i] is not None and here.right[i] is not None]
        groups = [here.cases[i].group for i in both]
        difference = paired([here.right[i] or 0.0 for i in both], [theirs[i] or 0.0 for i in both], groups)
        found.append(
            Rival(
                judge=key,
                accuracy=here.share("accuracy", theirs, places=both, judge=key),
                ours=here.share("accuracy", here.right, places=both),
                difference=difference.value,
                low=difference.low,
                high=difference.high,
                p=difference.p,
                method=difference.method,
                n=len(theirs),
                n_missing=len(theirs) - len(both),
            )
        )
    adjusted = holm([one.p for one in found])
    return [replace(one, p=p) for one, p in zip(found, adjusted, strict=True)], apart
