"""The language of `--fail-if`: comparisons of a report's numbers, read by hand-written recursive descent.

    gate       = both { "or" both }
    both       = negated { "and" negated }
    negated    = "not" negated | "missing" "(" number ")" | comparison | "(" gate ")"
    comparison = sum OP sum                     OP: < <= > >= == !=
    sum        = term { ("+" | "-") term }
    term       = [ "-" ] ( LITERAL [ "%" ] | number | "(" sum ")" )
    number     = [ BENCHMARK ":" ] METRIC [ "[" [ SLICE ] { "," NAME "=" VALUE } "]" ] "." FIELD

Names and slices may stand in quotes (a backslash escapes inside). Nothing is ever evaluated as code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from honne.errors import ConfigError, unknown

__all__ = ["FIELDS", "OPERATORS", "SELECTORS", "Both", "Compare", "Either", "Expr", "Missing", "Not", "Number", "parse"]
__all__ += ["Ref", "Sum", "Term", "refs"]

FIELDS = ("value", "low", "high", "worst", "best", "n", "n_missing", "judged", "level")
SELECTORS = ("run", "model", "benchmark", "attack", "judge", "form", "reference", "corrected")
OPERATORS = ("<=", ">=", "==", "!=", "<", ">")
# Deeper nesting or a longer text is no gate that a person wrote, and would only exhaust the stack.
_DEPTH, _LENGTH = 40, 4000

_WORD = re.compile(r"[^\W\d]\w*(?:-\w+)*")
_LITERAL = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_SPACE = re.compile(r"\s*")
_MISSING = re.compile(r"missing\s*\(")
# What tells a gate in parentheses from a sum: quoted text and slices are passed over first.
_INSIDE = re.compile(
    r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\[(?:[^\]\"']|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')*\]|[<>=!()]|\w+|.",
    re.DOTALL,
)
_BARE = re.compile(r"[^\],\"']+")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)


@dataclass(frozen=True)
class Ref:
    """One number asked for: `name` is METRIC or BENCHMARK:METRIC; `field` is None inside `missing(…)` only."""

    text: str
    name: str
    slice: str = "all"
    field: str | None = None
    chosen: tuple[tuple[str, str], ...] = ()

    @property
    def selectors(self) -> dict[str, str]:
        return dict(self.chosen)


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Sum:
    left: Term
    right: Term
    sign: int


@dataclass(frozen=True)
class Compare:
    left: Term
    operator: str
    right: Term


@dataclass(frozen=True)
class Missing:
    ref: Ref


@dataclass(frozen=True)
class Not:
    inner: Expr


@dataclass(frozen=True)
class Both:
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Either:
    left: Expr
    right: Expr


Term = Ref | Number | Sum
Expr = Compare | Missing | Not | Both | Either


def parse(text: str) -> Expr:
    """Read one expression. Raises ConfigError that names the place and what is expected there."""
    return _Parser(text).whole()


def refs(node: Expr | Term) -> Iterator[Ref]:
    """Every number that an expression asks for, in order."""
    if isinstance(node, Ref):
        yield node
    elif isinstance(node, Missing):
        yield node.ref
    elif isinstance(node, Not):
        yield from refs(node.inner)
    elif not isinstance(node, Number):
        yield from refs(node.left)
        yield from refs(node.right)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        if len(text) > _LENGTH:
            raise ConfigError(f"--fail-if: the expression is longer than {_LENGTH} characters")

    # ---------------------------------------------------------------- grammar

    def whole(self) -> Expr:
        self.space()
        if self.at == len(self.text):
            raise ConfigError("--fail-if is empty: write for example 'safe_rate[all].low < 0.9'")
        found = self.gate()
        if self.at < len(self.text):
            self.fail("and, or, or the end")
        return found

    def gate(self) -> Expr:
        left = self.both()
        while self.word("or"):
            left = Either(left, self.both())
        return left

    def both(self) -> Expr:
        left = self.negated()
        while self.word("and"):
            left = Both(left, self.negated())
        return left

    def negated(self) -> Expr:
        self.enter()
        try:
            if self.word("not"):
                return Not(self.negated())
            if _MISSING.match(self.text, self.at):
                self.word("missing")
                self.sign("(")
                ref = self.number(inside_missing=True)
                self.expect(")")
                return Missing(ref)
            if self.text.startswith("(", self.at) and self.opens_gate():
                self.sign("(")
                found = self.gate()
                self.expect(")")
                return found
            return self.comparison()
        finally:
            self.depth -= 1

    def opens_gate(self) -> bool:
        """Whether the parenthesis here holds a gate (something that is true or false), and not a sum."""
        depth = 0
        for token in _INSIDE.finditer(self.text, self.at):
            word = token.group()
            depth += (word == "(") - (word == ")")
            if depth == 0:
                return False
            if word in ("<", ">", "=", "!", "not", "missing"):
                return True
        return False

    def comparison(self) -> Compare:
        left = self.sum()
        operator = self.operator()
        if operator is None:
            self.fail(f"one of {' '.join(OPERATORS)}")
        right = self.sum()
        return Compare(left, operator, right)

    def sum(self) -> Term:
        left = self.term()
        while (sign := self.arithmetic()) is not None:
            self.at += 1
            self.space()
            left = Sum(left, self.term(), sign)
        return left

    def term(self) -> Term:
        self.enter()
        try:
            if self.sign("-"):
                return Sum(Number(0.0), self.term(), -1)
            if self.sign("("):
                inner = self.sum()
                self.expect(")")
                return inner
            if found := _LITERAL.match(self.text, self.at):
                self.at = found.end()
                value = float(found.group())
                if not math.isfinite(value):
                    self.fail("a finite number")
                percent = self.text[self.at : self.at + 1] == "%"
                self.at += percent
                self.space()
                return Number(value / 100 if percent else value)
            return self.number()
        finally:
            self.depth -= 1

    def number(self, inside_missing: bool = False) -> Ref:
        start = self.at
        name = self.name("a metric, as in safe_rate[all].low")
        while self.text[self.at : self.at + 1] == ":":
            self.at += 1
            name += ":" + self.name("a metric after the colon")
        cut, selectors = self.selection() if self.sign("[") else ("all", {})
        field_name = None
        if self.text[self.at : self.at + 1] == ".":
            self.at += 1
            field_name = self.name(f"a field: {', '.join(FIELDS)}")
            if field_name not in FIELDS:
                raise ConfigError(self.about(unknown("field", field_name, FIELDS)))
        elif not inside_missing:
            self.fail(f"a field ({', '.join('.' + f for f in FIELDS)}) after {name!r}")
        text = self.text[start : self.at].strip()
        self.space()
        return Ref(text, name, cut, field_name, tuple(selectors.items()))

    def selection(self) -> tuple[str, dict[str, str]]:
        cut, selectors = "all", dict[str, str]()
        first = True
        while not self.sign("]"):
            if not first:
                self.expect(",")
            value, quoted = self.piece()
            key, equals, rest = value.partition("=")
            if not quoted and equals:
                key, rest = key.strip(), rest.strip()
                if key not in SELECTORS:
                    raise ConfigError(self.about(unknown("selector", key, SELECTORS) + " Quote a slice that holds =."))
                if not rest:
                    rest, _ = self.piece()
                if key in selectors:
                    raise ConfigError(self.about(f"{key}= is given twice"))
                selectors[key] = rest
            elif first:
                cut = value
            else:
                raise ConfigError(self.about(f"{value!r} is no NAME=VALUE; quote a slice that holds a comma"))
            first = False
        return cut, selectors

    def piece(self) -> tuple[str, bool]:
        """A slice or a value up to the next comma or bracket, or in quotes."""
        self.space()
        if found := _QUOTED.match(self.text, self.at):
            self.at = found.end()
            self.space()
            return re.sub(r"\\(.)", r"\1", found.group(1) or found.group(2) or "", flags=re.DOTALL), True
        found = _BARE.match(self.text, self.at)
        if not found or not found.group().strip():
            self.fail("a slice, or NAME=VALUE")
        self.at = found.end()
        return found.group().strip(), False

    # ----------------------------------------------------------------- tokens

    def name(self, wanted: str) -> str:
        if found := _QUOTED.match(self.text, self.at):
            self.at = found.end()
            return re.sub(r"\\(.)", r"\1", found.group(1) or found.group(2) or "", flags=re.DOTALL)
        found = _WORD.match(self.text, self.at)
        if not found or found.group() in ("and", "or", "not"):
            self.fail(wanted)
        self.at = found.end()
        return found.group()

    def word(self, wanted: str) -> bool:
        found = _WORD.match(self.text, self.at)
        if not found or found.group() != wanted:
            return False
        self.at = found.end()
        self.space()
        return True

    def sign(self, wanted: str) -> bool:
        if not self.text.startswith(wanted, self.at):
            return False
        self.at += len(wanted)
        self.space()
        return True

    def expect(self, wanted: str) -> None:
        if not self.sign(wanted):
            self.fail(repr(wanted))

    def operator(self) -> str | None:
        found = next((o for o in OPERATORS if self.text.startswith(o, self.at)), None)
        if found:
            self.sign(found)
        return found

    def arithmetic(self) -> int | None:
        return {"+": 1, "-": -1}.get(self.text[self.at : self.at + 1])

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def enter(self) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            raise ConfigError("--fail-if: parentheses are nested too deeply")

    # ----------------------------------------------------------------- errors

    def about(self, what: str) -> str:
        return f"--fail-if {self.text!r}: {what}"

    def fail(self, wanted: str) -> NoReturn:
        rest = self.text[self.at : self.at + 20]
        found = repr(rest) if rest else "the end"
        raise ConfigError(self.about(f"expected {wanted} at character {self.at + 1}, found {found}"))
