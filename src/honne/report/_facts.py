"""What run.json says, for people: provenance, costs, and the flags that belong beside a headline.

A run folder may come from elsewhere, so every field is read as if it could be absent or of another type.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from honne.report._text import clip, count, money, oneline
from honne.report.model import RunReport

__all__ = ["Fact", "Facts", "File", "Flag", "facts", "flags"]


@dataclass(frozen=True)
class Flag:
    """Something a reader must know before believing a number; `kind` is a short stable word."""

    kind: str
    text: str


@dataclass(frozen=True)
class Fact:
    """One line of provenance; `url` only where it is plain http(s)."""

    name: str
    text: str
    url: str | None = None


@dataclass(frozen=True)
class File:
    """One data file: `verdict` is `matches`, `differs` or `not checked`."""

    name: str
    verdict: str
    expected: str
    found: str
    licence: str
    url: str | None


@dataclass(frozen=True)
class Facts:
    """Everything below the numbers. `costs` rows are (what, cost, tokens in, tokens out, seconds of wall time)."""

    facts: tuple[Fact, ...]
    files: tuple[File, ...]
    prompts: tuple[tuple[str, str, str], ...]
    costs: tuple[tuple[str, str, str, str], ...]
    notes: tuple[str, ...]
    titles: tuple[tuple[str, str], ...]
    model: str
    finished: str


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _text(value: Any, limit: int = 300) -> str:
    if value is None:
        return ""
    return oneline(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), limit)


def _url(value: Any) -> str | None:
    text = _text(value, 1000)
    return text if text.startswith(("https://", "http://")) else None


def _when(value: Any) -> str:
    try:
        return datetime.fromisoformat(str(value)).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return _text(value, 40)


def flags(run: RunReport) -> list[Flag]:
    """What qualifies every number of this run."""
    info, spec = run.info, _map(run.info.get("spec"))
    out: list[Flag] = []
    if run.paper or spec.get("paper_rules"):
        out.append(Flag("paper rules", "missing values are counted as the source counts them, not left out"))
    if info.get("state") == "stopped":
        out.append(Flag("stopped early", _text(info.get("why")) or "the run can be finished with the same command"))
    elif info.get("state") != "done":
        out.append(Flag("not finished", "the run is under way or was interrupted; these numbers are provisional"))
    served = [_text(m, 80) for m in _list(info.get("served_models"))]
    if len(served) > 1:
        out.append(Flag("served model changed", f"the server named {', '.join(served)} within one run"))
    differs = [_file_name(d) for d in _list(info.get("data")) if _map(d).get("matches") is False]
    if differs:
        out.append(Flag("data differ", f"{', '.join(differs)} not byte for byte the published file"))
    out += _lost(run)
    if run.calibration is not None and run.calibration.stale is not None:
        again = f"no corrected number is shown until honne calibrate {_text(str(run.path))} is run again"
        out.append(Flag("stale calibration", f"{_text(run.calibration.stale)}; {again}"))
    if run.damage:
        out.append(Flag("damaged records", "; ".join(_text(d) for d in run.damage[:3])))
    if spec.get("limit"):
        out.append(Flag("sample", f"limited to {_text(spec['limit'])} groups per benchmark"))
    return out


def _lost(run: RunReport) -> list[Flag]:
    """What run.json says was finished and the folder no longer holds."""
    if run.info.get("state") != "done":
        return []
    told = [n for status, n in _map(run.info.get("counts")).items() if status != "not_asked" and isinstance(n, int)]
    here = sum(n for a in run.accounts for status, n in a.responses.items() if status != "not_asked")
    out = []
    if here < sum(told):
        out.append(
            Flag("records missing", f"{count(sum(told))} answers were recorded, {count(here)} are in the folder")
        )
    judged = {judge for a in run.accounts for judge in a.judges}
    gone = [_text(j.get("key"), 80) for j in map(_map, _list(_map(run.info.get("spec")).get("judges")))]
    gone = [key for key in gone if key and key not in judged]
    if gone and run.accounts:
        out.append(Flag("judgments missing", f"the folder holds none by {', '.join(gone)}"))
    return out


def _file_name(data: Any) -> str:
    d = _map(data)
    return "/".join(_text(d.get(k), 80) for k in ("dataset", "file") if d.get(k)) or "a file"


def facts(run: RunReport) -> Facts:
    """The provenance of one run."""
    info, spec = run.info, _map(run.info.get("spec"))
    model = _map(spec.get("model"))
    name = _text(model.get("name"), 120) or (oneline(run.estimates[0].model) if run.estimates else "unknown")
    rows = [Fact("model", _text(model.get("spec")) or name)]
    settings = _map(model.get("settings"))
    if settings:
        rows.append(Fact("settings", ", ".join(f"{_text(k)}={_text(v)}" for k, v in settings.items())))
    served = [_text(m, 80) for m in _list(info.get("served_models"))]
    rows.append(Fact("served as", ", ".join(served) or "not reported"))
    for b in map(_map, _list(spec.get("benchmarks"))):
        head = " ".join(_text(b.get(k), 120) for k in ("name", "version") if b.get(k))
        rows.append(Fact("benchmark", f"{head} · {_text(b.get('title'))}".rstrip(" ·"), _url(b.get("url"))))
    for j in map(_map, _list(spec.get("judges"))):
        rows.append(Fact("judge", f"{_text(j.get('key'))} · {_text(j.get('spec'))}".strip(" ·")))
    if attacks := [_text(a, 80) for a in _list(spec.get("attacks"))]:
        by = _text(_map(spec.get("translator")).get("spec"))
        rows.append(Fact("attacks", ", ".join(attacks) + (f" (translated by {by})" if by else "")))
    asked = [f"{k} {_text(spec.get(k))}" for k in ("samples", "seed", "limit") if spec.get(k) is not None]
    rows.append(Fact("asked with", ", ".join(asked) or "defaults"))
    rows.append(Fact("counting", "paper rules" if run.paper or spec.get("paper_rules") else "strict"))
    started, finished = _when(info.get("started")), _when(info.get("finished"))
    rows.append(Fact("time", f"{started or '?'} to {finished or '?'} UTC"))
    rows.append(Fact("honne", f"{_text(info.get('honne')) or '?'}, run format {_text(info.get('format')) or '?'}"))
    rows.append(Fact("folder", oneline(str(run.path), 300)))
    return Facts(
        facts=tuple(rows),
        files=tuple(_file(d) for d in map(_map, _list(info.get("data")))),
        prompts=tuple(
            (_text(judge), _text(prompt), _text(sha, 80))
            for judge, hashes in _map(info.get("prompts")).items()
            for prompt, sha in _map(hashes).items()
        ),
        costs=tuple(_costs(info, name)),
        notes=tuple(clip(_text(n, 1000), 1000) for n in _list(info.get("notes"))),
        titles=tuple((str(b.get("name")), _text(b.get("title"))) for b in map(_map, _list(spec.get("benchmarks")))),
        model=name,
        finished=finished,
    )


def _file(d: Mapping[str, Any]) -> File:
    matches = d.get("matches")
    verdict = "matches" if matches is True else "differs" if matches is False else "not checked"
    return File(
        name=_file_name(d),
        verdict=verdict,
        expected=_text(d.get("sha256_expected"), 80),
        found=_text(d.get("sha256"), 80),
        licence=_text(d.get("licence"), 80),
        url=_url(d.get("url")),
    )


def _costs(info: Mapping[str, Any], model: str) -> list[tuple[str, str, str, str]]:
    cost, tokens = _map(info.get("cost")), _map(info.get("tokens"))
    judges = {**_map(cost.get("judges")), **_map(tokens.get("judges"))}
    rows = [(f"model {model}", cost.get("model"), tokens.get("model"))]
    attacks = {**_map(cost.get("attacks")), **_map(tokens.get("attacks"))}
    rows += [
        (f"attack {_text(a)}", _map(cost.get("attacks")).get(a), _map(tokens.get("attacks")).get(a)) for a in attacks
    ]
    rows += [(f"judge {_text(j)}", _map(cost.get("judges")).get(j), _map(tokens.get("judges")).get(j)) for j in judges]
    return [(who, _money(price), *_tokens(used)) for who, price, used in rows]


def _money(value: Any) -> str:
    return money(float(value) if _finite(value) else None)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _tokens(value: Any) -> tuple[str, str]:
    pair = [count(int(x)) if _finite(x) else "unknown" for x in _list(value)[:2]]
    return (pair[0], pair[1]) if len(pair) == 2 else ("unknown", "unknown")
