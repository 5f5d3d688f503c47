"""How segments are set into rows: all of them, once, in rows of the length that costs least."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honne.align.training._packing import _OWN, _rows


def cost(rows: int, length: int) -> int:
    return rows * length * (_OWN + length)


@given(st.lists(st.integers(2, 700), min_size=1, max_size=40))
def test_rows_hold_every_segment_once_and_cost_no_more_than_rows_of_one(lengths: list[int]) -> None:
    rows, length = _rows(lengths)
    assert sorted(i for row in rows for i in row) == list(range(len(lengths)))
    assert length == max(sum(lengths[i] for i in row) for row in rows)
    assert cost(len(rows), length) <= cost(len(lengths), max(lengths))


@pytest.mark.parametrize(
    ("lengths", "rows", "length"),
    [([40] * 16, 16, 40), ([50, 30, 20, 50, 30, 20], 4, 50), ([50, 26] * 4, 6, 52), ([7], 1, 7)],
)
def test_rows_are_no_longer_than_it_pays(lengths: list[int], rows: int, length: int) -> None:
    found, long = _rows(lengths)
    assert (len(found), long) == (rows, length)
