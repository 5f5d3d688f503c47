"""Sample logs of lm-evaluation-harness (https://github.com/EleutherAI/lm-evaluation-harness, MIT).

`lm_eval … --log_samples --output_path DIR` writes `samples_TASK_DATE.jsonl` per task and `results_DATE.json`. Given
are one file of samples, the results (all their tasks) or the folder. A metric is a judge (`lm-eval.METRIC`, and
`lm-eval.METRIC.FILTER` for a named filter). Written for lm-eval 0.4.

- Generated text is the answer; of repeats each is a sample. A document has one score whatever its repeats: it stands
  with the first.
- Multiple choice by log-likelihood: the answer is the option with the highest one, as `acc` counts it, and
  `logprobs` has them all. A tie is no choice.
- Perplexity and the like: nothing was said; `logprobs` has the log-likelihood.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from honne.errors import DataError
from honne.importers._found import ImportedRun
from honne.importers._log import Log, LogBenchmark, Where, clean, compact, mapping, moment, sequence
from honne.importers._tabular import text_of
from honne.plugins import Benchmark
from honne.records import Item, Message
from honne.rows import DataRow, read_bytes, recorded_rows

__all__ = ["KIND", "claims", "read"]

KIND = "lm-evaluation-harness logs (samples_*.jsonl, results_*.json, or their folder)"
_SAMPLES = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.\-]+)\.jsonl")
_RESULTS = re.compile(r"results_(?P<date>\d{4}-\d\d-\d\dT[\d.\-]+)\.json")
# Their values are right or wrong, and may be compared between metrics.
_GRADED = re.compile(r"(acc|exact_match)(_\w+)?")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def claims(path: Path, head: bytes) -> bool:
    """Whether a file is such a log, by its first bytes; or a folder that holds some."""
    if path.is_dir():
        return True
    start = head.lstrip()
    if start[:1] != b"{":
        return False
    if b'"doc_id"' in head and b'"arguments"' in head and (b'"resps"' in head or b'"doc"' in head):
        return True
    return b'"results"' in head[:4096] and (b'"alias"' in head or b'"group_subtasks"' in head)


def read(path: Path, *, model: str | None, where: Where) -> list[ImportedRun]:
    """The one run that the files hold, with a benchmark per task. Raises DataError."""
    results_file, sample_files = _files(path)
    results = _object(results_file) if results_file else {}
    named = model or results.get("model_name")
    if not isinstance(named, str) or not named.strip():
        named = path.resolve().stem if path.is_dir() else path.stem
    at = moment(results.get("date")) or datetime.fromtimestamp(sample_files[0].stat().st_mtime, UTC)
    log = Log(clean(named), at, where)
    tasks: list[str] = []
    sources: list[dict[str, Any]] = []
    for file in sample_files:
        found = _SAMPLES.fullmatch(file.name.removesuffix(".gz"))
        task = clean(found["task"] if found else file.stem)
        _Task(log, task, mapping(mapping(results.get("higher_is_better")).get(task))).read(file, sources)
        tasks.append(task)
    items, responses, judgments, notes = log.finished()
    if results_file is None:
        notes.insert(0, f"no results_*.json beside the samples: the model's name is taken from {path.name}")
    benchmarks: list[Benchmark] = []
    for task in dict.fromkeys(tasks):
        forms = list(dict.fromkeys(item.form for item in items if item.benchmark == task))
        benchmarks.append(LogBenchmark(task, f"{task} (lm-evaluation-harness)", forms))
    return [ImportedRun(log.model, items, responses, judgments, notes, sources, benchmarks)]


# ------------------------------------------------------------------ the files


def _files(path: Path) -> tuple[Path | None, list[Path]]:
    """The results (None where there are none) and the files of samples."""
    if path.is_dir():
        found = sorted(p for p in [*path.glob("results_*.json"), *path.glob("*/results_*.json")])
        if not found:
            raise DataError(
                f"{path}: a folder without logs of lm_eval (results_*.json); of any other log name the file"
            )
        if len(found) > 1:
            names = ", ".join(str(p.relative_to(path)) for p in found[:5])
            raise DataError(f"{path} holds {len(found)} results: name one of them ({names}, …)")
        path = found[0]
    if matched := _RESULTS.fullmatch(path.name):
        beside = sorted(path.parent.glob(f"samples_*_{matched['date']}.jsonl"))
        if not beside:
            raise DataError(f"{path}: no samples_*_{matched['date']}.jsonl beside it: run lm_eval with --log_samples")
        return path, beside
    if matched := _SAMPLES.fullmatch(path.name.removesuffix(".gz")):
        results = path.with_name(f"results_{matched['date']}.json")
        return (results if results.is_file() else None), [path]
    if path.suffix == ".json":
        raise DataError(f"{path}: results of lm_eval without their name, results_DATE.json: name the samples instead")
    return None, [path]


def _object(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as e:
        raise DataError(f"{path}: broken JSON: {e}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected an object")
    return value


# ---------------------------------------------------------------- the samples


class _Task:
    """Reads the samples of one task into a log."""

    def __init__(self, log: Log, task: str, higher: Mapping[str, Any]) -> None:
        self.log, self.task, self.higher = log, task, higher

    def read(self, path: Path, sources: list[dict[str, Any]]) -> None:
        data = read_bytes(path)
        rows = list(recorded_rows(data, path))
        if not rows:
            raise DataError(f"{path}: no samples")
        for row in rows:
            self._row(row)
        digest = hashlib.sha256(data).hexdigest()
        sources.append({"file": path.name, "sha256": digest, "bytes": len(data), "rows": len(rows)})

    def _row(self, row: DataRow) -> None:
        doc_id = row.fields.get("doc_id")
        if not isinstance(doc_id, str | int) or isinstance(doc_id, bool):
            raise DataError(f"{row.where}: no sample of lm-eval: it has no doc_id")
        requests = list(_requests(row.fields.get("arguments")))
        resps = sequence(row.fields.get("resps"))
        if not requests or not resps:
            raise DataError(f"{row.where}: no sample of lm-eval: it has no arguments, or no resps")
        likelihoods = [_likelihood(answers) for answers in resps]
        doc = mapping(row.fields.get("doc"))
        picked = None
        if all(found is not None for found in likelihoods):
            item, picked = self._likelihood(str(doc_id), requests, [x for x in likelihoods if x], row, doc)
        else:
            item = self._generated(str(doc_id), requests, resps, row, doc)
        self._scores(item, picked, row)

    def _generated(
        self, name: str, requests: Sequence[_Request], resps: Sequence[Any], row: DataRow, doc: Mapping[str, Any]
    ) -> Item:
        if len(requests) > 1 and f"{self.task}-{name}" not in self.log.items:
            self.log.counted[f"samples of {self.task} asked more than one thing: the first answer is kept"] += 1
        item = self.log.item(self.task, name, _messages(requests[0][0]), doc, None, _text(row.fields.get("target")))
        answers = resps[0] if isinstance(resps[0], list) else [resps[0]]
        for sample, answer in enumerate(answers):
            text = _text(answer)
            self.log.answer(item, sample, "error" if text is None else "ok", text)
        return item

    def _likelihood(
        self,
        name: str,
        requests: Sequence[_Request],
        found: Sequence[tuple[float, bool | None]],
        row: DataRow,
        doc: Mapping[str, Any],
    ) -> tuple[Item, str | None]:
        """The item, and the letter of the option that is most likely."""
        contexts, ends = [r[0] for r in requests], [_text(r[1]) or "" for r in requests]
        target = _text(row.fields.get("target"))
        values = [{"text": end, "logprob": x, "greedy": greedy} for end, (x, greedy) in zip(ends, found, strict=False)]
        if len(requests) < 2 or len(requests) != len(found):
            item = self.log.item(self.task, name, _messages(contexts[0]), doc, None, target)
            said = ends[0].strip() if found[0][1] else None
            self.log.answer(item, 0, "ok", said, logprobs=compact(values))
            return item, None
        if len({compact(c) for c in contexts}) == 1:
            asked, options = _messages(contexts[0]), [end.strip() for end in ends]
        else:
            # The options are different contexts of one ending (Winogrande): what they share is the question.
            told = [_text(c) or "" for c in contexts]
            shared = _shared(told)
            asked, options = (Message("user", clean(shared or ends[0])),), [t[len(shared) :].strip() for t in told]
        item = self.log.item(self.task, name, asked, doc, tuple(options), _letter(target, options))
        best = max(x for x, _ in found)
        winners = [i for i, (x, _) in enumerate(found) if x == best]
        i = winners[0] if len(winners) == 1 and math.isfinite(best) else None
        self.log.answer(item, 0, "ok", None if i is None else options[i], logprobs=compact(values))
        return item, None if i is None else _name(i)

    def _scores(self, item: Item, picked: str | None, row: DataRow) -> None:
        filtered = _text(row.fields.get("filter")) or "none"
        kept = sequence(row.fields.get("filtered_resps"))
        raw = None if item.options else clean(text_of(kept[0] if len(kept) == 1 else list(kept)) or "")
        for metric in sequence(row.fields.get("metrics")):
            value = row.fields.get(metric) if isinstance(metric, str) else None
            if not isinstance(metric, str) or isinstance(value, list | dict):
                self.log.counted[f"values of {clean(str(metric))} are no single numbers: left out"] += 1
                continue
            key = f"lm-eval.{clean(metric)}" + ("" if filtered == "none" else f".{clean(filtered)}")
            if self.higher.get(metric) is False:
                self.log.raw_only.add(key)
            choice = picked if metric == "acc" else None
            graded = _GRADED.fullmatch(metric) is not None
            self.log.score(key, item, 0, value, raw=raw, choice=choice, graded=graded)


_Request = tuple[Any, Any]


def _requests(value: Any) -> Iterator[_Request]:
    """Context and continuation (or generation options) of each request: an object of arguments, or older, lists."""
    for one in value.values() if isinstance(value, dict) else sequence(value):
        if isinstance(one, dict):
            yield one.get("arg_0"), one.get("arg_1")
        elif isinstance(one, list) and one:
            yield one[0], one[1] if len(one) > 1 else None


def _likelihood(answers: Any) -> tuple[float, bool | None] | None:
    """Log-likelihood and whether greedy decoding gives it; numbers are written as texts, and repeats are the same."""
    first = answers[0] if isinstance(answers, list) and answers else None
    pair = first if isinstance(first, list) else answers
    if not isinstance(pair, list) or not 1 <= len(pair) <= 2 or isinstance(pair[0], bool):
        return None
    if len(pair) == 1 and not isinstance(pair[0], int | float):
        return None
    if len(pair) == 2 and str(pair[1]) not in ("True", "False"):
        return None
    try:
        return float(pair[0]), str(pair[1]) == "True" if len(pair) == 2 else None
    except (TypeError, ValueError):
        return None


def _messages(context: Any) -> tuple[Message, ...]:
    """A prompt, or the chat that a chat template was to be applied to (JSON in a list)."""
    if isinstance(context, list) and len(context) == 1:
        context = context[0]
    if isinstance(context, str) and context.startswith('[{"role"'):
        with contextlib.suppress(ValueError, RecursionError):
            context = json.loads(context)
    if isinstance(context, list) and context and all(isinstance(m, dict) and "role" in m for m in context):
        return tuple(Message(clean(str(m["role"])), _text(m.get("content")) or "") for m in context)
    return (Message("user", _text(context) or ""),)


def _text(value: Any) -> str | None:
    found = text_of(value)
    return None if found is None else clean(found)


def _letter(target: str | None, options: Sequence[str]) -> str | None:
    """The letter of the right option, which is given by its number or by its text."""
    if target is None:
        return None
    if target.isdecimal() and int(target) < len(options):
        return _name(int(target))
    places = [i for i, option in enumerate(options) if option == target.strip()]
    return _name(places[0]) if len(places) == 1 else target


def _shared(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    first, last = min(texts), max(texts)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def _name(i: int) -> str:
    return _LETTERS[i] if i < len(_LETTERS) else str(i + 1)
