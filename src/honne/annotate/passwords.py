"""New passwords: one's own, by a link that an owner makes, since no mail goes out from here, and at the console.

Whoever has such a link can log in as its user. So an owner makes one only for members who are in no project that this
owner does not own, and never for the server's first account, which makes one for any member of its projects. Both hold
when the link is used, too. Whoever has the database itself may set any password: that is how the first account gets in
again.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from honne.annotate import log, people
from honne.annotate.errors import NotYours
from honne.annotate.tables import Membership, PasswordLink, User
from honne.annotate.tables import Session as Login
from honne.errors import DataError, unknown
from honne.records import now

__all__ = ["at_console", "change", "for_link", "link", "linkable", "named", "set_by_link"]


def change(s: Session, user_id: int, seen: str, new: str) -> None:
    """Give a user the password with the hash `new` and end all of their log-ins; `seen` is the hash of the old one.

    Raises NotYours where the password has changed since `seen` was read.
    """
    user = s.get_one(User, user_id, with_for_update=True)
    if user.password_hash != seen:
        raise NotYours("the password has changed since")
    _replace(s, user, new)
    log.add(s, None, user_id, "change password", f"user {user_id}")


def linkable(s: Session, project_id: int, by: int) -> set[int]:
    """The members of a project for whom `by` may make a link."""
    if people.role_of(s, by, project_id) != "owner":
        return set()
    theirs = set(s.scalars(select(Membership.user_id).where(Membership.project_id == project_id))) - {by}
    first = people.first_user(s)
    if by == first:
        return theirs
    own = aliased(Membership)
    elsewhere = (
        select(Membership.user_id)
        .outerjoin(own, (own.project_id == Membership.project_id) & (own.user_id == by) & (own.role == "owner"))
        .where(Membership.user_id.in_(theirs), own.user_id.is_(None))
    )
    return theirs - set(s.scalars(elsewhere)) - {first}


def link(s: Session, project_id: int, user_id: int, by: int, days: float = 1) -> str:
    """A link by which a member sets a new password; its token is returned once, and ends the one made before.

    Raises NotYours where `by` may make none.
    """
    if user_id not in linkable(s, project_id, by):
        raise NotYours("this account is in projects of other owners: one who owns all of them can make the link")
    at, token = now(), people.new_token()
    s.execute(delete(PasswordLink).where(PasswordLink.user_id == user_id))
    s.add(
        PasswordLink(
            token_hash=people.digest(token),
            user_id=user_id,
            project_id=project_id,
            created_by=by,
            expires=at + timedelta(days=days),
        )
    )
    log.add(s, project_id, by, "password link", f"user {user_id}", None, {"days": days})
    return token


def for_link(s: Session, token: str) -> User | None:
    """Whose password a link sets; None where it is unknown, used, over, or whoever made it may not make it any more."""
    found = _open(s, token)
    return None if found is None else s.get_one(User, found.user_id)


def set_by_link(s: Session, token: str, new: str) -> int:
    """Set the password with the hash `new`, once, and end all log-ins of its user, whose id this is.

    Raises NotYours where the link does not hold.
    """
    found = _open(s, token)
    if found is None:
        raise NotYours("this link is unknown, used or over: ask for a new one")
    user_id, project_id, by = found.user_id, found.project_id, found.created_by
    _replace(s, s.get_one(User, user_id, with_for_update=True), new)
    log.add(s, project_id, user_id, "set password by link", f"user {user_id}", None, {"link of": f"user {by}"})
    return user_id


def named(s: Session, login: str) -> User:
    """The account with this login. Raises DataError where there is none."""
    user = s.scalar(select(User).where(User.login == people.login_key(login)))
    if user is None:
        raise DataError(unknown("account", login, sorted(s.scalars(select(User.login)))))
    return user


def at_console(s: Session, login: str, new: str) -> None:
    """Set the password with the hash `new` for whoever has this database, and end all log-ins and links of its user.

    Raises DataError where there is no such account.
    """
    user = s.get_one(User, named(s, login).id, with_for_update=True)
    _replace(s, user, new)
    log.add(s, None, None, "set password at the console", f"user {user.id}")


def _open(s: Session, token: str) -> PasswordLink | None:
    found = s.get(PasswordLink, people.digest(token), with_for_update=True)
    if found is None or found.expires <= now():
        return None
    return found if found.user_id in linkable(s, found.project_id, found.created_by) else None


def _replace(s: Session, user: User, new: str) -> None:
    user.password_hash = new
    s.execute(delete(Login).where(Login.user_id == user.id))
    s.execute(delete(PasswordLink).where(PasswordLink.user_id == user.id))
    s.flush()
