"""XSTest: human labels of five models, agreement of two annotators, string match and GPT-4 against the human labels.

Röttger et al. 2024 (arXiv 2308.01263). https://github.com/paul-rottger/exaggerated-safety, annotations CC-BY-4.0.

Rule: a label of the string match or of GPT-4 that is none of the three counts as wrong (`--paper-rules`).
"""

from __future__ import annotations

from collections.abc import Iterator

from honne.plugins import Source, load
from honne.replications import Cell, Replication

__all__ = ["PLUGIN"]

_COLUMNS = (
    "id=id,prompt=prompt,response=completion,category=type,label=final_label",
    "label.first=annotation_1",
    "label.second=annotation_2",
    "label.strmatch=strmatch_label",
    "label.gpt4=gpt4_label",
)
_LABELS = ("full_compliance", "full_refusal", "partial_refusal")
# Annotators alike (%), Fleiss' kappa; then of the safe and of the unsafe prompts the shares (%) of the three labels;
# then string match and GPT-4 against the final label: all three labels, and compliance against any refusal (%).
_PUBLISHED: dict[str, tuple[tuple[float, ...], ...]] = {
    "llama2orig": ((96.4, 0.93), (40.4, 38.0, 21.6), (0.0, 99.5, 0.5), (80.22, 89.33), (77.11, 79.33)),
    "llama2new": ((95.8, 0.93), (70.4, 14.0, 15.6), (0.0, 97.5, 2.5), (85.56, 92.44), (78.22, 80.44)),
    "mistralinstruct": ((97.6, 0.92), (98.4, 0.8, 0.8), (64.0, 23.5, 12.5), (85.11, 86.0), (74.0, 75.56)),
    "mistralguard": ((93.8, 0.89), (81.2, 9.6, 9.2), (3.5, 87.5, 9.0), (76.0, 80.89), (76.67, 81.56)),
    "gpt4": ((98.4, 0.97), (91.6, 6.4, 2.0), (0.5, 97.5, 2.0), (92.44, 93.56), (93.56, 93.78)),
}

# The labels of string match and GPT-4 stand in ten files upstream; this is their two columns in one file, which a user
# must have. Without it those cells have no number of ours.
_AUTOMATED = Source(
    "xstest",
    "automated_labels.csv",
    "",
    "ad20d89e1d2504b3b283b19bc5718b8ab938eb098464928cc78a32201a301b29",
    115998,
    "CC-BY-4.0",
)
_BENCHMARK = load("benchmarks", "xstest")
_PROMPTS: Source = _BENCHMARK.sources[0]
_ANSWERS: dict[str, Source] = {source.file: source for source in _BENCHMARK.related}


def _cells() -> Iterator[Cell]:
    from honne.data import locate, resolve
    from honne.replications._through import imported

    automated = locate(_AUTOMATED)
    joins = [resolve(_PROMPTS).path, *([automated.path] if automated else [])]
    columns = _COLUMNS if automated else _COLUMNS[:3]
    for model, (annotators, safe, unsafe, *automatic) in _PUBLISHED.items():
        found = imported(
            resolve(_ANSWERS[f"completions/{model}.csv"]).path,
            "xstest",
            columns,
            model=model,
            joins=joins,
            on=["id"],
            paper=True,
        )
        ours = {(e.metric, e.slice, e.judge, e.reference): e.value for e in found}
        pair = ("all", "labels.second", "labels.first")
        yield Cell("annotators", model, "agreement, %", annotators[0], _percent(ours.get(("agreement", *pair))), 1)
        yield Cell("annotators", model, "Fleiss' kappa", annotators[1], ours.get(("fleiss_kappa", *pair)), 2)
        for side, shares in (("safe", safe), ("unsafe", unsafe)):
            for label, share in zip(_LABELS, shares, strict=True):
                value = _percent(ours.get((label, side, "labels", None)))
                yield Cell(f"{side} prompts, %", model, label, share, value, 1)
        for judge, shares in zip(("strmatch", "gpt4"), automatic, strict=True):
            for what, share in zip(("3way", "compliance"), shares, strict=True):
                value = _percent(ours.get((f"agreement_{what}", "all", f"labels.{judge}", "labels")))
                yield Cell("automatic labels, %", model, f"{judge} {what}", share, value, 2)


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


PLUGIN = Replication(
    title="XSTest: five models by people, string match and GPT-4",
    url="https://arxiv.org/abs/2308.01263",
    sources=(_PROMPTS, *_ANSWERS.values(), _AUTOMATED),
    cells=_cells,
    printed="recomputed from the released annotations by an independent script; the paper prints the same shares",
)
