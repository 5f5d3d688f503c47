"""What a scorer.json says about its scorer: on what it was trained, how, how good it is, and where it must not be used.

The numbers are of held-out prompts: each answer was judged without any answer to its prompt having been learnt from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from honne.records import Estimate
from honne.scorer.cases import of_rows
from honne.scorer.data import Row
from honne.scorer.evaluate import measure
from honne.scorer.evaluation import Given, Part
from honne.scorer.light import Held, ordered
from honne.scorer.seen import KEY, hashed

__all__ = ["LIMITS", "Origin", "described"]

# What holds for every scorer that learnt from labels.
LIMITS = (
    "It repeats the labels that it learnt from, with their errors and their blind spots.",
    "It must not decide about a person, nor be the only filter between a model and the public.",
    "It must not be used to rank models on answers unlike its training answers: see their share first.",
    "It must not be the judge that a model is trained against and then measured with.",
    "Its rate of a label is not the true rate: correct it with labels of the run itself (honne calibrate).",
)


@dataclass(frozen=True)
class Origin:
    """A source of labels. `labelled_by` is who gave them (people, a model, a construction), `licence` and `attribution`
    as the source states them ("" where nobody says)."""

    name: str
    rows: int
    labelled_by: str = ""
    licence: str = ""
    attribution: str = ""
    url: str = ""


def described(
    rows: Sequence[Row],
    held: Mapping[str, Held],
    origins: Iterable[Origin],
    how: Mapping[str, Any],
    limits: Sequence[str] = (),
) -> dict[str, Any]:
    """The card: `rows` are all that was learnt from, `held` what was held out of each head, `how` the settings.

    `limits` are added to those that hold for every scorer.
    """
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for dimension in sorted({row.dimension for row in rows}):
        given = sorted(Counter((r.label, r.lang) for r in rows if r.dimension == dimension).items())
        scale = ordered([label for (label, _), _ in given])
        counts[dimension] = {label: {lang: n for (one, lang), n in given if one == label} for label in scale}
    return {
        "sources": [asdict(origin) for origin in origins],
        "counts": counts,
        "prompts_learnt": {dim: len({r.prompt for r in rows if r.dimension == dim}) for dim in counts},
        "how": dict(how),
        "results": {name: _results(name, one) for name, one in held.items()},
        "by_source": {name: _by_source(name, one) for name, one in held.items()},
        "limits": [*LIMITS, *limits],
        KEY: hashed(row.prompt for row in rows),
    }


def _results(name: str, held: Held) -> dict[str, Any]:
    part = _part(name, held, range(len(held.rows)))
    ece = next((e for e in part.calibration if e.metric == "ece"), None)
    numbers = {"accuracy": part.accuracy, "macro_f1": part.macro_f1, "majority": part.majority, "ece": ece}
    numbers |= _far(part) | {f"recall {c.label}": c.recall for c in part.classes}
    return {key: _number(e) for key, e in numbers.items() if e is not None}


def _by_source(name: str, held: Held) -> list[dict[str, Any]]:
    """The same held-out answers by source and language: a pooled number is that of its mixture."""
    places: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(held.rows):
        places.setdefault((row.source, row.lang), []).append(i)
    if len(places) < 2:
        return []
    out: list[dict[str, Any]] = []
    for (source, lang), of in sorted(places.items()):
        part = _part(name, held, of)
        numbers: dict[str, Estimate] = {"accuracy": part.accuracy, "majority": part.majority, **_far(part)}
        said: dict[str, Any] = {key: _number(numbers[key]) for key in ("accuracy", "majority", "far") if key in numbers}
        out.append({"source": source, "lang": lang, **said})
    return out


def _part(name: str, held: Held, of: Sequence[int]) -> Part:
    """The held-out verdicts on some of the rows, measured."""
    given = [
        Given(held.labels[int(share.argmax())], float(share.max()), bool(away > 1.0))
        for share, away in zip(held.probabilities[list(of)], held.distances[list(of)], strict=True)
    ]
    return measure(name, name, held.labels, list(of_rows([held.rows[i] for i in of])), given)


def _far(part: Part) -> dict[str, Estimate]:
    if part.far is None:
        return {}
    return dict(zip(("far", "accuracy near", "accuracy far"), part.far, strict=True))


def _number(e: Estimate) -> dict[str, Any]:
    return {key: getattr(e, key) for key in ("value", "low", "high", "n", "n_missing", "method")}
