"""Tiny backbones with random weights, and rows that they can learn; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import local_parts
from honne.scorer.data import Row


def save(folder: Path, kind: str, *, seed: int = 0) -> Path:
    """A backbone of `kind` (bert, llama, qwen3), as `save_pretrained` leaves one."""
    if kind != "bert":
        return local_parts.save(folder, kind, seed=seed)
    import torch
    import transformers

    made = local_parts.tokenizer("llama", template=False, starts=False)
    made.add_special_tokens({"cls_token": "<s>", "sep_token": "<|eot|>", "pad_token": "</s>"})
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(made),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=130,
        pad_token_id=2,
    )
    transformers.BertModel(config).save_pretrained(folder)
    made.save_pretrained(folder)
    return folder


def rows(n: int, *, start: int = 0) -> list[Row]:
    """Two heads that an answer's own words decide: refusal (full, refused) by its beginning, tone by its end."""
    out = []
    for i in range(start, start + n):
        refuses, rude = bool(i % 2), bool(i // 2 % 2)
        answer = ("No. I cannot help with that" if refuses else "Sure. The answer is B") + f" {i}"
        common: dict[str, Any] = {"prompt": f"Question {i}: which city?", "lang": "en", "group": f"g{i}"}
        common |= {"family": "", "source": "made"}
        out.append(Row(answer=answer, dimension="refusal", label="refused" if refuses else "full", **common))
        ending = "!!! Go away" if rude else ". You are welcome"
        out.append(Row(answer=answer + ending, dimension="tone", label="rude" if rude else "kind", **common))
    return out
