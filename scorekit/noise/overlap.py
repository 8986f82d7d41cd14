"""The overlap of neighboring noise levels, and the largest useful ratio between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scorekit._checks import check_count
from scorekit.noise.levels import Geometric, Levels, as_levels

__all__ = ["WIDEST", "overlaps", "widest_ratio"]

WIDEST = 1.5
"""The largest value of :func:`widest_ratio`."""


def overlaps(noise: Geometric | Levels | Sequence[float], dim: int) -> Any:
    """The overlap of each level with the one before: near 1 for close levels, 0 for distant ones.

    The radius of N(0, sigma² I) in D dimensions is approximately N(sqrt(D) sigma, sigma²/2). The overlap of two
    neighbors is the probability that a radius of the smaller level is within three standard deviations of the mean
    radius of the larger level: with gamma > 1 their ratio, Φ(sqrt(2D)(gamma − 1) + 3 gamma) − Φ(sqrt(2D)(gamma − 1) − 3
    gamma).

    Args:
        noise: noise levels, or a descending sequence of numbers.
        dim: D >= 1, the dimension of one sample.

    Returns:
        A NumPy array with one overlap per pair of neighbors, shape ``(levels − 1,)``.

    Raises:
        ShapeError: ``noise`` is an empty sequence.
        InvalidTypeError: ``noise`` is not noise levels or numbers, or ``dim`` is not an integer.
        InvalidValueError: the levels are not positive and strictly descending, or ``dim`` is below 1.

    Source: Song and Ermon, Improved techniques for training score-based generative models (2020), Technique 2,
    arXiv:2006.09011.

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

    In low dimension an overlap of one half needs a large ratio, and in four or fewer dimensions it is never reached,
    but annealing needs close levels. Up to 40 dimensions the result is therefore 1.5.

    Args:
        dim: the dimension of one sample, at least 1.

    Raises:
        InvalidTypeError: ``dim`` is not an integer.
        InvalidValueError: ``dim`` is below 1.

    Source: Song and Ermon, Improved techniques for training score-based generative models (2020), Technique 2,
    arXiv:2006.09011.

    >>> round(widest_ratio(3072), 5), widest_ratio(2)
    (1.0398, 1.5)
    """
    from scipy.optimize import brentq

    dim = check_count(dim, "dim")
    if _overlap(WIDEST, dim) >= 0.5:
        return WIDEST
    return float(brentq(lambda gamma: _overlap(gamma, dim) - 0.5, 1.0, WIDEST, xtol=1e-14))
