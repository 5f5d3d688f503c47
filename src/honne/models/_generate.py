"""Batched generation with transformers: greedy or sampled, each row with a seed, a budget and an end of its own.

`generate` does the forward passes and knows every architecture's cache. The choice of the next token is made here, in a
logits processor: `generate` could neither seed rows by themselves nor keep the log-probabilities of a few tokens
without those of the whole vocabulary at every step.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from honne.errors import ModelError
from honne.models._local import Job, Said

__all__ = ["Sampling", "generate", "letter_ids"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen and answers end. `ends` are the ids of end tokens, `stops` texts."""

    temperature: float
    top_p: float
    ends: frozenset[int]
    stops: tuple[str, ...]


@dataclass
class _Row:
    """One answer under way: its tokens, and for each its log-probability and the likeliest ones, where wanted."""

    job: Job
    draw: random.Random
    ids: list[int] = field(default_factory=list)
    notes: list[tuple[float, list[tuple[int, float]]]] = field(default_factory=list)
    options: dict[str, float] | None = None
    finish: str | None = None
    text: str | None = None
    error: str | None = None


class _Steps:
    """A logits processor that leaves every row one token to take, and a stopping criterion.

    `cancelled` is asked at every step.
    """

    def __init__(
        self,
        rows: Sequence[_Row],
        sampling: Sampling,
        tokenizer: Any,
        letters: dict[str, list[int]],
        cancelled: Callable[[], bool],
    ) -> None:
        self.rows, self._how, self._tokenizer = rows, sampling, tokenizer
        self._letters, self._cancelled = letters, cancelled

    def choose(self, input_ids: Any, scores: Any) -> Any:
        """Scores (rows, vocabulary) with the chosen token of each row at 0 and all others at -inf."""
        import torch

        finite = torch.isfinite(scores.amax(dim=-1)).tolist()
        for row, sound in zip(self.rows, finite, strict=True):
            if row.finish is None and not sound:
                row.finish, row.error = "error", "the model's logits are not numbers"
        if not all(finite):
            scores = torch.nan_to_num(scores, nan=0.0)
        greedy = self._how.temperature == 0
        chosen = scores.argmax(dim=-1).tolist() if greedy else self._sampled(scores)
        self._note(scores, chosen)
        for row, token in zip(self.rows, chosen, strict=True):
            if row.finish is None:
                self._take(row, token)
        out = torch.full_like(scores, float("-inf"))
        out[torch.arange(len(chosen), device=out.device), torch.tensor(chosen, device=out.device)] = 0.0
        return out

    def done(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Whether each row has ended, (rows,)."""
        import torch

        over = self._cancelled()
        return torch.tensor([over or row.finish is not None for row in self.rows], device=input_ids.device)

    def _sampled(self, scores: Any) -> list[int]:
        """A token a row by the inverse of the distribution function, at a number that only the row's seed decides."""
        import torch

        # from the largest down, or a temperature near 0 would overflow
        scaled = (scores - scores.amax(dim=-1, keepdim=True)) / self._how.temperature
        ordered = scaled.softmax(dim=-1).sort(dim=-1, descending=True)
        mass = ordered.values.cumsum(dim=-1)
        if self._how.top_p < 1:
            # the likeliest tokens until their mass reaches top_p, the one that reaches it included
            kept = (mass - ordered.values) < self._how.top_p
            mass = torch.where(kept, mass, (ordered.values * kept).sum(dim=-1, keepdim=True))
        at = torch.tensor([row.draw.random() for row in self.rows], device=mass.device, dtype=mass.dtype)
        place = torch.searchsorted(mass, (at * mass[:, -1])[:, None], right=True).clamp(max=mass.shape[-1] - 1)
        return [int(i) for i in ordered.indices.gather(1, place)[:, 0].tolist()]

    def _note(self, scores: Any, chosen: Sequence[int]) -> None:
        """Keep the log-probabilities that are wanted (of the model itself, at temperature 1)."""
        import torch

        wanted = [i for i, row in enumerate(self.rows) if row.finish is None and row.job.top is not None]
        if not wanted:
            return
        logs = scores[wanted].log_softmax(dim=-1)
        most = max(self.rows[i].job.top or 0 for i in wanted)
        top = logs.topk(min(max(most, 1), logs.shape[-1]), dim=-1)
        names, values = top.indices.tolist(), top.values.tolist()
        own = logs.gather(1, torch.tensor([[chosen[i]] for i in wanted], device=logs.device))[:, 0].tolist()
        for k, i in enumerate(wanted):
            row = self.rows[i]
            listed = list(zip(names[k], values[k], strict=True))[: row.job.top or 0]
            row.notes.append((own[k], listed))
            if row.job.letters and not row.ids:
                found = {a: self._letters.get(a) for a in row.job.letters}
                row.options = {a: logs[k][ids].logsumexp(dim=0).item() for a, ids in found.items() if ids}

    def _take(self, row: _Row, token: int) -> None:
        if token in self._how.ends:
            row.finish = "stop"
            return
        row.ids.append(token)
        for stop in self._how.stops:
            # a stop text ends with the newest token; what was written before need not be read again
            tail = self._tokenizer.decode(row.ids[-(4 * len(stop) + 8) :], skip_special_tokens=True)
            if stop in tail:
                text = self._tokenizer.decode(row.ids, skip_special_tokens=True)
                row.finish, row.text = "stop", text[: text.find(stop)] if stop in text else text
                return
        if len(row.ids) >= row.job.budget:
            row.finish = "length"


def generate(
    model: Any,
    tokenizer: Any,
    batch: Sequence[Job],
    sampling: Sampling,
    letters: dict[str, list[int]],
    cancelled: Callable[[], bool],
) -> list[Said | Exception]:
    """Continue every prompt of a batch, padded on the left."""
    import torch
    from transformers import (
        GenerationConfig,
        LogitsProcessor,
        LogitsProcessorList,
        StoppingCriteria,
        StoppingCriteriaList,
    )

    rows = [_Row(job, random.Random(job.seed)) for job in batch]
    steps = _Steps(rows, sampling, tokenizer, letters, cancelled)

    class Choose(LogitsProcessor):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            return steps.choose(input_ids, scores)

    class Done(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **more: Any) -> Any:
            return steps.done(input_ids, scores)

    longest = max(len(job.ids) for job in batch)
    pad = next((i for i in (tokenizer.pad_token_id, *sorted(sampling.ends)) if i is not None), 0)
    device = model.device
    ids = torch.tensor([[pad] * (longest - len(job.ids)) + list(job.ids) for job in batch], device=device)
    mask = torch.tensor([[0] * (longest - len(job.ids)) + [1] * len(job.ids) for job in batch], device=device)
    how = GenerationConfig(
        max_new_tokens=max(job.budget for job in batch), do_sample=False, pad_token_id=pad, use_cache=True
    )
    with torch.inference_mode():
        model.generate(
            input_ids=ids,
            attention_mask=mask,
            generation_config=how,
            logits_processor=LogitsProcessorList([Choose()]),
            stopping_criteria=StoppingCriteriaList([Done()]),
        )
    return [_said(row, tokenizer) for row in rows]


def _said(row: _Row, tokenizer: Any) -> Said | Exception:
    if row.error is not None:
        return ModelError(row.error, kind="bad_logits", item_fault=True)
    if row.finish is None:
        return ModelError("the run ended before this answer did", kind="cancelled")
    text = tokenizer.decode(row.ids, skip_special_tokens=True) if row.text is None else row.text
    notes = None if row.job.top is None else _logprobs(row, tokenizer)
    return Said(text, row.finish, len(row.ids), notes)


def _logprobs(row: _Row, tokenizer: Any) -> str:
    """The notes as chat servers write them; `options` are the log-probabilities of a choice's letters at the start."""
    entries, before = [], ""
    for place, (token, (own, top)) in enumerate(zip(row.ids, row.notes, strict=False)):
        now = tokenizer.decode(row.ids[: place + 1], skip_special_tokens=True)
        # a character that takes several tokens is written when its last one is there
        whole = now if place + 1 == len(row.ids) else now.rstrip("\ufffd")
        new = whole[len(before) :] if whole.startswith(before) else ""
        before = before + new
        # where the text at this place is not the token's own (a leading space that decoding drops), its name is
        listed = [{"token": new if i == token else tokenizer.decode([i]), "logprob": p} for i, p in top]
        entries.append({"token": new, "logprob": own, "top_logprobs": listed})
    out: dict[str, Any] = {"content": entries}
    if row.options:
        out["options"] = row.options
    return json.dumps(out, ensure_ascii=False)


def letter_ids(tokenizer: Any, letters: str) -> dict[str, list[int]]:
    """The tokens that name each letter where an answer begins: alone, after a space, or after an opening mark."""
    out = {}
    for letter in letters:
        found = set()
        for before in ("", " ", "\n", "(", "[", "**", '"'):
            ids = tokenizer(before + letter, add_special_tokens=False)["input_ids"]
            if len(ids) == 1:
                found.add(int(ids[0]))
        own = tokenizer.convert_tokens_to_ids(letter)
        if isinstance(own, int) and own != getattr(tokenizer, "unk_token_id", None):
            found.add(own)
        out[letter] = sorted(found)
    return out
