"""Guard models as judges: models trained to say whether an answer is safe, each asked exactly as it was trained.

SPEC: `guard/FAMILY?…`, with the families of `_guard` and those that other packages register (`honne.guards`). Options:

    model=NAME                   the model's name on the server; by default the family's own
    api=chat|completions         the server applies the chat template, or honne writes the raw prompt
    judge.threshold=P            unsafe from this P(unsafe) on, instead of by the word that the guard says
    judge.mode=strict|loose      whether a verdict in between (Qwen3Guard's Controversial) is unsafe or safe
    judge.policy=FILE            another policy, for a family that reads one
    judge.check=on|off           whether two known answers are asked before the run

All others go to the model (`openai`). Labels are `safe` and `unsafe`; the guard's own words stay in `raw` and
`rationale`. P(unsafe) is read from the token that decides, renormalised over the words for a verdict (`_logprobs`).
A reply that is not exactly in the family's format is `unparsed`. An answer's control tokens are broken visibly before
the guard sees them, with either api: servers tokenise them in messages too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from honne import plugins
from honne.errors import ConfigError, JudgeError, unknown
from honne.judges._answers import about, open_answer
from honne.judges._guard import Family, Reading, Unreadable, families, family
from honne.judges._guard._conversation import turns
from honne.judges._guard._logprobs import shares
from honne.judges._guard._probes import probes
from honne.judges._llm_rubric import text_file
from honne.judges._llm_text import kept, sound
from honne.plugins import Benchmark, Model, Probe, Reply, Request, Verdict
from honne.records import Item, Judgment, Response
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Guard"]

VERSION = 1
LABELS = ("safe", "unsafe")
# Alternatives asked for at every token: enough that the other verdict is among them.
TOP = 20
# Characters of the guard's reply that are kept in the record.
RAW_LIMIT = 20_000
_OPTIONS: dict[str, type] = {"check": bool, "mode": str, "policy": str, "threshold": float}
_MODES = ("strict", "loose")


class Guard:
    """A guard model for one benchmark. Raises ConfigError for an unknown family or a wrong option."""

    def __init__(self, spec: Spec, benchmark: Benchmark) -> None:
        if not spec.name:
            raise ConfigError(f"judge guard needs a family: guard/FAMILY, one of {', '.join(families())}")
        self._family = family(spec.name)
        rest, own = spec.split("judge")
        given = _own_options(spec, own, self._family)
        self._threshold: float | None = given.get("threshold")
        self._loose = given.get("mode") == "loose"
        self._check: bool = given.get("check", True)
        self._own_policy = "policy" in given
        self._policy = _policy(given["policy"]) if self._own_policy else self._family.policy
        self._api, inner = _inner(rest, self._family, self._policy)
        self.model: Model | None = plugins.load("models", "openai")(inner)
        self.name = f"guard/{spec.name}"
        if inner.name != self._family.model:
            self.name += f"/{inner.name}"
        self._benchmark = benchmark
        self._shared = set(benchmark.scale("").labels) >= set(LABELS)
        known = [self._request(probe.item, probe.response) for probe in probes()]
        asked = _sha256(msgspec.json.encode([(r.messages, r.prompt) for r in known]))
        self.prompts: Mapping[str, str] = {f"guard.{spec.name}": asked}
        identity = {
            "version": VERSION,
            "asked": asked,
            "settings": self.model.settings,
            "threshold": self._threshold,
            "loose": self._loose,
        }
        self.key = f"{self.name}@{VERSION}-{_sha256(msgspec.json.encode(identity, order='sorted'))[:8]}"

    @property
    def metrics(self) -> Sequence[str] | None:
        """The benchmark's own where it speaks of safe and unsafe too, else the share of safe answers."""
        return None if self._shared else ("safe_rate",)

    @property
    def notes(self) -> Sequence[str]:
        """That this judge was trusted unchecked, where it was."""
        return () if self._check else (f"judge {self.name}: not checked on known answers (judge.check=off)",)

    def probes(self) -> Sequence[Probe]:
        """A declined and a granted request, unless `judge.check=off`; of a user's own policy any verdict is right."""
        if not self._check:
            return ()
        return probes(LABELS if self._own_policy else ())

    def render(self, item: Item, response: Response) -> Request | None:
        """The request for one answer; None when there is nothing to judge, or the item is not an open question."""
        if not open_answer(item, response):
            return None
        return self._request(item, response)

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment that a reply states, never a guess; never raises for what a reply contains."""
        shared = about(item, response, self.key)
        if not open_answer(item, response):
            return Judgment(status="skipped", **shared)
        if reply is None or reply.status == "not_asked":
            return Judgment(status="error", error="the guard gave no reply", **shared)
        shared["raw"] = None if reply.text is None else kept(reply.text, RAW_LIMIT)
        if reply.status in ("refused_by_provider", "filtered"):
            return Judgment(status="judge_refused", error=reply.error or reply.status, **shared)
        try:
            reading = self._read(reply)
            unsafe, p_unsafe = self._decide(reading, reply)
        except Unreadable as e:
            return Judgment(status="unparsed", error=sound(f"the reply cannot be read: {e}"), **shared)
        verdict = self._verdict(LABELS[unsafe], item)
        return Judgment(
            status="scored",
            label=verdict.label,
            score=verdict.score,
            raw_score=verdict.raw_score,
            refused=reading.refused,
            p_unsafe=p_unsafe,
            rationale=kept(_rationale(self._family.says, reading), RAW_LIMIT),
            **shared,
        )

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        """A guard says the same again: None."""
        return None

    def _request(self, item: Item, response: Response) -> Request:
        messages = item.messages if response.messages is None else response.messages
        said = turns(messages, response.text or "", self._family.headers)
        return Request(
            item_id=item.id,
            sample=response.sample,
            messages=tuple(self._family.messages(said, self._policy)),
            prompt=self._family.prompt(said, self._policy) if self._api == "completions" else None,
        )

    def _read(self, reply: Reply) -> Reading:
        text = reply.text or ""
        if not text.strip():
            raise Unreadable("it is empty")
        if reply.reasoning and reply.reasoning.strip() and not self._family.reasons:
            raise Unreadable("it reasons before its verdict, which this family does not")
        if reply.status == "truncated" and not self._family.first_word:
            raise Unreadable("it was cut off")
        return self._family.read(text)

    def _decide(self, reading: Reading, reply: Reply) -> tuple[bool, float | None]:
        """Whether the verdict is unsafe, and P(unsafe). Raises Unreadable where a threshold has no probability."""
        meaning = {w: (not self._loose) if unsafe is None else unsafe for w, unsafe in self._family.words.items()}
        found = shares(reply.logprobs, self._family.verdict, reading.word, meaning)
        p_unsafe = None if found is None else min(1.0, sum(p for w, p in found.items() if meaning[w]))
        if self._threshold is None:
            return meaning[reading.word], p_unsafe
        if p_unsafe is None:
            raise Unreadable("it comes without log-probabilities, which judge.threshold needs")
        return p_unsafe >= self._threshold, p_unsafe

    def _verdict(self, label: str, item: Item) -> Verdict:
        found = self._benchmark.scale(item.category).read(label) if self._shared else None
        return found or Verdict(label, float(label == "safe"))


PLUGIN = Guard


def _own_options(spec: Spec, own: Mapping[str, str], kind: Family) -> dict[str, Any]:
    """The judge's options, checked against what the family can do."""
    allowed = ["check", "threshold"]
    allowed += ["mode"] if None in kind.words.values() else []
    allowed += ["policy"] if kind.policy is not None else []
    for option in own:
        if option not in allowed:
            raise ConfigError(f"{spec.label}: {unknown('option', f'judge.{option}', [f'judge.{a}' for a in allowed])}")
    given = read_options(Spec(spec.provider, spec.name, own), _OPTIONS)
    if given.get("mode", "strict") not in _MODES:
        raise ConfigError(f"{spec.label}: {unknown('judge.mode', given['mode'], _MODES)}")
    threshold = given.get("threshold")
    if threshold is not None and not 0 < threshold <= 1:
        raise ConfigError(f"{spec.label}: judge.threshold={threshold} must be above 0 and at most 1")
    return given


def _inner(spec: Spec, kind: Family, policy: str | None) -> tuple[str, Spec]:
    """The endpoint, and the SPEC of the model behind the guard with what the family needs beside the user's options."""
    options = dict(spec.options)
    name = options.pop("model", kind.model)
    if not name:
        raise ConfigError(f"{spec.label}: model= is empty")
    api = options.setdefault("api", kind.api)
    if api not in kind.apis:
        raise ConfigError(f"{spec.label}: {unknown('api', api, kind.apis)}")
    options.setdefault("temperature", "0")
    if not {"max_tokens", "max_completion_tokens"} & set(options) and kind.max_tokens is not None:
        options["max_tokens"] = str(kind.max_tokens)
    if kind.probabilities and not {"logprobs", "top_logprobs"} & set(options):
        options["top_logprobs"] = str(TOP)
    if api == "chat":
        for field, value in kind.body(policy).items():
            options.setdefault(f"body.{field}", msgspec.json.encode(value).decode())
    return api, Spec("openai", name, options, spec.secrets)


def _policy(path: str) -> str:
    text = text_file(path, "policy")
    if not text:
        raise JudgeError(f"judge.policy: {path} is empty; write the policy as plain text")
    return text


def _rationale(says: str, reading: Reading) -> str:
    named = f": {', '.join(reading.categories)}" if reading.categories else ""
    word = f"{says} {reading.word}" if says else reading.word
    return word + named + (f" ({reading.why})" if reading.why else "")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
