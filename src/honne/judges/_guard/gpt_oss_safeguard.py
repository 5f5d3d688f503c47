"""gpt-oss-safeguard (20B, 120B): reads a written policy, reasons, and says whether the content violates it.

OpenAI and ROOST, user guide at https://cookbook.openai.com/articles/gpt-oss-safeguard-guide, Apache-2.0. Looked up: the
guide: the policy is the system message and the content the user message, the server applies the harmony format (so it
is asked in chat only), the policy has the sections INSTRUCTIONS, DEFINITIONS, VIOLATES (1), SAFE (0) and EXAMPLES, its
output is `{"violation": 0|1, "policy_category": …}` or a single 0 or 1, and the length of the reply is not capped.

The policy is our own (gpt_oss_safeguard.txt); `judge.policy=FILE` brings another, which must ask for one of these two
outputs. The conversation is told as a transcript between marks that the answer cannot contain. P(unsafe) is that of 1
against 0 at the token that decides, given the reasoning that the model has written before it: it is close to 0 or 1 and
no measure of how sure the model would be without that reasoning. The guide gives none, and hosts refuse to: it is asked
for with `top_logprobs=20` only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from honne.judges._guard import Family, Reading, Unreadable
from honne.judges._llm_text import mark
from honne.records import Message

_FENCED = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
_NAMES = {"user": "USER", "assistant": "ASSISTANT"}


class GptOssSafeguard(Family):
    name = "gpt-oss-safeguard"
    title = "gpt-oss-safeguard"
    model = "openai/gpt-oss-safeguard-20b"
    says = "violation:"
    words: Mapping[str, bool | None] = {"0": False, "1": True}
    verdict = re.compile(r"(?:\"violation\"\s*:\s*|\A\s*)(?P<word>[01])(?!\d)")
    apis = ("chat",)
    max_tokens = None
    reasons = True
    probabilities = False
    policy = (Path(__file__).parent / "gpt_oss_safeguard.txt").read_text(encoding="utf-8")

    def messages(self, turns: Sequence[Message], policy: str | None) -> Sequence[Message]:
        fence = mark(*(m.content for m in turns))
        last = len(turns) - 1
        said = (f"=== {fence} {_heading(m.role, i == last)} ===\n{m.content}" for i, m in enumerate(turns))
        return (Message("system", policy or ""), Message("user", "\n".join((*said, f"=== {fence} END ==="))))

    def read(self, text: str) -> Reading:
        bare = text.strip()
        if bare in self.words:
            return Reading(bare)
        fenced = _FENCED.match(bare)
        try:
            found = json.loads(fenced[1] if fenced else bare, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise Unreadable("it is neither 0, 1 nor a JSON object") from None
        if not isinstance(found, dict) or type(found.get("violation")) is not int or found["violation"] not in (0, 1):
            raise Unreadable('it has no "violation" of 0 or 1')
        category, why = found.get("policy_category"), found.get("rationale")
        categories = (category,) if isinstance(category, str) and category else ()
        return Reading(str(found["violation"]), None, categories, why if isinstance(why, str) else None)


def _heading(role: str, last: bool) -> str:
    return "LAST ANSWER OF THE ASSISTANT" if last else _NAMES[role]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different: of two verdicts none is the right one."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


FAMILY = GptOssSafeguard()
