"""What a project's owner and viewers look at: progress and the answers with all that was said about them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from honne.annotate import browse, guides, projects
from honne.annotate.queue import full_text
from honne.annotate.server.pages import language, page
from honne.annotate.server.security import Member, member
from honne.annotate.server.settings import database
from honne.engine.store import open_run
from honne.errors import HonneError

__all__ = ["router"]

router = APIRouter()
Viewer = Annotated[Member, Depends(member("owner", "viewer"))]
_PAGE = 50


@router.get("/projects/{project_id}/overview")
def overview(request: Request, viewer: Viewer) -> Response:
    with database(request).read() as s:
        found = projects.overview(s, viewer.project_id)
        states = browse.counts(s, viewer.project_id)
    title = guides.load(found.project.guide).title[language(request)]
    judges = _judges(found) if viewer.role == "owner" else []
    return page(request, "overview.html", o=found, states=states, guide_title=title, judges=judges)


def _judges(found: projects.Overview) -> list[str]:
    """The judges of the project's runs, but people; those of a folder that is gone are not there."""
    out: dict[str, None] = {}
    for run in found.runs:
        try:
            listed = open_run(run.path).info["spec"].get("judges") or ()
        except HonneError:
            continue
        out |= {str(j["key"]): None for j in listed if isinstance(j, dict) and "key" in j}
    return list(out)


@router.get("/projects/{project_id}/items")
def items(request: Request, viewer: Viewer, show: str = "all", after: int = 0) -> Response:
    show = show if show in browse.STATES else "all"
    with database(request).read() as s:
        states = browse.counts(s, viewer.project_id)
        found = browse.listed(s, viewer.project_id, show, after, _PAGE + 1)
    more = found[_PAGE - 1].answer.id if len(found) > _PAGE else None
    return page(request, "items.html", found=found[:_PAGE], more=more, show=show, after=after, states=states)


@router.get("/projects/{project_id}/items/{answer_id}")
def item(request: Request, viewer: Viewer, answer_id: int) -> Response:
    with database(request).read() as s:
        found = browse.one(s, viewer.project_id, answer_id)
    if found is None:
        raise HTTPException(404)
    return page(request, "item.html", f=found)
