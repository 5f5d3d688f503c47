"""What a run would ask and cost, before anything is asked."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from honne.engine.plan import JudgePlan, Plan, sent_messages
from honne.plugins import Model
from honne.records import Item, Message, Response, now

__all__ = ["Forecast", "forecast", "tokens"]

# Assumed length of an answer when no max_tokens bounds it; stated wherever it is used.
ANSWER_TOKENS = 300
VERDICT_TOKENS = 120


@dataclass(frozen=True)
class Forecast:
    """One line of a dry run: who is asked how often, with how many tokens, at what cost (None when unknown)."""

    who: str
    requests: int
    tokens_in: int
    tokens_out: int
    cost: float | None


def tokens(text: str) -> int:
    """A rough token count: one per CJK character, one per four other characters. Good to about a third."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return wide + -(-(len(text) - wide) // 4)


def forecast(plan: Plan) -> list[Forecast]:
    """The requests of the model, of a translator, and of each judge with a model, without retries."""
    samples = plan.options.samples
    settings = plan.model.settings
    answer = int(settings.get("max_tokens") or settings.get("max_completion_tokens") or ANSWER_TOKENS)
    sent = sent_messages(plan.model)
    lines = [_line(plan.model, (sent(item.messages) or item.messages for item in plan.items), answer, samples)]
    if plan.translator is not None:
        asked = (stage.attack.ask(messages) for stage in plan.stages for messages in stage.plain.values())
        lines.append(_line(plan.translator, asked, ANSWER_TOKENS, 1, who="translator"))
    for judging in plan.judges:
        model = judging.judge.model
        if model is not None:
            requests = (_judge_prompt(judging, item, plan.model.name, answer) for item in judging.items)
            lines.append(_line(model, requests, VERDICT_TOKENS, samples, judging))
    return lines


def _line(
    model: Model,
    prompts: Iterable[tuple[Message, ...]],
    out: int,
    samples: int,
    judging: JudgePlan | None = None,
    who: str = "",
) -> Forecast:
    sizes = [sum(tokens(m.content) for m in messages) for messages in prompts]
    tokens_in, tokens_out = sum(sizes) * samples, len(sizes) * out * samples
    who = f"{judging.judge.name} on {judging.benchmark}" if judging else f"{who} {model.name}".strip()
    return Forecast(who, len(sizes) * samples, tokens_in, tokens_out, model.price(tokens_in, tokens_out))


def _judge_prompt(judging: JudgePlan, item: Item, model: str, answer: int) -> tuple[Message, ...]:
    stand_in = Response(item_id=item.id, model=model, text="word" * answer, status="ok", at=now())
    request = judging.judge.render(item, stand_in)
    return request.messages if request else ()
