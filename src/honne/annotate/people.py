"""People: accounts, log-ins, invitations, and what each may do in a project.

Of a password, a log-in or an invitation only a hash is stored: argon2id for passwords, sha256 for tokens, which are
random and long enough that no salt is needed.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from honne.annotate import log
from honne.annotate.errors import BadForm, NotYours
from honne.annotate.tables import Invitation, Label, Membership, Moment, Project, Slot, User
from honne.annotate.tables import Session as Login
from honne.errors import unknown
from honne.records import now

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = [
    "ADJUDICATORS",
    "LABELLERS",
    "LONGEST_NAME",
    "ROLES",
    "Member",
    "Visitor",
    "accept",
    "check_password",
    "close_session",
    "create_user",
    "digest",
    "first_user",
    "hashed",
    "invitation",
    "invite",
    "join",
    "login_key",
    "members",
    "need_role",
    "new_token",
    "open_session",
    "remove",
    "role_of",
    "session_user",
    "set_language",
]

ROLES = ("owner", "annotator", "adjudicator", "viewer")
# An owner sees the models' names on the overview. Who labels alone is both, and blind as far as they do not look.
LABELLERS = ("annotator", "owner")
ADJUDICATORS = ("adjudicator", "owner")
_PASSWORD = (10, 1000)
LONGEST_NAME = 200
"""Characters of a name, and of a login."""
_SESSION = timedelta(days=14)


@dataclass(frozen=True)
class Member:
    """A user of a project, with their role."""

    user_id: int
    login: str
    name: str
    role: str


# ------------------------------------------------------------------ accounts


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    """The hash of a password that nobody has: to check it takes as long as to check a real one."""
    return _hasher().hash(secrets.token_urlsafe(32))


def hashed(password: str) -> str:
    """The argon2id hash of a password, for `create_user`: made outside of a transaction, since it takes its time.

    Raises BadForm for one that is too short or too long.
    """
    least, most = _PASSWORD
    if not least <= len(password) <= most:
        raise BadForm("password", f"use {least} to {most} characters")
    return _hasher().hash(_plain(password))


def create_user(s: Session, login: str, name: str, password: str, language: str = "en", *, hash: str = "") -> User:
    """A new account. Raises BadForm for a login that is taken, or a field that is empty or too long."""
    login, name = login_key(login), " ".join(name.split())
    for field, value in (("login", login), ("name", name)):
        if not value or len(value) > LONGEST_NAME or not value.isprintable():
            raise BadForm(field, f"use 1 to {LONGEST_NAME} printable characters")
    if s.scalar(select(User.id).where(User.login == login)) is not None:
        raise BadForm("login", "this login is taken")
    user = User(login=login, name=name, language=language, password_hash=hash or hashed(password), created=now())
    s.add(user)
    s.flush()
    log.add(s, None, user.id, "create user", f"user {user.id}", None, {"login": login, "name": name})
    return user


def check_password(s: Session, login: str, password: str) -> User | None:
    """The user with this login and password, or None; an unknown login takes as long as a wrong password."""
    from argon2.exceptions import VerificationError

    user = s.scalar(select(User).where(User.login == login_key(login)))
    try:
        _hasher().verify(user.password_hash if user else _nobody(), _plain(password[: _PASSWORD[1]]))
    except VerificationError:
        return None
    return user


def first_user(s: Session) -> int | None:
    """The server's first account, which was made by whoever started the server; None while there is none."""
    return s.scalar(select(func.min(User.id)))


def set_language(s: Session, user_id: int, language: str) -> None:
    """The language of a user's pages."""
    s.get_one(User, user_id).language = language


def login_key(text: str) -> str:
    """A login as it is stored and compared: people mean one account, however they type it."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _plain(password: str) -> str:
    # Half a surrogate pair has no UTF-8, which argon2 needs.
    return unicodedata.normalize("NFKC", password).encode(errors="replace").decode()


# ------------------------------------------------------------------ log-ins


def new_token() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def open_session(s: Session, user_id: int) -> str:
    """A new log-in; its token is returned once and never stored."""
    token = new_token()
    s.execute(delete(Login).where(Login.expires < now()))
    s.add(Login(token_hash=digest(token), user_id=user_id, expires=now() + _SESSION))
    return token


@dataclass(frozen=True)
class Visitor:
    """The person who is signed in; of a project also its name and their role in it, both None where they have none."""

    id: int
    login: str
    name: str
    language: str
    project: str | None
    role: str | None


# Of every request: built once.
_VISITOR = (
    select(User.id, User.login, User.name, User.language, Project.name, Membership.role)
    .join(Login, Login.user_id == User.id)
    .outerjoin(Membership, (Membership.user_id == User.id) & (Membership.project_id == bindparam("project")))
    .outerjoin(Project, Project.id == Membership.project_id)
    .where(Login.token_hash == bindparam("token"), Login.expires > bindparam("at", type_=Moment))
)


def session_user(s: Session, token: str, project_id: int | None = None) -> Visitor | None:
    """Whose log-in this token is, by one statement; None for one that is unknown, closed or over."""
    row = s.execute(_VISITOR, {"token": digest(token), "at": now(), "project": project_id}).one_or_none()
    return None if row is None else Visitor(*row)


def close_session(s: Session, token: str) -> None:
    """Log out."""
    found = s.get(Login, digest(token))
    if found is not None:
        s.delete(found)


# --------------------------------------------------------------- invitations


def invite(s: Session, project_id: int, role: str, by: int, days: float = 7) -> str:
    """An invitation to a role in a project; its token is returned once. Raises BadForm for an unknown role."""
    if role not in ROLES:
        raise BadForm("role", unknown("role", role, ROLES))
    token = new_token()
    at = now()
    s.add(
        Invitation(
            token_hash=digest(token),
            project_id=project_id,
            role=role,
            created_by=by,
            created=at,
            expires=at + timedelta(days=days),
        )
    )
    log.add(s, project_id, by, "invite", role, None, {"days": days})
    return token


def invitation(s: Session, token: str) -> Invitation | None:
    """An invitation that can be accepted; None where it is unknown, used or over."""
    found = s.get(Invitation, digest(token), with_for_update=True)
    return found if found is not None and found.used is None and found.expires > now() else None


def accept(s: Session, token: str, user_id: int) -> Membership:
    """Join a project by an invitation, once. Raises NotYours where it is unknown, used or over."""
    found = invitation(s, token)
    if found is None:
        raise NotYours("this invitation is unknown, used or over: ask for a new one")
    found.used, found.used_by = now(), user_id
    return join(s, found.project_id, user_id, found.role, user_id)


def join(s: Session, project_id: int, user_id: int, role: str, by: int) -> Membership:
    """Give a user a role in a project; one who has a role there gets the new one, except that an owner stays owner.

    Who labels no more keeps their labels; answers that they hold go to others.
    """
    member = s.get(Membership, (project_id, user_id), with_for_update=True)
    before = None if member is None else {"role": member.role}
    if member is None:
        member = Membership(project_id=project_id, user_id=user_id, role=role, created=now())
        s.add(member)
    elif member.role != "owner":
        member.role = role
        if role not in LABELLERS:
            _free(s, project_id, user_id)
    log.add(s, project_id, by, "join", f"user {user_id}", before, {"role": member.role})
    s.flush()
    return member


def remove(s: Session, project_id: int, user_id: int, by: int) -> None:
    """Take a user's role in a project away. Their labels stay; answers that they hold go to others.

    Invitations that they made and nobody used end with it. Raises NotYours for one who has no role there, BadForm for
    the last owner.
    """
    # Locked together: of two owners who remove each other at once, one stays.
    listed = s.scalars(
        select(Membership)
        .where(Membership.project_id == project_id)
        .where((Membership.role == "owner") | (Membership.user_id == user_id))
        .order_by(Membership.user_id)
        .with_for_update()
    ).all()
    member = next((one for one in listed if one.user_id == user_id), None)
    if member is None:
        raise NotYours("no such member in this project")
    if member.role == "owner" and sum(one.role == "owner" for one in listed) == 1:
        raise BadForm("user", "a project keeps one owner: invite another one first")
    freed = _free(s, project_id, user_id)
    theirs = (Invitation.project_id == project_id, Invitation.created_by == user_id, Invitation.used.is_(None))
    s.execute(update(Invitation).where(*theirs, Invitation.expires > now()).values(expires=now()))
    role = member.role
    s.delete(member)
    log.add(s, project_id, by, "remove", f"user {user_id}", {"role": role}, {"answers freed": freed})
    s.flush()


def _free(s: Session, project_id: int, user_id: int) -> int:
    """Give the answers that a user holds to others; how many. Drafts stay, without a place."""
    held = select(Slot.id).where(Slot.project_id == project_id, Slot.user_id == user_id, Slot.state == "leased")
    leased = list(s.scalars(held.order_by(Slot.id).with_for_update()))
    s.execute(update(Label).where(Label.slot_id.in_(leased)).values(slot_id=None))
    s.execute(update(Slot).where(Slot.id.in_(leased)).values(state="open", user_id=None, until=None, token=None))
    return len(leased)


def role_of(s: Session, user_id: int, project_id: int) -> str | None:
    """What a user may do in a project; None where nothing."""
    return s.scalar(select(Membership.role).where(Membership.project_id == project_id, Membership.user_id == user_id))


def need_role(s: Session, user_id: int, project_id: int, roles: tuple[str, ...]) -> str:
    """The user's role. Raises NotYours where it is none of `roles`."""
    role = role_of(s, user_id, project_id)
    if role not in roles:
        raise NotYours(f"this needs the role {' or '.join(roles)} in the project")
    return role


def members(s: Session, project_id: int) -> list[Member]:
    """The users of a project, in the order in which they came."""
    rows = s.execute(
        select(User, Membership.role)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.project_id == project_id)
        .order_by(Membership.created, User.id)
    )
    return [Member(user.id, user.login, user.name, role) for user, role in rows]
