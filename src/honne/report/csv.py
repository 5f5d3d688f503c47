"""Estimates as CSV: the columns of the JSON, one row an estimate, UTF-8 without a byte-order mark.

Without the mark, because pipes and `csv.reader` would take it for a part of the first column's name; a spreadsheet
opens the file by Data > From Text with UTF-8. Text that a spreadsheet would run as a formula gets a leading apostrophe,
and numbers are written as numbers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from honne.records import Estimate
from honne.report import json as report_json
from honne.report._text import clean
from honne.report.model import RunReport

__all__ = ["COLUMNS", "cell", "render"]

COLUMNS = Estimate.__struct_fields__
# The full-width forms count as well: spreadsheets of some locales read them as the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(value: Any) -> Any:
    """A value as a cell of the file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    # Judged before cleaning (which makes a control character visible) and after it.
    risky = value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA)
    return "'" + clean(value) if risky else clean(value)


def render(runs: Sequence[RunReport]) -> str:
    """A header and one line per estimate of every run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in report_json.rows(runs):
        writer.writerow([cell(row[name]) for name in COLUMNS])
    return out.getvalue()
