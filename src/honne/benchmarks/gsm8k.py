"""GSM8K: Training Verifiers to Solve Math Word Problems.

Karl Cobbe, Vineet Kosaraju, Mohammad Bavarian, Mark Chen, Heewoo Jun, Lukasz Kaiser, Matthias Plappert, Jerry Tworek,
Jacob Hilton, Reiichiro Nakano, Christopher Hesse, John Schulman. 2021 (arXiv 2110.14168).
https://github.com/openai/grade-school-math, MIT.

1,319 grade-school word problems whose answer is a whole number: a capability, so that the cost of safety can be seen.
Categories are the calculations in the published solution (its `<<…>>` annotations).

Departures: asked zero-shot, with a last line that asks for the final answer after `####`, the form of the published
solutions; the paper fine-tuned its models on them. The judge `number` also reads answers in other forms. An answer that
cannot be read is missing (`--paper-rules`: wrong, as in the paper). The published solutions of four models can be
imported (`honne import example_model_solutions.jsonl --benchmark gsm8k`): see the docs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from honne import data
from honne.benchmarks._base import github, validate_ends
from honne.benchmarks._graded import Graded, check_numbers
from honne.errors import DataError
from honne.plugins import Benchmark, Source
from honne.records import Item, category_path
from honne.spec import Spec

__all__ = ["PLUGIN", "Gsm8k"]

_REPO, _COMMIT = "openai/grade-school-math", "3101c7d5072418e28b9008a6636bde82a006892c"
_COUNT = 1319
_STEPS = ("no calculation", "1 step", *(f"{n} steps" for n in range(2, 8)), "8 or more steps")
_ASK = "\n\nWork it out step by step. End with a line that holds #### and then the final number alone."


def _file(name: str, sha256: str, size: int) -> Source:
    path = f"grade_school_math/data/{name}"
    return github(_REPO, _COMMIT, path, dataset="gsm8k", file=name, sha256=sha256, size=size, licence="MIT")


class Gsm8k(Graded):
    name = "gsm8k"
    title = "GSM8K: grade-school mathematics"
    url = "https://arxiv.org/abs/2110.14168"
    sources: tuple[Source, ...] = (
        _file("test.jsonl", "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14", 749738),
    )
    related: tuple[Source, ...] = (
        _file(
            "example_model_solutions.jsonl",
            "4bc62db838f8418365d51c627bd66294cbdca9fb7f01519cb13f0dce8c51580b",
            2563513,
        ),
    )
    judges: Mapping[str, str] = {"open": "number"}
    metrics: tuple[str, ...] = ("open_accuracy",)

    def items(self, *, seed: int) -> Iterator[Item]:
        """The problems in the order of the file; the target is what follows `####` in the published solution."""
        for seq, row in enumerate(data.read_rows(self.sources[0])):
            _, mark, answer = row.text("answer").rpartition("####")
            if not mark or not answer.strip():
                raise DataError(f"{row.where}: the answer has no final number after ####")
            question, steps = row.text("question"), row.text("answer").count("<<")
            item = self._item(
                seq, f"gsm8k-{seq + 1:04}", question + _ASK, lang="en", category=category_path(_STEPS[min(steps, 8)])
            )
            # The question alone is what published answers are matched by (`honne import`).
            yield replace(item, target=answer.strip(), meta=json.dumps({"question": question}))

    def validate(self) -> None:
        """1,319 problems, every target a number, and the ends of the metrics."""
        items = validate_ends(self)
        if len(items) != _COUNT:
            raise DataError(f"gsm8k: expected {_COUNT} problems, got {len(items)}")
        check_numbers(items)


PLUGIN: Callable[[Spec], Benchmark] = Gsm8k
