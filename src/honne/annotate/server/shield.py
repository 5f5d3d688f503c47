"""What every answer carries and every request must pass, whatever the route: one ASGI layer around the application."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from honne.annotate.server.settings import Settings

__all__ = ["POLICY", "Shield", "harden"]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it browsers send `Origin: null` with our own forms, and the check of origins would be void.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}


def harden(headers: MutableHeaders, settings: Settings) -> None:
    """Put the security headers on an answer; only the files that ship with the pages may be kept by a browser."""
    headers.update(_HEADERS)
    if settings.https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    headers.setdefault("Cache-Control", "no-store")


class Shield:
    """Security headers on every answer (also of errors), the Host check, the check of origins, the limit of bodies."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                harden(MutableHeaders(scope=message), self.settings)
            await send(message)

        headers = Headers(scope=scope)
        refused = self._refused(headers, scope)
        if refused is not None:
            await refused(scope, receive, guarded)
            return
        left = self.settings.most_bytes

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413)
            return message

        # What a GET answers, of which the server leaves out the body: a proxy that asks whether all is well asks so.
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        await self.app(asked, limited, guarded)

    def _refused(self, headers: Headers, scope: Scope) -> PlainTextResponse | None:
        host = _host(headers.get("host", ""))
        if host not in self.settings.hosts:
            return PlainTextResponse("This server is not reached by that name.", 421)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > self.settings.most_bytes:
            return PlainTextResponse("Too large.", 413)
        if scope["method"] not in ("GET", "HEAD") and self._foreign(headers):
            return PlainTextResponse("Sent by a page of another site.", 403)
        return None

    def _foreign(self, headers: Headers) -> bool:
        """Whether a browser says that another site's page sent this; what is no browser says nothing."""
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return True
        origin = headers.get("origin")
        if origin is None:
            return False
        try:
            ours = {headers.get("host", "").lower(), urlsplit(self.settings.url).netloc.lower()}
            return urlsplit(origin).netloc.lower() not in ours
        except ValueError:
            return True


def _host(header: str) -> str:
    """The name of a Host header without its port; empty where it cannot be one."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return ""
    if parts.netloc != header or parts.username is not None:
        return ""
    return (parts.hostname or "").lower()
