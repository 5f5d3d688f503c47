"""What one language contributes to the choice parser: tables of wordings, and the notation they are written in.

In a wording, `@` is any mention of an option, `<@>` the one that is picked, `[@]` the one that is turned down, and
`~20` a gap of at most 20 characters without a mention or the end of a sentence. `{NAME}` inserts a named part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from honne.judges._choice_marks import REF

__all__ = ["ANSWER", "DECISION", "EVALUATION", "FINAL", "HINT", "Wordings", "tables", "wording"]

# How firmly a choice is stated; the firmer statement wins.
FINAL, ANSWER, DECISION, EVALUATION, HINT = 5, 4, 3, 2, 1

_GAP = "[^.\n;!?。\ue000-\ue2ff]"


def wording(text: str, parts: dict[str, str]) -> re.Pattern[str]:
    """Compile one wording."""
    for name, part in reversed(parts.items()):  # a part may use those before it
        text = text.replace("{" + name + "}", f"(?:{part})")
    text = text.replace("<@>", f"(?P<pick>{REF})").replace("[@]", f"(?P<drop>{REF})").replace("@", REF)
    return re.compile(re.sub(r"~(\d+)", lambda m: f"{_GAP}{{0,{m[1]}}}", text), re.I | re.M)


@dataclass(frozen=True)
class Wordings:
    """One language's wordings, compiled.

    `picks`: by firmness. `of_two`: comparisons that decide only between two options. `drops`: an option is turned down.
    `negation`: before a pick, in its clause, turns it into a drop; `negation_after`: the same behind it; `harmless`:
    phrases that look like negations and are none. `unpraised`: in "the … answer is B", what makes it no praise.
    `leaning`: words of preference that may stand anywhere in a sentence that mentions one option only.
    `unmeant`: in the same part of a sentence, it is not the speaker's final word (first impressions, conditions, other
    people). `revision`: between two statements, the later one replaces the earlier. `rival`: an option has more of some
    quality, which contests the praise of another unless that is `overall`. `neither`, `both`: statements about all
    options; `all_bad`, `all_good`: the same as a mere evaluation. `refusal`: the speaker will not choose.
    """

    picks: tuple[tuple[int, re.Pattern[str]], ...]
    of_two: tuple[re.Pattern[str], ...]
    drops: tuple[re.Pattern[str], ...]
    negation: re.Pattern[str]
    negation_after: re.Pattern[str]
    harmless: re.Pattern[str]
    unpraised: re.Pattern[str]
    leaning: re.Pattern[str]
    unmeant: re.Pattern[str]
    revision: re.Pattern[str]
    rival: re.Pattern[str]
    overall: re.Pattern[str]
    neither: re.Pattern[str]
    both: re.Pattern[str]
    all_bad: re.Pattern[str]
    all_good: re.Pattern[str]
    refusal: re.Pattern[str]


def tables(
    parts: dict[str, str],
    picks: Mapping[int, Iterable[str]],
    of_two: Iterable[str],
    drops: Iterable[str],
    **single: str,
) -> Wordings:
    """Compile a language's tables; `single` holds the patterns that stand alone."""
    return Wordings(
        picks=tuple((firmness, wording(text, parts)) for firmness, texts in picks.items() for text in texts),
        of_two=tuple(wording(text, parts) for text in of_two),
        drops=tuple(wording(text, parts) for text in drops),
        **{name: wording(text, parts) for name, text in single.items()},
    )
