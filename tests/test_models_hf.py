"""`hf/…` on small random models: batches, prompts, choices, faults. Nothing is downloaded."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from honne.engine.local import execute
from honne.errors import ConfigError, MissingExtra, ModelError
from honne.metrics._tokens import option_probabilities
from honne.models._batches import Batches, OutOfMemory
from honne.models.hf import HF
from honne.plugins import Reply, Request, load
from honne.records import Message
from honne.spec import parse

pytest.importorskip("torch", reason="local models need torch")
pytest.importorskip("transformers", reason="local models need transformers")

import torch
import transformers

import local_parts

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One random model of each kind."""
    return {kind: local_parts.save(tmp_path_factory.mktemp(kind), kind) for kind in local_parts.KINDS}


def model(folder: Path, options: str = "max_tokens=12") -> HF:
    built = load("models", "hf")(parse(f"hf/{folder}?{options}"))
    assert isinstance(built, HF)
    return built


def ask(text: str, item_id: str = "i", **more: Any) -> Request:
    return Request(item_id=item_id, messages=(Message("user", text),), **more)


def several(n: int = 9) -> list[Request]:
    return [ask("What is " + "blue " * (3 * i % 7) + "?", f"i{i}") for i in range(n)]


def answers(built: HF, requests: Sequence[Request]) -> list[Any]:
    """Every reply, or the error of a request that failed."""

    async def go() -> list[Any]:
        await built.open()
        try:
            asked = (built.ask(r, built.body(r)) for r in requests)
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await built.close()

    found = asyncio.run(go())
    for one in found:
        if isinstance(one, Exception) and not isinstance(one, ModelError):
            raise one
    return found


def one(built: HF, request: Request) -> Reply:
    (found,) = answers(built, [request])
    if isinstance(found, ModelError):
        raise found
    assert isinstance(found, Reply)
    return found


# ------------------------------------------------------------------------ answers


@pytest.mark.parametrize("kind", local_parts.KINDS)
def test_a_batch_answers_as_each_alone_and_as_transformers_does(folders: dict[str, Path], kind: str) -> None:
    alone = answers(model(folders[kind], "max_tokens=12&batch=1"), several())
    together = model(folders[kind], "max_tokens=12&batch=16")
    found = answers(together, several())
    assert [r.text for r in found] == [r.text for r in alone]
    assert {r.tokens_in for r in found} != {found[0].tokens_in}  # prompts of several lengths, so padding was at work
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders[kind])
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folders[kind], dtype=torch.float32)
    for request, reply in zip(several(), found, strict=True):
        said = [{"role": m.role, "content": m.content} for m in request.messages]
        ids = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        out = theirs.generate(**ids, do_sample=False, max_new_tokens=12)[0][ids["input_ids"].shape[1] :]
        assert reply.text == tokenizer.decode(out, skip_special_tokens=True)
        assert reply.tokens_in == ids["input_ids"].shape[1]
        ended = int(out[-1]) in theirs.generation_config.eos_token_id
        assert (reply.status, reply.finish) == (("ok", "stop") if ended else ("truncated", "length"))


def test_sampling_depends_on_the_seed_the_sample_and_nothing_else(folders: dict[str, Path]) -> None:
    how = "temperature=1&top_p=0.9&max_tokens=8"
    first = [r.text for r in answers(model(folders["qwen3"], f"{how}&batch=1"), several())]
    assert first == [r.text for r in answers(model(folders["qwen3"], f"{how}&batch=5"), several())]
    assert first == [r.text for r in answers(model(folders["qwen3"], f"{how}&batch=9"), several()[::-1])][::-1]
    other = [r.text for r in answers(model(folders["qwen3"], f"{how}&seed=1"), several())]
    again = [ask(r.messages[0].content, r.item_id, sample=1) for r in several()]
    assert first != other and first != [r.text for r in answers(model(folders["qwen3"], how), again)]


def test_samples_follow_the_models_probabilities(folders: dict[str, Path]) -> None:
    """The first token of 600 samples, at temperature 1: as often as its probability says; top_p keeps the likeliest."""
    built = model(folders["llama"], "temperature=1&max_tokens=1&logprobs=true&top_logprobs=1&batch=64")
    found = answers(built, [ask("Choose A or B.", sample=k) for k in range(600)])
    entries = [json.loads(r.logprobs)["content"] for r in found]
    first = [(e[0]["logprob"], e[0]["top_logprobs"][0]["logprob"]) for e in entries if e]
    best = first[0][1]
    hits = sum(own == best for own, _ in first)
    share = math.exp(best)
    assert abs(hits / 600 - share) < 4 * math.sqrt(share * (1 - share) / 600)
    narrow = model(folders["llama"], f"temperature=1&max_tokens=1&top_p={share / 2:.6f}&logprobs=true&batch=64")
    for reply in answers(narrow, [ask("Choose A or B.", sample=k) for k in range(20)]):
        assert json.loads(reply.logprobs)["content"][0]["logprob"] == pytest.approx(best, abs=1e-5)


def test_a_stop_text_ends_the_answer_and_is_not_in_it(folders: dict[str, Path]) -> None:
    whole = one(model(folders["llama"], "max_tokens=20"), ask("What is green?"))
    assert whole.text and len(whole.text) > 6
    stop = next(c for c in whole.text[2:] if c.isalnum() or c == "の" or c > "\u3000")
    cut = one(model(folders["llama"], f"max_tokens=20&stop={json.dumps(['never said', stop])}"), ask("What is green?"))
    assert cut.text == whole.text.partition(stop)[0] and (cut.status, cut.finish) == ("ok", "stop")
    assert cut.tokens_out is not None and whole.tokens_out is not None and cut.tokens_out < whole.tokens_out


# ------------------------------------------------------------------------ prompts


def first_ids(built: HF) -> list[int]:
    found: list[int] = built.loaded["first_prompt"]["ids"]
    return found


def test_every_prompt_begins_with_exactly_one_start_token(tmp_path: Path, folders: dict[str, Path]) -> None:
    for kind, starts in (("llama", 1), ("gemma3", 1), ("qwen3", 0)):
        built = model(folders[kind])
        one(built, ask("What?"))
        assert first_ids(built).count(1) == starts and built.loaded["first_prompt"]["item"] == "i"
        assert len(built.loaded["template"]) == 16
    # a template that writes none, of a tokenizer that begins every text with one
    bare = local_parts.save(tmp_path / "bare")
    _template(bare, local_parts.LLAMA.replace("{{ bos_token }}", ""))
    built = model(bare)
    one(built, ask("What?"))
    assert first_ids(built)[:1] == [1] and first_ids(built).count(1) == 1
    same = model(folders["llama"])
    one(same, ask("What?"))
    assert first_ids(same) == first_ids(built) and same.loaded["template"] != built.loaded["template"]
    _template(bare, "{{ bos_token }}" + local_parts.LLAMA)
    with pytest.raises(ModelError, match="begins with two start tokens"):
        asyncio.run(model(bare).open())


def _template(folder: Path, template: str | None) -> None:
    for name in ("chat_template.jinja", "tokenizer_config.json"):
        path = folder / name
        if name.endswith("jinja"):
            path.unlink(missing_ok=True)
            if template is not None:
                path.write_text(template)


def test_a_system_prompt_needs_a_place_in_the_template(tmp_path: Path, folders: dict[str, Path]) -> None:
    built = model(folders["llama"], "max_tokens=2&system=Be kind.")
    request = ask("What?")
    assert built.sent(request.messages) == (Message("system", "Be kind."), *request.messages)
    one(built, request)
    text = transformers.AutoTokenizer.from_pretrained(folders["llama"]).decode(first_ids(built))
    assert "system" in text and "Be kind." in text
    with pytest.raises(ModelError, match=r"no place for a system prompt.*System role not supported") as caught:
        asyncio.run(model(folders["gemma3"], "system=Be kind.").open())
    assert caught.value.fatal and "\n" not in str(caught.value)
    deaf = local_parts.save(tmp_path / "deaf", "qwen3")
    _template(deaf, "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}")
    with pytest.raises(ModelError, match="it leaves a system message out"):
        asyncio.run(model(deaf, "system=Be kind.").open())
    # an item's own system message is that item's fault
    own = Request(item_id="s", messages=(Message("system", "Be kind."), Message("user", "What?")))
    refused, fine = answers(model(folders["gemma3"], "max_tokens=2"), [own, ask("What?")])
    assert isinstance(refused, ModelError) and refused.item_fault and isinstance(fine, Reply)


def test_fields_of_the_template(folders: dict[str, Path]) -> None:
    built = model(folders["qwen3"], "max_tokens=2&template.mood=calm")
    one(built, ask("What?"))
    text = transformers.AutoTokenizer.from_pretrained(folders["qwen3"]).decode(first_ids(built))
    assert text.endswith("<|im_start|>assistant\ncalm\n") and built.settings["template.mood"] == "calm"


def test_without_a_template_it_is_said_what_to_do(tmp_path: Path) -> None:
    base = local_parts.save(tmp_path / "base", template=False)
    with pytest.raises(ModelError, match=r"has no chat template.*template=none") as caught:
        asyncio.run(model(base).open())
    assert caught.value.fatal
    built = model(base, "template=none&max_tokens=2")
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    one(built, Request(item_id="i", messages=(Message("system", "Be kind."), Message("user", "What?"))))
    assert first_ids(built) == tokenizer("Be kind.\n\nWhat?")["input_ids"] and built.loaded["template"] is None
    raw = model(base, "template=none&max_tokens=2")
    one(raw, ask("What?", prompt="<|start|>raw<|end|>"))
    assert tokenizer.decode(first_ids(raw)) == "<s><|start|>raw<|end|>"


def test_a_prompt_beyond_the_context_is_the_items_fault(tmp_path: Path) -> None:
    small = local_parts.save(tmp_path / "small", positions=64)
    long, short = answers(model(small, "max_tokens=500"), [ask("blue " * 80, "long"), ask("What?", "short")])
    assert isinstance(long, ModelError) and long.item_fault and "the model reads 64" in str(long)
    assert isinstance(short, Reply) and short.tokens_in is not None and short.tokens_out is not None
    assert short.tokens_in + short.tokens_out <= 64


def test_hostile_text_is_text(folders: dict[str, Path]) -> None:
    for text in ("\ud800 lone", "a\0b", "{{ 7 * 7 }}{% raw %}", "<s><s>"):
        built = model(folders["qwen3"], "max_tokens=2")
        assert one(built, ask(text)).text is not None
    built = model(folders["qwen3"], "max_tokens=2")
    one(built, ask("{{ 7 * 7 }}"))
    assert "{{ 7 * 7 }}" in transformers.AutoTokenizer.from_pretrained(folders["qwen3"]).decode(first_ids(built))


# ------------------------------------------------------------------------ choices


@pytest.mark.parametrize("kind", local_parts.KINDS)
def test_the_probabilities_of_a_choices_letters(folders: dict[str, Path], kind: str) -> None:
    """As one forward pass over the prompt gives them, also where the batch is padded."""
    requests = [ask("Choose A or B." + " Question:" * i, f"c{i}", options=("x", "y", "z")) for i in range(4)]
    found = answers(model(folders[kind], "max_tokens=6&batch=8"), requests)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders[kind])
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folders[kind], dtype=torch.float32)
    for request, reply in zip(requests, found, strict=True):
        said = [{"role": "user", "content": request.messages[0].content}]
        ids = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            logs = theirs(**ids).logits[0, -1].log_softmax(-1)
        noted = json.loads(reply.logprobs)
        assert list(noted["options"]) == ["A", "B", "C"]
        for letter, value in noted["options"].items():
            same = [i for i in range(len(tokenizer)) if tokenizer.decode([i]).strip(' \n([*"') == letter]
            wanted = torch.logsumexp(logs[same], 0).item()
            assert value == pytest.approx(wanted, abs=1e-4)
        assert "".join(e["token"] for e in noted["content"]) == reply.text
        for entry in noted["content"][:1]:  # none where the answer ended at once
            top = [t["logprob"] for t in entry["top_logprobs"]]
            assert top == pytest.approx(logs.topk(10).values.tolist(), abs=1e-4)


def test_existing_readers_read_these_logprobs(tmp_path: Path) -> None:
    folder = _answering(tmp_path / "a", " A")
    reply = one(model(folder, "max_tokens=1"), ask("Choose A or B.", options=("x", "y")))
    assert reply.text is not None and reply.text.strip() == "A" and reply.logprobs is not None
    found = option_probabilities(reply.logprobs, reply.text, reply.text.index("A"), ("A", "B"))
    assert found is not None and found["A"] > 0.9


def _answering(folder: Path, text: str) -> Path:
    """A model that is all but sure to write a token: its head points along that token's direction after any prompt."""
    local_parts.save(folder, "qwen3")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    (token, *_) = tokenizer(text, add_special_tokens=False)["input_ids"]
    built = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        # no layer adds anything, the last norm makes every state the same vector
        for name, weight in built.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.zero_()
        built.model.embed_tokens.weight.fill_(1.0)
        head = torch.zeros_like(built.model.embed_tokens.weight)
        head[token] = 0.5
        built.lm_head.weight = torch.nn.Parameter(head)
        built.config.tie_word_embeddings = False
    built.save_pretrained(folder)
    return folder


# ------------------------------------------------------------------------- faults


def test_out_of_memory_halves_the_batch_and_goes_on(folders: dict[str, Path]) -> None:
    built = model(folders["llama"], "max_tokens=3&batch=8")
    asyncio.run(built.open())
    sizes: list[int] = []
    forward = built._model.forward

    def cramped(*args: Any, **more: Any) -> Any:
        rows = int(more["input_ids"].shape[0])
        sizes.append(rows)
        if rows > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(*args, **more)

    built._model.forward = cramped
    found = answers(built, several(8))
    wanted = answers(model(folders["llama"], "max_tokens=3"), several(8))
    assert [r.text for r in found] == [r.text for r in wanted]
    assert sizes[:3] == [8, 4, 2] and max(sizes[3:]) == 2
    assert built.notes == (f"{built.name}: out of memory: batches were halved, down to 2",)

    def hopeless(*args: Any, **more: Any) -> Any:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    built._model.forward = hopeless
    (failed,) = answers(built, [ask("What?")])
    assert isinstance(failed, ModelError) and failed.kind == "out_of_memory" and failed.item_fault


def test_a_broken_model_fails_its_items_and_nothing_hangs(folders: dict[str, Path]) -> None:
    built = model(folders["llama"], "max_tokens=3")
    asyncio.run(built.open())
    with torch.no_grad():
        built._model.lm_head.weight.fill_(float("nan"))
    found = answers(built, several(3))
    assert all(isinstance(e, ModelError) and "not numbers" in str(e) for e in found)

    def broken(*args: Any, **more: Any) -> Any:
        raise ValueError("of some\nkind")

    built._model.forward = broken
    found = answers(built, several(3))
    assert all(isinstance(e, ModelError) and "ValueError: of some kind" in str(e) for e in found)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("hf", "hf needs a model"),
        ("hf//no/such/folder", "there is no folder"),
        ("hf/a/b/c", "no model on the Hub can be called that"),
        ("hf/x/y?temprature=1", "Did you mean 'temperature'"),
        ("hf/x/y?temperature=-1", "must not be negative"),
        ("hf/x/y?temperature=nan", "must be a finite number"),
        ("hf/x/y?top_p=0", "must be above 0 and at most 1"),
        ("hf/x/y?max_tokens=0", "must be above 0"),
        ("hf/x/y?batch=0", "must be at least 1"),
        ("hf/x/y?dtype=int8", "unknown dtype 'int8'"),
        ("hf/x/y?template=chatml", "must be none"),
        ("hf/x/y?adapter=/no/such/adapter", "there is no folder"),
    ],
)
def test_wrong_options_are_one_clear_line(spec: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HF(parse(spec))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_folders_that_hold_no_sound_model(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match=r"no folder with a model \(it has no config\.json\)"):
        model(empty)
    cases = {
        "weights": ("model.safetensors", b"\x08\0\0\0\0\0\0\0notjson!"),
        "config": ("config.json", b"{"),
        "tokens": ("tokenizer.json", b"[]"),
        "code": ("config.json", json.dumps({"auto_map": {"AutoConfig": "evil.C"}, "model_type": "evil"}).encode()),
    }
    for name, (file, content) in cases.items():
        folder = local_parts.save(tmp_path / name)
        (folder / "evil.py").write_text("raise SystemExit('code of a model was run')")
        (folder / file).write_bytes(content)
        with pytest.raises(ModelError, match="cannot be loaded") as caught:
            asyncio.run(model(folder).open())
        assert caught.value.fatal and "\n" not in str(caught.value)


def test_a_tokenizer_of_another_model(tmp_path: Path) -> None:
    folder = local_parts.save(tmp_path / "m")
    smaller = transformers.AutoModelForCausalLM.from_config(local_parts.config("llama", 100))
    smaller.save_pretrained(folder)
    (found,) = answers(model(folder), [ask("What is the capital?")])
    assert isinstance(found, ModelError) and found.item_fault
    assert "the model knows 100: is the tokenizer another model's?" in str(found)


def test_a_temperature_near_zero_is_greedy(folders: dict[str, Path]) -> None:
    greedy = [r.text for r in answers(model(folders["gemma3"]), several())]
    assert greedy == [r.text for r in answers(model(folders["gemma3"], "max_tokens=12&temperature=1e-30"), several())]


def test_a_device_that_is_not_there(folders: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="device=cuda:99 cannot be used"):
        asyncio.run(model(folders["llama"], "device=cuda:99").open())
    with pytest.raises(ModelError, match="device=toaster cannot be used"):
        asyncio.run(model(folders["llama"], "device=toaster").open())


def test_missing_packages_say_what_to_install(monkeypatch: pytest.MonkeyPatch, folders: dict[str, Path]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'honne\[local\]'"):
        model(folders["llama"])


def test_a_lora_is_put_on(tmp_path: Path, folders: dict[str, Path]) -> None:
    peft = pytest.importorskip("peft", reason="adapters need peft")
    base = transformers.AutoModelForCausalLM.from_pretrained(folders["llama"], dtype=torch.float32)
    torch.manual_seed(1)
    lora = peft.get_peft_model(base, peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj", "o_proj"]))
    with torch.no_grad():
        for name, weight in lora.named_parameters():
            if "lora_B" in name:
                weight.normal_()
    lora.save_pretrained(tmp_path / "lora")
    with_it = model(folders["llama"], f"max_tokens=8&adapter={tmp_path / 'lora'}")
    without = model(folders["llama"], "max_tokens=8")
    assert "adapter_weights" in with_it.settings and "adapter_weights" not in without.settings
    texts = [r.text for r in answers(with_it, several())]
    assert texts != [r.text for r in answers(without, several())]
    lora.merge_and_unload().save_pretrained(tmp_path / "merged")
    transformers.AutoTokenizer.from_pretrained(folders["llama"]).save_pretrained(tmp_path / "merged")
    (tmp_path / "merged" / "generation_config.json").write_text(
        (folders["llama"] / "generation_config.json").read_text()
    )
    assert texts == [r.text for r in answers(model(tmp_path / "merged", "max_tokens=8"), several())]


def test_other_weights_are_another_model(tmp_path: Path) -> None:
    folder = local_parts.save(tmp_path / "m")
    before = model(folder).settings["weights"]
    assert before == model(folder).settings["weights"]
    local_parts.save(folder, seed=1)
    assert before != model(folder).settings["weights"]


async def test_the_engine_fills_the_batches_from_the_start(folders: dict[str, Path]) -> None:
    built = model(folders["gemma3"], "max_tokens=6&batch=16")
    summary = await execute(built, several(120), lambda outcome: None, total=120)
    await built.close()
    assert summary.peak == built.concurrency == 64 and summary.answered == 120


# ------------------------------------------------------------------------ batches


def test_batches_take_the_oldest_and_what_is_near_it_in_length() -> None:
    taken: list[list[int]] = []

    def run(jobs: Sequence[int]) -> Sequence[int]:
        taken.append(list(jobs))
        return [job * 10 for job in jobs]

    async def go() -> list[int]:
        batches: Batches[int, int] = Batches(run, lambda job: job, 3)
        try:
            return await asyncio.gather(*(batches.ask(n) for n in (5, 90, 6, 91, 1, 92, 7)))
        finally:
            await batches.close()

    assert asyncio.run(go()) == [50, 900, 60, 910, 10, 920, 70]
    assert taken == [[5, 6, 7], [90, 91, 92], [1]]


def test_a_cancelled_request_costs_nothing_and_the_rest_goes_on() -> None:
    def run(jobs: Sequence[str]) -> Sequence[str | Exception]:
        if len(jobs) > 1:
            raise OutOfMemory("full")
        return [ValueError("no") if jobs[0] == "bad" else jobs[0].upper()]

    async def go() -> list[Any]:
        batches: Batches[str, str] = Batches(run, len, 4)
        tasks = [asyncio.create_task(batches.ask(word)) for word in ("one", "two", "bad", "four")]
        await asyncio.sleep(0)
        tasks[1].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await batches.close()
        assert batches.capacity == 1 and batches.halved
        return found

    one, two, bad, four = asyncio.run(go())
    assert (one, four) == ("ONE", "FOUR") and isinstance(two, asyncio.CancelledError) and isinstance(bad, ValueError)
