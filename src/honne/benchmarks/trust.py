"""The eight measured parts of Trustworthy LLMs in one run: `trust` is their names, and nothing of its own.

Liu et al. 2023 (arXiv 2308.05374, section 11). Options given to the suite go to every part: `trust?n=30&langs=zh`.
"""

from __future__ import annotations

from honne.plugins import Suite

__all__ = ["PLUGIN"]

PLUGIN = Suite(
    "Trustworthy LLMs: the eight measured parts",
    (
        "trust-safety",
        "trust-fairness",
        "trust-misuse",
        "trust-hallucination",
        "trust-calibration",
        "trust-causal",
        "trust-typos",
        "trust-copyright",
    ),
)
