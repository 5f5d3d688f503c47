"""Calibrations on the HTML page: of every judge the raw number, the corrected one and the labels' own, together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from honne.records import Estimate
from honne.report import _svg
from honne.report._calibrated import ERRORS, Line, Section, both, facts, sections, share, width
from honne.report._text import axis
from honne.report.calibration import alpha_of, errors, errors_method, how
from honne.report.model import RunReport

__all__ = ["calibrations"]

# Rows of one judge and judges of one run, at most: all numbers are in the other formats.
_ROWS, _JUDGES = 40, 12


def calibrations(runs: Sequence[RunReport], named: Sequence[str]) -> list[dict[str, Any]]:
    """One entry a run with a calibration that holds."""
    return [
        {
            "name": name,
            "glyph": _svg.glyph(i),
            "facts": facts(run.calibration),
            "heads": ERRORS,
            "sections": [_section(section) for section in sections(run)[:_JUDGES]],
        }
        for i, (name, run) in enumerate(zip(named, runs, strict=True))
        if run.calibration is not None and run.calibration.stale is None
    ]


def _section(section: Section) -> dict[str, Any]:
    given = [line for line in section.lines if line.refused is None]
    scale = axis([line.one.raw for line in given]) if given else None
    rated = [line for line in section.lines if line.errors is not None or line.ceiling_here is not None]
    return {
        "title": section.title,
        "ruler": _svg.ruler(scale) if scale else "",
        "glyphs": [_svg.glyph(i) for i in range(3)],
        "lines": [
            {
                "name": line.full_name.strip() if line.one.raw.slice == "all" else line.named_below(given),
                "depth": 0 if line.one.raw.slice == "all" else 1,
                "plot": _svg.whiskers(_drawn(line), scale) if scale else "",
                "raw": both(line.one.raw),
                "corrected": both(line.one.corrected),
                "alone": share(line.one.alone, line.one.raw),
                "width": width(line),
                "labels": line.one.corrected.n_labels or 0,
                "n": line.one.corrected.n,
                "missing": line.one.raw.n_missing,
            }
            for line in given[:_ROWS]
        ],
        "how": how(given) if given else "",
        "refused": [(line.full_name, line.refused) for line in section.lines if line.refused is not None],
        "heads": ERRORS,
        "errors_method": errors_method([line for line in rated if line.errors is not None]),
        "errors": [{"name": line.full_name, "cells": errors(line), "ceiling": _ceiling(line)} for line in rated],
    }


def _drawn(line: Line) -> list[tuple[int, str, Estimate | None]]:
    alone = line.one.alone
    by_labels = None
    if alone is not None:
        by_labels = msgspec.structs.replace(
            line.one.corrected, value=alone.value, low=alone.low, high=alone.high, method=alone.method
        )
    return [(0, "raw", line.one.raw), (1, "corrected", line.one.corrected), (2, "labels only", by_labels)]


def _ceiling(line: Line) -> dict[str, Any] | None:
    c = line.ceiling_here
    if c is None:
        return None
    return {
        "agreement": f"{100 * c.agreement:.1f}%",
        "interval": f"{100 * c.low:.1f}–{100 * c.high:.1f}",
        "alpha": alpha_of(c),
        "raters": c.raters,
        "method": c.method,
        "n": c.n,
    }
