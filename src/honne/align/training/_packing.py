"""Rows of several examples without padding between them, and the mask that keeps them apart.

With `shared` prompts one segment is prompt, chosen, rejected: both answers see the prompt, neither sees the other, and
both take the positions after the prompt. Otherwise a segment is a prompt with one answer. `padded` sets one segment a
row with an ordinary mask, for models that take no other.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from honne.align.training._examples import Example

__all__ = ["Layout", "Pass", "fill", "parcels", "size_of"]

# What a token costs beside attention, in tokens attended to.
_OWN = 512

_Segment = tuple[Sequence[int], Sequence[tuple[int, Sequence[int]]]]  # the prompt, and (answer's place, its ids)


@dataclass(frozen=True)
class Layout:
    """How a model is fed: `packed` rows with a block mask, and prompts `shared` by both answers where that works.

    `whole` takes the logits of all positions from the model instead of its head on the answers' alone, for models that
    do more with them than the head does.
    """

    packed: bool = True
    shared: bool = True
    whole: bool = False

    @property
    def said(self) -> dict[str, str]:
        """In words, for the record."""
        rows = "packed" if self.packed else "padded"
        return {
            "rows": rows,
            "prompt": "shared by both answers" if self.shared else "once for each answer",
            "head": "all positions" if self.whole else "answer tokens only",
        }


@dataclass(frozen=True)
class Pass:
    """One forward pass. Tensors: `ids`, `position` [R, L]; `mask` [R, 1, L, L] (packed, true: sees) or [R, L].

    The token `target[t]` of answer `owner[t]` is predicted at (`row[t]`, `column[t]`); all [T]. The answers are
    numbered 0 … `answers` - 1: chosen and rejected of each example in turn, those that are there.
    """

    ids: Any
    position: Any
    mask: Any
    row: Any
    column: Any
    target: Any
    owner: Any
    answers: int

    def to(self, device: Any) -> Pass:
        moved = {k: v if isinstance(v, int) else v.to(device) for k, v in vars(self).items()}
        return Pass(**moved)


def size_of(example: Example, layout: Layout) -> int:
    """The tokens that an example takes in a pass."""
    if layout.shared:
        return example.tokens
    return sum(len(example.prompt) + len(a) for a in example.answers)


def parcels(sizes: Sequence[int], most: int) -> list[list[int]]:
    """The places 0 … n - 1 in groups of at most `most` tokens (one that is larger goes alone), alike in length."""
    out: list[list[int]] = []
    room = 0
    for place in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        if not out or sizes[place] > room:
            out.append([])
            room = most
        out[-1].append(place)
        room -= sizes[place]
    return out


def _segments(examples: Sequence[Example], shared: bool) -> tuple[list[_Segment], int]:
    out: list[_Segment] = []
    place = 0
    for example in examples:
        answers = list(enumerate(example.answers, place))
        place += len(answers)
        out += [(example.prompt, answers)] if shared else [(example.prompt, [one]) for one in answers]
    return out, place


def _rows(lengths: Sequence[int]) -> tuple[list[list[int]], int]:
    """Segments set into rows of the length that costs least, and that length.

    A short row leaves room unused; in a long one every token attends to more.
    """
    longest, total = max(lengths), sum(lengths)
    most = max(longest, min(total, 4 * total // len(lengths)))
    tried = [_set(lengths, length) for length in sorted({longest + (most - longest) * k // 8 for k in range(9)})]
    return min(tried, key=lambda found: len(found[0]) * found[1] * (_OWN + found[1]))


def _set(lengths: Sequence[int], most: int) -> tuple[list[list[int]], int]:
    """Segments set into rows of at most `most` tokens, longest first into the fullest row with room (best fit); and
    the length of the longest row."""
    rows: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # (what is free, the row), the fullest first
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        at = bisect_left(rooms, (lengths[i], -1))
        if at == len(rooms):
            rows.append([])
        room, r = rooms.pop(at) if at < len(rooms) else (most, len(rows) - 1)
        rows[r].append(i)
        insort(rooms, (room - lengths[i], r))
    return rows, most - rooms[0][0]


def fill(examples: Sequence[Example], layout: Layout) -> Pass:
    """The pass of these examples."""
    import numpy as np
    import torch

    segments, answers = _segments(examples, layout.shared)
    lengths = [len(prompt) + sum(len(ids) for _, ids in said) for prompt, said in segments]
    rows, length = _rows(lengths) if layout.packed else ([[i] for i in range(len(segments))], max(lengths))
    shape = (len(rows), length)
    ids, position, segment, branch = (np.zeros(shape, dtype=np.int64) for _ in range(4))
    at_row: list[Any] = []
    at_column: list[Any] = []
    target: list[int] = []
    owner: list[Any] = []
    for r, members in enumerate(rows):
        at = 0
        for number, i in enumerate(members, 1):
            prompt, said = segments[i]
            asked = len(prompt)
            ids[r, at : at + asked] = prompt
            position[r, at : at + asked] = np.arange(asked)
            segment[r, at : at + lengths[i]] = number
            last, at = at + asked - 1, at + asked
            for turn, (place, answer) in enumerate(said, 1):
                n = len(answer)
                ids[r, at : at + n] = answer
                position[r, at : at + n] = np.arange(asked, asked + n)
                branch[r, at : at + n] = turn
                # the first token is predicted where the prompt ends, each other one by the token before it
                at_column.append(np.concatenate(([last], np.arange(at, at + n - 1))))
                at_row.append(np.full(n, r))
                owner.append(np.full(n, place))
                target += answer
                at += n
    mask: Any
    if layout.packed:
        same = segment[:, :, None] == segment[:, None, :]
        seen = (branch[:, None, :] == 0) | (branch[:, :, None] == branch[:, None, :])
        mask = torch.from_numpy(same & seen & np.tri(length, dtype=bool))[:, None]
    else:
        mask = torch.from_numpy((segment > 0).astype(np.int64))
    rows_of, columns = (torch.from_numpy(np.concatenate(part)) for part in (at_row, at_column))
    return Pass(
        torch.from_numpy(ids),
        torch.from_numpy(position),
        mask,
        rows_of,
        columns,
        torch.tensor(target),
        torch.from_numpy(np.concatenate(owner)),
        answers,
    )
