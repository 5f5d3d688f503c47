"""The tables. What is unique is unique in the database, whatever a process does:

- an annotator has one `Label` row for an answer (`answer_id, user_id`), and a slot has one label (`slot_id`);
- an idempotency key has one `Receipt`;
- an answer has one `Decision`, and a slot number once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from honne.annotate import text

__all__ = [
    "Answer",
    "Base",
    "Decision",
    "Invitation",
    "Label",
    "Log",
    "Membership",
    "Moment",
    "PasswordLink",
    "Project",
    "Receipt",
    "Run",
    "SafeText",
    "Session",
    "Slot",
    "User",
]


class SafeText(TypeDecorator[str]):
    """Any text: what a column cannot hold is escaped on the way in and restored on the way out (`text`)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else text.escape(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else text.restore(value)


class Json(TypeDecorator[Any]):
    """A value as JSON text in ASCII."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else text.dumps(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        return text.loads(value)


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {str: SafeText, datetime: Moment, dict[str, Any]: Json, list[Any]: Json}  # noqa: RUF012


class User(Base):
    """A person with an account. `login` is unique without regard to case."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    language: Mapped[str]
    password_hash: Mapped[str]
    created: Mapped[datetime]


class Session(Base):
    """A log-in: the hash of its token, and when it ends."""

    __tablename__ = "sessions"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    expires: Mapped[datetime]


class Project(Base):
    """Answers to be labelled by one guide. `plan` is how they were drawn; `suggestions` names a judge or nobody."""

    __tablename__ = "projects"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    guide: Mapped[str]
    guide_version: Mapped[str]
    kind: Mapped[str]
    plan: Mapped[dict[str, Any]]
    overlap: Mapped[int]
    blind: Mapped[bool]
    suggestions: Mapped[str | None]
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created: Mapped[datetime]


class Membership(Base):
    """What a user may do in a project."""

    __tablename__ = "memberships"
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str]
    created: Mapped[datetime]


class Invitation(Base):
    """The hash of an invitation's token; used once."""

    __tablename__ = "invitations"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    role: Mapped[str]
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created: Mapped[datetime]
    expires: Mapped[datetime]
    used: Mapped[datetime | None]
    used_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class PasswordLink(Base):
    """The hash of a link by which a user sets a new password; gone once used."""

    __tablename__ = "password_links"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    expires: Mapped[datetime]


class Run(Base):
    """A run folder of a project."""

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("project_id", "path"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    path: Mapped[str]
    name: Mapped[str]
    model: Mapped[str]


class Answer(Base):
    """One answer to be labelled; in a pairwise project two answers to one item (`other_…`).

    `design` and `inclusion` say how it was drawn (both null where nobody knows), `gold` is the known label of a gold
    item, `place` a random number by which annotators' orders are made, `held` whether it is kept without a suggestion.
    Of texts over 64 KB the beginning is here (`cut`), and the run folder has all.
    """

    __tablename__ = "answers"
    __table_args__ = (
        UniqueConstraint("run_id", "item_id", "sample"),
        Index("answers_by_project", "project_id", "place", "design"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    item_id: Mapped[str]
    sample: Mapped[int]
    other_run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    other_sample: Mapped[int | None]
    benchmark: Mapped[str]
    category: Mapped[str]
    lang: Mapped[str]
    cluster: Mapped[str]
    question: Mapped[list[Any]]
    text: Mapped[str]
    other_text: Mapped[str | None]
    cut: Mapped[bool]
    design: Mapped[str | None]
    inclusion: Mapped[float | None]
    gold: Mapped[str | None]
    place: Mapped[int] = mapped_column(BigInteger)
    suggestion: Mapped[str | None]
    held: Mapped[bool]


class Slot(Base):
    """A place for one person's label of an answer. `state` is `open`, `leased` (until `until`) or `done`."""

    __tablename__ = "slots"
    __table_args__ = (UniqueConstraint("answer_id", "number"), Index("slots_by_state", "project_id", "state"))
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    answer_id: Mapped[int] = mapped_column(ForeignKey("answers.id"))
    number: Mapped[int]
    state: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    until: Mapped[datetime | None]
    token: Mapped[str | None]


class Label(Base):
    """What one annotator made of one answer, from its first showing on.

    `state` is `pending`, `draft`, `submitted` or `discarded`; `slot_id` the place it holds (null once another took it,
    and for discarded and imported ones). `label` is in the order of the run folders; `swapped` says that a pairwise
    task showed its second answer first. `suggestion` is what a judge had suggested to this annotator. An imported label
    has `source`, and the annotator's name as the file gives it.
    """

    __tablename__ = "labels"
    __table_args__ = (
        UniqueConstraint("answer_id", "user_id"),
        UniqueConstraint("answer_id", "annotator"),
        Index("labels_by_user", "project_id", "user_id", "state"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    answer_id: Mapped[int] = mapped_column(ForeignKey("answers.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    annotator: Mapped[str | None]
    slot_id: Mapped[int | None] = mapped_column(ForeignKey("slots.id"), unique=True)
    state: Mapped[str]
    draft: Mapped[dict[str, Any] | None]
    label: Mapped[str | None]
    reasons: Mapped[list[Any] | None]
    flags: Mapped[list[Any] | None]
    note: Mapped[str | None]
    exposed: Mapped[bool]
    seconds: Mapped[float | None]
    swapped: Mapped[bool]
    suggestion: Mapped[str | None]
    suggestion_judge: Mapped[str | None]
    design: Mapped[str | None]
    inclusion: Mapped[float | None]
    guide_version: Mapped[str | None]
    source: Mapped[str | None]
    opened: Mapped[datetime]
    at: Mapped[datetime | None]


class Decision(Base):
    """The adjudicator's word on an answer; `adjudicator` is the name in the file where it was imported."""

    __tablename__ = "decisions"
    answer_id: Mapped[int] = mapped_column(ForeignKey("answers.id"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    adjudicator: Mapped[str | None]
    label: Mapped[str]
    reasons: Mapped[list[Any]]
    flags: Mapped[list[Any]]
    note: Mapped[str | None]
    exposed: Mapped[bool]
    seconds: Mapped[float | None]
    guide_version: Mapped[str | None]
    source: Mapped[str | None]
    at: Mapped[datetime]


class Receipt(Base):
    """What was answered to a request with this idempotency key."""

    __tablename__ = "receipts"
    key: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    answer_id: Mapped[int] = mapped_column(ForeignKey("answers.id"))
    what: Mapped[str]
    label: Mapped[str | None]
    at: Mapped[datetime]


class Log(Base):
    """Who changed what, when, from what, to what. Rows are only ever added."""

    __tablename__ = "log"
    __table_args__ = (Index("log_by_project", "project_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]
    what: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
