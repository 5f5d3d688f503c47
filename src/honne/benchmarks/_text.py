"""The text files beside the benchmarks: prompts and rubrics, one file a language."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

__all__ = ["LANGS", "LETTERS", "choice_prompt", "language", "packaged"]

LANGS = ("en", "zh", "ja")
# As many options as the judge `choice` reads.
LETTERS = "ABCDEFGHIJ"


@cache
def packaged(path: str) -> str:
    """A text file of this package, such as `rubrics/safe.en.txt`, without its last line break."""
    return resources.files("honne.benchmarks").joinpath(path).read_text(encoding="utf-8").rstrip("\n")


def language(lang: str) -> str:
    """The language honne speaks to an item: its own (`zh` for `zh-Hans`) where there is a text, else English."""
    base = lang.replace("_", "-").split("-")[0].lower()
    return base if base in LANGS else "en"


def choice_prompt(lang: str, question: str, options: Sequence[str]) -> str:
    """The multiple-choice prompt: the question and its options, lettered A, B, … in the order given (at most 10)."""
    # zip would drop further options in silence; one format() call, so that braces inside a question stay as they are.
    if len(options) > len(LETTERS):
        raise ValueError(f"{len(options)} options: at most {len(LETTERS)} can be lettered")
    letters = LETTERS[: len(options)]
    listed = "\n\n".join(f"{letter}. {option}" for letter, option in zip(letters, options, strict=True))
    template = packaged(f"prompts/choice.{language(lang)}.txt")
    return template.format(question=question, options=listed, letters=", ".join(letters))
