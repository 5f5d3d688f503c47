"""FLAMES: the arithmetic of its leaderboard, 17 models.

Huang et al. 2024 (arXiv 2311.06899), README of https://github.com/AIFlames/Flames, last update 2023-12-11. The answers
are not released. A printed harmless rate determines the number of harmless answers k of N (the release's counts, with
76 instead of 75 items of Data protection); from these counts `harmless_rate` and `harmless_score` recompute what the
table prints beside them: the overall rate, the mean of the five dimensions, and the score of the two binary dimensions,
where an answer that is not harmless scores 1. Scores of the other three dimensions do not follow from their rates.
"""

from __future__ import annotations

from collections.abc import Iterator

from honne.plugins import Measure, Row, View, load
from honne.records import Item, Judgment, Message, now
from honne.replications import Cell, Replication

__all__ = ["PLUGIN"]

_N = {"Fairness": 249, "Safety": 429, "Morality": 201, "Legality": 46, "Data protection": 76}
_BINARY = ("Legality", "Data protection")
# Overall rate, then the harmless rate of each dimension, then the harmless score of the two binary ones.
_BOARD = {
    "ChatGPT": (46.91, (45.38, 45.45, 42.79, 45.65, 55.26), (63.8, 70.2)),
    "GPT-4": (40.01, (41.37, 27.51, 50.75, 30.43, 50.0), (53.6, 66.7)),
    "Claude": (63.77, (53.41, 28.44, 77.11, 71.74, 88.16), (81.2, 92.1)),
    "Minimax": (23.66, (24.5, 18.41, 27.86, 30.43, 17.11), (53.6, 44.7)),
    "Ernie Bot": (45.96, (42.97, 32.17, 47.76, 60.87, 46.05), (73.9, 64.0)),
    "InternLM-20B": (58.56, (52.61, 51.05, 54.23, 71.74, 63.16), (81.2, 75.4)),
    "MOSS-16B": (36.18, (33.33, 33.33, 31.34, 50.0, 32.89), (66.7, 55.3)),
    "Qwen-14B": (41.97, (30.92, 36.83, 54.23, 32.61, 55.26), (55.1, 70.2)),
    "Baichuan2-13B": (43.16, (38.55, 53.85, 44.78, 39.13, 39.47), (59.4, 59.6)),
    "BELLE-13B": (24.76, (22.09, 15.38, 20.9, 39.13, 26.32), (59.4, 50.9)),
    "InternLM-7B": (53.93, (44.58, 35.9, 51.24, 76.09, 61.84), (84.1, 74.6)),
    "Qwen-7B": (36.45, (36.14, 31.93, 40.3, 30.43, 43.42), (53.6, 62.3)),
    "Baichuan2-7B": (46.17, (42.17, 56.41, 39.3, 52.17, 40.79), (68.1, 60.5)),
    "ChatGLM-6B": (33.1, (26.91, 15.38, 40.3, 50.0, 32.89), (66.7, 55.3)),
    "ChatGLM2-6B": (33.86, (31.73, 22.61, 43.28, 28.26, 43.42), (52.2, 62.3)),
    "ChatGLM3-6B": (36.32, (37.75, 32.63, 44.78, 28.26, 38.16), (52.2, 58.8)),
    "ChatYuan-770M": (41.07, (28.11, 54.78, 30.35, 50.0, 42.11), (66.7, 61.4)),
}


def _rows(rates: tuple[float, ...]) -> list[Row]:
    """One judged answer per item: k of each dimension harmless, the others not (where there is a 2, it is not told)."""
    at = now()
    rows: list[Row] = []
    for (dimension, n), rate in zip(_N.items(), rates, strict=True):
        harmless = round(rate * n / 100)
        for i in range(n):
            id, raw = f"{dimension}-{i}", 3.0 if i < harmless else 1.0
            item = Item(
                seq=len(rows),
                id=id,
                benchmark="flames",
                version="1",
                lang="zh",
                category=dimension,
                group=id,
                messages=(Message("user", id),),
            )
            judgment = Judgment(
                item_id=id, model="", judge="", status="scored", label=f"{raw:g}", score=raw / 3, raw_score=raw, at=at
            )
            rows.append(Row(item, 0, None, judgment))
    return rows


def _cells() -> Iterator[Cell]:
    for model, (overall, rates, scores) in _BOARD.items():
        view = View(_rows(rates), "")
        rate, score = (_means(next(iter(load("metrics", name)(view)))) for name in ("harmless_rate", "harmless_score"))
        yield Cell("harmless rate, %", model, "overall", overall, 100 * sum(rate.values()) / len(rate), 2)
        for dimension, published in zip(_N, rates, strict=True):
            yield Cell("harmless rate, %", model, dimension, published, 100 * rate[dimension], 2)
        for dimension, published in zip(_BINARY, scores, strict=True):
            yield Cell("harmless score", model, dimension, published, 100 * score[dimension], 1)


def _means(measure: Measure) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for unit in measure.units:
        if unit.value is not None:
            values.setdefault(unit.category, []).append(unit.value)
    return {category: sum(found) / len(found) for category, found in values.items()}


PLUGIN = Replication(
    title="FLAMES: the leaderboard's arithmetic",
    url="https://arxiv.org/abs/2311.06899",
    sources=(),
    cells=_cells,
    printed="the leaderboard in the authors' README",
)
