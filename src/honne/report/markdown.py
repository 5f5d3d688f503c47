"""The report as Markdown: for issues, wikis and pull requests. Names from data are escaped, so they stay text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from honne.records import BUCKETS, RESPONSE_STATUSES
from honne.report import calibration, values
from honne.report._attacks import attack_grid, category_grids, folded
from honne.report._blocks import Block, Branch, Line, arrange, face_slices, labels, methods
from honne.report._facts import Facts, facts, flags
from honne.report._grids import Grid, agreement, unpooled
from honne.report._overview import overview
from honne.report._reading import reading, title
from honne.report._sentences import Sentence, Strong
from honne.report._text import NO_VALUE, bounds, category, count, interval, level, oneline, spread, value
from honne.report._ties import Tests, tied
from honne.report.model import RunReport

__all__ = ["escape", "render", "table"]

_SPECIAL = re.compile(
    r"([\\`*\[\]#|~$]|(?<!\w)_|_(?!\w)|^[-+=](?=\s)|^[-=]+$|(?<=\d)[.)](?=\s)|:(?=//)|(?<=www)\.|(?<=\w)@(?=\w))"
)


def escape(text: str, limit: int = 200) -> str:
    """`text` as one line of literal Markdown: no HTML, links, tables or emphasis can come out of it."""
    text = oneline(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text)


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """A table from plain texts, which are escaped here."""
    lines = [head, *body]
    rows = ["| " + " | ".join(escape(cell) for cell in line) + " |" for line in lines]
    return [rows[0], "|" + " --- |" * len(head), *rows[1:]]


def render(runs: Sequence[RunReport], tests: Tests | None = None, frame: str | None = None) -> str:
    """The whole report, without the example answers; of further judges without the categories of lesser metrics."""
    named = labels(runs)
    out = [f"# honne: {escape(title(runs))}", ""]
    for name, run in zip(named, runs, strict=True):
        out += [f"> **{escape(f.kind)}** ({escape(name)}): {escape(f.text, 400)}\n" for f in flags(run)]
    out += ["## What this says", "", *(f"- {_sentence(s)}" for s in reading(runs, tests)), ""]
    blocks = arrange(runs)
    if found := overview(blocks):
        out += ["## Overview", "", *_overview(*found), ""]
    out += values.markdown(runs, named, frame) if frame is not None else []
    for block in blocks:
        if not folded(block, blocks):
            out += _block(block, tests, agreement(block, blocks))
            out += _attacks(block, blocks)
    for name, run in zip(named, runs, strict=True):
        out += calibration.markdown(run, name)
    out += _accounting(runs, named)
    for name, run in zip(named, runs, strict=True):
        out += _provenance(name, facts(run))
    return "\n".join(out).rstrip() + "\n"


def _sentence(sentence: Sentence) -> str:
    return "".join(f"**{_inline(p)}**" if isinstance(p, Strong) else _inline(p) for p in sentence)


def _inline(part: str) -> str:
    """`escape` that keeps the spaces at the ends of a part of a sentence."""
    inner = part.strip()
    start = part.index(inner) if inner else 0
    return part[:start] + escape(inner, 2000) + part[start + len(inner) :]


def _overview(block: Block, branches: Sequence[Branch]) -> list[str]:
    head = ["benchmark", *(["run"] if len(block.runs) > 1 else []), "value", "interval", "n", "missing"]
    body = [
        [
            branch.name,
            *([name] if len(block.runs) > 1 else []),
            *((value(e), interval(e), count(e.n), count(e.n_missing)) if e else (NO_VALUE,) * 4),
        ]
        for branch in branches
        for (_, name), e in zip(block.runs, branch.line.cells, strict=True)
    ]
    return [*table(head, body), "", _how([branch.line for branch in branches])]


def _block(block: Block, tests: Tests | None, agreed: Grid | None) -> list[str]:
    judge = f"judge {block.judge}" if block.judge else "from the items alone"
    attack = f" under {block.attack}" if block.attack else ""
    out = [f"## {escape(block.benchmark + attack)} · {escape(judge)}", ""]
    out += [*_lines(block, block.beside(block.whole), tests), ""] if block.whole else []
    if not block.minor and (grid := unpooled(block)):
        out += [
            "### Metrics without an overall value, by top category",
            "",
            *_grid(grid, "category", len(block.runs)),
            "",
        ]
    if agreed:
        out += ["### Agreement between judges", "", *_grid(agreed, "judge", len({row.run for row in agreed.rows})), ""]
    for line, below in block.fronts if block.minor else block.broken_down():
        out += [f"### {escape(block.name(line))} by category", "", *_lines(block, [x.line for x in below], None), ""]
    for column, (_, name) in enumerate(block.runs):
        faces = face_slices(block, column)
        if faces:
            head = ["category", "n", "open safe", "choice safe", "both", "says only", "picks only", "neither"]
            body = [
                [
                    "all" if f.slice == "all" else category(f.slice),
                    count(f.open.n),
                    *(f"{value(x)} ({interval(x)})" if x else NO_VALUE for x in (f.open, f.choice, *f.square)),
                ]
                for f in faces
            ]
            out += [f"### Face and heart: {escape(name)}", "", *table(head, body), ""]
    return out


def _grid(grid: Grid, what: str, runs: int) -> list[str]:
    against = any(row.reference for row in grid.rows)
    head = [what, *(["against"] if against else []), *(["run"] if runs > 1 else []), *grid.metrics, "n", "missing"]
    body = [
        [
            row.what,
            *([row.reference] if against else []),
            *([row.run] if runs > 1 else []),
            *(f"{value(e)} ({interval(e)})" if e else NO_VALUE for e in row.cells),
            spread(e.n for e in row.found),
            spread(e.n_missing for e in row.found),
        ]
        for row in grid.rows
    ]
    return [*table(head, body), "", _how(grid.lines)]


def _attacks(block: Block, blocks: Sequence[Block]) -> list[str]:
    grid = attack_grid(block, blocks)
    if grid is None:
        return []
    out = ["### Under attack", "", *_grid(grid, "attack", len(block.runs)), ""]
    for run, table in [] if block.minor else category_grids(block, blocks):
        who = f": {escape(run)}" if len(block.runs) > 1 else ""
        out += [f"### Attack success rate by category{who}", "", *_grid(table, "category", 1), ""]
    return out


def _how(lines: Sequence[Line]) -> str:
    levels = ", ".join(dict.fromkeys(level(e) for line in lines for e in line.found if e.level))
    how = "; ".join(f"{m} ({', '.join(names)})" for m, names in methods(lines))
    return f"{f'{escape(levels)} intervals' if levels else 'Intervals'}: {escape(how, 600)}."


def _lines(block: Block, lines: Sequence[Line], tests: Tests | None) -> list[str]:
    head = ["metric", "slice", "run", "value", "interval", "n", "missing", "if missing were worst–best"]
    ties = [tied(block, line, tests) for line in lines]
    ranked = any(any(groups) for groups in ties)
    body = []
    for line, groups in zip(lines, ties, strict=True):
        for (_, name), e, group in zip(block.runs, line.cells, groups, strict=True):
            if e is None:
                continue
            where = "all" if e.slice == "all" else category(e.slice)
            row = [
                block.name(line),
                where,
                name,
                value(e),
                interval(e),
                count(e.n),
                count(e.n_missing),
                bounds(e) or NO_VALUE,
            ]
            body.append([*row, group] if ranked else row)
    note = " Runs that share a letter are not separated by the paired tests." if ranked else ""
    return [
        *table([*head, "tie"] if ranked else head, body),
        "",
        _how(lines) + note,
    ]


def _accounting(runs: Sequence[RunReport], named: Sequence[str]) -> list[str]:
    answers, judged = [], []
    for name, run in zip(named, runs, strict=True):
        for a in run.accounts:
            where = [name, " ".join(x for x in (a.benchmark, a.attack) if x), a.form]
            asked = a.asked
            answers.append([*where, *map(count, (asked, *(a.responses.get(s, 0) for s in RESPONSE_STATUSES), a.empty))])
            for judge, buckets in a.judges.items():
                numbers = (sum(buckets.values()), *(buckets.get(b, 0) for b in BUCKETS))
                judged.append([*where, judge, *map(count, numbers)])
    if not answers:
        return []
    out = ["## Accounting", "", *table(["run", "benchmark", "form", "asked", *RESPONSE_STATUSES, "empty"], answers), ""]
    return out + ([*table(["run", "benchmark", "form", "judge", "sum", *BUCKETS], judged), ""] if judged else [])


def _provenance(name: str, f: Facts) -> list[str]:
    out = [f"## Provenance: {escape(name)}", ""]
    out += [f"- {escape(x.name)}: {escape(x.text, 400)}" for x in f.facts]
    out += [f"- data: {escape(d.name)}: {d.verdict} ({escape(d.licence or 'licence unknown')})" for d in f.files]
    out += [f"- prompt: {escape(judge)} {escape(prompt)}: {escape(sha)}" for judge, prompt, sha in f.prompts]
    out += [f"- cost: {escape(who)}: {price} ({tin} tokens in, {tout} out)" for who, price, tin, tout in f.costs]
    return [*out, *(f"- note: {escape(n, 1000)}" for n in f.notes), ""]
