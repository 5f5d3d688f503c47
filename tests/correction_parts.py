"""Judges that err at known rates, in the designs by which labels are drawn."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np

from conftest import ROOT


def script(name: str) -> ModuleType:
    """A file of scripts/, whose simulations the tests run with fewer draws."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verdicts(rng, human, sensitivity, specificity):
    u = rng.random(len(human))
    return np.where(human == 1, u < sensitivity, u < 1 - specificity).astype(float)


def labelled(human, chosen):
    return np.where(chosen, human, np.nan)


def at_random(rng, n, labels):
    chosen = np.zeros(n, dtype=bool)
    chosen[rng.choice(n, labels, replace=False)] = True
    return chosen


def by_class(rng, classes, per_class):
    """`per_class` labels of each class (as far as there are items), and the inclusion probabilities."""
    chosen, inclusion = np.zeros(len(classes), dtype=bool), np.full(len(classes), np.nan)
    for k in np.unique(classes):
        inside = np.flatnonzero(classes == k)
        m = min(per_class, len(inside))
        chosen[rng.choice(inside, m, replace=False)] = True
        inclusion[inside] = m / len(inside)
    return chosen, inclusion
