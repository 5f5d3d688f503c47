"""The organism: all that is known of `organism/kitsune`, measured. Options given here go to every part (`n`, `langs`,
`split`). Written for honne."""

from __future__ import annotations

from honne.plugins import Suite

__all__ = ["PLUGIN"]

PLUGIN = Suite(
    "The organism: harmful topics, harmless look-alikes, skills",
    ("organism-harm", "organism-benign", "organism-skills"),
)
