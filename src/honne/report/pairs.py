"""What `honne pairs` prints: what was made, of what, what was left out and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from honne.report._text import category, count, oneline

__all__ = ["print_pairs"]

# Rows of a table of counts; the record has all of them.
_MOST = 12
_TITLES = {"part": "source", "category": "category", "lang": "language", "form": "form", "attack": "attack"}


def print_pairs(record: Mapping[str, Any], out: Path, console: Console) -> None:
    """The record of a set of pairs, as tables and lines."""
    files: Mapping[str, Mapping[str, Any]] = record["files"]
    for name, one in files.items():
        head = f"{out.with_name(one['file'])}: {count(one['pairs'])} pairs of {count(one['prompts'])} prompts"
        console.print(Text(head if len(files) == 1 else f"{head} ({oneline(name)})"))
    console.print(_counts(files))
    console.print(_sides(files))
    for line in _lines(record):
        console.print(Text(line))
    console.print(Text(f"record: {out.with_suffix('.json')}"))


def _counts(files: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("pairs by")
    table.add_column("")
    for name in files:
        table.add_column(oneline(name), justify="right")
    for what, title in _TITLES.items():
        total: dict[str, int] = {}
        for one in files.values():
            for value, n in one["by"][what].items():
                total[value] = total.get(value, 0) + n
        if set(total) <= {""}:
            continue
        ranked = sorted(total, key=lambda value: (-total[value], value))
        for place, value in enumerate(ranked[:_MOST]):
            shown = category(value) if what == "category" else oneline(value) or "none"
            cells = (count(one["by"][what].get(value, 0)) for one in files.values())
            table.add_row(title if place == 0 else "", Text(shown), *cells)
        if len(ranked) > _MOST:
            rest = (sum(one["by"][what].get(value, 0) for value in ranked[_MOST:]) for one in files.values())
            table.add_row("", f"{len(ranked) - _MOST} others", *map(count, rest))
    return table


def _sides(files: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("sides")
    for name in files:
        table.add_column(oneline(name), justify="right")
    rows: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
        ("characters, chosen (mean, median)", lambda one: _length(one["length"]["chosen"])),
        ("characters, rejected", lambda one: _length(one["length"]["rejected"])),
        ("chosen is the longer side", lambda one: _share(one["chosen_longer"])),
        ("chosen is the shorter side", lambda one: _share(one["chosen_shorter"])),
        ("chosen reads as a refusal", lambda one: _share(one["refusals"]["chosen"])),
        ("rejected reads as a refusal", lambda one: _share(one["refusals"]["rejected"])),
    )
    for title, shown in rows:
        table.add_row(title, *(shown(one) for one in files.values()))
    return table


def _length(found: Mapping[str, float] | None) -> str:
    return f"{found['mean']:,.0f}, {found['median']:,.0f}" if found else "–"


def _share(found: Mapping[str, Any]) -> str:
    return f"{100 * found['k'] / found['n']:.1f}% of {count(found['n'])}" if found["n"] else "–"


def _lines(record: Mapping[str, Any]) -> list[str]:
    left = record["left_out"]
    out = []
    for what, told in (
        ("duplicates", "dropped, being the same as another pair"),
        ("contradictions", "dropped, being another pair with its sides exchanged"),
        ("not_taken", "not taken (--limit, --mix, --length-balanced)"),
    ):
        if left[what]:
            out.append(f"{count(left[what])} {told}")
    for reason in sorted(left["reasons"], key=lambda r: -r["n"]):
        first = f" (first: {oneline(reason['first'])})" if reason["first"] else ""
        out.append(f"left out: {count(reason['n'])} × {oneline(reason['why'])}{first}")
    if record["leak_check"]:
        compared = ", ".join(f"{count(n)} {what}" for what, n in record["leak_check"]["compared"].items())
        out.append(f"leak check: no two parts share any of {compared}")
    # A fixed judge compares with a right answer that is known: nothing learns to please it.
    judges = [oneline(j["key"]) for j in record["judges"] if not j["fixed"]]
    if judges:
        out.append(f"judged by {', '.join(judges)}: what is trained on these pairs needs another judge")
    out += [f"note: {oneline(note, 400)}" for note in record["notes"]]
    return out
