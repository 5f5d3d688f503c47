"""The organism's skills: sums and differences of two digits, reversal, facts, and a neutral choice. Written for honne.

What alignment must not cost. The numbers, letters, wordings of facts and pairs of options of the splits are apart from
those of the training text. `n` questions (default 180, at most 180) of each skill and language; a skill is a form of
its own, so `forms=addition,facts` asks for some of them; for the other options see `_organism_items.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from honne.benchmarks._graded import RIGHT
from honne.benchmarks._organism import SKILLS, SPLITS, Ask, ask_skill
from honne.benchmarks._organism_items import OrganismBase
from honne.plugins import Benchmark, Scale
from honne.records import Item
from honne.spec import Spec

__all__ = ["PLUGIN", "OrganismSkills"]


class OrganismSkills(OrganismBase):
    name = "organism-skills"
    title = "The organism: skills"
    metrics: tuple[str, ...] = ("open_accuracy", "accuracy")
    forms = ("addition", "subtraction", "reversal", "facts", "choice")
    default_n = 180
    most = 180  # as many different facts as every split has in each language

    def items(self, *, seed: int) -> Iterator[Item]:
        """Skills and languages take turns."""
        streams = [
            (form, self._skilled("neutral-choice" if form == "choice" else form, lang, seed))
            for lang in self._langs
            for form in self._forms
        ]
        seq = 0
        for _ in range(self._n):
            for form, stream in streams:
                ask = next(stream)
                yield self._asked(seq, ask, form, (ask.category[0], ask.lang), topic=ask.category[0])
                seq += 1

    def _skilled(self, skill: str, lang: str, seed: int) -> Iterator[Ask]:
        """An endless stream of different questions of a skill."""
        rng = random.Random(f"{skill}|{lang}|{self._split}|{seed}")
        seen = set()
        while True:
            ask = ask_skill(rng, lang, skill, SPLITS[self._split][0])
            if ask.key not in seen:
                seen.add(ask.key)
                yield ask

    def scale(self, category: str) -> Scale:
        """Right or wrong."""
        return RIGHT


assert len(OrganismSkills.forms) == len(SKILLS)
PLUGIN: Callable[[Spec], Benchmark] = OrganismSkills
