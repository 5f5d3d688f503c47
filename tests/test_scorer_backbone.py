"""Scorers on Hugging Face backbones: real training of tiny random models, saved, loaded again and asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import backbone_parts

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from honne.engine.store import open_run  # noqa: E402
from honne.errors import ConfigError, DataError, Stopped  # noqa: E402
from honne.judges import _scorer  # noqa: E402
from honne.judges._scorer._folder import About, Head  # noqa: E402
from honne.judges._scorer._network import Network, open_backbone, pooling_of  # noqa: E402
from honne.report.scorer_card import render  # noqa: E402
from honne.scorer.asked import by_scorer  # noqa: E402
from honne.scorer.backbone import Settings, train  # noqa: E402
from honne.scorer.card import Origin  # noqa: E402
from honne.scorer.cases import Cases, of_rows  # noqa: E402
from honne.scorer.data import Row  # noqa: E402
from honne.scorer.finetune import finetune  # noqa: E402
from honne.scorer.seen import Seen  # noqa: E402
from honne.scorer.split import folds  # noqa: E402
from run_parts import here  # noqa: E402
from scorer_parts import set_limit  # noqa: E402

HEADS = {
    "refusal": Head(labels=("full", "refused"), languages=("en",), far=0.0),
    "tone": Head(labels=("kind", "rude"), languages=("en",), far=0.0),
}


def _about() -> About:
    return About(format=1, kind="backbone", name="t", version="1", heads=HEADS, features={}, files={}, card={"a": 1})


def _train(folder: Path, model: Path, **given: object) -> tuple[About, list[str]]:
    settings = Settings(str(model), **{"epochs": 8, "batch": 16, "room": 64, "rate": 2e-3, "device": "cpu", **given})  # type: ignore[arg-type]
    said: list[str] = []
    rows, held = backbone_parts.rows(160), backbone_parts.rows(24, start=200)
    about, _ = train(folder, rows, held, HEADS, settings, _about(), said.append)
    return about, said


@pytest.mark.parametrize(("kind", "lora"), [("bert", None), ("llama", None), ("qwen3", 4)])
def test_a_backbone_learns_and_is_the_same_after_loading(tmp_path: Path, kind: str, lora: int | None) -> None:
    model = backbone_parts.save(tmp_path / "model", kind)
    about, said = _train(tmp_path / "scorer", model, lora=lora)
    assert said[-1].startswith("best of ")
    loaded = _scorer.load(tmp_path / "scorer")
    test = backbone_parts.rows(20, start=500)
    found = loaded.probabilities([(row.prompt, row.answer, row.dimension) for row in test])
    for name in HEADS:
        right = [p.label == row.label for p, row in zip(found, test, strict=True) if row.dimension == name]
        assert np.mean(right) >= 0.8, name
    assert all(abs(sum(p.probabilities.values()) - 1) < 1e-6 and p.distance >= 0 for p in found)
    assert about.heads["tone"].temperature > 0 and about.heads["tone"].far > 0
    # One row alone has the verdict that it has among others: padding does not count.
    one = loaded.probabilities([(test[3].prompt, test[3].answer, test[3].dimension)])[0]
    assert one.probabilities["rude"] == pytest.approx(found[3].probabilities["rude"], abs=1e-5)
    files = sorted(p.name for p in (tmp_path / "scorer").rglob("*") if p.is_file())
    assert not [name for name in files if not name.endswith((".safetensors", ".json", ".jinja"))]
    assert (tmp_path / "scorer" / ("adapter" if lora else "backbone")).is_dir()


def test_nothing_like_the_training_answers_is_far(tmp_path: Path) -> None:
    _train(tmp_path / "scorer", backbone_parts.save(tmp_path / "model", "bert"))
    loaded = _scorer.load(tmp_path / "scorer")
    rows = [(row.prompt, row.answer, "tone") for row in backbone_parts.rows(20, start=900) if row.dimension == "tone"]
    near = loaded.probabilities(rows)
    far = loaded.probabilities([("你好", "世界。" * 40, "tone"), ("%%%%", "0x%%&&@@" * 30, "tone")])
    assert sum(p.far for p in near) <= len(near) / 2
    assert all(p.far for p in far)
    assert min(p.distance for p in far) > max(p.distance for p in near)
    with pytest.raises(KeyError, match="style"):
        loaded.probabilities([("a", "b", "style")])


def test_the_seed_decides(tmp_path: Path) -> None:
    model = backbone_parts.save(tmp_path / "model", "llama")
    runs = (("a", 0), ("b", 0), ("c", 1))
    a, b, c = (_train(tmp_path / name, model, seed=seed, epochs=1)[0].digest for name, seed in runs)
    assert a == b != c


def test_early_stopping_goes_back_to_the_best(tmp_path: Path) -> None:
    model = backbone_parts.save(tmp_path / "model", "llama")
    # So large a rate that it soon gets worse.
    _, said = _train(tmp_path / "scorer", model, rate=0.3, patience=1, epochs=20)
    losses = [float(line.rsplit(" ", 1)[1]) for line in said[:-1]]
    assert len(losses) < 40
    assert f"loss {min(losses):.4f}" in said[-1]


@pytest.mark.parametrize("kind", ["bert", "qwen3"])
def test_long_rows_keep_both_ends_and_the_padding_side_is_ours(tmp_path: Path, kind: str) -> None:
    from transformers import AutoTokenizer

    model = backbone_parts.save(tmp_path / "model", kind)
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(model)
    encoder, texts, device = open_backbone(str(model), room=64)
    long = texts.ids("Q" * 500, "Begin " + "x" * 3000 + " End.")
    assert len(long) == 64
    said = tokenizer.decode(long)
    assert "Begin" in said and "End." in said
    assert len(texts.ids("short", "short")) < 20
    # A short prompt leaves its room to the answer, an answer that fills everything leaves a quarter to the prompt.
    assert tokenizer.decode(texts.ids("Q" * 500, "x")).count("Q") > 40
    assert 10 <= tokenizer.decode(long).count("Q") <= 16
    network = Network(encoder, texts, {"a": ("x", "y")}, pooling_of(encoder.config), device)
    rows = [("which city?", "No."), ("Q" * 500, "x" * 400), ("a", "")]
    together, _ = network.read(rows)
    for row, vector in zip(rows, together, strict=True):
        np.testing.assert_allclose(network.read([row])[0][0], vector, atol=1e-5)


_SIZE = ("hidden_size", "num_hidden_layers", "num_attention_heads")


def _random(folder: Path, kind: str, **more: object) -> Path:
    """A random encoder of another architecture, with the words of the tiny one."""
    import transformers

    backbone_parts.save(folder, "bert")
    size = ("d_model", "n_layer", "n_head") if kind == "XLNet" else _SIZE
    sized: dict[str, object] = dict(zip(size, (32, 1, 4), strict=True))
    made = getattr(transformers, f"{kind}Config")(vocab_size=500, **sized, **more)
    getattr(transformers, f"{kind}Model")(made).save_pretrained(folder)
    return folder


def test_a_row_fits_into_the_positions_that_a_model_has(tmp_path: Path) -> None:
    # RoBERTa's positions begin behind its padding's id, whatever that is; XLNet says -1, and has no end.
    placed = {"pad_token_id": 9, "max_position_embeddings": 70, "intermediate_size": 64}
    for kind, more, room in (("Roberta", placed, 60), ("XLNet", {"d_inner": 64}, 64)):
        encoder, texts, device = open_backbone(str(_random(tmp_path / kind, kind, **more)), room=64)
        assert texts.room == room
        network = Network(encoder, texts, {"a": ("x", "y")}, pooling_of(encoder.config), device)
        assert np.isfinite(network.read([("Q" * 500, "x" * 400)])[0]).all()
    with pytest.raises(ConfigError, match="reads 10 ids of a row: at least 16"):
        open_backbone(str(_random(tmp_path / "short", "Bert", max_position_embeddings=12)), room=64)


def test_a_backbone_that_reads_padding_is_refused(tmp_path: Path) -> None:
    """FNet mixes all places of a batch: the same answer would have one verdict alone and another in company."""
    with pytest.raises(ConfigError, match="reads the padding of a batch"):
        _train(tmp_path / "scorer", _random(tmp_path / "model", "FNet"))


def test_control_tokens_in_an_answer_stay_text(tmp_path: Path) -> None:
    _, texts, _ = open_backbone(str(backbone_parts.save(tmp_path / "model", "qwen3")), room=128)
    assert texts.ids("q", "a<|im_end|>b\ud800").count(texts.ids("q", "a")[-1]) == 1


def test_what_cannot_be_a_backbone(tmp_path: Path) -> None:
    import transformers

    model = backbone_parts.save(tmp_path / "model", "llama")
    t5 = transformers.T5Config(d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2, vocab_size=410)
    with pytest.raises(ConfigError, match="encoder or a decoder"):
        pooling_of(t5)
    with pytest.raises(ConfigError, match="pooling"):
        pooling_of(transformers.LlamaConfig(), "lats")
    assert pooling_of(transformers.LlamaConfig()) == "last"
    assert pooling_of(transformers.ModernBertConfig()) == "mean"
    # Weights that are a pickle are not read, and code that comes with a model is not run.
    (model / "model.safetensors").rename(model / "model.bin")
    torch.save({}, model / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        open_backbone(str(model), room=64)
    (model / "code.py").write_text("raise SystemExit('ran')")
    own = {"model_type": "strange", "auto_map": {"AutoConfig": "code.C", "AutoModel": "code.M"}}
    (model / "config.json").write_text(json.dumps(own))
    with pytest.raises(ConfigError, match="cannot be loaded"):
        open_backbone(str(model), room=64)
    with pytest.raises(ConfigError, match="there is no folder"):
        open_backbone(str(tmp_path / "nowhere"), room=64)
    with pytest.raises(ConfigError, match="too small"):
        Settings("x", lora=0)


def test_an_altered_scorer_is_refused(tmp_path: Path) -> None:
    _train(tmp_path / "scorer", backbone_parts.save(tmp_path / "model", "bert"), epochs=1)
    config = tmp_path / "scorer" / "backbone" / "config.json"
    kept = config.read_bytes()
    config.write_bytes(kept.replace(b"0.1", b"0.2"))
    with pytest.raises(DataError, match=r"config\.json is missing, damaged"):
        _scorer.load(tmp_path / "scorer")
    config.write_bytes(kept)
    said = (tmp_path / "scorer" / "scorer.json").read_text()
    for change, to in (('"pooling": "mean"', '"pooling": "men"'), ('"room": 64', '"room": -5')):
        (tmp_path / "scorer" / "scorer.json").write_text(said.replace(change, to))
        with pytest.raises(DataError, match="one of mean, first, last"):
            _scorer.load(tmp_path / "scorer")
    # Killed between its weights and its evaluation, it has no card.
    whole = json.loads(said)
    (tmp_path / "scorer" / "scorer.json").write_text(json.dumps({**whole, "card": {}}))
    with pytest.raises(DataError, match="did not end"):
        _scorer.load(tmp_path / "scorer")
    (tmp_path / "scorer" / "scorer.json").write_text(said)
    (tmp_path / "scorer" / "backbone" / "more.py").write_text("")
    with pytest.raises(DataError, match=r"more\.py is missing, damaged"):
        _scorer.load(tmp_path / "scorer")


def test_a_scorer_with_its_card(tmp_path: Path) -> None:
    model = backbone_parts.save(tmp_path / "model", "bert")
    settings = Settings(str(model), epochs=8, room=64, rate=2e-3, device="cpu")
    rows = backbone_parts.rows(300)
    about = finetune(tmp_path / "scorer", rows, settings, name="tiny", version="1", origins=[Origin("made", 600)])
    assert about.card["counts"]["tone"]["rude"] == {"en": sum(r.label == "rude" for r in _learnt(rows, settings.seed))}
    numbers = about.card["results"]["tone"]["accuracy"]
    assert numbers["n"] == 30 and numbers["value"] >= 0.7 and numbers["low"] < numbers["value"]
    loaded = _scorer.load(tmp_path / "scorer")
    assert loaded.card["sources"][0]["name"] == "made"
    # Evaluated again on all rows, it is asked only about those that it has not learnt from.
    cases = list(of_rows(rows))
    found = Cases(tuple(cases), ("made",), "label", {}, ())
    again = by_scorer(found, loaded, "tiny")
    assert again.left_out == {"trained": 540}
    assert [part.n for part in again.parts] == [30, 30]
    tone = next(part for part in again.parts if part.dimension == "tone")
    assert tone.accuracy.value == pytest.approx(numbers["value"])
    learnt = replace(found, cases=tuple(case for case in cases if case.prompt in Seen.of(about)))
    with pytest.raises(DataError, match="trained on the prompts of all 540 answers"):
        by_scorer(learnt, loaded, "tiny")
    assert "tiny" in render(about) and "must not be used" in render(about)


def test_a_training_that_does_not_end_leaves_the_scorer_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = backbone_parts.save(tmp_path / "model", "bert")
    rows, out = backbone_parts.rows(200), tmp_path / "scorer"

    def trained(seed: int) -> About:
        settings = Settings(str(model), epochs=1, room=64, rate=2e-3, device="cpu", seed=seed)
        return finetune(out, rows, settings, name="t", version="1")

    first = trained(0)
    files = sorted(path.name for path in out.iterdir())
    # Its weights are larger than that, its other files are not.
    with set_limit(100_000), pytest.raises(Stopped, match=r"cannot write .*backbone"):
        trained(1)
    assert _scorer.load(out).about.digest == first.digest
    with monkeypatch.context() as killed:
        killed.setattr("honne.scorer.finetune._held", _killed)
        # As a kill does, it leaves what it has made.
        killed.setattr("shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            trained(1)
    assert _scorer.load(out).about.digest == first.digest
    second = trained(1)
    assert _scorer.load(out).about.digest == second.digest != first.digest
    assert sorted(path.name for path in out.iterdir()) == files


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def _learnt(rows: list[Row], seed: int) -> list[Row]:
    return [row for row, part in zip(rows, folds(rows, 10, seed), strict=True) if part != 0]


def test_trained_evaluated_and_judging_from_the_command_line(tmp_path: Path) -> None:
    backbone_parts.save(tmp_path / "model", "qwen3")
    with (tmp_path / "labels.jsonl").open("w", encoding="utf-8") as file:
        for row in backbone_parts.rows(240):
            if row.dimension == "refusal":
                said = {"prompt": row.prompt, "answer": row.answer, "label": row.label, "lang": "en"}
                file.write(json.dumps({**said, "dimension": "refusal"}) + "\n")

    def honne(*args: str, cwd: Path = tmp_path) -> int:
        return here(*args, cwd=cwd).returncode

    train = ("scorer", "train", "labels.jsonl", "--backbone", "model", "--hold-out", "0.2", "-o", "tiny")
    assert honne(*train, "--lora", "4") == 0
    assert honne("scorer", "eval", "tiny", "--on", "labels.jsonl", "-f", "json", "-o", "found.json") == 0
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    (part,) = found["parts"]
    # What was kept back, and the tenth of the rest that was only evaluated on.
    assert found["left_out"]["trained"] + part["n"] == 240 and part["n"] > 40
    assert found["scorer"]["kind"] == "backbone"
    rows = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:20]), encoding="utf-8")
    mapping = ("--map", "prompt=prompt,response=answer,label=label,lang=lang")
    assert honne("import", "answers.jsonl", *mapping, "--model", "m", "-o", "runs") == 0
    # From elsewhere: the adapter still finds its model.
    assert honne("judge", "m", "--judge", "scorer/../tiny?head=refusal", cwd=tmp_path / "runs") == 0
    judged = open_run(tmp_path / "runs" / "m").judgments()
    (key,) = (key for key in judged if key.startswith("scorer/tiny@"))
    assert [j.status for j in judged[key]] == ["scored"] * 20
    loaded = _scorer.load(tmp_path / "tiny")
    asked = loaded.probabilities([(row["prompt"], row["answer"], "refusal") for row in rows[:20]])
    assert sorted(j.label or "" for j in judged[key]) == sorted(p.label for p in asked)
