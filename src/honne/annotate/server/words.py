"""The words of the pages in English, Chinese and Japanese, from `words/AREA.LANG.toml`.

A key is `area.name`. A text with a count may be a table of `one` and `other`. Texts are plain: a page escapes them with
whatever was put into their `{places}`. A key that a language lacks is an error, in a test and on the page.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.resources import files

__all__ = ["LANGUAGES", "negotiate", "translator", "words"]

LANGUAGES = {"en": "English", "zh": "中文", "ja": "日本語"}
Words = Mapping[str, str | Mapping[str, str]]


@cache
def words(lang: str) -> Words:
    """All texts of one language."""
    found: dict[str, str | Mapping[str, str]] = {}
    for path in sorted(files("honne.annotate").joinpath("words").iterdir(), key=lambda p: p.name):
        area, _, rest = path.name.partition(".")
        if rest == f"{lang}.toml":
            found |= {f"{area}.{key}": text for key, text in tomllib.loads(path.read_text(encoding="utf-8")).items()}
    return found


def _text(lang: str, key: str, /, **values: object) -> str:
    text = words(lang)[key]
    if not isinstance(text, str):
        text = text["one" if values.get("n") == 1 and "one" in text else "other"]
    return text.format(**{k: f"{v:,}" if type(v) is int else v for k, v in values.items()}) if values else text


def translator(lang: str) -> Callable[..., str]:
    """`t(key, **values)` of one language."""
    return partial(_text, lang)


def negotiate(accepted: str | None) -> str:
    """The language that an Accept-Language header (RFC 9110) prefers among those here; English where none fits."""
    wanted: list[tuple[float, int, str]] = []
    for i, part in enumerate((accepted or "")[:500].split(",")):
        tag, _, weight = part.partition(";")
        code = tag.strip().lower().split("-")[0]
        try:
            q = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if code in LANGUAGES and q > 0:
            wanted.append((-q, i, code))
    return min(wanted)[2] if wanted else "en"
