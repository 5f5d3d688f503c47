"""Bytes as text: byte order mark or strict UTF-8, else one line that names the likely encoding. Nothing is guessed."""

from __future__ import annotations

import codecs
import re
from itertools import islice

from honne.errors import ConfigError, DataError, unknown

__all__ = ["decode", "likely"]

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HAN = (
    "的一是不了在人有我他这個们個們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過"
    "发發后後作里裡用道行所然家种種事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心"
    "她本前开開但因只从從想实實问問题題答回请請吗嗎什怎何给給被让讓该該应應全安危险險类類，。？！：、"
)
_KANA = "".join(map(chr, range(0x3041, 0x3094))) + "ーンスルトリアイクラシ、。？"
_HANGUL = "이다는을의에가고하지로한기사도은를들리해어자대나서인그정있수시일아보라게만부장스적여것질문답"
_LATIN = "éèàùâêîôûçëïäöüßñáíóúãõåøæÉÀÖÜÄ’‘“”–—…€£°«»¿¡´·"
# The most frequent characters of the languages written in each encoding: a wrong decoding gives rare ones.
_CANDIDATES = (
    ("gb18030", frozenset(_HAN)),
    ("big5", frozenset(_HAN)),
    ("cp932", frozenset(_KANA)),
    ("euc-jp", frozenset(_KANA)),
    ("cp949", frozenset(_HANGUL)),
    ("cp1252", frozenset(_LATIN)),
)
_USUAL = frozenset().union("\t\r\n", *(frequent for _, frequent in _CANDIDATES))
_ENOUGH = 0.04
_NON_ASCII = re.compile(r"[^\x00-\x7f]")


def _checked(encoding: str, option: str) -> str:
    """The name of a text encoding that Python knows; raises ConfigError (naming `option`) for any other."""
    known = ("utf-8", "utf-16", *(name for name, _ in _CANDIDATES), "shift_jis", "latin-1")
    try:
        found = codecs.lookup(encoding)
        "".encode(encoding)  # refuses codecs that are not for text, such as zlib
    except (LookupError, ValueError):
        raise ConfigError(f"{option}: {unknown('encoding', encoding, known)}") from None
    return found.name


def decode(data: bytes, where: str, encoding: str | None = None, option: str = "--encoding ") -> str:
    """The text of a file, without its byte order mark. Raises DataError naming the first bad place.

    `option` is how the user names an encoding here, up to its value; the error repeats it. Raises ConfigError for an
    encoding that does not exist.
    """
    if encoding:
        encoding = _checked(encoding, option.rstrip(" ="))
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeError as e:
            hint = f"it is valid UTF-8: leave {option.rstrip(' =')} out" if _is_utf8(data) else _hint(data, option)
            raise DataError(f"{where}{_place(data, e, encoding)}: not valid {encoding}; {hint}") from None
    for mark, name in _MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(name)
            except UnicodeDecodeError as e:
                raise DataError(
                    f"{where}{_place(data, e, name)}: not valid {name}, though its byte order mark announces that"
                ) from None
    if wide := _without_mark(data):
        raise DataError(f"{where}: looks like {wide} without a byte order mark: try {option}{wide}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise DataError(
            f"{where}{_place(data, e, 'utf-8')}: not valid UTF-8 (byte 0x{data[e.start]:02X}); {_hint(data, option)}"
        ) from None


def likely(data: bytes) -> str | None:
    """The encoding in which bytes that are not UTF-8 read as plausible text; None when none does.

    Each candidate must decode everything strictly; the winner has the greatest share of characters that are frequent
    in its languages.
    """
    best, name = _ENOUGH, None
    for encoding, frequent in _CANDIDATES:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        signs = [m[0] for m in islice(_NON_ASCII.finditer(text), 20_000)]
        share = sum(sign in frequent for sign in signs) / max(len(signs), 1)
        if encoding == "cp1252":
            share *= _alone(data)
        if share > best:
            best, name = share, encoding
    return name


def _alone(data: bytes) -> float:
    """The share of non-ASCII bytes between ASCII ones: high in Western text, near 0 where characters take two bytes."""
    runs = [len(m[0]) for m in islice(re.finditer(rb"[\x80-\xff]+", data), 20_000)]
    return sum(n == 1 for n in runs) / max(sum(runs), 1)


def _without_mark(data: bytes) -> str | None:
    """UTF-16 without a mark: there are zero bytes (of commas, line ends, …), and read so, the signs are usual ones."""
    if b"\0" not in data or len(data) % 2:
        return None
    best, name = 0.2, None
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            signs = data.decode(encoding)[:20_000]
        except UnicodeDecodeError:
            continue
        share = sum(" " <= sign <= "~" or sign in _USUAL for sign in signs) / len(signs)
        if share > best:
            best, name = share, encoding
    return name


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _hint(data: bytes, option: str) -> str:
    mended = data.decode("utf-8", errors="replace")
    bad = mended.count("\ufffd")
    good = sum(1 for _ in islice(_NON_ASCII.finditer(mended), 1_000_000)) - bad
    if bad and good >= 20 * bad:
        return "nearly all of the file is valid UTF-8, so it is damaged there"
    name = likely(data)
    return f"it looks like {name}: try {option}{name}" if name else f"name its encoding with {option}NAME"


def _place(data: bytes, error: UnicodeError, encoding: str) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return ""
    if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        return f" byte {error.start + 1}"
    newlines = data.count(b"\n", 0, error.start)
    return f" line {newlines + 1}"
