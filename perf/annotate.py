"""How long annotators wait, and what a killed server loses.

    python perf/annotate.py [--databases sqlite,postgres] [--annotators 50] [--seconds 60] [--answers N] [--kill]

A real server (`honne annotate serve`) on 127.0.0.1 and so many annotators, each in a closed loop: read for 1 to 2
seconds, at times save a draft, submit, and get the next answer as the reply. Log-ins are apart. Printed are the times
from sending a request to its last byte, as the median, the 95th and the 99th percentile and the longest, and how much
of one core the server used. The load is made on the same machine.

With `--kill` the server is killed (SIGKILL) half-way and started again, and everybody sends again what was not
acknowledged, with the same key. In any case the labels in the database are then held against those acknowledged: none
may be missing, another one than was said, or there twice.

PostgreSQL is started for this from the programs of the machine's package (see tests/annotate_parts.py).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import aiohttp
import psutil
from sqlalchemy import select

from annotate_parts import PASSWORD, Team, a_run, a_team, database_of, postgres
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.tables import Label, Slot, User

OVERLAP = 2
_ACTION = re.compile(r'action="(/projects/\d+/label/(\d+))"')
_HIDDEN = re.compile(r'name="key" value="([^"]+)"')
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_CHOICE = re.compile(r'name="label" value="([^"]+)"')


# -------------------------------------------------------------------- the server


class Server:
    """`honne annotate serve` as a process; `kill` and `start` as often as need be."""

    def __init__(self, database: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "honne", "annotate", "serve", "--database", database]
        self._command += ["--port", str(self.port)]
        self._log = folder / "server.log"
        self.cpu = 0.0

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out, cwd=self._log.parent)
        for _ in range(600):
            if self._process.poll() is not None:
                raise SystemExit(f"the server did not start: {self._log.read_text()[-2000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)
        raise SystemExit("the server did not start in a minute")

    def used(self) -> float:
        """CPU seconds of the running process, so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


# --------------------------------------------------------------- the annotators


@dataclass
class Seen:
    """What the annotators measured, and what was acknowledged: (login, answer) -> label."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"submit": [], "draft": [], "open": []})
    acknowledged: dict[tuple[str, int], str] = field(default_factory=dict)
    again: int = 0
    odd: Counter[str] = field(default_factory=Counter)


class Annotator:
    """One person with a browser: a session, the answer before them, and its form."""

    def __init__(self, login: str, home: str, seen: Seen, seed: int) -> None:
        self.login, self.home, self.seen, self.random = login, home, seen, random.Random(seed)
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def log_in(self, url: str) -> None:
        async with self.session.get(f"{url}/login") as page:
            token = _TOKEN.search(await page.text())
        form = {"csrf": token[1] if token else "", "login": self.login, "password": PASSWORD, "next": "/"}
        async with self.session.post(f"{url}/login", data=form, allow_redirects=False) as reply:
            if reply.status != 303:
                raise SystemExit(f"{self.login} could not log in: {reply.status}")

    async def work(self, url: str, until: float) -> None:
        # Fifty people do not begin in the same second.
        await asyncio.sleep(self.random.uniform(0, 2))
        text = await self._timed("open", "GET", url + self.home)
        token = _TOKEN.search(text)
        self.token = token[1] if token else ""
        while time.monotonic() < until:
            action, key, choices = _ACTION.search(text), _HIDDEN.search(text), _CHOICE.findall(text)
            if action is None or key is None or not choices:
                return
            await asyncio.sleep(self.random.uniform(1, 2))
            label = self.random.choice(choices)
            form = {"label": label, "key": key[1], "seconds": "1.5", "exposed": "1", "note": "a note"}
            if self.random.random() < 0.25:
                await self._timed("draft", "POST", url + action[1], {**form, "do": "draft", "key": f"{key[1]}-1"})
            text = await self._timed("submit", "POST", url + action[1], {**form, "do": "submit"})
            if text:
                self.seen.acknowledged[self.login, int(action[2])] = label
            else:
                text = await self._timed("open", "GET", url + self.home)

    async def _timed(self, what: str, method: str, url: str, form: dict[str, str] | None = None) -> str:
        """The reply's text; sent again until a server answers. Empty where it refused."""
        headers = {"X-Part": "1", "X-CSRF-Token": self.token} if form is not None else {}
        while True:
            began = time.perf_counter()
            try:
                async with self.session.request(method, url, data=form, headers=headers) as reply:
                    text = await reply.text()
            except (aiohttp.ClientError, ConnectionError):
                self.seen.again += 1
                await asyncio.sleep(0.3)
                continue
            self.seen.seconds[what].append(time.perf_counter() - began)
            if reply.status not in (200, 204):
                self.seen.odd[f"{what} {reply.status}"] += 1
                return ""
            return text


async def load(server: Server, logins: list[str], home: str, seconds: float, kill: bool) -> tuple[Seen, float]:
    """Let everybody work; the share of one core that the server used meanwhile (of the last one, if one was killed)."""
    seen = Seen()
    everybody = [Annotator(login, home, seen, i) for i, login in enumerate(logins)]
    try:
        for one in everybody:
            await one.log_in(server.url)
        began, used = time.monotonic(), server.used()
        working = [asyncio.create_task(one.work(server.url, began + seconds)) for one in everybody]
        if kill:
            await asyncio.sleep(seconds / 2)
            server.kill()
            await asyncio.to_thread(server.start)
            began, used = time.monotonic(), server.used()
        await asyncio.gather(*working)
        return seen, (server.used() - used) / (time.monotonic() - began)
    finally:
        for one in everybody:
            await one.session.close()


# -------------------------------------------------------------------- the check


def check(database: Database, team: Team, seen: Seen) -> list[str]:
    """What is wrong with the labels in the database, given what was acknowledged; nothing, it is hoped."""
    with database.read() as s:
        rows = s.execute(
            select(User.login, Label.answer_id, Label.label)
            .join(User, User.id == Label.user_id)
            .where(Label.project_id == team.project, Label.state == "submitted")
        ).all()
        slots = s.execute(select(Slot.answer_id, Slot.user_id).where(Slot.state == "done")).all()
    stored = Counter((login, answer) for login, answer, _ in rows)
    labels = {(login, answer): label for login, answer, label in rows}
    lost = [key for key in seen.acknowledged if key not in stored]
    other = [key for key, label in seen.acknowledged.items() if key in labels and labels[key] != label]
    doubled = [key for key, n in stored.items() if n > 1]
    places = Counter(answer for answer, _ in slots)
    over = [answer for answer, n in places.items() if n > OVERLAP]
    shared = [key for key, n in Counter(map(tuple, slots)).items() if n > 1]
    # At most the requests under way when time was up: stored, and their acknowledgment never came.
    unsaid = len(stored) - len(seen.acknowledged)
    found = {"lost": lost, "another label": other, "doubled": doubled, "over the overlap": over, "slots": shared}
    wrong = [f"{len(keys)} {name}: {keys[:3]}" for name, keys in found.items() if keys]
    if not seen.acknowledged:
        wrong.append("nobody labelled anything")
    return [*wrong, *([f"{unsaid} stored but never acknowledged"] if unsaid else [])]


def measured(name: str, address: str, folder: Path, args: argparse.Namespace) -> bool:
    needed = args.answers or int(args.annotators * args.seconds / OVERLAP) + args.annotators
    run = a_run(folder / "run", needed, text=lambda i: f"Answer {i}. " + "A sentence of the answer. " * 20)
    database = Database.open(address)
    team = a_team(database, [run], Plan("safe", overlap=OVERLAP), annotators=args.annotators, name=name)
    with database.read() as s:
        logins = [s.get_one(User, user).login for user in team.annotators]
    server = Server(address, folder)
    server.start()
    try:
        home = f"/projects/{team.project}/label"
        seen, busy = asyncio.run(load(server, logins, home, args.seconds, args.kill))
    finally:
        server.stop()
    wrong = check(database, team, seen)
    database.close()
    print(f"\n{name}: {args.annotators} annotators for {args.seconds} s; the server used {busy:.0%} of a core")
    print(f"  {'':8}{'requests':>9}{'median':>9}{'p95':>9}{'p99':>9}{'longest':>9}   ms")
    for what, times in seen.seconds.items():
        if times:
            cut = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
            figures = (cut[49], cut[94], cut[98], max(times))
            print(f"  {what:8}{len(times):>9}" + "".join(f"{1000 * t:>9.0f}" for t in figures))
    print(f"  {len(seen.acknowledged):,} labels acknowledged, {seen.again} requests sent again; ", end="")
    print("; ".join(wrong) if wrong else "every one is stored once, as it was given")
    if seen.odd:
        print(f"  refused: {dict(seen.odd)}")
    return not wrong


@contextlib.contextmanager
def address_of(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder / 'labels.db'}"
    else:
        with postgres() as server:
            yield database_of(server, "perf")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--annotators", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--answers", type=int, default=0, help="of the project; as many as are needed, if 0")
    parser.add_argument("--kill", action="store_true")
    args: Any = parser.parse_args()
    right = True
    for name in args.databases.split(","):
        with tempfile.TemporaryDirectory(prefix="honne-perf-") as folder, address_of(name, Path(folder)) as address:
            right &= measured(name, address, Path(folder), args)
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
