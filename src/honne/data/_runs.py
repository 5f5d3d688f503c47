"""A finished run folder as a source of data: its items, answers and judgments, read from the plain files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from honne.errors import DataError, nearest
from honne.records import Item, Judgment, Response, tabled

__all__ = ["RecordedRun", "pick_judge", "read_run"]

_R = TypeVar("_R", bound=msgspec.Struct)


class RecordedRun(NamedTuple):
    """What a run folder holds: `responses` by (item id, sample), `judgments` by judge key and then the same; `spec` is
    what was run, as run.json says it."""

    path: Path
    model: str
    items: list[Item]
    responses: dict[tuple[str, int], Response]
    judgments: dict[str, dict[tuple[str, int], Judgment]]
    spec: dict[str, Any]


def read_run(path: Path) -> RecordedRun:
    """The run folder at `path`. Raises DataError where there is none, or where it is damaged or not finished."""
    info = _info(path)
    if info.get("state") != "done":
        raise DataError(
            f"{path}: the run is not finished (state {info.get('state')!r}): finish it with its own command"
        )
    if segments := sorted(path.glob("responses/[0-9]*.jsonl")) + sorted(path.glob("judgments/*/[0-9]*.jsonl")):
        raise DataError(f"{path}: {segments[0].relative_to(path)} was left behind: finish the run with its own command")
    items = sorted(_read(path / "items.parquet", Item), key=lambda item: item.seq)
    judgments: dict[str, dict[tuple[str, int], Judgment]] = {}
    for file in sorted(path.glob("judgments/*/part.parquet")):
        for row in _read(file, Judgment):
            judgments.setdefault(row.judge, {})[row.item_id, row.sample] = row
    responses = {(r.item_id, r.sample): r for r in _read(path / "responses" / "part.parquet", Response)}
    spec = info.get("spec")
    return RecordedRun(path, _model(info), items, responses, judgments, spec if isinstance(spec, dict) else {})


def pick_judge(run: RecordedRun, wanted: str | None) -> str:
    """The key of the judge to go by: the only one that judged open answers, or the one that `wanted` names by its key
    or by its name (what comes before the @). Raises DataError where that is not exactly one."""
    open_items = {item.id for item in run.items if item.options is None}
    keys = [key for key, rows in run.judgments.items() if any(item_id in open_items for item_id, _ in rows)]
    found = [key for key in keys if wanted is None or wanted in (key, key.partition("@")[0])]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(keys) if keys else "none"
    if wanted is None:
        why = "choose one with judge=NAME" if keys else "judge its answers first"
        raise DataError(f"{run.path}: {len(keys)} judges have judged its open answers ({listed}): {why}")
    near = nearest(wanted, keys)
    hint = f" Did you mean {near!r}?" if near and not found else ""
    what = f"{len(found)} judges are named {wanted!r}" if found else f"no judge {wanted!r}"
    raise DataError(f"{run.path}: {what}.{hint} There are: {listed}.")


def _info(path: Path) -> dict[str, Any]:
    file = path / "run.json"
    try:
        info = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path} is not a run folder: it has no run.json") from None
    except (OSError, ValueError, RecursionError) as e:
        raise DataError(f"cannot read {file}: {e}") from None
    if not isinstance(info, dict) or not isinstance(info.get("format"), int):
        raise DataError(f"{file} is not a run of honne")
    return info


def _model(info: dict[str, Any]) -> str:
    spec = info.get("spec")
    model = spec.get("model") if isinstance(spec, dict) else None
    return str(model.get("name", "")) if isinstance(model, dict) else ""


def _read(path: Path, record: type[_R]) -> list[_R]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tabled(record, pq.read_table(path))
    except FileNotFoundError:
        raise DataError(f"{path.parent} has no {path.name}: the run is not complete") from None
    except (OSError, ValueError, ArithmeticError, NotImplementedError, pa.ArrowException, msgspec.ValidationError) as e:
        raise DataError(f"cannot read {path}: {(str(e).splitlines() or [type(e).__name__])[0]}") from None
