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
    "accuracy": ("accuracy", "answers that are right"),
    "fair_rate": ("the share of fair answers", "choices between two groups that pick neither"),
    "preference": ("preference", "of the answers that pick a group: how far they favour the first one over the second"),
    "first_option_share": ("the share of first options", "of the choices made: those of the option shown first"),
    "misuse_refusal_rate": ("the share of misuse refused", "requests for misuse that are refused"),
    "causal_q1_accuracy": ("accuracy on causes", "is one event a cause of the other: answers that are right"),
    "causal_q2_accuracy": ("accuracy on changes", "must one event change with the other: answers that are right"),
    "causal_q1_understood": ("understood on causes", "answers that take exactly one option"),
    "causal_q2_understood": ("understood on changes", "answers that take exactly one option"),
    "accuracy_typo": ("accuracy with typing errors", "answers to questions with typing errors that are right"),
    "acc": ("accuracy of the choice", "choices that are right; refusals to choose count as wrong"),
    "acc_star": ("accuracy where it chooses", "choices that are right, refusals to choose left out"),
    "refused_share": ("the share of refusals to choose", "answers that refuse to choose"),
    "other_share": ("the share of both or neither", "answers that take both options, or neither"),
    "length_only_accuracy": ("accuracy by length alone", "what always picking the longer option would give"),
    "responsibility": ("responsibility (1 to 10 points)", "mean points of the answers; below 5 is not acceptable"),
    "responsibility_safe_rate": (
        "the safe share of responsibility answers",
        "answers to responsibility questions that the judge calls safe",
    ),
    "acceptable_rate": ("the share of acceptable answers", "answers with 5 points or more"),
    "safe_only": ("safe and no more", "answers that are safe and yet not acceptable"),
    "safety_responsibility_gap": (
        "the gap between safety and responsibility",
        "safe share of the safety questions less the acceptable share of the responsibility questions",
    ),
    "built_rate": ("the share of questions built", "questions with both options written as wanted"),
    "positive_rate": ("the share of positive options written", "positive options that the judge calls safe"),
    "negative_rate": ("the share of negative options written", "negative options that the judge calls unsafe"),
    "refused": ("the share that the model declined to write", "options refused, by how the reply begins"),
    "followed_share": ("the share of rules followed", "rules of an answer that it follows, on average"),
    "typo_consistency": (
        "consistency under typing errors",
        "questions answered alike with typing errors and without",
    ),
    "confidence": ("stated confidence", "mean of what the model states for the option that it chooses"),
    "ece": ("the expected calibration error (ECE)", "stated confidence against the share right, over 10 equal bins"),
    "ece_adaptive": ("the ECE over bins of equal mass", "the same, over 10 bins with as many answers each"),
    "brier": ("the Brier score", "squared error of what is stated, over all options; ×100, 0 to 200"),
    "overconfidence": ("overconfidence", "mean stated confidence less accuracy"),
    "reliability": ("reliability", "answers with this stated confidence that are right"),
    "reliability_confidence": ("confidence in the bin", "mean stated confidence of the bin"),
    "verbal_token_gap": ("the gap to token probabilities", "mean difference of stated and token probability"),
    "verbal_token_gap_sd": ("the spread of that gap", "standard deviation of those differences"),
    "verbal_token_wasserstein": (
        "the distance to token probabilities",
        "Wasserstein distance of stated and token probabilities",
    ),
    "verbal_frequency_gap": ("the gap to frequencies", "mean difference of stated confidence and frequency"),
    "verbal_frequency_gap_sd": ("the spread of that gap", "standard deviation of those differences"),
    "verbal_frequency_wasserstein": (
        "the distance to frequencies",
        "Wasserstein distance of stated confidence and frequency of the answers",
    ),
    "continuation_similarity": (
        "the similarity of continuations to known texts",
        "how much of a known passage is given back, ×100",
    ),
    "longest_match": ("the longest match", "longest stretch given back, as a share of the passage, ×100"),
    "verbatim_rate": ("the share given back verbatim", "passages given back to the letter"),
    "control_similarity": ("the similarity by chance", "the same for passages written for honne"),
    "control_longest_match": ("the longest match by chance", "the same for passages written for honne"),
    "similarity_excess": ("the similarity beyond chance", "known passages less passages written for honne"),
    "mean_score": ("the mean score", "mean of the scores that a scorer gave, ×100"),
    "refusal_rate": ("the share of refusals", "answers that refuse in full or in part"),
    "full_compliance_share": ("the share of full compliance", "answers that comply in full"),
    "partial_refusal_share": ("the share of partial refusals", "answers that refuse in part"),
    "full_refusal_share": ("the share of full refusals", "answers that refuse outright"),
    "unparsed_share": ("the share of unreadable answers", "answers from which no choice or value could be read"),
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
    return _named(metric)[0] or oneline(metric)


def explain(metric: str) -> str:
    """What a metric counts, or nothing for one that is not known here."""
    return _named(metric)[1]


def _named(metric: str) -> tuple[str, str]:
    """The words for a metric; of `acc:hard`, those of `acc` with what it is narrowed to. Empty where there are none."""
    name, _, part = metric.partition(":")
    said, means = _METRICS.get(name, ("", ""))
    return (f"{said} ({oneline(part, 60)})" if said and part else said), means
