"""Logs of Inspect AI (https://inspect.aisi.org.uk, MIT): `.eval` (a zip of JSON files) and `.json`.

An epoch is a sample, a scorer a judge (`inspect.SCORER`, or `inspect.SCORER.KEY` where it gives several values). The
answer of a sample that ended in an error is an `error`; one that ran into a limit, or whose last reply was cut, is
`truncated`. Written for log version 2 (inspect-ai 0.3); the log of an interrupted evaluation holds the samples so far.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from honne.errors import DataError
from honne.importers._found import ImportedRun
from honne.importers._log import Log, LogBenchmark, Where, clean, compact, mapping, moment, sequence
from honne.importers._zip import Archive
from honne.records import Item, Message, counted
from honne.rows import read_bytes

__all__ = ["KIND", "claims", "read"]

KIND = "Inspect AI log (.eval, .json)"
# More is no number of epochs but a mistake in the log.
_EPOCHS = 1_000_000
_ATTACHED = re.compile(r"attachment://([0-9a-f]{32})")
_LETTERS = re.compile(r"[A-Z](, ?[A-Z])*")
_STATUSES = {"max_tokens": "truncated", "model_length": "truncated", "content_filter": "filtered"}


def claims(path: Path, head: bytes) -> bool:
    """Whether a file is such a log, by its first bytes."""
    if path.is_dir():
        return False
    if head[:4] == b"PK\x03\x04":
        return True
    start = head[:4096]
    return head.lstrip()[:1] == b"{" and b'"version"' in start and b'"eval"' in start and b'"eval_id"' in head


def read(path: Path, *, model: str | None, where: Where) -> list[ImportedRun]:
    """The one run that a log holds. Raises DataError."""
    source = _Zip(path) if _is_zip(path) else _Json(path)
    header = source.header()
    spec = mapping(header.get("eval"))
    task = spec.get("task")
    if not isinstance(task, str) or not task.strip():
        raise DataError(f"{path}: no Inspect log: it does not name its task (eval.task)")
    task = clean(task)
    named = model or spec.get("model")
    if not isinstance(named, str) or not named.strip():
        raise DataError(f"{path}: the log does not name its model (eval.model): give it with --model")
    at = moment(mapping(header.get("stats")).get("completed_at")) or moment(spec.get("created"))
    log = Log(clean(named), at or datetime.fromtimestamp(path.stat().st_mtime, UTC), where)
    samples = _ordered(source.samples(), sequence(mapping(spec.get("dataset")).get("sample_ids")))
    if not samples:
        raise DataError(f"{path}: the log holds no samples (status {header.get('status')!r})")
    scorers = dict.fromkeys(key for sample in samples for key in sample.judges())
    for sample in samples:
        sample.into(log, task, spec.get("model"), scorers)
    items, responses, judgments, notes = log.finished()
    if header.get("status") != "success":
        notes.insert(0, f"the log is not of a complete evaluation: its status is {header.get('status')!r}")
    expected = mapping(spec.get("dataset")).get("samples")
    epochs = mapping(spec.get("config")).get("epochs")
    if isinstance(expected, int) and len(responses) < expected * (epochs if isinstance(epochs, int) else 1):
        notes.append(f"{len(responses)} answers where the evaluation planned {expected} samples × {epochs or 1} epochs")
    forms = list(dict.fromkeys(item.form for item in items))
    benchmark = LogBenchmark(task, f"{task} (Inspect AI log)", forms)
    return [ImportedRun(log.model, items, responses, judgments, notes, [source.described()], [benchmark])]


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


# ------------------------------------------------------------------ the files


class _Json:
    def __init__(self, path: Path) -> None:
        self.path = path
        data = read_bytes(path)
        self._source = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        self._log = _object(data, str(path))

    def header(self) -> Mapping[str, Any]:
        return self._log

    def samples(self) -> Iterator[_Sample]:
        for i, value in enumerate(sequence(self._log.get("samples")), 1):
            yield _sample(value, f"{self.path} sample {i}")

    def described(self) -> dict[str, Any]:
        return {**self._source, "rows": len(sequence(self._log.get("samples")))}


class _Zip:
    def __init__(self, path: Path) -> None:
        self.path = path
        with Archive(path) as archive:
            self._names = [n for n in archive.names() if n.startswith("samples/") and n.endswith(".json")]
            # An evaluation that was interrupted has no header yet, but it has written what it began with.
            heads = [n for n in ("header.json", "_journal/start.json") if n in archive.names()]
            if not heads:
                raise DataError(f"{path}: a zip archive, but no Inspect log: it has no header.json")
            self._header = _object(archive.read(heads[0]), f"{path}: {heads[0]}")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._source = {"file": path.name, "sha256": digest, "bytes": path.stat().st_size, "rows": len(self._names)}

    def header(self) -> Mapping[str, Any]:
        return {"status": "started", **self._header}

    def samples(self) -> Iterator[_Sample]:
        with Archive(self.path) as archive:
            for name in self._names:
                where = f"{self.path}: {name}"
                yield _sample(_object(archive.read(name), where), where)

    def described(self) -> dict[str, Any]:
        return self._source


def _object(data: bytes, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(data)
    except RecursionError:
        raise DataError(f"{where}: JSON is nested too deeply") from None
    except ValueError as e:
        raise DataError(f"{where}: broken JSON: {e}") from None
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected an object")
    return value


def _ordered(samples: Iterator[_Sample], ids: Any) -> list[_Sample]:
    """By the dataset's order, then by epoch: samples are logged as they end. Of the same sample twice the last."""
    place = {str(name): i for i, name in enumerate(ids)}
    found = {(s.name, s.epoch): s for s in samples}
    return sorted(found.values(), key=lambda s: (place.get(s.name, len(place)), s.epoch))


# ---------------------------------------------------------------- the samples


def _sample(value: Any, where: str) -> _Sample:
    data = mapping(value)
    name, epoch = data.get("id"), data.get("epoch", 1)
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise DataError(f"{where}: a sample without an id")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 1 <= epoch <= _EPOCHS:
        raise DataError(f"{where}: epoch {epoch!r} of sample {name!r} is not a whole number from 1 to {_EPOCHS:,}")
    # What follows from a sample is all that is kept: its events may be a thousand times as large.
    kept = {k: v for k, v in data.items() if k not in ("events", "events_data", "store", "timelines")}
    return _Sample(clean(str(name)), epoch, kept, where)


@dataclass(frozen=True)
class _Sample:
    name: str
    epoch: int
    data: Mapping[str, Any]
    where: str

    def judges(self) -> Iterator[str]:
        for scorer, _, _ in self._scores():
            yield scorer

    def into(self, log: Log, task: str, model: Any, scorers: Mapping[str, None]) -> None:
        """Add this sample's item, answer and scores."""
        options = tuple(clean(str(c)) for c in sequence(self.data.get("choices"))) or None
        asked = self._messages(self.data.get("input"))
        if not asked:
            raise DataError(f"{self.where}: sample {self.name!r} has no input")
        metadata = mapping(self.data.get("metadata"))
        item = log.item(task, self.name, asked, metadata, options, _target(self.data.get("target")))
        sample = self.epoch - 1
        status = self._answer(log, item, sample, model)
        given = set()
        for key, score, value in self._scores():
            given.add(key)
            answer = score.get("answer")
            letters = isinstance(answer, str) and item.form == "choice" and _LETTERS.fullmatch(answer)
            why = score.get("explanation")
            log.score(
                key,
                item,
                sample,
                value,
                choice=answer if letters else None,
                why=clean(why) if isinstance(why, str) else None,
                graded=isinstance(value, bool),
            )
        for key in scorers:
            if key not in given:
                told = "the sample ended in an error" if status == "error" else "no score in the log"
                log.unscored(key, item, sample, "skipped", told)

    def _scores(self) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
        for name, given in mapping(self.data.get("scores")).items():
            score, key = mapping(given), f"inspect.{clean(name)}"
            value = score.get("value")
            parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
            if parts is None:
                yield key, score, value
            else:
                for part, one in parts:
                    yield f"{key}.{clean(str(part))}", score, one

    def _answer(self, log: Log, item: Item, sample: int, model: Any) -> str:
        output = mapping(self.data.get("output"))
        choice = mapping(next(iter(sequence(output.get("choices"))), None))
        message = mapping(choice.get("message"))
        text, thoughts = self._content(message.get("content"))
        finish = choice.get("stop_reason")
        failure = mapping(self.data.get("error")).get("message")
        limit = mapping(self.data.get("limit")).get("type")
        error = None
        if failure is not None:
            status, error = "error", clean(" ".join(str(failure).split()))[:500]
        elif limit is not None:
            status, finish = "truncated", f"limit: {limit}"
        elif not choice:
            status, error = "error", clean(str(output.get("error") or "the log holds no output"))[:500]
        else:
            status = _STATUSES.get(str(finish), "ok")
        usage = mapping(mapping(self.data.get("model_usage")).get(str(model))) or mapping(output.get("usage"))
        sent = self._sent()
        probabilities = choice.get("logprobs")
        served, cost, seconds = output.get("model"), usage.get("total_cost"), output.get("time")
        log.answer(
            item,
            sample,
            status,
            text if choice else None,
            messages=sent if sent and sent != item.messages else None,
            reasoning=thoughts,
            finish=clean(finish) if isinstance(finish, str) else None,
            error=error,
            served_model=clean(served) if isinstance(served, str) else None,
            tokens_in=counted(usage.get("input_tokens")),
            tokens_out=counted(usage.get("output_tokens")),
            seconds=_number(seconds),
            cost=_number(cost),
            logprobs=compact(probabilities) if probabilities else None,
            at=moment(self.data.get("completed_at")) or log.at,
        )
        return status

    def _sent(self) -> tuple[Message, ...]:
        """The conversation up to the model's last reply: what that was an answer to."""
        found = sequence(self.data.get("messages"))
        ends = [i for i, m in enumerate(found) if mapping(m).get("role") == "assistant"]
        return self._messages(list(found[: ends[-1]] if ends else found))

    def _messages(self, value: Any) -> tuple[Message, ...]:
        if isinstance(value, str):
            return (Message("user", self._resolved(value)),) if value else ()
        out = []
        for one in map(mapping, sequence(value)):
            out.append(Message(str(one.get("role") or "user"), self._content(one.get("content"))[0]))
        return tuple(out)

    def _content(self, value: Any) -> tuple[str, str | None]:
        """Text and reasoning of a message; what is neither (an image, a tool's call) is named in brackets."""
        if isinstance(value, str):
            return self._resolved(value), None
        texts, thoughts = [], []
        for part in map(mapping, sequence(value)):
            shape = part.get("type")
            if shape == "text":
                texts.append(self._resolved(str(part.get("text") or "")))
            elif shape == "reasoning":
                thoughts.append(self._resolved(str(part.get("reasoning") or part.get("summary") or "")))
            else:
                texts.append(f"[{clean(str(shape))}]")
        return "".join(texts), "\n\n".join(t for t in thoughts if t) or None

    def _resolved(self, text: str) -> str:
        """Long texts are kept once per sample, and named where they stood."""
        kept = mapping(self.data.get("attachments"))
        if kept and "attachment://" in text:
            text = _ATTACHED.sub(lambda m: str(kept.get(m[1], m[0])), text)
        return clean(text)


def _target(value: Any) -> str | None:
    if isinstance(value, list):
        if len(value) > 1:
            return compact(value)
        value = value[0] if value else None
    return clean(value) or None if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
