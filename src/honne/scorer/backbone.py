"""Training a scorer on a Hugging Face model: every head at once, as the FLAMES scorer was (Huang et al. 2023, arXiv
2311.06899), with class weights, early stopping on held-out prompts, and LoRA for what is too large to train whole.

A row only moves the head of its own dimension and the backbone. The loss is the mean over the rows of their weighted
cross-entropy; a class weighs n / (K · n_k) within its head, at most `_MOST_WEIGHT`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from honne.errors import ConfigError, Stopped, TrainingError
from honne.judges._scorer._backbone import ADAPTER, BACKBONE, file_hashes, kth_distance, unit
from honne.judges._scorer._folder import About, Head, write
from honne.judges._scorer._network import LEAST, Network, open_backbone, pooling_of
from honne.judges._scorer._tensors import pack
from honne.models._faults import one_line
from honne.scorer._fit import calibrated

if TYPE_CHECKING:
    from honne.scorer.data import Row

__all__ = ["Settings", "train"]

_MOST_WEIGHT = 10.0
# Training vectors that a head's bank keeps.
_BANK = 500
# Of held-out answers, the share that is nearer than "far".
_NEAR = 0.99
_CLIP = 1.0
_WARMUP = 0.1
_DECAY = 0.01
# A fresh head learns faster than a trained backbone may.
_HEAD_RATE = 1e-3


@dataclass(frozen=True)
class Settings:
    """`lora` is the rank of an adapter (None: all weights are trained); `rate` is the backbone's learning rate (2e-5,
    with an adapter 2e-4); `room` the most ids of a row; `patience` how many measurements (two an epoch) without a
    better one end the training."""

    model: str
    revision: str | None = None
    lora: int | None = None
    pooling: str | None = None
    room: int = 512
    epochs: int = 5
    batch: int = 16
    rate: float | None = None
    patience: int = 3
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        for what, least in (("lora", 1), ("room", LEAST), ("epochs", 1), ("batch", 1), ("patience", 1)):
            value = getattr(self, what)
            if value is not None and value < least:
                raise ConfigError(f"{what} {value} is too small: at least {least}")
        if self.rate is not None and not 0 < self.rate < 1:
            raise ConfigError(f"the learning rate {self.rate:g} is out of range: more than 0 and less than 1")


Say = Callable[[str], None]


def train(
    folder: Path,
    rows: Sequence[Row],
    held: Sequence[Row],
    heads: Mapping[str, Head],
    settings: Settings,
    about: About,
    say: Say = lambda line: None,
) -> tuple[About, int]:
    """Train on `rows`, stop and calibrate on `held` (other prompts), write the scorer into `folder`; returns what its
    scorer.json says and after how many steps the weights were best.

    `about` says what the scorer is called and carries its card; its heads and features are filled in here. Raises
    ConfigError for a backbone that cannot be used, TrainingError for a loss that is not finite.
    """
    import torch

    torch.manual_seed(settings.seed)
    model, texts, device = open_backbone(
        settings.model, room=settings.room, revision=settings.revision, device=settings.device
    )
    pooling = pooling_of(model.config, settings.pooling)
    commit = getattr(model.config, "_commit_hash", None)
    if settings.lora is not None:
        model = _adapter(model, settings.lora)
    else:
        # The optimizer's steps are too small for half precision.
        model = model.float()
    labels = {name: head.labels for name, head in heads.items()}
    network = Network(model, texts, labels, pooling, device)
    if not network.steady():
        raise ConfigError(
            f"backbone {settings.model} reads the padding of a batch: an answer would have another verdict in each"
        )
    best, loss, steps = _fit(network, _Coded(network, rows, labels), _Coded(network, held, labels), settings, say)
    say(f"best of {steps:,} steps: held-out loss {loss:.4f} after step {best:,}")
    return _save(folder, network, rows, held, heads, settings, about, commit), best


class _Coded:
    """Rows as ids, and for each its class among the columns of all heads, its head's columns and its weight."""

    def __init__(self, network: Network, rows: Sequence[Row], labels: Mapping[str, Sequence[str]]) -> None:
        self.ids = [network.texts.ids(row.prompt, row.answer) for row in rows]
        self.spans = [network.spans[row.dimension] for row in rows]
        self.places = [labels[row.dimension].index(row.label) for row in rows]
        counts = Counter((row.dimension, row.label) for row in rows)
        heads = Counter(row.dimension for row in rows)
        used = Counter(dimension for dimension, _ in counts)
        self.weights = [
            min(heads[r.dimension] / (used[r.dimension] * counts[r.dimension, r.label]), _MOST_WEIGHT) for r in rows
        ]

    def loss(self, logits: Any, chosen: Sequence[int]) -> Any:
        """The weighted cross-entropy of each chosen row in its own head, shape (chosen,)."""
        import torch

        device = logits.device
        inside = torch.full_like(logits, float("-inf"))
        for i, j in enumerate(chosen):
            inside[i, self.spans[j]] = 0.0
        target = torch.tensor([self.spans[j].start + self.places[j] for j in chosen], device=device)
        weight = torch.tensor([self.weights[j] for j in chosen], device=device)
        return torch.nn.functional.cross_entropy(logits + inside, target, reduction="none") * weight


def _fit(network: Network, rows: _Coded, held: _Coded, settings: Settings, say: Say) -> tuple[int, float, int]:
    """Train until the held-out loss no longer falls, and go back to the best weights: its step, its loss, all steps."""
    import torch

    backbone = [p for p in network.model.parameters() if p.requires_grad]
    rate = settings.rate or (2e-5 if settings.lora is None else 2e-4)
    groups = [{"params": backbone, "lr": rate}, {"params": list(network.linear.parameters()), "lr": _HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=_DECAY)
    an_epoch = -(-len(rows.ids) // settings.batch)
    total, every = an_epoch * settings.epochs, max(1, an_epoch // 2)
    warmup = max(1, int(_WARMUP * total))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, max(0.0, (total - step) / max(1, total - warmup)))
    )
    best, least, kept, worse = 0, float("inf"), _state(network), 0
    step = 0
    for step, chosen in enumerate(_batches(len(rows.ids), settings), 1):
        network.model.train()
        loss = rows.loss(network.linear(network.pooled([rows.ids[i] for i in chosen])), chosen).mean()
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"the loss is {float(loss)} at step {step}: take a smaller learning rate")
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*backbone, *network.linear.parameters()], _CLIP)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        if step % every and step != total:
            continue
        now = _measure(network, held, settings.batch)
        say(f"step {step:,} of {total:,}: held-out loss {now:.4f}")
        if now < least:
            best, least, kept, worse = step, now, _state(network), 0
        else:
            worse += 1
            if worse >= settings.patience:
                break
    _restore(network, kept)
    return best, least, step


def _batches(n: int, settings: Settings) -> Iterator[list[int]]:
    random = np.random.default_rng(settings.seed)
    for _ in range(settings.epochs):
        order = random.permutation(n).tolist()
        for start in range(0, n, settings.batch):
            yield order[start : start + settings.batch]


def _measure(network: Network, held: _Coded, size: int) -> float:
    import torch

    network.model.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(held.ids), size):
            chosen = list(range(start, min(start + size, len(held.ids))))
            logits = network.linear(network.pooled([held.ids[i] for i in chosen]))
            total += float(held.loss(logits, chosen).sum())
    return total / max(1, sum(held.weights))


def _trained(network: Network) -> dict[str, Any]:
    own = {f"model.{name}": p for name, p in network.model.named_parameters() if p.requires_grad}
    return own | {f"linear.{name}": p for name, p in network.linear.named_parameters()}


def _state(network: Network) -> dict[str, Any]:
    return {name: p.detach().to("cpu", copy=True) for name, p in _trained(network).items()}


def _restore(network: Network, state: Mapping[str, Any]) -> None:
    import torch

    with torch.no_grad():
        for name, p in _trained(network).items():
            p.copy_(state[name])


def _adapter(model: Any, rank: int) -> Any:
    import peft

    how = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="FEATURE_EXTRACTION")
    try:
        return peft.get_peft_model(model, how)
    except ValueError as e:  # no linear layers that peft knows
        raise ConfigError(f"no adapter can be put on this backbone: {' '.join(str(e).split())[:200]}") from None


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """The typed error for a disk that is full, of which each library speaks in its own way."""
    from safetensors import SafetensorError

    try:
        yield
    except Exception as e:
        # tokenizers raises a bare Exception
        if isinstance(e, SafetensorError) or type(e) is Exception:
            raise Stopped(f"cannot write {folder}: {one_line(str(e))}; free some space and run it again") from None
        raise


def _save(
    folder: Path,
    network: Network,
    rows: Sequence[Row],
    held: Sequence[Row],
    heads: Mapping[str, Head],
    settings: Settings,
    about: About,
    commit: str | None,
) -> About:
    """Calibrate the heads on the held-out rows and write the folder; scorer.json comes last."""
    random = np.random.default_rng(settings.seed)
    vectors, logits = network.read([(row.prompt, row.answer) for row in held], settings.batch)
    away = unit(vectors)
    done: dict[str, Head] = {}
    banks: dict[str, Any] = {}
    bias = network.linear.bias.detach().cpu().numpy().copy()
    for name, head in heads.items():
        of = [i for i, row in enumerate(rows) if row.dimension == name]
        some = sorted(random.permutation(of)[:_BANK].tolist())
        bank = unit(network.read([(rows[i].prompt, rows[i].answer) for i in some], settings.batch)[0])
        banks[name] = np.round(127 * bank).astype(np.int8)
        mine = [i for i, row in enumerate(held) if row.dimension == name]
        if not mine:
            raise TrainingError(f"head {name!r} has no held-out row to be calibrated on")
        codes = np.array([head.labels.index(held[i].label) for i in mine])
        far = np.quantile(kth_distance(away[mine], banks[name].astype(np.float32) / 127), _NEAR)
        temperature, shift = calibrated(logits[mine][:, network.spans[name]].astype(np.float64), codes)
        bias[network.spans[name]] += temperature * shift
        done[name] = msgspec.structs.replace(head, temperature=temperature, far=float(far))
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / (BACKBONE if settings.lora is None else ADAPTER)
    with _writing(own):
        network.model.save_pretrained(str(own), safe_serialization=True)
        if settings.lora is None:
            network.texts.save(str(own))
    for page in own.glob("README.md"):  # peft's empty model card
        page.unlink()
    # An adapter needs its model again, from wherever it is then called.
    base = Path(settings.model).expanduser()
    features = {
        "model": str(base.resolve()) if base.is_dir() else settings.model,
        "revision": commit or settings.revision,
        "adapter": settings.lora is not None,
        "pooling": network.pooling,
        "room": settings.room,
        "banks": {name: len(bank) for name, bank in banks.items()},
        "hashes": file_hashes(own),
    }
    tensors = {
        "weight": network.linear.weight.detach().cpu().numpy(),
        "bias": bias,
        "bank": np.concatenate(list(banks.values())),
    }
    about = msgspec.structs.replace(about, kind="backbone", heads=done, features=features)
    return write(folder, about, {"weights.safetensors": pack(tensors)})
