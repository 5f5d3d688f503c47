"""What the tests of `honne align` share: pairs made in one call, trainings of a few steps, answers scored by hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from honne.__main__ import main
from honne.align.training import Settings, method_of, train
from honne.records import Message
from honne.spec import parse
from pairs_parts import jsonl, made

torch = pytest.importorskip("torch", reason="honne align needs torch")
transformers = pytest.importorskip("transformers", reason="honne align needs transformers")
pytest.importorskip("accelerate", reason="honne align needs accelerate")
pytest.importorskip("peft", reason="honne align needs peft")

torch.set_num_threads(1)
ORGANISM = "organism/kitsune"


def rows(n: int = 24, first: int = 0) -> list[dict[str, Any]]:
    """Pairs of sums; the answers differ in length."""
    asked = ((f"What is {10 + i} plus {first + 20 + i % 7}?", i) for i in range(n))
    return [{"prompt": q, "chosen": f"{first + i + 30}", "rejected": "no" * (1 + i % 3)} for q, i in asked]


def pairs(path: Path, given: Sequence[dict[str, Any]] | None = None) -> Path:
    """A file of pairs with its record, as `honne pairs` leaves them."""
    raw = jsonl(path.with_name(f"{path.stem}-given.jsonl"), rows() if given is None else given)
    return made(path, f"given/{raw}").path


def unpaired(path: Path, n: int = 16) -> Path:
    told = ({"prompt": f"Say {i}.", "completion": f"It is {i}.", "label": i % 3 > 0} for i in range(n))
    return pairs(path, list(told))


def settings(model: str | Path, data: Path, method: str = "dpo", **more: Any) -> Settings:
    """A short training: 4 steps of 8 pairs."""
    named, parameters = method_of(method)
    spec = parse(model if isinstance(model, str) else f"hf/{model}")
    short = {"lr": 1e-3, "batch": 8, "steps": 4, "parameters": parameters, **more}
    return Settings(model=spec, pairs=data, method=named, **short)


class Heard:
    """What a training said."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, what: str, told: Any) -> None:
        self.rows.append((what, dict(told)))

    def of(self, what: str) -> list[dict[str, Any]]:
        return [row for kind, row in self.rows if kind == what]

    @property
    def losses(self) -> list[float]:
        return [row["loss"] for row in self.of("step")]


def trained(out: Path, how: Settings) -> tuple[dict[str, Any], Heard]:
    heard = Heard()
    return train(how, out, heard), heard


def weights(folder: Path) -> dict[str, Any]:
    """The tensors of a saved model or adapter."""
    from safetensors.torch import load_file

    name = "adapter_model.safetensors" if (folder / "adapter_model.safetensors").exists() else "model.safetensors"
    return load_file(folder / name)


def apart(one: Path, other: Path) -> float:
    """The largest difference of two saved models."""
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys() and a
    return max(float((a[k].float() - b[k].float()).abs().max()) for k in a)


def by_hand(model: Any, tokenizer: Any, prompt: Sequence[Message], answer: str, end: int) -> float:
    """log π(answer and its end token | prompt) with transformers alone."""
    said = [{"role": m.role, "content": m.content} for m in prompt]
    text = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    asked = tokenizer(text, add_special_tokens=False)["input_ids"]
    ids = [*asked, *tokenizer(answer, add_special_tokens=False)["input_ids"], end]
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ids])).logits[0].log_softmax(-1)
    return float(sum(logits[i - 1, ids[i]] for i in range(len(asked), len(ids))))


def loaded(folder: Path) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def cli(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    """`honne align` in this process: exit code, output and error output."""
    capsys.readouterr()
    argv, sys.argv = sys.argv, ["honne", "align", *map(str, args)]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = argv
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@cache
def organism_folder() -> Path:
    from honne.models.organism import packaged

    return Path(packaged())
