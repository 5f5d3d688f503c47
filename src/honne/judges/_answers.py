"""The one notion of an answer that can be judged."""

from __future__ import annotations

from honne.records import Response

__all__ = ["judged_text"]


def judged_text(response: Response) -> str | None:
    """The text that a judge reads: that of an `ok` answer, also an empty one, or what there is of a truncated one.

    None when there is nothing to judge: any other status, no text at all, or nothing before the cut.
    """
    if response.status == "ok":
        return response.text
    return (response.text or None) if response.status == "truncated" else None
