"""The judge that built the pairs must not be the judge that scores what was trained on them.

A model that learns what one judge likes will please that judge: its verdict on the result says nothing. Judges are the
same where their names are (one model with other criteria is still the same judge), or where one is a member of the
other's panel. A judge that compares with a right answer that is known (`choice`, `number`) cannot be pleased: it may
do both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from honne.align.pairs._base import JudgeUsed
from honne.align.pairs._runs import fixed_by_form, name_of
from honne.errors import ConfigError

__all__ = ["independent", "judges_of_run", "shared"]


def shared(built: Iterable[JudgeUsed], scored: Iterable[JudgeUsed]) -> list[str]:
    """The names of the judges that do both, in order."""
    ours, theirs = _names(built), _names(scored)
    return sorted(ours & theirs)


def _names(judges: Iterable[JudgeUsed]) -> set[str]:
    return {name_of(key) for judge in judges if not judge.fixed for key in (judge.key, *judge.members)}


def judges_of_run(info: Mapping[str, Any]) -> list[JudgeUsed]:
    """The judges of a run.json, with the fixed ones of its benchmarks marked."""
    spec = info.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    fixed = {kind for b in _list(spec, "benchmarks") for kind in fixed_by_form(b).values()}
    listed = [j for j in _list(spec, "judges") if isinstance(j, dict) and isinstance(j.get("key"), str)]
    return [JudgeUsed(j["key"], name_of(j["key"]) in fixed, tuple(j.get("members") or ())) for j in listed]


def _list(spec: Mapping[str, Any], name: str) -> list[Any]:
    value = spec.get(name)
    return value if isinstance(value, list) else []


def independent(record: Mapping[str, Any], path: Path, scored: Iterable[JudgeUsed], allow: bool) -> list[str]:
    """Refuse a judge that built the pairs (`record` is their pairs.json, at `path`) and is to score the result.

    Returns what is to be noted: where that is allowed, that it was. Raises ConfigError.
    """
    built = [JudgeUsed(j["key"], bool(j.get("fixed")), tuple(j.get("members") or ())) for j in record["judges"]]
    both = shared(built, scored)
    if not both:
        return []
    if allow:
        return [f"the same judge built the pairs and scored the result (--allow-same-judge): {', '.join(both)}"]
    raise ConfigError(
        f"{', '.join(both)} built the pairs of {path} and would score what was trained on them: "
        "name another judge, or say --allow-same-judge"
    )
