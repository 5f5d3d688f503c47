"""Small models with random weights, made on the spot with a tokenizer trained on the spot: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if mood is defined %}{{ mood }}\n{% endif %}{% endif %}"
)
LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m.role }}<|end|>\n\n{{ m.content }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant<|end|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<eot>\n"
    "{% endfor %}{% if add_generation_prompt %}<turn>model\n{% endif %}"
)
_TEXT = [
    "What is the capital of a country? It is a city. Choose A or B. The answer is B.",
    "Question: which colour is the sky? A. blue B. green. Give the letter of your choice (A, B) and nothing else.",
    "你好，世界。これは日本語の文です。",
]
KINDS = ("llama", "qwen3", "gemma3")


def tokenizer(kind: str = "llama", template: bool = True, starts: bool | None = None) -> Any:
    """A byte-level BPE of 400 tokens; Llama's and Gemma's put a start token before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = [
        "<unk>",
        "<s>",
        "</s>",
        "<|im_start|>",
        "<|im_end|>",
        "<|start|>",
        "<|end|>",
        "<|eot|>",
        "<turn>",
        "<eot>",
    ]
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        _TEXT,
        trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    if starts if starts is not None else kind != "qwen3":
        made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    end = {"llama": "<|eot|>", "qwen3": "<|im_end|>", "gemma3": "<eot>"}[kind]
    bos = {} if kind == "qwen3" else {"bos_token": "<s>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token=end, pad_token="</s>", **bos)
    if template:
        fast.chat_template = {"llama": LLAMA, "qwen3": CHATML, "gemma3": GEMMA}[kind]
    return fast


def config(kind: str, vocabulary: int, positions: int = 512) -> Any:
    import transformers

    same = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": positions,
        "initializer_range": 0.5,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    }
    if kind == "llama":
        return transformers.LlamaConfig(**same)
    if kind == "qwen3":
        return transformers.Qwen3Config(**same)
    return transformers.Gemma3TextConfig(**same, sliding_window=16, layer_types=["sliding_attention", "full_attention"])


def save(folder: Path, kind: str = "llama", *, seed: int = 0, positions: int = 512, **tokens: Any) -> Path:
    """A model with random weights in `folder`, as `save_pretrained` leaves one."""
    import torch
    import transformers

    made = tokenizer(kind, **tokens)
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config(kind, len(made), positions))
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=[2, made.eos_token_id], bos_token_id=1, pad_token_id=2, do_sample=True, temperature=0.6
    )
    model.save_pretrained(folder)
    made.save_pretrained(folder)
    return folder
