"""Which family of models a name belongs to: a judge may favour its own kin, so that pairing is warned about."""

from __future__ import annotations

import re

__all__ = ["families", "same_family"]

# Family -> what its models are called. Names are matched as whole words where they are short, and never inside the
# names of serving tools or quantisations (openai, ollama, llama.cpp, GPTQ).
_FAMILIES = {
    "gpt": r"gpt(?!q)|davinci|(?<![a-z0-9])o[1345](?![a-z0-9])",
    "claude": r"claude",
    "gemini": r"gemini|gemma|palm-?2",
    "qwen": r"qwen|qwq|qvq|tongyi",
    "llama": r"(?<!o)llama(?!\.?cpp)|vicuna",
    "mistral": r"mistral|mixtral|ministral|magistral|codestral|devstral|pixtral",
    "deepseek": r"deepseek",
    "glm": r"glm",
    "yi": r"(?<![a-z])yi(?![a-z])",
    "internlm": r"internlm|(?<![a-z])intern-?(?:s1|vl)",
    "baichuan": r"baichuan",
    "phi": r"(?<![a-z])phi(?![a-z])",
    "falcon": r"falcon",
    "olmo": r"olmo|tulu",
    "command": r"(?<![a-z])command-?(?:a|r|light|nightly)?(?![a-z])|(?<![a-z])aya(?![a-z])",
    "ernie": r"ernie",
    "kimi": r"kimi|moonshot",
    "minimax": r"minimax|abab",
    "hunyuan": r"hunyuan",
    "doubao": r"doubao",
    "grok": r"grok",
    "granite": r"granite",
    "moss": r"(?<![a-z])moss(?![a-z])",
}
_PATTERNS = {family: re.compile(pattern) for family, pattern in _FAMILIES.items()}


def families(model: str) -> frozenset[str]:
    """The families that a model's name speaks of: none for an unknown name, two for a distilled model."""
    name = _plain(model)
    return frozenset(family for family, pattern in _PATTERNS.items() if pattern.search(name))


def same_family(judge_model: str, model: str) -> bool:
    """Whether two models (SPECs, labels or bare names) share a family, or have the same name."""
    one, other = _plain(judge_model), _plain(model)
    return one.rpartition("/")[2] == other.rpartition("/")[2] or bool(families(judge_model) & families(model))


def _plain(model: str) -> str:
    return model.partition("?")[0].strip().lower().replace("_", "-")
