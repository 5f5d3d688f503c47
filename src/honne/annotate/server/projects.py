"""The start page, and making a project of the run folders that the server was given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from honne.annotate import draw, guides, people
from honne.annotate.overview import projects_of
from honne.annotate.projects import Plan, apart, create_project
from honne.annotate.server.pages import language, page
from honne.annotate.server.security import Member, Visitor, anyone, form, member, see
from honne.annotate.server.settings import database, settings
from honne.annotate.server.words import translator
from honne.annotate.tables import Membership
from honne.engine.store import RunFolder, open_run
from honne.errors import HonneError, StoreError

__all__ = ["may_create", "router"]

router = APIRouter()
# The first page of each role.
_FIRST = {"owner": "overview", "viewer": "overview", "annotator": "label", "adjudicator": "adjudicate"}


@dataclass(frozen=True)
class _Run:
    """A run folder as the form lists it: its number is what the form sends, never a path."""

    number: int
    name: str
    model: str
    benchmarks: list[str]
    answers: int
    judges: list[str]


def may_create(s: Session, user_id: int) -> bool:
    """Whether somebody may make projects: the server's first account, and whoever owns one."""
    if user_id == people.first_user(s):
        return True
    owned = select(func.count()).where(Membership.user_id == user_id, Membership.role == "owner")
    return bool(s.scalar(owned))


@router.get("/")
def home(request: Request, who: Annotated[Visitor, Depends(anyone)]) -> Response:
    with database(request).read() as s:
        listed, owner = projects_of(s, who.id), may_create(s, who.id)
    return page(request, "home.html", projects=listed, may_create=owner)


@router.get("/projects/new")
def new(request: Request, who: Annotated[Visitor, Depends(anyone)]) -> Response:
    runs = _allowed(request, who)
    suited = next((g for r in runs for b in r.benchmarks if (g := guides.suited(b))), None)
    first = {
        "name": runs[0].benchmarks[0] if runs and runs[0].benchmarks else "",
        "guide": settings(request).guide or suited or "",
        "overlap": "2",
        "design": "random",
        "labels": "",
        "per_stratum": "",
        "gold": "",
        "gold_count": "10",
        "suggestions": "",
        "without": "30",
        "seed": "0",
        "blind": "1",
    }
    return _form(request, runs, first, [run.number for run in runs])


@router.post("/projects")
def create(
    request: Request, who: Annotated[Visitor, Depends(anyone)], form: Annotated[FormData, Depends(form)]
) -> Response:
    listed = _allowed(request, who)
    fields = {k: str(v) for k, v in form.items() if k not in ("csrf", "run")}
    fields = {"blind": "", **fields}
    picked = [run.number for run in listed if str(run.number) in form.getlist("run")]
    wrong: dict[str, str] = {}
    plan = _plan(fields, wrong)
    if not 1 <= len(fields.get("name", "").strip()) <= 200:
        wrong["name"] = "wrong_name"
    if fields.get("guide") not in guides.names():
        wrong["guide"] = "wrong_choice"
    if not picked:
        wrong["run"] = "wrong_runs"
    if wrong or plan is None:
        return _form(request, listed, fields, picked, wrong)
    guide = guides.load(plan.guide)
    try:
        runs = [open_run(settings(request).runs[number]) for number in picked]
        for run in runs:
            # Read before the transaction: while that is open, nobody else's label is written.
            run.items(), run.responses(), run.judgments()
        made = database(request).write(lambda s: create_project(s, fields["name"], runs, plan, guide, who.id).id)
    except HonneError as e:
        return _form(request, listed, fields, picked, said=str(e))
    return see(f"/projects/{made}/overview")


@router.get("/projects/{project_id}")
def entrance(
    request: Request, member: Annotated[Member, Depends(member("owner", "annotator", "adjudicator", "viewer"))]
) -> Response:
    return see(f"/projects/{member.project_id}/{_FIRST[member.role]}")


def _allowed(request: Request, who: Visitor) -> list[_Run]:
    """The server's runs, for those who may make projects of them."""
    with database(request).read() as s:
        if not may_create(s, who.id):
            raise HTTPException(403)
    found: dict[int, RunFolder] = {}
    for number, path in enumerate(settings(request).runs):
        # A folder that is gone since the start is no choice.
        with suppress(StoreError):
            found[number] = open_run(path)
    names = apart(list(found.values()))
    return [_run(number, name, run) for name, (number, run) in zip(names, found.items(), strict=True)]


def _run(number: int, name: str, run: RunFolder) -> _Run:
    spec = run.info["spec"]
    counted = run.info.get("counts") or {}
    return _Run(
        number,
        name,
        str(spec["model"].get("name")),
        [str(b.get("name")) for b in spec["benchmarks"]],
        sum(n for n in counted.values() if isinstance(n, int)),
        [str(j["key"]) for j in spec.get("judges") or () if isinstance(j, dict) and "key" in j],
    )


def _form(
    request: Request,
    runs: list[_Run],
    fields: Mapping[str, str],
    picked: list[int],
    wrong: Mapping[str, str] | None = None,
    said: str = "",
) -> Response:
    lang, t = language(request), translator(language(request))
    judges = list(dict.fromkeys(judge for run in runs for judge in run.judges))
    return page(
        request,
        "project_new.html",
        status=422 if wrong or said else 200,
        runs=runs,
        picked=picked,
        guides=[(name, guides.load(name).title[lang]) for name in guides.names()],
        judges=judges,
        designs=draw.DRAWS,
        fields={k: fields.get(k, "") for k in _FIELDS},
        wrong={k: t(f"owner.{wrong[k]}") if wrong and k in wrong else "" for k in (*_FIELDS, "run")},
        said=said,
    )


_FIELDS = (
    "name",
    "guide",
    "overlap",
    "design",
    "labels",
    "per_stratum",
    "gold",
    "gold_count",
    "suggestions",
    "without",
    "seed",
    "blind",
)


def _plan(fields: Mapping[str, str], wrong: dict[str, str]) -> Plan | None:
    """The plan of a form; what cannot be read is named in `wrong`, by its words."""

    def number(name: str, least: int, most: int, empty: int | None = None) -> Any:
        text = fields.get(name, "").strip()
        if not text and empty is not None:
            return empty
        if text.isascii() and text.isdigit() and len(text) <= 12 and least <= int(text) <= most:
            return int(text)
        wrong[name] = "wrong_number"
        return None

    def count(name: str) -> int | None:
        return number(name, 1, 10**9) if fields.get(name, "").strip() else None

    if fields.get("design") not in draw.DRAWS:
        wrong["design"] = "wrong_choice"
    stratified = fields.get("design") == "stratified"
    gold, suggested = fields.get("gold") or None, fields.get("suggestions") or None
    plan = Plan(
        guide=fields.get("guide", ""),
        overlap=number("overlap", 1, 20),
        design=fields.get("design", ""),
        labels=count("labels"),
        per_stratum=count("per_stratum") if stratified else None,
        gold=gold,
        gold_count=number("gold_count", 1, 10**6, 10) if gold else 0,
        suggestions=suggested,
        without_suggestion=(number("without", 0, 100, 30) or 0) / 100,
        seed=number("seed", 0, 2**31, 0),
        blind=fields.get("blind") == "1",
    )
    return None if wrong else plan
