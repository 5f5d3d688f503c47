"""`openai/NAME`: any server that speaks OpenAI's chat completions (vLLM, SGLang, Ollama, llama.cpp, OpenRouter, …).

With `api=completions` it is asked for a raw completion instead: base models, and judges that bring their own template.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from honne.errors import ConfigError, ModelError, unknown
from honne.models import _chat, _faults, _options
from honne.plugins import Reply, Request
from honne.records import Message
from honne.spec import Spec, env, public_url, read_options

__all__ = ["PLUGIN", "OpenAI"]

_TRANSPORT = {**_options.TRANSPORT, "ca_file": str}
_ASKED = {**_options.ASKED, "api": str}
# The endpoint of each `api`.
_PATHS = {"chat": "/chat/completions", "completions": "/completions"}
_REPLY_LIMIT = 64 * 2**20
_CONNECT_LIMIT = 10.0
_ENCODER = msgspec.json.Encoder()


class OpenAI:
    """A chat server behind one pooled set of connections.

    Options that change the request are `settings`: api (`chat`, or `completions`: the prompt is the request's own, else
    the texts of its messages with a blank line between them), system, temperature, top_p, max_tokens,
    max_completion_tokens, stop, seed (sample k is asked with seed + k, or all samples would be the same),
    presence_penalty, frequency_penalty, logprobs, top_logprobs and `body.FIELD` (JSON, else text). The others are
    transport: base_url, concurrency, timeout (seconds per try), key_env, ca_file, price_in and price_out (per million
    tokens).
    """

    paths: Mapping[str, str] = _PATHS

    def __init__(self, spec: Spec) -> None:
        if not spec.name:
            raise ConfigError("openai needs the model's name: openai/NAME")
        given = read_options(spec, _TRANSPORT | _ASKED, open_prefix="body.")
        self.name = spec.label
        self.concurrency: int = given.get("concurrency", 64)
        self._model = spec.name
        self._timeout: float = given.get("timeout", 120.0)
        self._prices: tuple[float | None, float | None] = (given.get("price_in"), given.get("price_out"))
        _options.check(self.name, given)
        if "api" in given and given["api"] not in self.paths:
            raise ConfigError(f"{self.name}: {unknown('api', given['api'], self.paths)}")
        self.settings: Mapping[str, Any] = self._settings(given)
        # `settings` are stored, so a URL among them (body.webhook=…, say) is redacted there, and sent as it is
        sent = self._settings({**given, **{k: v for k, v in spec.real.items() if k in spec.secrets}})
        self._api: str = sent.pop("api", next(iter(self.paths)))
        self._system: str | None = sent.pop("system", None) or None
        self._seed: int | None = sent.pop("seed", None)
        self._fixed = sent if self._api == "chat" else _completions(sent)
        self._ssl = self._trust(given.get("ca_file"))
        address = spec.secret("base_url") or env("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self._url, self._where, login = self._address(address)
        self._key_env: str = given.get("key_env", "OPENAI_API_KEY")
        key = (env(self._key_env) or "").strip()
        if not re.fullmatch(r"[\x21-\x7e]*", key):
            raise ConfigError(f"{self.name}: the key in {self._key_env} holds characters that no HTTP header may carry")
        state = "check the key in" if key else "set the key in"
        self._hint = f"{state} {self._key_env}, or name another variable with key_env="
        self._headers = {"Content-Type": "application/json", "User-Agent": "honne"}
        if login or key:
            self._headers["Authorization"] = f"Basic {login}" if login else f"Bearer {key}"
        self._scrub = _faults.scrubber(key, login, *self._url.query.values())
        self._session: aiohttp.ClientSession | None = None
        self._proxy: URL | None = None
        self._schema_refused = False

    # ------------------------------------------------------------------ options

    def _settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        out, body = _options.settings(self.name, given, _ASKED)
        return out | body

    def _trust(self, ca_file: str | None) -> ssl.SSLContext | bool:
        if ca_file is None:
            return True
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(Path(ca_file).expanduser())
        except (OSError, ssl.SSLError) as e:
            raise ConfigError(f"{self.name}: ca_file={ca_file} cannot be read as certificates: {e}") from None
        return context

    def _address(self, base: str) -> tuple[URL, str, str | None]:
        """The endpoint without user info, the address as it may be shown, and the login as Basic credentials."""
        try:
            url = URL(base)
        except ValueError:
            url = URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError(f"{self.name}: base_url {public_url(base)!r} must be like http://127.0.0.1:8000/v1")
        login = None
        if url.user is not None or url.password is not None:
            login = base64.b64encode(f"{url.user or ''}:{url.password or ''}".encode()).decode()
            url = url.with_user(None)
        where = str(url.with_query(None).with_fragment(None)).rstrip("/")
        path = url.path.rstrip("/").removesuffix("/chat/completions").removesuffix("/completions")
        return url.with_path(path + self.paths[self._api], keep_query=True), where, login

    # ---------------------------------------------------------------- interface

    async def open(self) -> None:
        """Set up the connections; opening twice is harmless. Nothing is sent yet."""
        if self._session is not None and not self._session.closed:
            return
        self._proxy = _proxy(self._url)
        self._session = aiohttp.ClientSession(
            # most servers drop a connection after 5 idle seconds: leaving first avoids asking into a closing one
            connector=aiohttp.TCPConnector(limit=self.concurrency, keepalive_timeout=4.0, ssl=self._ssl),
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=min(_CONNECT_LIMIT, self._timeout)),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        """The messages with the system prompt, which comes before an item's own; None without one."""
        if self._system is None:
            return None
        if messages and messages[0].role == "system":
            return (Message("system", f"{self._system}\n\n{messages[0].content}"), *messages[1:])
        return (Message("system", self._system), *messages)

    def body(self, request: Request) -> bytes:
        """The request's JSON, keys in a fixed order; with the schema even where the server turned out to refuse it."""
        return self._encode(request, request.schema)

    def _encode(self, request: Request, schema: Mapping[str, Any] | None) -> bytes:
        try:
            return _ENCODER.encode(self._fields(request, schema))
        except UnicodeEncodeError:
            return _ENCODER.encode(self._fields(_whole(request), schema))

    def _fields(self, request: Request, schema: Mapping[str, Any] | None) -> dict[str, Any]:
        fields: dict[str, Any] = {"model": self._model, **self._asked(request), **self._fixed}
        if self._seed is not None:
            fields["seed"] = self._seed + request.sample
        if schema is not None:
            fields["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema, "strict": True},
            }
        return fields

    def _asked(self, request: Request) -> dict[str, Any]:
        """The fields that carry the question."""
        messages = self.sent(request.messages) or request.messages
        if self._api == "chat":
            return {"messages": messages}
        prompt = request.prompt
        return {"prompt": "\n\n".join(m.content for m in messages) if prompt is None else prompt}

    async def ask(self, request: Request, body: bytes) -> Reply:
        """One try. A server that turns out not to know JSON schemas is asked again without, and so from then on."""
        with_schema = request.schema is not None
        if with_schema and self._schema_refused:
            body, with_schema = self._encode(request, None), False
        status, headers, raw = await self._post(body)
        if with_schema and status in (400, 422) and _faults.schema_rejected(raw):
            status, headers, raw = await self._post(self._encode(request, None))
            self._schema_refused = self._schema_refused or status == 200
        if status != 200:
            return _faults.failure(status, headers, raw, where=self._where, hint=self._hint, scrub=self._scrub)
        reply = self._read(raw)
        if reply.tokens_in is None or reply.tokens_out is None or None in self._prices:
            return reply
        return msgspec.structs.replace(reply, cost=self.price(reply.tokens_in, reply.tokens_out))

    def _read(self, raw: bytes) -> Reply:
        """The reply in the body of a 200."""
        completion = _chat.decode(raw)
        error = completion.error or (completion.choices[0].error if completion.choices else None)
        if error:
            return _faults.body_error(error, where=self._where, hint=self._hint, scrub=self._scrub)
        return _chat.read(completion)

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        """The cost of so many tokens, in the currency of the prices given; None when a price is unknown."""
        price_in, price_out = self._prices
        if price_in is None or price_out is None:
            return None
        return (tokens_in * price_in + tokens_out * price_out) / 1e6

    # ---------------------------------------------------------------- transport

    async def _post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            await self.open()
        assert self._session is not None
        try:
            response = await self._session.post(self._url, data=body, allow_redirects=False, proxy=self._proxy)
            try:
                # no `async with`: its exit may wait, and a cancellation there would lose an answer already read
                return response.status, response.headers, await _bounded(response.content)
            finally:
                response.release()
        except aiohttp.ClientSSLError as e:
            why = _faults.one_line(str(e.os_error))
            raise ModelError(
                f"no TLS connection to {self._where}: {why} (ca_file= names a CA to trust)", kind="tls", fatal=True
            ) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as e:
            raise ModelError(self._unreachable(e), kind="unreachable", retryable=True) from None
        except aiohttp.ClientHttpProxyError as e:
            raise ModelError(
                f"the proxy for {self._where} answered HTTP {e.status} (check the proxy variables)",
                kind="proxy",
                fatal=True,
            ) from None
        except TimeoutError:
            raise ModelError(
                f"no answer from {self._where} within {self._timeout:g} s", kind="timeout", retryable=True
            ) from None
        except (aiohttp.ClientError, OSError) as e:
            raise ModelError(
                f"{self._where} dropped the connection ({type(e).__name__})", kind="dropped", retryable=True
            ) from None

    def _unreachable(self, error: Exception) -> str:
        cause = getattr(error, "os_error", error)
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            why = "no connection in time"
        elif isinstance(cause, OSError) and (cause.errno or 0) > 0:
            why = os.strerror(cause.errno or 0).lower()
        else:
            why = _faults.one_line(self._scrub(getattr(cause, "strerror", None) or str(cause)))
        through = " through the proxy" if self._proxy is not None else ""
        return f"cannot reach {self._where}{through}: {why} (is the server running? base_url= names it)"


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """The whole body; a ModelError once it exceeds what a chat reply can be."""
    chunks: list[bytes] = []
    size = 0
    while not content.at_eof():
        chunks.append(await content.readany())
        size += len(chunks[-1])
        if size > _REPLY_LIMIT:
            raise ModelError(f"the reply exceeds {_REPLY_LIMIT >> 20} MB", kind="too_large", item_fault=True)
    return b"".join(chunks)


def _proxy(url: URL) -> URL | None:
    """The proxy that the environment names for `url`. Never one for loopback, which no proxy could reach.

    Not aiohttp's `trust_env`: that sends loopback requests to the proxy too, and reads netrc on every request.
    """
    host = url.host or ""
    if host == "localhost" or host.endswith(".localhost") or host.startswith("127.") or host == "::1":
        return None
    if urllib.request.proxy_bypass(f"{host}:{url.port}") or urllib.request.proxy_bypass(host):
        return None
    found = urllib.request.getproxies()
    address = found.get(url.scheme) or found.get("all")
    if not address:
        return None
    proxy = URL(address if "://" in address else f"http://{address}")
    if proxy.scheme not in ("http", "https"):
        raise ModelError(
            f"the environment names a {proxy.scheme} proxy for {host}, and only http and https proxies work "
            "(no_proxy exempts a host)",
            kind="proxy",
            fatal=True,
        )
    return proxy


def _whole(request: Request) -> Request:
    """The request without lone surrogates, which no JSON can carry."""
    messages = tuple(Message(m.role, _chat.whole(m.content)) for m in request.messages)
    prompt = None if request.prompt is None else _chat.whole(request.prompt)
    return msgspec.structs.replace(request, messages=messages, prompt=prompt)


def _completions(sent: dict[str, Any]) -> dict[str, Any]:
    """The settings as the older endpoint names them: `logprobs` is the number of alternatives there."""
    out = {k: v for k, v in sent.items() if k not in ("logprobs", "top_logprobs")}
    if sent.get("logprobs"):
        out["logprobs"] = sent.get("top_logprobs", 1)
    return out


PLUGIN = OpenAI
