"""A judge on labelled answers, dimension by dimension: a scorer that is asked now, or one whose verdicts are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from honne.errors import ConfigError, DataError, unknown
from honne.judges._scorer import Loaded
from honne.scorer.cases import Cases
from honne.scorer.evaluate import measure
from honne.scorer.evaluation import Case, Evaluation, Given, Part
from honne.scorer.seen import Seen

__all__ = ["by_key", "by_scorer"]


def by_key(found: Cases, judge: str) -> Evaluation:
    """A judge whose verdicts are in every run that was read, named by its key, or by its name before the @.

    Raises ConfigError for a name that is none of theirs, or of several.
    """
    keys = [key for key in found.judges if key == judge] or [k for k in found.judges if k.partition("@")[0] == judge]
    if len(keys) > 1:
        raise ConfigError(f"{len(keys)} judges are named {judge!r}: say which of {', '.join(keys)}")
    if not keys:
        raise ConfigError(f"{unknown('judge', judge, found.judges)} A scorer is named by its folder.")
    key = keys[0]
    given = {case.id: Given({**case.raters, **case.others}.get(key)) for case in found.cases}
    cases = [_without(case, key) for case in found.cases]
    parts = _parts(key, cases, given, {})
    return Evaluation(key, None, found.reference, found.sources, found.left_out, parts)


def by_scorer(found: Cases, scorer: Loaded, name: str) -> Evaluation:
    """A scorer on the cases whose prompts it was not trained on.

    Raises DataError where it was trained on all of them, or where it has no head for any.
    """
    left = Counter(found.left_out)
    seen = Seen.of(scorer.about)
    cases = []
    for case in found.cases:
        labels = scorer.heads.get(case.dimension)
        if labels is None:
            left["no head"] += 1
        elif case.label not in labels:
            left["foreign label"] += 1
        elif case.prompt in seen:
            left["trained"] += 1
        else:
            cases.append(case)
    if not cases:
        raise DataError(_nothing(found, scorer, left))
    predictions = scorer.probabilities([(case.prompt, case.answer, case.dimension) for case in cases])
    given = {
        case.id: Given(p.label, max(p.probabilities.values()), p.far)
        for case, p in zip(cases, predictions, strict=True)
    }
    about = scorer.about
    said = {"name": about.name, "version": about.version, "kind": about.kind, "digest": about.digest}
    return Evaluation(name, said, found.reference, found.sources, dict(left), _parts(name, cases, given, scorer.heads))


def _parts(
    judge: str, cases: Sequence[Case], given: Mapping[str, Given], heads: Mapping[str, Sequence[str]]
) -> tuple[Part, ...]:
    by_dimension: dict[str, list[Case]] = {}
    for case in cases:
        by_dimension.setdefault(case.dimension, []).append(case)
    return tuple(
        measure(judge, name, heads.get(name, ()), mine, [given[case.id] for case in mine])
        for name, mine in sorted(by_dimension.items())
    )


def _without(case: Case, key: str) -> Case:
    """A case without the judge that is evaluated among the others."""
    others, raters = ({k: v for k, v in found.items() if k != key} for found in (case.others, case.raters))
    return replace(case, others=others, raters=raters)


def _nothing(found: Cases, scorer: Loaded, left: Mapping[str, int]) -> str:
    on = ", ".join(found.sources)
    if left["trained"]:
        return f"{on}: the scorer was trained on the prompts of all {left['trained']:,} answers: evaluate it on others"
    if left["no head"]:
        there = sorted({case.dimension for case in found.cases})
        heads = ", ".join(scorer.heads)
        return f"{on}: the scorer has no head for {', '.join(there)}; it has {heads} (--dimension puts all under one)"
    labels = sorted({case.label for case in found.cases})
    return f"{on}: none of the labels ({', '.join(labels[:8])}) is one that the scorer gives"
