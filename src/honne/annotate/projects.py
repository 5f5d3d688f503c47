"""Projects: answers of run folders, drawn by a plan, for people to label by a guide."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from honne.annotate import guides, log, people
from honne.annotate.population import Plan, drawn, gold, population
from honne.annotate.suggestions import suggest, verdicts
from honne.annotate.tables import Answer, Project, Run, Slot
from honne.annotate.text import head
from honne.engine.store import RunFolder
from honne.errors import ConfigError, DataError
from honne.records import Item, Response, now
from honne.spec import slug

__all__ = ["Plan", "apart", "create_project", "row_of"]

_PRIME = 2**31 - 1


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
    if guide.kind == "pairwise" and len(runs) != 2:
        raise ConfigError(f"the guide {guide.name} compares the answers of two runs: name two, not {len(runs)}")
    everything, left_out = population(runs, guide)
    if not everything:
        raise DataError(f"nothing to label by {guide.name} in {', '.join(run.name for run in runs)}")
    chances, known = drawn(everything, plan), gold(everything, plan, guide)
    project = Project(
        name=name,
        slug=_slug(s, name),
        guide=guide.name,
        guide_version=guide.version,
        kind=guide.kind,
        plan={**asdict(plan), "population": len(everything), "left_out": left_out},
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
            name=name,
            model=str(run.info["spec"]["model"].get("name")),
        )
        for name, run in zip(apart(runs), runs, strict=True)
    ]
    s.add_all(listed)
    s.flush()
    places = random.Random(f"{plan.seed}/places")
    rows = []
    for i in sorted({*chances, *known}):
        one = everything[i]
        other = None if one.other is None else (listed[1], one.other)
        row = row_of(project.id, listed[one.run], one.item, one.response, other)
        row.place = places.randrange(1, _PRIME)
        row.gold = known.get(i)
        row.design, row.inclusion = (plan.design, chances[i]) if i in chances else ("gold", None)
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
        suggest(s, project.id, by, plan.suggestions, verdicts(runs, plan.suggestions))
    s.flush()
    return project


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


def apart(runs: Sequence[RunFolder]) -> list[str]:
    """A name for each run, its own: folders of one name are told apart by those that hold them, on pages, in files of
    labels, and for whoever reads these."""
    paths = [run.path.resolve() for run in runs]
    names = [run.name for run in runs]
    for depth in range(2, max((len(path.parts) for path in paths), default=0) + 1):
        often = Counter(names)
        longer = ["/".join(path.parts[-depth:]) for path in paths]
        names = [name if often[name] == 1 else more for name, more in zip(names, longer, strict=True)]
    return names


def _slug(s: Session, name: str) -> str:
    # Dots part the words of a judge's key.
    wanted = slug(name).replace(".", "-").lower()
    taken = set(s.scalars(select(Project.slug)))
    return next(one for n in range(len(taken) + 1) if (one := wanted if not n else f"{wanted}-{n + 1}") not in taken)
