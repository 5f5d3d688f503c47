"""`scorer.json`: what a scorer is, and the hashes of the files beside it. Written last: only what it names is used."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from honne.errors import DataError, nearest

__all__ = ["FORMAT", "NAME", "About", "Head", "begin", "checked", "read_about", "write"]

NAME = "scorer.json"
FORMAT = 1
# More than any scorer.json has.
_MOST = 4 << 20
_COOLEST = 1e-6
_UNFINISHED = b'{"unfinished": true}\n'


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dimension: its labels in the order of the scale, the languages it learnt from, and how it is read.

    `general` heads serve every benchmark whose scale they can speak; others only the benchmark (or dimension of one)
    that they are named after. Scores are divided by `temperature` before the softmax (Guo et al. 2017); `far` is the
    distance above which an answer is unlike the training answers.
    """

    labels: tuple[str, ...]
    languages: tuple[str, ...]
    general: bool = False
    temperature: float = 1.0
    far: float


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`files` are the other files of the folder by name, with their sha256; `features` is what the kind needs to know
    to read them; `card` says on what it was trained, what was measured, and where it must not be used."""

    format: int
    kind: Literal["light", "backbone"]
    name: str
    version: str
    heads: dict[str, Head]
    features: dict[str, Any]
    files: dict[str, str]
    card: dict[str, Any]

    @property
    def digest(self) -> str:
        """Eight hex digits that change with everything that can change a prediction."""
        said = [self.format, self.kind, self.heads, self.features, self.files]
        return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:8]


def read_about(folder: Path) -> About:
    """The scorer.json of a folder. Raises DataError, in one line, for what is none."""
    path = folder / NAME
    try:
        _plain(path)
        if path.stat().st_size > _MOST:
            raise DataError(f"{path} is too large to be that of a scorer ({path.stat().st_size:,} bytes)")
        data = path.read_bytes()
        about = None if data == _UNFINISHED else msgspec.json.decode(data, type=About)
    except FileNotFoundError:
        raise DataError(f"{folder} is no scorer: it has no {NAME}{_near(folder)}") from None
    except OSError as e:
        raise DataError(f"cannot read {path}: {e.strerror or e}") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as e:
        if (later := _format(data)) not in (None, FORMAT):
            raise DataError(f"{path} has format {later}; this version of honne reads {FORMAT}") from None
        raise DataError(f"{path} is not that of a scorer: {e}") from None
    # A backbone is written before it is evaluated, and its card with it after.
    if about is None or (about.kind == "backbone" and not about.card):
        raise DataError(f"{folder}: the training of this scorer did not end: run it again")
    if about.format != FORMAT:
        raise DataError(f"{path} has format {about.format}; this version of honne reads {FORMAT}")
    if not about.heads:
        raise DataError(f"{path} names no head")
    for name, head in about.heads.items():
        if len(head.labels) < 2 or len(set(head.labels)) < len(head.labels):
            raise DataError(f"{path}: head {name!r} needs two labels or more, each once")
        # A temperature near nothing would make probabilities that are no numbers.
        if not (_COOLEST <= head.temperature <= 1 / _COOLEST and math.isfinite(head.far)):
            raise DataError(f"{path}: head {name!r} has temperature {head.temperature} and far {head.far}")
    for name in about.files:
        if Path(name).name != name or name in ("", ".", "..", NAME) or "\0" in name:
            raise DataError(f"{path}: {name!r} is no name of a file beside it")
    return about


class _Format(msgspec.Struct):
    format: int


def _format(data: bytes) -> int | None:
    """The format that is stated by what is none of this version's; None where none is."""
    try:
        return msgspec.json.decode(data, type=_Format).format
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _near(folder: Path) -> str:
    if folder.is_dir():
        return ""
    beside = [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else []
    near = nearest(folder.name, beside)
    return f" (there is no such folder{f'; did you mean {near}?' if near else ''})"


def checked(folder: Path, about: About) -> dict[str, bytes]:
    """The files that scorer.json names, each with the hash that it states. Raises DataError for any other."""
    found = {}
    for name, wanted in about.files.items():
        _plain(folder / name)
        try:
            data = (folder / name).read_bytes()
        except OSError as e:
            raise DataError(f"cannot read {folder / name}: {e.strerror or e}") from None
        if hashlib.sha256(data).hexdigest() != wanted:
            raise DataError(
                f"{folder / name} is damaged, or not the file that {NAME} was written with (its hash differs)"
            )
        found[name] = data
    return found


def _plain(path: Path) -> None:
    """Raises DataError for what is there and no file: a device has no end, and a pipe nobody at its other one."""
    if path.exists() and not path.is_file():
        raise DataError(f"cannot read {path}: it is not a file")


def begin(folder: Path) -> None:
    """Make the folder one of a scorer that is not trained yet, so that the same training goes on in it after a kill."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / NAME).is_file():
        (folder / NAME).write_bytes(_UNFINISHED)


def write(folder: Path, about: About, files: Mapping[str, bytes]) -> About:
    """Write the files, then scorer.json with their hashes; returns what it says."""
    begin(folder)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    about = msgspec.structs.replace(about, files=hashes)
    encoded = msgspec.json.format(msgspec.json.encode(about), indent=1)
    written = {**files, NAME: encoded + b"\n"}
    # Beside the old ones first: a full disk leaves the scorer that was there.
    try:
        for name, data in written.items():
            (folder / f".{name}.tmp").write_bytes(data)
    except OSError:
        for name in written:
            (folder / f".{name}.tmp").unlink(missing_ok=True)
        raise
    for name in written:
        (folder / f".{name}.tmp").replace(folder / name)
    return about
