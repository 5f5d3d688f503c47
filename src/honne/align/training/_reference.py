"""Reference log-probabilities: computed once, kept by content, so that no reference model stays in memory.

The file is named after the reference's weights; a key is the hash of a prompt's and an answer's token ids. Training
again on pairs that were scored before (another method, another seed) asks the model nothing.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from honne.align.training._examples import Example
from honne.align.training._objective import Scores
from honne.engine.journal import write_atomic
from honne.errors import HonneError

__all__ = ["Reference", "cache_file", "key_of"]

Score = Callable[[Sequence[Example]], Iterable[Scores]]


def key_of(prompt: Sequence[int], answer: Sequence[int]) -> bytes:
    """16 bytes that stand for an answer under a prompt."""
    text = ",".join(map(str, prompt)) + "|" + ",".join(map(str, answer))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class Reference:
    """The log-probabilities of answers under one reference model, from `path` (a cache file) or computed.

    A cache that cannot be read or written is done without; what was computed is not lost for this training.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[bytes, float] = dict(_read(path)) if path else {}
        self.computed = 0

    def missing(self, examples: Iterable[Example]) -> list[Example]:
        """Those of which an answer is not known, each once."""
        found: dict[tuple[bytes, ...], Example] = {}
        for example in examples:
            keys = tuple(key_of(example.prompt, a) for a in example.answers)
            if any(key not in self._known for key in keys):
                found.setdefault(keys, example)
        return list(found.values())

    def learn(self, examples: Sequence[Example], scores: Iterable[Scores]) -> None:
        """Keep what was computed."""
        for example, (chosen, rejected) in zip(examples, scores, strict=True):
            for answer, value in ((example.chosen, chosen), (example.rejected, rejected)):
                if answer:
                    self._known[key_of(example.prompt, answer)] = value
        self.computed += len(examples)

    def of(self, examples: Sequence[Example]) -> list[Scores]:
        """(log π_ref(chosen), log π_ref(rejected)) of each; 0.0 for an answer that is not there."""
        return [
            (
                self._known[key_of(e.prompt, e.chosen)] if e.chosen else 0.0,
                self._known[key_of(e.prompt, e.rejected)] if e.rejected else 0.0,
            )
            for e in examples
        ]

    def save(self) -> None:
        """Write the cache, together with what others wrote meanwhile. A full disk or a read-only home is no failure."""
        import numpy as np

        if self._path is None or not self.computed:
            return
        known = {**dict(_read(self._path)), **self._known}
        file = io.BytesIO()
        keys = np.frombuffer(b"".join(known), dtype=np.uint8).reshape(len(known), 16)
        np.savez(file, keys=keys, values=np.fromiter(known.values(), dtype=np.float64, count=len(known)))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, file.getvalue())
        except (OSError, HonneError):
            pass


def _read(path: Path) -> Iterator[tuple[bytes, float]]:
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as found:
            keys, values = found["keys"], found["values"]
        if keys.dtype != np.uint8 or keys.shape != (len(values), 16):
            return
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return
    yield from zip((row.tobytes() for row in keys), values.tolist(), strict=True)


def cache_file(root: Path, fingerprint: str, *what: Any) -> Path:
    """The cache file of a reference; `what` else decides its numbers (the precision)."""
    name = hashlib.blake2b("|".join(map(str, (fingerprint, *what))).encode(), digest_size=12).hexdigest()
    return root / "reference" / f"{name}.npz"
