"""What honne costs over a bare aiohttp loop that sends the same requests to the same nearly free server.

    python perf/engine.py [--items 10000] [--repeats 5]

CPU time (user + system) of a child process each: `bare` (aiohttp, json.dumps, json.loads), `execute` (honne's executor
with one record written per answer) and `run` (the whole command, Parquet, estimates and report included). Start-up is
taken out by running each with a few items too: the ratio is that of the marginal cost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

FEW = 10
CONCURRENCY = 64
_ANSWER = json.dumps(
    {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": "free",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "A plain answer of ordinary length. " * 12},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 40, "completion_tokens": 90, "total_tokens": 130},
    }
).encode()
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_ANSWER) + _ANSWER


class _Free(asyncio.Protocol):
    """Answers every request with the same bytes as soon as its body is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.transport.write(_REPLY)


async def serve() -> None:
    """The server; prints its base URL."""
    server = await asyncio.get_running_loop().create_server(_Free, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def _prompts(path: Path) -> Iterator[str]:
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)["prompt"]


async def bare(url: str, path: Path) -> None:
    """The loop anybody would write first."""
    import aiohttp

    prompts = _prompts(path)

    async def work(session: aiohttp.ClientSession) -> None:
        for prompt in prompts:
            body = json.dumps({"model": "free", "messages": [{"role": "user", "content": prompt}]}).encode()
            async with session.post(f"{url}/chat/completions", data=body) as response:
                json.loads(await response.read())["choices"][0]["message"]["content"]

    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))


async def executed(url: str, path: Path, folder: Path) -> None:
    """honne's executor, with a record written for every answer."""
    from honne.engine.journal import Journal
    from honne.engine.local import Outcome, execute
    from honne.models.openai import OpenAI
    from honne.plugins import Request
    from honne.records import Message, Response, now
    from honne.spec import parse

    model = OpenAI(parse(f"openai/free?base_url={url}&concurrency={CONCURRENCY}"))
    journal: Journal[Response] = Journal(folder)

    def record(outcome: Outcome) -> None:
        reply = outcome.reply
        assert reply is not None
        journal.append(
            Response(
                item_id=outcome.request.item_id,
                model=model.name,
                text=reply.text,
                finish=reply.finish,
                status=reply.status,
                attempts=outcome.attempts,
                request_hash=outcome.request_hash,
                served_model=reply.served_model,
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
                seconds=outcome.seconds,
                at=now(),
            )
        )

    requests = (
        Request(item_id=f"item-{i}", messages=(Message("user", prompt),)) for i, prompt in enumerate(_prompts(path))
    )
    await execute(model, requests, record, total=0)
    journal.close()
    await model.close()


def _cpu(command: list[str], folder: Path) -> float:
    """CPU seconds of a child process, its threads included. Raises RuntimeError when it fails."""
    log = folder / "log"
    with log.open("w") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}: {log.read_text()[-500:]}")
    return used.ru_utime + used.ru_stime


def _commands(url: str, path: Path, folder: Path) -> dict[str, list[str]]:
    me = [sys.executable, str(Path(__file__).resolve())]
    model = f"openai/free?base_url={url}&concurrency={CONCURRENCY}"
    whole = [sys.executable, "-m", "honne", "run", f"file/{path}?prompt=prompt", "--model", model]
    return {
        "bare": [*me, "--bare", url, str(path)],
        "execute": [*me, "--execute", url, str(path), str(folder / "records")],
        "run": [*whole, "-o", str(folder / "run")],
    }


def measure(url: str, items: int, repeats: int, kinds: list[str]) -> None:
    """Alternate the kinds, so that a busy machine hits all of them alike, and print medians."""
    marginal: dict[str, list[float]] = {kind: [] for kind in kinds}
    print(f"CPU seconds for {items:,} items (and for {FEW}); {repeats} repeats, at most {CONCURRENCY} requests at once")
    for repeat in range(repeats):
        row = []
        for kind, spent in marginal.items():
            cost = {}
            for n in (FEW, items):
                with tempfile.TemporaryDirectory(prefix="honne-perf-") as name:
                    folder = Path(name)
                    path = folder / "prompts.jsonl"
                    with path.open("w") as out:
                        for i in range(n):
                            out.write(json.dumps({"prompt": f"Question {i}: " + "what matters here, and why? " * 6}))
                            out.write("\n")
                    cost[n] = _cpu(_commands(url, path, folder)[kind], folder)
            spent.append(cost[items] - cost[FEW])
            row.append(f"{kind} {cost[items]:.2f} ({cost[FEW]:.2f})")
        print(f"  {repeat + 1}: " + "   ".join(row), flush=True)
    base = statistics.median(marginal["bare"])
    for kind, spent in marginal.items():
        middle = statistics.median(spent)
        per_item = 1e6 * middle / (items - FEW)
        print(f"{kind:>8}: median {middle:.2f} s, {per_item:.0f} µs an item, ratio to bare {middle / base:.2f}")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--items", type=int, default=10_000)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--kinds", default="bare,execute,run", help="which to measure, `bare` among them")
    p.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    p.add_argument("--execute", nargs=3, help=argparse.SUPPRESS)
    o = p.parse_args()
    if o.serve:
        asyncio.run(serve())
    elif o.bare:
        asyncio.run(bare(o.bare[0], Path(o.bare[1])))
    elif o.execute:
        asyncio.run(executed(o.execute[0], Path(o.execute[1]), Path(o.execute[2])))
    else:
        command = [sys.executable, str(Path(__file__).resolve()), "--serve"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                began = time.monotonic()
                measure(server.stdout.readline().strip(), o.items, o.repeats, o.kinds.split(","))
                print(f"({time.monotonic() - began:.0f} s in all)")
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
