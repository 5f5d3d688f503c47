"""Safe and unsafe answers by prompt, from a file of them or from finished runs; what could not be used is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from honne.benchmarks._build_pairs import Answers
from honne.data import RecordedRun, pick_judge, read_run
from honne.errors import ConfigError, DataError
from honne.records import Item, category_parts
from honne.rows import DataRow

__all__ = ["Asked", "Gathered", "Labels", "gathered", "run_folders", "told_by_file", "told_by_runs"]


class Asked(NamedTuple):
    """What is known of a prompt beside its text."""

    category: tuple[str, ...]
    lang: str


class Told(NamedTuple):
    """One answer to a prompt; `safe` is None where it cannot be used, for the reason in `why`."""

    prompt: str
    asked: Asked
    answer: str
    safe: bool | None
    why: str = ""


class Labels(NamedTuple):
    """Which labels mean safe and which unsafe; letter case aside."""

    safe: frozenset[str]
    unsafe: frozenset[str]

    @classmethod
    def of(cls, safe: str | None, unsafe: str | None) -> Labels:
        """From lists with commas; by default the words themselves. Raises ConfigError where one label is both."""
        read = [
            frozenset(_key(name) for name in text.split(",") if name.strip()) for text in (safe or "", unsafe or "")
        ]
        found = cls(read[0] or frozenset({"safe"}), read[1] or frozenset({"unsafe"}))
        if both := found.safe & found.unsafe:
            raise ConfigError(f"cvalues-build: the label {min(both)!r} is named as safe and as unsafe")
        return found

    def read(self, label: str) -> bool | None:
        """Whether a label means safe; `safe-7` and `unsafe-2` count as the word before the number."""
        key = _key(label)
        word, _, number = key.rpartition("-")
        for name in (key, *((word,) if number.isdecimal() else ())):
            if name in self.safe or name in self.unsafe:
                return name in self.safe
        return None


def _key(label: str) -> str:
    return label.strip().casefold()


class Gathered(NamedTuple):
    """The answers by prompt, what is known of the prompts, and notes on what was left out."""

    answers: dict[str, Answers]
    asked: dict[str, Asked]
    notes: list[str]


def gathered(told: Iterable[Told]) -> Gathered:
    """Answers by prompt. A text that is there twice counts once, one that is called both safe and unsafe not at all;
    space around and within a text makes no difference. Every answer left out is counted in a note."""
    out: Counter[str] = Counter()
    asked: dict[str, Asked] = {}
    sides: dict[str, dict[str, tuple[str, set[bool]]]] = {}
    for one in told:
        prompt = one.prompt.strip()
        if prompt:
            asked.setdefault(prompt, one.asked)
            texts = sides.setdefault(prompt, {})
        if one.safe is None:
            out[one.why] += 1
            continue
        _, called = texts.setdefault(" ".join(one.answer.split()), (one.answer.strip(), set()))
        if one.safe in called:
            out["given twice"] += 1
        called.add(one.safe)
    answers: dict[str, Answers] = {}
    for prompt, texts in sides.items():
        both = sum(len(called) == 2 for _, called in texts.values())
        out["called both safe and unsafe"] += 2 * both
        of = {side: tuple(text for text, called in texts.values() if called == {side}) for side in (True, False)}
        answers[prompt] = Answers(of[True], of[False])
    return Gathered(answers, asked, _notes(out, answers))


def _notes(out: Counter[str], answers: Mapping[str, Answers]) -> list[str]:
    notes = [f"{n} answer{'s' * (n != 1)} left out: {why}" for why, n in sorted(out.items()) if n]
    alone = (
        ("only safe", sum(bool(found.safe) and not found.unsafe for found in answers.values())),
        ("only unsafe", sum(bool(found.unsafe) and not found.safe for found in answers.values())),
        ("no usable", sum(not found.unsafe and not found.safe for found in answers.values())),
    )
    return [*notes, *(f"{n} prompts have {what} answers, so no pair" for what, n in alone if n)]


# ------------------------------------------------------------------- a file

Column = Callable[[DataRow, str], str | None]


def told_by_file(rows: Iterable[DataRow], column: Column, labels: Labels) -> Iterator[Told]:
    """The answers of a file's rows: `answer` with `label`, or `safe` and `unsafe` side by side. `column` reads a cell
    by what it is for (None: there is no such column, or the cell is blank)."""
    for row in rows:
        prompt = column(row, "prompt")
        category = column(row, "category")
        asked = Asked((category.strip(),) if category else (), column(row, "lang") or "und")
        if prompt is None:
            yield Told("", asked, "", None, "the prompt is blank")
            continue
        for name, safe in (("safe", True), ("unsafe", False)):
            answer = column(row, name)
            if answer is not None:
                yield Told(prompt, asked, answer, safe)
        yield from _labelled(prompt, asked, column(row, "answer"), column(row, "label"), labels)


def _labelled(prompt: str, asked: Asked, answer: str | None, label: str | None, labels: Labels) -> Iterator[Told]:
    if answer is None and label is None:
        return
    safe = None if label is None else labels.read(label)
    if answer is None:
        yield Told(prompt, asked, "", None, "blank")
    elif label is None:
        yield Told(prompt, asked, answer, None, "without a label")
    else:
        yield Told(prompt, asked, answer, safe, f"labelled {label.strip()[:40]!r}")


# --------------------------------------------------------------------- runs


def run_folders(path: Path) -> list[Path]:
    """The run folder at `path`, or all those in it. Raises DataError where there is none."""
    if (path / "run.json").exists():
        return [path]
    try:
        found = sorted(child for child in path.iterdir() if (child / "run.json").is_file())
    except OSError as e:
        raise DataError(f"cannot read {path}: {e.strerror or e}") from None
    if not found:
        raise DataError(f"{path} is not a run folder, nor does it hold any")
    return found


def told_by_runs(folders: Iterable[Path], judge: str | None, labels: Labels) -> Iterator[Told]:
    """The judged open answers of finished runs; those under attack are left out."""
    for folder in folders:
        run = read_run(folder)
        verdicts = run.judgments[pick_judge(run, judge)]
        items = {item.id: item for item in run.items}
        for (item_id, sample), response in sorted(run.responses.items()):
            item = items.get(item_id)
            if item is None or item.options is not None:
                continue
            found = verdicts.get((item_id, sample))
            prompt, asked = item.messages[-1].content, Asked(category_parts(item.category), item.lang)
            why = _unusable(run, item, response.text, response.status, found.status if found else None)
            label = found.label if found else None
            safe = labels.read(label) if label is not None and not why else None
            yield Told(prompt, asked, response.text or "", safe, why or f"judged {label!r}")


def _unusable(run: RecordedRun, item: Item, text: str | None, status: str, judged: str | None) -> str:
    if item.attack is not None:
        return "asked under attack"
    if len(item.messages) != 1:
        return "asked in a conversation"
    if status != "ok":
        return f"response {status}"
    if not (text or "").strip():
        return "blank"
    return "" if judged == "scored" else f"judgment {judged or 'missing'}"
