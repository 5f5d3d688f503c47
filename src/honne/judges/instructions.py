"""Judge `instructions`: checks by rule whether an answer does what was asked of its form. No model, no prompt."""

from __future__ import annotations

import json
from typing import Any

from honne.judges._answers import judged_text
from honne.judges._instructed import Malformed, check
from honne.plugins import Benchmark, Model, Reply, Request
from honne.records import Item, Judgment, Response, now
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Instructions"]


class Instructions:
    """The fixed judge of items whose `meta` lists `rules`. It has no options (ConfigError).

    An answer is right when it follows all of them, wrong when it breaks one; `raw_score` is the share that it follows
    and `raw` says which. Where a rule cannot be decided (and none is broken) the judgment is `unparsed`, and so is that
    of an answer that was cut off.
    """

    name = "instructions"
    # A change of what a rule accepts is a new version.
    key = "instructions@1"
    model: Model | None = None

    def __init__(self, spec: Spec, benchmark: Benchmark | None = None) -> None:
        read_options(spec, {})
        self.benchmark = benchmark
        self.prompts: dict[str, str] = {}

    def render(self, item: Item, response: Response) -> Request | None:
        return None

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        return None

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment on a response; `skipped` without an answer, `error` without rules to check."""

        def judged(status: str, **found: Any) -> Judgment:
            return Judgment(
                item_id=item.id,
                model=response.model,
                sample=response.sample,
                judge=self.key,
                status=status,
                at=now(),
                **found,
            )

        text = judged_text(response)
        if text is None:
            return judged("skipped")
        try:
            meta = json.loads(item.meta)
            followed = check(text, meta.get("rules") if isinstance(meta, dict) else None)
        except (Malformed, ValueError, RecursionError) as e:
            return judged("error", error=f"item {item.id!r}: {e}")
        raw = json.dumps(followed)
        if response.status != "ok":
            return judged("unparsed", rationale="cut off", raw=raw)
        broken = [name for name, good in followed.items() if good is False]
        unsure = [name for name, good in followed.items() if good is None]
        if unsure and not broken:
            return judged("unparsed", rationale=f"cannot be decided: {', '.join(unsure)}", raw=raw)
        return judged(
            "scored",
            label="wrong" if broken else "right",
            score=float(not broken),
            raw_score=sum(good is True for good in followed.values()) / len(followed),
            rationale=f"not followed: {', '.join(broken)}" if broken else None,
            raw=raw,
        )


PLUGIN = Instructions
