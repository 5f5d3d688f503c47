"""`hf/ORG/NAME` or `hf/FOLDER`: a Hugging Face model in this process, through transformers (extra `local`).

Safe by default: no code that comes with a model is run. Weights are read in bfloat16 where a GPU has it, else float16,
and in float32 on a CPU, which has no fast half precision.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from honne.errors import ConfigError, ModelError, unknown
from honne.models import _generate
from honne.models._batches import OutOfMemory
from honne.models._faults import one_line
from honne.models._local import LETTERS, Job, Local, Said
from honne.plugins import Request
from honne.spec import Spec

__all__ = ["HF", "PLUGIN"]

_DTYPES = ("auto", "float32", "bfloat16", "float16")
_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")
# What a model reads that does not say how much it does.
_ROOM = 1 << 20


class HF(Local):
    """A causal language model. Beside the options of `Local`: `device` (`cpu`, `cuda`, `cuda:1`, `mps`; default: a GPU
    if there is one) and `adapter=FOLDER`, a LoRA of peft."""

    provider = "hf"
    extra = "local"
    packages = ("torch", "transformers")
    transport: Mapping[str, type] = {"device": str}

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._dtype: str = self._given.get("dtype", "auto")
        if self._dtype not in _DTYPES:
            raise ConfigError(f"{spec.label}: {unknown('dtype', self._dtype, _DTYPES)}")
        self._model: Any = None
        self._tokenizer: Any = None
        self._letters: dict[str, list[int]] = {}
        self._ends: frozenset[int] = frozenset()
        self._cancelled = threading.Event()

    async def open(self) -> None:
        self._cancelled.clear()
        await super().open()

    def _stop(self) -> None:
        self._cancelled.set()

    def _load(self) -> Any:
        import huggingface_hub
        import torch
        import transformers

        huggingface_hub.utils.logging.set_verbosity_error()
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        device = self._device(torch)
        dtype = self._kind(torch, device)
        what = {"trust_remote_code": False, "revision": self._given.get("revision", "main")}
        where = str(self._folder or self._where)
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(where, **what)
            model = transformers.AutoModelForCausalLM.from_pretrained(where, dtype=dtype, **what)
            if "adapter" in self._given:
                from peft import PeftModel

                adapter = str(self._adapter or self._given["adapter"])
                model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
            self._model = model.to(device).eval()
        except Exception as e:  # of many kinds: no such model, no network, a wrong shape, no memory
            if self._is_memory(e):
                raise ModelError(f"{self.name} does not fit into memory", kind="out_of_memory", fatal=True) from None
            why = one_line(str(e)) or type(e).__name__
            here = "" if self._folder else f" (and there is no folder {self._where} here)"
            raise ModelError(f"{self.name} cannot be loaded: {why}{here}", kind="load", fatal=True) from None
        self._ends = _ends(self._model, self._tokenizer)
        # its own habits (a temperature, a repetition penalty) would be added to what was asked for
        self._model.generation_config = transformers.GenerationConfig()
        self._letters = _generate.letter_ids(self._tokenizer, LETTERS)
        commit = getattr(self._model.config, "_commit_hash", None)
        self.loaded |= {
            "device": str(device),
            "dtype": str(dtype).removeprefix("torch."),
            "class": type(self._model).__name__,
            "transformers": transformers.__version__,
            **({"commit": commit} if commit else {}),
        }
        return self._tokenizer

    def _device(self, torch: Any) -> Any:
        named = self._given.get("device")
        mps = getattr(torch.backends, "mps", None)
        found = "cuda" if torch.cuda.is_available() else "mps" if mps and mps.is_available() else "cpu"
        try:
            device = torch.device(named or found)
            torch.zeros(1, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as e:
            why = one_line(str(e).partition("\n")[0])
            raise ModelError(f"{self.name}: device={named} cannot be used ({why})", kind="device", fatal=True) from None
        return device

    def _kind(self, torch: Any, device: Any) -> Any:
        if self._dtype != "auto":
            return getattr(torch, self._dtype)
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        return torch.float16 if device.type == "mps" else torch.float32

    def _room(self) -> int:
        config = self._model.config
        inner = config.get_text_config() if hasattr(config, "get_text_config") else config
        found = getattr(inner, "max_position_embeddings", None)
        return found if isinstance(found, int) and found > 0 else _ROOM

    def _job(self, request: Request) -> Job:
        job = super()._job(request)
        known = getattr(self._model.get_input_embeddings(), "num_embeddings", None)
        if known is not None and max(job.ids) >= known:
            why = f"the prompt has the token {max(job.ids)} and the model knows {known}"
            raise ModelError(f"{why}: is the tokenizer another model's?", kind="vocabulary", item_fault=True)
        return job

    def _run(self, batch: Sequence[Job]) -> Sequence[Said | Exception]:
        how = _generate.Sampling(self.settings["temperature"], self.settings.get("top_p", 1.0), self._ends, self.stops)
        try:
            return _generate.generate(self._model, self._tokenizer, batch, how, self._letters, self._cancelled.is_set)
        except Exception as e:
            if not self._is_memory(e):
                raise
            why = one_line(str(e))
        # outside of `except`, whose traceback would hold the batch's tensors
        self._free()
        raise OutOfMemory(why)

    def _is_memory(self, error: Exception) -> bool:
        import torch

        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            return True
        return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _MEMORY)

    def _free(self) -> None:
        import gc

        import torch

        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer: those that the model's configuration names, and the tokenizer's own."""
    named = [getattr(c, "eos_token_id", None) for c in (model.generation_config, model.config, tokenizer)]
    flat = [i for one in named for i in (one if isinstance(one, list | tuple) else [one])]
    return frozenset(int(i) for i in flat if i is not None)


PLUGIN = HF
