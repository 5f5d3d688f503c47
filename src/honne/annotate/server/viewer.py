"""What a project's owner and viewers look at: progress and the answers with all that was said about them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from honne.annotate import browse, draw, gold, guides
from honne.annotate.overview import Overview
from honne.annotate.overview import overview as summed
from honne.annotate.server.pages import language, page
from honne.annotate.server.plots import floor_of, ruler, whisker
from honne.annotate.server.security import Member, member
from honne.annotate.server.settings import database
from honne.annotate.tables import Project
from honne.engine.store import open_run
from honne.errors import HonneError

__all__ = ["router"]

router = APIRouter()
Viewer = Annotated[Member, Depends(member("owner", "viewer"))]
_PAGE = 50
Number = Annotated[int, Query(ge=0, le=2**31 - 1)]
# Why labels do not count, as `agreement` says it, and the key of the words for it.
_WHYS = {
    "gold items are not drawn": "gold",
    "how the answer was drawn is not known": "unknown",
    "stratified beside random labels": "beside",
    "active beside random labels": "beside",
    "no inclusion probability": "inclusion",
}


@router.get("/projects/{project_id}/overview")
def overview(request: Request, viewer: Viewer) -> Response:
    with database(request).read() as s:
        found = summed(s, viewer.project_id)
        states = browse.counts(s, viewer.project_id)
        drawn = browse.drawn(s, viewer.project_id)
        known = {one.user_id: one for one in gold.accuracy(s, viewer.project_id)}
    title = guides.load(found.project.guide).title[language(request)]
    judges = _judges(found) if viewer.role == "owner" else []
    return page(
        request, "overview.html", o=found, states=states, guide_title=title, judges=judges, drawn=drawn, known=known
    )


def _judges(found: Overview) -> list[str]:
    """The judges of the project's runs, but people; those of a folder that is gone are not there."""
    out: dict[str, None] = {}
    for run in found.runs:
        try:
            listed = open_run(run.path).info["spec"].get("judges") or ()
        except HonneError:
            continue
        out |= {str(j["key"]): None for j in listed if isinstance(j, dict) and "key" in j}
    return list(out)


@router.get("/projects/{project_id}/agreement")
def agreeing(request: Request, viewer: Viewer) -> Response:
    known = request.app.state.agreed.of(database(request), viewer.project_id)
    found = known.found
    scopes = [*found.dimensions, *(found.runs if len(found.runs) > 1 else ())]
    drawn = [(scope.ordinal or scope.nominal).found for scope in scopes] + [pair.cohen for pair in found.pairs]
    return page(
        request,
        "agreement.html",
        a=found,
        at=known.at,
        ordinal=found.overall.ordinal is not None,
        floor=floor_of(drawn),
        ruler=ruler,
        whisker=whisker,
        whys=_WHYS,
    )


@router.get("/projects/{project_id}/items")
def items(request: Request, viewer: Viewer, show: str = "all", after: Number = 0) -> Response:
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
        guide = guides.load(s.get_one(Project, viewer.project_id).guide)
    if found is None:
        raise HTTPException(404)
    values = guides.part(guide, found.answer.category).values
    return page(request, "item.html", f=found, guide=guide, values=values, designs=draw.DRAWS)
