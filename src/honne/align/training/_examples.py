"""From pairs to token ids: the prompt as the model is asked, the answer as its template writes it, one end token.

Every fault of the data is found here, before the first step, and named by its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from honne.errors import DataError, ModelError, TrainingError
from honne.models._prompts import Prompter
from honne.plugins import Request
from honne.records import Message, Pair

__all__ = ["Answers", "Example", "Read", "examples"]

_MARK = "honne7mark"


@dataclass(frozen=True)
class Example:
    """One pair in token ids. An answer that the pair does not have is empty; the others end with one end token."""

    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]
    part: str = ""
    chosen_unsafe: bool = False
    rejected_unsafe: bool = False

    @property
    def answers(self) -> tuple[tuple[int, ...], ...]:
        """The answers that are there, chosen first."""
        return tuple(a for a in (self.chosen, self.rejected) if a)

    @property
    def tokens(self) -> int:
        """Tokens of the prompt (once) and of both answers."""
        return len(self.prompt) + len(self.chosen) + len(self.rejected)


@dataclass(frozen=True)
class Read:
    """The examples of a file, their pairs and lines, and how many were left out because they are too long."""

    examples: list[Example]
    pairs: list[Pair]
    lines: list[int]
    too_long: int


class Answers:
    """How a model's template writes an answer: what stands before it, and the one token that ends it.

    `ends` are the ids that end a generation. Raises TrainingError where there is none: the model could never stop.
    """

    def __init__(self, name: str, tokenizer: Any, prompter: Prompter, ends: Iterable[int]) -> None:
        self._tokenizer, self._ends = tokenizer, frozenset(ends)
        if not self._ends:
            raise TrainingError(
                f"{name} has no end token: its tokenizer and its generation_config name none (eos_token), "
                "so it could not learn where an answer ends"
            )
        before, after = self._around(prompter)
        self.head = self._ids(before)
        ending = next((i for i in self._ids(after) if i in self._ends), None)
        own = getattr(tokenizer, "eos_token_id", None)
        self.end: int = ending if ending is not None else own if own in self._ends else min(self._ends)

    def _around(self, prompter: Prompter) -> tuple[str, str]:
        """What the template writes between the prompt and an answer, and after the answer."""
        if prompter.template is None:
            return "", ""
        asked = (Message("user", "Hello."),)
        prompt = prompter.rendered(asked)
        try:
            whole = prompter.rendered((*asked, Message("assistant", _MARK)), answered=True)
        except Exception:  # a template that knows no answers: the end token alone
            return "", ""
        before, mark, after = whole.rpartition(_MARK)
        if not mark:
            return "", ""
        return (before[len(prompt) :] if before.startswith(prompt) else ""), after

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(int(i) for i in self._tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of an answer with exactly one end token, at its end; () where it holds one elsewhere."""
        ids = [int(i) for i in self._tokenizer(text, add_special_tokens=False)["input_ids"]]
        while ids and ids[-1] in self._ends:
            ids.pop()
        return () if not ids or self._ends.intersection(ids) else (*self.head, *ids, self.end)


def examples(
    path: Path,
    pairs: Iterable[Pair],
    prompter: Prompter,
    answers: Answers,
    context: int,
    vocabulary: int,
    *,
    drop_long: bool = False,
) -> Read:
    """Every pair of a file in ids, in order. The model reads `context` tokens of `vocabulary` kinds.

    Raises DataError, naming the line: equal sides, an empty answer, an end token inside one, a pair that is too long,
    a token that the model does not know.
    """
    known: dict[tuple[Message, ...], tuple[int, ...]] = {}
    read, too_long, first = Read([], [], [], 0), 0, ""
    for number, pair in enumerate(pairs, 1):
        where = f"{path} line {number}"
        prompt = known.get(pair.prompt)
        if prompt is None:
            try:
                prompt = known[pair.prompt] = tuple(
                    prompter.ids(Request(item_id="", messages=pair.prompt), pair.prompt)
                )
            except ModelError as e:
                raise DataError(f"{where}: {e}") from None
        chosen, rejected = _sides(where, pair, answers)
        longest = len(prompt) + max(len(chosen), len(rejected))
        if longest > context:
            too_long += 1
            told = f"the prompt has {len(prompt):,} tokens, with its answer {longest:,}; the model reads {context:,}"
            first = first or f"{where}: {told}"
            continue
        if (highest := max((*prompt, *chosen, *rejected))) >= vocabulary:
            raise DataError(
                f"{where}: the tokenizer has a token {highest:,} and the model knows {vocabulary:,}: "
                "is the tokenizer another model's?"
            )
        unsafe = (pair.chosen_safe is False and pair.rejected is not None, pair.rejected_safe is False)
        read.examples.append(Example(prompt, chosen, rejected, pair.part, *unsafe))
        read.pairs.append(pair)
        read.lines.append(number)
    if too_long and not (drop_long and read.examples):
        more = f" ({too_long:,} such pairs)" if too_long > 1 else ""
        raise DataError(first + more + ("" if drop_long else "; --drop-long trains without them"))
    if not read.examples:
        raise DataError(f"{path} holds no pairs")
    return replace(read, too_long=too_long)


def _sides(where: str, pair: Pair, answers: Answers) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids of (chosen, rejected); an unpaired row has one of them. Raises DataError."""
    if pair.rejected is not None and pair.chosen == pair.rejected:
        raise DataError(f"{where}: chosen and rejected are the same text: there is nothing to prefer")
    if pair.rejected is None and pair.chosen_safe is None:
        raise DataError(f"{where}: a row without a rejected answer needs a label (true: a good answer)")
    texts: Sequence[tuple[str, str]] = (
        [("chosen", pair.chosen), ("rejected", pair.rejected)]
        if pair.rejected is not None
        else [("chosen", pair.chosen)]
    )
    found = []
    for name, text in texts:
        if not text.strip():
            raise DataError(f"{where}: the {name} answer is empty")
        ids = answers.encode(text.encode("utf-8", "replace").decode())
        if not ids:
            raise DataError(f"{where}: the {name} answer has an end token of the model inside it")
        found.append(ids)
    if pair.rejected is not None:
        if found[0] == found[1]:
            raise DataError(f"{where}: chosen and rejected are the same tokens: there is nothing to prefer")
        return found[0], found[1]
    return (found[0], ()) if pair.chosen_safe else ((), found[0])
