"""The application: every router behind one shield, and what is said when something is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from honne.annotate.database import Database
from honne.annotate.errors import DatabaseFailed, LeaseLost, NotYours
from honne.annotate.server import accounts, adjudicate, exports, label, owner, passwords, projects, viewer
from honne.annotate.server.agreed import Agreed
from honne.annotate.server.pages import asset, kind, language, page
from honne.annotate.server.security import NotSignedIn, forged, identify, public
from honne.annotate.server.settings import Settings
from honne.annotate.server.shield import Shield, harden
from honne.annotate.server.words import translator
from honne.errors import HonneError

__all__ = ["ROOMS", "create_app"]

ROOMS = (accounts, passwords, projects, label, adjudicate, owner, viewer, exports)


def create_app(database: Database, settings: Settings, first: str | None = None) -> FastAPI:
    """The ASGI application over a database. `first` is the key of the page that makes the first account."""
    app = FastAPI(
        title="honne annotate",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(identify), Depends(forged)],
        # Spans would carry addresses, and an invitation's address is its secret.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.database, app.state.settings, app.state.door = database, settings, accounts.Door(first)
    app.state.agreed = Agreed()
    app.add_middleware(Shield, settings=settings)
    app.add_api_route("/static/{name}", _static)
    for module in ROOMS:
        app.include_router(module.router)
    app.add_exception_handler(NotSignedIn, _answer(_not_signed_in))
    app.add_exception_handler(ClientDisconnect, _answer(_gone))
    app.add_exception_handler(HTTPException, _answer(_refused))
    app.add_exception_handler(RequestValidationError, _answer(_unreadable))
    app.add_exception_handler(HonneError, _answer(_said))
    app.add_exception_handler(Exception, _answer(_failed))
    return app


@public
def _static(name: str) -> Response:
    media = kind(name)
    if media is None:
        raise HTTPException(404)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(asset(name), media_type=media, headers=kept)


def _answer(make: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, error: Exception) -> Response:
        return make(request, error)

    return handler


def _not_signed_in(request: Request, error: Exception) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    where = f"/login?next={quote(request.url.path + query, safe='/')}" if request.method == "GET" else "/login"
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    if request.method == "GET" and _reads_html(request):
        return Response(status_code=303, headers={"Location": where})
    return _error(request, 401)


def _reads_html(request: Request) -> bool:
    accept = request.headers.get("accept", "*/*")
    return "text/html" in accept or "*/*" in accept


def _gone(request: Request, error: Exception) -> Response:
    """Who asked has left before the form was whole: nothing was done, and nobody reads the answer."""
    return Response(status_code=400)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = _error(request, error.status_code, "token" if error.detail == "token" else None)
    response.headers.update(error.headers or {})
    return response


def _unreadable(request: Request, error: Exception) -> Response:
    # A path or query that is no number is an address that is not there; forms are checked by their routes.
    return _error(request, 404 if request.method == "GET" else 422)


def _said(request: Request, error: Exception) -> Response:
    """A refusal of the store that no route turned into something better: its own line."""
    if isinstance(error, DatabaseFailed):
        # Not the visitor's fault: their page keeps what it sent and tries again, as with any 5xx. Where the database
        # is and what ails it is not theirs to know.
        return _error(request, 503)
    code = 403 if isinstance(error, NotYours) else 409 if isinstance(error, LeaseLost) else 400
    return _error(request, code, text=None if code == 403 else str(error))


def _failed(request: Request, error: Exception) -> Response:
    # This answer is made outside of every layer, the shield's as well.
    response = _error(request, 500)
    harden(response.headers, request.app.state.settings)
    return response


def _error(request: Request, code: int, key: str | None = None, text: str | None = None) -> Response:
    t = translator(language(request))
    known = code if code in (400, 401, 403, 404, 405, 409, 413, 422) else 400 if code < 500 else 500
    title, said = t(f"account.error_title_{known}"), text or t(f"account.error_{key or known}")
    if not _reads_html(request):
        return JSONResponse({"error": title, "text": said}, code)
    return page(request, "error.html", status=code, code=str(code), title=title, text=said)
