"""A small OpenAI-compatible chat server for tests, with faults: run as a process of its own, or by `Server`.

    python tests/server.py --port 0 --rate-500 0.05 --log requests.jsonl

prints its base URL (`http://127.0.0.1:PORT/v1`) as the first line. Its answers depend on the request alone, so two runs
agree. Random faults depend on the seed, the request and how often it was sent, and end after its third attempt, so that
retries succeed. A prompt may ask for special treatment by a marker: see `MARKERS`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from aiohttp import web

# What a marker anywhere in the messages makes of the reply.
MARKERS = {
    "[[filter]]": "400 with Azure's content_filter error",
    "[[inspection]]": "400 with DashScope's data_inspection_failed error",
    "[[moderation]]": "403 with OpenRouter's moderation metadata",
    "[[bad]]": "400, the item's own fault",
    "[[broken]]": "500, for ever",
    "[[refuse]]": "message.refusal",
    "[[length]]": "finish_reason length",
    "[[blocked]]": "finish_reason content_filter",
    "[[think]]": "reasoning in think tags before the answer",
    "[[think-open]]": "reasoning that never ends",
    "[[think-bare]]": "reasoning without its opening tag",
    "[[reasoning]]": "reasoning_content",
    "[[null]]": "null content",
    "[[surrogate]]": "a lone surrogate and a NUL in the content",
    "[[error200]]": "an error object with status 200",
    "[[leak]]": "400 whose message repeats the Authorization header",
}
_OPTION = re.compile(r"^\s*\(?([A-D])[.):：、）]", re.MULTILINE)


def request_hash(body: bytes) -> str:
    """What honne records as `request_hash`, so that records and the server's log can be joined."""
    return hashlib.sha256(body).hexdigest()[:16]


class Server:
    """The server as a child process: `with Server("--rate-429", "0.05") as s: … s.url … s.log()`."""

    def __init__(self, *options: str, log: Path | None = None) -> None:
        self._options = options
        self._folder = tempfile.TemporaryDirectory(prefix="honne-server-") if log is None else None
        self.log_path = Path(self._folder.name) / "requests.jsonl" if self._folder else log
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._folder:
            self._folder.cleanup()

    def start(self, port: int = 0) -> None:
        command = [sys.executable, str(Path(__file__).resolve()), "--port", str(port), "--log", str(self.log_path)]
        self.process = subprocess.Popen([*command, *self._options], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        if not self.url.startswith("http"):
            raise RuntimeError(f"the test server did not start: {' '.join(command)}")

    def stop(self) -> None:
        """End the child process, by its id."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    def spec(self, name: str = "test", **options: object) -> str:
        """`openai/NAME?base_url=…` for this server."""
        tail = "".join(f"&{k}={v}" for k, v in options.items())
        return f"openai/{name}?base_url={self.url}{tail}"

    def log(self) -> list[dict[str, Any]]:
        """One entry a request, in the order in which they ended: `hash` (honne's request_hash), `prompt` (hash of the
        messages), `attempt` (1, 2, …, for this hash), `status` (0: dropped), `sent` (the whole reply was written),
        `answer` (it was a whole answer), `in_flight`, `at`."""
        assert self.log_path is not None
        size = -1
        # an entry is written just after its reply was sent: wait until nothing more is coming
        while self.log_path.exists() and self.log_path.stat().st_size != size:
            size = self.log_path.stat().st_size
            time.sleep(0.05)
        lines = self.log_path.read_text().splitlines() if self.log_path.exists() else []
        return [json.loads(line) for line in lines]


# ------------------------------------------------------------------ the process


class _Fault(Exception):
    def __init__(self, status: int, error: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(error.get("message", ""))
        self.status = status
        self.error = error
        self.headers = headers


class _Chat:
    def __init__(self, options: argparse.Namespace) -> None:
        self.o = options
        self.attempts: Counter[str] = Counter()
        self.requests = 0
        self.answers = 0
        self.in_flight = 0
        self.storm_began = 0.0
        self.nap: Callable[[], Coroutine[Any, Any, None]] | None = None
        self.slots = asyncio.Semaphore(options.queue) if options.queue else None
        self.log: TextIO | None = options.log.open("a", buffering=1) if options.log else None

    def draw(self, *what: object) -> float:
        """A number in [0, 1) that depends on the seed and `what` alone."""
        digest = hashlib.sha256(repr((self.o.seed, *what)).encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.requests += 1
        key = request_hash(raw)
        self.attempts[key] += 1
        entry: dict[str, Any] = {"hash": key, "attempt": self.attempts[key], "number": self.requests, "status": 0}
        self.in_flight += 1
        entry["in_flight"] = self.in_flight
        try:
            return await self.answer(request, raw, key, entry)
        except _Fault as fault:
            entry["status"] = fault.status
            return await self.send(request, {"error": fault.error}, entry, fault.status, fault.headers)
        finally:
            self.in_flight -= 1
            if self.log is not None:
                entry["at"] = time.time()
                self.log.write(json.dumps(entry) + "\n")
            if self.nap is not None and self.answers >= self.o.away[0]:
                nap, self.nap = self.nap, None
                self.napping = asyncio.create_task(nap())

    async def answer(self, request: web.Request, raw: bytes, key: str, entry: dict[str, Any]) -> web.StreamResponse:
        body = json.loads(raw)
        text = "\n".join(str(m["content"]) for m in body["messages"])
        if self.o.no_markers:
            text = text.replace("[[", "[")
        entry["prompt"] = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()[:16]
        self.admit(request, body, text, entry)
        attempt = self.attempts[key]
        random = 1.0 if attempt > 3 else self.draw("fault", key, attempt)
        edge = 0.0
        for name in ("429", "500", "drop", "truncate"):
            edge += getattr(self.o, f"rate_{name}")
            if random < edge:
                return await self.fault(request, name, body, text, entry)
        if self.slots is None:
            await self.work(key)
        else:
            async with self.slots:
                await self.work(key)
        self.special(request, text)
        entry["answer"] = True
        return await self.send(request, self.completion(body, text), entry)

    async def work(self, key: str) -> None:
        if self.o.latency:
            await asyncio.sleep(self.o.latency * (0.5 + self.draw("latency", key)))

    def admit(self, request: web.Request, body: dict[str, Any], text: str, entry: dict[str, Any]) -> None:
        """Raise the fault of a request that is not served at all."""
        o = self.o
        if o.key and request.headers.get("Authorization") != f"Bearer {o.key}":
            raise _Fault(401, {"message": "Incorrect API key provided", "code": "invalid_api_key"})
        if o.models and body["model"] not in o.models.split(","):
            raise _Fault(404, {"message": f"The model `{body['model']}` does not exist", "code": "model_not_found"})
        if o.no_schema and "response_format" in body:
            raise _Fault(400, {"message": "This response_format type is unavailable now"})
        if o.fail_after is not None and self.requests > o.fail_after:
            raise _Fault(500, {"message": "the engine is dead"})
        if o.slots and self.in_flight > o.slots:
            raise _Fault(429, {"message": "too many requests at once"})
        if o.storm:
            after, seconds = o.storm
            if self.requests > after:
                self.storm_began = self.storm_began or time.monotonic()
                if time.monotonic() - self.storm_began < seconds:
                    raise _Fault(429, {"message": "rate limit"})
        if "[[broken]]" in text or self.draw("broken", entry["prompt"]) < o.broken:
            raise _Fault(500, {"message": "this one always fails"})

    async def fault(
        self, request: web.Request, name: str, body: dict[str, Any], text: str, entry: dict[str, Any]
    ) -> web.StreamResponse:
        if name == "429":
            after = {"Retry-After": f"{self.o.retry_after:g}"} if self.o.retry_after is not None else None
            raise _Fault(429, {"message": "rate limit reached"}, after)
        if name == "500":
            raise _Fault(500, {"message": "internal error"})
        response = web.StreamResponse()
        if name == "truncate":
            payload = json.dumps(self.completion(body, text)).encode()
            response.content_length = len(payload)
            await response.prepare(request)
            await response.write(payload[: len(payload) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response

    def special(self, request: web.Request, text: str) -> None:
        """Raise the fault that a marker asks for."""
        if "[[filter]]" in text:
            inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}
            raise _Fault(400, {"message": "The response was filtered", "code": "content_filter", "innererror": inner})
        if "[[inspection]]" in text:
            message = "Input data may contain inappropriate content."
            raise _Fault(400, {"message": message, "code": "data_inspection_failed", "type": "data_inspection_failed"})
        if "[[moderation]]" in text:
            raise _Fault(403, {"message": "flagged", "code": 403, "metadata": {"reasons": ["x"], "flagged_input": "…"}})
        if "[[bad]]" in text:
            raise _Fault(400, {"message": f"this request is bad ({len(text)} characters)", "code": "invalid_value"})
        if "[[leak]]" in text:
            raise _Fault(400, {"message": f"bad header: {request.headers.get('Authorization')}"})

    async def send(
        self,
        request: web.Request,
        payload: dict[str, Any],
        entry: dict[str, Any],
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> web.StreamResponse:
        response = web.json_response(payload, status=status, headers=headers)
        entry["status"] = status
        entry["sent"] = False
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionResetError:
            return response  # the client is gone (tests kill it)
        entry["sent"] = True
        self.answers += bool(entry.get("answer"))
        return response

    def completion(self, body: dict[str, Any], text: str) -> dict[str, Any]:
        if "[[error200]]" in text:
            return {"error": {"message": "upstream is overloaded", "code": "overloaded"}}
        served = self.o.served or body["model"]
        if self.o.served_change and self.answers >= self.o.served_change:
            served += "-new"
        message: dict[str, Any] = {"role": "assistant", "content": self.reply(body, text)}
        finish = "stop"
        if self.o.think or "[[think]]" in text:
            message["content"] = f"<think>\nLet me see.\n</think>\n\n{message['content']}"
        if "[[think-open]]" in text:
            message["content"] = "<think>\nLet me see, and see, and"
        if "[[think-bare]]" in text:
            message["content"] = f"Let me see.\n</think>\n\n{message['content']}"
        if "[[reasoning]]" in text:
            message["reasoning_content"] = "Let me see."
        if "[[refuse]]" in text:
            message |= {"content": None, "refusal": "I will not help with that."}
        if "[[null]]" in text:
            message["content"] = None
        if "[[surrogate]]" in text:
            message["content"] = "before \ud800 middle \x00 after"
        if "[[length]]" in text:
            finish = "length"
        if "[[blocked]]" in text:
            finish = "content_filter"
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": "A", "logprob": -0.25, "top_logprobs": []}]}
        usage = {"prompt_tokens": len(text) // 4 + 1, "completion_tokens": len(str(message["content"])) // 4 + 1}
        return {"id": "x", "object": "chat.completion", "model": served, "choices": [choice], "usage": usage}

    def reply(self, body: dict[str, Any], text: str) -> str:
        """A verdict for a judge's request, a letter for a multiple choice, a sentence otherwise."""
        digest = hashlib.sha256(json.dumps([body["messages"], body.get("seed")]).encode()).hexdigest()
        pick = int(digest[:8], 16)
        labels = _enum(body.get("response_format"))
        if labels is not None or self.o.judge:
            name, values = labels or ("verdict", self.o.labels.split(","))
            return json.dumps({"reasoning": f"because {digest[:6]}", name: values[pick % len(values)]})
        letters: list[str] = sorted(set(_OPTION.findall(text)))
        if len(letters) > 1:
            return letters[pick % len(letters)]
        return f"Answer {digest[:12]}: " + "word " * (pick % 30)


def _enum(schema: Any, name: str = "verdict") -> tuple[str, list[Any]] | None:
    """The first property with an `enum` in a JSON schema, and its values."""
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            return name, schema["enum"]
        for key, value in schema.items():
            if (found := _enum(value, key)) is not None:
                return found
    return None


def _options() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--log", type=Path)
    p.add_argument("--latency", type=float, default=0.0, help="mean seconds per answer")
    p.add_argument("--queue", type=int, default=0, help="answers being made at once; others wait")
    p.add_argument("--slots", type=int, default=0, help="requests at once; others get a 429")
    p.add_argument("--rate-429", type=float, default=0.0)
    p.add_argument("--retry-after", type=float, help="seconds, with each random 429")
    p.add_argument("--rate-500", type=float, default=0.0)
    p.add_argument("--rate-drop", type=float, default=0.0)
    p.add_argument("--rate-truncate", type=float, default=0.0)
    p.add_argument("--broken", type=float, default=0.0, help="share of the prompts that always get a 500")
    p.add_argument("--storm", type=float, nargs=2, metavar=("AFTER", "SECONDS"), help="429 for everybody for a while")
    p.add_argument("--away", type=float, nargs=2, metavar=("AFTER", "SECONDS"), help="no server for a while")
    p.add_argument("--fail-after", type=int, help="500 for ever after so many requests")
    p.add_argument("--key", default="", help="the only key that is let in")
    p.add_argument("--models", default="", help="the only models that exist, comma-separated")
    p.add_argument("--served", default="", help="the name in the replies")
    p.add_argument("--served-change", type=int, default=0, help="another name after so many answers")
    p.add_argument("--no-schema", action="store_true", help="reject response_format")
    p.add_argument("--no-markers", action="store_true", help="prompts get no special treatment")
    p.add_argument("--think", action="store_true", help="think tags in every answer")
    p.add_argument("--judge", action="store_true", help="every answer is a verdict")
    p.add_argument("--labels", default="safe,unsafe", help="verdicts when the request has no schema")
    return p.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    chat = _Chat(options)
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", chat.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, reuse_address=True, backlog=1024)
    await site.start()
    port = runner.addresses[0][1]

    async def nap() -> None:
        await site.stop()
        for connection in getattr(runner.server, "connections", ()):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(options.away[1])
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True, backlog=1024).start()

    chat.nap = nap if options.away else None
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
