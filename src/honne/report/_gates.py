"""Gates: `--fail-if` expressions held against the numbers of one or several reports.

A gate fails where its expression is true, and where it cannot be shown to be false because a number is missing or a
headline withheld. Every run has to show it, for every benchmark, attack and judge that the expression does not name.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from honne.errors import ConfigError, unknown
from honne.records import Estimate, category_parts
from honne.report import _expression as e
from honne.report._blocks import labels
from honne.report._text import number, oneline
from honne.report.model import RunReport

__all__ = ["Check", "Found", "Gate", "check", "check_names", "lines", "read"]

# Of a headline that is withheld only the counts and the bounds are stated.
_ALWAYS = ("n", "n_missing", "judged", "worst", "best")
_COUNTS = ("n", "n_missing")
_JOINED = ("benchmark", "attack", "reference", "corrected")
_MOST = 20
_COMBINATIONS = 5000
_Pool = Sequence[tuple[str, Estimate]]
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Found:
    """One number that an expression asks for: where it was found (None: this run has none) and its value."""

    ref: e.Ref
    run: str
    estimate: Estimate | None

    @property
    def value(self) -> float | None:
        """The number; None where it is missing, or belongs to a withheld headline."""
        if self.estimate is None or self.ref.field is None:
            return None
        if self.estimate.withheld and self.ref.field not in _ALWAYS:
            return None
        value = getattr(self.estimate, self.ref.field)
        return None if value is None else float(value)

    @property
    def absent(self) -> bool:
        """Whether `missing(…)` holds: no such estimate, or its value (or the field named) is not stated."""
        if self.ref.field is not None:
            return self.value is None
        return self.estimate is None or self.estimate.withheld or self.estimate.value is None


@dataclass(frozen=True)
class Check:
    """An expression with its numbers filled in. `holds` is None where a missing number leaves it open."""

    found: tuple[Found, ...]
    holds: bool | None

    @property
    def failed(self) -> bool:
        return self.holds is not False


@dataclass(frozen=True)
class Gate:
    """One `--fail-if` with everything that it was checked on; never empty."""

    text: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> bool:
        return any(check.failed for check in self.checks)


def read(texts: Sequence[str]) -> list[tuple[str, e.Expr]]:
    """Parse the expressions. Raises ConfigError for the first that cannot be read."""
    gates = [(text, e.parse(text)) for text in dict.fromkeys(texts)]
    for text, gate in gates:
        if not any(e.refs(gate)):
            raise ConfigError(
                f"--fail-if {text!r} holds no number of a report: write for example 'safe_rate.low < 0.9'"
            )
    return gates


def check(gates: Sequence[tuple[str, e.Expr]], runs: Sequence[RunReport]) -> list[Gate]:
    """Hold every gate against the runs. Raises ConfigError where an expression names no number of any run."""
    pool = [(name, estimate) for name, run in zip(labels(runs), runs, strict=True) for estimate in run.every]
    return _check(gates, pool)


def check_names(
    gates: Sequence[tuple[str, e.Expr]], name: str, expected: Sequence[Estimate], others: Sequence[str] = ()
) -> None:
    """Hold the gates' names against the numbers that a run called `name` will have, before anything is paid for.

    Gates on a metric among `others` are left to `check`. Raises ConfigError where an expression names no number of it.
    """
    told = [gate for gate in gates if not any(ref.name.rpartition(":")[2] in others for ref in e.refs(gate[1]))]
    _check(told, [(name, estimate) for estimate in expected])


def _check(gates: Sequence[tuple[str, e.Expr]], pool: _Pool) -> list[Gate]:
    return [Gate(text, tuple(_checks(text, gate, pool))) for text, gate in gates]


# ------------------------------------------------------------------ matching


def _checks(text: str, gate: e.Expr, pool: _Pool) -> Iterator[Check]:
    wanted = list(dict.fromkeys(e.refs(gate)))
    matched = {ref: _matches(text, ref, pool) for ref in wanted}
    for comparison in _comparisons(gate):
        _check_units(text, comparison, matched)
    free = [ref for ref in wanted if not ref.selectors.keys() & {"run", "model"}]
    names = list(dict.fromkeys(name for name, _ in pool)) if free else [""]
    for name in names:
        mine = {ref: [m for m in found if ref not in free or m[0] == name] for ref, found in matched.items()}
        if any(not found for found in mine.values()):
            bound = tuple(Found(ref, *(found[0] if found else (name, None))) for ref, found in mine.items())
            yield Check(bound, _holds(gate, bound))
            continue
        for bound in _joined(text, wanted, mine):
            yield Check(bound, _holds(gate, bound))


def _joined(text: str, wanted: Sequence[e.Ref], mine: Mapping[e.Ref, _Pool]) -> Iterator[tuple[Found, ...]]:
    """Every way to fill in the numbers such that they stand beside each other: same benchmark, attack and judge."""
    partial: list[tuple[Found, ...]] = [()]
    for ref in wanted:
        grown: list[tuple[Found, ...]] = []
        for bound in partial:
            fits = [m for m in mine[ref] if all(_beside(f, ref, m[1], _JOINED) for f in bound)]
            # Open answers and choices have judges of their own: the judge has to agree only where it can.
            same = [m for m in fits if all(_beside(f, ref, m[1], ("judge",)) for f in bound)]
            grown += [(*bound, Found(ref, *m)) for m in same or fits]
        partial = grown
        if len(partial) > _COMBINATIONS:
            raise ConfigError(f"--fail-if {text!r}: more than {_COMBINATIONS} combinations: name benchmark= or judge=")
    if not partial:
        names = " and ".join(ref.text for ref in wanted)
        raise ConfigError(f"--fail-if {text!r}: no benchmark and attack has all of {names}: name them (flames:METRIC)")
    yield from partial


def _beside(found: Found, ref: e.Ref, estimate: Estimate, sides: Sequence[str]) -> bool:
    if found.estimate is None:
        return True
    for side in sides:
        named = side in ref.selectors or side in found.ref.selectors
        named = named or (side == "benchmark" and (_prefixed(ref, estimate) or _prefixed(found.ref, found.estimate)))
        if not named and getattr(found.estimate, side) != getattr(estimate, side):
            return False
    return True


def _prefixed(ref: e.Ref, estimate: Estimate) -> bool:
    return ref.name != estimate.metric


def _matches(text: str, ref: e.Ref, pool: _Pool) -> _Pool:
    found = [m for m in pool if ref.name in (m[1].metric, f"{m[1].benchmark}:{m[1].metric}")]
    if not found:
        known = {x.metric for _, x in pool}
        known |= {f"{x.benchmark}:{x.metric}" for _, x in pool} if ":" in ref.name else set()
        raise ConfigError(f"--fail-if {text!r}: {_unknown('metric', ref.name, known)}")
    for key, value in ref.selectors.items():
        kept = [m for m in found if value in _names(key, m)]
        if not kept and key == "corrected" and value in ("yes", "true"):
            raise ConfigError(f"--fail-if {text!r}: {ref.name} has no corrected value: honne calibrate RUN --labels F")
        if not kept:
            known = {next(iter(_names(key, m))) for m in found}
            raise ConfigError(f"--fail-if {text!r}: {_unknown(key, value, known)} (of {ref.name})")
        found = kept
    if "corrected" not in ref.selectors:
        found = [m for m in found if not m[1].corrected]
    kept = [m for m in found if ref.slice in (m[1].slice, "/".join(category_parts(m[1].slice)))]
    if not kept:
        raise ConfigError(f"--fail-if {text!r}: {_unknown('slice', ref.slice, {x.slice for _, x in found})}")
    return kept


def _names(key: str, match: tuple[str, Estimate]) -> tuple[str, ...]:
    """What a selector may call this side of an estimate; the first is its full name."""
    run, estimate = match
    if key == "run":
        return (run, estimate.run)
    if key == "corrected":
        return ("yes", "true") if estimate.corrected else ("no", "false")
    value = getattr(estimate, key)
    if value is None:
        return ("none",)
    return (value, value.partition("@")[0]) if key in ("judge", "reference") else (value,)


def _unknown(what: str, name: str, allowed: set[str]) -> str:
    """`errors.unknown`, cut to the names that come closest: a report may have hundreds of slices."""
    if len(allowed) <= _MOST:
        return unknown(what, name, allowed)
    message = unknown(what, name, allowed).partition(" Allowed:")[0]
    return f"{message} Allowed: {', '.join(sorted(allowed)[:_MOST])} and {len(allowed) - _MOST} more."


# ---------------------------------------------------------------- evaluation


def _comparisons(node: e.Expr) -> Iterator[e.Compare]:
    if isinstance(node, e.Compare):
        yield node
    elif isinstance(node, e.Not):
        yield from _comparisons(node.inner)
    elif not isinstance(node, e.Missing):
        yield from _comparisons(node.left)
        yield from _comparisons(node.right)


def _check_units(text: str, node: e.Compare, matched: Mapping[e.Ref, _Pool]) -> None:
    """A share is 0 to 1: `> 90` would be a gate that cannot fail, so it is refused and not obeyed."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if not (isinstance(one, e.Ref) and isinstance(other, e.Number)) or one.field in _COUNTS:
            continue
        share = one.field in ("judged", "level") or all(x.unit == "proportion" for _, x in matched[one])
        if share and abs(other.value) > 1:
            raise ConfigError(f"--fail-if {text!r}: {one.text} is a share from 0 to 1: write 0.9 or 90%")


def _holds(node: e.Expr, bound: Sequence[Found]) -> bool | None:
    """Three-valued: None where a missing number leaves it open."""
    if isinstance(node, e.Missing):
        return next(f for f in bound if f.ref == node.ref).absent
    if isinstance(node, e.Not):
        inner = _holds(node.inner, bound)
        return None if inner is None else not inner
    if isinstance(node, e.Compare):
        left, right = _value(node.left, bound), _value(node.right, bound)
        return None if left is None or right is None else _OPERATORS[node.operator](left, right)
    sides = (_holds(node.left, bound), _holds(node.right, bound))
    decisive = isinstance(node, e.Either)
    if decisive in sides:
        return decisive
    return None if None in sides else not decisive


def _value(node: e.Term, bound: Sequence[Found]) -> float | None:
    if isinstance(node, e.Number):
        return node.value
    if isinstance(node, e.Ref):
        return next(f for f in bound if f.ref == node).value
    left, right = _value(node.left, bound), _value(node.right, bound)
    return None if left is None or right is None else left + node.sign * right


# --------------------------------------------------------------------- words


def place(found: Found) -> str:
    """Where a number was found: run, benchmark, attack, judge."""
    x = found.estimate
    if x is None:
        return oneline(found.run)
    attack = [f"under {x.attack}"] if x.attack else []
    judge = [f"by {x.judge.partition('@')[0]}"] if x.judge else []
    return " ".join(oneline(part) for part in (f"{found.run}/{x.benchmark}", *attack, *judge))


def said(found: Found) -> str:
    """A number as it was found, with its n."""
    x, text = found.estimate, oneline(found.ref.text)
    if x is None:
        return f"{text} is not in this run"
    if found.value is not None and found.ref.field is not None:
        plain = found.ref.field in (*_COUNTS, "judged", "level")
        shown = f"{found.value:g}" if plain else number(found.value, x)
    else:
        shown = "withheld (too few judged)" if x.withheld else "missing" if found.absent else number(x.value, x)
    return f"{text} is {shown} (n {x.n}, {x.n_missing} missing)"


def explain(check: Check) -> str:
    """One check in words: where, and which numbers."""
    numbers = "; ".join(said(f) for f in check.found)
    where = ", ".join(dict.fromkeys(place(f) for f in check.found))
    return f"{where}: {numbers}" + ("; so it cannot be shown" if check.holds is None else "")


def lines(gates: Sequence[Gate]) -> list[str]:
    """What a person reads: a line per gate, and a line per check of it that failed (or, where it held, per check)."""
    out = []
    for gate in gates:
        text = oneline(gate.text, 400)
        failed = [check for check in gate.checks if check.failed]
        checks = failed or gate.checks
        out.append(f"gate {'FAILED' if failed else 'passed'}: fail if {text}")
        out += [f"  {explain(check)}" for check in checks[:_MOST]]
        out += [f"  and {len(checks) - _MOST} more"] if len(checks) > _MOST else []
    return out
