"""What the tests of the web application share: a visitor that speaks plain HTTP and keeps cookies as a browser does."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode, urlsplit

from annotate_parts import PASSWORD
from annotate_site_parts import Site


@dataclass
class Answer:
    """What came back: `headers` by their lower-case names (several of one name joined by newlines)."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode()

    @property
    def words(self) -> str:
        """The text of the page without its tags."""
        return unescape(re.sub(r"<[^>]+>", " ", self.text))


class Client:
    """Somebody without scripts. `post` fills in the token of the page that it was on, as a form does."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.cookies: dict[str, str] = {}
        self.token = ""

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = {"Host": f"127.0.0.1:{self.site.port}", "Accept": "text/html", **(headers or {})}
        if self.cookies and "Cookie" not in sent:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in sent.items():
                connection.putheader(name, value)
            if body is not None and "Content-Length" not in sent:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            got = connection.getresponse()
            data = got.read()
        finally:
            connection.close()
        found: dict[str, str] = {}
        for name, value in got.getheaders():
            low = name.lower()
            found[low] = f"{found[low]}\n{value}" if low in found else value
        for line in found.get("set-cookie", "").splitlines():
            name, _, value = line.partition(";")[0].partition("=")
            if re.search(r"max-age=0", line, re.I):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return Answer(got.status, found, data)

    def get(self, path: str, **headers: str) -> Answer:
        got = self.send("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', got.data.decode(errors="replace"))
        if token:
            self.token = token[1]
        return got

    def post(
        self,
        path: str,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {**(fields or {})}
        if token != "":
            sent["csrf"] = token or self.token
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, urlencode(sent, doseq=True).encode(), {**kind, **(headers or {})})

    def sign_in(self, login: str, password: str = PASSWORD, after: str = "/") -> Answer:
        self.get(f"/login?{urlencode({'next': after})}")
        return self.post("/login", {"login": login, "password": password, "next": after})


def follow(answer: Answer) -> str:
    """Where a redirect leads, on this server."""
    assert answer.status == 303, (answer.status, answer.words[:400])
    where = answer.headers["location"]
    assert not urlsplit(where).netloc and where.startswith("/"), where
    return where
