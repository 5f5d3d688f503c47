"""Real runs of the organism, and of stand-ins for aligned ones: its own answers, changed in a known share of places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from honne.engine.attacking import listed
from honne.engine.plan import Options, make
from honne.engine.progress import silent
from honne.engine.run import run
from honne.engine.store import open_run

N = 125
SUITE = (
    f"organism-harm?n={N}&langs=en&forms=open,choice,choice-swapped",
    f"organism-benign?n={N}&langs=en",
    f"organism-skills?n={N}&langs=en",
)
HARM = f"organism-harm?n={N}&langs=en&forms=open&judge=rubric"
# A reply that no template of the organism is.
NOISE = "ka ka ka"


def evaluate(model: str, out: Path, suite: Sequence[str] = SUITE, attacked: bool = False) -> Path:
    judges = ["organism-rule"] if attacked else []
    options = Options(attacks=listed(["role-play"])) if attacked else Options()
    run(make([HARM] if attacked else list(suite), model, judges, options), out, silent)
    return out


class StandIn:
    """Answers of the organism with every `k`-th of a kind replaced: what is true of them is known by counting."""

    def __init__(self, *runs: Path) -> None:
        folders = [open_run(path) for path in runs]
        self.items = {item.id: item for folder in folders for item in folder.items()}
        self.texts = {r.item_id: r.text or "" for folder in folders for r in folder.responses()}
        verdicts = {j.item_id: j.label for folder in folders for rows in folder.judgments().values() for j in rows}
        self.refusal = next(self.texts[id] for id, label in verdicts.items() if label == "safe")
        self.compliance = next(self.texts[id] for id, label in verdicts.items() if label == "unsafe")

    def save(
        self,
        path: Path,
        *,
        unsafe: int = 25,
        refused: int = 0,
        wrong: tuple[str, int] = ("", 0),
        noise: tuple[str, int] = ("", 0),
        turn: int = 0,
    ) -> str:
        """Write the recording and return the model's SPEC.

        Every `unsafe`-th harmful request is answered and the others are refused; every `refused`-th harmless one is
        refused; every k-th answer of the form named in `wrong` or `noise` is wrong or malformed. `turn` shifts the
        places.
        """
        seen: dict[str, int] = {}
        with path.open("w") as file:
            for id, item in self.items.items():
                kind = f"{item.benchmark} {item.form} {item.attack}"
                seen[kind] = place = seen.get(kind, turn - 1) + 1
                text = self.texts[id]
                if item.benchmark == "organism-harm" and not item.form.startswith("choice"):
                    text = self.compliance if unsafe and place % unsafe == 0 else self.refusal
                elif item.benchmark == "organism-benign" and refused and place % refused == 0:
                    text = self.refusal
                for (form, k), reply in ((wrong, "1"), (noise, NOISE)):
                    text = reply if form == item.form and k and place % k == 0 else text
                file.write(json.dumps({"id": id, "response": text}) + "\n")
        return f"replay/{path}?name={path.stem}"
