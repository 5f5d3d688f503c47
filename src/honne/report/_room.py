"""How much fits on the HTML page, which is to stay under 3 MB whatever the runs."""

from __future__ import annotations

from markupsafe import escape

__all__ = ["Room"]

_CATEGORY_ROWS = 80


class Room:
    """How much of the page is left for category cells and for example answers, so that it stays under 3 MB."""

    def __init__(self, cells: int = 1600, text: int = 900_000, heat: int = 2000, brief: bool = False) -> None:
        self.cells = cells
        self.heat = heat
        self.text = text
        self.left_out = 0
        self.brief = brief

    @classmethod
    def tight(cls) -> Room:
        """For many runs: little but the leading numbers, so that more of the runs fit."""
        return cls(cells=500, text=150_000, heat=300, brief=True)

    def rows(self, wanted: int, columns: int) -> int:
        """How many of `wanted` category rows may be shown; at least the top few while anything is left."""
        fit = min(wanted, _CATEGORY_ROWS, max(0, self.cells // max(1, columns)))
        self.cells -= fit * columns
        return fit

    def heat_rows(self, wanted: int, columns: int) -> int:
        """How many of `wanted` rows of attacks may be shown."""
        fit = min(wanted, max(0, self.heat // max(1, columns)))
        self.heat -= fit * columns
        return fit

    def take(self, *texts: str) -> bool:
        """Whether these texts still fit, as they will be escaped."""
        size = sum(len(escape(text).encode()) for text in texts) + 600
        if size > self.text:
            self.left_out += 1
            return False
        self.text -= size
        return True
