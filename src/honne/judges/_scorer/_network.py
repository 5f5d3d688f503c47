"""A Hugging Face encoder or decoder under one linear head a dimension: texts to ids, ids to one vector, vector to
probabilities.

Any model that `AutoModel` knows: of a decoder the state of the last token, of an encoder the mean of its states (or the
first). The ids and their padding are made here, on the right whatever the tokenizer's own side, so that an answer has
the same verdict alone and in a batch. No code that comes with a model is run, and only safetensors are read.

What is too long keeps its beginning and its end: the prompt has what the answer leaves of the room, at least a quarter
of it, and each part loses its middle. Refusals stand at the beginning of an answer, warnings at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne.errors import ConfigError, MissingExtra, unknown
from honne.models._faults import one_line
from honne.models._local import folder_of

__all__ = ["LEAST", "POOLINGS", "Network", "Texts", "open_backbone", "pooling_of"]

POOLINGS = ("mean", "first", "last")
LEAST = 16
"""Ids of a row, at the least: of fewer there is next to nothing left of prompt and answer."""
_PROMPT_SHARE = 4
# What half precision may do to a vector, as a share of its length; a model that reads padding does much more.
_NOISE = 0.05
# No token is that many characters long on average: more of a text than this is not worth reading.
_CHARACTERS = 16

Matrix = NDArray[np.float32]


class Texts:
    """Prompts and answers as ids: start, prompt, separator, answer, end; at most `room` of them."""

    def __init__(self, tokenizer: Any, room: int) -> None:
        self._tokenizer = tokenizer
        self.room = room
        first = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
        last = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
        between = [tokenizer.sep_token_id] if tokenizer.sep_token_id is not None else self._plain("\n\n")
        self._first, self._last = [[] if one is None else [one] for one in (first, last)]
        self._between = between
        self.padding = next(i for i in (tokenizer.pad_token_id, last, 0) if i is not None)

    def ids(self, prompt: str, answer: str) -> list[int]:
        """The ids of one row."""
        room = self.room - len(self._first) - len(self._between) - len(self._last)
        asked, said = self._plain(prompt), self._plain(answer)
        for_prompt = min(len(asked), max(room // _PROMPT_SHARE, room - len(said)))
        for_answer = room - for_prompt
        return [*self._first, *_ends(asked, for_prompt), *self._between, *_ends(said, for_answer), *self._last]

    def _plain(self, text: str) -> list[int]:
        # An answer that spells out a control token must not become one.
        most = _CHARACTERS * self.room
        if len(text) > 2 * most:
            text = text[:most] + text[-most:]
        text = text.encode("utf-8", "replace").decode()
        found = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return list(found["input_ids"])

    def save(self, folder: str) -> None:
        """Write the tokenizer beside its model."""
        self._tokenizer.save_pretrained(folder)

    def batch(self, rows: Sequence[Sequence[int]], device: Any) -> tuple[Any, Any]:
        """Ids and mask, shape (rows, longest), padded on the right."""
        import torch

        longest = max(map(len, rows))
        ids = [[*row, *[self.padding] * (longest - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _ends(ids: list[int], room: int) -> list[int]:
    """`ids` without its middle where it is longer than `room`."""
    if len(ids) <= room:
        return ids
    tail = room // 2
    return [*ids[: room - tail], *ids[len(ids) - tail :]]


class Network:
    """A backbone and a linear map from its vector to the classes of all heads, one after another.

    `heads` are the labels of every dimension; `spans` says which columns of the logits are a head's.
    """

    def __init__(self, model: Any, texts: Texts, heads: Mapping[str, Sequence[str]], pooling: str, device: Any) -> None:
        import torch

        self.model, self.texts, self.pooling, self.device = model, texts, pooling, device
        self.spans: dict[str, slice] = {}
        at = 0
        for name, labels in heads.items():
            self.spans[name] = slice(at, at + len(labels))
            at += len(labels)
        self.linear = torch.nn.Linear(model.config.get_text_config().hidden_size, at).to(device)

    def pooled(self, rows: Sequence[Sequence[int]]) -> Any:
        """One vector a row, shape (rows, hidden), float32."""
        import torch

        ids, mask = self.texts.batch(rows, self.device)
        states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.pooling == "first":
            return states[:, 0].float()
        if self.pooling == "last":
            return states[torch.arange(len(rows), device=self.device), mask.sum(1) - 1].float()
        weight = mask.unsqueeze(-1).float()
        return (states.float() * weight).sum(1) / weight.sum(1)

    def steady(self) -> bool:
        """Whether a row has the same vector alone and beside a longer one: padding must not be read."""
        import torch

        short, long = self.texts.ids("Which city?", "No."), self.texts.ids("Which city?", "No. " * 9)
        self.model.eval()
        with torch.inference_mode():
            alone, beside = self.pooled([short])[0], self.pooled([short, long])[0]
        return float((alone - beside).norm()) <= _NOISE * float(alone.norm())

    def read(self, rows: Sequence[tuple[str, str]], size: int = 32) -> tuple[Matrix, Matrix]:
        """Vectors (n, hidden) and logits (n, classes) of (prompt, answer) rows, in their order."""
        import torch

        self.model.eval()
        ids = [self.texts.ids(*row) for row in rows]
        # Rows of like length together: less padding to compute.
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        hidden, classes = self.linear.in_features, self.linear.out_features
        vectors = np.zeros((len(ids), hidden), dtype=np.float32)
        logits = np.zeros((len(ids), classes), dtype=np.float32)
        with torch.inference_mode():
            for places in _chunks(order, size):
                pooled = self.pooled([ids[i] for i in places])
                vectors[places] = pooled.cpu().numpy()
                logits[places] = self.linear(pooled).cpu().numpy()
        return vectors, logits


def _chunks(order: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def pooling_of(config: Any, wanted: str | None = None) -> str:
    """How a backbone's states become one vector: `wanted`, else the mean for an encoder and the last for a decoder.

    Raises ConfigError for an unknown way, and for a model with an encoder and a decoder.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    if getattr(config, "is_encoder_decoder", False):
        raise ConfigError(f"a backbone is an encoder or a decoder, and {config.model_type} is both")
    if wanted is not None and wanted not in POOLINGS:
        raise ConfigError(unknown("pooling", wanted, POOLINGS))
    return wanted or ("mean" if config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES else "last")


def open_backbone(
    where: str, *, room: int, revision: str | None = None, device: str | None = None, label: str = "backbone"
) -> tuple[Any, Texts, Any]:
    """The model, its texts (at most `room` ids, fewer where the model reads fewer) and its device.

    Raises MissingExtra without torch, ConfigError for a model that is not there, needs code of its own, or has no
    safetensors.
    """
    try:
        import torch
        import transformers
    except ImportError:
        raise MissingExtra("a scorer with a backbone", "local") from None

    # Its progress bars and reports are noise here: what matters is raised.
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = folder_of(label, where)
    what = {"trust_remote_code": False, "revision": revision or "main"}
    name = str(folder or where)
    try:
        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **what)
        config = transformers.AutoConfig.from_pretrained(name, **what)
        kind = "auto" if place.type == "cuda" else torch.float32  # half precision is slow on a CPU
        model = transformers.AutoModel.from_pretrained(name, dtype=kind, use_safetensors=True, **what).to(place)
    except Exception as e:  # of many kinds: no such model, no network, a damaged file, code of its own
        raise ConfigError(f"{label}: {where} cannot be loaded: {one_line(str(e))}") from None
    room = min(room, _reads(config, tokenizer), *_placed(model))
    if room < LEAST:
        raise ConfigError(f"{label}: {where} reads {room} ids of a row: at least {LEAST}")
    return model, Texts(tokenizer, room), place


def _placed(model: Any) -> Iterator[int]:
    """How many ids each table of positions has room for that begins behind its padding (RoBERTa and its kin)."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            yield module.num_embeddings - module.padding_idx - 1


def _reads(config: Any, tokenizer: Any) -> int:
    """How many ids the model reads. An encoder's table of positions may keep two for itself."""
    said = getattr(config.get_text_config(), "max_position_embeddings", None)
    positions = said if said and said > 0 else 1 << 20  # XLNet says -1: it has no end
    return min(int(positions) - 2, int(min(tokenizer.model_max_length, 1 << 20)))
