"""A cell of a table as text."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["text_of"]


def text_of(value: Any) -> str | None:
    """A cell as text; None when there is none (absent, null, NaN).

    Text is kept as it is; true and false as JSON writes them; numbers in their shortest form, a whole one without a
    fraction (1.0 is `1`); lists and objects as JSON.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
