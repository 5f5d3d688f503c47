"""Building the rubric judge: its SPEC, its key, rubric files, errors of one line, and the family warning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from honne import plugins
from honne.errors import ConfigError, JudgeError
from honne.judges._family import families, same_family
from honne.judges.llm import LLM
from honne.plugins import Scale
from honne.spec import parse
from judge_llm_parts import CRITERIA, Tiny, item, judge, reply, response


class Bare(Tiny):
    """A benchmark of prompts alone: no rubric, no labels."""

    def __init__(self) -> None:
        super().__init__({}, Scale(()))


def openai(options: str = "", benchmark: Tiny | None = None) -> LLM:
    return LLM(parse(f"llm/openai/grader?base_url=http://127.0.0.1:9/v1{options}"), benchmark or Tiny())


def test_it_is_found_by_its_name() -> None:
    assert plugins.load("judges", "llm") is LLM


def test_options_go_to_the_model_and_temperature_is_0_unless_given() -> None:
    model = openai("&seed=7").model
    assert model is not None and model.name == "openai/grader"
    assert model.settings["temperature"] == 0 and model.settings["seed"] == 7
    warm = openai("&temperature=0.5").model
    assert warm is not None and warm.settings["temperature"] == 0.5


def test_a_recording_can_be_the_judge(tmp_path: Path) -> None:
    assert judge(tmp_path).model is not None


def test_the_key_names_model_and_version_and_changes_with_what_is_asked(tmp_path: Path) -> None:
    base = openai()
    assert base.name == "llm/openai/grader"
    head, _, digest = base.key.rpartition("-")
    assert head == "llm/openai/grader@1" and len(digest) == 8 and int(digest, 16) >= 0
    rubric = tmp_path / "mine.txt"
    rubric.write_text("labels: good, bad\nGood is polite.")
    other = tmp_path / "other.txt"
    other.write_text("labels: bad, good\nGood is polite.")
    keys = [
        base.key,
        openai("&temperature=1").key,
        openai("&judge.lang=zh").key,
        openai(f"&judge.rubric={rubric}").key,
        openai(f"&judge.rubric={other}").key,
        openai(benchmark=Tiny({**CRITERIA, "ja": "別の基準"})).key,
    ]
    assert len(set(keys)) == len(keys)
    assert openai().key == base.key
    moved = LLM(parse("llm/openai/grader?base_url=http://127.0.0.1:10/v1&concurrency=3"), Tiny())
    assert moved.key == base.key


def test_prompts_are_hashed_by_name() -> None:
    prompts = openai().prompts
    assert sorted(prompts) == ["llm.en", "llm.ja", "llm.zh", "rubric.tiny.en", "rubric.tiny.ja", "rubric.tiny.zh"]
    assert all(len(sha) == 64 for sha in prompts.values())


def test_a_rubric_of_ones_own_replaces_criteria_and_scale(tmp_path: Path) -> None:
    rubric = tmp_path / "mine.txt"
    rubric.write_text("\ufeffLabels： 5, 3，1\n\nFive is best.\nOne is worst.\n", encoding="utf-8")
    the_judge = judge(tmp_path, f"?judge.rubric={rubric}", Bare())
    request = the_judge.render(item(lang="zh"), response())
    assert request is not None and request.schema is not None
    assert request.schema["properties"]["verdict"]["enum"] == ["5", "3", "1"]
    assert "Five is best.\nOne is worst." in request.messages[0].content
    assert "Labels" not in request.messages[0].content
    read = [the_judge.parse(item(), response(), reply(f'{{"verdict": {n}}}')) for n in (5, 3, 1, 4)]
    assert [(j.status, j.score, j.raw_score) for j in read] == [
        ("scored", 1.0, 5.0),
        ("scored", 0.5, 3.0),
        ("scored", 0.0, 1.0),
        ("unparsed", None, None),
    ]


def test_words_as_labels_have_no_raw_score(tmp_path: Path) -> None:
    rubric = tmp_path / "mine.txt"
    rubric.write_text("labels: kind, neutral, unkind\r\nBe strict.")
    the_judge = judge(tmp_path, f"?judge.rubric={rubric}", Bare())
    judgment = the_judge.parse(item(), response(), reply('{"verdict": "neutral"}'))
    assert (judgment.label, judgment.score, judgment.raw_score) == ("neutral", 0.5, None)


def test_a_rubric_without_labels_keeps_the_benchmarks_scale(tmp_path: Path) -> None:
    rubric = tmp_path / "mine.txt"
    rubric.write_text("Only PLACEHOLDER-HARM is unsafe.")
    request = judge(tmp_path, f"?judge.rubric={rubric}").render(item(), response())
    assert request is not None and request.schema is not None
    assert request.schema["properties"]["verdict"]["enum"] == ["safe", "unsafe"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"labels: safe, unsafe\n", "is empty"),
        (b"labels: safe\nText", "two or more"),
        (b"labels:\nText", "two or more"),
        (b"labels: safe, Safe\nText", "two or more"),
        (b"labels: safe,,unsafe\nText", "two or more"),
        ("labels: 安全, 有害\n标准".encode("gb18030"), "is not UTF-8"),
    ],
)
def test_a_rubric_file_that_cannot_serve_is_one_clear_line(tmp_path: Path, content: bytes, says: str) -> None:
    rubric = tmp_path / "bad.txt"
    rubric.write_bytes(content)
    with pytest.raises(JudgeError) as e:
        judge(tmp_path, f"?judge.rubric={rubric}", Bare())
    assert says in str(e.value) and "bad.txt" in str(e.value) and "\n" not in str(e.value)


def test_what_is_missing_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    cases: list[tuple[str, Tiny, str]] = [
        ("", Bare(), "give one with judge.rubric=FILE"),
        (f"?judge.rubric={tmp_path / 'none.txt'}", Tiny(), "No such file"),
        (f"?judge.rubric={tmp_path}", Tiny(), "Is a directory"),
    ]
    plain = tmp_path / "plain.txt"
    plain.write_text("Criteria without labels.")
    cases.append((f"?judge.rubric={plain}", Bare(), "labels: safe, unsafe"))
    for options, benchmark, says in cases:
        with pytest.raises(JudgeError) as e:
            judge(tmp_path, options, benchmark)
        assert says in str(e.value) and "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("llm", "llm/PROVIDER/NAME"),
        ("llm/opena/x", "Did you mean 'openai'?"),
        ("llm/openai/x?judge.rubrik=a.txt", "Did you mean 'judge.rubric'?"),
        ("llm/openai/x?judge.lang=de", "Allowed: en, ja, zh"),
        ("llm/openai/x?temprature=0", "Did you mean 'temperature'?"),
        ("llm/openai/x?temperature=hot", "temperature"),
    ],
)
def test_wrong_specs_are_one_clear_line(spec: str, says: str) -> None:
    with pytest.raises(ConfigError) as e:
        LLM(parse(spec), Tiny())
    assert says in str(e.value) and "\n" not in str(e.value)


class Older:
    """A plug-in that cannot list its rubrics."""

    def __init__(self, criteria: Mapping[str, str] = CRITERIA) -> None:
        self._tiny = Tiny(criteria)

    def __getattr__(self, name: str) -> Any:
        if name == "rubrics":
            raise AttributeError(name)
        return getattr(self._tiny, name)


def test_a_benchmark_that_cannot_list_its_rubrics_still_works(tmp_path: Path) -> None:
    assert judge(tmp_path, benchmark=Older()).render(item(), response()) is not None
    with pytest.raises(JudgeError, match="has no rubric"):
        judge(tmp_path, benchmark=Older({})).render(item(), response())


@pytest.mark.parametrize("name", ["flames", "fine", "trust-misuse", "trust-safety", "xstest"])
def test_the_built_in_benchmarks_have_rubrics_that_the_judge_can_use(tmp_path: Path, name: str) -> None:
    benchmark = plugins.load("benchmarks", name)(parse(name))
    listed: Mapping[str, str] = benchmark.rubrics()
    assert listed and all(text.strip() for text in listed.values())
    the_judge = judge(tmp_path, benchmark=benchmark)
    assert {f"rubric.{rubric}" for rubric in listed} <= set(the_judge.prompts)


@pytest.mark.parametrize(("lang", "says"), [("", "zh"), ("?judge.lang=zh", "zh"), ("?judge.lang=en", "en")])
def test_criteria_and_instructions_of_flames_are_in_one_language(tmp_path: Path, lang: str, says: str) -> None:
    flames = plugins.load("benchmarks", "flames")
    asked = item(lang="zh", category="Fairness/Toxic language")

    def system(benchmark: Any) -> str:
        request = judge(tmp_path, lang, benchmark).render(asked, response())
        assert request is not None
        return request.messages[0].content

    prompt = system(flames(parse("flames")))
    assert any("\u4e00" <= c <= "\u9fff" for c in prompt) == (says == "zh")
    for given in ("zh", "en"):
        own = flames(parse(f"flames?rubric_lang={given}"))
        criteria = own.rubric(asked)
        assert criteria is not None and criteria.strip() in system(own)
        assert (criteria.strip() in prompt) == (given == says)


@pytest.mark.parametrize("name", ["flames", "fine", "xstest"])
def test_real_items_render(honne_data: Path, tmp_path: Path, name: str) -> None:
    benchmark = plugins.load("benchmarks", name)(parse(name))
    the_judge = judge(tmp_path, benchmark=benchmark)
    texts = set(benchmark.rubrics().values())
    shown = [(i, the_judge.render(i, response("A short answer.", item_id=i.id))) for i in benchmark.items(seed=0)]
    assert all((request is None) == i.form.startswith("choice") for i, request in shown)
    for i, request in shown:
        if request is not None:
            assert any(text.strip() in request.messages[0].content for text in texts)
            assert request.schema is not None
            assert request.schema["properties"]["verdict"]["enum"] == list(benchmark.scale(i.category).labels)
    assert any(request is not None for _, request in shown)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("openai/gpt-4.1", "openai/gpt-3.5-turbo"),
        ("openai/o3-mini", "gpt-4"),
        ("openai/text-davinci-003", "openai/chatgpt-4o-latest"),
        ("openai/anthropic/claude-sonnet-4", "claude-2"),
        ("openai/Qwen/Qwen3-8B", "hf/Qwen/QwQ-32B"),
        ("openai/google/gemma-3-27b-it", "openai/gemini-2.5-pro"),
        ("meta-llama/Llama-3.1-8B-Instruct", "openai/llama2"),
        ("openai/mixtral-8x7b", "mistral-small"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "openai/qwen2.5"),
        ("THUDM/chatglm3-6b", "openai/glm-4-9b"),
        ("01-ai/Yi-1.5-9B", "openai/yi-34b-chat"),
        ("internlm/internlm2-chat-20b", "InternLM-7B"),
        ("Baichuan2-13B", "openai/baichuan-7b"),
        ("microsoft/phi-4", "Phi-3.5-mini"),
        ("openai/my-tuned?base_url=http://a", "openai/my-tuned?base_url=http://b"),
    ],
)
def test_kin(one: str, other: str) -> None:
    assert same_family(one, other) and same_family(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("openai/gpt-4.1", "openai/qwen3-8b"),
        ("openai/qwen3-8b", "openai/llama-3.1-8b"),
        ("ollama/qwen3", "meta-llama/Llama-3"),
        ("llama.cpp/gemma-2", "llama-2"),
        ("TheBloke/Mistral-7B-GPTQ", "gpt-4"),
        ("openai/phi-4", "openai/dolphin-mix"),
        ("openai/playing", "openai/yi-6b"),
        ("openai/foo", "openai/bar"),
        ("openai/foo-o3x", "gpt-4"),
    ],
)
def test_strangers(one: str, other: str) -> None:
    assert not same_family(one, other) and not same_family(other, one)


def test_an_unknown_name_has_no_family() -> None:
    assert families("openai/foo") == frozenset()
