"""A small Llama in numpy: reads the safetensors and config of a Hugging Face folder and continues prompts in batches.

Made for the organism, which then needs no torch and starts at once. The numbers are those of the stock
`LlamaForCausalLM` in float32 (a test compares them); models that need more than this is able to do are refused.

Rows are padded on the left. Rotary positions count from the left edge of the batch: attention sees only differences of
positions, so a shift of a whole row changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne.errors import DataError

__all__ = ["Llama", "read_tensors"]

Array = NDArray[Any]
Pick = Callable[[Array, list[int]], NDArray[np.int64]]
_DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16}


def read_tensors(data: bytes, where: str) -> dict[str, Array]:
    """The tensors of a safetensors file as float32. Raises DataError for anything that is none."""
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        body = memoryview(data)[8 + size :]
        found = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            raw = body[start:end]
            if entry["dtype"] == "BF16":
                flat = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
            else:
                flat = np.frombuffer(raw, _DTYPES[entry["dtype"]]).astype(np.float32)
            found[name] = flat.reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise DataError(f"{where} is no safetensors file that can be read: {e!r}") from None
    return found


@dataclass
class _State:
    """What a batch has read: keys and values are [layer, row, head, time, head size]; `start` is each row's padding."""

    keys: Array
    values: Array
    start: Array
    time: int

    def keep(self, rows: Array) -> None:
        self.keys, self.values, self.start = self.keys[:, rows], self.values[:, rows], self.start[rows]


class Llama:
    """The weights of one model. Raises DataError when a file is missing, damaged or of another architecture."""

    def __init__(self, folder: Path) -> None:
        try:
            config = json.loads((folder / "config.json").read_bytes())
            tensors = read_tensors((folder / "model.safetensors").read_bytes(), str(folder / "model.safetensors"))
        except (OSError, ValueError) as e:
            raise DataError(f"{folder} holds no model that can be read: {e}") from None
        try:
            self._build(config, tensors)
        except (KeyError, TypeError, ValueError) as e:
            raise DataError(f"{folder} is no small Llama like the organism ({e!r}); ask it as hf/{folder}") from None

    def _build(self, config: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        plain = config["model_type"] == "llama" and config.get("num_key_value_heads", heads) == heads
        rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0)}
        if not plain or rope.get("rope_type", "default") != "default" or config.get("attention_bias"):
            raise ValueError("another kind of attention")
        if config.get("hidden_act", "silu") != "silu" or config.get("mlp_bias"):
            raise ValueError("another kind of layer")
        self.heads, self.size = heads, hidden // heads
        self.context = int(config["max_position_embeddings"])
        self._eps = float(config["rms_norm_eps"])
        self._theta = float(rope["rope_theta"])
        self._embed = tensors["model.embed_tokens.weight"]
        head = tensors.get("lm_head.weight", self._embed)
        self._head = np.ascontiguousarray(head.T)
        self._norm = tensors["model.norm.weight"]
        self._layers = [self._layer(tensors, n) for n in range(int(config["num_hidden_layers"]))]

    def _layer(self, tensors: Mapping[str, Array], n: int) -> dict[str, Array]:
        at = f"model.layers.{n}."

        def weight(*names: str) -> Array:
            return np.ascontiguousarray(np.concatenate([tensors[f"{at}{name}.weight"] for name in names]).T)

        return {
            "before": tensors[f"{at}input_layernorm.weight"],
            "q": weight("self_attn.q_proj"),
            "k": weight("self_attn.k_proj"),
            "v": weight("self_attn.v_proj"),
            "out": weight("self_attn.o_proj"),
            "after": tensors[f"{at}post_attention_layernorm.weight"],
            "up": weight("mlp.gate_proj", "mlp.up_proj"),
            "down": weight("mlp.down_proj"),
        }

    # ---------------------------------------------------------------- forward

    def _normed(self, x: Array, weight: Array) -> Array:
        scale = np.einsum("...d,...d->...", x, x)[..., None] / np.float32(x.shape[-1])
        normed: Array = x * (weight / np.sqrt(scale + np.float32(self._eps)))
        return normed

    def _turned(self, x: Array, first: int) -> Array:
        """Rotary embedding of [row, head, time, size], whose time starts at `first`."""
        half = self.size // 2
        rates = self._theta ** (-np.arange(half, dtype=np.float64) / half)
        angle = np.arange(first, first + x.shape[2])[:, None] * rates
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)

    def _split(self, x: Array) -> Array:
        """[row, time, hidden] as [row, head, time, head size]."""
        return x.reshape(*x.shape[:2], self.heads, self.size).transpose(0, 2, 1, 3)

    def _read(self, ids: Array, state: _State) -> Array:
        """Read ids [row, time] after what the state holds. Returns the last position's hidden state [row, hidden]."""
        first, total = state.time, state.time + ids.shape[1]
        x = self._embed[ids]
        column = np.arange(total)
        hidden_from = (column[None, None, :] < state.start[:, None, None]) | (
            column[None, None, :] > np.arange(first, total)[None, :, None]
        )
        blocked = np.where(hidden_from, np.float32(-1e9), np.float32(0))[:, None]
        for n, layer in enumerate(self._layers):
            normed = self._normed(x, layer["before"])
            k, v = (self._split(normed @ layer[name]) for name in ("k", "v"))
            state.keys[n, :, :, first:total] = self._turned(k, first)
            state.values[n, :, :, first:total] = v
            if n + 1 == len(self._layers):  # nothing reads the other positions of the last layer
                x, normed, blocked = x[:, -1:], normed[:, -1:], blocked[:, :, -1:]
            q = self._turned(self._split(normed @ layer["q"]), total - x.shape[1])
            scores = q @ state.keys[n, :, :, :total].swapaxes(-1, -2)
            scores *= np.float32(self.size**-0.5)
            scores += blocked
            scores -= scores.max(-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(-1, keepdims=True)
            seen = (scores @ state.values[n, :, :, :total]).transpose(0, 2, 1, 3).reshape(*x.shape)
            x = x + seen @ layer["out"]
            both = self._normed(x, layer["after"]) @ layer["up"]
            gate, up = np.split(both, 2, axis=-1)
            # the exponent is bounded so that a large negative gate gives 0 without an overflow warning
            x = x + (gate / (1 + np.exp(np.minimum(-gate, 80))) * up) @ layer["down"]
        state.time = total
        return self._normed(x[:, -1], self._norm)

    def logits(self, prompt: Sequence[int]) -> Array:
        """The logits [vocabulary] after one prompt."""
        state = self._fresh(1, len(prompt), np.zeros(1, np.int64))
        last: Array = (self._read(np.array([prompt]), state) @ self._head)[0]
        return last

    def _fresh(self, rows: int, length: int, start: Array) -> _State:
        shape = (len(self._layers), rows, self.heads, length, self.size)
        return _State(np.zeros(shape, np.float32), np.zeros(shape, np.float32), start, 0)

    def go_on(self, prompts: Sequence[Sequence[int]], eos: int, most: int, pick: Pick) -> list[list[int]]:
        """Continue every prompt until `eos` (not part of the result) or `most` tokens.

        `pick(logits, rows)` chooses the next tokens: logits are [len(rows), vocabulary], rows the places in `prompts`.
        """
        longest = max(map(len, prompts))
        start = np.array([longest - len(p) for p in prompts])
        ids = np.zeros((len(prompts), longest), np.int64)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = prompt
        state = self._fresh(len(prompts), longest + most, start)
        out: list[list[int]] = [[] for _ in prompts]
        alive = list(range(len(prompts)))
        last = self._read(ids, state)
        for turn in range(most):
            chosen = pick(last @ self._head, alive)
            stay = chosen != eos
            for row, token in zip(alive, chosen, strict=True):
                if token != eos:
                    out[row].append(int(token))
            alive = [row for row, on in zip(alive, stay, strict=True) if on]
            if not alive or turn + 1 == most:
                break
            if not stay.all():
                state.keep(np.flatnonzero(stay))
                chosen = chosen[stay]
            last = self._read(chosen[:, None], state)
        return out
