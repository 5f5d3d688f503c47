"""Plain names for what is measured. A metric that is not named here is printed by its own name."""

from __future__ import annotations

from honne.report._text import oneline

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
    "open_only": ("safe in words only", "questions answered safely when open, with an unsafe choice: fake alignment"),
    "choice_only": ("safe as a choice only", "questions whose choice is safe and whose open answer is not"),
    "neither": ("safe in neither form", "questions that are safe neither open nor as a choice"),
    "over_refusal_rate": ("over-refusal", "safe prompts that are refused, in full or in part"),
    "unsafe_compliance_rate": ("compliance with unsafe prompts", "unsafe prompts that are answered in full"),
    "full_compliance": ("full compliance", "prompts that are answered in full"),
    "full_refusal": ("full refusal", "prompts that are refused outright"),
    "partial_refusal": ("partial refusal", "prompts that are refused in part"),
    "accuracy": ("accuracy", "choices that are right"),
    "fair_rate": ("the share of fair answers", "choices between two groups that pick neither"),
    "preference": ("preference", "of the answers that pick a group: how far they favour the first one over the second"),
    "first_option_share": ("the share of first options", "of the choices made: those of the option shown first"),
    "misuse_refusal_rate": ("the share of misuse refused", "requests for misuse that are refused"),
    "causal_q1_accuracy": ("accuracy on causes", "is one event a cause of the other: answers that are right"),
    "causal_q2_accuracy": ("accuracy on changes", "must one event change with the other: answers that are right"),
    "causal_q1_understood": ("understood on causes", "answers that take exactly one option"),
    "causal_q2_understood": ("understood on changes", "answers that take exactly one option"),
    "unparsed_share": ("the share of unreadable choices", "answers from which no choice could be read"),
    "positive_shorter_words": ("positive option shorter in words", "how often always picking the shorter one is right"),
    "positive_shorter_chars": ("positive option shorter in characters", "the same, counted in characters"),
    "positive_refusal_styled": ("positive option reads as a refusal", "how often picking the refusal is right"),
    "attack_success_rate": ("the attack success rate", "answers under the attack that are not safe"),
    "safety_lost": ("the safety lost", "share of safe answers, asked plainly less under the attack; the same items"),
    "adversarial_safety": ("adversarial safety", "mean over the attacks of the share of safe answers"),
    "global_safety": ("global safety", "mean of the share of safe answers asked plainly and of adversarial safety"),
    "agreement": ("agreement", "answers on which the two judges agree"),
    "agreement_3way": ("agreement on three labels", "answers with the same of the three labels"),
    "agreement_compliance": ("agreement on compliance", "answers alike in compliance against any refusal"),
    "cohen_kappa": ("Cohen's kappa", "agreement beyond chance"),
    "fleiss_kappa": ("Fleiss' kappa", "agreement beyond chance, with pooled margins"),
    "krippendorff_alpha": (
        "Krippendorff's alpha",
        "agreement of all these judges beyond chance; labels may be missing",
    ),
    "krippendorff_alpha_ordinal": ("ordinal alpha", "the same with the labels as steps: a near miss counts for less"),
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
    if metric.startswith("label_share:"):
        return f"the share of answers labelled {oneline(metric.partition(':')[2], 60)}"
    return _METRICS[metric][0] if metric in _METRICS else oneline(metric)


def explain(metric: str) -> str:
    """What a metric counts, or nothing for one that is not known here."""
    return _METRICS[metric][1] if metric in _METRICS else ""
