"""What an annotator's request may be refused for."""

from __future__ import annotations

from honne.errors import DataError, HonneError

__all__ = ["AlreadyGiven", "BadForm", "DatabaseFailed", "Decided", "LeaseLost", "NoSuchAnswer", "NotShown", "NotYours"]


class BadForm(HonneError):
    """A form that cannot be stored: `field` says which part of it, `message` what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class DatabaseFailed(DataError):
    """The database did not do what it was asked, and may do it later: nothing is wrong with the request."""


class LeaseLost(HonneError):
    """The time for this answer was over and others have labelled it since. A saved draft is kept."""


class NotYours(HonneError):
    """This user may not see or change this answer or project."""


class NoSuchAnswer(NotYours):
    """The project has no answer of this number."""


class NotShown(NotYours):
    """This answer was never given to this user, and which ones are is drawn, not chosen."""


class AlreadyGiven(NotYours):
    """A draft for what this user has submitted or discarded, as in another window."""


class Decided(NotYours):
    """The adjudicator has decided: labels of this answer stay as they are."""
