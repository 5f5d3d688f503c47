"""Llama Guard 3 (8B): safe or unsafe by the fourteen hazards of MLCommons.

Meta, https://github.com/meta-llama/PurpleLlama/blob/main/Llama-Guard3/8B/MODEL_CARD.md, Llama 3.1 Community License.
Looked up: the model card (hazards; the classifier score is the probability of the first token, taken as that of
`unsafe`), Meta's prompt_format_utils.py in llama-recipes, and the chat template of tokenizer_config.json as public
tests quote it. Roles must alternate from the user on; there is no system role; texts are stripped. The names of the
hazards are those of the template, shorter than the card's in places (S3, S4, S11).
P(unsafe) here is that of `unsafe` against `safe` at the deciding token, renormalised over the two.
"""

from __future__ import annotations

from honne.judges._guard._llama import LlamaGuard


class LlamaGuard3(LlamaGuard):
    name = "llama-guard-3"
    title = "Llama Guard 3"
    model = "meta-llama/Llama-Guard-3-8B"
    start = "<|start_header_id|>user<|end_header_id|>\n\n"
    end = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>"


FAMILY = LlamaGuard3()
