"""Llama Guard 4 (12B, multimodal; here text only): safe or unsafe by the fourteen hazards of MLCommons.

Meta, https://github.com/meta-llama/PurpleLlama/blob/main/Llama-Guard4/12B/MODEL_CARD.md, Llama 4 Community License.
Looked up: the model card (hazards, S14 for text only) and Meta's page of the prompt format, which names the control
tokens; the task, fences and output are Llama Guard 3's, as public code that renders it agrees. Not verified: the
model's own template file, and the white space at its end; with `api=chat`, the default, the server applies that file.
P(unsafe) is that of `unsafe` against `safe` at the deciding token, renormalised over the two.
"""

from __future__ import annotations

from honne.judges._guard._llama import LlamaGuard


class LlamaGuard4(LlamaGuard):
    name = "llama-guard-4"
    title = "Llama Guard 4"
    model = "meta-llama/Llama-Guard-4-12B"
    start = "<|header_start|>user<|header_end|>\n\n"
    end = "<|eot|><|header_start|>assistant<|header_end|>\n\n"


FAMILY = LlamaGuard4()
