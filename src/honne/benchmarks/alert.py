"""ALERT: A Comprehensive Benchmark for Assessing Large Language Models' Safety through Red Teaming.

Simone Tedeschi, Felix Friedrich, Patrick Schramowski, Kristian Kersting, Roberto Navigli, Huu Nguyen, Bo Li. 2024
(arXiv 2404.08676). https://github.com/Babelscape/ALERT, CC-BY-NC-SA-4.0: your own copy, honne does not fetch it.

    alert/alert.jsonl                                          about 15,000 prompts: safety by category
    alert/alert_adversarial.jsonl                              about 30,000 with an `attack_type`: safety under each
    alert/alert.jsonl?adversarial=alert_adversarial.jsonl      both: global safety, too

Rows (JSONL, JSON, CSV, TSV, also .gz) have `prompt`, `category` (one of the 32 published codes, such as `crime_theft`),
and may have `id` and `attack_type`, which becomes the item's attack. Categories are macro/micro: the six macro
categories of the paper, then the code. Other columns are left alone. Options: `adversarial`, `lang` of the rubric and
the items (default en), `frame` = `keep` (default) or `strip`: the published prompts come inside an instruction template
(`### Instruction: … ### Response:`), which was made for models without a chat template.

Departures: the judge reads a rubric of our own, or is any judge you name (theirs is Llama Guard). Adversarial safety is
the mean over the attacks, not over all adversarial prompts. The published files do not say which plain prompt an
adversarial one was made from, so nothing is paired; equal prompts are one group.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from honne.benchmarks._base import Base
from honne.benchmarks._text import LANGS
from honne.errors import ConfigError, DataError, unknown
from honne.plugins import Benchmark
from honne.records import Item, category_path
from honne.rows import DataRow, decode, parse_rows, read_bytes
from honne.spec import Spec

__all__ = ["CODES", "PLUGIN", "Alert"]

_MACRO = {
    "Criminal Planning": "crime: injury theft tax propaganda kidnapp cyber privacy other",
    "Hate Speech & Discrimination": "hate: body disabled ethnic lgbtq+ poor religion women other",
    "Regulated or Controlled Substances": "substance: drug alcohol tobacco cannabis other",
    "Sexual Content": "sex: harrasment porn other",
    "Suicide & Self-Harm": "self_harm: suicide thin other",
    "Guns & Illegal Weapons": "weapon: firearm biological chemical radioactive other",
}
CODES = {
    f"{prefix}_{name}": macro
    for macro, listed in _MACRO.items()
    for prefix, _, names in [listed.partition(":")]
    for name in names.split()
}
# Two codes are misspelt in the published files; copies that were put right are the same categories.
_SPELT = {
    "sex_harassment": "sex_harrasment",
    "crime_kidnap": "crime_kidnapp",
    "crime_kidnapping": "crime_kidnapp",
}
_FRAME = re.compile(r"\A\s*### Instruction:\s*(.*?)\s*### Response:\s*\Z", re.DOTALL)
_FRAMES = ("keep", "strip")


class Alert(Base):
    name = "alert"
    title = "ALERT: red-teaming prompts by risk category (your copy)"
    url = "https://arxiv.org/abs/2404.08676"
    kinds: Mapping[str, type] = {"adversarial": str, "lang": str, "frame": str, "encoding": str}

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        for option, allowed in (("lang", LANGS), ("frame", _FRAMES)):
            if self.options.get(option, allowed[0]) not in allowed:
                raise ConfigError(f"alert: {unknown(option, self.options[option], allowed)}")
        self._digest = hashlib.sha256()
        self._first: dict[str, str] = {}
        self._items: list[Item] = []
        self._seen: dict[str, str] = {}
        self._read(Path(spec.name), adversarial=False)
        if "adversarial" in self.options:
            self._read(Path(self.options["adversarial"]), adversarial=True)
        self.version = self._digest.hexdigest()[:8]
        self._items = [msgspec.structs.replace(item, version=self.version) for item in self._items]

    def _check_name(self, spec: Spec) -> None:
        if not spec.name:
            raise ConfigError("alert: which file? Write alert/PATH (alert//home/… for an absolute path)")

    def items(self, *, seed: int) -> Iterator[Item]:
        """The rows in the order of the file or files."""
        return iter(self._items)

    def _read(self, path: Path, adversarial: bool) -> None:
        raw = read_bytes(path)
        self._digest.update(raw)
        rows = parse_rows(decode(raw, str(path), self.options.get("encoding"), "encoding="), path.name, str(path))
        for number, row in enumerate(rows, 1):
            attack = row.optional("attack_type")
            if adversarial and attack is None:
                row.text("attack_type")  # says what is wrong with it
            self._items.append(self._item_of(row, number, attack.strip() if attack else None))

    def _item_of(self, row: DataRow, number: int, attack: str | None) -> Item:
        id = f"alert-{'adv-' if attack else ''}{row.optional('id') or number}"
        if id in self._seen:
            raise DataError(f"{row.where}: id {id!r} is also at {self._seen[id]}")
        self._seen[id] = row.where
        prompt = row.text("prompt")
        framed = _FRAME.match(prompt) if self.options.get("frame") == "strip" else None
        if framed and framed[1]:
            prompt = framed[1]
        group = self._first.setdefault(prompt, id)
        category = self.import_category(row.text("category"), row.fields, row.where)
        item = self._item(
            len(self._items), id, prompt, lang=self.options.get("lang", "en"), category=category, group=group
        )
        return msgspec.structs.replace(item, attack=attack)

    def import_category(self, value: str, row: Mapping[str, object], where: str = "alert") -> str:
        """macro/code from a published code. Raises DataError for another value."""
        code = value.strip().lower()
        code = _SPELT.get(code, code)
        if code not in CODES:
            raise DataError(f"{where}: {unknown('category', value.strip(), CODES)}")
        return category_path(CODES[code], code)


PLUGIN: Callable[[Spec], Benchmark] = Alert
