"""The database of labels: SQLite in a file, or PostgreSQL for teams.

On SQLite one thread writes. It takes what waits, begins one immediate transaction, gives each piece of work a savepoint
of its own, and commits all of it with one sync of the disk: fifty writers share a sync instead of waiting for fifty.
On PostgreSQL each piece of work is a transaction. Either way `write` returns after the commit, never before.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from honne.annotate.errors import DatabaseFailed
from honne.errors import ConfigError, DataError, MissingExtra

__all__ = ["Database"]

T = TypeVar("T")
_BUSY = 30.0  # seconds that SQLite waits for another process's transaction
_BATCH = 64
_TRIES = 8
# serialization_failure and deadlock_detected of PostgreSQL: nothing was done, and doing it again may succeed.
_AGAIN = ("40001", "40P01")
# All connections in use for too long is a failure as well.
_FAILED = (DBAPIError, PoolTimeout)
_STOP = object()


class Database:
    """Reads and writes; safe to use from many threads. Made by `open`."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._lite = url.get_backend_name() == "sqlite"
        # Writers have connections of their own: who reads while writing never waits for those who do the same. So has
        # who asks for one thing: nobody waits for a long page to learn who asks.
        if self._lite:
            self._engine = self._single = self._writes = _lite_engine(url, "DEFERRED", reads=True)
        else:
            self._engine = _postgres_engine(url, "REPEATABLE READ", reads=True)
            self._single = _postgres_engine(url, "AUTOCOMMIT", reads=True)
            self._writes = _postgres_engine(url, "READ COMMITTED")
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._closed = False
        self._lock = threading.Lock()

    @classmethod
    def open(cls, url: str) -> Database:
        """Open a database and bring its tables up to date.

        `url` is `sqlite:///PATH` or `postgresql://USER@HOST/NAME`. Raises ConfigError for any other, MissingExtra where
        the driver is not installed, DataError where the database cannot be reached or is newer than this honne.
        """
        made = cls(_url(url))
        try:
            made._migrate()
        except (DBAPIError, OSError) as e:
            made._engine.dispose()
            raise DataError(f"cannot open the database {made.shown}: {_why(e)}") from None
        except DataError:
            made._engine.dispose()
            raise
        if made._lite:
            made._writer = threading.Thread(target=made._work, name="honne-writer", daemon=True)
            made._writer.start()
        return made

    @property
    def shown(self) -> str:
        """The address without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self, *, single: bool = False) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing.

        `single` is for one statement, which sees one state by itself: PostgreSQL begins and ends nothing around it.
        Raises DatabaseFailed where the database fails.
        """
        engine = self._single if single else self._engine
        try:
            with engine.connect() as connection, Session(connection, expire_on_commit=False) as session:
                yield session
                # Rows that were read outlive the session; a rollback would empty those that it still holds.
                session.expunge_all()
                session.rollback()
        except _FAILED as e:
            raise DatabaseFailed(f"the database {self.shown} failed: {_why(e)}") from None

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction and return its result once it is committed.

        What `work` raises undoes what it did, and is raised here. It may run more than once, so it changes nothing but
        the session. Raises DatabaseFailed where the database fails, DataError for a row that it refuses.
        """
        if self._closed:
            raise DatabaseFailed("the database is closed")
        if not self._lite:
            return self._transact(work)
        if threading.current_thread() is self._writer:
            raise RuntimeError("write within write: the outer one would wait for itself")
        done: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise DatabaseFailed("the database is closed")
            self._waiting.put((work, done))
        return done.result()

    def close(self) -> None:
        """Finish what waits, and close."""
        with self._lock:
            closed, self._closed = self._closed, True
        if closed:
            return
        if self._writer is not None:
            self._waiting.put(_STOP)
            self._writer.join()
        for engine in (self._engine, self._single, self._writes):
            engine.dispose()

    # -------------------------------------------------------------- PostgreSQL

    def _transact(self, work: Callable[[Session], T]) -> T:
        for left in reversed(range(_TRIES)):
            try:
                with Session(self._writes, expire_on_commit=False) as session, session.begin():
                    return work(session)
            except IntegrityError as e:
                # Somebody else was first: now `work` sees what they wrote, and says what it means.
                if not left:
                    raise DataError(f"the database refused a row: {_why(e)}") from None
            except _FAILED as e:
                # A lost connection too: the work may be done then, and its idempotency key says so.
                lost = isinstance(e, DBAPIError) and e.connection_invalidated
                again = lost or getattr(getattr(e, "orig", None), "sqlstate", None) in _AGAIN
                if not left or not again:
                    raise DatabaseFailed(f"the database {self.shown} failed: {_why(e)}") from None
            time.sleep(0.01 * (_TRIES - left))
        raise AssertionError("unreachable")

    # ------------------------------------------------------------------ SQLite

    def _work(self) -> None:
        engine = _lite_engine(self.url, "IMMEDIATE")
        stop = False
        while not stop:
            batch = [self._waiting.get()]
            while len(batch) < _BATCH:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            stop = _STOP in batch
            self._commit(engine, [one for one in batch if one is not _STOP])
        engine.dispose()

    def _commit(self, engine: Engine, batch: list[tuple[Callable[[Session], Any], Future[Any]]]) -> None:
        results: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with engine.connect() as connection, connection.begin():
                results = [(done, *_attempt(connection, work)) for work, done in batch]
        except BaseException as e:
            # Whatever it is: a writer that ended here would leave these, and all that come after, waiting for ever.
            failed = DatabaseFailed(f"the database {self.shown} failed: {_why(e)}")
            for _, done in batch:
                done.set_exception(failed if isinstance(e, _FAILED) else e)
            return
        for done, result, error in results:
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

    # -------------------------------------------------------------- migrations

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory
        from alembic.util.exc import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if self._lite:
            file = Path(self.url.database or "")
            file.parent.mkdir(parents=True, exist_ok=True)
            # Hashes of passwords and people's labels are in it: nobody else's to read.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        # One process at a time: the others find the tables made.
        engine = _lite_engine(self.url, "IMMEDIATE") if self._lite else self._writes
        with engine.begin() as connection:
            if not self._lite:
                connection.execute(text("SELECT pg_advisory_xact_lock(4803126)"))
            config.attributes["connection"] = connection
            at = _revision(connection)
            if at is not None and at not in known:
                raise DataError(f"the database {self.shown} was made by a newer honne ({at}): upgrade honne to open it")
            try:
                command.upgrade(config, "head")
            except CommandError as e:
                raise DataError(f"cannot bring the database {self.shown} up to date: {e}") from None
        if self._lite:
            engine.dispose()


def _attempt(connection: Connection, work: Callable[[Session], Any]) -> tuple[Any, BaseException | None]:
    """The result of one piece of work in a savepoint of its own, or what it raised."""
    try:
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            result = work(session)
            session.commit()
            return result, None
    except IntegrityError as e:
        return None, DataError(f"the database refused a row: {_why(e)}")
    except DBAPIError as e:
        # A full disk or a damaged file may have ended the whole transaction: nothing of this batch is acknowledged.
        if not connection.in_transaction() or isinstance(e, OperationalError):
            raise
        return None, DatabaseFailed(f"the database failed: {_why(e)}")
    except BaseException as e:
        return None, e


def _url(given: str) -> URL:
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise ConfigError(f"not the address of a database: {_masked(given)}; {_ALLOWED}") from None
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise MissingExtra("a PostgreSQL database", "postgres") from None
    elif kind != "sqlite" or not url.database or url.database == ":memory:" or url.query:
        raise ConfigError(f"not the address of a database: {_masked(given)}; {_ALLOWED}")
    return url


_ALLOWED = "allowed are sqlite:///PATH and postgresql://USER@HOST/NAME"


def _masked(given: str) -> str:
    """An address that could not be read, without what may be a password."""
    scheme, found, rest = given.partition("://")
    return repr(f"{scheme}://{'…@' if '@' in rest else ''}{rest.rpartition('@')[2]}" if found else given)


def _why(error: BaseException) -> str:
    reason = str(getattr(error, "orig", None) or error).strip()
    return reason.splitlines()[0] if reason else type(error).__name__


def _lite_engine(url: URL, begin: str, *, reads: bool = False) -> Engine:
    engine = create_engine(url.set(drivername="sqlite+pysqlite"), connect_args={"timeout": _BUSY}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver would begin transactions by a rule of its own; BEGIN is ours.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"query_only={int(reads)}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    return engine


def _postgres_engine(url: URL, level: IsolationLevel, *, reads: bool = False) -> Engine:
    # Few connections: with fifty at once the processors of a small machine change places more than they work, and
    # transactions that take turns statement by statement all end late. Nor is each connection tried by a question
    # before its use: that its other end was closed, as by a restart, can be seen from here.
    pool = {"pool_size": 2, "max_overflow": 0, "pool_timeout": _BUSY}
    engine = create_engine(url, hide_parameters=True, isolation_level=level, **pool)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        if reads:
            # Of the session: it holds for a statement outside of transactions, too.
            connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            connection.commit()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, _record: Any, _proxy: Any) -> None:
        ends = select.poll()
        ends.register(connection.fileno(), getattr(select, "POLLRDHUP", 0))
        if ends.poll(0):
            raise DisconnectionError

    return engine


def _revision(connection: Connection) -> str | None:
    from alembic.runtime.migration import MigrationContext

    with contextlib.suppress(DBAPIError):
        return MigrationContext.configure(connection).get_current_revision()
    return None
