"""Power of a planned comparison of two proportions, paired (McNemar) or not; the same formula read three ways.

Paired: Connor (1987), with `discordance` the share of items on which the two differ (either way). Unpaired: the usual
normal approximation with a pooled variance under no difference; n is per arm.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import special

__all__ = [
    "detectable_paired",
    "detectable_unpaired",
    "n_paired",
    "n_unpaired",
    "power_paired",
    "power_unpaired",
]


def _z(q: float) -> float:
    return float(special.ndtri(q))


def power_paired(n: float, difference: float, discordance: float, level: float = 0.95) -> float:
    """Chance that n pairs show a true `difference`, when a share `discordance` of the pairs differ."""
    delta = _checked(difference, discordance)
    spread = math.sqrt(max(discordance - delta * delta, 1e-300))
    return float(special.ndtr((delta * math.sqrt(n) - _z(0.5 + level / 2) * math.sqrt(discordance)) / spread))


def n_paired(difference: float, discordance: float, power: float = 0.8, level: float = 0.95) -> int:
    """Pairs needed to show `difference` with the given power."""
    delta = _checked(difference, discordance)
    spread = math.sqrt(max(discordance - delta * delta, 0.0))
    root = _z(0.5 + level / 2) * math.sqrt(discordance) + _z(power) * spread
    return math.ceil((root / delta) ** 2)


def detectable_paired(n: float, discordance: float, power: float = 0.8, level: float = 0.95) -> float:
    """The smallest difference that n pairs show with the given power.

    Where even one-sided changes on a share `discordance` of the items would not do, the answer is the smallest share
    that would, if all changes went one way: a difference cannot exceed the discordance.
    """
    if power_paired(n, discordance, discordance, level) >= power:
        return _smallest(lambda d: power_paired(n, d, discordance, level), discordance, power)
    return _smallest(lambda d: power_paired(n, d, d, level), 1.0, power)


def power_unpaired(n: float, a: float, b: float, level: float = 0.95) -> float:
    """Chance that n items per arm separate the proportions a and b."""
    pooled = (a + b) / 2
    alone = math.sqrt(max(a * (1 - a) + b * (1 - b), 1e-300))
    null = math.sqrt(2 * pooled * (1 - pooled))
    return float(special.ndtr((abs(a - b) * math.sqrt(n) - _z(0.5 + level / 2) * null) / alone))


def n_unpaired(a: float, b: float, power: float = 0.8, level: float = 0.95) -> int:
    """Items needed per arm to separate the proportions a and b."""
    if a == b:
        raise ValueError("two equal proportions cannot be separated")
    pooled = (a + b) / 2
    root = _z(0.5 + level / 2) * math.sqrt(2 * pooled * (1 - pooled)) + _z(power) * math.sqrt(a * (1 - a) + b * (1 - b))
    return math.ceil((root / (a - b)) ** 2)


def detectable_unpaired(n: float, base: float, power: float = 0.8, level: float = 0.95) -> float:
    """The smallest difference from `base`, towards the further end, that n items per arm show with the given power."""
    way = 1.0 if base <= 0.5 else -1.0
    room = 1 - base if way > 0 else base
    return _smallest(lambda d: power_unpaired(n, base, base + way * d, level), room, power)


def _checked(difference: float, discordance: float) -> float:
    delta = abs(difference)
    if not 0 < delta <= discordance <= 1:
        raise ValueError(
            f"need 0 < |difference| <= discordance <= 1, got difference={difference}, discordance={discordance}"
        )
    return delta


def _smallest(power_at: Callable[[float], float], high: float, power: float) -> float:
    """Bisection on (0, high]; `high` itself when even that is not enough."""
    low = 0.0
    if power_at(high) < power:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        if middle <= 0 or power_at(middle) < power:
            low = middle
        else:
            high = middle
    return high
