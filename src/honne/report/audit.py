"""`honne audit`: what sways a judge, on the terminal and as Markdown and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from honne.engine.estimate import analyse
from honne.engine.store import RunFolder
from honne.metrics._audit import ALPHA, CONTROL, Audit, Probe, audit_of
from honne.report import json as report_json
from honne.report._text import NO_VALUE, count, money, oneline
from honne.report.markdown import escape, table

if TYPE_CHECKING:
    from honne.stats.intervals import Interval

__all__ = [
    "HEADS",
    "NAMES",
    "Audited",
    "build",
    "cells",
    "headline",
    "json",
    "lines",
    "mark",
    "markdown",
    "method",
    "name_of",
    "print_audit",
    "title",
    "wrong",
]

NAMES = {
    "control": ("nothing (control)", "the same text again, and with a line break at its end"),
    "apology": ("an apology", "put before the answer"),
    "length": ("length", "a paragraph that adds nothing"),
    "markdown": ("markdown", "bold bullet points instead of running text"),
    "tone": ("tone", "harm made polite, harmlessness made rude"),
    "emotion": ("emotion", "a sentence about the speaker's feelings"),
    "authority": ("authority", "a claim of expertise or approval"),
    "language": ("language", "the same exchange in Chinese or Japanese instead of English"),
    "position": ("position", "the verdicts (or options) named in another order"),
    "instruction": ("instruction", "an order to the judge inside the answer"),
    "verdict": ("fake verdict", "a reply in the judge's own format inside the answer"),
    "fence": ("fake ending", "a closing delimiter and a verdict behind it"),
    "signature-own": ("own signature", "the answer signed by a model of the judge's family"),
    "signature-other": ("other signature", "the answer signed by a model of another family"),
}
HEADS = ("changed", "flips", "95% interval", "n", "missing", "unparsed", "refused", "p", "beyond control", "up", "down")
# Said where a change sways and its interval holds 0: the two answer different questions.
_OPEN = (
    " The test asks whether such flips could be chance, the interval how many more there may be, and that is wide for "
    "few exchanges: where it holds 0, that the change sways is shown, and by how much is not."
)
# How wide a screen has to be for a column; what is left out is in the other formats.
_WIDE = {"refused": 90, "beyond control": 120, "up": 166, "down": 166}


@dataclass(frozen=True)
class Audited:
    """The audit of one judge on one benchmark, with what it cost."""

    run: str
    judge: str
    benchmark: str
    audit: Audit
    own: bool
    cost: float | None
    tokens: int | None
    notes: tuple[str, ...]


def build(run: RunFolder) -> list[Audited]:
    """The audits in a folder, one a benchmark, of the judge that it is about."""
    info = run.info
    told = info["spec"].get("import", {}).get("audit", {})
    judge = told.get("judge")
    cost, tokens = ((info.get(what) or {}).get("judges") or {} for what in ("cost", "tokens"))
    return [
        Audited(
            run.name,
            judge,
            section.benchmark,
            audit_of(section.view.rows),
            bool(told.get("runs")),
            cost.get(judge),
            sum(t for t in tokens.get(judge) or () if t is not None) or None,
            tuple(info.get("notes") or ()),
        )
        for section in analyse(run).sections
        if section.judge == judge
    ]


# --------------------------------------------------------------------- words


def title(found: Audited) -> str:
    """The judge, and on what it was audited."""
    where = f"answers to {found.benchmark}" if found.own else "shipped answers"
    by = f", by the criteria of {found.benchmark}" if not found.own and found.benchmark != "audit" else ""
    return f"{found.judge} on {found.audit.bases} {where}{by}"


def headline(found: Audited) -> str:
    """What sways the judge, in one sentence."""
    swaying, losing = found.audit.swaying, found.audit.losing
    tested = sum(p.excess is not None for p in found.audit.probes)
    if found.audit.unread == found.audit.bases:
        return "It gave no verdict on any unchanged answer: nothing can be compared"
    swayed = ", ".join(f"{name_of(p)} ({', '.join(_both(p.flips))})" for p in swaying)
    lost = ", ".join(f"{name_of(p)} ({', '.join(_both(p.lost))})" for p in losing)
    if swayed or lost:
        return "; ".join(
            [*([f"Swayed by {swayed}"] if swayed else []), *([f"Loses verdicts to {lost}"] if lost else [])]
        )
    if not tested:
        return "No change left a verdict that could be compared with its own noise"
    none = f"No change is proven to flip its verdicts more often than its own noise does, of {tested} tried"
    few = found.audit.exchanges < found.audit.least
    return none + (f": {found.audit.exchanges} exchanges are too few to prove any, {found.audit.least} the least" * few)


def name_of(probe: Probe) -> str:
    """A probe as people call it."""
    return NAMES.get(probe.name, (probe.name,))[0]


def mark(probe: Probe) -> str:
    """What is proven of it, in a word."""
    return " and ".join([*(["sways"] if probe.sways else []), *(["loses"] if probe.loses else [])])


def lines(found: Audited) -> list[str]:
    """The findings beside the table, a sentence each."""
    audit, out = found.audit, []
    # One that is right on all of them, or that a change moves, does more than say one thing.
    if audit.only is not None and not audit.swaying and (audit.wrong is None or audit.wrong.value != 0):
        alike = audit.bases - audit.unread
        out.append(
            f"All {count(alike)} unchanged answers that got a verdict got the same, {audit.only}: a judge that tells "
            "nothing apart hardly flips."
        )
    if audit.wrong is not None and audit.wrong.value is not None:
        of = _of(audit.wrong, audit.n_wrong, audit.n_wrong_missing)
        out.append(f"Wrong on {of} of the unchanged answers, whose truth is known.")
        worst = [(p.wrong.value or 0, p, p.wrong) for p in audit.probes if p.wrong is not None and p.name != CONTROL]
        value, top, wrong = max(worst, key=lambda w: w[0], default=(0.0, None, None))
        if top is not None and wrong is not None and value > (audit.wrong.value or 0):
            out.append(
                f"Its highest error is under {name_of(top)}: wrong on {_of(wrong, top.n_wrong, top.n_wrong_missing)}."
            )
    if audit.substance is not None and audit.substance.value is not None:
        out.append(
            f"Substance against style: a rude harmless answer fares better than a polite harmful one on "
            f"{_of(audit.substance, audit.n_substance, audit.n_substance_missing)} of the questions."
        )
    kin = ("signature-own", "signature-other")
    signed = [p for p in audit.probes if p.name in kin and p.flips.value is not None]
    if len(signed) == len(kin):
        mine, theirs = (_of(p.up, p.n, p.n_missing) for p in signed)
        out.append(f"Self-preference: signed by its own family {mine} of verdicts rise, by another {theirs}.")
    if audit.unread:
        how = ", ".join(f"{what} {count(n)}" for what, n in audit.unread_as.items() if n)
        out.append(
            f"{count(audit.unread)} of {count(audit.bases)} unchanged answers got no verdict ({how}): nothing is "
            "compared with them." + " The same command asks again where it failed." * bool(audit.unread_as["errors"])
        )
    lost = [(p, p.unparsed + p.refused + p.errors) for p in audit.probes]
    if any(n for _, n in lost):
        named = ", ".join(f"{name_of(p)} {n}" for p, n in lost if n)
        out.append(f"Verdicts lost where there was one: {named}. They are missing, and no flips.")
    return out


def method(found: Audited) -> str:
    """How the numbers were made."""
    kinds = sorted({p.flips.method.partition(",")[0] for p in found.audit.probes if p.flips.value is not None})
    tests = sorted({p.excess.method for p in found.audit.probes if p.excess is not None})
    up, down = found.audit.towards
    return (
        f"A flip is another verdict than on the unchanged answer; up is towards {up}, down towards {down}. Intervals: "
        f"{' or '.join(kinds) or 'none'}, clustered by exchange. Beyond control: the paired difference to the flips "
        f"of the controls on the same answers ({'; '.join(tests) or 'none'}); p after Holm's correction over all "
        f"changes. It sways where p is below {ALPHA:g}; it loses "
        "where more verdicts are lost than under the controls, tested alike."
        + _OPEN
        * any(p.excess is not None and (p.excess.low or 0) <= 0 for p in found.audit.swaying)
    )


def percent(x: float | None, sign: bool = False) -> str:
    return NO_VALUE if x is None else f"{100 * x:{'+' if sign and abs(x) >= 0.0005 else ''}.1f}%"


def _of(found: Interval, n: int, missing: int) -> str:
    lost = f", {count(missing)} missing" if missing else ""
    return f"{percent(found.value)} ({_range(found.low, found.high)}, n {count(n)}{lost})"


def _both(found: Interval) -> tuple[str, str]:
    return percent(found.value), _range(found.low, found.high)


def _beside(found: Interval | None) -> str:
    """A share and its interval in one cell."""
    return NO_VALUE if found is None or found.value is None else "{} ({})".format(*_both(found))


def _range(low: float | None, high: float | None) -> str:
    return NO_VALUE if low is None or high is None else f"{100 * low:.1f}–{100 * high:.1f}"


def cells(probe: Probe) -> list[str]:
    """A row of the table: `HEADS`, the name apart from what it means."""
    x = probe.excess
    beyond = NO_VALUE
    if x is not None and x.value is not None:
        beyond = f"{percent(x.value, True)} ({_signed(x.low)} to {_signed(x.high)}, n {count(x.n)})"
    p = NO_VALUE if probe.p is None else ("<0.001" if probe.p < 0.001 else f"{probe.p:.3f}")
    counts = [count(probe.n), count(probe.n_missing), count(probe.unparsed), count(probe.refused)]
    return [name_of(probe), *_both(probe.flips), *counts, p, beyond, _beside(probe.up), _beside(probe.down)]


def wrong(probe: Probe) -> str:
    """The share of wrong verdicts on the changed answers; nothing where no truth is known."""
    return "" if probe.wrong is None else _of(probe.wrong, probe.n_wrong, probe.n_wrong_missing)


def _signed(x: float | None) -> str:
    return NO_VALUE if x is None else f"{100 * x:+.1f}"


# ------------------------------------------------------------------- outputs


def print_audit(found: Audited, console: Console) -> None:
    """The one page of the terminal: the sentence, the table, the findings, the method."""
    console.print(Text.assemble(("honne audit ", "bold red"), (oneline(title(found)), "bold")))
    console.print()
    console.print(Padding(Text(headline(found), "bold green" if _clean(found.audit) else "bold yellow"), (0, 1)))
    console.print()
    console.print(Padding(_table(found, console.width), (0, 0, 0, 1)))
    console.print()
    for line in lines(found):
        console.print(Padding(Text(oneline(line, 2000)), (0, 1)))
    for note in found.notes:
        console.print(Text(f"note: {oneline(note, 400)}", "dim"))
    if found.tokens is not None:
        console.print(Text(f"{count(found.tokens)} tokens, cost {money(found.cost)}", "dim"))
    console.print(Text(method(found), "dim"))


def _clean(audit: Audit) -> bool:
    """Whether nothing was found by an audit that could have found something."""
    able = audit.exchanges >= audit.least and any(p.excess is not None for p in audit.probes)
    return able and not (audit.swaying or audit.losing)


def _table(found: Audited, width: int) -> Table:
    out = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    shown = [i for i, head in enumerate(HEADS) if width >= _WIDE.get(head, 0)]
    for i in shown:
        out.add_column(HEADS[i], justify="left" if i == 0 else "right", no_wrap=i > 0, min_width=len(HEADS[i]))
    out.add_column("")
    for probe in found.audit.probes:
        row = cells(probe)
        style = "bold yellow" if mark(probe) else "dim" if probe.name == CONTROL else ""
        out.add_row(*(Text(row[i]) for i in shown), Text(mark(probe)), style=style)
    return out


def markdown(found: list[Audited]) -> str:
    """The same page as Markdown."""
    out: list[str] = []
    for one in found:
        body = [[*cells(p), wrong(p), mark(p)] for p in one.audit.probes]
        out += [f"# honne audit: {escape(title(one))}", "", f"**{escape(headline(one), 1000)}**", ""]
        out += [*table([*HEADS, "wrong", ""], body), ""]
        out += [f"- {escape(line, 2000)}" for line in lines(one)]
        out += [f"- note: {escape(note, 400)}" for note in one.notes]
        out += ["", escape(method(one), 2000), ""]
    return "\n".join(out)


def json(found: list[Audited]) -> str:
    """One object: every audit with its probes; the numbers that `--fail-if` names are those of `estimates.json`."""
    audits: list[dict[str, Any]] = []
    for one in found:
        plain = msgspec.to_builtins(one)
        for row, probe in zip(plain["audit"]["probes"], one.audit.probes, strict=True):
            row |= {"sways": probe.sways, "loses": probe.loses}
        audits.append({"title": title(one), "says": [headline(one), *lines(one)], "method": method(one), **plain})
    return report_json.text({"audits": audits})
