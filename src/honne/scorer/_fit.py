"""Multinomial logistic regression in rounds, stopped by what was held out, and calibrated on it. Pure functions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["calibrated", "crossed", "log_loss", "rounds_of"]

_ROUNDS, _STEPS, _PATIENCE = 12, 8, 2
_STRENGTH = 10.0  # inverse of the L2 penalty: weak, for it is the rounds that hold the weights down
Array = NDArray[Any]


def rounds_of(matrix: Any, target: Array, among: Array | None = None) -> Iterator[tuple[Array, Array]]:
    """Weights (labels x bins) and biases (labels) after each round of L-BFGS steps; classes weigh the same together.

    `target` holds 0 to K - 1, each at least once in the rows `among` (booleans; None: all) that are learnt from.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=_STEPS, warm_start=True)
    for _ in range(_ROUNDS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            # Cut out anew for each round: five folds' copies at once do not fit in memory where the rows are many.
            rows = (matrix, target) if among is None else (matrix[among], target[among])
            model.fit(*rows)
            del rows
        weight, bias = model.coef_, model.intercept_
        # Of two labels scikit-learn keeps the difference alone.
        yield (
            (np.concatenate((-weight, weight)) / 2, np.concatenate((-bias, bias)) / 2)
            if len(weight) == 1
            else (
                weight,
                bias,
            )
        )


def crossed(matrix: Any, target: Array, part: Array, labels: int) -> tuple[Array, int]:
    """The scores of each row (rows x labels) from weights learnt on the other parts, after the number of rounds that is
    returned beside them: the one with the least log loss once calibrated."""
    parts = [int(p) for p in np.unique(part)]
    runs = [rounds_of(matrix, target, part != p) for p in parts]
    best, kept, stopped = np.inf, np.zeros((len(target), labels)), 0
    for number in range(1, _ROUNDS + 1):
        scores = np.empty((len(target), labels))
        for p, run in zip(parts, runs, strict=True):
            weight, bias = next(run)
            scores[part == p] = matrix[part == p] @ weight.T + bias
        temperature, shift = calibrated(scores, target)
        loss = log_loss(scores / temperature + shift, target)
        if loss < best - 1e-4:
            best, kept, stopped = loss, scores, number
        elif number - stopped >= _PATIENCE:
            break
    return kept, max(stopped, 1)


def log_loss(scores: Array, target: Array) -> float:
    """The mean of minus the logarithm of the softmax at the target."""
    from scipy.special import log_softmax

    return float(-log_softmax(scores, axis=1)[np.arange(len(target)), target].mean())


def calibrated(scores: Array, target: Array) -> tuple[float, Array]:
    """The temperature T and the shift b of each label (their mean is 0) by which softmax(scores / T + b) has the least
    log loss: bias-corrected temperature scaling (Alexandari et al. 2020, arXiv 1901.06852)."""
    from scipy.optimize import minimize
    from scipy.special import softmax

    n, labels = scores.shape
    hit = np.eye(labels)[target]

    def loss(found: Array) -> tuple[float, Array]:
        scaled = scores * np.exp(found[0])
        shifted = scaled + found[1:]
        off = softmax(shifted, axis=1) - hit
        slope = np.concatenate(([(off * scaled).sum()], off.sum(0)))
        # A pinch of ridge, so that labels which are told apart without an error do not run away.
        return log_loss(shifted, target) + 1e-4 * float(found @ found), slope / n + 2e-4 * found

    found = minimize(loss, np.zeros(labels + 1), jac=True, method="L-BFGS-B").x
    return float(np.exp(-found[0])), np.asarray(found[1:] - found[1:].mean())
