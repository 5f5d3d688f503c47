"""Stage 1 of the choice parser: one plain form for the many ways in which models dress a reply up.

Full-width forms become half-width, circled letters and digits become bracketed ones, markup goes, and what marks an
answer by its form alone (`[[A]]`, a LaTeX box, an `<answer>` tag, a JSON key) becomes a mark that later stages read.
"""

from __future__ import annotations

import re
import unicodedata

from honne.judges._choice_marks import CLOSE, OPEN

__all__ = ["LIMIT", "clean", "rounds", "squash"]

# Of a longer reply only the two ends are read: a choice is stated first or last, and time stays bounded.
LIMIT = 16_000

_JUNK = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
_BREAKS = re.compile("\r\n?|[\x85\u2028\u2029]")
_KEYCAP = re.compile("([0-9])\ufe0f?\u20e3")


def _rings() -> dict[int, str]:
    table: dict[int, str] = {}
    for start in (0x2460, 0x2776, 0x2780, 0x278A, 0x24F5, 0x3280):
        table |= {start + i: f"({i + 1})" for i in range(10)}
    for start in (0x24B6, 0x24D0, 0x1F110, 0x1F130, 0x1F150, 0x1F170, 0x1F1E6):
        table |= {start + i: f"({chr(65 + i)})" for i in range(26)}
    return table


_RINGS = _rings()
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("“”„‟〝〞「」『』«»", '"'),
        **dict.fromkeys("‘’‚‛", "'"),
        **dict.fromkeys("【〔〖", "["),
        **dict.fromkeys("】〕〗", "]"),
        **dict.fromkeys("—–―−", "-"),
        "\u3000": " ",
        "\t": " ",
        "→": "->",
        "⇒": "->",
    }
)

_THOUGHT = re.compile(r"</think(?:ing)?>", re.I)
_OPEN_THINK = re.compile(r"<think(?:ing)?>.*", re.S | re.I)
_ANSWER_TAG = re.compile(r"<(?:final[_-]?answer|final|answer|choice|option)>", re.I)
_BLOCK_TAG = re.compile(r"<(?:br|/?p|/?div|/?li|/?tr|/?h[1-6]|/?ul|/?ol|hr)\b[^<>]{0,100}>", re.I)
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>")
_TOKEN = re.compile(r"<\|[^|<>\n]{0,40}\|>|\[/?INST\]|<</?SYS>>|</?s>")
_LONE_TAG = re.compile(r"\s*<\s*([A-Ja-j]|10|[1-9])\s*>\s*")
_BOX = re.compile(r"\\f?boxed\s*\{((?:[^{}]|\{[^{}]{0,80}\}){0,300})\}")
_LATEX = re.compile(r"\\(?:text|mathrm|mathbf|mathit|textbf|rm|bf|mathsf|operatorname)\b|\\[\[\]()]|[${}]")
_PAIR = re.compile(r"\[\[([^\[\]\n]{1,400})\]\]")
_STRUCK = re.compile(r"~~[^~\n]{1,400}~~")
_LINE_MARKS = re.compile(r"^[ ]*(?:(?:#{1,6}|>|[-•·‣◦+])[ ]+|>)+", re.M)
_EMPHASIS = re.compile(r"[*`]+|(?<![A-Za-z0-9])_{1,3}|_{1,3}(?![A-Za-z0-9_])")
_SPACES = re.compile(r" {2,}")
_EDGES = re.compile(r" ?\n ?")

_KEY = re.compile(r"([{,\n]\s*)[\"']([^\"'\n:]{1,30})[\"']\s*:")
_ANSWER_KEY_WORDS = (
    "answer final_answer finalanswer final choice choices option selected selected_option selection select pick "
    "verdict decision preferred preference better best winner result label letter prediction response output "
    "judgment judgement 答案 最终答案 选择 选项 回答 结论 答え 選択 選択肢 解答 結論 正解"
)
_ANSWER_KEYS = frozenset(_ANSWER_KEY_WORDS.split())

# Base models go on with the next question: what follows it is no answer to ours.
_ROUND = re.compile(
    r"\n ?(?:###? ?)?(?:(?:next |sample )?question(?: ?\d+)?|q\d{0,2}|exercise|context|human|user|instruction|input|"
    r"问题|題目|题目|問題|質問|用户|ユーザー) ?\d{0,3} ?[:)].*",
    re.S | re.I,
)


def clean(reply: str) -> str:
    """The reply in one plain form (linear time; at most `LIMIT` characters of it)."""
    text = _JUNK.sub("", _KEYCAP.sub(r"(\1)", _BREAKS.sub("\n", _ends(reply))))
    text = unicodedata.normalize("NFKC", text.translate(_RINGS)).translate(_SIGNS)
    text = _ends(_JUNK.sub("", text))
    text = _OPEN_THINK.sub("", _THOUGHT.split(text)[-1], count=1)
    text = _BLOCK_TAG.sub("\n", _TOKEN.sub("\n", _ANSWER_TAG.sub("\nanswer: ", text)))
    lone = _LONE_TAG.fullmatch(text)
    if lone:
        return lone[1]
    text = _TAG.sub("", text).replace("|", ";")
    text = _JUNK.sub("", text)
    text = _BOX.sub(rf"\n{OPEN}\1{CLOSE}\n", text)
    if "{" in text and ('"' in text or "'" in text):
        text = _KEY.sub(_key, text.replace("\\n", "\n").replace('\\"', '"'))
    text = _LATEX.sub(" ", text)
    text = _PAIR.sub(rf" {OPEN}\1{CLOSE} ", text)
    text = _EMPHASIS.sub("", _LINE_MARKS.sub("", _STRUCK.sub(" ", text)))
    return _EDGES.sub("\n", _SPACES.sub(" ", text)).strip()


def _ends(text: str) -> str:
    return text if len(text) <= LIMIT else f"{text[: LIMIT // 2]}\n{text[-LIMIT // 2 :]}"


def _key(m: re.Match[str]) -> str:
    known = m[2].strip().lower().replace(" ", "_") in _ANSWER_KEYS
    return "\nanswer: " if known else "\n"


def rounds(text: str) -> tuple[str, str]:
    """A cleaned reply split where it starts a round of its own: (our answer, the rest), the rest often empty."""
    found = _ROUND.search(text)
    return (text[: found.start()].strip(), found.group()) if found else (text, "")


def squash(text: str) -> str:
    """Only the letters and digits, lower-case: for comparing restated text without its punctuation."""
    return "".join(c for c in text.lower() if c.isalnum())
