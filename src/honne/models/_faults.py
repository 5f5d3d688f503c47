"""What a failed HTTP request to a chat server means: a filtered answer, the item's own fault, or the server's.

Names of the content filters are the providers' own: Azure (`content_filter`, `ResponsibleAIPolicyViolation`), OpenAI
(`content_policy_violation`, `invalid_prompt` with a word on policy), DashScope (`data_inspection_failed`), Volcengine
(`…SensitiveContentDetected`, `…RiskDetection`), Zhipu (1301), DeepSeek (only the sentence "Content Exists Risk"),
OpenRouter (403 with moderation metadata).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from honne.errors import ModelError
from honne.plugins import Reply

__all__ = ["body_error", "error_parts", "failure", "one_line", "retry_after", "schema_rejected", "scrubber"]

Scrub = Callable[[str], str]

_FILTER_CODES = re.compile(
    r"contentfilter|contentpolicy|responsibleai|datainspectionfailed|sensitivecontent|sensitivewords|riskdetection"
    r"|promptblocked|contentblocked|contentmoderation|moderationblocked|prohibitedcontent|^1301$"
)
_FILTER_WORDS = re.compile(
    r"content exists risk|content management policy|datainspectionfailed|inapprop[r]?iate content"
    r"|flagged as potentially violating|sensitive chat messages",
    re.I,
)
_QUOTA = re.compile(r"insufficient_?quota|insufficient_?(user_?)?balance|billing_(hard_limit|not_active)", re.I)
_TRANSIENT = re.compile(
    r"rate.?limit|too.?many|overload|unavailable|time.?out|internal|server.?error|temporar|try.?again|busy|network",
    re.I,
)
_SCHEMA = re.compile(r"response_?format|json_?schema|structured.?output|guided|grammar", re.I)
_KEYLIKE = re.compile(r"\b(?:sk|pk|rk|gsk|xai|hf|key|AIza)[-_]?[A-Za-z0-9_\-*.…]{12,}|(?<=Bearer )\S+", re.I)
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_MESSAGE_LIMIT = 300


def scrubber(*secrets: str | None) -> Scrub:
    """A function that takes `secrets`, and whatever looks like a key, out of a text."""
    known = [s for s in secrets if s and len(s) >= 4]

    def scrub(text: str) -> str:
        for secret in known:
            text = text.replace(secret, "***")
        return _KEYLIKE.sub("***", text)

    return scrub


def one_line(text: str) -> str:
    """`text` on one line, without control characters, cut to a length that fits a message."""
    flat = _SPACE.sub(" ", text).strip()
    return flat if len(flat) <= _MESSAGE_LIMIT else flat[: _MESSAGE_LIMIT - 1] + "…"


def error_parts(raw: bytes) -> tuple[list[str], str, Mapping[str, Any]]:
    """The codes, the message and the error object of an error body; empty where the body is no JSON we know."""
    try:
        body = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return [], "", {}
    return _parts(body)


def _parts(body: Any) -> tuple[list[str], str, Mapping[str, Any]]:
    if isinstance(body, list) and body:
        body = body[0]  # Google's compatible endpoint wraps its error in a list
    if not isinstance(body, dict):
        return [], body if isinstance(body, str) else "", {}
    error = body.get("error", body)
    if not isinstance(error, dict):
        return [], str(error), body
    inner = error.get("innererror")
    found = [error.get("code"), error.get("type"), error.get("status")]
    found.append(inner.get("code") if isinstance(inner, dict) else None)
    codes = [str(c) for c in found if isinstance(c, str | int) and not isinstance(c, bool)]
    return codes, _message(error), error


def _message(error: Mapping[str, Any]) -> str:
    said = error.get("message") or error.get("detail") or error.get("msg") or ""
    if isinstance(said, list) and said and isinstance(said[0], dict):
        # FastAPI's validation errors quote the input, which may be the whole prompt: take the place and the reason
        place = ".".join(str(p) for p in said[0].get("loc", ()))
        said = f"{place}: {said[0].get('msg', '')}"
    return said if isinstance(said, str) else ""


def filtered_by(codes: list[str], message: str, error: Mapping[str, Any]) -> bool:
    """Whether an error says that a content filter blocked the request."""
    plain = [re.sub(r"[^a-z0-9]", "", c.lower()) for c in codes]
    if any(_FILTER_CODES.search(c) for c in plain) or _FILTER_WORDS.search(message):
        return True
    if "invalidprompt" in plain and re.search(r"flagged|policy", message, re.I):
        return True
    metadata = error.get("metadata")
    return isinstance(metadata, dict) and ("flagged_input" in metadata or bool(metadata.get("reasons")))


def schema_rejected(raw: bytes) -> bool:
    """Whether a 400 or 422 complains about the JSON schema, so that asking without one may work."""
    codes, message, error = error_parts(raw)
    text = " ".join([*codes, message, str(error.get("param", ""))])
    return bool(_SCHEMA.search(text)) and not filtered_by(codes, message, error)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000.0)
    except (KeyError, ValueError):
        pass
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < float("inf") else None


def failure(status: int, headers: Mapping[str, str], raw: bytes, *, where: str, hint: str, scrub: Scrub) -> Reply:
    """Turn a reply with an HTTP status other than 200 into a `filtered` Reply, or raise its ModelError.

    `where` is the address as it may be shown, `hint` what to say about the key after a 401 or 403.
    """
    codes, message, error = error_parts(raw)
    said = one_line(scrub(message))
    if status in (400, 403, 422, 451) and filtered_by(codes, message, error):
        return Reply(status="filtered", finish="content_filter", error=f"HTTP {status}: {said}" if said else None)
    text = f"HTTP {status} from {where}" + (f": {said}" if said else "")
    kind = f"http_{status}"
    if status == 402 or (status in (403, 429) and _QUOTA.search(" ".join(codes))):
        raise ModelError(f"{text} (the account has no credit left)", kind=kind, fatal=True)
    if status in (401, 403):
        raise ModelError(f"{text} ({hint})", kind=kind, fatal=True)
    if status == 404:
        raise ModelError(f"{text} (check the model's name and base_url)", kind=kind, fatal=True)
    if status in (408, 409, 425, 429) or status >= 500:
        raise ModelError(text, kind=kind, retryable=True, retry_after=retry_after(headers))
    if status < 400:
        raise ModelError(f"{text}: the server redirects or gives no answer (check base_url)", kind=kind, fatal=True)
    if status in (405, 407, 410):
        raise ModelError(f"{text} (check base_url and the proxy)", kind=kind, fatal=True)
    raise ModelError(text, kind=kind, item_fault=True)


def body_error(body: Any, *, where: str, hint: str, scrub: Scrub) -> Reply:
    """The same for an error object inside a reply with status 200."""
    codes, message, error = _parts({"error": body})
    for code in codes:
        if code.isdecimal() and 400 <= int(code) < 600:
            raw = msgspec.json.encode({"error": body})
            return failure(int(code), {}, raw, where=where, hint=hint, scrub=scrub)
    said = one_line(scrub(message)) or "no message"
    if filtered_by(codes, message, error):
        return Reply(status="filtered", finish="content_filter", error=said)
    transient = _TRANSIENT.search(" ".join(codes)) is not None
    raise ModelError(f"error in the reply of {where}: {said}", kind="error_in_reply", retryable=transient)
