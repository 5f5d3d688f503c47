"""What models in this process share: options, prompts, batches, and what run.json says about them."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from honne.errors import ConfigError, MissingExtra, ModelError
from honne.models import _chat, _options, _think
from honne.models._batches import Batches
from honne.models._prompts import Prompter
from honne.plugins import Reply, Request
from honne.records import Message
from honne.spec import Spec, read_options

__all__ = ["LETTERS", "Job", "Local", "Said", "fingerprint", "folder_of", "json_or_text"]

_ASKED: dict[str, type] = {
    "adapter": str,
    "dtype": str,
    "logprobs": bool,
    "max_tokens": int,
    "revision": str,
    "seed": int,
    "stop": str,
    "system": str,
    "temperature": float,
    "template": str,
    "top_logprobs": int,
    "top_p": float,
}
_DEFAULTS = {"max_tokens": 512, "seed": 0, "temperature": 0.0}
# The alternatives listed at each token of an answer to a choice, as many as readers of logprobs need.
_TOP = 10
# The names of a choice's options.
LETTERS = "ABCDEFGHIJ"
_ENCODER = msgspec.json.Encoder()
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Job:
    """One prompt to continue: its ids, how many tokens may follow, the seed of its sampling, what to note.

    `letters` are the names of a choice's options, whose probabilities as the first token are wanted; `top` is the
    number of alternatives to note at every token (None: note nothing).
    """

    ids: tuple[int, ...]
    budget: int
    seed: int
    letters: tuple[str, ...] = ()
    top: int | None = None


@dataclass(frozen=True)
class Said:
    """What followed: the text, why it ended (`stop` or `length`), the number of tokens, and logprobs as JSON text."""

    text: str
    finish: str
    tokens: int
    logprobs: str | None = None


class Local:
    """A model in this process; the library that runs it is the subclass's.

    Options that change the answers are `settings`: system, temperature (default 0: greedy), top_p, max_tokens (512),
    seed (0; sample k of a prompt has a seed of its own), stop (a text or a JSON list), template (`none`: no chat
    template), `template.FIELD` (further variables of the template, JSON or text), adapter, revision, dtype, logprobs
    and top_logprobs. Transport: batch (prompts at once), name (what the model is called in results) and what the
    subclass adds.
    """

    provider: str
    extra: str
    packages: tuple[str, ...]
    transport: Mapping[str, type]
    batch = 32

    def __init__(self, spec: Spec) -> None:
        if not spec.name:
            raise ConfigError(f"{self.provider} needs a model: {self.provider}/ORG/NAME or {self.provider}/FOLDER")
        kinds = {**_ASKED, "batch": int, "name": str, **self.transport}
        given = read_options(spec, kinds, open_prefix="template.")
        self.name = given.get("name") or spec.label
        self._where = spec.name
        self._check(spec.label, given)
        self._given = given
        self._folder = folder_of(spec.label, spec.name)
        self._adapter = (
            folder_of(f"{spec.label}: adapter", given["adapter"], "adapter_config.json")
            if ("adapter" in given)
            else None
        )
        for package in (*self.packages, *(("peft",) if self._adapter and self.provider == "hf" else ())):
            if importlib.util.find_spec(package) is None:
                raise MissingExtra(f"{spec.label} (a model in this process)", self.extra)
        capacity: int = given.get("batch", self.batch)
        # More in flight than a batch holds, so that there is a choice of lengths.
        self.concurrency = self.at_once = 4 * capacity
        self.settings: Mapping[str, Any] = self._settings(given)
        self._system: str | None = given.get("system") or None
        self._batches: Batches[Job, Said] = Batches(self._run, lambda job: len(job.ids), capacity)
        self._prompter: Prompter | None = None
        self._loading: asyncio.Lock | None = None
        self.loaded: dict[str, Any] = {}

    # ------------------------------------------------------------------ options

    def _check(self, label: str, given: Mapping[str, Any]) -> None:
        _options.check(label, given)
        for option, value in given.items():
            if option == "batch" and value < 1:
                raise ConfigError(f"{label}: option {option}={value} must be at least 1")
            if option == "top_p" and not 0 < value <= 1:
                raise ConfigError(f"{label}: option top_p={value} must be above 0 and at most 1")
            if option == "template" and value != "none":
                raise ConfigError(f"{label}: option template={value!r} must be none (or left out: the model's own)")

    def _settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        out = {**_DEFAULTS, **{k: given[k] for k in sorted(_ASKED) if k in given}}
        if isinstance(stop := json_or_text(out.get("stop", "")), list):
            out["stop"] = [str(s) for s in stop]
        out |= {k: json_or_text(v) for k, v in sorted(given.items()) if k.startswith("template.")}
        for what, folder in (("weights", self._folder), ("adapter_weights", self._adapter)):
            if folder is not None:
                # another model under the same name must not finish what this one began
                out[what] = fingerprint(folder)
        return out

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end an answer."""
        stop = self.settings.get("stop") or ()
        return (stop,) if isinstance(stop, str) else tuple(s for s in stop if s)

    # ---------------------------------------------------------------- interface

    async def open(self) -> None:
        """Load the model; opening twice is harmless. Raises ModelError (fatal) where that cannot be done."""
        if self._loading is None:
            self._loading = asyncio.Lock()
        async with self._loading:
            if self._prompter is None:
                self._prompter = await asyncio.to_thread(self._opened)

    def _opened(self) -> Prompter:
        # A model and a judge's may open at once, and transformers does not bear being imported by two threads.
        with _LOADING:
            tokenizer = self._load()
        fields = {k.removeprefix("template."): v for k, v in self.settings.items() if k.startswith("template.")}
        plain = self._given.get("template") == "none"
        prompter = Prompter(self.name, tokenizer, plain=plain, fields=fields, system=self._system)
        self.loaded |= {"template": prompter.template_hash, "start_token": prompter.start}
        return prompter

    async def close(self) -> None:
        """End the batches; the weights stay for the next time it is opened, as long as the object does."""
        self._stop()
        await self._batches.close()
        self._loading = None

    @property
    def notes(self) -> Sequence[str]:
        """That memory ran out, where it did."""
        if not self._batches.halved:
            return ()
        return (f"{self.name}: out of memory: batches were halved, down to {self._batches.capacity}",)

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        """The messages with the system prompt, which comes before an item's own; None without one."""
        if self._system is None:
            return None
        if messages and messages[0].role == "system":
            return (Message("system", f"{self._system}\n\n{messages[0].content}"), *messages[1:])
        return (Message("system", self._system), *messages)

    def body(self, request: Request) -> bytes:
        """What determines the answer, as JSON."""
        messages = [Message(m.role, _chat.whole(m.content)) for m in self.sent(request.messages) or request.messages]
        fields = {"model": self._where, "messages": messages, **self.settings, "sample": request.sample}
        if request.prompt is not None:
            fields["prompt"] = _chat.whole(request.prompt)
        return _ENCODER.encode(fields)

    async def ask(self, request: Request, body: bytes) -> Reply:
        """One answer, from the next batch with room for it."""
        await self.open()
        job = self._job(request)
        said = await self._batches.ask(job)
        answer, reasoning, closed = _think.split(said.text)
        return Reply(
            status="ok" if said.finish == "stop" and closed else "truncated",
            text=_chat.whole(answer),
            reasoning=None if reasoning is None else _chat.whole(reasoning),
            finish=said.finish,
            served_model=self.name,
            tokens_in=len(job.ids),
            tokens_out=said.tokens,
            logprobs=said.logprobs,
        )

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        return None

    def _job(self, request: Request) -> Job:
        assert self._prompter is not None
        ids = self._prompter.ids(request, self.sent(request.messages) or request.messages)
        room = self._room() - len(ids)
        if room < 1:
            raise ModelError(
                f"the prompt has {len(ids)} tokens and the model reads {self._room()}",
                kind="context_window",
                item_fault=True,
            )
        # `run.json` keeps the first prompt as the model saw it: a template or start token gone wrong shows there
        self.loaded.setdefault("first_prompt", {"item": request.item_id, "ids": ids})
        letters = tuple(LETTERS[: len(request.options or ())])
        wanted = self._given.get("top_logprobs", _TOP if letters or self._given.get("logprobs") else None)
        seed = random.Random(f"{self.settings['seed']}/{request.sample}/{ids}").getrandbits(62)
        return Job(tuple(ids), min(self.settings["max_tokens"], room), seed, letters, wanted)

    # ------------------------------------------------------------ the subclass's

    def _load(self) -> Any:
        """Load everything, note what in `loaded`, and return the tokenizer. Runs in a thread."""
        raise NotImplementedError

    def _room(self) -> int:
        """How many tokens the model reads, answer included."""
        raise NotImplementedError

    def _run(self, batch: Sequence[Job]) -> Sequence[Said | Exception]:
        """Answer a batch. Runs in the batches' thread. Raises OutOfMemory."""
        raise NotImplementedError

    def _stop(self) -> None:
        """Have a batch that is under way end soon."""


def json_or_text(value: Any) -> Any:
    """The value of an option that may be JSON (`false`, `2`), else the text itself."""
    try:
        return msgspec.json.decode(value.encode()) if isinstance(value, str) else value
    except ValueError:
        return value


def folder_of(label: str, name: str, wanted: str = "config.json") -> Path | None:
    """The folder that a name points to; None where it is the name of a model on the Hub. Raises ConfigError."""
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / wanted).is_file():
            raise ConfigError(f"{label}: {path} is no folder with a model (it has no {wanted})")
        return path
    parts = name.split("/")
    if path.exists() or len(parts) > 2 or not all(p and p[0].isalnum() for p in parts):
        raise ConfigError(f"{label}: there is no folder {path}, and no model on the Hub can be called that")
    return None


def fingerprint(folder: Path) -> str:
    """A hash of a folder's files: whole where they are small, else of their sizes and of blocks spread over them."""
    digest, block, blocks = hashlib.sha256(), 1 << 16, 256
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix != ".md" and p.name[0] != "."):
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}\n".encode())
        with path.open("rb") as file:
            for start in range(0, size, max(block, size // blocks)):
                file.seek(start)
                digest.update(file.read(block))
    return digest.hexdigest()[:16]
