"""Untrusted text made safe to look at.

Answers, categories and names of models come from datasets, servers and other people's run folders. `clean` takes away
what a screen would obey (control characters, escape sequences, bidirectional overrides, invisible characters) and shows
it instead; each output format then escapes its own mark-up.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

__all__ = ["cell", "clean", "uncell"]

# Overrides, embeddings and isolates reorder what is around them; zero-width and tag characters hide text in text.
# Joiners (U+200C, U+200D) and the plain direction marks stay: scripts and emoji need them.
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u2060-\u2064\ufeff\u2028\u2029\U000e0000-\U000e007f]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
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


def uncell(text: str) -> str:
    """The text that `cell` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text
