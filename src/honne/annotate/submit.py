"""Drafts, labels, discards and undo.

Every request carries an idempotency key that its page made: sent again, it gets the same receipt and changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session, aliased

from honne.annotate import guides, leases, log, queue
from honne.annotate.errors import AlreadyGiven, BadForm, Decided, LeaseLost, NoSuchAnswer, NotShown, NotYours
from honne.annotate.tables import Answer, Base, Decision, Label, Project, SafeText, Slot
from honne.annotate.tables import Receipt as Stored
from honne.annotate.text import LONGEST
from honne.errors import unknown
from honne.records import now

__all__ = [
    "Form",
    "Receipt",
    "again",
    "check",
    "discard",
    "receipt",
    "save_draft",
    "store_receipt",
    "submit",
    "undo",
]

_KEY = 200
_DAY = 86400.0


@dataclass(frozen=True)
class Receipt:
    """What was done with a request: `what` is `draft`, `submit`, `discard` or `decide`."""

    key: str
    answer_id: int
    what: str
    label: str | None
    at: datetime


@dataclass(frozen=True)
class Form:
    """A checked form. `label` is as shown to its annotator."""

    label: str | None
    reasons: list[str]
    flags: list[str]
    note: str | None
    exposed: bool
    seconds: float | None

    def plain(self) -> dict[str, Any]:
        """The form as its page knows it."""
        return {
            "label": self.label,
            "reasons": self.reasons,
            "flags": self.flags,
            "note": self.note or "",
            "exposed": self.exposed,
            "seconds": self.seconds,
        }


def save_draft(
    s: Session,
    user_id: int,
    answer_id: int,
    form: Mapping[str, Any],
    key: str,
    at: datetime | None = None,
    *,
    project_id: int | None = None,
) -> Receipt:
    """Keep an unfinished form, and the lease for another half hour if the place is not lost.

    A draft is kept also where the place is lost; the last one counts. Raises BadForm, NotYours.
    """
    at = at or now()
    project, category, label, slot, known, _ = _held(s, user_id, answer_id, key, "draft", project_id)
    checked = check(form, guides.load(project.guide), category, partial=True)
    if known is not None:
        return again(known, form)
    if label.state in ("submitted", "discarded"):
        # Also one that overtook nothing but the network: it was sent before the discard, and came after it.
        raise AlreadyGiven(f"this answer is {label.state}: undo takes it back")
    label.draft, label.exposed = checked.plain(), label.exposed or checked.exposed
    label.state = "draft"
    if slot is not None:
        leases.hold(s, slot, label, user_id, at)
    return store_receipt(s, key, user_id, answer_id, "draft", checked.label, at)


def submit(
    s: Session,
    user_id: int,
    answer_id: int,
    form: Mapping[str, Any],
    key: str,
    at: datetime | None = None,
    *,
    project_id: int | None = None,
) -> Receipt:
    """Store a label, or change one's own that nobody has decided on yet.

    Raises BadForm for a form that is no label, NoSuchAnswer for an answer that is not in the project (`project_id`,
    where it is given), NotShown for one that was not given to this user, and LeaseLost where the lease was over and
    others have taken every place since.
    """
    at = at or now()
    project, category, label, slot, known, decided_by = _held(s, user_id, answer_id, key, "submit", project_id)
    if known is not None:
        return again(known, form, label)
    guide = guides.load(project.guide)
    checked = check(form, guide, category)
    before = _logged(label) if label.state in ("submitted", "discarded") else None
    if label.state == "submitted":
        _undecided(s, answer_id)
    else:
        if decided_by == user_id:
            raise NotYours("you have decided on this answer: who knows the labels of others gives none")
        if slot is None:
            place = leases.place(s, answer_id, user_id, at)
            if place is None:
                raise LeaseLost("the time for this answer was over, and others have labelled it since")
            slot = place.slot
            leases.hold(s, slot, label, user_id, at)
        slot.state, slot.until = "done", None
    label.state, label.at, label.draft = "submitted", at, None
    label.label = queue.turned(checked.label) if label.swapped else checked.label
    label.reasons, label.flags, label.note = checked.reasons, checked.flags, checked.note
    label.exposed, label.seconds = label.exposed or checked.exposed, checked.seconds
    label.guide_version = guide.version
    log.add(s, project.id, user_id, "submit", f"answer {answer_id}", before, _logged(label))
    return store_receipt(s, key, user_id, answer_id, "submit", checked.label, at)


def discard(
    s: Session,
    user_id: int,
    answer_id: int,
    form: Mapping[str, Any],
    key: str,
    at: datetime | None = None,
    *,
    project_id: int | None = None,
) -> Receipt:
    """Say that one cannot label this answer; its place goes to somebody else. Raises BadForm, NotYours."""
    at = at or now()
    project, category, label, slot, known, _ = _held(s, user_id, answer_id, key, "discard", project_id)
    if known is not None:
        return known
    checked = check(form, guides.load(project.guide), category, partial=True)
    before = _logged(label) if label.state in ("submitted", "discarded") else None
    if label.state == "submitted":
        _undecided(s, answer_id)
        slot = s.get(Slot, label.slot_id, with_for_update=True) if label.slot_id else None
    label.slot_id = None
    s.flush()
    if slot is not None:
        slot.state, slot.user_id, slot.until, slot.token = "open", None, None, None
    label.state, label.at, label.label, label.draft = "discarded", at, None, checked.plain()
    label.reasons, label.flags, label.note = checked.reasons, checked.flags, checked.note
    label.exposed, label.seconds = label.exposed or checked.exposed, checked.seconds
    log.add(s, project.id, user_id, "discard", f"answer {answer_id}", before, _logged(label))
    return store_receipt(s, key, user_id, answer_id, "discard", None, at)


def undo(s: Session, project_id: int, user_id: int, at: datetime | None = None) -> queue.Task | None:
    """Take back the last label or discard of this annotator, as a draft under lease; None where there is none.

    A label that was decided on stays.
    """
    at = at or now()
    leases.begin(s, project_id, user_id)
    rows = s.scalars(
        select(Label)
        .outerjoin(Decision, Decision.answer_id == Label.answer_id)
        .where(Label.project_id == project_id, Label.user_id == user_id, Decision.answer_id.is_(None))
        .where(Label.state.in_(("submitted", "discarded")))
        .order_by(Label.at.desc(), Label.id.desc())
    )
    for label in rows:
        slot = s.get(Slot, label.slot_id, with_for_update=True) if label.slot_id else None
        if slot is None:
            place = leases.place(s, label.answer_id, user_id, at)
            if place is None:
                continue
            slot = place.slot
        before = _logged(label)
        if label.state == "submitted":
            label.draft = queue.form_of(label)
        label.state, label.opened, label.label, label.at = "draft", at, None, None
        leases.hold(s, slot, label, user_id, at)
        log.add(s, project_id, user_id, "undo", f"answer {label.answer_id}", before, _logged(label))
        return queue.task(s, project_id, user_id, label.answer_id, at)
    return None


# ----------------------------------------------------------------------- forms


def check(form: Mapping[str, Any], guide: guides.Guide, category: str, *, partial: bool = False) -> Form:
    """A form as it can be stored; `partial`: the label may be missing. Raises BadForm."""
    allowed = guides.part(guide, category).values
    label = form.get("label")
    if label in (None, "") and partial:
        label = None
    elif label not in allowed:
        raise BadForm("label", "choose one" if label in (None, "") else unknown("label", str(label)[:80], allowed))
    note = form.get("note") or None
    if note is not None and (not isinstance(note, str) or len(note.encode(errors="surrogatepass")) > LONGEST):
        raise BadForm("note", f"a note is text of at most {LONGEST // 1024} KB")
    return Form(
        label=label,
        reasons=_codes("reasons", form.get("reasons"), guide.reasons),
        flags=_codes("flags", form.get("flags"), guide.flags),
        note=note,
        exposed=form.get("exposed") is True,
        seconds=_seconds(form.get("seconds")),
    )


def _codes(field: str, given: Any, allowed: Collection[str]) -> list[str]:
    if given is None:
        return []
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise BadForm(field, "a list of codes")
    for code in given:
        if code not in allowed:
            raise BadForm(field, unknown(field.removesuffix("s"), str(code)[:80], allowed))
    return sorted(set(given))


def _seconds(given: Any) -> float | None:
    """A time as the page measured it; one that cannot be is not known."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return None
    return float(given) if 0 <= given <= _DAY else None


# --------------------------------------------------------------------- holding

_PROJECT = select(Answer.project_id).where(Answer.id == bindparam("answer"))
_SLOT = aliased(
    Slot,
    select(Slot)
    .where(Slot.answer_id == bindparam("answer"), Slot.user_id == bindparam("user"), Slot.state == "leased")
    .with_for_update()
    .cte("held"),
)
_HELD = (
    select(Answer.category, Label, _SLOT, Stored, Decision.user_id)
    .join(Label, Label.answer_id == Answer.id)
    .outerjoin(_SLOT, _SLOT.answer_id == Answer.id)
    .outerjoin(Stored, Stored.key == bindparam("key", type_=SafeText))
    .outerjoin(Decision, Decision.answer_id == Answer.id)
    .where(
        Answer.id == bindparam("answer"), Answer.project_id == bindparam("project"), Label.user_id == bindparam("user")
    )
)


def _held(
    s: Session, user_id: int, answer_id: int, key: str, what: str, project_id: int | None
) -> tuple[Project, str, Label, Slot | None, Receipt | None, int | None]:
    """What is known of an answer to one who holds it: its project and category, this user's row of it, the slot that
    they hold for it under lease, the receipt of this request if it came before, and who has decided on the answer.

    The locks are taken in one order everywhere (membership, slot, label), so that two requests never wait for each
    other; the rest is read once the first of them is held.
    """
    _check_key(key)
    found = s.scalar(_PROJECT, {"answer": answer_id}) if project_id is None else project_id
    if found is None:
        raise NoSuchAnswer("no such answer")
    project = leases.begin(s, found, user_id)
    row = s.execute(_HELD, {"answer": answer_id, "project": found, "user": user_id, "key": key}).first()
    if row is None:
        if s.scalar(_PROJECT, {"answer": answer_id}) != found:
            raise NoSuchAnswer("no such answer in this project")
        raise NotShown("this answer was not given to you")
    category, label, slot, stored, decided_by = row
    return project, category, label, slot, _receipt(stored, user_id, answer_id, what), decided_by


def _undecided(s: Session, answer_id: int) -> None:
    # `decide` holds the answer from its check on: no label changes between what was decided on and the decision.
    s.execute(select(Answer.id).where(Answer.id == answer_id).with_for_update())
    if s.scalar(select(Decision.answer_id).where(Decision.answer_id == answer_id)) is not None:
        raise Decided("the adjudicator has decided on this answer: its labels stay as they are")


def _logged(label: Label) -> dict[str, Any]:
    return {
        "state": label.state,
        "label": label.label,
        "reasons": label.reasons,
        "flags": label.flags,
        "note": label.note,
        "exposed": label.exposed,
        "seconds": label.seconds,
        "swapped": label.swapped,
        "suggestion": label.suggestion,
    }


# -------------------------------------------------------------------- receipts


_RECEIPT = insert(Base.metadata.tables[Stored.__tablename__])


def receipt(s: Session, key: str, user_id: int, answer_id: int, what: str) -> Receipt | None:
    """The receipt of this key, if the request came before. Raises BadForm for a key that was used for another one."""
    _check_key(key)
    return _receipt(s.get(Stored, key), user_id, answer_id, what)


def again(known: Receipt, form: Mapping[str, Any], stored: Label | Decision | None = None) -> Receipt:
    """The receipt of a request that came before. Raises BadForm where this one, from a page that was sent and opened
    again, says something else (than `stored`, while that is of the first one): to answer it as the first one was would
    acknowledge what is stored nowhere."""
    same = known.label == (form.get("label") or None)
    if stored is not None and stored.at == known.at:
        same = same and stored.note == (form.get("note") or None)
        for was, now in ((stored.reasons, form.get("reasons")), (stored.flags, form.get("flags"))):
            same = same and sorted(was or ()) == sorted(set(now or ()))
    if not same:
        raise BadForm("key", "this idempotency key was used for another label")
    return known


def _check_key(key: str) -> None:
    if not isinstance(key, str) or not 8 <= len(key) <= _KEY:
        raise BadForm("key", f"an idempotency key has 8 to {_KEY} characters")


def _receipt(found: Stored | None, user_id: int, answer_id: int, what: str) -> Receipt | None:
    if found is None:
        return None
    if (found.user_id, found.answer_id, found.what) != (user_id, answer_id, what):
        raise BadForm("key", "this idempotency key was used for another request")
    return Receipt(found.key, found.answer_id, found.what, found.label, found.at)


def store_receipt(
    s: Session, key: str, user_id: int, answer_id: int, what: str, label: str | None, at: datetime
) -> Receipt:
    """Write down what was answered."""
    s.flush()
    row = {"key": key, "user_id": user_id, "answer_id": answer_id, "what": what, "label": label, "at": at}
    s.connection().execute(_RECEIPT, row)
    return Receipt(key, answer_id, what, label, at)
