"""`honne show RUN ITEM`: all that is known of one item: prompt, answers, each judge's judgment and raw reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from honne.engine.store import RunFolder
from honne.errors import DataError, nearest
from honne.records import Item, Judgment, Response
from honne.report import json as report_json
from honne.report._text import category, clean, count, money, oneline

__all__ = ["Shown", "find", "item_json", "show_item"]


@dataclass(frozen=True)
class Shown:
    """One item of a run with all its records. `siblings` are the other items of its group (the forms of a question)."""

    run: str
    item: Item
    responses: tuple[Response, ...]
    judgments: tuple[Judgment, ...]
    siblings: tuple[str, ...]


def find(run: RunFolder, item_id: str) -> Shown:
    """The item with that id. Raises DataError with the nearest id when there is none."""
    items = run.items()
    item = next((x for x in items if x.id == item_id), None)
    if item is None:
        near = nearest(item_id, (x.id for x in items))
        hint = (
            f" Did you mean {oneline(near)!r}?" if near else f" The first is {oneline(items[0].id)!r}." if items else ""
        )
        raise DataError(f"no item {oneline(item_id)!r} among the {count(len(items))} of {run.path}.{hint}")
    return Shown(
        run=run.name,
        item=item,
        responses=tuple(r for r in run.responses() if r.item_id == item.id),
        judgments=tuple(j for rows in run.judgments().values() for j in rows if j.item_id == item.id),
        siblings=tuple(x.id for x in items if x.group == item.group and x.id != item.id),
    )


def item_json(shown: Shown) -> str:
    """The item, its responses and judgments as one JSON object, every field of the records."""
    value: dict[str, Any] = {"run": shown.run, "item": msgspec.to_builtins(shown.item)}
    value |= {"responses": [msgspec.to_builtins(r) for r in shown.responses]}
    value |= {"judgments": [msgspec.to_builtins(j) for j in shown.judgments]}
    return report_json.text({**value, "siblings": list(shown.siblings)})


def show_item(shown: Shown, console: Console) -> None:
    """Print one item for reading."""
    item = shown.item
    console.print(Text.assemble(("honne show ", "bold red"), (f"{oneline(shown.run)} {oneline(item.id)}", "bold")))
    attack = f"attack {oneline(item.attack)}" if item.attack else ""
    facts = (item.benchmark, f"version {item.version}", item.form, item.lang, category(item.category), attack)
    console.print(Text(" · ".join(oneline(x, 200) for x in facts if x), "dim"))
    if shown.siblings:
        console.print(Text(f"same question: {', '.join(oneline(x) for x in shown.siblings[:8])}", "dim"))
    for message in item.messages:
        _part(console, f"prompt ({oneline(message.role)})", message.content)
    if item.options:
        letters = (chr(ord("A") + k) for k in range(len(item.options)))
        _part(console, "options", "\n".join(f"{x}. {o}" for x, o in zip(letters, item.options, strict=False)))
    if item.target is not None:
        _part(console, "right answer", item.target)
    if not shown.responses:
        _part(console, "answer", "not asked: this run has no response to it")
    for response in shown.responses:
        _response(console, response)
        for judgment in shown.judgments:
            if judgment.sample == response.sample:
                _judgment(console, judgment)
    samples = {r.sample for r in shown.responses}
    for judgment in shown.judgments:
        if judgment.sample not in samples:
            _judgment(console, judgment)


def _part(console: Console, name: str, body: str, note: str = "") -> None:
    console.print()
    console.print(Text.assemble((name, "bold"), ("  " + note if note else "", "dim")))
    console.print(Padding(Text(clean(body)) if body else Text("(empty)", "dim"), (0, 0, 0, 2)))


def _spent(row: Response | Judgment) -> list[str]:
    out = [f"{row.attempts} tries"] if row.attempts > 1 else []
    if row.tokens_in is not None or row.tokens_out is not None:
        out.append(
            f"tokens {row.tokens_in if row.tokens_in is not None else '?'} in, "
            f"{row.tokens_out if row.tokens_out is not None else '?'} out"
        )
    if row.seconds is not None:
        out.append(f"{row.seconds:.1f} s")
    return [*out, f"cost {money(row.cost)}"]


def _response(console: Console, r: Response) -> None:
    if r.messages is not None:
        for message in r.messages:
            _part(console, f"as sent ({oneline(message.role)})", message.content)
    note = [r.status, f"finish {oneline(r.finish)}" if r.finish else "", oneline(r.served_model or "", 80)]
    if r.reasoning is not None:
        _part(console, f"reasoning, sample {r.sample}", r.reasoning, "not judged")
    _part(console, f"answer, sample {r.sample}", r.text or "", " · ".join(x for x in [*note, *_spent(r)] if x))
    if r.error:
        _part(console, "error", r.error)


def _judgment(console: Console, j: Judgment) -> None:
    author = f" by {oneline(j.author)}" if j.author else ""
    verdict = [f"{j.status}"]
    named = (
        ("label", j.label),
        ("score", j.score),
        ("raw score", j.raw_score),
        ("choice", j.choice),
        ("refused", j.refused),
        ("p unsafe", j.p_unsafe),
    )
    verdict += [f"{name} {oneline(str(x))}" for name, x in named if x is not None]
    spent = " · ".join(_spent(j)) if j.attempts else ""
    _part(console, f"judgment, sample {j.sample}: {oneline(j.judge)}{author}", ", ".join(verdict), spent)
    for name, body in (("rationale", j.rationale), ("raw reply", j.raw), ("error", j.error)):
        if body:
            console.print(Padding(Text(name, "italic dim"), (0, 0, 0, 2)))
            console.print(Padding(Text(clean(body)), (0, 0, 0, 4)))
