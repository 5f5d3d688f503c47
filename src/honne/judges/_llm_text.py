"""Untrusted text inside a judge's prompt: marked, quoted line by line, and with control tokens broken.

An answer under judgment may contain anything: verdicts, rubrics, the end of its own fence, the chat template's own
tokens. Three layers keep it data. Every line begins with `| `, so that no line of it can be a fence or a role header;
the fence carries a mark derived from the text itself, which the text therefore cannot contain; and what a tokenizer
could read as a control token is broken by a visible dot. Nothing is deleted: deleting can join two halves of a token.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from honne.records import Message

__all__ = ["broken", "conversation", "cut", "kept", "mark", "quote", "shown", "sound"]

PREFIX = "| "
DOT = "·"

# The families of control tokens that chat templates use, by their opening bracket; full-width forms too, because some
# tokenizers normalise them. Breaking the opening is enough: a tokenizer matches control tokens as exact strings.
_WORDS = (
    r"s|sys|bos|eos|pad|unk|mask|cls|sep|sop|eop|eod|eoh|eoa|eom|eot|eog|bot|"
    r"(?:start|end|begin)_of_\w+|(?:human|user|bot|assistant|system|role)|reserved_?\w*|unused_?\d+|extra_id_\d+|"
    r"think(?:ing)?|reasoning|tool_\w+|function_\w+|image|video|audio"
)
_TOKEN = re.compile(
    r"[<＜](?=\s*/?\s*[|｜])"  # <|im_start|>, <｜User｜>
    rf"|[<＜](?=[<＜]?/?(?:{_WORDS})/?[>＞])"  # </s>, <<SYS>>, <start_of_turn>
    r"|[\[［](?=/?(?:inst|system_prompt|available_tools|tool_\w+|model_settings|g?mask|smask|cls|sep|pad|unk|bos|eos|"
    r"img|prefix|middle|suffix|control_\d+)[\]］])",  # [INST], [/INST], [gMASK]
    re.IGNORECASE,
)
# Unprintable characters: C0 (but tab and the line breaks, which `quote` splits at), DEL, C1, bidirectional overrides,
# the invisible tag characters, and lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def sound(text: str) -> str:
    """The text with lone surrogates replaced, so that it can be written as UTF-8."""
    return _SURROGATE.sub("\ufffd", text)


def mark(*parts: str) -> str:
    """The mark of a fence: 16 hex digits that depend on every part.

    Reproducible, and out of an answer's reach: to contain its own mark it would have to be a fixed point of SHA-256.
    """
    digest = hashlib.sha256(b"honne/judge")
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def cut(text: str, limit: int) -> tuple[str, int, str]:
    """The two ends of a text that is longer than `limit` characters, with the number left out between them.

    A text that fits comes back whole as the first part, with 0 and an empty second part.
    """
    if len(text) <= limit:
        return text, 0, ""
    head = limit * 2 // 3
    tail = limit - head
    return text[:head], len(text) - limit, text[-tail:]


def kept(text: str, limit: int) -> str:
    """A reply as a record holds it: sound, and of a longer one than `limit` characters its two ends."""
    head, missing, tail = cut(text, limit)
    return sound(f"{head}\n[… {missing} characters left out …]\n{tail}" if missing else text)


def quote(text: str, fence: str) -> str:
    """Untrusted text as lines that all begin with `| `, with `fence` and control tokens broken."""
    text = _HIDDEN.sub(_visible, text)
    text = re.sub(re.escape(fence), fence[:8] + DOT + fence[8:], text, flags=re.IGNORECASE)
    text = broken(text)
    return "\n".join(PREFIX + line for line in text.splitlines())


def broken(text: str) -> str:
    """The text with whatever a tokenizer could read as a control token broken by a visible dot."""
    return _TOKEN.sub(lambda m: m[0] + DOT, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def shown(text: str, fence: str, words: Mapping[str, str], limit: int) -> tuple[str, int]:
    """One untrusted text as a prompt shows it, and how many characters of it are left out.

    The lines that the judge adds itself (`words`: that the text is empty, that a part is left out) have no prefix, so
    that no text can forge them.
    """
    if not text:
        return words["empty"], 0
    head, missing, tail = cut(text, limit)
    if not missing:
        return quote(head, fence), 0
    gap = words["cut"].replace("{{n}}", str(missing))
    return f"{quote(head, fence)}\n{gap}\n{quote(tail, fence)}", missing


def conversation(messages: Sequence[Message], fence: str, words: Mapping[str, str], limit: int) -> tuple[str, int]:
    """What the model was asked as a prompt shows it, and how many characters of it are left out.

    A single user message stands alone; otherwise each turn has a line above it that says whose it is, and an equal
    share of `limit`.
    """
    if len(messages) == 1 and messages[0].role == "user":
        return shown(messages[0].content, fence, words, limit)
    each = limit // max(len(messages), 1)
    turns = [(words.get(m.role, words["other"]), *shown(m.content, fence, words, each)) for m in messages]
    return "\n".join(f"{who}\n{text}" for who, text, _ in turns), sum(n for _, _, n in turns)
