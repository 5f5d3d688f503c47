"""What a plug-in must provide, and how it is found.

A built-in is one file in its package (`honne.benchmarks`, `honne.models`, `honne.judges`, `honne.metrics`,
`honne.attacks`, `honne.align.methods`, `honne.replications`) that assigns `PLUGIN`; its name is the file's, with `-`
for `_`. Anything outside this repository registers the same object under the entry-point group `honne.<kind>`. Nothing
else has to be edited.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, NamedTuple, Protocol

import msgspec

from honne.errors import ConfigError, unknown
from honne.records import Estimate, Item, Judgment, Message, Response

__all__ = [
    "KINDS",
    "Attack",
    "Benchmark",
    "Judge",
    "Measure",
    "Metric",
    "Model",
    "ModelAttack",
    "Probe",
    "Reply",
    "Request",
    "Row",
    "Scale",
    "Source",
    "Suite",
    "Unit",
    "Verdict",
    "View",
    "is_choice",
    "load",
    "names",
    "summary",
    "unit_id",
]

KINDS = ("benchmarks", "models", "judges", "metrics", "attacks", "methods", "replications")
# Where the files of a kind are, if not in the package of its name.
_PACKAGES = {"methods": "honne.align.methods"}


# ---------------------------------------------------------------- benchmarks


@dataclass(frozen=True)
class Source:
    """A dataset file: where it comes from and the sha256 of its original (uncompressed) bytes."""

    dataset: str
    file: str
    url: str
    sha256: str
    bytes: int
    licence: str


@dataclass(frozen=True)
class Verdict:
    """What one label of a scale means: `score` in 0–1 (1 is best), `raw_score` on the benchmark's own scale."""

    label: str
    score: float | None = None
    raw_score: float | None = None
    refused: bool | None = None


@dataclass(frozen=True)
class Scale:
    """The verdicts a judge may give, in order, and other spellings (`aliases`: as published -> label)."""

    verdicts: tuple[Verdict, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(v.label for v in self.verdicts)

    def read(self, text: str) -> Verdict | None:
        """The verdict that a raw label names (as text, surrounding space ignored), or None: never a guess."""
        key = text.strip()
        key = self.aliases.get(key, key)
        return next((v for v in self.verdicts if v.label == key), None)


@dataclass(frozen=True)
class Suite:
    """A name for several benchmarks that are run together: `honne run NAME` runs its `members`.

    Registered as a benchmark. Options given to the suite go to every member (`trust?langs=zh`).
    """

    title: str
    members: tuple[str, ...]


class Benchmark(Protocol):
    """One benchmark. Built from its Spec (`name?option=…`), which it validates.

    A plug-in whose constructor reads data may offer a class method `without_data(spec)`: its scale and criteria alone,
    by which recorded answers are judged again.
    `judges` maps each form to the kind of judge that serves it: `rubric` (replaced by `--judge`) or the name of a fixed
    one such as `choice`. `metrics` are names of metric plug-ins. A change of what a number means is a new `version`.
    """

    name: str
    version: str
    title: str
    url: str
    sources: tuple[Source, ...]
    judges: Mapping[str, str]
    metrics: tuple[str, ...]

    def items(self, *, seed: int) -> Iterable[Item]:
        """The items in a stable order, with seq 0, 1, 2, … Raises DataError when the data are missing or malformed."""
        ...

    def scale(self, category: str) -> Scale:
        """The verdicts allowed for an item of this category."""
        ...

    def rubric(self, item: Item) -> str | None:
        """The criteria for a rubric judge, in the item's language; None when the benchmark has none."""
        ...

    def rubrics(self) -> Mapping[str, str]:
        """Name -> text of every rubric that `rubric` may return (all languages); empty when there is none.

        Optional: it lets a judge's key change whenever a rubric does, before any data are read.
        """
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the run should know about the items, asked for after `items`. Optional."""
        ...

    def validate(self) -> None:
        """Check schema and counts, and that all-best and all-worst judgments hit the ends of every metric."""
        ...


# -------------------------------------------------------------------- models


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a model. `schema` is a JSON schema that the answer should follow, where the server can do it.

    `occurrence` counts the items of the run with the same messages (0 for the first) and `occurrences` is their number,
    for models that answer from a recording. `prompt` is the same request as raw text, control tokens and all, for a
    model that is asked without a chat template; others go by `messages`. `options` are the options of a multiple-choice
    item, lettered from A, for models that can say how likely each letter is.
    """

    item_id: str
    sample: int = 0
    messages: tuple[Message, ...]
    prompt: str | None = None
    schema: dict[str, Any] | None = None
    occurrence: int = 0
    occurrences: int = 1
    options: tuple[str, ...] | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered; `status` is one of `records.RESPONSE_STATUSES` (never `error`: that is a ModelError)."""

    status: str = "ok"
    text: str | None = None
    reasoning: str | None = None
    finish: str | None = None
    served_model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    logprobs: str | None = None
    error: str | None = None


class Model(Protocol):
    """Where answers come from. Built from its Spec, which it validates (ConfigError), without touching the network.

    `concurrency` caps the requests in flight. `settings` are the options that change what is asked (they are stored,
    and compared when a run is resumed): transport options such as the address are not among them.
    """

    name: str
    concurrency: int
    settings: Mapping[str, Any]

    async def open(self) -> None:
        """Acquire connections or files. Raises ModelError (fatal) or DataError when nothing can be asked."""
        ...

    async def close(self) -> None: ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the run should know about this model, asked for at the end of a run. Optional."""
        ...

    @property
    def loaded(self) -> Mapping[str, Any]:
        """What was loaded into this process, as JSON values, for run.json; asked for at the end of a run. Optional."""
        ...

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        """The messages that are really sent for an item's own, or None where these are sent as they are. Optional."""
        ...

    def body(self, request: Request) -> bytes:
        """The bytes that determine the answer; their hash is the response's `request_hash`."""
        ...

    async def ask(self, request: Request, body: bytes) -> Reply:
        """One try, no retries. Raises ModelError."""
        ...

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        """The cost of so many tokens, or None when a price is unknown."""
        ...


# -------------------------------------------------------------------- judges


@dataclass(frozen=True)
class Probe:
    """A question and an answer that a judge must get right before it is trusted: `labels` are the right verdicts.

    `what` names it in one phrase, for the message that says how the judge failed.
    """

    what: str
    item: Item
    response: Response
    labels: tuple[str, ...]


class Judge(Protocol):
    """A judge for one benchmark: built as `Judge(spec, benchmark)`.

    `key` (name, version, hash of its prompts) is what a Judgment carries. A judge with a `model` renders a request and
    parses the reply; one without parses the response itself (`reply` is None). Both steps are pure.
    """

    name: str
    key: str
    model: Model | None
    prompts: Mapping[str, str]

    @property
    def metrics(self) -> Sequence[str] | None:
        """The metrics for its verdicts, where they are on a scale of its own; None: the benchmark's. Optional."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the run should know about this judge. Optional."""
        ...

    def probes(self) -> Sequence[Probe]:
        """What to ask before anything is judged: a wrong answer to one of them stops the run. Optional."""
        ...

    def render(self, item: Item, response: Response) -> Request | None:
        """The request to the judge's model; None for a judge without one."""
        ...

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment; `unparsed` when the reply cannot be read without guessing."""
        ...

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        """After an `unparsed` reply: one more request that may repair it, or None."""
        ...


# ------------------------------------------------------------------- metrics


class Row(NamedTuple):
    """One (item, sample) of a run, with its response and this judge's judgment, either of which may be missing."""

    item: Item
    sample: int
    response: Response | None
    judgment: Judgment | None


@dataclass(frozen=True)
class View:
    """What a metric sees: the rows of one benchmark and attack, under one judge.

    In `rows` a form that a fixed judge serves (`choice`) carries that judge's judgment. `by_judge` has all judgments of
    the same rows by judge key, then `(item_id, sample)`. `paper` selects the source's counting rule for missing values.
    `own` has the metrics of the judges whose verdicts are on a scale of their own, `panels` the members of panels.
    """

    rows: Sequence[Row]
    judge: str | None
    by_judge: Mapping[str, Mapping[tuple[str, int], Judgment]] = field(default_factory=dict)
    paper: bool = False
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    panels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def is_choice(form: str) -> bool:
    """Whether a form asks for one of several options (`choice`, `choice-swapped`, …)."""
    return form == "choice" or form.startswith("choice-")


def unit_id(name: str, sample: int) -> str:
    """The id of a unit: the item's or question's own for the first sample, with the sample's number for the others.

    Units with other ids count as well, but the answers behind them are not found (buckets, examples, rewordings).
    """
    return name if sample == 0 else f"{name}#{sample}"


class Unit(NamedTuple):
    """One unit of a metric: an item, or a question; `value` is None when it is missing."""

    id: str
    group: str
    category: str
    value: float | None


@dataclass(frozen=True)
class Measure:
    """A metric's value for every unit; everything else (intervals, slices, bounds, pairing) follows from it.

    `overall` says what slice "all" is: the `mean` over units, the `macro` mean over top-level categories, or `none`.
    `parts` are the category paths (depth 1) that a macro mean is over; without them, those that occur. A part without
    a value leaves no mean, and a unit of no part is missing from it.
    Values lie in [`floor`, `ceiling`]. `depths` are the depths of the category path that get a row of their own.
    `judge` is the judge whose judgments these are where it is not the view's ("": no judge is involved), `reference`
    the judge it is compared with. `rule` is the rule by which missing values were counted, `strict` or `paper`. `per`
    says what a unit's id names: an `item`, or the `group` of a question.
    `safety` marks the share (0..1) of answers that are safe (`better` "higher") or unsafe ("lower"): from it follow the
    attack success rate, adversarial and global safety. The first one of a benchmark counts.
    """

    metric: str
    units: Sequence[Unit]
    overall: str = "mean"
    floor: float = 0.0
    ceiling: float = 1.0
    unit: str = "proportion"
    better: str | None = None
    headline: bool = False
    form: str | None = None
    reference: str | None = None
    depths: tuple[int, ...] = (1, 2, 3)
    rule: str = "strict"
    judge: str | None = None
    per: str = "item"
    parts: tuple[str, ...] = ()
    safety: bool = False


class Metric(Protocol):
    """A pure function: the view of a benchmark under one judge -> measures (or finished estimates)."""

    def __call__(self, view: View) -> Iterable[Measure | Estimate]: ...


class Attack(Protocol):
    """A pure function: messages -> attacked messages, with a seed. The user's last message carries the request.

    A function that also takes `lang` is given the item's language: `def attack(messages, *, seed, lang="en")`. Messages
    that come back as they went in say that the attack does not apply to the item: it is not asked under it.
    """

    def __call__(self, messages: Sequence[Message], *, seed: int) -> tuple[Message, ...]: ...


class ModelAttack(Protocol):
    """An attack that needs a model: a class, built from what follows the colon in `--attack NAME:ARGUMENT`.

    The engine asks the model named with `--translator` once per item, before the run's own questions, and keeps what it
    answered. `lang` is the language of the attacked items, None where that stays. Raises ConfigError for an argument
    that it does not know.
    """

    lang: str | None

    def ask(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The request to the attack's model; empty where there is nothing to ask."""
        ...

    def take(self, messages: Sequence[Message], reply: str) -> tuple[Message, ...] | None:
        """The attacked messages, or None where the reply cannot be used."""
        ...


# ----------------------------------------------------------------- discovery


def _builtin(kind: str) -> dict[str, str]:
    package = importlib.import_module(_PACKAGES.get(kind, f"honne.{kind}"))
    found = (m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    # A metric's name is the one that stands in results: an identifier.
    return {name if kind == "metrics" else name.replace("_", "-"): f"{package.__name__}.{name}" for name in found}


def names(kind: str) -> list[str]:
    """The names of all plug-ins of a kind, built-in and installed; nothing is imported but the kind's package."""
    return sorted({*_builtin(kind), *(e.name for e in entry_points(group=f"honne.{kind}"))})


def load(kind: str, name: str, also: Iterable[str] = ()) -> Any:
    """The plug-in object of that name. Raises ConfigError with the nearest match for an unknown one.

    `also` are further names that would have been understood where this one came from (those in honne.toml).
    """
    builtin = _builtin(kind)
    if name in builtin:
        return importlib.import_module(builtin[name]).PLUGIN
    for entry in entry_points(group=f"honne.{kind}"):
        if entry.name == name:
            try:
                return entry.load()
            except (ImportError, AttributeError, SyntaxError) as e:
                package = entry.dist.name if entry.dist else "an installed package"
                raise ConfigError(f"{name!r} of {package} ({entry.value}) cannot be loaded: {e}") from None
    raise ConfigError(unknown(kind.removesuffix("s"), name, [*names(kind), *also]))


def summary(kind: str, name: str) -> str:
    """What a plug-in is, in one line: its title, or the first line of its module's text."""
    try:
        found = load(kind, name)
    except ConfigError as e:
        return f"({e})"
    text = getattr(found, "title", None) or getattr(sys.modules.get(found.__module__), "__doc__", None) or ""
    return str(text).strip().partition("\n")[0]
