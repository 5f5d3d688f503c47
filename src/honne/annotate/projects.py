"""Projects: answers of run folders, drawn by a plan, for people to label by a guide."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from honne.annotate import draw, guides, log, people
from honne.annotate.tables import Answer, Decision, Label, Membership, Project, Run, Slot, User
from honne.annotate.text import head
from honne.engine.store import RunFolder, open_run
from honne.errors import ConfigError, DataError, unknown
from honne.plugins import is_choice
from honne.records import Item, Judgment, Response, now
from honne.spec import slug

__all__ = [
    "Overview",
    "Plan",
    "Progress",
    "ProjectRow",
    "create_project",
    "overview",
    "projects_of",
    "row_of",
    "suggest",
]

_PRIME = 2**31 - 1
_POINTS = re.compile(r"-[0-9]+$")


@dataclass(frozen=True)
class Plan:
    """How a project's answers are drawn and shown.

    `labels` is how many answers are drawn (None: all); `per_stratum`, for `stratified`, that many in each stratum.
    `overlap` people label each. `gold` names the judge (such as `labels`) whose labels are known to be right, of which
    `gold_count` are mixed in. `suggestions` names the judge whose verdicts annotators see, except on a share
    `without_suggestion` of the answers; None: nobody's. `blind`: the adjudicator sees no names.
    """

    guide: str
    overlap: int = 2
    design: str = "random"
    labels: int | None = None
    per_stratum: int | None = None
    gold: str | None = None
    gold_count: int = 0
    suggestions: str | None = None
    without_suggestion: float = 0.3
    seed: int = 0
    blind: bool = True

    def check(self) -> None:
        """Raises ConfigError for what makes no sense."""
        if self.design not in draw.DRAWS:
            raise ConfigError(unknown("design", self.design, draw.DRAWS))
        if not 1 <= self.overlap <= 20:
            raise ConfigError(f"overlap is {self.overlap}: 1 to 20 people label an answer")
        for name in ("labels", "per_stratum"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}: it is at least 1, or left out")
        if self.per_stratum is not None and self.design != "stratified":
            raise ConfigError("per_stratum is for the design stratified")
        if self.gold_count < 0 or (self.gold_count > 0 and self.gold is None):
            raise ConfigError("gold_count is at least 0, and needs the judge whose labels are known to be right (gold)")
        if not 0 <= self.without_suggestion <= 1:
            raise ConfigError(f"without_suggestion is {self.without_suggestion}: it is a share, 0 to 1")


@dataclass(frozen=True)
class ProjectRow:
    """A project as its list shows it."""

    id: int
    name: str
    guide: str
    role: str
    answers: int
    places: int
    done: int


@dataclass(frozen=True)
class Progress:
    """What one annotator did: counts by state, median seconds a label, unblurred texts, gold right of gold labelled."""

    user_id: int
    name: str
    submitted: int
    drafts: int
    discarded: int
    seconds: float | None
    exposures: int
    gold_right: int
    gold: int


@dataclass(frozen=True)
class Overview:
    """A project at a glance. `places` are slots (answers times overlap) by state; `population` and `left_out` say from
    how many answers was drawn, and how many had nothing to label, by status."""

    project: Project
    runs: list[Run]
    members: list[people.Member]
    answers: int
    population: int
    left_out: Mapping[str, int]
    places: Mapping[str, int]
    labels: Mapping[str, int]
    decided: int
    gold: int
    annotators: list[Progress] = field(default_factory=list)


@dataclass(frozen=True)
class _Candidate:
    run: int
    item: Item
    response: Response
    other: Response | None
    labels: Mapping[str, Judgment]


def create_project(
    s: Session, name: str, runs: Sequence[RunFolder], plan: Plan, guide: guides.Guide, by: int
) -> Project:
    """Make a project of these runs: draw its answers, and open places for their labels. `by` becomes its owner.

    Raises ConfigError for a plan that makes no sense here, DataError where there is nothing to label, StoreError for a
    damaged run.
    """
    plan.check()
    name = " ".join(name.split())
    if not name or len(name) > 200 or not name.isprintable():
        raise ConfigError("a project's name has 1 to 200 printable characters")
    if len({run.path.resolve() for run in runs}) < len(runs) or not runs:
        raise ConfigError("name the project's run folders, each once")
    pairwise = guide.kind == "pairwise"
    if pairwise and len(runs) != 2:
        raise ConfigError(f"the guide {guide.name} compares the answers of two runs: name two, not {len(runs)}")
    population, left_out = _pairs(runs) if pairwise else _answers(runs)
    population = [c for c in population if _covered(guide, c.item)]
    if not population:
        raise DataError(f"nothing to label by {guide.name} in {', '.join(run.name for run in runs)}")
    drawn = _drawn(population, plan)
    gold = {} if plan.gold is None else _gold(population, plan, guide, plan.gold)
    project = Project(
        name=name,
        slug=_slug(s, name),
        guide=guide.name,
        guide_version=guide.version,
        kind=guide.kind,
        plan={**asdict(plan), "population": len(population), "left_out": left_out},
        overlap=plan.overlap,
        blind=plan.blind,
        suggestions=None,
        created_by=by,
        created=now(),
    )
    s.add(project)
    s.flush()
    listed = [
        Run(
            project_id=project.id,
            path=str(run.path.resolve()),
            name=run.name,
            model=str(run.info["spec"]["model"].get("name")),
        )
        for run in runs
    ]
    s.add_all(listed)
    s.flush()
    places = random.Random(f"{plan.seed}/places")
    rows = []
    for i in sorted({*drawn, *gold}):
        one = population[i]
        other = None if one.other is None else (listed[1], one.other)
        row = row_of(project.id, listed[one.run], one.item, one.response, other)
        row.place = places.randrange(1, _PRIME)
        row.gold = gold.get(i)
        row.design, row.inclusion = (plan.design, drawn[i]) if i in drawn else ("gold", None)
        row.held = places.random() < plan.without_suggestion
        rows.append(row)
    # Ids are seen by annotators: their order says nothing of the run.
    rows.sort(key=lambda row: row.place)
    s.add_all(rows)
    s.flush()
    s.add_all(
        Slot(project_id=project.id, answer_id=row.id, number=number, state="open")
        for row in rows
        if row.design != "gold"
        for number in range(1, plan.overlap + 1)
    )
    people.join(s, project.id, by, "owner", by)
    log.add(s, project.id, by, "create project", f"project {project.id}", None, {"name": name, "plan": project.plan})
    if plan.suggestions is not None:
        suggest(s, project.id, by, plan.suggestions)
    s.flush()
    return project


def suggest(s: Session, project_id: int, by: int, judge: str | None) -> None:
    """Show a judge's verdicts to annotators from now on, or nobody's (None).

    Raises ConfigError for a judge that the project's runs do not have, or in a pairwise project.
    """
    project = s.get_one(Project, project_id)
    before, verdicts = project.suggestions, {}
    if judge is not None:
        if project.kind == "pairwise":
            raise ConfigError("a pairwise project has no suggestions: judges score answers one by one")
        runs = {run.id: open_run(run.path) for run in s.scalars(select(Run).where(Run.project_id == project_id))}
        known = {key for run in runs.values() for key in run.judgments()}
        if judge not in known:
            raise ConfigError(unknown("judge", judge, known))
        for run_id, run in runs.items():
            for given in run.judgments().get(judge, ()):
                if given.status == "scored" and given.label is not None:
                    verdicts[run_id, given.item_id, given.sample] = given.label
        guide = guides.load(project.guide)
        for answer in s.scalars(select(Answer).where(Answer.project_id == project_id)):
            label = verdicts.get((answer.run_id, answer.item_id, answer.sample))
            # A verdict that the form does not offer is no suggestion.
            answer.suggestion = label if label in guides.part(guide, answer.category).values else None
    project.suggestions = judge
    log.add(s, project_id, by, "suggestions", f"project {project_id}", {"judge": before}, {"judge": judge})


# -------------------------------------------------------------------- drawing


def _answers(runs: Sequence[RunFolder]) -> tuple[list[_Candidate], dict[str, int]]:
    found: list[_Candidate] = []
    left_out: dict[str, int] = {}
    for number, run in enumerate(runs):
        items = {item.id: item for item in run.items()}
        judged: dict[tuple[str, int], dict[str, Judgment]] = {}
        for key, rows in run.judgments().items():
            for row in rows:
                judged.setdefault((row.item_id, row.sample), {})[key] = row
        for response in run.responses():
            item = items.get(response.item_id)
            if item is None or is_choice(item.form):
                continue
            if not response.text:
                status = response.status if response.text is None else "empty"
                left_out[status] = left_out.get(status, 0) + 1
                continue
            found.append(_Candidate(number, item, response, None, judged.get((item.id, response.sample), {})))
    return found, left_out


def _pairs(runs: Sequence[RunFolder]) -> tuple[list[_Candidate], dict[str, int]]:
    """The items that both runs asked in the same words and that both models answered."""
    first, left_out = _answers(runs[:1])
    second, _ = _answers(runs[1:])
    others = {(c.item.id, c.response.sample): c for c in second}
    found = []
    for one in first:
        other = others.get((one.item.id, one.response.sample))
        if other is None or other.item.messages != one.item.messages:
            left_out["unpaired"] = left_out.get("unpaired", 0) + 1
            continue
        found.append(_Candidate(0, one.item, one.response, other.response, {}))
    return found, left_out


def _covered(guide: guides.Guide, item: Item) -> bool:
    try:
        guides.part(guide, item.category)
    except ConfigError:
        return False
    return True


def _drawn(population: Sequence[_Candidate], plan: Plan) -> dict[int, float]:
    if plan.design == "random":
        return draw.simple(len(population), plan.labels, plan.seed)
    if plan.design == "stratified":
        strata = [(c.run, c.item.benchmark, c.item.category) for c in population]
        return draw.stratified(strata, plan.labels, plan.per_stratum, plan.seed)
    disputed = [draw.disagreement(_verdicts(c)) for c in population]
    if all(share is None for share in disputed):
        raise ConfigError("active needs the verdicts of two judges on the same answers; honne judge adds one")
    return draw.active(disputed, plan.labels, plan.seed)


def _verdicts(candidate: _Candidate) -> list[str]:
    """What judges (not people) said; points after a verdict (`safe-7`) say how sure, not what."""
    return [
        _POINTS.sub("", given.label)
        for key, given in candidate.labels.items()
        if key.partition(".")[0] != "labels" and given.status == "scored" and given.label is not None
    ]


def _gold(population: Sequence[_Candidate], plan: Plan, guide: guides.Guide, key: str) -> dict[int, str]:
    known: dict[int, str] = {}
    for i, candidate in enumerate(population):
        given = candidate.labels.get(key)
        if given is not None and given.label in guides.part(guide, candidate.item.category).values:
            known[i] = str(given.label)
    if not known and plan.gold_count:
        raise ConfigError(f"no answer has a label of {key!r} that the guide {guide.name} offers: there is no gold")
    picked = random.Random(f"{plan.seed}/gold").sample(sorted(known), min(plan.gold_count, len(known)))
    return {i: known[i] for i in picked}


def row_of(
    project_id: int, run: Run, item: Item, response: Response, other: tuple[Run, Response] | None = None
) -> Answer:
    """An answer of a run as a row, not drawn; `other` is the answer of another run that it is compared with."""
    messages = item.messages if response.messages is None or other is not None else response.messages
    cuts = [head(m.content) for m in messages]
    text, cut = head(response.text or "")
    other_text, other_cut = (None, False) if other is None else head(other[1].text or "")
    return Answer(
        project_id=project_id,
        run_id=run.id,
        item_id=item.id,
        sample=response.sample,
        other_run_id=None if other is None else other[0].id,
        other_sample=None if other is None else other[1].sample,
        benchmark=item.benchmark,
        category=item.category,
        lang=item.lang,
        cluster=item.group,
        question=[[m.role, content] for m, (content, _) in zip(messages, cuts, strict=True)],
        text=text,
        other_text=other_text,
        cut=cut or other_cut or any(was_cut for _, was_cut in cuts),
        place=0,
        held=False,
    )


def _slug(s: Session, name: str) -> str:
    # Dots part the words of a judge's key.
    wanted = slug(name).replace(".", "-").lower()
    taken = set(s.scalars(select(Project.slug)))
    return next(one for n in range(len(taken) + 1) if (one := wanted if not n else f"{wanted}-{n + 1}") not in taken)


# ------------------------------------------------------------------- reading


def projects_of(s: Session, user_id: int) -> list[ProjectRow]:
    """The projects in which a user has a role, by name."""
    rows = s.execute(
        select(Project, Membership.role)
        .join(Membership, Membership.project_id == Project.id)
        .where(Membership.user_id == user_id)
        .order_by(Project.name, Project.id)
    ).all()
    answers = _counts(s, select(Answer.project_id, func.count()).group_by(Answer.project_id))
    places = _counts(s, select(Slot.project_id, func.count()).group_by(Slot.project_id))
    done = _counts(s, select(Slot.project_id, func.count()).where(Slot.state == "done").group_by(Slot.project_id))
    return [
        ProjectRow(p.id, p.name, p.guide, role, answers.get(p.id, 0), places.get(p.id, 0), done.get(p.id, 0))
        for p, role in rows
    ]


def overview(s: Session, project_id: int) -> Overview:
    """Counts by state, and what each annotator did."""
    project = s.get_one(Project, project_id)
    mine = Label.project_id == project_id
    at = Slot.project_id == project_id
    labels = _counts(s, select(Label.state, func.count()).where(mine).group_by(Label.state))
    places = _counts(s, select(Slot.state, func.count()).where(at).group_by(Slot.state))
    return Overview(
        project=project,
        runs=list(s.scalars(select(Run).where(Run.project_id == project_id).order_by(Run.id))),
        members=people.members(s, project_id),
        answers=s.scalar(select(func.count()).where(Answer.project_id == project_id)) or 0,
        population=int(project.plan.get("population", 0)),
        left_out=dict(project.plan.get("left_out", {})),
        places={state: places.get(state, 0) for state in ("open", "leased", "done")},
        labels={state: labels.get(state, 0) for state in ("pending", "draft", "submitted", "discarded")},
        decided=s.scalar(select(func.count()).where(Decision.project_id == project_id)) or 0,
        gold=s.scalar(select(func.count()).where(Answer.project_id == project_id, Answer.gold.is_not(None))) or 0,
        annotators=_progress(s, project_id),
    )


def _progress(s: Session, project_id: int) -> list[Progress]:
    rows = s.execute(
        select(User.id, User.name, Label.state, Label.seconds, Label.exposed, Label.label, Answer.gold)
        .join(Label, Label.user_id == User.id)
        .join(Answer, Answer.id == Label.answer_id)
        .where(Label.project_id == project_id)
        .order_by(User.id)
    )
    by_user: dict[tuple[int, str], list[Any]] = {}
    for row in rows:
        by_user.setdefault((row.id, row.name), []).append(row)
    out = []
    for (user_id, name), given in by_user.items():
        submitted = [row for row in given if row.state == "submitted"]
        seconds = [row.seconds for row in submitted if row.seconds is not None]
        gold = [row for row in submitted if row.gold is not None]
        out.append(
            Progress(
                user_id=user_id,
                name=name,
                submitted=len(submitted),
                drafts=sum(row.state == "draft" for row in given),
                discarded=sum(row.state == "discarded" for row in given),
                seconds=median(seconds) if seconds else None,
                exposures=sum(row.exposed for row in given),
                gold_right=sum(row.label == row.gold for row in gold),
                gold=len(gold),
            )
        )
    return out


def _counts(s: Session, query: Select[*tuple[Any, ...]]) -> dict[Any, int]:
    return {row[0]: row[1] for row in s.execute(query)}
