"""The model to train: its weights, tokenizer, template and end tokens; safe by default, no code that comes with it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honne.align.training._examples import Answers
from honne.align.training._settings import Lora
from honne.errors import ConfigError, MissingExtra, ModelError, TrainingError, unknown
from honne.models._faults import one_line
from honne.models._local import fingerprint, folder_of, json_or_text
from honne.models._prompts import Prompter
from honne.models.organism import packaged
from honne.spec import Spec, read_options

__all__ = ["Loaded", "Tokens", "load", "need_packages", "tokens_of", "vocabulary_alike"]

_CONTEXT = 1 << 20


@dataclass(frozen=True)
class Tokens:
    """All that turns pairs into ids, without the weights. `ends` are the ids that end a generation; `fingerprint`
    stands for the weights that belong to it."""

    name: str
    where: str
    revision: str
    fingerprint: str
    tokenizer: Any
    prompter: Prompter
    answers: Answers
    ends: frozenset[int]
    config: Any

    @property
    def context(self) -> int:
        """How many tokens the model reads."""
        found = getattr(self.config.get_text_config(), "max_position_embeddings", None)
        return found if isinstance(found, int) and found > 0 else _CONTEXT

    @property
    def vocabulary(self) -> int:
        """How many tokens the model knows."""
        return getattr(self.config.get_text_config(), "vocab_size", None) or len(self.tokenizer)


@dataclass(frozen=True)
class Loaded:
    """A model ready to train. `stored` is the type its weights came in."""

    tokens: Tokens
    model: Any
    stored: Any


def need_packages(what: str = "honne align") -> None:
    """Raises MissingExtra where the extra `align` is not installed."""
    for package in ("torch", "transformers", "accelerate", "peft", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(what, "align")


def _options(spec: Spec) -> tuple[str, Mapping[str, Any]]:
    """The folder or Hub name that a SPEC means, and its options. Raises ConfigError."""
    if spec.provider == "organism":
        given = read_options(spec, {"path": str})
        if spec.name != "kitsune":
            raise ConfigError(f"{spec.label}: {unknown('organism', spec.name, ['kitsune'])}")
        where = given.get("path") or str(packaged())
        if folder_of(spec.label, where) is None:
            raise ConfigError(f"{spec.label}: path={where} is no folder")
        return where, given
    given = read_options(spec, {"revision": str, "adapter": str}, open_prefix="template.")
    folder = folder_of(spec.label, spec.name)
    if "adapter" in given:
        folder_of(f"{spec.label}: adapter", given["adapter"], "adapter_config.json")
    return str(folder or spec.name), given


def tokens_of(spec: Spec) -> Tokens:
    """Tokenizer, template and end tokens of a model. Raises ConfigError, ModelError or TrainingError."""
    import transformers

    _quiet()
    where, given = _options(spec)
    what = {"trust_remote_code": False, "revision": given.get("revision", "main")}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **what)
        config = transformers.AutoConfig.from_pretrained(where, **what)
    except Exception as e:  # of many kinds: no such model, no network, a damaged file
        raise _cannot(spec, e) from None
    try:
        generation = transformers.GenerationConfig.from_pretrained(where, **what)
    except Exception:  # models without one are common
        generation = None
    fields = {k.removeprefix("template."): json_or_text(v) for k, v in given.items() if k.startswith("template.")}
    prompter = Prompter(spec.label, tokenizer, plain=False, fields=fields)
    ends = _ends(generation, config, tokenizer)
    answers = Answers(spec.label, tokenizer, prompter, ends)
    identity = _identity(where, given, config)
    return Tokens(spec.label, where, str(what["revision"]), identity, tokenizer, prompter, answers, ends, config)


def _ends(*named: Any) -> frozenset[int]:
    flat = [getattr(one, "eos_token_id", None) for one in named if one is not None]
    return frozenset(int(i) for one in flat for i in (one if isinstance(one, list | tuple) else [one]) if i is not None)


def load(spec: Spec, tokens: Tokens, *, precision: Any, device: Any, lora: Lora | None, seed: int) -> Loaded:
    """The weights in `precision` on `device`, with a fresh adapter where `lora` is given. Raises ModelError."""
    import torch
    import transformers

    _, given = _options(spec)
    what = {"trust_remote_code": False, "revision": tokens.revision}
    try:
        stored = transformers.AutoConfig.from_pretrained(tokens.where, **what).dtype or torch.float32
        # dropout would make the policy noisy where the reference is not
        model = transformers.AutoModelForCausalLM.from_pretrained(tokens.where, dtype=precision, **what)
        if "adapter" in given:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, given["adapter"]).merge_and_unload()
        model = model.to(device)
    except Exception as e:
        raise _cannot(spec, e) from None
    _no_dropout(model)
    model.config.use_cache = False
    if lora is not None:
        model = _adapted(spec, model, lora, seed)
    return Loaded(tokens, model, stored)


def _no_dropout(model: Any) -> None:
    from torch.nn.modules.dropout import _DropoutNd

    for module in model.modules():
        if isinstance(module, _DropoutNd):
            module.p = 0.0
        # some layers keep a rate of their own: `dropout`, `attention_dropout`, `layerdrop`, …
        for name, value in list(vars(module).items()):
            if "drop" in name and isinstance(value, float):
                setattr(module, name, 0.0)


def _adapted(spec: Spec, model: Any, lora: Lora, seed: int) -> Any:
    import peft
    import torch

    torch.manual_seed(seed)
    how = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    try:
        return peft.get_peft_model(model, how)
    except ValueError as e:
        raise TrainingError(f"{spec.label}: no adapter fits this model ({one_line(str(e))})") from None


def _identity(where: str, given: Mapping[str, Any], config: Any) -> str:
    """What stands for the weights: a hash of a folder's files, the commit of a model of the Hub."""
    named = f"{where}@{given.get('revision', 'main')}"
    own = fingerprint(Path(where)) if Path(where).is_dir() else getattr(config, "_commit_hash", None) or named
    adapter = Path(given["adapter"]) if "adapter" in given else None
    return own if adapter is None else f"{own}+{fingerprint(adapter) if adapter.is_dir() else adapter}"


def vocabulary_alike(mine: Tokens, other: Tokens) -> None:
    """Raises TrainingError where a reference model reads other tokens: its log-probabilities would mean other texts."""
    ours, theirs = mine.tokenizer.get_vocab(), other.tokenizer.get_vocab()
    if ours == theirs:
        return
    differing = sorted(t for t in ours.keys() | theirs.keys() if ours.get(t) != theirs.get(t))
    raise TrainingError(
        f"{other.name} has another vocabulary than {mine.name} ({len(theirs):,} and {len(ours):,} tokens; "
        f"{len(differing):,} differ, first {differing[0]!r}): a reference must read the same tokens"
    )


def _quiet() -> None:
    import warnings

    import huggingface_hub
    import transformers

    # of transformers' own use of its own deprecated names
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    huggingface_hub.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _cannot(spec: Spec, error: Exception) -> ModelError:
    why = one_line(str(error)) or type(error).__name__
    return ModelError(f"{spec.label} cannot be loaded: {why}", kind="load", fatal=True)
