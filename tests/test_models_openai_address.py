"""`openai/NAME` against real servers on 127.0.0.1: addresses, keys, proxies, certificates, and what never leaks."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from engine_parts import Run, ask_for
from honne.errors import ConfigError
from honne.models.openai import OpenAI
from honne.spec import parse
from openai_parts import answering, ask, completion, failing
from server import Server, request_hash

SECRET = "sk-proj-0123456789abcdefSECRET"


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as s:
        yield s


async def test_the_key_reaches_the_server_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    with Server("--key", SECRET) as locked:
        spec = locked.spec(key_env="MY_KEY")
        assert (await ask(spec, "hello")).status == "ok"
        error = await failing(spec, "[[leak]]")
        assert "SECRET" not in str(error) and "***" in str(error)
        run = Run(spec)
        await run([ask_for("[[leak]]"), ask_for("hello", "b")])
        assert "SECRET" not in repr(run.outcomes) + repr(run.summary)
    assert "SECRET" not in repr(parse(spec).public) + repr(OpenAI(parse(spec)).settings)
    monkeypatch.setenv("MY_KEY", "wrong\nkey-SECRET")
    with pytest.raises(ConfigError) as caught:
        OpenAI(parse(spec))
    assert "MY_KEY" in str(caught.value) and "SECRET" not in str(caught.value)


async def test_a_login_in_the_address_is_used_and_not_shown() -> None:
    seen: list[str] = []

    def look(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.Response(status=401, text="no")

    async with answering(look) as url:
        error = await failing(f"openai/x?base_url={url.replace('//', '//user:pass-word@')}")
    assert seen == ["Basic dXNlcjpwYXNzLXdvcmQ="]
    assert "pass-word" not in str(error) and "user" not in str(error) and "dXNl" not in str(error)


async def test_a_key_in_the_query_is_sent_and_not_shown() -> None:
    seen: list[str] = []

    def look(request: web.Request) -> web.Response:
        seen.append(request.path_qs)
        return web.json_response({"error": {"message": f"no such key: {request.query['key']}"}}, status=401)

    async with answering(look) as url:
        # in a SPEC an & inside a value is %26
        spec = parse(f"openai/x?base_url={url}?key=SECRET-123%26api-version=1&timeout=5")
        error = await failing(f"openai/x?base_url={url}?key=SECRET-123%26api-version=1")
        overridden = parse(f"m?base_url={url}", {"m": {"spec": "openai/x", "base_url": f"{url}?key=SECRET-123"}})
    assert seen == ["/v1/chat/completions?key=SECRET-123&api-version=1"]
    assert spec.public == f"openai/x?base_url={url}?key=***&api-version=***&timeout=5"
    assert spec.secret("base_url") == f"{url}?key=SECRET-123&api-version=1"
    assert overridden.secret("base_url") == overridden.options["base_url"] == url
    assert "SECRET" not in str(error) + repr(spec) + repr(OpenAI(spec).settings)
    with pytest.raises(ConfigError) as caught:
        OpenAI(parse("openai/x?base_url=localhost:8000/v1?key=SECRET-123"))
    assert "key=***" in str(caught.value) and "SECRET" not in str(caught.value)


def test_a_url_in_a_setting_is_sent_whole_and_stored_redacted() -> None:
    model = OpenAI(parse("openai/x?body.webhook=https://me:pw-1@host/p?token=SECRET-123"))
    assert json.loads(model.body(ask_for("hi")))["webhook"] == "https://me:pw-1@host/p?token=SECRET-123"
    assert model.settings == {"webhook": "https://***@host/p?token=***"}


async def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def look(request: web.Request) -> web.Response:
        seen.append(request.path_qs)
        return web.json_response(completion(content="hi"))

    async with answering(look) as url:
        for tail in ("", "/", "/chat/completions", "?api-version=2024-10-21"):
            await ask(f"openai/x?base_url={url}{tail}", "hello")
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        await ask("openai/x", "hello")
    plain = "/v1/chat/completions"
    assert seen == [plain, plain, plain, f"{plain}?api-version=2024-10-21", plain]


async def test_a_proxy_in_the_environment_spares_loopback(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert (await ask(server.spec(), "hello")).status == "ok"
    error = await failing("openai/x?base_url=http://model.invalid/v1")
    assert error.kind == "unreachable" and "proxy" in str(error)


async def test_a_proxy_is_used_and_its_login_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        login = next((line for line in head.split("\r\n") if line.lower().startswith("proxy-auth")), "")
        seen.append((head.split("\r\n")[0], login.partition(": ")[2]))
        body = json.dumps(completion(content="through")).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://me:hush@127.0.0.1:{port}")
    assert (await ask("openai/x?base_url=http://model.invalid/v1", "hello")).text == "through"
    monkeypatch.setenv("no_proxy", "model.invalid")
    error = await failing("openai/x?base_url=http://model.invalid/v1")
    assert error.kind == "unreachable" and "hush" not in str(error)
    listening.close()
    assert seen == [("POST http://model.invalid/v1/chat/completions HTTP/1.1", "Basic bWU6aHVzaA==")]


async def test_a_private_ca(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        (
            f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout {key} -out {cert} "
            "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
        ).split(),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def handle(request: web.Request) -> web.Response:
        return web.json_response(completion(content="safe"))

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    base = f"openai/x?base_url=https://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        assert (await ask(f"{base}&ca_file={cert}", "hello")).text == "safe"
        error = await failing(base)
        assert error.fatal and "ca_file" in str(error)
    finally:
        await runner.cleanup()


async def test_records_join_the_servers_log_by_hash(server: Server) -> None:
    run = await Run(server.spec())([ask_for("join me")])
    assert run.outcomes[0].request_hash == request_hash(run.model.body(ask_for("join me")))
    assert run.outcomes[0].request_hash in {e["hash"] for e in server.log()}
