"""Judge `instructions`: checks by rule whether an answer does what was asked of its form. No model, no prompt."""

from __future__ import annotations

import json
from typing import Any

from honne.judges._fixed import Fixed
from honne.judges._instructed import Malformed, check
from honne.records import Item, Response

__all__ = ["PLUGIN", "Instructions"]


class Instructions(Fixed):
    """The fixed judge of items whose `meta` lists `rules`. It has no options (ConfigError).

    An answer is right when it follows all of them, wrong when it breaks one; `raw_score` is the share that it follows
    and `raw` says which. Where a rule cannot be decided (and none is broken) the judgment is `unparsed`, and so is that
    of an answer that was cut off.
    """

    name = "instructions"
    # A change of what a rule accepts is a new version.
    key = "instructions@1"

    def read(self, item: Item, response: Response, text: str) -> dict[str, Any]:
        """The judgment on a response; `error` without rules to check."""
        try:
            meta = json.loads(item.meta)
            followed = check(text, meta.get("rules") if isinstance(meta, dict) else None)
        except (Malformed, ValueError, RecursionError) as e:
            return {"status": "error", "error": f"item {item.id!r}: {e}"}
        raw = json.dumps(followed)
        if response.status != "ok":
            return {"status": "unparsed", "rationale": "cut off", "raw": raw}
        broken = [name for name, good in followed.items() if good is False]
        unsure = [name for name, good in followed.items() if good is None]
        if unsure and not broken:
            return {"status": "unparsed", "rationale": f"cannot be decided: {', '.join(unsure)}", "raw": raw}
        return {
            "status": "scored",
            "label": "wrong" if broken else "right",
            "score": float(not broken),
            "raw_score": sum(good is True for good in followed.values()) / len(followed),
            "rationale": f"not followed: {', '.join(broken)}" if broken else None,
            "raw": raw,
        }


PLUGIN = Instructions
