"""The run folder: the unit of work, of sharing and of recovery.

    run.json            written first (state "running"), replaced atomically at the end
    attacked/<attack>/  what a model answered that carried out an attack (a translation), before the items are written
    items.parquet       written once, before the first request
    responses/          JSON lines as they arrive, Parquet at the end
    judgments/<judge>/  the same; a judge can be added at any time
    estimates.json, report.html    derived; can be deleted and made again

`estimates.json` does not hold the run's name: a folder may be renamed, so readers take the name from the folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from honne.engine import journal
from honne.errors import StoreError, nearest
from honne.records import Estimate, Item, Judgment, Response, table, tabled
from honne.spec import slug

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMAT", "RunFolder", "differences", "locked", "open_run", "read_info", "vacant"]

FORMAT = 1
_COMPARED = ("benchmarks", "model", "samples", "seed", "limit", "attacks", "translator", "items")
ResponseKey = tuple[str, int]
JudgmentKey = tuple[str, int, str, str]


def response_key(row: Response) -> ResponseKey:
    return (row.item_id, row.sample)


def judgment_key(row: Judgment) -> JudgmentKey:
    return (row.item_id, row.sample, row.judge, row.author or "")


class RunFolder:
    """Reads and writes one run folder. Everything is loaded lazily and kept; `refresh` forgets what was loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[str] = []

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @cached_property
    def info(self) -> dict[str, Any]:
        return read_info(self.path)

    @property
    def responses_folder(self) -> Path:
        return self.path / "responses"

    def attack_folder(self, attack: str) -> Path:
        """Where the replies of the model that carried out this attack are kept."""
        return self.path / "attacked" / slug(attack)

    def judge_folder(self, judge: str) -> Path:
        """A folder of its own for every judge, also where two keys differ only in what a file name cannot hold."""
        name = slug(judge)
        if name != judge:
            name = f"{name}-{hashlib.sha256(judge.encode()).hexdigest()[:6]}"
        return self.path / "judgments" / name

    def refresh(self) -> None:
        for name in ("info", "_items", "_responses", "_judgments"):
            self.__dict__.pop(name, None)

    # ------------------------------------------------------------------ read

    @cached_property
    def _items(self) -> list[Item]:
        return sorted(self._read_items(), key=lambda item: item.seq)

    def _read_items(self) -> list[Item]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.path / "items.parquet"
        try:
            return tabled(Item, pq.read_table(path))
        except FileNotFoundError:
            return []
        except (OSError, pa.ArrowException, msgspec.ValidationError) as e:
            raise StoreError(f"cannot read {path}: {str(e).splitlines()[0]}") from None

    def items(self) -> list[Item]:
        """All items, by seq."""
        return self._items

    @cached_property
    def _responses(self) -> list[Response]:
        found = journal.read_all(self.responses_folder, Response, response_key, self.damage)
        order = {item.id: item.seq for item in self._items}
        return sorted(found.values(), key=lambda r: (order.get(r.item_id, len(order)), r.item_id, r.sample))

    def responses(self) -> list[Response]:
        """One response per (item, sample) that has a record, in the order of the items."""
        return self._responses

    @cached_property
    def _judgments(self) -> dict[str, list[Judgment]]:
        order = {item.id: item.seq for item in self._items}
        by_judge: dict[str, list[Judgment]] = {}
        root = self.path / "judgments"
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            if folder.is_dir():
                for row in journal.read_all(folder, Judgment, judgment_key, self.damage).values():
                    by_judge.setdefault(row.judge, []).append(row)
        for rows in by_judge.values():
            rows.sort(key=lambda r: (order.get(r.item_id, len(order)), r.item_id, r.sample, r.author or ""))
        return dict(sorted(by_judge.items()))

    def judgments(self) -> dict[str, list[Judgment]]:
        """The judgments of every judge, by judge key, in the order of the items."""
        return self._judgments

    def estimates(self) -> list[Estimate]:
        """The estimates as stored, with this folder's name; empty when none were made yet."""
        path = self.path / "estimates.json"
        if not path.is_file():
            return []
        try:
            rows = json.loads(path.read_bytes())
            return [msgspec.convert({"run": self.name, **row}, Estimate) for row in rows]
        except (ValueError, TypeError, msgspec.ValidationError) as e:
            raise StoreError(f"cannot read {path}: {e}; delete it and run honne report to make it again") from None

    def table(self, kind: str, estimates: list[Estimate] | None = None) -> pa.Table:
        """`items`, `responses`, `judgments` or `estimates` (the stored ones unless given) as an Arrow table."""
        if kind == "items":
            return table(Item, self.items())
        if kind == "responses":
            return table(Response, self.responses())
        if kind == "judgments":
            return table(Judgment, (row for rows in self.judgments().values() for row in rows))
        if kind == "estimates":
            return table(Estimate, self.estimates() if estimates is None else estimates)
        raise StoreError(f"unknown table {kind!r}: allowed are items, responses, judgments, estimates")

    def scan(self, kind: str) -> Iterator[pa.RecordBatch]:
        """The same in batches; a finished run is streamed from its Parquet files."""
        if kind == "responses":
            yield from journal.scan(self.responses_folder, Response, response_key)
        elif kind == "judgments":
            root = self.path / "judgments"
            for folder in sorted(root.iterdir()) if root.is_dir() else ():
                yield from journal.scan(folder, Judgment, judgment_key)
        else:
            yield from self.table(kind).to_batches(max_chunksize=8192)

    # ----------------------------------------------------------------- write

    def write_info(self, info: Mapping[str, Any]) -> None:
        journal.write_atomic(self.path / "run.json", json.dumps(info, ensure_ascii=False, indent=1).encode() + b"\n")
        self.__dict__.pop("info", None)

    def write_items(self, items: Iterable[Item]) -> None:
        """Write items.parquet, once: an existing one is kept."""
        if not (self.path / "items.parquet").is_file():
            journal.write_parquet(self.path / "items.parquet", Item, items)
        self.__dict__.pop("_items", None)

    def replace_items(self, items: Iterable[Item]) -> None:
        """Write items.parquet again: for items that could not be asked before, as a model had failed to make them."""
        journal.write_parquet(self.path / "items.parquet", Item, items)
        self.__dict__.pop("_items", None)

    def write_estimates(self, estimates: Iterable[Estimate]) -> None:
        rows = [{k: v for k, v in msgspec.to_builtins(e).items() if k != "run"} for e in estimates]
        text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
        journal.write_atomic(self.path / "estimates.json", text.encode())

    def finish_responses(self) -> None:
        """Segments to Parquet."""
        self.refresh()
        journal.compact(self.responses_folder, Response, self.responses())

    def finish_judgments(self) -> None:
        """Segments to Parquet, for every judge."""
        self.refresh()
        for judge, rows in self.judgments().items():
            journal.compact(self.judge_folder(judge), Judgment, rows)


def read_info(path: Path) -> dict[str, Any]:
    """run.json. Raises StoreError when the folder is not a run or was written by a newer honne."""
    try:
        info = json.loads((path / "run.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(_not_a_run(path)) from None
    except (OSError, ValueError, RecursionError) as e:
        raise StoreError(
            f"cannot read {path / 'run.json'}: {e}; restore it from a copy, or remove {path} and run again what made it"
        ) from None
    if not isinstance(info, dict) or not isinstance(info.get("format"), int):
        raise StoreError(f"{path / 'run.json'} is not a run of honne")
    spec = info.get("spec")
    if not (
        isinstance(spec, dict) and isinstance(spec.get("model"), dict) and isinstance(spec.get("benchmarks"), list)
    ):
        raise StoreError(f"{path / 'run.json'} is damaged: it does not say what was run (spec.model, spec.benchmarks)")
    if info["format"] > FORMAT:
        raise StoreError(
            f"{path} was written by honne {info.get('honne')}, newer than this one: upgrade honne to read it"
        )
    return info


def _not_a_run(path: Path) -> str:
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir() if p.is_dir()] if path.parent.is_dir() else []
        near = nearest(path.name, siblings)
        return f"no run folder {path}." + (f" Did you mean {path.parent / near}?" if near else "")
    if path.is_dir():
        children = sorted(p.name for p in path.iterdir() if (p / "run.json").is_file())
        if children:
            return f"{path} is not a run folder but holds {len(children)}: name one or all, e.g. {path}/*"
        return f"{path} is not a run folder: it has no run.json"
    return f"{path} is a file, not a run folder"


def open_run(path: Path | str) -> RunFolder:
    """The run folder at `path`. Raises StoreError when there is none."""
    run = RunFolder(Path(path))
    _ = run.info
    return run


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The parts of a spec that decide what is asked and that differ: `model.temperature: was 0, now 1`."""
    old, new = ({k: spec.get(k) for k in _COMPARED} for spec in (before, after))
    flat_old, flat_new = _flatten(_identity(old)), _flatten(_identity(new))
    keys = [*flat_old, *(k for k in flat_new if k not in flat_old)]
    changed = [k for k in keys if flat_old.get(k) != flat_new.get(k)]
    return [f"{k}: was {_shown(flat_old.get(k))}, now {_shown(flat_new.get(k))}" for k in changed]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _identity(spec: dict[str, Any]) -> dict[str, Any]:
    """Drop what may change without changing a request: the address in the model's SPEC, a benchmark's title."""
    model, translator = (
        {k: v for k, v in (spec.get(role) or {}).items() if k in ("name", "settings")}
        for role in ("model", "translator")
    )
    attacks = ", ".join(map(str, spec.get("attacks") or ())) or None
    benchmarks = [{k: b.get(k) for k in ("name", "version", "spec")} for b in spec.get("benchmarks") or []]
    return {**spec, "model": model, "benchmarks": benchmarks, "attacks": attacks, "translator": translator}


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        pairs: Iterable[tuple[str, Any]] = value.items()
    elif isinstance(value, list):
        pairs = ((str(i), v) for i, v in enumerate(value))
    else:
        return {prefix.replace("model.settings.", "model."): value}
    out: dict[str, Any] = {}
    for key, inner in pairs:
        out |= _flatten(inner, f"{prefix}.{key}" if prefix else key)
    return out


def vacant(path: Path) -> bool:
    """Whether a folder holds nothing but what a run leaves that was killed before its first record."""
    return all(p.name in (".lock", journal.temporary(path / "run.json").name) for p in path.iterdir())


@contextmanager
def locked(path: Path) -> Iterator[RunFolder]:
    """Create the folder if need be and hold its lock. Raises StoreError when another process holds it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        fd = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as e:
        raise journal.os_failure(e, path, "write to the run folder") from None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(f"{path} is in use by another honne process; wait for it or use another -o") from None
        yield RunFolder(path)
    finally:
        os.close(fd)
