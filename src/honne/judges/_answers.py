"""The one notion of an answer that can be judged, and what every judgment on it says."""

from __future__ import annotations

from typing import Any

from honne.plugins import is_choice
from honne.records import Item, Response, now

__all__ = ["about", "judged_text", "open_answer"]


def judged_text(response: Response) -> str | None:
    """The text that a judge reads: that of an `ok` answer, also an empty one, or what there is of a truncated one.

    None when there is nothing to judge: any other status, no text at all, or nothing before the cut.
    """
    if response.status == "ok":
        return response.text
    return (response.text or None) if response.status == "truncated" else None


def open_answer(item: Item, response: Response) -> bool:
    """Whether there is an answer in the model's own words to judge: multiple choice is for the judge `choice`."""
    return judged_text(response) is not None and not is_choice(item.form)


def about(item: Item, response: Response, judge: str) -> dict[str, Any]:
    """The fields of a Judgment that say what was judged, by which judge (its key) and when."""
    return {
        "item_id": item.id,
        "model": response.model,
        "sample": response.sample,
        "judge": judge,
        "at": now(),
    }
