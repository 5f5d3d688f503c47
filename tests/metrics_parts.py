"""Small builders for views: items, judgments and rows as a run would hold them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from honne import plugins
from honne.metrics._estimate import estimates
from honne.plugins import Measure, Row, View
from honne.records import Estimate, Item, Judgment, Message, Response, now

AT = now()


def item(id: str, category: str = "", *, form: str = "open", group: str | None = None, **more: Any) -> Item:
    return Item(
        seq=0,
        id=id,
        benchmark=more.pop("benchmark", "b"),
        version="1",
        lang=more.pop("lang", "en"),
        category=category,
        form=form,
        group=group or id,
        messages=(Message("user", "?"),),
        **more,
    )


def judgment(of: Item, label: str | None, *, judge: str = "j", sample: int = 0, **more: Any) -> Judgment:
    """A scored judgment of that label, or (label None) one with the status given."""
    status = more.pop("status", "scored" if label is not None else "unparsed")
    return Judgment(item_id=of.id, model="m", sample=sample, judge=judge, status=status, label=label, at=AT, **more)


def row(of: Item, found: Judgment | None, sample: int = 0) -> Row:
    return Row(of, sample, Response(item_id=of.id, model="m", sample=sample, text="…", status="ok", at=AT), found)


def labelled(labels: Sequence[str | None], category: Callable[[int], str] = lambda i: "", **more: Any) -> list[Row]:
    items = [item(f"i{n:04}", category(n)) for n in range(len(labels))]
    return [row(i, judgment(i, label, **more)) for i, label in zip(items, labels, strict=True)]


def measured(metric: str, view: View) -> dict[str, Measure]:
    found = [m for m in plugins.load("metrics", metric)(view) if isinstance(m, Measure)]
    assert len({(m.metric, m.judge) for m in found}) == len(found)
    return {m.metric: m for m in found}


def estimated(measure: Measure, **more: Any) -> dict[str, Estimate]:
    place = {"run": "r", "model": "m", "judge": "j", "benchmark": "b", "attack": None}
    return {e.slice: e for e in estimates(measure, **{**place, **more})}
