"""A plan of labels in the terminal, and as a file: CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from honne.engine.labelling import COLUMNS, Planned
from honne.errors import ConfigError, unknown
from honne.report._text import NO_VALUE, category, count, interval, oneline, value
from honne.report.csv import cell
from honne.report.output import save
from honne.stats.labelling import mean_width

__all__ = ["check_todo", "print_plans", "write_todo"]

_KINDS = (".csv", ".jsonl")


def print_plans(name: str, plans: Sequence[Planned], console: Console) -> None:
    """For each rate: how many labels, on which verdicts, what width to expect, and what other ways would take."""
    console.print(Text.assemble(("honne calibrate --plan ", "bold red"), (oneline(name), "bold")))
    for one in plans:
        under = f" under {oneline(one.attack)}" if one.attack else ""
        console.print()
        part = f", {category(one.part)}" if one.part else ""
        head = f"{oneline(one.benchmark)}{under} · {oneline(one.metric)}{part} · judge {oneline(one.judge)}"
        console.print(Padding(Text(head, "bold"), (0, 0, 0, 2)))
        for line in _lines(one):
            console.print(Padding(Text(line), (0, 0, 0, 2)))
    for line in _means(plans):
        console.print()
        console.print(Padding(Text(line), (0, 0, 0, 2)))


def _lines(one: Planned) -> list[str]:
    p = one.plan
    known = f"{count(one.pilot)} labels" if one.pilot else "the accuracy given"
    expected = "; ".join(
        f"{name} {count(n)}, of which people are expected to count {100 * rate:.0f}%"
        for name, n, rate in zip(one.verdicts, one.sizes, one.rates, strict=True)
    )
    out = [f"raw {value(one.raw)} ({interval(one.raw)}); by {known}: {expected}"]
    if p.labels is None or p.width is None or p.typical is None:
        return [*out, f"no plan: {p.refused}"]
    answers = [row for rows in one.strata for row in rows]
    questions = len({row.item.group for row in answers})
    if questions < len(answers):
        out.append(
            f"these {count(len(answers))} answers are of {count(questions)} questions: the plan takes every answer by "
            "itself, and where those of one question are alike the interval will be wider than it says"
        )
    drawn = ", ".join(f"{count(k)} of {count(n)} {name}" for name, n, k in _drawn(one)) or "drawn at random from all"
    out.append(f"label {count(p.labels)} answers: {drawn}")
    out.append(
        f"the corrected interval is then at most {100 * p.width:.1f} points wide in {100 * p.assurance:.0f}% of such "
        f"draws, {100 * p.typical:.1f} as a rule"
    )
    other = "at random from all" if p.allocation else "by verdict"
    out.append(
        f"drawn {other} it would take {_or_more(p.random if p.allocation else p.by_verdict)}, and without the judge "
        + _or_more(p.labels_only)
    )
    if p.labels_only is not None and p.labels_only < p.labels:
        out.append("the verdicts of this judge save no labels here: they tell too little of what people say")
    return out


def _means(plans: Sequence[Planned]) -> list[str]:
    """What the plans of the categories of a macro mean come to together."""
    found: dict[tuple[str, str | None, str], list[Planned]] = {}
    for one in plans:
        if one.part is not None:
            found.setdefault((one.benchmark, one.attack, one.metric), []).append(one)
    out = []
    for (_, _, metric), parts in found.items():
        labels = sum(one.plan.labels or 0 for one in parts)
        width = mean_width([(_share(one), one.plan.width or 0.0) for one in parts])
        out.append(
            f"{oneline(metric)} is the mean of these {len(parts)} categories: label {count(labels)} answers in all, "
            f"and its corrected interval is then at most {100 * width:.1f} points wide in "
            f"{100 * parts[0].plan.assurance:.0f}% of such draws"
        )
    return out


def _share(one: Planned) -> float:
    """The share that people are expected to count among all answers of a plan."""
    return sum(n * rate for n, rate in zip(one.sizes, one.rates, strict=True)) / sum(one.sizes)


def _drawn(one: Planned) -> list[tuple[str, int, int]]:
    return list(zip(one.verdicts, one.sizes, one.plan.allocation, strict=True)) if one.plan.allocation else []


def _or_more(n: int | None) -> str:
    return "more labels than there are answers" if n is None else f"{count(n)} labels" if n else NO_VALUE


def check_todo(path: Path) -> None:
    """Raises ConfigError for another ending than .csv or .jsonl."""
    if path.suffix not in _KINDS:
        raise ConfigError(f"-o {path}: {unknown('kind of file', path.suffix or path.name, _KINDS)}")


def write_todo(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The list of answers. Raises ConfigError for another ending than .csv or .jsonl."""
    check_todo(path)
    if path.suffix == ".jsonl":
        save(path, "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows))
        return
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([cell(row[name]) for name in COLUMNS])
    save(path, out.getvalue())
