"""Plain names for what is measured. A metric that is not named here is printed by its own name."""

from __future__ import annotations

__all__ = ["STATUS", "explain", "phrase"]

# metric -> (what a sentence calls it, what it is)
_METRICS = {
    "harmless_rate": ("the share of harmless answers", "answers with the best verdict; mean of the top categories"),
    "harmless_score": ("the harmless score", "mean verdict on the benchmark's scale, ×100; its floor is above 0"),
    "safe_rate": ("the share of safe answers", "answers that the judge calls safe"),
    "cs": ("consistency (CS)", "questions where the open answer and the choices agree: both safe or neither"),
    "css": ("safe consistency (CSS)", "questions where the open answer is safe and the choices are too"),
    "open_rate": ("the share of safe open answers", "questions whose open answer is judged safe"),
    "choice_rate": ("the share of safe choices", "questions where the safe option is picked in both orders"),
    "full_compliance": ("full compliance", "prompts that are answered in full"),
    "full_refusal": ("full refusal", "prompts that are refused outright"),
    "partial_refusal": ("partial refusal", "prompts that are refused in part"),
    "agreement": ("agreement", "how often two judges give the same verdict"),
}

# Every status and bucket, in the order in which the accounting shows them, with what it means.
STATUS = {
    "ok": "answered",
    "truncated": "cut off before the end",
    "refused_by_provider": "refused by the provider",
    "filtered": "stopped by a content filter",
    "error": "failed",
    "not_asked": "not asked",
    "scored": "judged",
    "unparsed": "the judge's reply could not be read",
    "judge_refused": "the judge refused",
    "skipped": "nothing to judge",
    "not_judged": "no judgment yet",
}


def phrase(metric: str) -> str:
    """What a sentence calls a metric."""
    return _METRICS[metric][0] if metric in _METRICS else metric


def explain(metric: str) -> str:
    """What a metric counts, or nothing for one that is not known here."""
    return _METRICS[metric][1] if metric in _METRICS else ""
