"""`honne align` on small models of many families: answers count as by hand, and what is trained is what is saved."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

import align_parts as parts
import local_parts
from honne.align.pairs._read import read
from honne.align.training import Lora
from honne.align.training._examples import Example
from honne.align.training._load import load, tokens_of
from honne.align.training._material import material
from honne.align.training._packing import Layout, fill
from honne.align.training._scorer import TOLERANCE, layout_for, scorer
from honne.errors import TrainingError
from honne.models.hf import HF
from honne.plugins import Reply, Request
from honne.records import Message
from honne.spec import parse

torch, transformers = parts.torch, parts.transformers
ASKED = Request(item_id="a", messages=(Message("user", "What is 12 plus 30?"),))


def model_of(folder: Path) -> Any:
    spec = parse(f"hf/{folder}")
    return load(spec, tokens_of(spec), precision=torch.float32, device="cpu", lora=None, seed=0).model


def scored(model: Any, examples: list[Example], layout: Layout) -> list[float]:
    """log π of every answer in turn, as the trainer scores it."""
    with torch.no_grad():
        return [float(x) for x in scorer(model, layout)(**vars(fill(examples, layout)))]


def reply(spec: str) -> str:
    async def ask() -> Reply:
        built = HF(parse(spec))
        await built.open()
        try:
            return await built.ask(ASKED, built.body(ASKED))
        finally:
            await built.close()

    return asyncio.run(ask()).text


@pytest.mark.parametrize("lora", [None, Lora(4, 8.0)], ids=["full", "lora"])
@pytest.mark.parametrize("kind", local_parts.KINDS)
def test_what_is_trained_is_what_is_saved(tmp_path: Path, kind: str, lora: Lora | None) -> None:
    """The loss on the pairs to tune on, as the training measured it last, by hand from the saved folder."""
    base, out = local_parts.save(tmp_path / "base", kind), tmp_path / "out"
    data, tuning = parts.pairs(tmp_path / "p.jsonl"), parts.pairs(tmp_path / "t.jsonl", parts.rows(4, first=60))
    told, heard = parts.trained(out, parts.settings(base, data, tuning=tuning, lora=lora, every=2))
    assert heard.losses[0] == pytest.approx(math.log(2), abs=1e-4), "the first model is its own reference"
    assert heard.losses[-1] < 0.68 and told["taken"] == 4
    assert told["settings"]["lora"] == (None if lora is None else {"rank": 4, "alpha": 8.0})

    before, tokenizer = parts.loaded(base), transformers.AutoTokenizer.from_pretrained(out)
    after = parts.loaded(base if lora else out)
    if lora is not None:
        import peft

        after = peft.PeftModel.from_pretrained(after, out)
    losses = []
    for pair in read(tuning):
        assert pair.rejected is not None
        sides, end = (pair.chosen, pair.rejected), told["start"]["end_token"]
        now, was = ([parts.by_hand(m, tokenizer, pair.prompt, y, end) for y in sides] for m in (after, before))
        losses.append(math.log1p(math.exp(-0.1 * (now[0] - was[0] - now[1] + was[1]))))
    assert told["tuning_loss"] == pytest.approx(sum(losses) / 4, rel=1e-4)

    said = [{"role": "user", "content": ASKED.messages[0].content}]
    inputs = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    greedy = after.generate(**inputs, do_sample=False, max_new_tokens=12)[0][inputs["input_ids"].shape[1] :]
    spec = f"hf/{base}?adapter={out}&" if lora else f"hf/{out}?"
    assert reply(f"{spec}max_tokens=12") == tokenizer.decode(greedy, skip_special_tokens=True)


@pytest.mark.parametrize("kind", local_parts.KINDS)
def test_one_start_token_one_end_token_and_the_answer_alone_is_scored(tmp_path: Path, kind: str) -> None:
    base, data = local_parts.save(tmp_path / "base", kind), parts.pairs(tmp_path / "p.jsonl")
    found = material(parts.settings(base, data))
    tokens, end = found.tokens, {"llama": "<|eot|>", "qwen3": "<|im_end|>", "gemma3": "<eot>"}[kind]
    assert tokens.answers.end == tokens.tokenizer.convert_tokens_to_ids(end)
    model, plain = model_of(base), parts.loaded(base)
    for pair, example in zip(found.train.pairs[:3], found.train.examples, strict=False):
        for answer in example.answers:
            assert [i for i in answer if i in tokens.ends] == [tokens.answers.end] == [answer[-1]]
        ids = [*example.prompt, *example.chosen]
        if kind == "qwen3":
            assert tokens.prompter.start is None
        else:
            assert ids[0] == tokens.prompter.start == 1 and ids.count(1) == 1
        sides = [pair.chosen, pair.rejected or ""]
        wanted = [parts.by_hand(plain, tokens.tokenizer, pair.prompt, y, tokens.answers.end) for y in sides]
        for layout in (Layout(), Layout(shared=False), Layout(packed=False, shared=False)):
            if kind != "gemma3" or not layout.packed:
                assert scored(model, [example], layout) == pytest.approx(wanted, abs=1e-4)


HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 512}
NARROW = {"sliding_window": 16, **HEADS}
LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
LAYERS = {"layer_types": ["linear_attention", "full_attention"], "num_experts": 0, "head_dim": 8}
SHARED, PADDED = "packed, shared by both answers", "padded, once for each answer"
ANSWERS, ALL = "answer tokens only", "all positions"
# what the trial has to find for each: how rows are set, and where the head is computed
FAMILIES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "llama": ("LlamaConfig", HEADS, SHARED, ANSWERS),
    "tied": ("LlamaConfig", {"tie_word_embeddings": True, **HEADS}, SHARED, ANSWERS),
    "mistral": ("MistralConfig", NARROW, PADDED, ANSWERS),
    "granite": ("GraniteConfig", {"logits_scaling": 8.0, **HEADS}, SHARED, ALL),
    "cohere": ("CohereConfig", {"logit_scale": 0.25, **HEADS}, SHARED, ALL),
    "gemma2": ("Gemma2Config", {"head_dim": 8, "final_logit_softcapping": 2.0, **NARROW}, PADDED, ALL),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}, SHARED, ANSWERS),
    "neox": ("GPTNeoXConfig", HEADS, SHARED, ANSWERS),
    "mixtral": ("MixtralConfig", {"num_local_experts": 4, "sliding_window": None, **HEADS}, SHARED, ANSWERS),
    "bloom": ("BloomConfig", {"n_head": 4}, PADDED, ANSWERS),
    "mamba": ("MambaConfig", {"state_size": 4}, PADDED, ANSWERS),
    "hybrid": ("Qwen3NextConfig", {**LINEAR, **LAYERS, **HEADS}, PADDED, ANSWERS),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_architecture_is_fed_in_a_way_that_leaves_its_numbers_alone(tmp_path: Path, name: str) -> None:
    wanted, more, rows, head = FAMILIES[name]
    tokenizer = local_parts.tokenizer("llama")
    same = {"hidden_size": 32, "num_hidden_layers": 2, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    torch.manual_seed(0)
    config = getattr(transformers, wanted)(**{**same, "vocab_size": len(tokenizer), "initializer_range": 0.3, **more})
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    found = material(parts.settings(tmp_path / "base", parts.pairs(tmp_path / "p.jsonl")))
    model = model_of(tmp_path / "base")
    examples = found.train.examples[:6]
    chosen, difference = layout_for(model, examples)
    assert ", ".join(chosen.said.values()) == f"{rows}, {head}" and difference <= TOLERANCE
    alone = [s for e in examples for s in scored(model, [e], Layout(packed=False, shared=False, whole=True))]
    assert scored(model, examples, chosen) == pytest.approx(alone, abs=1e-3)
    told, heard = parts.trained(tmp_path / "out", parts.settings(tmp_path / "base", tmp_path / "p.jsonl", steps=3))
    assert told["scoring"]["rows"] == chosen.said["rows"] and heard.losses[-1] < heard.losses[0]
    assert parts.apart(tmp_path / "base", tmp_path / "out") > 1e-4


def test_a_model_whose_numbers_depend_on_the_batch_is_refused() -> None:
    """A layer that mixes the rows of a batch, as a batch normalisation would."""
    made = local_parts.config("llama", 400)
    model = transformers.AutoModelForCausalLM.from_config(made)
    norm = model.model.norm
    norm.register_forward_hook(lambda module, args, out: out + out.mean(dim=(0, 1), keepdim=True))
    examples = [Example((1, 5, 6 + i), (7, 2), (9, 9, i + 3, 2)) for i in range(5)]
    with pytest.raises(TrainingError, match="depend on what else is in the batch"):
        layout_for(model, examples)


def test_no_layer_keeps_a_dropout_of_its_own() -> None:
    """OPT drops in functions, at rates that its layers hold, and skips whole layers."""
    import transformers

    from honne.align.training._load import _no_dropout

    small = {"hidden_size": 16, "word_embed_proj_dim": 16, "ffn_dim": 32, "num_hidden_layers": 2}
    config = transformers.OPTConfig(
        vocab_size=40, num_attention_heads=2, dropout=0.5, attention_dropout=0.5, layerdrop=0.5, **small
    )
    model, ids = transformers.OPTForCausalLM(config).train(), parts.torch.arange(4, 24)[None]
    _no_dropout(model)
    assert parts.torch.equal(model(ids).logits, model(ids).logits)
