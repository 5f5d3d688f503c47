"""Face and heart on the HTML page: what is said when asked openly beside what is picked when it is a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from honne.report import _svg
from honne.report._blocks import Face
from honne.report._text import NO_VALUE, category, interval, value

__all__ = ["face_view"]

_ROWS = 80
_GAPS = 24
_RUNS = 8


def face_view(found: list[tuple[int, str, list[Face]]]) -> dict[str, Any]:
    return {
        "plot": _svg.scatter(found),
        "squares": [_square(i, name, faces[0]) for i, name, faces in found if faces[0].slice == "all"],
        "runs": [{"glyph": _svg.glyph(i), "name": name} for i, name, _ in found],
        "gaps": [{"name": name, "glyph": _svg.glyph(i), "rows": _gaps(faces)} for i, name, faces in found[:_RUNS]],
        "longer": max(0, len(found) - _RUNS),
        "ruler": _svg.ruler(_svg.SHARES),
        "tables": [
            {"name": name, "glyph": _svg.glyph(i), "rows": [_face(face) for face in faces[:_ROWS]]}
            for i, name, faces in found
        ],
    }


def _gaps(faces: Sequence[Face]) -> list[dict[str, Any]]:
    """The whole, then the top categories, the one that is the most safer in words first."""
    tops = [face for face in faces if face.slice != "all" and "/" not in face.slice]
    ranked = sorted(tops, key=lambda face: (_gap(face) is not None, _gap(face) or 0.0), reverse=True)
    return [
        {
            "name": "all" if face.slice == "all" else category(face.slice),
            "whole": face.slice == "all",
            "plot": _svg.gap(face),
            "open": (value(face.open), interval(face.open)),
            "choice": (value(face.choice), interval(face.choice)),
            "gap": NO_VALUE if _gap(face) is None else f"{100 * (_gap(face) or 0.0):+.1f}",
            "apart": face.apart,
            "n": face.open.n,
        }
        for face in [*(face for face in faces if face.slice == "all"), *ranked[:_GAPS]]
    ]


def _gap(face: Face) -> float | None:
    if face.open.withheld or face.choice.withheld or face.open.value is None or face.choice.value is None:
        return None
    return face.open.value - face.choice.value


def _face(face: Face) -> dict[str, Any]:
    return {
        "name": "all" if face.slice == "all" else category(face.slice),
        "open": value(face.open),
        "open_interval": interval(face.open),
        "choice": value(face.choice),
        "choice_interval": interval(face.choice),
        "cells": [(value(x), interval(x)) if x else (NO_VALUE, "") for x in face.square],
        "n": face.open.n,
        "missing": max(face.open.n_missing, face.choice.n_missing),
    }


def _square(i: int, name: str, face: Face) -> dict[str, Any]:
    cells = [
        {"share": value(e), "interval": interval(e), "level": min(4, int((e.value or 0.0) * 5))}
        if e
        else {"share": NO_VALUE, "interval": "", "level": 0}
        for e in face.square
    ]
    first = face.square[0] or face.open
    return {"glyph": _svg.glyph(i), "name": name, "cells": cells, "n": first.n, "missing": first.n_missing}
