"""`litellm/PROVIDER/NAME`: the providers that litellm speaks to (Anthropic, Bedrock, Vertex, Cohere, …).

An extra: `pip install 'honne[litellm]'`. litellm only translates here: retries, rate, budget and records are honne's.
Its callbacks, logs and caches and its download of a price list at import are off; parameters that a provider does not
know are an error instead of being dropped.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from honne.errors import ConfigError, MissingExtra, ModelError
from honne.models import _chat, _faults, _options
from honne.plugins import Reply, Request
from honne.records import Message
from honne.spec import Spec, env, public_url, read_options

__all__ = ["PLUGIN", "LiteLLM"]

_ASKED = {**_options.ASKED, "reasoning_effort": str}
# litellm puts its own class names before what the provider said.
_PREFIX = re.compile(r"^(?:litellm\.)?(?:\w*(?:Error|Exception|Timeout):?\s*(?:-\s*)?)+", re.I)
_ENCODER = msgspec.json.Encoder()


class LiteLLM:
    """A model behind litellm. Options as for `openai/NAME`; `body.FIELD` goes into the request's `extra_body`.

    The key comes from the variable that the provider is known by (ANTHROPIC_API_KEY, …), or from `key_env`.
    """

    _open = 0

    def __init__(self, spec: Spec) -> None:
        provider, _, name = spec.name.partition("/")
        if not provider or not name:
            raise ConfigError(
                "litellm needs a provider and a model: litellm/PROVIDER/NAME, e.g. litellm/anthropic/NAME"
            )
        if importlib.util.find_spec("litellm") is None:
            raise MissingExtra(f"{spec.label} (litellm)", "litellm")
        given = read_options(spec, {**_options.TRANSPORT, **_ASKED}, open_prefix="body.")
        self.name = spec.label
        self.concurrency: int = given.get("concurrency", 64)
        self._model = spec.name
        self._timeout: float = given.get("timeout", 120.0)
        self._prices: tuple[float | None, float | None] = (given.get("price_in"), given.get("price_out"))
        _options.check(self.name, given)
        self.settings: Mapping[str, Any] = self._settings(given)
        sent = self._settings({**given, **{k: v for k, v in spec.real.items() if k in spec.secrets}})
        self._system: str | None = sent.pop("system", None) or None
        self._seed: int | None = sent.pop("seed", None)
        self._fixed = sent
        self._base = spec.secret("base_url")
        self._where = public_url(self._base) if self._base else provider
        self._key = self._found_key(given.get("key_env"), provider)
        self._hint = f"check the key in {given.get('key_env') or provider.upper() + '_API_KEY'}"
        self._scrub = _faults.scrubber(
            self._key, *re.findall(r"[^/?&=@:]{6,}", self._base.partition("?")[2] if self._base else "")
        )
        self._schema_refused = False
        self._opened = False

    # ------------------------------------------------------------------ options

    def _settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        out, body = _options.settings(self.name, given, _ASKED)
        return out | ({"extra_body": body} if body else {})

    def _found_key(self, variable: str | None, provider: str) -> str | None:
        if variable is not None:
            key = (env(variable) or "").strip()
            if not key:
                raise ConfigError(f"{self.name}: key_env={variable} names a variable that is not set")
            return key
        # A server of one's own that wants no key: litellm's clients want one nevertheless.
        return "none" if self._base and not env(f"{provider.upper()}_API_KEY") else None

    # ---------------------------------------------------------------- interface

    async def open(self) -> None:
        """Load litellm and see that the provider's variables are set. Nothing is sent."""
        litellm = await asyncio.to_thread(_litellm)
        if not self._opened:
            self._opened = True
            LiteLLM._open += 1
        if self._key is None:
            found = litellm.validate_environment(model=self._model)
            missing = found.get("missing_keys") or []
            if missing and not found.get("keys_in_environment"):
                raise ModelError(f"{self.name}: set {', '.join(map(str, missing))}", kind="no_key", fatal=True)

    async def close(self) -> None:
        """litellm's connections belong to all models of the process: the last one to close ends them."""
        if not self._opened:
            return
        self._opened = False
        LiteLLM._open -= 1
        if LiteLLM._open == 0:
            litellm = _litellm()
            await litellm.close_litellm_async_clients()
            # else the next model would be given a closed client
            litellm.in_memory_llm_clients_cache.flush_cache()

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        """The messages with the system prompt, which comes before an item's own; None without one."""
        if self._system is None:
            return None
        if messages and messages[0].role == "system":
            return (Message("system", f"{self._system}\n\n{messages[0].content}"), *messages[1:])
        return (Message("system", self._system), *messages)

    def body(self, request: Request) -> bytes:
        """What determines the answer, as JSON with its keys in a fixed order."""
        messages = [Message(m.role, _chat.whole(m.content)) for m in self.sent(request.messages) or request.messages]
        fields: dict[str, Any] = {"model": self._model, "messages": messages, **self._fixed}
        if self._seed is not None:
            fields["seed"] = self._seed + request.sample
        if request.schema is not None:
            named = {"name": "answer", "schema": request.schema, "strict": True}
            fields["response_format"] = {"type": "json_schema", "json_schema": named}
        return _ENCODER.encode(fields)

    async def ask(self, request: Request, body: bytes) -> Reply:
        """One try. A provider that turns out not to know JSON schemas is asked again without, and so from then on."""
        fields = json.loads(body)
        if self._schema_refused:
            fields.pop("response_format", None)
        try:
            return await self._complete(fields)
        except _SchemaRefused:
            del fields["response_format"]
            reply = await self._complete(fields)
            self._schema_refused = True
            return reply

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        """The cost of so many tokens: by the prices given, else litellm's list; None when a price is unknown."""
        price_in, price_out = self._prices
        if price_in is not None and price_out is not None:
            return (tokens_in * price_in + tokens_out * price_out) / 1e6
        if self._base:
            return None  # the list has the prices of the providers themselves
        try:
            found = sum(_litellm().cost_per_token(self._model, prompt_tokens=tokens_in, completion_tokens=tokens_out))
        except Exception:  # an unknown model is whatever litellm raises for it
            return None
        return float(found) or None

    # ----------------------------------------------------------------- requests

    async def _complete(self, fields: Mapping[str, Any]) -> Reply:
        litellm = _litellm()
        transport = {"api_base": self._base, "api_key": self._key}
        try:
            # litellm's own timeout does not hold for every provider
            async with asyncio.timeout(self._timeout + 5):
                response = await litellm.acompletion(
                    **fields,
                    **{k: v for k, v in transport.items() if v is not None},
                    timeout=self._timeout,
                    num_retries=0,
                    max_retries=0,
                    drop_params=False,
                    caching=False,
                )
            # through plain values: what the server sent may hold lone surrogates, which no encoder takes
            raw = json.dumps(_chat.cleaned(response.model_dump()), default=str).encode()
        except Exception as e:
            return self._failed(litellm, e, "response_format" in fields)
        reply = _chat.read(_chat.decode(raw))
        thoughts = (reply.reasoning or "").strip() or None
        return msgspec.structs.replace(reply, reasoning=thoughts, cost=self._cost(litellm, response, reply))

    def _cost(self, litellm: Any, response: Any, reply: Reply) -> float | None:
        if None not in self._prices or self._base:
            if reply.tokens_in is None or reply.tokens_out is None:
                return None
            return self.price(reply.tokens_in, reply.tokens_out)
        try:
            # A price of nothing stands for an unknown one in litellm's list as often as not.
            return float(litellm.completion_cost(completion_response=response, model=self._model)) or None
        except Exception:
            return None

    def _failed(self, litellm: Any, error: Exception, with_schema: bool) -> Reply:
        """What litellm's exception means: a filtered answer, or a ModelError."""
        said = _faults.one_line(self._scrub(_PREFIX.sub("", str(getattr(error, "message", "") or error))))
        if isinstance(error, TimeoutError | litellm.Timeout):
            raise ModelError(
                f"no answer from {self._where} within {self._timeout:g} s", kind="timeout", retryable=True
            ) from None
        if isinstance(error, litellm.ContentPolicyViolationError):
            return Reply(status="filtered", finish="content_filter", error=said)
        if isinstance(error, litellm.ContextWindowExceededError):
            raise ModelError(f"{self._where}: {said}", kind="context_window", item_fault=True) from None
        if isinstance(error, litellm.APIConnectionError) or said.startswith("Connection error"):
            raise ModelError(f"cannot reach {self._where}: {said}", kind="unreachable", retryable=True) from None
        raw = msgspec.json.encode({"error": {"message": said, "code": str(getattr(error, "code", None) or "")}})
        refused = isinstance(error, litellm.UnsupportedParamsError) or _faults.schema_rejected(raw)
        if with_schema and refused and isinstance(error, litellm.BadRequestError):
            raise _SchemaRefused
        if isinstance(error, litellm.UnsupportedParamsError | litellm.BudgetExceededError):
            raise ModelError(f"{self.name}: {said}", kind="unsupported", fatal=True) from None
        status = getattr(error, "status_code", None)
        if not isinstance(status, int) or status < 400:
            raise ModelError(f"{self.name}: {type(error).__name__}: {said}", kind="litellm") from None
        headers = {k.lower(): v for k, v in _headers(error).items()}
        if "retry-after" in headers:
            headers["Retry-After"] = headers["retry-after"]
        return _faults.failure(status, headers, raw, where=self._where, hint=self._hint, scrub=self._scrub)


class _SchemaRefused(Exception):
    """The provider does not know JSON schemas."""


def _headers(error: Exception) -> dict[str, str]:
    """The provider's headers, which litellm keeps in either of two places."""
    found = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", None
    )
    return {str(k): str(v) for k, v in found.items()} if found else {}


def _litellm() -> Any:
    """The package, quiet and alone: no price list or .env file is fetched, nothing is logged, called back or cached."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    for name in ("callbacks", "success_callback", "failure_callback", "_async_success_callback"):
        setattr(litellm, name, [])
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


PLUGIN = LiteLLM
