"""The training itself: from settings to a saved model, resumable at any instant."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from honne.align.training import _checkpoint
from honne.align.training._batches import Order, mismatched
from honne.align.training._examples import Example
from honne.align.training._load import Loaded, load, need_packages, tokens_of, vocabulary_alike
from honne.align.training._material import Material, material, suits
from honne.align.training._objective import Objective, Scores
from honne.align.training._outcome import NAME, environment, save_model, write_card, write_record
from honne.align.training._packing import size_of
from honne.align.training._processes import Processes
from honne.align.training._reference import Reference, cache_file
from honne.align.training._scorer import layout_for, scorer
from honne.align.training._settings import Settings
from honne.align.training._step import Taken, Trainee, gradients, scores
from honne.align.training._watch import Watch, replies
from honne.data import cache_root
from honne.engine.journal import os_failure
from honne.engine.store import locked
from honne.errors import ConfigError, StoreError, TrainingError

__all__ = ["Say", "Training", "train"]

# What a training tells while it runs: `start`, `step`, `measured`, `warning`, `note`, `end`, each with its fields.
Say = Callable[[str, Mapping[str, Any]], None]
_PROGRESS = "progress.jsonl"
_BEST = "best.safetensors"
# A checkpoint is written when the last one cost less than this share of the time since; before the first, a guess (s).
_SHARE, _GUESS = 0.05, 0.5
# Steps between two measurements, unless told: one costs about as much as three steps of a small batch.
_APART = 20
_CPU_TOKENS, _GPU_TOKENS = 4096, 16384


def train(settings: Settings, out: Path, say: Say = lambda *_: None, shared: Material | None = None) -> dict[str, Any]:
    """Train into the folder `out` and return what `align.json` holds; what was begun there is gone on with.

    `shared` is the material of a training on the same pairs and model. Raises ConfigError, DataError, ModelError,
    StoreError, and TrainingError where the training cannot start or diverged.
    """
    need_packages()
    processes = Processes(device=settings.device, precision=settings.precision, lora=settings.lora is not None)
    found = shared or material(settings)
    suits(settings.method, settings, found)
    with locked(out) if processes.main else nullcontext():
        return Training(settings, out, processes, found, say if processes.main else lambda *_: None).run()


@dataclass
class Training:
    """One training under way."""

    settings: Settings
    out: Path
    processes: Processes
    material: Material
    say: Say
    told: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    best: float = math.inf
    kept: int = 0
    without: int = 0
    seconds: float = 0.0
    _saved: float = 0.0
    _cost: float = _GUESS
    _began: float = 0.0

    def run(self) -> dict[str, Any]:
        settings, main = self.settings, self.processes.main
        state = self.processes.agreed(self._before() if main else None)
        loaded = self._load()
        layout, difference = layout_for(loaded.model, self.material.train.examples)
        if settings.checkpointing or (settings.checkpointing is None and self._pays(loaded.model)):
            loaded.model.gradient_checkpointing_enable({"use_reentrant": False})
            loaded.model.enable_input_require_grads()
        wrapped, optimizer = self.processes.wrap(scorer(loaded.model, layout), self._optimizer)
        largest = max(size_of(e, layout) for e in self.material.train.examples)
        most = settings.tokens or (_CPU_TOKENS if self.processes.device.type == "cpu" else _GPU_TOKENS)
        trainee = Trainee(self.processes, wrapped, layout, max(most, largest))
        self.total = settings.steps_for(len(self.material.train.examples))
        self.every = settings.every or max(_APART, self.total // 10)
        order = Order(self.material.train.examples, settings.batch, settings.seed)
        reference = self._reference(trainee, loaded, order)
        objective = Objective(settings.method, settings.parameters, settings.total_sft)
        self.told |= {
            "steps": self.total,
            "scoring": {**layout.said, "difference": difference, "tokens": trainee.tokens},
            "processes": {"count": self.processes.count, "wrapper": self.processes.wrapper},
            "precision": {"weights": str(self.processes.weights), "autocast": self.processes.half},
            "device": str(self.processes.device),
            "reference_scored": reference.computed,
        }
        watch = self._start(trainee, optimizer, objective, state)
        if main:
            write_record(self.out, self.told)
        self.say("start", self.told)
        self._began = self._saved = time.monotonic()
        while self.step < self.total and not self._enough():
            self._take(trainee, optimizer, objective, order, reference, watch)
        return self._end(trainee, loaded)

    # ---------------------------------------------------------------- beginning

    def _before(self) -> dict[str, Any] | None:
        """The state to go on from; `align.json` is compared or begun. Raises ConfigError or StoreError."""
        mine = {
            "format": 1,
            "done": False,
            "settings": self.settings.identity(),
            "pairs": self.material.files,
            "environment": environment(),
            "start": self._start_of(),
            "warnings": [],
        }
        path = self.out / NAME
        try:
            known = json.loads(path.read_bytes())
        except FileNotFoundError:
            if any(p.name[0] != "." for p in self.out.iterdir()):
                raise StoreError(
                    f"{self.out} is not empty and holds no training: name another folder with -o"
                ) from None
            self.told = mine
            return None
        except (OSError, ValueError) as e:
            raise StoreError(f"cannot read {path}: {e}") from None
        if known.get("done"):
            raise StoreError(f"{self.out} holds a finished training: name another folder with -o")
        self._same(known, mine)
        self.told = {**mine, "warnings": known.get("warnings", [])}
        return _checkpoint.read_state(self.out)

    def _start_of(self) -> dict[str, Any]:
        tokens = self.material.tokens
        first = self.material.train.examples[0]
        return {
            "model": tokens.name,
            "template": tokens.prompter.template_hash,
            "start_token": tokens.prompter.start,
            "end_token": tokens.answers.end,
            "first_pair": {"prompt": first.prompt, "chosen": first.chosen, "rejected": first.rejected},
        }

    def _same(self, known: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
        was = {**known.get("settings", {}), **_hashes(known.get("pairs", {}))}
        now = {**mine["settings"], **_hashes(mine["pairs"])}
        differing = [f"{k}: was {was.get(k)}, now {now.get(k)}" for k in now if was.get(k) != now.get(k)]
        if differing:
            raise ConfigError(
                f"{self.out} holds another training ({'; '.join(differing)}): name another folder with -o"
            )

    def _load(self) -> Loaded:
        settings = self.settings
        return load(
            settings.model,
            self.material.tokens,
            precision=self.processes.weights,
            device=self.processes.start_device,
            lora=settings.lora,
            seed=settings.seed,
        )

    def _pays(self, model: Any) -> bool:
        # on a CPU memory is rarely what is short; a GPU holds the activations of a small model
        return self.processes.device.type != "cpu" and int(model.num_parameters()) > 500_000_000

    def _optimizer(self, trained: Any) -> Any:
        import torch

        wanted = [p for p in trained.parameters() if p.requires_grad]
        return torch.optim.AdamW(wanted, lr=self.settings.lr, weight_decay=0.0, fused=True)

    def _reference(self, trainee: Trainee, loaded: Loaded, order: Order) -> Reference:
        """The reference's numbers of everything that will be asked for."""
        method = self.settings.method
        if not method.needs_reference:
            return Reference(None)
        wanted = list(self.material.train.examples)
        if self.material.tuning is not None:
            wanted += self.material.tuning.examples
        if method.needs_mismatched:
            for number in range(self.total):
                wanted += self._crossed([self.material.train.examples[i] for i in order.step(number)])
            if self.material.tuning is not None:
                wanted += self._crossed(self.material.tuning.examples)
        other = self.settings.reference
        judge, told = (trainee, loaded) if other is None else self._other(trainee)
        path = cache_file(cache_root(), told.fingerprint, self.processes.weights, self.processes.half)
        reference = Reference(path)
        missing = reference.missing(wanted)
        if self.processes.gather(len(missing)) != [len(missing)] * self.processes.count:
            raise TrainingError("the processes read different caches: set HONNE_CACHE to a folder that all of them see")
        if missing:
            self.say("note", {"text": f"reference: {len(missing):,} pairs to score"})
            reference.learn(missing, scores(judge, missing))
            if self.processes.main:
                reference.save()
        return reference

    def _other(self, trainee: Trainee) -> tuple[Trainee, Loaded]:
        """Another model as the reference; it leaves memory with the caller's last use of it."""
        from honne.align.training._packing import Layout

        spec = self.settings.reference
        assert spec is not None
        tokens = tokens_of(spec)
        vocabulary_alike(self.material.tokens, tokens)
        loaded = load(spec, tokens, precision=self.processes.weights, device=self.processes.device, lora=None, seed=0)
        layout: Layout = layout_for(loaded.model, self.material.train.examples)[0]
        return Trainee(self.processes, scorer(loaded.model, layout), layout, trainee.tokens), loaded

    def _crossed(self, examples: Sequence[Example]) -> list[Example]:
        longest = self.material.tokens.context
        found = mismatched(examples)
        return [e for e in found if len(e.prompt) + max(len(e.chosen), len(e.rejected)) <= longest]

    def _start(self, trainee: Trainee, optimizer: Any, objective: Objective, state: dict[str, Any] | None) -> Watch:
        """Where to begin: from the state, or anew with what the model is like before the first step."""
        if state is None:
            if self.processes.main:
                _cut(self.out / _PROGRESS, 0)
            chosen = [c for c, _ in scores(trainee, self._watched())]
            watch = Watch(chosen, self._replies(trainee), [])
            self.told["before"] = {"replies": asdict(watch.replies) if watch.replies else None}
            return watch
        _checkpoint.restore(self.out, state, self.processes.plain(trainee.wrapped), optimizer)
        self.step, self.kept, self.without = state["step"], state["kept"], state["without"]
        self.best = math.inf if state["best"] is None else state["best"]
        objective.shift, self.seconds = state["shift"], state["seconds"]
        self.told |= {"before": state["before"]}
        if self.processes.main:
            _cut(self.out / _PROGRESS, self.step)
        self.say("note", {"text": f"going on after step {self.step:,}"})
        return Watch.of(state["watch"])

    def _watched(self) -> list[Example]:
        return [e for e in self.material.watched if e.chosen]

    def _replies(self, trainee: Trainee) -> Any:
        if not self.processes.whole or not self._watched():
            return None
        model = self.processes.plain(trainee.wrapped).model
        found = replies(model, self.material.tokens, self._watched()) if self.processes.main else None
        return self.processes.agreed(found)

    # -------------------------------------------------------------------- steps

    def _enough(self) -> bool:
        return 0 < self.settings.patience <= self.without

    def _rate(self) -> float:
        """The learning rate of the step to come: up in a straight line, then down to 0."""
        rise = max(1, round(self.settings.warmup * self.total))
        if self.step < rise:
            return self.settings.lr * (self.step + 1) / rise
        return self.settings.lr * (self.total - self.step) / max(1, self.total - rise)

    def _take(
        self,
        trainee: Trainee,
        optimizer: Any,
        objective: Objective,
        order: Order,
        reference: Reference,
        watch: Watch,
    ) -> None:
        examples = [self.material.train.examples[i] for i in order.step(self.step)]
        method, began = self.settings.method, time.monotonic()
        for group in optimizer.param_groups:
            group["lr"] = self._rate()
        refs = reference.of(examples) if method.needs_reference else None
        crossed = self._ratios(trainee, self._crossed(examples), reference) if method.needs_mismatched else None
        taken = self._gradients(trainee, optimizer, objective, examples, refs, crossed)
        norm = self.processes.clipped(trainee.wrapped, 1.0)
        if not math.isfinite(taken.loss) or math.isinf(norm):
            raise self._diverged(taken.loss, norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        objective.moved(taken.batch)
        self.step += 1
        row = self._row(taken, norm, optimizer.param_groups[0]["lr"], time.monotonic() - began)
        self._log(row)
        self.say("step", row)
        if self.step % self.every == 0 or self.step == self.total:
            self._measure(trainee, objective, reference, watch)
        self._checkpoint(trainee, optimizer, objective, watch)

    def _ratios(self, trainee: Trainee, crossed: Sequence[Example], reference: Reference) -> list[float]:
        now, before = scores(trainee, crossed), reference.of(crossed)
        return [
            n - b
            for e, mine, was in zip(crossed, now, before, strict=True)
            for a, n, b in zip((e.chosen, e.rejected), mine, was, strict=True)
            if a
        ] or [0.0]

    def _gradients(
        self,
        trainee: Trainee,
        optimizer: Any,
        objective: Objective,
        examples: Sequence[Example],
        refs: Sequence[Scores] | None,
        crossed: Sequence[float] | None,
    ) -> Taken:
        """The step's gradients; out of memory halves the passes and begins the step again."""
        import torch

        while True:
            try:
                return gradients(trainee, objective, examples, refs, crossed)
            except torch.OutOfMemoryError as e:
                if self.processes.count > 1 or trainee.tokens <= 64:
                    raise TrainingError(
                        f"out of memory in step {self.step + 1} with --tokens {trainee.tokens}: name fewer"
                    ) from e
            optimizer.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            trainee.tokens //= 2
            self.say("note", {"text": f"out of memory: passes of at most {trainee.tokens:,} tokens from here on"})

    def _diverged(self, loss: float, norm: float) -> TrainingError:
        why = f"the loss is {loss:g} and the gradient's norm {norm:g} in step {self.step + 1}"
        text = f"the training diverged: {why}; a smaller --lr (it is {self.settings.lr:g}) may hold it"
        if self.processes.main:
            write_record(self.out, {**self.told, "diverged": why})
        return TrainingError(text)

    def _row(self, taken: Taken, norm: float, lr: float, seconds: float) -> dict[str, Any]:
        batch = taken.batch
        tokens = float(batch.chosen_tokens.sum() + batch.rejected_tokens.sum())
        row: dict[str, Any] = {"step": self.step, "of": self.total, "loss": taken.loss, "lr": lr, "norm": norm}
        row |= {"chosen": _mean(batch.chosen, batch.has_chosen), "rejected": _mean(batch.rejected, batch.has_rejected)}
        row |= {"chosen_tokens": _mean(batch.chosen_tokens.float(), batch.has_chosen)}
        row |= {"rejected_tokens": _mean(batch.rejected_tokens.float(), batch.has_rejected)}
        if batch.ref_chosen is not None and batch.has_chosen is None:
            row |= {"margin": float(batch.margin.mean()), "ahead": float((batch.margin > 0).float().mean())}
        return row | {"answer_tokens_per_second": round(tokens / max(seconds, 1e-9))}

    def _log(self, row: Mapping[str, Any]) -> None:
        if not self.processes.main:
            return
        path = self.out / _PROGRESS
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as e:
            raise os_failure(e, path, "write") from None

    def _measure(self, trainee: Trainee, objective: Objective, reference: Reference, watch: Watch) -> None:
        """Loss on the pairs to tune on, replies, warnings; the best weights are kept."""
        import torch

        watched = self.material.watched
        found = scores(trainee, watched)
        now = self._replies(trainee)
        row: dict[str, Any] = {"step": self.step, "replies": asdict(now) if now else None}
        if self.material.tuning is not None:
            logs = torch.tensor(found, dtype=torch.float32)
            needs = self.settings.method
            refs = reference.of(watched) if needs.needs_reference else None
            crossed = (
                torch.tensor(self._ratios(trainee, self._crossed(watched), reference))
                if needs.needs_mismatched
                else None
            )
            batch = objective.batch(watched, logs[:, 0], logs[:, 1], refs, crossed)
            row["tuning_loss"] = float(objective.loss(batch))
            self._best(trainee, row["tuning_loss"])
        self._log({"measured": row})
        self.say("measured", row)
        chosen = [c for e, (c, _) in zip(watched, found, strict=True) if e.chosen]
        for text in watch.look(self.step, chosen, now):
            self.told["warnings"].append(text)
            self.say("warning", {"text": text})

    def _best(self, trainee: Trainee, loss: float) -> None:
        if not loss < self.best:
            self.without += 1
            return
        self.best, self.kept, self.without = loss, self.step, 0
        held = _checkpoint.weights(self.processes.plain(trainee.wrapped))
        if self.processes.main:
            _checkpoint.save_weights(self.out / _BEST, held)

    def _checkpoint(self, trainee: Trainee, optimizer: Any, objective: Objective, watch: Watch) -> None:
        now = time.monotonic()
        if not self.processes.agreed(self._cost <= _SHARE * (now - self._saved)) or self.step == self.total:
            return
        state = {
            "step": self.step,
            "best": self.best if math.isfinite(self.best) else None,
            "kept": self.kept,
            "without": self.without,
            "shift": objective.shift,
            "seconds": self.seconds + now - self._began,
            "watch": watch.state(),
            "before": self.told["before"],
        }
        plain = self.processes.plain(trainee.wrapped)
        _checkpoint.save(self.out, plain, optimizer, state, main=self.processes.main)
        self._saved = time.monotonic()
        self._cost = self._saved - now

    # ---------------------------------------------------------------------- end

    def _end(self, trainee: Trainee, loaded: Loaded) -> dict[str, Any]:
        plain = self.processes.plain(trainee.wrapped)
        if self.material.tuning is not None and self.kept and self.kept != self.step:
            _checkpoint.load_weights(self.out / _BEST, plain)
        else:
            self.kept = self.step
        held = _checkpoint.weights(plain)
        self.told |= {
            "done": True,
            "taken": self.step,
            "kept": self.kept,
            "tuning_loss": self.best if math.isfinite(self.best) else None,
            "seconds": round(self.seconds + time.monotonic() - self._began, 1),
        }
        if self.processes.main:
            save_model(self.out, loaded, held)
            write_card(self.out, self.told, self.material.tokens.name)
            # written last but for what is removed: its `done` says that the model is whole
            write_record(self.out, self.told)
            for old in (*self.out.glob("checkpoint*"), self.out / _BEST):
                old.unlink(missing_ok=True)
        self.processes.wait()
        self.say("end", self.told)
        return self.told


def _mean(values: Any, mask: Any) -> float | None:
    some = values if mask is None else values[mask]
    return float(some.mean()) if some.numel() else None


def _hashes(files: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{what} pairs": of.get("sha256") for what, of in files.items()}


def _cut(path: Path, step: int) -> None:
    """Leave out what was logged after `step`: it will be done again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row.get("step", row.get("measured", {}).get("step", 0)) <= step:
            kept.append(line)
    path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
