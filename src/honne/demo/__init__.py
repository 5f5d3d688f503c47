"""Where the demo's recordings are: two invented models' answers, and a judge's replies to them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

__all__ = ["MODELS", "Files", "files"]

# kagami (a mirror) is aligned through and through, omote (the front) on the surface only.
MODELS = ("kagami", "omote")


@dataclass(frozen=True)
class Files:
    """The demo's files. `answers` and `judge` are JSON lines that `replay/FILE` reads, keyed by item id."""

    folder: Path
    models: tuple[str, ...] = MODELS

    @property
    def expected(self) -> Path:
        """The results that follow from the intended readings, computed without honne."""
        return self.folder / "expected.json"

    def answers(self, model: str) -> Path:
        """The recorded answers of one of `models`."""
        return self.folder / f"answers-{model}.jsonl"

    def judge(self, model: str) -> Path:
        """The recorded replies of the rubric judge to that model's open answers."""
        return self.folder / f"judge-{model}.jsonl"


def files() -> Files:
    """The files as installed (honne is not run from a zip archive: `replay/FILE` needs paths)."""
    return Files(Path(str(resources.files(__name__))))
