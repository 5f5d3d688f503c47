"""From labels as they were given to one reference label an answer, and to what may be concluded from them.

Several labels of one answer become one: the adjudicator's decision, else the label that all agree on, else none (it is
counted as disputed, and never guessed). Only labels that were drawn with a known chance stand for the answers without
one: `random`, `stratified` and `active` ones, the latter two by their inclusion probability. Gold items and answers
that only an adjudicator saw are left out and counted; labels of an unknown design are refused, as labels picked where
judges disagree make good judges look bad.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from honne.engine.labels_file import Given, Labels
from honne.engine.store import RunFolder
from honne.errors import ConfigError, DataError
from honne.judges.labels import plain
from honne.plugins import Scale, Verdict, is_choice
from honne.records import Item, Judgment
from honne.text import clean

__all__ = ["CENSUS", "CHOSEN", "DISPUTED", "REFERENCE", "USED", "Reference", "settle"]

# The judge under which reference labels are kept; it is none of the run's own.
REFERENCE = "labels"
USED = ("random", "stratified", "active")
# Designs whose answers were picked: they stand for no others, and people agree on them more, or less, than on most.
CHOSEN = ("gold", "adjudicated")
# Every answer was labelled: nothing was drawn.
CENSUS = "census"
# What the answers are counted as whose labels disagree.
DISPUTED = "answers that people disagree on, not adjudicated"

# An answer that was drawn more than once, in different ways: with which chance in all is not known.
MIXED = "mixed"

# As much of a label as a message shows.
_SHORT = 40

# A label that ends in a number, as points do.
_NUMBERED = re.compile(r"(.*?)([0-9]{1,4})")

Answer = tuple[str, int]
Scales = Mapping[tuple[str, str], Scale]


@dataclass(frozen=True)
class Reference:
    """One label an answer (`rows`), each with its design and inclusion, and what became of the rest.

    `raters` are the labels of each person; `judges` the judges that these people are in the run, `shown` counts the
    labels that were given with a judge's verdict in view. `counts` names what was left out.
    """

    rows: tuple[Judgment, ...]
    raters: Mapping[str, tuple[Judgment, ...]]
    designs: Mapping[str, int]
    counts: Mapping[str, int]
    judges: frozenset[str]
    shown: Mapping[str, int] = field(default_factory=dict)


def settle(run: RunFolder, labels: Labels, scales: Scales, at: datetime, design: str | None = None) -> Reference:
    """The reference of one run. `scales` are by benchmark and category; `design` is that of labels which name none.

    Raises DataError where no label is of this run, none is on its scale, or the design of any is not known.
    """
    items = {item.id: item for item in run.items() if not is_choice(item.form)}
    model = str(run.info["spec"]["model"].get("name"))
    mine, counts = _of_run(run, labels, model)
    by_answer, lost = _matched(mine, items, run)
    counts += lost
    if not by_answer:
        raise DataError(f"{labels.name}: no label is of an answer of {run.name}: {_lost(counts, len(labels.rows))}")
    reader = _Reader(scales, model, at, counts)
    settled: list[tuple[Item, Judgment]] = []
    raters: dict[str, list[Judgment]] = {}
    for key, rows in by_answer.items():
        item = items[key[0]]
        verdicts = [(row, reader.verdict(item, row)) for row in rows]
        for row, verdict in verdicts:
            if row.kind == "label" and verdict is not None and row.author is not None and row.design not in CHOSEN:
                one = _as(reader.judgment(item, key[1], row, verdict), row.design, row.inclusion)
                raters.setdefault(row.author, []).append(one)
        chosen = _chosen(verdicts, counts)
        if chosen is not None:
            how, inclusion = _drawn(rows, design)
            one = reader.judgment(item, key[1], *chosen)
            settled.append((item, _as(one, how, inclusion)))
    reader.check(labels, run)
    labelled = {key for key, rows in by_answer.items() if any(row.label is not None for row in rows)}
    used = _usable(run, labels, settled, labelled, items, counts)
    if not used:
        left = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
        raise DataError(f"{labels.name}: no label of {run.name} can be used ({left})")
    return Reference(
        rows=tuple(used),
        raters={name: tuple(found) for name, found in sorted(raters.items())},
        designs=dict(sorted(Counter(j.design or CENSUS for j in used).items())),
        counts={what: n for what, n in counts.items() if n},
        judges=frozenset(row.judge for rows in by_answer.values() for row in rows if row.judge),
        shown=dict(Counter(row.suggested for rows in by_answer.values() for row in rows if row.suggested)),
    )


def _as(one: Judgment, design: str | None, inclusion: float | None) -> Judgment:
    import msgspec

    return msgspec.structs.replace(one, design=design, inclusion=inclusion)


# -------------------------------------------------------------------- matching


def _of_run(run: RunFolder, labels: Labels, model: str) -> tuple[list[Given], Counter[str]]:
    """The rows of this run: by its name where any row has it, else by its model, else all (the file names neither)."""
    # A file that has labels of several folders of one name tells them apart by those that hold them.
    parts = run.path.resolve().parts
    names = {shown for depth in range(1, len(parts)) for shown in _shown("/".join(parts[-depth:]))}
    models = {None, *_shown(model)}
    named = [row for row in labels.rows if row.run in names and row.model in models]
    mine = named or [row for row in labels.rows if row.model in models]
    others = sorted({row.run for row in mine if row.run is not None})
    if not named and len(others) > 1:
        raise DataError(
            f"{labels.name} has labels of several runs of {model} ({', '.join(others[:4])}), and none is named "
            f"{run.name}: leave the labels of one run in the file"
        )
    counts = Counter({"labels of other runs or models": len(labels.rows) - len(mine)})
    for other in others if not named else ():
        # A folder that was renamed, or another run of the same model, whose answers may be others.
        what = (
            f"labels name the run {clean(other)[:_SHORT]}, and are taken to be of these answers: the model is the same"
        )
        counts[what] = sum(row.run == other for row in mine)
    return mine, counts


def _matched(
    rows: Iterable[Given], items: Mapping[str, Item], run: RunFolder
) -> tuple[dict[Answer, list[Given]], Counter[str]]:
    """The rows of each answer, in the order of the answers, and the counts of those that have none here."""
    by_prompt: dict[str, list[str]] = {}
    for item in items.values():
        if item.messages:
            by_prompt.setdefault(item.messages[-1].content.strip(), []).append(item.id)
    answered = {(r.item_id, r.sample) for r in run.responses() if r.text is not None or r.status == "ok"}
    # A list for people shows what cannot be seen in an id; its own spelling comes first.
    shown = {clean(name): name for name in items} | {name: name for name in items}
    found: dict[Answer, list[Given]] = {}
    lost: Counter[str] = Counter()
    for row in rows:
        ids = [shown[name] for name in _spelt(row.item_id) if name in shown][:1]
        if row.item_id is None and row.prompt is not None:
            ids = by_prompt.get(row.prompt.strip(), [])
        key = (ids[0], row.sample) if len(ids) == 1 else None
        if len(ids) > 1:
            lost["rows whose prompt several items have (map item_id)"] += 1
        elif key is None:
            lost["rows of no item of the run"] += 1
        elif key not in answered:
            lost["rows of an answer that the run does not have"] += 1
        else:
            found.setdefault(key, []).append(row)
    place = {name: i for i, name in enumerate(items)}
    return dict(sorted(found.items(), key=lambda pair: (place[pair[0][0]], pair[0][1]))), lost


def _shown(name: str) -> set[str]:
    """A name as it is, and as a CSV of honne has it."""
    return {name, clean(name), f"'{clean(name)}"}


def _spelt(name: str | None) -> tuple[str, ...]:
    """An id as it is, and without the apostrophe that a CSV of honne puts before what a spreadsheet would run."""
    return () if name is None else (name, name.removeprefix("'"))


def _lost(counts: Mapping[str, int], total: int) -> str:
    return "; ".join(f"{n} {what}" for what, n in counts.items() if n) or f"{total} rows"


# -------------------------------------------------------------------- settling


@dataclass
class _Reader:
    """Labels in the file's words to verdicts of the benchmark's scale."""

    scales: Scales
    model: str
    at: datetime
    counts: Counter[str]
    read: int = 0
    outside: Counter[str] = field(default_factory=Counter)
    known: dict[str, None] = field(default_factory=dict)

    def verdict(self, item: Item, row: Given) -> Verdict | None:
        """None where the row has no label, or one that is not on the scale (both are counted)."""
        if row.label is None:
            self.counts["rows without a label"] += row.kind != "reference"
            return None
        scale = self.scales[item.benchmark, item.category]
        self.known |= dict.fromkeys(scale.labels)
        found = scale.read(row.label) or scale.read(plain(row.label))
        if found is None and (not scale.verdicts or row.score is not None or row.raw_score is not None):
            _check_points(row, scale)
            found = Verdict(row.label, row.score, row.raw_score)
        if found is None:
            self.outside[row.label] += 1
            return None
        self.read += 1
        return found

    def judgment(self, item: Item, sample: int, row: Given, verdict: Verdict) -> Judgment:
        return Judgment(
            item_id=item.id,
            model=self.model,
            sample=sample,
            judge=REFERENCE,
            author=row.author,
            status="scored",
            label=verdict.label,
            score=verdict.score,
            raw_score=verdict.raw_score,
            refused=verdict.refused,
            at=self.at,
        )

    def check(self, labels: Labels, run: RunFolder) -> None:
        """Raises DataError where any label is outside the scale: those that happen to be on it would stand for all."""
        if not self.outside:
            return
        common = [text for text, _ in self.outside.most_common(3)]
        shown = ", ".join(repr(text[:_SHORT]) for text in common)
        of = f"{self.outside.total()} of {self.outside.total() + self.read} labels are not on the scale of {run.name}"
        told = f"{labels.name}: {of} (found {shown}; allowed: {_spelt_out(self.known)})"
        if not labels.name.startswith("judge:"):
            # A column of whole answers taken for labels is no table to fill in.
            short = [text for text in common if len(text) <= _SHORT] or ["VALUE"]
            more = ",…" if self.read or len(self.outside) > len(short) else ""
            pairs = ",".join(f"{_quoted(text)}=LABEL" for text in short) + more
            told += f": say which of these each value means, --label-map {shlex.quote(pairs)}"
            told += ", and leave empty what nobody decided"
        raise DataError(told)


def _check_points(row: Given, scale: Scale) -> None:
    """Raises DataError for points that are not on the scale: cut to its end, they would count as the best or worst."""
    if row.score is not None and not 0 <= row.score <= 1:
        raise DataError(
            f"{row.where}: score {row.score:g} is out of range: 0 to 1 (raw_score is on the benchmark's scale)"
        )
    points = [v.raw_score for v in scale.verdicts if v.raw_score is not None]
    if points and row.raw_score is not None and not min(points) <= row.raw_score <= max(points):
        raise DataError(
            f"{row.where}: raw_score {row.raw_score:g} is out of range: the benchmark's scale goes from "
            f"{min(points):g} to {max(points):g}"
        )


def _quoted(text: str) -> str:
    """A value as `--label-map` reads it: in quotes where it holds what parts the pairs."""
    return text if not set(text) & set(",='\"\\") else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _spelt_out(labels: Iterable[str]) -> str:
    """The labels of a scale in words; a run of numbers by its ends: `safe-1 … safe-10`."""
    runs: list[list[str]] = []
    last: tuple[str, int] | None = None
    for label in labels:
        cut = _NUMBERED.fullmatch(label)
        here = (cut[1], int(cut[2])) if cut else None
        if here is not None and last is not None and here == (last[0], last[1] + 1):
            runs[-1].append(label)
        else:
            runs.append([label])
        last = here
    return ", ".join(f"{run[0]} … {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def _chosen(verdicts: Sequence[tuple[Given, Verdict | None]], counts: Counter[str]) -> tuple[Given, Verdict] | None:
    """The adjudicator's decision, else the settled label, else the one that all give; None where there is none."""
    given = [(row, verdict) for row, verdict in verdicts if verdict is not None]
    decided = [pair for pair in given if pair[0].kind == "decision" or pair[0].design == "adjudicated"]
    # A settled label is made of the same people's; an unsettled one of theirs is theirs to settle.
    settled = [pair for pair in given if pair[0].kind == "reference"]
    voices = decided or settled or given
    if not voices:
        counts["answers without a settled label"] += 1
        return None
    if len({verdict.label for _, verdict in voices}) > 1 or (not decided and _unsettled(verdicts)):
        counts[DISPUTED] += 1
        return None
    if len(given) > 1:
        counts["answers with several labels, settled to one"] += 1
    return voices[0]


def _unsettled(verdicts: Sequence[tuple[Given, Verdict | None]]) -> bool:
    """Whether the source itself says that the labels of this answer are not settled."""
    return any(row.kind == "reference" and verdict is None for row, verdict in verdicts)


def _drawn(rows: Sequence[Given], stated: str | None) -> tuple[str | None, float | None]:
    """The design by which an answer got its labels (an adjudicator's own is none), and with which chance."""
    found = {row.design for row in rows if row.kind != "decision" and row.design != "adjudicated"}
    if not found:
        return "adjudicated", None
    designs = {design or stated for design in found}
    if "gold" in designs:
        return "gold", None
    if None in designs:
        return None, None
    if len(designs) > 1:
        return MIXED, None
    chances = [row.inclusion for row in rows if row.inclusion is not None]
    return designs.pop(), max(chances, default=None)


def _usable(
    run: RunFolder,
    labels: Labels,
    settled: Sequence[tuple[Item, Judgment]],
    labelled: set[Answer],
    items: Mapping[str, Item],
    counts: Counter[str],
) -> list[Judgment]:
    """The labels that stand for the others; gold ones and adjudicated-only ones are counted and left out."""
    whole = _complete(run, labelled, items)
    unknown: Counter[str] = Counter()
    mixed = [item.id for item, one in settled if one.design == MIXED and (item.benchmark, item.attack) not in whole]
    if mixed:
        raise DataError(
            f"{labels.name}: {len(mixed)} answers have labels of several designs ({mixed[0]}), and with which chance "
            "they were drawn in all is not known: leave the labels of one design in the file"
        )
    out: list[Judgment] = []
    for item, one in settled:
        if (item.benchmark, item.attack) in whole:
            out.append(_as(one, None, None))
        elif one.design == "gold":
            counts["gold answers (left out: they were chosen)"] += 1
        elif one.design == "adjudicated":
            counts["answers that only an adjudicator labelled (left out: they were chosen)"] += 1
        elif one.design in USED:
            if one.design != "random" and one.inclusion is None:
                raise DataError(
                    f"{labels.name}: a label of {one.item_id} was drawn {one.design} but has no inclusion probability: "
                    "without it the label stands for nothing but itself"
                )
            out.append(one)
        else:
            unknown[item.benchmark] += 1
    if unknown:
        raise ConfigError(
            f"{labels.name}: {unknown.total()} labels do not say how their answers were picked, and labels picked "
            "where judges disagree make good judges look bad: state --design random if they were drawn at random, or "
            f"label every answer ({run.name} has more)"
        )
    return out


def _complete(run: RunFolder, labelled: set[Answer], items: Mapping[str, Item]) -> set[tuple[str, str | None]]:
    """The benchmarks and attacks of which every answer was labelled: there nothing was picked."""
    left = {
        (items[r.item_id].benchmark, items[r.item_id].attack)
        for r in run.responses()
        if r.status in ("ok", "truncated") and r.item_id in items and (r.item_id, r.sample) not in labelled
    }
    return {(item.benchmark, item.attack) for item in items.values()} - left
