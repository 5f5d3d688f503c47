"""Training of the organism from nothing: seeded, resumable, packed rows without padding, loss on the replies only.

Several short examples share a row; a block mask keeps them apart, so the numbers are those of single rows. Small
batches (about 640 tokens) learn more per second than larger ones on a CPU.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from honne.align.organism.text import EARLY, FINAL, LAST, LATE, example
from honne.align.organism.tokens import ASSISTANT, BOS, CONTEXT, EOS, USER, trained
from honne.errors import MissingExtra, StoreError, TrainingError

__all__ = ["MIXES", "RATES", "Packed", "Recipe", "loss_of", "packed", "train"]


# Where the stages end, and the learning rate at its knots, in steps of the whole training; fewer steps are scaled.
STEPS = 9500
MIXES = ((2100, EARLY), (5000, LATE), (7000, LAST), (STEPS, FINAL))
RATES = (
    (0, 0.0),
    (200, 2.5e-3),
    (3900, 2.5e-3),
    (5000, 1.19e-3),
    (7000, 3.4e-4),
    (7100, 8e-4),
    (8300, 8e-4),
    (STEPS, 0.0),
)


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights, beside the text, its mixes and the learning rates."""

    seed: int = 0
    steps: int = STEPS
    row: int = 160
    rows: int = 4
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

    @property
    def examples(self) -> int:
        return int(self.owner.amax(1).sum())


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
        mix = next(mix for end, mix in MIXES if step * STEPS < end * recipe.steps)
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
    """The learning rate of a step (from 0): straight lines between the knots of `RATES`."""
    at = (step + 1) * STEPS / recipe.steps
    for (x, low), (end, high) in pairwise(RATES):
        if at <= end:
            return low + (high - low) * (at - x) / (end - x)
    return RATES[-1][1]


def _fresh(recipe: Recipe, tokenizer: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

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


Say = Callable[[int, float, int, float], None]


def train(out: Path, recipe: Recipe, say: Say = lambda *_: None, keep: int = 500) -> Any:
    """Train into `out` (a Hugging Face model folder); a checkpoint there is gone on from. Returns the model.

    `say(step, loss, tokens, seconds)` is called every 50 steps; the loss is the mean of these. A checkpoint is kept
    every `keep` steps. Raises MissingExtra, StoreError for a folder that cannot be used, and TrainingError.
    """
    try:
        import tokenizers  # noqa: F401
        import torch
        import transformers  # noqa: F401
    except ImportError:
        raise MissingExtra("honne organism train", "local") from None
    _prepare(out)
    vocabulary = random.Random(f"vocabulary-{recipe.seed}")
    texts = (example(vocabulary, EARLY) for _ in range(recipe.vocabulary_texts))
    tokenizer = trained(part for e in texts for part in (e.prompt, e.reply))
    model = _fresh(recipe, tokenizer)
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=_rate(recipe, 0), betas=(0.9, 0.98), foreach=True)
    saved = out / "checkpoint.pt"
    counts = _resume(saved, recipe, model, optimizer)
    start, began, losses = counts["step"], time.monotonic() - counts["seconds"], []
    # The text of the steps already done is drawn again, so that a resumed training sees what an unbroken one does.
    for step, batch in enumerate(_batches(random.Random(f"text-{recipe.seed}"), recipe, _encoder(tokenizer)), 1):
        if step <= start:
            continue
        losses.append(_step(model, optimizer, batch, _rate(recipe, step - 1)))
        counts["tokens"] += batch.tokens
        counts["examples"] += batch.examples
        if step % 50 == 0 or step == recipe.steps:
            say(step, sum(losses) / len(losses), counts["tokens"], time.monotonic() - began)
            losses.clear()
        if step % keep == 0:
            counts |= {"step": step, "seconds": time.monotonic() - began}
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "counts": counts}
            torch.save({**state, "recipe": asdict(recipe)}, saved.with_suffix(".tmp"))
            saved.with_suffix(".tmp").replace(saved)
    _save(model, tokenizer, out)
    about = {"recipe": asdict(recipe), "parameters": sum(p.numel() for p in model.parameters())}
    about |= {"vocabulary": len(tokenizer), "examples": counts["examples"], "tokens": counts["tokens"]}
    about |= {"seconds": round(time.monotonic() - began), "torch": torch.__version__}
    # Written last, so its existence means that the training is complete.
    (out / "organism.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    saved.unlink(missing_ok=True)
    return model


def _prepare(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StoreError(f"{out} cannot be the folder of the model: {e.strerror}") from None
    if (out / "organism.json").exists():
        raise StoreError(f"{out} holds a trained organism already: name another folder with -o")


def _resume(saved: Path, recipe: Recipe, model: Any, optimizer: Any) -> dict[str, Any]:
    """Load a checkpoint into model and optimizer, if there is one. Returns what was counted until then."""
    import pickle

    import torch

    if not saved.exists():
        return {"step": 0, "seconds": 0.0, "tokens": 0, "examples": 0}
    try:
        state = torch.load(saved, weights_only=True)
        counts, made = dict(state["counts"]), state["recipe"]
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, pickle.UnpicklingError, EOFError) as e:
        raise TrainingError(f"{saved} cannot be read ({type(e).__name__}): delete it to begin again") from None
    if made != asdict(recipe):
        differs = ", ".join(f"{k} {made.get(k)}, not {v}" for k, v in asdict(recipe).items() if made.get(k) != v)
        raise TrainingError(f"{saved} is of another recipe ({differs}): name another folder with -o, or delete it")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return counts


def _step(model: Any, optimizer: Any, batch: Packed, rate: float) -> float:
    """One step of the optimizer. Returns the loss; raises TrainingError when it is not a number."""
    import torch

    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = loss_of(model, batch)
    if not torch.isfinite(loss):
        raise TrainingError(f"the loss is {float(loss)}: the training diverged")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _save(model: Any, tokenizer: Any, out: Path) -> None:
    """fp16 safetensors and the tokenizer, as any Hugging Face loader reads them."""
    import copy

    import torch

    copy.deepcopy(model).to(torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(out)
