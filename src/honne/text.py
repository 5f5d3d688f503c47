"""Untrusted text made safe to look at.

Answers, categories and names of models come from datasets, servers and other people's run folders. `clean` takes away
what a screen would obey (control characters, escape sequences, bidirectional overrides, invisible characters) and shows
it instead; each output format then escapes its own mark-up.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

__all__ = ["CONTROLS", "HIDDEN", "cell", "clean", "csv_line", "escape", "restore", "uncell"]

# Overrides, embeddings and isolates reorder what is around them; zero-width and tag characters hide text in text.
# Joiners (U+200C, U+200D) and the plain direction marks stay: scripts and emoji need them.
HIDDEN = "\u202a-\u202e\u2066-\u2069\u200b\u2060-\u2064\ufeff\u2028\u2029\U000e0000-\U000e007f"
CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
"""What no output obeys or hides, as the inside of a character class; tab and newline are obeyed."""

_HIDDEN = re.compile(f"[{HIDDEN}]")
_CONTROL = re.compile(f"[{CONTROLS}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SUBSTITUTE = "\x1a"
_UNFIT = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")
_FORMULA = re.compile(r"\s*['=+\-@＝＋－＠]|[\t\r\n]")


def _named(match: re.Match[str]) -> str:
    return f"‹U+{ord(match.group()):04X}›"


def _pictured(match: re.Match[str]) -> str:
    code = ord(match.group())
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else _named(match)


def clean(text: str) -> str:
    """`text` with newlines and tabs kept and every other control, override or invisible character made visible."""
    text = text.replace("\r\n", "\n")
    return _SURROGATE.sub("\ufffd", _CONTROL.sub(_pictured, _HIDDEN.sub(_named, text)))


def cell(value: Any) -> Any:
    """A value as a CSV cell: lists as JSON, times as ISO 8601, and text that no spreadsheet will run.

    Text that a spreadsheet would take for a formula, and text that begins with an apostrophe, gets one apostrophe in
    front: taking one leading apostrophe off every text gives back the original. NUL, at which many readers stop, is
    written as U+2400.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        value = value.replace("\0", "\u2400")
        return "'" + value if _FORMULA.match(value) else value
    return value


def csv_line(cells: Iterable[Any]) -> str:
    """Cells (`cell`) as a line of a CSV file, which ends with a newline.

    A text with a carriage return is quoted: Python before 3.13 quotes only what is in the line's own end, and to many
    readers what follows a bare one is a new row, whose first cell a spreadsheet may run.
    """
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def uncell(text: str) -> str:
    """The text that `cell` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def escape(text: str) -> str:
    """`text` as any file and any database column can hold it: NUL and lone surrogates become the control character
    SUBSTITUTE and four hexadecimal digits, and so does SUBSTITUTE itself; a text without these is unchanged."""
    return _UNFIT.sub(lambda m: f"{_SUBSTITUTE}{ord(m[0]):04x}", text)


def restore(text: str) -> str:
    """Undo `escape`: `restore(escape(text)) == text` for any text."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text)
