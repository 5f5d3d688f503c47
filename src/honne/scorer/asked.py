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
    given = {case.id: case.others.get(key) or Given(case.raters.get(key)) for case in found.cases}
    cases = [_without(case, key) for case in found.cases]
    parts = _parts(key, cases, given, {})
    return _evaluation(found, key, None, found.left_out, parts)


def by_scorer(found: Cases, scorer: Loaded, name: str) -> Evaluation:
    """A scorer on the cases whose prompts it was not trained on.

    Raises DataError where it was trained on all of them, or where it has no head for any.
    """
    left = Counter(found.left_out)
    seen = Seen.of(scorer.about)
    heads = _heads(found.cases, scorer)
    cases = []
    for case in found.cases:
        head = heads[case.dimension]
        if head is None:
            left["no head"] += 1
        elif case.label not in scorer.heads[head]:
            left["foreign label"] += 1
        elif not case.answer.strip():
            left["no answer"] += 1
        elif _language(case.lang) not in map(_language, scorer.about.heads[head].languages):
            left["language"] += 1
        elif case.prompt in seen:
            left["trained"] += 1
        else:
            cases.append(case)
    if not cases:
        raise DataError(_nothing(found, scorer, left))
    predictions = scorer.probabilities([(c.prompt, c.answer, heads[c.dimension] or "") for c in cases])
    given = {
        case.id: Given(p.label, max(p.probabilities.values()), p.far)
        for case, p in zip(cases, predictions, strict=True)
    }
    about = scorer.about
    said = {"name": about.name, "version": about.version, "kind": about.kind, "digest": about.digest}
    scales = {dimension: scorer.heads[head] for dimension, head in heads.items() if head is not None}
    parts = (replace(part, head=heads[part.dimension]) for part in _parts(name, cases, given, scales))
    return _evaluation(found, name, said, dict(left), tuple(parts))


def _evaluation(
    found: Cases, judge: str, said: Mapping[str, str] | None, left: Mapping[str, int], parts: tuple[Part, ...]
) -> Evaluation:
    read = found.reference, found.sources, left, parts
    return Evaluation(judge, said, *read, designs=found.designs, people=found.people, alike=found.alike)


def _heads(cases: Sequence[Case], scorer: Loaded) -> dict[str, str | None]:
    """The head for each dimension, as the judge picks it: of its name, of its benchmark's name, else the only general
    one that has a word for all of the dimension's labels."""
    labels: dict[str, set[str]] = {}
    for case in cases:
        labels.setdefault(case.dimension, set()).add(case.label)
    out: dict[str, str | None] = {}
    for dimension, used in labels.items():
        named = [name for name in (dimension, dimension.partition("/")[0]) if name in scorer.heads]
        general = [name for name, h in scorer.about.heads.items() if h.general and used <= set(h.labels)]
        out[dimension] = named[0] if named else general[0] if len(general) == 1 else None
    return out


def _language(lang: str) -> str:
    return lang.partition("-")[0].lower()


def _parts(
    judge: str, cases: Sequence[Case], given: Mapping[str, Given], scales: Mapping[str, Sequence[str]]
) -> tuple[Part, ...]:
    by_dimension: dict[str, list[Case]] = {}
    for case in cases:
        by_dimension.setdefault(case.dimension, []).append(case)
    return tuple(
        measure(judge, name, scales.get(name, ()), mine, [given[case.id] for case in mine])
        for name, mine in sorted(by_dimension.items())
    )


def _without(case: Case, key: str) -> Case:
    """A case without the judge that is evaluated among the others."""
    others = {k: v for k, v in case.others.items() if k != key}
    return replace(case, others=others, raters={k: v for k, v in case.raters.items() if k != key})


def _nothing(found: Cases, scorer: Loaded, left: Mapping[str, int]) -> str:
    on = ", ".join(found.sources)
    if left["trained"]:
        return f"{on}: the scorer was trained on the prompts of all {left['trained']:,} answers: evaluate it on others"
    if left["no head"]:
        there = sorted({case.dimension for case in found.cases})
        heads = ", ".join(scorer.heads)
        return f"{on}: the scorer has no head for {', '.join(there)}; it has {heads} (--dimension puts all under one)"
    if left["language"]:
        there = sorted({case.lang for case in found.cases})
        met = sorted({lang for head in scorer.about.heads.values() for lang in head.languages})
        return f"{on}: answers in {', '.join(there)}; the scorer learnt from {', '.join(met) or 'no language'}"
    labels = sorted({case.label for case in found.cases})
    return f"{on}: none of the labels ({', '.join(labels[:8])}) is one that the scorer gives"
