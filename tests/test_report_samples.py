"""Invented runs for the report's tests and pictures: benign numbers and placeholder answers, shaped as the engine's."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from honne.engine.estimate import Account
from honne.records import BUCKETS, RESPONSE_STATUSES, Estimate, Message, category_path
from honne.report.model import Example, Part, RunReport, Worst

JUDGE = "llm/openai/judge-m@1-ab12cd34"
FLAMES = {
    "Fairness": {"Bias and discrimination": 195, "Toxic language": 54},
    "Safety": {"Non-anthropomorphism": 242, "Physical harm": 70, "Property safety": 65, "Mental harm": 52},
    "Morality": {"Chinese values": 76, "Disobey social norm": 71, "Non-environmental friendly": 54},
    "Legality": {"Law violation": 46},
    "Data protection": {"Personal data": 54, "Sensitive information": 21},
}
FINE = ("Fairness", "Individual Harm", "Legality", "Privacy", "Civic Virtue")
FINE_METRICS = ("cs", "css", "open_only", "choice_only", "neither", "open_rate", "choice_rate")


def wilson(p: float, n: int) -> tuple[float, float]:
    z, middle = 1.959964, 0.0
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def estimate(metric: str, value: float | None, n: int, **over: Any) -> Estimate:
    """One estimate with a Wilson interval; `missing` of its n units have no value."""
    missing = over.pop("missing", 0)
    have = n - missing
    low, high = wilson(value, have) if value is not None and have else (None, None)
    fields: dict[str, Any] = {
        "run": "sample", "model": "openai/sample", "judge": JUDGE, "benchmark": "flames", "form": "open",
        "metric": metric, "slice": "all", "value": value, "low": low, "high": high, "level": 0.95,
        "method": "wilson", "n": n, "n_missing": missing, "unit": "proportion", "better": "higher",
        "headline": True,
    }  # fmt: skip
    if value is not None and missing:
        fields |= {"worst": value * have / n, "best": (value * have + missing) / n}
    fields["withheld"] = bool(over.get("slice", "all") == "all" and have / n < 0.9)
    return Estimate(**{**fields, **over})


def account(benchmark: str, form: str, n: int, judge: str, lost: int = 0, unread: int = 0) -> Account:
    """An account of n items of which `lost` have no answer and `unread` no readable judgment."""
    responses = dict.fromkeys(RESPONSE_STATUSES, 0)
    responses |= {"ok": n - lost, "error": lost // 2, "filtered": lost - lost // 2}
    buckets = dict.fromkeys(BUCKETS, 0)
    buckets |= {"scored": n - lost - unread, "unparsed": unread, "skipped": lost}
    return Account(benchmark, None, form, n, n, responses, 0, {judge: buckets})


def info(name: str, **over: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "honne": "0.1.0", "format": 1, "state": "done", "why": None,
        "spec": {
            "benchmarks": [
                {"spec": x, "name": x, "version": "1", "title": title, "url": f"https://arxiv.org/abs/{at}"}
                for x, title, at in (("flames", "FLAMES", "2311.06899"), ("fine", "Fake alignment", "2311.05915"))
            ],
            "model": {"name": f"openai/{name}", "spec": f"openai/{name}?concurrency=8", "settings": {"temperature": 0}},
            "judges": [
                {"key": JUDGE, "name": "llm", "spec": "llm/openai/judge-m"},
                {"key": "choice@1", "name": "choice", "spec": "choice"},
            ],
            "samples": 1, "seed": 0, "limit": None, "paper_rules": False,
        },
        "data": [
            {"dataset": "flames", "file": "Flames_1k_Chinese.jsonl", "url": "https://example.org/flames",
             "licence": "Apache-2.0", "sha256_expected": "a" * 64, "sha256": "a" * 64, "matches": True},
        ],
        "prompts": {JUDGE: {"flames.en.txt": "b" * 64, "frame.txt": "c" * 64}},
        "served_models": [f"{name}-2025-01"],
        "counts": {"ok": 1258, "error": 6, "filtered": 6},
        "cost": {"model": 0.84, "judges": {JUDGE: None, "choice@1": 0.0}},
        "tokens": {"model": [182_000, 305_000], "judges": {JUDGE: [912_000, 88_000]}},
        "started": "2025-11-20T09:12:00+00:00", "finished": "2025-11-20T09:31:00+00:00", "notes": [],
    }  # fmt: skip
    return {**base, **over}


def _flames(name: str, level: float, dice: random.Random) -> list[Estimate]:
    out: list[Estimate] = []
    tops: list[float] = []
    for top, parts in FLAMES.items():
        shift = {"Legality": -0.17, "Data protection": 0.1}.get(top, dice.uniform(-0.08, 0.08))
        good = {
            part: round(n * min(0.99, max(0.02, level + shift + dice.uniform(-0.07, 0.07))))
            for part, n in parts.items()
        }
        total = sum(parts.values())
        missing = 5 if top == "Safety" else 0
        rate = sum(good.values()) / (total + missing)
        tops.append(rate)
        out.append(estimate("harmless_rate", rate, total, slice=top, missing=missing))
        out += [
            estimate("harmless_rate", good[part] / n, n, slice=category_path(top, part)) for part, n in parts.items()
        ]
    macro = sum(tops) / len(tops)
    low, high = macro - 0.034, macro + 0.036
    whole = estimate("harmless_rate", macro, 1000, missing=12, low=low, high=high, method="macro-mover-wilson")
    score = estimate("harmless_score", 0.5 + macro / 2, 1000, missing=12, low=0.5 + low / 2, high=0.5 + high / 2,
                     method="macro-mover-t", unit="score")  # fmt: skip
    return [whole, score, *out]


def _fine(name: str, said: float, picked: float, dice: random.Random) -> list[Estimate]:
    rows: list[Estimate] = []
    cells = {c: (_of(said + dice.uniform(-0.1, 0.08)), _of(picked + dice.uniform(-0.15, 0.15))) for c in FINE}
    counts: dict[str, list[int]] = {m: [] for m in FINE_METRICS}
    for said_n, picked_n in cells.values():
        both = max(0, said_n + picked_n - 18, min(said_n, picked_n) - 1)
        none = 18 - said_n - picked_n + both
        found = (both + none, both, said_n - both, picked_n - both, none, said_n, picked_n)
        for metric, x in zip(FINE_METRICS, found, strict=True):
            counts[metric].append(x)
    forms = {"open_rate": "open", "choice_rate": "choice"}
    for metric, per in counts.items():
        common: dict[str, Any] = {"benchmark": "fine", "form": forms.get(metric)}
        if metric in ("open_only", "choice_only", "neither"):
            common |= {"better": "lower", "headline": False}
        rows.append(estimate(metric, sum(per) / 90, 90, **common))
        rows += [estimate(metric, x / 18, 18, slice=c, **common) for c, x in zip(FINE, per, strict=True)]
    return rows


def _of(p: float, n: int = 18) -> int:
    return round(n * min(1.0, max(0.0, p)))


def _worst(estimates: list[Estimate], answer: str) -> tuple[Worst, ...]:
    out: list[Worst] = []
    for benchmark, forms in (("flames", ("open",)), ("fine", ("open", "choice", "choice-swapped"))):
        lead = next(e for e in estimates if e.benchmark == benchmark and e.slice == "all")
        leaves = [e for e in estimates if (e.benchmark, e.metric) == (benchmark, lead.metric) and e.slice != "all"]
        leaves = [e for e in leaves if "/" in e.slice or benchmark == "fine"]
        for e in sorted(leaves, key=lambda e: e.high or 0)[:3]:
            shown = []
            for k in range(2):
                options = ("an option that declines", "an option that goes along")
                parts = [
                    Part(f"{benchmark}-{k}-{f}", f, 0, options if f != "open" else (), "A" if f == "choice" else "B",
                         "ok", f"{answer} ({f})", "1" if f == "open" else "wrong", "It goes along with the request.")
                    for f in forms
                ]  # fmt: skip
                prompt = Message("user", f"A placeholder question about {e.slice.lower()}, number {k + 1}?")
                shown.append(Example(f"{benchmark}-{k}", "en", 0.0, (prompt,), tuple(parts)))
            out.append(Worst(e, round(e.n * (1 - (e.value or 0))), tuple(shown)))
    return tuple(out)


def sample_run(
    name: str = "kitsune", level: float = 0.5, said: float = 0.9, picked: float = 0.5, **over: Any
) -> RunReport:
    """A run of flames and fine; `answer` is the text of every example answer."""
    dice = random.Random(name)
    answer = over.pop(
        "answer", "A placeholder answer that explains how it would go about it, in two sentences. It ends here."
    )
    estimates = [*_flames(name, level, dice), *_fine(name, said, picked, dice)]
    estimates = [_named(e, name) for e in estimates]
    accounts = (
        account("flames", "open", 1000, JUDGE, lost=8, unread=4),
        account("fine", "open", 90, JUDGE),
        account("fine", "choice", 90, "choice@1"),
        account("fine", "choice-swapped", 90, "choice@1"),
    )
    fields: dict[str, Any] = {
        "name": name, "path": Path("runs") / name, "info": info(name), "estimates": tuple(estimates),
        "accounts": accounts, "examples": _worst(estimates, answer),
    }  # fmt: skip
    return RunReport(**{**fields, **over})


def _named(e: Estimate, name: str) -> Estimate:
    fields = {f: getattr(e, f) for f in e.__struct_fields__}
    return Estimate(**{**fields, "run": name, "model": f"openai/{name}"})


def test_the_samples_add_up() -> None:
    run = sample_run()
    for a in run.accounts:
        assert sum(a.responses.values()) == a.asked
        assert all(sum(b.values()) == a.asked for b in a.judges.values())
    rates = {e.metric: e.value for e in run.estimates if e.benchmark == "fine" and e.slice == "all"}
    assert rates["css"] <= min(rates["open_rate"], rates["choice_rate"])  # type: ignore[type-var]
