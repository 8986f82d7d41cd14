"""How far apart two noise levels may be: what the radii of their noise have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scorekit._checks import check_count
from scorekit.noise.levels import Geometric, Levels, as_levels

__all__ = ["WIDEST", "overlaps", "widest_ratio"]

WIDEST = 1.5
"""The largest ratio of neighboring levels that :func:`widest_ratio` gives."""


def overlaps(noise: Geometric | Levels | Sequence[float], dim: int) -> Any:
    """The overlap of each level with the one before, near 1 when they are close and 0 when they are far apart.

    The radius of N(0, sigma² I) in D dimensions is nearly N(sqrt(D) sigma, sigma²/2). The overlap of two neighbors is
    the mass of the smaller level's radii within three standard deviations of the larger level's mean radius: with
    gamma > 1 their ratio, Φ(sqrt(2D)(gamma − 1) + 3 gamma) − Φ(sqrt(2D)(gamma − 1) − 3 gamma).

    Args:
        noise: noise levels, or a descending sequence of numbers.
        dim: D >= 1, The dimension of one sample.

    Returns:
        A NumPy array of one overlap a pair of neighbors, shape ``(levels − 1,)``.

    Raises:
        ValueError, TypeError: a value outside its range, or of the wrong kind.

    Reference: Song and Ermon, Improved techniques for training score-based generative models (2020), Technique 2.

    >>> overlaps([1.0, 0.5, 0.25], dim=3072).round(3).tolist()
    [0.0, 0.0]
    >>> overlaps([1.0398, 1.0], dim=3072).round(2).tolist()
    [0.5]
    """
    sigmas = as_levels(noise).sigmas
    return _overlap(sigmas[:-1] / sigmas[1:], check_count(dim, "dim"))


def _overlap(gamma: Any, dim: int) -> Any:
    from scipy.special import ndtr

    apart = math.sqrt(2 * dim) * (gamma - 1)
    return ndtr(apart + 3 * gamma) - ndtr(apart - 3 * gamma)


def widest_ratio(dim: int) -> float:
    """The ratio gamma > 1 at which neighboring levels overlap by one half, at most 1.5.

    In few dimensions one half comes late, in four and fewer never, though annealing needs levels that are close: up to
    40 dimensions the ratio is 1.5.

    Reference: Song and Ermon, Improved techniques for training score-based generative models (2020), Technique 2.

    >>> round(widest_ratio(3072), 5), widest_ratio(2)
    (1.0398, 1.5)
    """
    from scipy.optimize import brentq

    dim = check_count(dim, "dim")
    if _overlap(WIDEST, dim) >= 0.5:
        return WIDEST
    return float(brentq(lambda gamma: _overlap(gamma, dim) - 0.5, 1.0, WIDEST, xtol=1e-14))
