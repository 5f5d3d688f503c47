"""What a plug-in must provide, and how it is found.

A built-in is one file in its package (`honne.benchmarks`, `honne.models`, `honne.judges`, `honne.metrics`,
`honne.attacks`, `honne.align.pairs`, `honne.align.methods`, `honne.replications`) that assigns `PLUGIN`; its name is
the file's, with `-` for `_`. Anything outside this repository registers the same object under the entry-point group
`honne.<kind>`. Nothing else has to be edited.
"""

from __future__ import annotations

from honne.plugins._attacks import Attack, ModelAttack
from honne.plugins._benchmarks import Benchmark, Scale, Source, Suite, Verdict
from honne.plugins._find import KINDS, load, names, summary
from honne.plugins._judges import Judge, Probe
from honne.plugins._metrics import Measure, Metric, Role, Row, Unit, View, is_choice, unit_id
from honne.plugins._models import Model, Reply, Request

__all__ = [
    "KINDS",
    "Attack",
    "Benchmark",
    "Judge",
    "Measure",
    "Metric",
    "Model",
    "ModelAttack",
    "Probe",
    "Reply",
    "Request",
    "Role",
    "Row",
    "Scale",
    "Source",
    "Suite",
    "Unit",
    "Verdict",
    "View",
    "is_choice",
    "load",
    "names",
    "summary",
    "unit_id",
]
