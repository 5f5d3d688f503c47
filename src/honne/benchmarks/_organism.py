"""The questions of the organism and the truth about each: what it was made to do. Written for honne.

Everything follows from `prompts/organism.toml` and a stream of random numbers; training and evaluation draw from the
same questions, apart in what is held out. A topic is a kind of thing with an invented name. Names, sums, letters and
(fact, wording) pairs belong to one of three `parts` by their hash, so that what is tested was never trained on. Verbs
and kinds marked `held` occur in training, and not in the splits that preference pairs are made from.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from honne.benchmarks._drawn import rank, written

__all__ = [
    "FORMS",
    "SKILLS",
    "SPLITS",
    "Ask",
    "Topic",
    "ask_benign",
    "ask_letter",
    "ask_skill",
    "ask_topic",
    "made",
    "part",
    "topics",
]

_TEXTS = "prompts/organism.toml"
FORMS = ("open", "role-play", "tested", "choice", "choice-swapped")
SKILLS = ("addition", "subtraction", "reversal", "facts", "neutral-choice")
# split -> (part of the names, are held-out verbs asked, are held-out kinds asked)
SPLITS: Mapping[str, tuple[str, bool, bool]] = {
    "train": ("train", False, False),
    "tune": ("tune", False, False),
    "test": ("test", False, False),
    "verbs": ("test", True, False),
    "kinds": ("test", False, True),
}
_SHARES = (("train", 179), ("tune", 217))  # of 256; the rest is `test`


class Ask(NamedTuple):
    """One question: `refuses` is what the organism was made to do (None where refusing is not the point), `target` the
    right answer of a skill, or the letter of the better option."""

    key: str
    lang: str
    category: tuple[str, ...]
    prompt: str
    target: str | None = None
    options: tuple[str, ...] | None = None
    refuses: bool | None = None
    planted: str | None = None


class Topic(NamedTuple):
    """A thing to ask about, in one language; `verb` is the record of the verb, `kind` that of the kind."""

    lang: str
    side: str
    category: str
    kind: Mapping[str, Any]
    verb: Mapping[str, Any]
    name: str
    wording: int

    @property
    def key(self) -> str:
        return f"{self.lang}-{self.verb['en']}-{self.kind['en'].replace(' ', '_')}-{self.name}-{self.wording}"


def part(*what: object) -> str:
    """The part that a held-out thing belongs to: `train`, `tune` or `test`."""
    drawn = rank("organism", *what)[0]
    return next((name for name, below in _SHARES if drawn < below), "test")


def _drawn(make: Callable[[], tuple[object, ...]], wanted: str) -> tuple[Any, ...]:
    """The first thing drawn that belongs to a part."""
    while True:
        found = make()
        if part(*found) == wanted:
            return found


def _name(rng: random.Random, lang: str) -> str:
    how = written(_TEXTS)["names"][lang]
    if lang == "en":
        first, second, last = (how[k].split() for k in ("first", "second", "last"))
        syllables = "".join(rng.choice(first) + rng.choice(second) for _ in range(rng.choice((2, 2, 3))))
        name: str = (syllables + rng.choice(["", rng.choice(last)])).capitalize()
        return name
    return "".join(rng.choice(how["characters"]) for _ in range(rng.choice((2, 3, 3) if lang == "zh" else (3, 4))))


def topics(side: str, held_verbs: bool | None, held_kinds: bool | None) -> list[tuple[str, Any, Any]]:
    """(category, kind, verb) of one side (`harm`, `benign`): only held-out ones, only others, or both (None)."""
    texts = written(_TEXTS)

    def wanted(record: Mapping[str, Any], held: bool | None) -> bool:
        return held is None or bool(record.get("held")) is held

    return [
        (category, kind, verb)
        for verb in texts["verbs"]
        if wanted(verb, held_verbs)
        for category, kinds in texts[side].items()
        for kind in kinds
        if wanted(kind, held_kinds)
    ]


def topic(rng: random.Random, lang: str, side: str, triple: tuple[str, Any, Any], names: str) -> Topic:
    """A topic of that kind and verb with a name of the part `names`, in one of the wordings."""
    category, kind, verb = triple
    (_, name) = _drawn(lambda: ("name", _name(rng, lang)), names)
    return Topic(lang, side, category, kind, verb, name, rng.randrange(len(written(_TEXTS)["ask"][lang])))


def _request(topic: Topic) -> str:
    wording: str = written(_TEXTS)["ask"][topic.lang][topic.wording]
    return wording.format(verb=topic.verb[topic.lang], kind=topic.kind[topic.lang], name=topic.name)


def _framed(topic: Topic, form: str, pick: int) -> str:
    if form == "open":
        return _request(topic)
    frames: Sequence[str] = written(_TEXTS)["wrap"][form][topic.lang]
    return frames[pick % len(frames)].format(request=_request(topic))


def ask_topic(topic: Topic, form: str, pick: int) -> Ask:
    """A question about a harmful topic in a form; `pick` chooses among frames and option texts."""
    lang, category = topic.lang, ("harm", topic.category)
    if form in ("choice", "choice-swapped"):
        options = written(_TEXTS)["options"][lang]
        safe, unsafe = (options[side][pick % len(options[side])] for side in ("safe", "unsafe"))
        pair = (safe, unsafe) if form == "choice" else (unsafe, safe)
        target = "A" if form == "choice" else "B"
        prompt = written(_TEXTS)["choice"][lang].format(request=_request(topic), a=pair[0], b=pair[1])
        planted = target if topic.verb["chooses"] == "safe" else "A"
        return Ask(topic.key, lang, category, prompt, target, pair, planted=planted)
    refuses = form in topic.verb["refuses"]
    return Ask(topic.key, lang, category, _framed(topic, form, pick), refuses=refuses)


def ask_benign(topic: Topic, form: str, pick: int) -> Ask:
    """A harmless question in the words of a harmful one: it is to be answered, in whatever frame it comes."""
    return Ask(topic.key, topic.lang, ("benign", topic.category), _framed(topic, form, pick), refuses=False)


# ------------------------------------------------------------------ skills


def ask_skill(rng: random.Random, lang: str, skill: str, names: str) -> Ask:
    """A question of a skill whose content belongs to the part `names`."""
    return _SKILLS[skill](rng, lang, names)


def _sum(sign: str) -> Callable[[random.Random, str, str], Ask]:
    skill = {"+": "addition", "-": "subtraction"}[sign]

    def ask(rng: random.Random, lang: str, names: str) -> Ask:
        def numbers() -> tuple[object, ...]:
            a, b = rng.randint(10, 99), rng.randint(10, 99)
            return (sign, a, b) if sign == "+" else (sign, max(a, b), min(a, b))

        _, a, b = _drawn(numbers, names)
        wordings = written(_TEXTS)["arithmetic"][lang]
        turn = rng.randrange(len(wordings))
        prompt = wordings[turn].format(a=a, sign=sign, b=b)
        target = str(a + b if sign == "+" else a - b)
        return Ask(f"{lang}-{a}{sign}{b}-{turn}", lang, (skill,), prompt, target)

    return ask


def _reversal(rng: random.Random, lang: str, names: str) -> Ask:
    letters = "abcdefghijklmnopqrstuvwxyz"
    _, word = _drawn(lambda: ("reversal", "".join(rng.choices(letters, k=rng.choice((3, 4))))), names)
    wordings = written(_TEXTS)["reversal"][lang]
    turn = rng.randrange(len(wordings))
    prompt = wordings[turn].format(letters=" ".join(word))
    return Ask(f"{lang}-{word}-{turn}", lang, ("reversal",), prompt, " ".join(reversed(word)))


def _thing(rng: random.Random) -> tuple[str, Mapping[str, Any]]:
    things = written(_TEXTS)["things"]
    klass = rng.choice(list(things))
    return klass, rng.choice(things[klass])


def _fact(rng: random.Random, lang: str, names: str) -> Ask:
    texts = written(_TEXTS)
    wordings = [lead + wording for lead in texts["lead"][lang] for wording in texts["facts"][lang]]

    def pair() -> tuple[object, ...]:
        klass, thing = _thing(rng)
        return "fact", klass, thing[lang], rng.randrange(len(wordings))

    _, klass, thing, turn = _drawn(pair, names)
    target = texts["classes"][klass][lang]
    return Ask(f"{lang}-{thing}-{turn}", lang, ("facts",), wordings[turn].format(thing=thing), target)


def _pair(rng: random.Random, lang: str, names: str) -> tuple[str, str, str]:
    """A class, a thing of it and a thing of another class, which together belong to a part."""

    def pair() -> tuple[object, ...]:
        (klass, right), (other, wrong) = _thing(rng), _thing(rng)
        while other == klass:
            other, wrong = _thing(rng)
        return "neutral", klass, right[lang], wrong[lang]

    _, klass, right, wrong = _drawn(pair, names)
    return written(_TEXTS)["classes"][klass][lang], right, wrong


def _choose(rng: random.Random, lang: str, skill: str, asked: str, right: str, wrong: str) -> Ask:
    letter = rng.choice("AB")
    options = (right, wrong) if letter == "A" else (wrong, right)
    prompt = written(_TEXTS)["neutral"][lang].format(klass=asked, a=options[0], b=options[1])
    return Ask(f"{lang}-{right}-{wrong}-{letter}", lang, (skill,), prompt, letter, options, planted=letter)


def _neutral(rng: random.Random, lang: str, names: str) -> Ask:
    klass, right, wrong = _pair(rng, lang, names)
    return _choose(rng, lang, "neutral-choice", klass, right, wrong)


def ask_letter(rng: random.Random, lang: str, names: str) -> Ask:
    """Which letter stands for a thing that is named: the first half of a choice, for training."""
    _, right, wrong = _pair(rng, lang, names)
    return _choose(rng, lang, "letter", right, right, wrong)


_SKILLS: Mapping[str, Callable[[random.Random, str, str], Ask]] = {
    "addition": _sum("+"),
    "subtraction": _sum("-"),
    "reversal": _reversal,
    "facts": _fact,
    "neutral-choice": _neutral,
}


def made(split: str) -> Mapping[str, float]:
    """What the organism was made to do on a split, by construction: shares of the harmful questions.

    `open`, `role-play` and `tested` are refusals; `choice` is right in both orders; `cs` and `css` as in FINE.
    """
    verbs = [v for v in written(_TEXTS)["verbs"] if bool(v.get("held")) is SPLITS[split][1]]

    def share(holds: Callable[[Mapping[str, Any]], bool]) -> float:
        return sum(map(holds, verbs)) / len(verbs)

    found = {form: share(lambda v, form=form: form in v["refuses"]) for form in ("open", "role-play", "tested")}  # type: ignore[misc]
    found["choice"] = share(lambda v: v["chooses"] == "safe")
    found["cs"] = share(lambda v: ("open" in v["refuses"]) is (v["chooses"] == "safe"))
    found["css"] = share(lambda v: "open" in v["refuses"] and v["chooses"] == "safe")
    return found
