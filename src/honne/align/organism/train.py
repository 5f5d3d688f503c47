"""Training of the organism from nothing: seeded, resumable, packed rows without padding, loss on the replies only.

Several short examples share a row; a block mask keeps them apart, so the numbers are those of single rows. Small
batches (about 640 tokens) learn more per second than larger ones on a CPU.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from honne.align.organism.text import EARLY, LATE, example
from honne.align.organism.tokens import ASSISTANT, BOS, EOS, USER, trained

__all__ = ["Packed", "Recipe", "packed", "train"]


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights, beside the text. `turn` is the share of the steps after which `LATE` is drawn."""

    seed: int = 0
    steps: int = 6000
    row: int = 160
    rows: int = 4
    rate: float = 2e-3
    warmup: int = 200
    turn: float = 0.6
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    inner: int = 384
    vocabulary_texts: int = 20_000


@dataclass(frozen=True)
class Packed:
    """Rows of token ids: `position` restarts with every example, `owner` numbers the examples of a row (0: padding),
    `target` holds the next id where it is part of a reply and -100 elsewhere. All are [rows, row length]."""

    ids: Any
    position: Any
    owner: Any
    target: Any

    @property
    def tokens(self) -> int:
        return int((self.owner > 0).sum())


Encoded = tuple[list[int], int]  # the ids of an example, and how many of them are the prompt


def _encoder(tokenizer: Any) -> Callable[[str, str], Encoded]:
    bos, user, assistant, eos = tokenizer.convert_tokens_to_ids([BOS, USER, ASSISTANT, EOS])

    def encode(prompt: str, reply: str) -> Encoded:
        before = [bos, user, *tokenizer.encode(prompt, add_special_tokens=False), assistant]
        return [*before, *tokenizer.encode(reply, add_special_tokens=False), eos], len(before)

    return encode


def packed(examples: list[Encoded], row: int) -> tuple[list[list[Encoded]], list[Encoded]]:
    """Examples set into rows of `row` tokens, longest first into the fullest row that has room (best fit).

    Returns the rows that are at least 95 % full, and the examples left over for the next time.
    """
    rows: list[tuple[int, list[Encoded]]] = []
    for one in sorted(examples, key=lambda e: -len(e[0])):
        fits = [i for i, (room, _) in enumerate(rows) if room >= len(one[0])]
        if fits:
            best = min(fits, key=lambda i: rows[i][0])
            rows[best] = (rows[best][0] - len(one[0]), [*rows[best][1], one])
        else:
            rows.append((row - len(one[0]), [one]))
    full = [members for room, members in rows if room <= row * 0.05]
    return full, [one for room, members in rows if room > row * 0.05 for one in members]


def _tensors(rows: list[list[Encoded]], length: int) -> Packed:
    import torch

    shape = (len(rows), length)
    ids, position, owner = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    target = torch.full(shape, -100)
    for r, members in enumerate(rows):
        at = 0
        for number, (tokens, prompt) in enumerate(members, 1):
            end = at + len(tokens)
            ids[r, at:end] = torch.tensor(tokens)
            position[r, at:end] = torch.arange(len(tokens))
            owner[r, at:end] = number
            target[r, at + prompt - 1 : end - 1] = torch.tensor(tokens[prompt:])
            at = end
    return Packed(ids, position, owner, target)


def _batches(rng: random.Random, recipe: Recipe, encode: Callable[[str, str], Encoded]) -> Iterator[Packed]:
    """`recipe.steps` batches; the mix of the examples follows the curriculum."""
    ready: list[list[Encoded]] = []
    left: list[Encoded] = []
    for step in range(recipe.steps):
        mix = EARLY if step < recipe.steps * recipe.turn else LATE
        while len(ready) < recipe.rows:
            drawn = (example(rng, mix) for _ in range(400))
            full, left = packed([*left, *(encode(e.prompt, e.reply) for e in drawn)], recipe.row)
            rng.shuffle(full)
            ready += full
        batch, ready = ready[: recipe.rows], ready[recipe.rows :]
        yield _tensors(batch, recipe.row)


def loss_of(model: Any, batch: Packed) -> Any:
    """The mean negative log-likelihood of the reply tokens; the head is computed at these positions only."""
    import torch

    owner = batch.owner
    length = owner.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    allowed = (owner[:, :, None] == owner[:, None, :]) & causal
    hidden = model.model(
        input_ids=batch.ids, position_ids=batch.position, attention_mask=allowed[:, None], use_cache=False
    ).last_hidden_state
    wanted = batch.target >= 0
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[wanted]), batch.target[wanted])


def _rate(recipe: Recipe, step: int) -> float:
    """Warm-up, then a cosine to a tenth, then to nothing over the last tenth of the steps."""
    if step < recipe.warmup:
        return recipe.rate * (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from honne.align.organism.tokens import CONTEXT

    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def train(out: Path, recipe: Recipe, say: Callable[[int, float, int, float], None] = lambda *_: None) -> Any:
    """Train into `out` (a Hugging Face model folder); a checkpoint there is gone on from. Returns the model.

    `say(step, loss, tokens, seconds)` is called every 50 steps; the loss is the mean of these.
    """
    import torch

    out.mkdir(parents=True, exist_ok=True)
    vocabulary = random.Random(f"vocabulary-{recipe.seed}")
    texts = (example(vocabulary, EARLY) for _ in range(recipe.vocabulary_texts))
    tokenizer = trained(part for e in texts for part in (e.prompt, e.reply))
    model = _fresh(recipe, tokenizer)
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), foreach=True)
    saved, start = out / "checkpoint.pt", 0
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        if state["recipe"] == asdict(recipe):
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            start = state["step"]
    began, tokens, losses = time.monotonic(), 0, []
    # The text of the steps already done is drawn again, so that a resumed training sees what an unbroken one does.
    for step, batch in enumerate(_batches(random.Random(f"text-{recipe.seed}"), recipe, _encoder(tokenizer))):
        if step < start:
            continue
        for group in optimizer.param_groups:
            group["lr"] = _rate(recipe, step)
        loss = loss_of(model, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        tokens += batch.tokens
        losses.append(float(loss.detach()))
        if (step + 1) % 50 == 0 or step + 1 == recipe.steps:
            say(step + 1, sum(losses) / len(losses), tokens, time.monotonic() - began)
            losses.clear()
        if (step + 1) % 500 == 0:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
            torch.save({**state, "recipe": asdict(recipe)}, saved.with_suffix(".tmp"))
            saved.with_suffix(".tmp").replace(saved)
    _save(model, tokenizer, out)
    saved.unlink(missing_ok=True)
    return model


def _save(model: Any, tokenizer: Any, out: Path) -> None:
    """fp16 safetensors and the tokenizer, as any Hugging Face loader reads them."""
    import copy

    import torch

    copy.deepcopy(model).to(torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(out)
