"""Labels that exist already (people's, another tool's), recorded as judgments by `honne import`.

The judge of a file's label column is `labels`; those of several labellers are `labels.NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from honne.errors import JudgeError
from honne.plugins import Scale, Verdict
from honne.records import Item, Judgment

__all__ = ["PLUGIN", "Labels", "judgment", "mapped", "plain"]

# Tables with a gap in a column of whole numbers are often saved with 1.0 for 1.
_WHOLE = re.compile(r"([+-]?\d+)\.0+")


class Labels:
    """Labels of an imported file; there is nothing to ask, so a run cannot be judged by it."""

    name = "labels"

    def __init__(self, spec: Any, benchmark: Any) -> None:
        """Raises JudgeError: the labels must come with the answers."""
        raise JudgeError(
            "the judge 'labels' only reads labels that exist already: bring them in with "
            "honne import FILE --map prompt=COLUMN,response=COLUMN,label=COLUMN -o DIR"
        )


PLUGIN = Labels


def plain(text: str) -> str:
    """A label as it is compared: surrounding space off, and a whole number without its zero fraction (`1.0`: `1`)."""
    text = text.strip()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def mapped(label_map: Mapping[str, str], raw: str) -> str | None:
    """The map's target for a raw label: compared as text, else as `plain` text; None when it is outside the map."""
    text = raw.strip()
    if text in label_map:
        return label_map[text]
    return label_map.get(plain(text))


def judgment(
    item: Item,
    model: str,
    sample: int,
    raw: str | None,
    scale: Scale,
    label_map: Mapping[str, str] | None,
    key: str,
    at: datetime,
    *,
    answered: bool = True,
) -> Judgment:
    """The judgment that a raw label stands for; its text is always kept in `raw`.

    Blank or None is `skipped`, and so is any label of an answer that is not there; a label outside `label_map` (when
    there is one) or outside the scale is `unparsed`.
    """

    def record(status: str, verdict: Verdict | None = None) -> Judgment:
        return Judgment(
            item_id=item.id,
            model=model,
            sample=sample,
            judge=key,
            status=status,
            label=verdict.label if verdict else None,
            score=verdict.score if verdict else None,
            raw_score=verdict.raw_score if verdict else None,
            refused=verdict.refused if verdict else None,
            raw=raw,
            at=at,
        )

    if raw is None or not raw.strip() or not answered:
        return record("skipped")
    label = raw if label_map is None else mapped(label_map, raw)
    verdict = None if label is None else scale.read(label) or scale.read(plain(label))
    return record("scored", verdict) if verdict else record("unparsed")
