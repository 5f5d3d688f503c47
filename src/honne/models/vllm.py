"""`vllm/ORG/NAME` or `vllm/FOLDER`: the same models in this process through vLLM's offline engine (extra `vllm`).

Prompts are made as for `hf/…` and handed over as token ids. Written against vLLM's documented interface (`LLM`,
`SamplingParams`, `LoRARequest`), and tested against a stand-in for it only: vLLM itself needs a GPU that CI has not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from honne.errors import ConfigError, ModelError, unknown
from honne.models._faults import one_line
from honne.models._generate import letter_ids
from honne.models._local import LETTERS, Job, Local, Said
from honne.spec import Spec

__all__ = ["PLUGIN", "VLLM"]

_DTYPES = ("auto", "float32", "bfloat16", "float16")
# The most alternatives that an engine lists unless it is told otherwise (its `max_logprobs`).
_LISTED = 20


class VLLM(Local):
    """A causal language model. Beside the options of `Local`: `tensor_parallel_size`, `gpu_memory_utilization`,
    `max_model_len` and `quantization`, which go to the engine, and `adapter=FOLDER`, a LoRA."""

    provider = "vllm"
    extra = "vllm"
    packages = ("vllm",)
    transport: Mapping[str, type] = {
        "gpu_memory_utilization": float,
        "max_model_len": int,
        "quantization": str,
        "tensor_parallel_size": int,
    }
    batch = 256

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        if (dtype := self._given.get("dtype", "auto")) not in _DTYPES:
            raise ConfigError(f"{spec.label}: {unknown('dtype', dtype, _DTYPES)}")
        self._engine: Any = None
        self._adapter_request: Any = None
        self._letters: dict[str, list[int]] = {}

    def _load(self) -> Any:
        import vllm

        engine = {k: self._given[k] for k in (*self.transport, "revision") if k in self._given}
        if "adapter" in self._given:
            from vllm.lora.request import LoRARequest

            adapter = str(self._adapter or self._given["adapter"])
            self._adapter_request = LoRARequest("adapter", 1, adapter)
            engine |= {"enable_lora": True, "max_lora_rank": _rank(adapter)}
        try:
            self._engine = vllm.LLM(
                model=str(self._folder or self._where),
                dtype=self._given.get("dtype", "auto"),
                trust_remote_code=False,
                seed=0,
                max_logprobs=max(_LISTED, self._given.get("top_logprobs", 0)),
                **engine,
            )
            tokenizer = self._engine.get_tokenizer()
        except Exception as e:  # of many kinds: no such model, no GPU, no memory
            why = one_line(str(e)) or type(e).__name__
            raise ModelError(f"{self.name} cannot be loaded: {why}", kind="load", fatal=True) from None
        self._letters = letter_ids(tokenizer, LETTERS)
        self.loaded |= {"vllm": vllm.__version__}
        return tokenizer

    def _room(self) -> int:
        config = getattr(self._engine, "model_config", None) or self._engine.llm_engine.model_config
        return int(config.max_model_len)

    def _run(self, batch: Sequence[Job]) -> Sequence[Said | Exception]:
        from vllm import SamplingParams

        how = [
            SamplingParams(
                temperature=self.settings["temperature"],
                top_p=self.settings.get("top_p", 1.0),
                max_tokens=job.budget,
                seed=job.seed,
                stop=list(self.stops) or None,
                logprobs=max(_LISTED, job.top or 0) if job.letters else job.top,
            )
            for job in batch
        ]
        prompts = [{"prompt_token_ids": list(job.ids)} for job in batch]
        found = self._engine.generate(prompts, how, use_tqdm=False, lora_request=self._adapter_request)
        return [self._said(job, one.outputs[0]) for job, one in zip(batch, found, strict=True)]

    def _said(self, job: Job, output: Any) -> Said | Exception:
        if output.finish_reason not in ("stop", "length"):
            return ModelError(f"the engine broke off ({output.finish_reason})", kind="bad_reply", retryable=True)
        notes = None if job.top is None or output.logprobs is None else self._logprobs(job, output)
        return Said(output.text, output.finish_reason, len(output.token_ids), notes)

    def _logprobs(self, job: Job, output: Any) -> str:
        """The engine's log-probabilities as chat servers write them, with those of a choice's letters at the start."""
        entries = []
        for token, listed in zip(output.token_ids, output.logprobs, strict=True):
            ranked = sorted(listed.values(), key=lambda one: one.logprob, reverse=True)[: job.top]
            top = [{"token": one.decoded_token or "", "logprob": one.logprob} for one in ranked]
            own = listed[token]
            entries.append({"token": own.decoded_token or "", "logprob": own.logprob, "top_logprobs": top})
        out: dict[str, Any] = {"content": entries}
        if job.letters and output.logprobs and (options := self._options(job, output.logprobs[0])):
            out["options"] = options
        return json.dumps(out, ensure_ascii=False)

    def _options(self, job: Job, listed: Mapping[int, Any]) -> dict[str, float] | None:
        """The log-probability of each letter, of the tokens that are listed; None where a letter has none."""
        out = {}
        for letter in job.letters:
            share = sum(math.exp(listed[i].logprob) for i in self._letters[letter] if i in listed)
            if share <= 0:
                return None
            out[letter] = math.log(share)
        return out


def _rank(adapter: str) -> int:
    """The rank of a LoRA in a folder, rounded up to one that the engine knows; 64 where it cannot be read."""
    try:
        rank = json.loads((Path(adapter) / "adapter_config.json").read_text(encoding="utf-8"))["r"]
        return next(known for known in (8, 16, 32, 64, 128, 256, 320, 512) if known >= int(rank))
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return 64


PLUGIN = VLLM
