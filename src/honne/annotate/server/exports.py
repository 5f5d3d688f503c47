"""Labels out of a project: downloads, and the way back into the run folders."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Annotated

from fastapi import APIRouter, Depends
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from honne.annotate import exporting, files
from honne.annotate.server.pages import page
from honne.annotate.server.security import Member, form, member
from honne.annotate.server.settings import database
from honne.annotate.tables import Project
from honne.errors import HonneError

__all__ = ["router"]

router = APIRouter()
Viewer = Annotated[Member, Depends(member("owner", "viewer"))]
Owner = Annotated[Member, Depends(member("owner"))]
_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
# Up to so many bytes an export is made in memory, then in a temporary file.
_MEMORY = 8 << 20


@router.get("/projects/{project_id}/exports")
def exports(request: Request, viewer: Viewer) -> Response:
    return _show(request, viewer)


@router.get("/projects/{project_id}/exports/labels")
def download(request: Request, viewer: Viewer, kind: str = "jsonl", text: bool = False) -> Response:
    """The rows as a file; `text` with prompts and answers."""
    if kind not in _TYPES:
        raise HTTPException(404)
    # Made whole before the first byte goes out: what fails is a page that says so, not half a file.
    made: IO[bytes] = tempfile.SpooledTemporaryFile(_MEMORY)  # noqa: SIM115
    try:
        with database(request).read() as s:
            slug = s.get_one(Project, viewer.project_id).slug
            files.stream(made, kind, exporting.rows(s, viewer.project_id, text=text))
    except HonneError as e:
        made.close()
        return _show(request, viewer, 422, str(e), bad=True)
    size = made.tell()
    made.seek(0)
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in slug)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Content-Length": str(size)}
    return StreamingResponse(_blocks(made), media_type=_TYPES[kind], headers=headers)


@router.post("/projects/{project_id}/exports/runs")
def write_back(request: Request, owner: Owner, form: Annotated[FormData, Depends(form)]) -> Response:
    """Write the labels into the run folders as judgments; the reports show them from then on."""
    try:
        written = exporting.flow_back(database(request), owner.project_id, owner.id)
    except HonneError as e:
        return _show(request, owner, 422, str(e), bad=True)
    return _show(request, owner, written=[run.name for run in written])


def _show(
    request: Request,
    who: Member,
    status: int = 200,
    said: str = "",
    *,
    bad: bool = False,
    written: list[str] | None = None,
) -> Response:
    with database(request).read() as s:
        project = s.get_one(Project, who.project_id)
        slug, pairwise = project.slug, project.kind == "pairwise"
    return page(
        request,
        "exports.html",
        status=status,
        said=said,
        bad=bad,
        written=written or [],
        kinds=list(_TYPES),
        slug=slug,
        pairwise=pairwise,
    )


def _blocks(made: IO[bytes]) -> Iterator[bytes]:
    with made:
        while block := made.read(1 << 16):
            yield block
