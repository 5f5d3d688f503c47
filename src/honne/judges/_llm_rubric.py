"""A rubric of the user's own: a plain text file, optionally with its labels on the first line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from honne.errors import JudgeError
from honne.plugins import Scale, Verdict

__all__ = ["Rubric", "read", "text_file"]

_HEADER = re.compile(r"labels\s*[:：](.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Rubric:
    """The criteria, and the scale that replaces the benchmark's (None: the benchmark's own stays)."""

    text: str
    scale: Scale | None


def read(path: str) -> Rubric:
    """Read a rubric file. Raises JudgeError when it is missing, not UTF-8, empty, or its labels are not a scale.

    A first line `labels: safe, unsafe` names the verdicts, best first; their scores are spread evenly from 1 to 0, and
    labels that are numbers are kept as raw scores.
    """
    whole = text_file(path, "rubric")
    first, _, rest = whole.partition("\n")
    header = _HEADER.fullmatch(first.strip())
    text = rest.strip() if header else whole
    if not text:
        raise JudgeError(f"judge.rubric: {path} is empty; write the criteria as plain text")
    return Rubric(text, _scale(path, header[1]) if header else None)


def text_file(path: str, option: str) -> str:
    """The text of a file that the option `judge.OPTION` names. Raises JudgeError when it is missing or not UTF-8."""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        raise JudgeError(f"judge.{option}: {path} is not UTF-8 text") from None
    except (OSError, ValueError) as e:
        raise JudgeError(f"judge.{option}: cannot read {path}: {getattr(e, 'strerror', None) or e}") from None


def _scale(path: str, names: str) -> Scale:
    labels = [name.strip() for name in re.split(r"[,，、]", names)]
    if len(labels) < 2 or not all(labels) or len({name.casefold() for name in labels}) < len(labels):
        raise JudgeError(f"judge.rubric: {path}: labels need two or more different names, best first, with commas")
    step = 1 / (len(labels) - 1)
    return Scale(tuple(Verdict(name, 1 - i * step, _number(name)) for i, name in enumerate(labels)))


def _number(label: str) -> float | None:
    return float(label) if re.fullmatch(r"[+-]?\d+(\.\d+)?", label) else None
