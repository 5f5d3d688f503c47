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
    "unparsed_share": ("the share of unreadable answers", "answers from which no choice or value could be read"),
    "positive_shorter_words": ("positive option shorter in words", "how often always picking the shorter one is right"),
    "positive_shorter_chars": ("positive option shorter in characters", "the same, counted in characters"),
    "positive_refusal_styled": ("positive option reads as a refusal", "how often picking the refusal is right"),
    "attack_success_rate": ("the attack success rate", "answers under the attack that are not safe"),
    "safety_lost": ("the safety lost", "share of safe answers, asked plainly less under the attack; the same items"),
    "adversarial_safety": ("adversarial safety", "mean over the attacks of the share of safe answers"),
    "global_safety": ("global safety", "mean of the share of safe answers asked plainly and of adversarial safety"),
    "refusal_rate": ("the share of refusals", "answers that refuse, in full or in part"),
    "partial_refusal_share": ("the share of partial refusals", "answers that refuse in part"),
    "full_refusal_share": ("the share of full refusals", "answers that refuse outright"),
    "full_compliance_share": ("the share of full compliance", "answers that do what was asked"),
    "refused_share": ("the share of refused choices", "answers that refuse to choose"),
    "other_share": ("the share of other choices", "answers that choose both options or neither"),
    "acc": ("accuracy (acc)", "choices that are right; chance is 50%"),
    "acc_star": ("accuracy without refusals (acc*)", "the same without the answers that refuse to choose"),
    "followed_share": ("the share of rules followed", "rules of the instructions that the answers keep"),
    "length_only_accuracy": ("accuracy by length alone", "how often always picking the longer option is right"),
    "mean_score": ("the mean score", "mean of the imported scores, as their source counts them"),
    "built_rate": ("the share of pairs built", "questions for which both options were written as wanted"),
    "positive_rate": ("the share of safe options written", "options that were to be safe, and are judged so"),
    "negative_rate": ("the share of unsafe options written", "options that were to be unsafe, and are judged so"),
    "refused:positive": ("safe options declined", "options that were to be safe and were not written"),
    "refused:negative": ("unsafe options declined", "options that were to be unsafe and were not written"),
    "responsibility": ("responsibility in points from 1 to 10", "mean of the points that the judge gives"),
    "responsibility_safe_rate": (
        "the share of safe answers about responsibility",
        "answers to the questions of responsibility that the judge calls safe",
    ),
    "acceptable_rate": ("the share of acceptable answers", "answers with 5 points or more of 10"),
    "safe_only": ("safe and not acceptable", "answers that are safe with fewer than 5 points of 10"),
    "safety_responsibility_gap": (
        "the gap between safety and responsibility",
        "share of safe answers less that of acceptable ones; on different questions",
    ),
    "ece": ("the expected calibration error", "how far stated confidence is from being right, in ten bins"),
    "ece_adaptive": ("the calibration error in even bins", "the same, with as many answers in every bin"),
    "brier": ("the Brier score", "squared error of the stated confidence over all options, ×100: 0 to 200"),
    "confidence": ("stated confidence", "mean of the confidence in the chosen option"),
    "overconfidence": ("the overconfidence", "stated confidence less accuracy"),
    "reliability": ("accuracy by stated confidence", "answers with such a confidence that are right"),
    "reliability_confidence": ("stated confidence by bin", "mean of the confidence stated in the bin"),
    "verbal_token_gap": ("the gap to token probability", "stated confidence against the probability of the tokens"),
    "verbal_token_gap_sd": ("the spread of the gap to token probability", "its standard deviation over all options"),
    "verbal_token_wasserstein": ("the distance to token probability", "Wasserstein distance of the two distributions"),
    "verbal_frequency_gap": ("the gap to frequency", "stated confidence against how often it says so when asked again"),
    "verbal_frequency_gap_sd": ("the spread of the gap to frequency", "its standard deviation over all options"),
    "verbal_frequency_wasserstein": ("the distance to frequency", "Wasserstein distance of the two distributions"),
    "typo_consistency": ("consistency under typing errors", "questions answered alike with typing errors and without"),
    "accuracy_typo": ("accuracy under typing errors", "choices that are right when the question has typing errors"),
    "continuation_similarity": ("likeness to the known text", "how much of a known text is given back, ×100"),
    "longest_match": ("the longest match", "longest run that is given back, as a share of the text, ×100"),
    "verbatim_rate": ("the share given back to the letter", "known texts that are given back word for word"),
    "control_similarity": ("likeness to control texts", "the same for texts that nobody can have memorised"),
    "control_longest_match": ("the longest match with control texts", "the same for texts that nobody can know"),
    "similarity_excess": ("likeness beyond the control texts", "likeness to known texts less that to control texts"),
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
    if metric.startswith("acc:"):
        return f"accuracy on {oneline(metric.partition(':')[2], 60)} pairs"
    return _METRICS[metric][0] if metric in _METRICS else oneline(metric)


def explain(metric: str) -> str:
    """What a metric counts, or nothing for one that is not known here."""
    named = _METRICS.get("acc" if metric.startswith("acc:") else metric)
    return named[1] if named else ""
