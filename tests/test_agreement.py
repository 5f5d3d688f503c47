"""Agreement of several judges: Krippendorff's alpha over all of one scale, and who is compared with whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from honne.metrics.agreement import agreement
from honne.plugins import View
from honne.records import Estimate, Judgment
from honne.stats.agreement import krippendorff_alpha
from metrics_parts import item, judgment, row

FLAMES = {"3": (1.0, 3.0), "2": (2 / 3, 2.0), "1": (1 / 3, 1.0)}


def view(labels: dict[str, str], judge: str, scores: dict[str, tuple[float, float]] | None = None, **more: Any) -> View:
    """One string of one-letter labels per judge, `.` where it is missing; item `i` belongs to group `i // 2`."""
    n = len(next(iter(labels.values())))
    items = [item(f"i{k:03}", group=f"g{k // 2}") for k in range(n)]
    by_judge: dict[str, dict[tuple[str, int], Judgment]] = {}
    for name, text in labels.items():
        given = {}
        for one, label in zip(items, text, strict=True):
            score, raw = (scores or {}).get(label, (None, None))
            status = "unparsed" if label == "." else "scored"
            shown = None if label == "." else label
            given[one.id, 0] = judgment(one, shown, judge=name, status=status, score=score, raw_score=raw)
        by_judge[name] = given
    return View([row(i, by_judge[judge][i.id, 0]) for i in items], judge, by_judge, **more)


def alphas(seen: View) -> dict[str, Estimate]:
    return {e.metric: e for e in agreement(seen) if isinstance(e, Estimate) and "alpha" in e.metric}


def pairs(seen: View) -> list[tuple[str, str | None]]:
    return [(e.judge or "", e.reference) for e in agreement(seen) if isinstance(e, Estimate) and "cohen" in e.metric]


def test_alpha_of_all_judges_is_that_of_the_statistics() -> None:
    labels = {"a": "ssuusu.sus", "b": "ssuuuu.sss", "c": "susuuusss."}
    (found,) = alphas(view(labels, "a")).values()
    codes = {"s": 0, "u": 1, ".": -1}
    table = np.array([[codes[x] for x in text] for text in labels.values()]).T
    expected = krippendorff_alpha(table, np.arange(10) // 2)
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)
    assert found.method == expected.method and "clustered" in found.method
    assert (found.judge, found.reference, found.n, found.n_missing) == ("a", "all 3 judges", 10, 1)
    assert alphas(view(labels, "b")) == alphas(view(labels, "c")) == {}


def test_alpha_of_two_judges_stands_beside_their_kappa() -> None:
    (found,) = alphas(view({"a": "ssuusu", "b": "ssuuuu"}, "a")).values()
    assert (found.judge, found.reference) == ("b", "a")


def test_steps_are_read_from_the_scores_and_a_near_miss_counts_for_less() -> None:
    near = {"a": "3322113321", "b": "3222113221", "c": "3322213321"}
    far = {"a": "3322113321", "b": "1222113321", "c": "3322133321"}
    one, two = (alphas(view(labels, "a", FLAMES)) for labels in (near, far))
    assert set(one) == {"krippendorff_alpha", "krippendorff_alpha_ordinal"}
    gain = [found["krippendorff_alpha_ordinal"].value - found["krippendorff_alpha"].value for found in (one, two)]
    assert gain[0] > 0 > gain[1]
    xstest = {"c": (1.0, 1.0), "r": (0.0, 2.0), "p": (0.0, 3.0)}
    assert set(alphas(view({"a": "ccrrpc", "b": "ccrppc"}, "a", xstest))) == {"krippendorff_alpha"}
    assert set(alphas(view({"a": "ssuusu", "b": "ssuuuu"}, "a"))) == {"krippendorff_alpha"}


def test_a_panel_is_no_voice_of_its_own() -> None:
    labels = {"a": "ssuusu", "b": "ssuuuu", "c": "susuuu", "p": "ssuuuu"}
    panels = {"p": ("a", "b", "c")}
    assert alphas(view(labels, "a", panels=panels)) == {}, "the alpha of the members stands under the panel's name"
    (found,) = alphas(view(labels, "p", panels=panels)).values()
    assert (found.judge, found.reference) == ("p", "its 3 judges")
    assert pairs(view(labels, "a", panels=panels)) == [("b", "a"), ("c", "a")]
    human = {**labels, "labels": "ssuusu"}
    (found,) = alphas(view(human, "labels", panels=panels)).values()
    assert found.reference == "all 4 judges"
    assert ("p", "labels") in pairs(view(human, "labels", panels=panels))


@pytest.mark.parametrize(
    ("labels", "own", "compared"),
    [
        ({"a": "ssuu", "b": "kknn"}, {}, False),
        ({"a": "ssuu", "b": "fprf"}, {"b": ("refusal_shares",)}, False),
        ({"a": "ssuu", "b": "ffff"}, {"b": ("refusal_shares",)}, False),
        ({"a": "ssss", "b": "uuuu"}, {}, True),
        ({"a": "fprf", "b": "fprp"}, {"b": ("refusal_shares",)}, True),
        ({"a": "ssuu", "b": "...."}, {}, True),
    ],
)
def test_only_judges_of_one_scale_are_compared(labels: dict[str, str], own: Any, compared: bool) -> None:
    assert bool(pairs(view(labels, "a", own=own))) is compared


def test_a_verdict_with_points_is_compared_with_one_without_by_what_both_say() -> None:
    points = ["safe-9", "safe-4", "unsafe-2", "unsafe-1", "safe-8", "."]
    labels: dict[str, Any] = {"guard": ["safe", "safe", "unsafe", "safe", "safe", "safe"], "llm": points}
    (found,) = [m for m in agreement(view(labels, "guard")) if getattr(m, "metric", "") == "agreement"]
    assert [u.value for u in found.units] == [1, 1, 1, 0, 1, None]  # type: ignore[union-attr]
    only_safe = {**labels, "guard": ["safe"] * 6}
    (found,) = [m for m in agreement(view(only_safe, "guard")) if getattr(m, "metric", "") == "agreement"]
    assert [u.value for u in found.units] == [1, 1, 0, 0, 1, None]  # type: ignore[union-attr]
    alike: dict[str, Any] = {"a": points, "b": ["safe-8", *points[1:]]}
    (found,) = [m for m in agreement(view(alike, "a")) if getattr(m, "metric", "") == "agreement"]
    assert [u.value for u in found.units] == [0, 1, 1, 1, 1, None], "points against points"  # type: ignore[union-attr]
