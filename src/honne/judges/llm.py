"""The rubric judge: any model grades an open answer by written criteria, reasons first, in JSON.

SPEC: `llm/PROVIDER/NAME?…`. Options with the prefix `judge.` are the judge's own, all others go to its model:

    judge.rubric=FILE   criteria of your own instead of the benchmark's (see `_llm_rubric`)
    judge.lang=en|ja|zh the language of the prompt; by default the item's

The answer is hostile input (`_llm_text`) and so is a reply that quotes it (`_llm_reply`). A reply that cannot be read
is asked about once more, then it is `unparsed`: never a default verdict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from honne import plugins
from honne.errors import ConfigError, JudgeError, unknown
from honne.judges import _llm_reply, _llm_rubric, _llm_template
from honne.judges._answers import about, open_answer
from honne.judges._llm_text import conversation, kept, mark, shown, sound
from honne.plugins import Benchmark, Model, Reply, Request, Scale
from honne.records import Item, Judgment, Message, Response
from honne.spec import Spec

__all__ = ["LLM", "PLUGIN"]

VERSION = 1
# Characters of each text that the judge is shown; a longer one loses its middle, visibly.
QUESTION_LIMIT = 30_000
ANSWER_LIMIT = 30_000
REPLY_LIMIT = 6_000
# Characters of the judge's own reply that are kept in the record.
RAW_LIMIT = 100_000


class LLM:
    """A rubric judge for one benchmark.

    Raises ConfigError for a wrong option of the judge or its model, JudgeError when there are no criteria to judge by.
    """

    def __init__(self, spec: Spec, benchmark: Benchmark) -> None:
        rest, own = spec.split("judge")
        allowed = ("judge.lang", "judge.rubric")
        for option in own:
            if f"judge.{option}" not in allowed:
                raise ConfigError(f"{spec.label}: {unknown('option', f'judge.{option}', allowed)}")
        self._lang = own.get("lang")
        if self._lang is not None and self._lang not in _llm_template.LANGUAGES:
            raise ConfigError(f"{spec.label}: {unknown('judge.lang', self._lang, _llm_template.LANGUAGES)}")
        self._benchmark = benchmark
        self._own = _llm_rubric.read(own["rubric"]) if "rubric" in own else None
        self.model: Model | None = _model(rest)
        self.name = f"llm/{self.model.name}"
        rubrics = self._rubrics()
        languages = (self._lang,) if self._lang else _llm_template.LANGUAGES
        texts = {f"llm.{lang}": _llm_template.load(lang).source for lang in languages}
        texts |= {f"rubric.{name}": text for name, text in rubrics.items()}
        self.prompts: Mapping[str, str] = {name: _sha256(text.encode()) for name, text in sorted(texts.items())}
        labels = self._own.scale.labels if self._own and self._own.scale else None
        # A judge's recorded replies to two models' answers are two files of one judge: their hash is no part of it.
        settings = {k: v for k, v in self.model.settings.items() if k != "sha256"}
        asked = {"version": VERSION, "prompts": self.prompts, "labels": labels, "settings": settings}
        self.key = f"{self.name}@{VERSION}-{_sha256(msgspec.json.encode(asked, order='sorted'))[:8]}"

    def render(self, item: Item, response: Response) -> Request | None:
        """The request for one answer; None when there is nothing to judge, or the item is not an open question."""
        if not open_answer(item, response):
            return None
        return self._request(item, response, None)

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment that a reply states, read without guessing; never raises for what a reply contains."""
        shared = about(item, response, self.key)
        if not open_answer(item, response):
            return Judgment(status="skipped", **shared)
        if reply is None or reply.status == "not_asked":
            return Judgment(status="error", error="the judge gave no reply", **shared)
        text = reply.text or ""
        shared["raw"] = None if reply.text is None else kept(text, RAW_LIMIT)
        if reply.status in ("refused_by_provider", "filtered"):
            return Judgment(status="judge_refused", error=reply.error or reply.status, **shared)
        try:
            verdict, reasons = _llm_reply.read(text, self._scale(item), response.text or "")
        except _llm_reply.Unreadable as e:
            if _llm_reply.declines(text):
                return Judgment(status="judge_refused", error="the judge declined to judge", **shared)
            why = "the reply was cut off" if reply.status == "truncated" else str(e)
            return Judgment(status="unparsed", error=sound(why), **shared)
        return Judgment(
            status="scored",
            label=verdict.label,
            score=verdict.score,
            raw_score=verdict.raw_score,
            refused=verdict.refused,
            rationale=None if reasons is None else kept(reasons, RAW_LIMIT),
            **shared,
        )

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        """The same task once more, with the unreadable reply shown as data and only the JSON asked for."""
        if not open_answer(item, response):
            return None
        return self._request(item, response, reply.text or "")

    def _request(self, item: Item, response: Response, earlier: str | None) -> Request:
        lang = self._lang or _llm_template.language(item.lang)
        template = _llm_template.load(lang)
        messages = item.messages if response.messages is None else response.messages
        answer = response.text or ""
        fence = mark(item.id, *(part for m in messages for part in (m.role, m.content)), answer, earlier or "")
        labels = self._scale(item).labels
        named = ", ".join(f'"{label}"' for label in labels)
        question, missing = conversation(messages, fence, template.words, QUESTION_LIMIT)
        notes = [_llm_template.fill(template.words["note_question"], n=str(missing))] if missing else []
        answered, missing = shown(answer, fence, template.words, ANSWER_LIMIT)
        notes += [_llm_template.fill(template.words["note_answer"], n=str(missing))] if missing else []
        system = _llm_template.fill(template.system, criteria=self._criteria(item, lang), labels=named)
        user = _llm_template.fill(
            template.user,
            mark=fence,
            question=question,
            answer=answered,
            labels=named,
            notes="".join("\n" + note for note in notes),
        )
        if earlier is not None:
            said, _ = shown(earlier, fence, template.words, REPLY_LIMIT)
            user += "\n\n" + _llm_template.fill(template.repair, mark=fence, reply=said, labels=named)
        return Request(
            item_id=item.id,
            sample=response.sample,
            messages=(Message("system", system), Message("user", user)),
            schema=_schema(labels),
        )

    def _rubrics(self) -> Mapping[str, str]:
        """All the criteria that this judge may use, by name, checked before anything is asked."""
        if self._own is not None:
            if self._own.scale is None and self._listed() == {} and not self._benchmark.scale("").verdicts:
                raise JudgeError(self._no_labels())
            return {"own": self._own.text}
        rubrics = self._listed()
        if rubrics == {}:
            raise JudgeError(self._no_rubric())
        return rubrics or {}

    def _listed(self) -> Mapping[str, str] | None:
        """The benchmark's rubrics, or None when it (an older plug-in) cannot list them."""
        listed = getattr(self._benchmark, "rubrics", None)
        return None if listed is None else dict(listed())

    def _scale(self, item: Item) -> Scale:
        scale = self._own.scale if self._own and self._own.scale else self._benchmark.scale(item.category)
        if not scale.verdicts:
            raise JudgeError(self._no_labels())
        return scale

    def _criteria(self, item: Item, lang: str) -> str:
        if self._own is not None:
            return self._own.text
        rubric = self._benchmark.rubric(msgspec.structs.replace(item, lang=lang) if self._lang else item)
        if rubric is None:
            raise JudgeError(self._no_rubric())
        return rubric.strip()

    def _no_rubric(self) -> str:
        return (
            f"judge {self.name}: benchmark {self._benchmark.name!r} has no rubric; give one with judge.rubric=FILE "
            "(plain text; a first line such as 'labels: safe, unsafe' names the verdicts, best first)"
        )

    def _no_labels(self) -> str:
        return (
            f"judge {self.name}: benchmark {self._benchmark.name!r} has no labels; begin the file of judge.rubric with "
            "a line such as 'labels: safe, unsafe', best first"
        )


PLUGIN = LLM


def _model(spec: Spec) -> Model:
    """The judge's model, at temperature 0 unless the SPEC says otherwise or the model knows no temperature."""
    provider, _, name = spec.name.partition("/")
    if not provider:
        raise ConfigError("judge llm needs a model: llm/PROVIDER/NAME, e.g. llm/openai/gpt-4.1")
    inner = Spec(provider, name, spec.options, spec.secrets)
    plugin = plugins.load("models", provider)
    if "temperature" not in inner.options:
        try:
            cold: Model = plugin(Spec(provider, name, {**inner.options, "temperature": "0"}, inner.secrets))
            return cold
        except ConfigError:
            # Either the model has no such option (a recording), or the SPEC has a fault that the next line reports.
            pass
    plain: Model = plugin(inner)
    return plain


def _schema(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"reasoning": {"type": "string"}, "verdict": {"type": "string", "enum": list(labels)}},
        "required": ["reasoning", "verdict"],
        "additionalProperties": False,
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
