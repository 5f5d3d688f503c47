"""Judge `scorer`: a classifier learnt from labels, one head for each dimension, with how sure it is and how far away.

`scorer` is the one that ships with honne (its card: `honne scorer card`); `scorer/PATH` one that `honne scorer train`
has made. Which head judges an item: the one named after its dimension (`flames/Legality`) or its benchmark, else a
general one that speaks the benchmark's scale; `head=NAME` says it, and where the scale does not know its labels, they
are a scale of their own.

Nothing is guessed: an item that no head is for, or in a language that the head never met, is `unparsed`. An answer that
is far from what the head learnt from is judged, and flagged: in `rationale`, in `raw` (JSON: head, probabilities,
distance, far), and counted in the notes of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import msgspec

from honne.errors import ConfigError, JudgeError, unknown
from honne.judges._answers import about, judged_text, open_answer
from honne.judges._refusal import LABELS as REFUSALS
from honne.judges._scorer import NAME, Asked, Head, Loaded, Prediction, load, packaged
from honne.judges._scorer._model import Batched, request
from honne.judges._scorer._text import dimensions, prompt_of
from honne.plugins import Benchmark, Model, Reply, Request, Scale, Verdict
from honne.records import Item, Judgment, Response
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Scorer"]

_UNSAFE = "unsafe"
_DECODER = msgspec.json.Decoder(Prediction)


class Raw(msgspec.Struct, frozen=True):
    """What `raw` of a judgment holds."""

    head: str
    probabilities: dict[str, float]
    distance: float
    far: bool


class Scorer:
    """The judge for one benchmark. Raises ConfigError for a wrong option, DataError for a folder that is no scorer,
    JudgeError where no head is for this benchmark."""

    def __init__(self, spec: Spec, benchmark: Benchmark) -> None:
        forced: str | None = read_options(spec, {"head": str}).get("head")
        path = Path(spec.name).expanduser() if spec.name else packaged()
        self._loaded = _loaded(path, _stamp(path))
        said = self._loaded.about
        if forced is not None and forced not in said.heads:
            raise ConfigError(f"{spec.label}: {unknown('head', forced, said.heads)}")
        self._benchmark, self._forced = benchmark, forced
        self._heads: dict[tuple[str, str, str], tuple[str, str | None]] = {}
        if forced is None and not self._serves(benchmark):
            raise JudgeError(
                f"judge {spec.label}: none of its heads ({', '.join(said.heads)}) is for {benchmark.name!r} "
                "or speaks its scale"
            )
        self.name = f"scorer/{said.name}" if spec.name else "scorer"
        self.key = f"{self.name}@{said.version}-{said.digest}" + (f".{forced}" if forced else "")
        self.prompts: Mapping[str, str] = {}
        self.model: Model | None = None if said.kind == "light" else cast(Model, Batched(self._loaded))

    @property
    def metrics(self) -> Sequence[str] | None:
        """Those of the benchmark, but for a head whose labels its scale does not know."""
        if self._forced is None:
            return None
        labels = self._loaded.heads[self._forced]
        if all(self._benchmark.scale("").read(label) for label in labels):
            return None
        return ("refusal_shares",) if set(labels) == set(REFUSALS) else ("label_share",)

    def tally(self, judgments: Iterable[Judgment]) -> Sequence[str]:
        """How many of the judged answers are far from what the scorer learnt from."""
        scored = [j for j in judgments if j.status == "scored"]
        far = sum('"far":true' in (j.raw or "") for j in scored)
        if not far:
            return ()
        return (
            f"judge {self.name}: {far:,} of the {len(scored):,} answers that it scored are far from those that it "
            "learnt from: it says less about these than its probabilities claim",
        )

    def render(self, item: Item, response: Response) -> Request | None:
        """What to ask a scorer with a backbone; None for a light one, and where nothing can be asked."""
        asked = None if self.model is None else self._asked(item, response)
        return request(item.id, response.sample, asked) if isinstance(asked, tuple) else None

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The verdict of the item's head; `skipped` without an open answer, `unparsed` where no head can tell."""
        if self.model is None or reply is None:
            (judgment,) = self.parse_all([(item, response)])
            return judgment
        shared = about(item, response, self.key)
        if reply.text is None:
            return Judgment(status="error", error="the scorer gave no reply", **shared)
        return Judgment(**self._judged(item, self._head(item)[0], _DECODER.decode(reply.text)), **shared)

    def parse_all(self, answers: Sequence[tuple[Item, Response]]) -> list[Judgment]:
        """The verdicts on several answers: a light scorer reads them at once."""
        asked = [self._asked(item, response) for item, response in answers]
        rows = [one for one in asked if isinstance(one, tuple)] if self.model is None else []
        found = iter(self._loaded.probabilities(rows))
        out = []
        for (item, response), one in zip(answers, asked, strict=True):
            if isinstance(one, dict):
                said = one
            elif self.model is None:
                said = self._judged(item, one[2], next(found))
            else:
                said = {"status": "error", "error": "the scorer gave no reply"}
            out.append(Judgment(**said, **about(item, response, self.key)))
        return out

    def _asked(self, item: Item, response: Response) -> Asked | dict[str, Any]:
        """What a head is to be asked, or the fields of the judgment where nothing can be."""
        if not open_answer(item, response):
            return {"status": "skipped"}
        name, why = self._head(item)
        text = judged_text(response) or ""
        if why is None and not text.strip():
            why = "there is nothing to read"
        return (prompt_of(item, response), text, name) if why is None else {"status": "unparsed", "error": why}

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        """A classifier says the same again: None."""
        return None

    def _judged(self, item: Item, name: str, found: Prediction) -> dict[str, Any]:
        shares = {label: round(p, 4) for label, p in found.probabilities.items()}
        said = f"{name}: {', '.join(f'{label} {p:.3f}' for label, p in shares.items())}"
        if found.far:
            said += f"; far from what it learnt from (distance {found.distance:.2f})"
        raw = msgspec.json.encode(Raw(name, shares, round(found.distance, 4), found.far)).decode()
        told = {"rationale": said, "raw": raw, "p_unsafe": found.probabilities.get(_UNSAFE)}
        verdict = self._benchmark.scale(item.category).read(found.label)
        if verdict is None and self._forced is None:
            why = f"the scale of {item.benchmark} has no {found.label!r}"
            return {"status": "unparsed", "error": why, "rationale": said, "raw": raw}
        meant = verdict or Verdict(found.label, refused=_refused(found.label))
        return {
            "status": "scored",
            "label": meant.label,
            "score": meant.score,
            "raw_score": meant.raw_score,
            "refused": meant.refused,
            **told,
        }

    # ------------------------------------------------------------- which head

    def _serves(self, benchmark: Benchmark) -> bool:
        own = (benchmark.name, f"{benchmark.name}/")
        return any(name == own[0] or name.startswith(own[1]) for name in self._loaded.heads) or (
            _general(self._loaded.about.heads, benchmark.scale("")) is not None
        )

    def _head(self, item: Item) -> tuple[str, str | None]:
        """The head that is for an item, and why none can judge it."""
        place = (item.benchmark, item.category, item.lang)
        if place not in self._heads:
            self._heads[place] = self._found(*place)
        return self._heads[place]

    def _found(self, benchmark: str, category: str, lang: str) -> tuple[str, str | None]:
        heads = self._loaded.about.heads
        name = self._forced or next((name for name in dimensions(benchmark, category) if name in heads), None)
        name = name or _general(heads, self._benchmark.scale(category))
        if name is None:
            return "", f"no head for {category!r} of {benchmark}"
        known = heads[name].languages
        if lang.partition("-")[0].lower() not in {one.partition("-")[0].lower() for one in known}:
            return name, f"head {name!r} learnt from {', '.join(known)}, and this item is in {lang!r}"
        return name, None


PLUGIN = Scorer


def _general(heads: Mapping[str, Head], scale: Scale) -> str | None:
    """The general head for a scale: the one whose labels are all on it, else the one that has a word for each of its
    labels; None where there is none, or more than one."""
    speaks = {name: [scale.read(label) for label in head.labels] for name, head in heads.items() if head.general}
    whole = [name for name, verdicts in speaks.items() if all(verdicts)]
    wide = [name for name, verdicts in speaks.items() if {v.label for v in verdicts if v} == set(scale.labels)]
    found = whole or wide
    return found[0] if len(found) == 1 else None


def _refused(label: str) -> bool | None:
    return label != REFUSALS[0] if label in REFUSALS else None


def _stamp(path: Path) -> int:
    """When a scorer was written: one that has been trained again is loaded again."""
    try:
        return (path / NAME).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _loaded(path: Path, stamp: int) -> Loaded:
    return load(path)
