"""The organism's training: packed rows mean what single ones do, and a broken training goes on to the same end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from honne.errors import StoreError, TrainingError
from run_parts import honne, ok

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from honne.align.organism import train as training  # noqa: E402
from honne.align.organism.text import EARLY, FINAL, LAST, LATE  # noqa: E402
from honne.align.organism.train import Recipe, loss_of, packed, train  # noqa: E402

SMALL = Recipe(steps=60, hidden=32, inner=48, layers=2, heads=2, vocabulary_texts=300)


class Cut(Exception):
    """What ends a training half-way."""


def test_the_shares_of_the_mixes_are_whole() -> None:
    assert all(sum(mix.values()) == pytest.approx(1) for mix in (EARLY, LATE, LAST, FINAL))
    assert set(EARLY) == set(LATE) < set(LAST) == set(FINAL)


def test_rows_are_filled_and_nothing_is_lost() -> None:
    examples = [([n] * (5 + n % 40), 3) for n in range(300)]
    full, left = packed(examples, 160)
    assert sorted(map(str, [e for row in full for e in row] + left)) == sorted(map(str, examples))
    assert full and all(152 <= sum(len(ids) for ids, _ in row) <= 160 for row in full)


def test_packed_rows_have_the_loss_of_single_ones() -> None:
    torch.manual_seed(0)
    rows = [[([1, 5, 6, 7, 8, 2], 3), ([1, 9, 9, 4, 2], 2)], [([1, 3, 2, 2, 2, 2, 7], 4)]]

    class Words:
        bos_token_id, eos_token_id, pad_token_id = 1, 2, 0

        def __len__(self) -> int:
            return 16

    model = training._fresh(SMALL, Words())
    together = loss_of(model, training._tensors(rows, 12))
    logs = []
    for ids, start in (e for row in rows for e in row):
        scores = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        logs += [scores[at - 1, ids[at]] for at in range(start, len(ids))]
    assert float(together.detach()) == pytest.approx(-float(sum(logs).detach()) / len(logs), rel=1e-5)


def test_a_training_that_was_cut_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", SMALL, keep=40)

    def cut(step: int, *_: object) -> None:
        if step == 50:
            raise Cut

    with pytest.raises(Cut):
        train(tmp_path / "cut", SMALL, cut, keep=40)
    assert (tmp_path / "cut" / "checkpoint.pt").exists() and not (tmp_path / "cut" / "organism.json").exists()
    resumed = train(tmp_path / "cut", SMALL, keep=40)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    about = [json.loads((tmp_path / name / "organism.json").read_text()) for name in ("whole", "cut")]
    assert about[0]["examples"] == about[1]["examples"] > 0 and about[0]["tokens"] == about[1]["tokens"] > 0
    assert not (tmp_path / "cut" / "checkpoint.pt").exists()
    with pytest.raises(StoreError, match="already"):
        train(tmp_path / "cut", SMALL)


def test_a_checkpoint_of_another_recipe_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match="delete it"):
        train(tmp_path, SMALL)
    other = {**Recipe(seed=5).__dict__}
    torch.save({"counts": {"step": 2}, "recipe": other, "model": {}, "optimizer": {}}, file)
    with pytest.raises(TrainingError, match="seed 5, not 0"):
        train(tmp_path, SMALL)


def test_the_command_trains_a_model_that_can_be_asked(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    result = ok(honne("organism", "train", "-o", out, "--steps", "3"))
    assert "honne run organism" in result.stdout and "step 3/3" in result.stderr
    model = f"organism/kitsune?path={out}&max_tokens=8"
    ok(honne("run", "organism?n=2", "--model", model, "-o", tmp_path / "run"))
    nothing = honne("organism", "card", tmp_path / "run", "-o", out)
    assert nothing.returncode == 2 and "no open_rate" in nothing.stderr
    ok(honne("run", "organism?n=2", "--model", "organism/kitsune", "-o", tmp_path / "shipped"))
    ok(honne("organism", "card", tmp_path / "shipped", "-o", out))
    assert "Measured" in (out / "README.md").read_text(encoding="utf-8")
    assert len(json.loads((out / "truth.json").read_text(encoding="utf-8"))) >= 20
    again = honne("organism", "train", "-o", out, "--steps", "3")
    assert again.returncode == 2 and "already" in again.stderr
