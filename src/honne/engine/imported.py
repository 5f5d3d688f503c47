"""Run folders from answers and labels that exist already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from honne._version import __version__
from honne.engine import journal
from honne.engine.estimate import analyse
from honne.engine.store import FORMAT, RunFolder, locked, vacant
from honne.errors import StoreError
from honne.records import Item, Judgment, Response, now

__all__ = ["write"]


def write(
    folder: Path,
    *,
    model: str,
    items: Sequence[Item],
    responses: Sequence[Response],
    judgments: Mapping[str, Sequence[Judgment]],
    benchmarks: Sequence[Mapping[str, Any]],
    how: Mapping[str, Any],
    notes: Sequence[str],
    paper: bool = False,
) -> RunFolder:
    """Write one finished run. `how` (mapping, sources with their hashes) identifies the import.

    The same import again replaces the folder's content; raises StoreError where the folder holds anything else.
    """
    spec = {
        "benchmarks": [dict(benchmark) for benchmark in benchmarks],
        "model": {"name": model, "spec": model, "settings": {}},
        "judges": [{"key": key, "name": key, "spec": key} for key in judgments],
        "samples": 1,
        "seed": 0,
        "limit": None,
        "paper_rules": paper,
        "import": dict(how),
    }
    with locked(folder) as store:
        if (folder / "run.json").exists():
            if store.info["spec"].get("import") != spec["import"]:
                raise StoreError(f"{folder} holds another run: name another -o, or remove it")
        elif not vacant(folder):
            raise StoreError(f"{folder} is not empty and not a run folder: name another -o")
        info: dict[str, Any] = {
            "honne": __version__,
            "format": FORMAT,
            "state": "running",
            "why": None,
            "spec": spec,
            "data": [],
            "prompts": {},
            "served_models": [],
            "judges_served": {},
            "judge_notes": {},
            "damage": [],
            "counts": dict(sorted(Counter(r.status for r in responses).items())),
            "cost": {"model": None, "judges": {}},
            "tokens": {"model": [None, None], "judges": {}},
            "started": now().isoformat(timespec="seconds"),
            "finished": None,
            "notes": list(notes),
        }
        store.write_info(info)
        journal.write_parquet(folder / "items.parquet", Item, items)
        journal.write_parquet(store.responses_folder / journal.PARQUET, Response, responses)
        for key, rows in judgments.items():
            journal.write_parquet(store.judge_folder(key) / journal.PARQUET, Judgment, rows)
        info |= {"state": "done", "finished": now().isoformat(timespec="seconds")}
        store.refresh()
        store.write_info(info)
        store.write_estimates(analyse(store, paper).estimates)
        return store
