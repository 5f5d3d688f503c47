"""Reading a completion, of a chat or raw: tolerant of what servers really send, strict about what it means."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from honne.errors import ModelError
from honne.models._think import split
from honne.plugins import Reply
from honne.records import counted

__all__ = ["Completion", "cleaned", "decode", "loose_json", "read", "whole"]

_LONE = re.compile("[\ud800-\udfff]")
_TRUNCATED = frozenset({"length", "max_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "sensitive", "safety", "prohibited_content", "blocklist"})
_BROKEN = frozenset({"error", "abort", "network_error"})


# Leaves are `Any`: one field of an unexpected type must not cost the whole answer.
class _Said(msgspec.Struct):
    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(msgspec.Struct):
    message: _Said | None = None
    text: Any = None
    finish_reason: Any = None
    logprobs: msgspec.Raw = msgspec.Raw(b"null")
    error: Any = None


class _Usage(msgspec.Struct):
    prompt_tokens: Any = None
    completion_tokens: Any = None


class Completion(msgspec.Struct):
    """The part of a chat completion that honne reads."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    model: Any = None
    error: Any = None


_DECODER = msgspec.json.Decoder(Completion)


def whole(text: str) -> str:
    """`text` with lone surrogates, which no UTF-8 file can hold, replaced by U+FFFD; NUL stays."""
    return _LONE.sub("\ufffd", text)


def decode(raw: bytes) -> Completion:
    """The completion in a reply's body. Raises ModelError `bad_reply` (retryable) when there is none."""
    try:
        return _DECODER.decode(raw)
    except (ValueError, RecursionError):
        pass  # msgspec refuses lone surrogates, NaN and bytes that are not UTF-8, which real servers do send
    try:
        return _DECODER.decode(msgspec.json.encode(loose_json(raw.decode("utf-8-sig", "replace"))))
    except (ValueError, RecursionError, OverflowError):
        raise ModelError(
            f"the reply is not a complete chat completion ({len(raw)} bytes)", kind="bad_reply", retryable=True
        ) from None


def loose_json(text: str) -> Any:
    """JSON as Python reads it, with lone surrogates replaced. Raises ValueError or RecursionError."""
    return cleaned(json.loads(text))


def cleaned(value: Any) -> Any:
    """A value as JSON has them, with lone surrogates replaced wherever there is text."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [cleaned(v) for v in value]
    if isinstance(value, dict):
        return {whole(k): cleaned(v) for k, v in value.items()}
    return value


def read(body: Completion) -> Reply:
    """The reply that a completion without an error object holds; its `cost` is for the caller to add."""
    choice = body.choices[0] if body.choices else None
    if choice is None or (choice.message is None and not isinstance(choice.text, str)):
        raise ModelError("the reply has no choices", kind="bad_reply", retryable=True)
    finish = choice.finish_reason if isinstance(choice.finish_reason, str) else None
    if finish in _BROKEN:
        raise ModelError(f"the server broke off (finish_reason {finish})", kind="bad_reply", retryable=True)
    said = choice.message or _Said(content=choice.text)
    text, thoughts = _content(said.content)
    given = said.reasoning_content or said.reasoning
    answer, inline, closed = split(text, bare_end=not (given or thoughts))
    parts = (given if isinstance(given, str) else None, thoughts, inline)
    reasoning = "\n\n".join(p for p in parts if p) or None
    if isinstance(said.refusal, str) and said.refusal:
        status, answer = "refused_by_provider", said.refusal
    elif finish in _FILTERED:
        status = "filtered"
    elif finish in _TRUNCATED or not closed:
        status = "truncated"
    else:
        status = "ok"
    usage = body.usage
    logprobs = bytes(choice.logprobs)
    return Reply(
        status=status,
        text=answer,
        reasoning=reasoning,
        finish=finish,
        served_model=body.model if isinstance(body.model, str) else None,
        tokens_in=counted(usage.prompt_tokens) if usage else None,
        tokens_out=counted(usage.completion_tokens) if usage else None,
        logprobs=None if logprobs in (b"null", b"") else logprobs.decode(),
    )


def _content(content: Any) -> tuple[str, str | None]:
    """Text and reasoning of a message's content, which is a string, null, or a list of typed parts."""
    if isinstance(content, str):
        return content, None
    if not isinstance(content, list):
        return "", None
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            if "thinking" in part:
                inner = part["thinking"]
                thoughts.append(inner if isinstance(inner, str) else _content(inner)[0])
            elif isinstance(part.get("text"), str):
                texts.append(part["text"])
    return "".join(texts), "".join(thoughts) or None
