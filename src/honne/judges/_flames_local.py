"""The FLAMES scorer from its published weights, without the code that comes with them.

InternLM 1 is a LLaMA whose four attention projections have biases, so that `transformers`' own LlamaModel runs it; the
heads are five matrices. A folder holds `config.json`, the SentencePiece model `tokenizer.model`, and the weights as
safetensors or PyTorch files (read with `weights_only=True`), whole or in shards with an index. As published: text after
a start token, cut after 2,048 tokens, in float32, state of the last token.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from honne.errors import ConfigError, DataError, MissingExtra, unknown
from honne.models._batches import Batches
from honne.plugins import Reply, Request
from honne.records import Message
from honne.spec import Spec, read_options

__all__ = ["Local"]

MAX_TOKENS = 2048
HEADS = (3, 3, 3, 2, 2)
_DTYPES = ("float32", "bfloat16", "float16")
_IGNORED = ("lm_head.", "score.")


class Local:
    """The scorer in this process, as a model that the engine asks.

    Options: `device` (default: a GPU if there is one), `dtype` (default float32, as published), `batch` (default 16).
    Raises ConfigError for a wrong one, MissingExtra without torch, DataError (when opened) for a folder that does not
    hold the scorer.
    """

    def __init__(self, spec: Spec) -> None:
        given = read_options(spec, {"batch": int, "device": str, "dtype": str})
        self.name = f"flames-scorer/{Path(spec.name).name}"
        self.concurrency: int = given.get("batch", 16)
        if self.concurrency < 1:
            raise ConfigError(f"{spec.label}: batch={self.concurrency} must be at least 1")
        self._dtype: str = given.get("dtype", "float32")
        if self._dtype not in _DTYPES:
            raise ConfigError(f"{spec.label}: {unknown('dtype', self._dtype, _DTYPES)}")
        self._device: str | None = given.get("device")
        self._folder = Path(spec.name).expanduser()
        if not (self._folder / "config.json").is_file():
            raise ConfigError(f"{spec.label}: {self._folder} is no folder with a model (it has no config.json)")
        try:
            import sentencepiece  # noqa: F401
            import torch  # noqa: F401
            import transformers  # noqa: F401
        except ImportError:
            raise MissingExtra("flames-scorer from local weights", "local") from None
        self.settings: Mapping[str, Any] = {"dtype": self._dtype}
        self._scorer: _Scorer | None = None
        self._batches = Batches(self._classified, len, self.concurrency)

    async def open(self) -> None:
        """Load the weights; opening twice is harmless."""
        if self._scorer is None:
            self._scorer = await asyncio.to_thread(_Scorer, self._folder, self._device, self._dtype)

    async def close(self) -> None:
        await self._batches.close()

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        return None

    def body(self, request: Request) -> bytes:
        return (request.prompt or "").encode("utf-8", "replace")

    async def ask(self, request: Request, body: bytes) -> Reply:
        await self.open()
        found = await self._batches.ask(request.prompt or "")
        return Reply(text=msgspec.json.encode(found).decode(), served_model=self.name)

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        return None

    def _classified(self, texts: Sequence[str]) -> list[list[list[float]]]:
        assert self._scorer is not None
        return self._scorer.classify(texts)


class _Scorer:
    """The loaded model: texts in, class probabilities of the five heads out."""

    def __init__(self, folder: Path, device: str | None, dtype: str) -> None:
        import torch

        self._torch = torch
        config = _json(folder / "config.json")
        try:
            self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
            torch.zeros(1, device=self._device)
        except (RuntimeError, AssertionError) as e:
            raise ConfigError(f"flames-scorer: device={device} cannot be used ({str(e).splitlines()[0]})") from None
        self._tokenizer = _tokenizer(folder)
        weights = dict(_weights(folder))
        heads = [weights.pop(f"classifiers.{i}.weight", None) for i in range(len(HEADS))]
        hidden = config.get("hidden_size")
        for i, (head, classes) in enumerate(zip(heads, HEADS, strict=True)):
            if head is None or tuple(head.shape) != (classes, hidden):
                raise DataError(
                    f"{folder}: classifiers.{i}.weight is not a {classes} x {hidden} matrix: not the scorer"
                )
        kind = getattr(torch, dtype)
        self._heads = [head.to(self._device, kind) for head in heads if head is not None]
        self._model = _backbone(folder, config, weights, kind).to(self._device)

    def classify(self, texts: Sequence[str]) -> list[list[list[float]]]:
        """For each text the class probabilities of each head."""
        torch = self._torch
        rows = [[self._tokenizer.bos_id(), *self._tokenizer.encode(text)][:MAX_TOKENS] for text in texts]
        longest = max(map(len, rows))
        # Padded on the right: under a causal mask what comes after a token does not change its state.
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=self._device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=self._device)
        last = torch.tensor([len(row) - 1 for row in rows], device=self._device)
        with torch.inference_mode():
            states = self._model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            pooled = states[torch.arange(len(rows), device=self._device), last]
            shares = [torch.softmax((pooled @ head.T).float(), dim=-1).tolist() for head in self._heads]
        return [[head[i] for head in shares] for i in range(len(rows))]


def _backbone(folder: Path, config: Mapping[str, Any], weights: dict[str, Any], dtype: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaModel
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    needed = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    wrong = [key for key in needed if type(config.get(key)) is not int]
    rotary = config.get("rotary")
    base = rotary.get("base", 10000) if isinstance(rotary, Mapping) else 10000
    if wrong or base != 10000:
        raise DataError(f"{folder / 'config.json'} is not that of an InternLM ({', '.join(wrong) or 'rotary base'})")
    llama = LlamaConfig(
        **{key: config[key] for key in needed},
        num_key_value_heads=config["num_attention_heads"],
        rms_norm_eps=config.get("rms_norm_eps", 1e-6),
        max_position_embeddings=config.get("max_position_embeddings", MAX_TOKENS),
        attention_bias=config.get("bias", True),
        mlp_bias=False,
    )
    with torch.device("meta"):
        model = LlamaModel(llama)
    own = {k.removeprefix("model."): v.to(dtype) for k, v in weights.items() if not _needless(k)}
    try:
        model.load_state_dict(own, strict=True, assign=True)
    except RuntimeError as e:
        raise DataError(f"{folder}: the weights are not those of an InternLM: {_short(e)}") from None
    model.rotary_emb = LlamaRotaryEmbedding(config=llama)  # computed, not loaded
    return model.eval()


def _needless(key: str) -> bool:
    return key.startswith(_IGNORED) or key.endswith("rotary_emb.inv_freq")


def _weights(folder: Path) -> Iterator[tuple[str, Any]]:
    """Every tensor of the checkpoint, by name. Nothing in it is executed."""
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / f"{name}.index.json").is_file():
            index = _json(folder / f"{name}.index.json").get("weight_map")
            if not isinstance(index, dict) or not all(isinstance(v, str) for v in index.values()):
                raise DataError(f"{folder / f'{name}.index.json'} has no weight_map")
            for shard in sorted({Path(v).name for v in index.values()}):
                yield from _tensors(folder / shard)
            return
        if (folder / name).is_file():
            yield from _tensors(folder / name)
            return
    raise DataError(f"{folder} holds neither model.safetensors nor pytorch_model.bin")


def _tensors(path: Path) -> Iterator[tuple[str, Any]]:
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as e:
        raise DataError(f"{path} cannot be read as weights: {_short(e)}") from None
    if not isinstance(found, dict) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise DataError(f"{path} is not a table of tensors")
    yield from found.items()


def _tokenizer(folder: Path) -> Any:
    from sentencepiece import SentencePieceProcessor

    path = folder / "tokenizer.model"
    try:
        tokenizer = SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as e:
        raise DataError(f"{path} cannot be read as a SentencePiece model: {_short(e)}") from None
    # The template's one control token must come out as one token, or the scorer reads something else.
    if tokenizer.encode("x<eoh>").count(tokenizer.piece_to_id("<eoh>")) != 1 or tokenizer.bos_id() < 0:
        raise DataError(f"{path} is not InternLM's: it has no token <eoh>, or no start token")
    return tokenizer


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise DataError(f"cannot read {path}: {_short(e)}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} is not a JSON object")
    return found


def _short(error: Exception) -> str:
    """The gist of an error on one line."""
    text = " ".join(str(error).split())
    return text[:200] + ("…" if len(text) > 200 else "")
