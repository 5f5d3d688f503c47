"""The steps of a training: gradients in parts, the reference's cache, order, rate, early end, memory, warnings."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import align_parts as parts
import local_parts
from honne.align.method import Batch
from honne.align.training import Lora, Settings
from honne.align.training._batches import Order, mismatched
from honne.align.training._examples import Example
from honne.align.training._loop import rate
from honne.align.training._material import material
from honne.align.training._objective import Objective
from honne.align.training._packing import Layout, fill
from honne.align.training._processes import Processes
from honne.align.training._reference import Reference
from honne.align.training._scorer import scorer
from honne.align.training._step import Trainee, gradients, scores
from honne.errors import TrainingError

torch = parts.torch
WHOLE, APART = ("aot", "aot-unpaired", "kto"), ("dpo", "nca", "simpo", "orpo", "exo", "bco")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("steps")
    local_parts.save(made / "base", "llama")
    parts.pairs(made / "pairs.jsonl")
    parts.pairs(made / "tuning.jsonl", parts.rows(6, first=70))
    parts.unpaired(made / "single.jsonl")
    return made


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HONNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def settings(folder: Path, method: str = "dpo", data: str = "pairs.jsonl", **more: Any) -> Settings:
    if "tuning" in more:
        more["tuning"] = folder / more["tuning"]
    return parts.settings(folder / "base", folder / data, method, **more)


# ---------------------------------------------------------------------- gradients


def pulled(folder: Path, examples: list[Example], method: str, tokens: int, sft: float) -> tuple[float, dict[str, Any]]:
    """The loss and the gradients of one step, in passes of at most `tokens`."""
    named, parameters = parts.method_of(method)
    model = parts.loaded(folder / "base")
    trainee = Trainee(Processes(device="cpu", precision="auto", lora=False), scorer(model, Layout()), Layout(), tokens)
    refs = [(c - 0.5 - 0.1 * i, r + 0.3 * i) for i, (c, r) in enumerate(scores(trainee, examples))]
    other = [0.5, -0.25, 1.0] if named.needs_mismatched else None
    objective = Objective(named, parameters, named.sft_weight + sft)
    taken = gradients(trainee, objective, examples, refs if named.needs_reference else None, other)
    return taken.loss, {k: p.grad for k, p in model.named_parameters()}


@pytest.mark.parametrize("method", WHOLE + APART)
def test_a_step_in_parts_is_the_step_at_once(folder: Path, method: str) -> None:
    examples = material(settings(folder)).train.examples[:7]
    loss, whole = pulled(folder, examples, method, 10_000, 0.5)
    for tokens in (1, 120):
        again, in_parts = pulled(folder, examples, method, tokens, 0.5)
        assert again == pytest.approx(loss, rel=1e-5)
        largest = max(float(g.abs().max()) for g in whole.values())
        assert max(float((whole[k] - in_parts[k]).abs().max()) for k in whole) < 1e-5 * largest


@pytest.mark.parametrize("method", [*WHOLE, "kto-single"])
def test_the_gradient_of_a_whole_batch_by_hand(folder: Path, method: str) -> None:
    """Every answer asked alone with transformers, one loss over all of them, backward once."""
    name, single = method.removesuffix("-single"), method.endswith("-single")
    examples = material(settings(folder, name, "single.jsonl" if single else "pairs.jsonl")).train.examples[:6]
    loss, mine = pulled(folder, examples, name, 100, 0.0)
    model = parts.loaded(folder / "base")

    def log_pi(prompt: tuple[int, ...], answer: tuple[int, ...]) -> Any:
        logits = model(torch.tensor([[*prompt, *answer]])).logits[0].log_softmax(-1)
        return sum(logits[len(prompt) + i - 1, token] for i, token in enumerate(answer)) if answer else torch.zeros(())

    chosen, rejected = (
        torch.stack([log_pi(e.prompt, getattr(e, side)) for e in examples]) for side in ("chosen", "rejected")
    )
    shift = torch.arange(len(examples))
    named, parameters = parts.method_of(name)
    batch = Batch(
        chosen=chosen,
        rejected=rejected,
        chosen_tokens=torch.tensor([len(e.chosen) for e in examples]),
        rejected_tokens=torch.tensor([len(e.rejected) for e in examples]),
        ref_chosen=chosen.detach() - 0.5 - 0.1 * shift,
        ref_rejected=rejected.detach() + 0.3 * shift,
        has_chosen=torch.tensor([bool(e.chosen) for e in examples]),
        has_rejected=torch.tensor([bool(e.rejected) for e in examples]),
        mismatched=torch.tensor([0.5, -0.25, 1.0]) if named.needs_mismatched else None,
    )
    wanted = named.loss(batch, **parameters).mean()
    wanted.backward()
    assert loss == pytest.approx(float(wanted.detach()), rel=1e-5)
    largest = max(float(p.grad.abs().max()) for p in model.parameters())
    assert max(float((p.grad - mine[k]).abs().max()) for k, p in model.named_parameters()) < 1e-4 * largest


def test_mismatched_answers_are_those_of_another_prompt() -> None:
    def example(prompt: int, length: int = 1) -> Example:
        return Example((prompt,), (prompt, *[9] * length), (prompt, 8))

    found = mismatched([example(1), example(1), example(2), example(3, 50)], 20)
    assert [(e.prompt, e.chosen[0]) for e in found] == [((1,), 2), ((1,), 2), ((3,), 1)]  # the fourth's are too long
    assert mismatched([example(1), example(1)], 20) == []


# --------------------------------------------------------------------- reference


def test_the_reference_is_scored_once(tmp_path: Path, folder: Path, own_cache: Path) -> None:
    first, heard = parts.trained(tmp_path / "one", settings(folder, "kto", tuning="tuning.jsonl"))
    assert first["reference_scored"] > 30 and any("reference:" in row["text"] for row in heard.of("note"))
    again, heard = parts.trained(tmp_path / "two", settings(folder, "kto", tuning="tuning.jsonl"))
    assert again["reference_scored"] == 0 and not heard.of("note")
    assert parts.apart(tmp_path / "one", tmp_path / "two") == 0
    other, _ = parts.trained(tmp_path / "three", settings(folder, "ipo", tuning="tuning.jsonl", lora=Lora(2, 4.0)))
    assert other["reference_scored"] == 0
    (file,) = (own_cache / "reference").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"PK" + b"\0" * 200, whole.replace(b"keys", b"kays")):
        file.write_bytes(damaged)
        assert not Reference(file)._known
    told, _ = parts.trained(tmp_path / "four", settings(folder, "kto", tuning="tuning.jsonl"))
    assert told["reference_scored"] == first["reference_scored"] and Reference(file)._known
    assert parts.apart(tmp_path / "one", tmp_path / "four") == 0


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, folder: Path, own_cache: Path) -> None:
    own_cache.write_text("a file where a folder should be")
    told, _ = parts.trained(tmp_path / "out", settings(folder))
    assert told["done"] and told["reference_scored"] == 24


def test_methods_without_a_reference_ask_for_none(tmp_path: Path, folder: Path, own_cache: Path) -> None:
    told, _ = parts.trained(tmp_path / "out", settings(folder, "simpo"))
    assert told["reference_scored"] == 0 and not own_cache.exists()


def test_another_model_as_the_reference(tmp_path: Path, folder: Path) -> None:
    from honne.spec import parse

    other = local_parts.save(tmp_path / "other", "llama", seed=5)
    told, heard = parts.trained(tmp_path / "out", settings(folder, reference=parse(f"hf/{other}"), steps=1, batch=24))
    assert told["settings"]["reference"] == f"hf/{other}" and told["reference_scored"] == 24
    found = material(settings(folder)).train.examples
    models = (parts.loaded(folder / "base"), parts.loaded(other))
    mine, theirs = ([scored(model, e) for e in found] for model in models)
    losses = [math.log1p(math.exp(-0.1 * (c - r - rc + rr))) for (c, r), (rc, rr) in zip(mine, theirs, strict=True)]
    assert heard.losses[0] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    assert abs(heard.losses[0] - math.log(2)) > 1e-2


def scored(model: Any, example: Example) -> tuple[float, float]:
    with torch.no_grad():
        chosen, rejected = scorer(model, Layout())(**vars(fill([example], Layout()))).tolist()
    return chosen, rejected


# ------------------------------------------------------------------ order and rate


def test_every_epoch_takes_every_pair_once_and_spreads_the_parts() -> None:
    examples = [Example((i,), (1,), (2,), "a" if i % 4 else "b") for i in range(40)]
    order = Order(examples, 8, 3)
    taken = [i for step in range(10) for i in order.step(step)]
    assert sorted(taken[:40]) == sorted(taken[40:]) == list(range(40)) and taken[:40] != taken[40:]
    assert [order.step(k) for k in range(5)] == [Order(examples, 8, 3).step(k) for k in range(5)]
    assert order.step(0) != Order(examples, 8, 4).step(0)
    assert all(sum(examples[i].part == "b" for i in order.step(k)) in (1, 2, 3) for k in range(10))


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [rate(1.0, 0.2, k, 10) for k in range(10)]
    assert rates[:3] == [0.5, 1.0, 1.0] and rates[-1] == pytest.approx(0.125)
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert [rate(2.0, 0.0, k, 1) for k in range(1)] == [2.0] and rate(1.0, 1.0, 9, 10) == 1.0


def test_the_seed_decides_the_order_and_nothing_else_does(tmp_path: Path, folder: Path) -> None:
    parts.trained(tmp_path / "one", settings(folder, seed=1))
    parts.trained(tmp_path / "again", settings(folder, seed=1))
    parts.trained(tmp_path / "other", settings(folder, seed=2))
    assert parts.apart(tmp_path / "one", tmp_path / "again") == 0
    assert parts.apart(tmp_path / "one", tmp_path / "other") > 1e-5
    # passes of other sizes, and activations computed twice, change the last digits alone
    parts.trained(tmp_path / "small", settings(folder, seed=1, tokens=1))
    parts.trained(tmp_path / "twice", settings(folder, seed=1, checkpointing=True))
    assert parts.apart(tmp_path / "one", tmp_path / "small") < 1e-4
    assert parts.apart(tmp_path / "one", tmp_path / "twice") < 1e-4


def test_epochs_and_steps(folder: Path) -> None:
    assert settings(folder, steps=None).steps_for(24) == 3
    assert settings(folder, steps=None, epochs=2.5).steps_for(24) == 8
    assert settings(folder, steps=None, epochs=0.1).steps_for(24) == 1


# --------------------------------------------------------------------- early end


def test_the_best_weights_are_kept(tmp_path: Path, folder: Path) -> None:
    """The tuning loss is the one of the weights that were saved, though the training went on beyond them."""
    how = settings(folder, tuning="tuning.jsonl", steps=30, every=1, patience=2, lr=0.05)
    told, heard = parts.trained(tmp_path / "out", how)
    measured = {row["step"]: row["tuning_loss"] for row in heard.of("measured")}
    assert told["kept"] < told["taken"] < 30 and told["taken"] == told["kept"] + 2
    assert told["tuning_loss"] == min(measured.values()) == measured[told["kept"]]
    found = material(how)
    assert found.tuning is not None
    models = (parts.loaded(folder / "base"), parts.loaded(tmp_path / "out"))
    before, after = ([scored(model, e) for e in found.tuning.examples] for model in models)
    losses = [math.log1p(math.exp(-0.1 * (c - r - bc + br))) for (bc, br), (c, r) in zip(before, after, strict=True)]
    assert sum(losses) / len(losses) == pytest.approx(told["tuning_loss"], rel=1e-4)
    assert not list((tmp_path / "out").glob("best*")) and not list((tmp_path / "out").glob("checkpoint*"))


def test_patience_zero_never_ends_early(tmp_path: Path, folder: Path) -> None:
    how = settings(folder, tuning="tuning.jsonl", steps=8, every=1, patience=0, lr=0.3)
    told, heard = parts.trained(tmp_path / "out", how)
    losses = [row["tuning_loss"] for row in heard.of("measured")]
    assert told["taken"] == 8 == len(losses) and any(b >= a for a, b in pairwise(losses))


# ------------------------------------------------------------------------- memory


@pytest.mark.parametrize("where", ["gradients", "scores"])
def test_out_of_memory_halves_the_passes_and_changes_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    parts.trained(tmp_path / "whole", settings(folder, "kto"))
    monkeypatch.setenv("HONNE_CACHE", str(tmp_path / "empty"))
    real, calls = Trainee.answer, [0]
    fatal = 6 if where == "gradients" else 1  # the first pass scores the reference

    def answer(self: Trainee, made: Any) -> Any:
        calls[0] += 1
        if calls[0] == fatal:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, made)

    monkeypatch.setattr(Trainee, "answer", answer)
    _, heard = parts.trained(tmp_path / "out", settings(folder, "kto"))
    assert [row["text"] for row in heard.of("note") if "memory" in row["text"]] == [
        "out of memory: passes of at most 2,048 tokens from here on"
    ]
    assert parts.apart(tmp_path / "whole", tmp_path / "out") < 1e-5


def test_memory_that_never_suffices_ends_in_one_line(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(self: Trainee, made: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Trainee, "answer", answer)
    with pytest.raises(TrainingError, match="out of memory with passes of 64 tokens: --tokens with fewer"):
        parts.trained(tmp_path / "out", settings(folder))


# ----------------------------------------------------------------------- warnings


def organism(tmp_path: Path, given: list[dict[str, Any]], method: str, **more: Any) -> dict[str, Any]:
    data = parts.pairs(tmp_path / "p.jsonl", given)
    told, heard = parts.trained(tmp_path / "out", parts.settings(parts.ORGANISM, data, method, **more))
    assert told["warnings"] == [row["text"] for row in heard.of("warning")]
    assert json.loads((tmp_path / "out" / "align.json").read_text())["warnings"] == told["warnings"]
    return told


def test_what_a_loss_does_not_show_is_warned_about_once(tmp_path: Path) -> None:
    """SimPO on the organism at a rate far too high: good answers lose likelihood, replies never end."""
    given = [
        {"prompt": f"What is {i} plus 20?", "chosen": f"{i + 20}.", "rejected": f"{i + 20}"} for i in range(11, 43)
    ]
    warnings = organism(tmp_path, given, "simpo", lr=5e-2, steps=20, every=4)["warnings"]
    wanted = ("the chosen answers became less likely", "replies grow: ", "replies fall apart: 100 %")
    assert len(warnings) == 3 and all(sum(text in w for w in warnings) == 1 for text in wanted)


def test_replies_that_grow_are_warned_about(tmp_path: Path) -> None:
    given = [
        {"prompt": f"What is {i} plus 20?", "chosen": f"{i + 20} " * 8, "rejected": f"{i + 20}"} for i in range(11, 43)
    ]
    warnings = organism(tmp_path, given, "sft", lr=3e-3, steps=30, every=5)["warnings"]
    assert sum("replies grow" in w for w in warnings) == 1


def test_a_gentle_training_warns_of_nothing(tmp_path: Path) -> None:
    given = [{"prompt": f"What is {i} plus 20?", "chosen": f"{i + 20}", "rejected": f"{i + 21}"} for i in range(11, 43)]
    assert organism(tmp_path, given, "nca", lr=1e-5, steps=4, sft_weight=1.0)["warnings"] == []
