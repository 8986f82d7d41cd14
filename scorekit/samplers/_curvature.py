"""The largest curvature that a score has, by power iterations on differences of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from scorekit._arrays import constant
from scorekit.protocols import Array
from scorekit.samplers._context import Context

__all__ = ["Curvature", "curvature_at"]

POWER_STEPS = 12


class Curvature(NamedTuple):
    """``size``: the largest |eigenvalue| of the score's Jacobian. ``outward``: whether that eigenvalue is positive.

    A score that points toward high density has a negative one there, minus the L of step sizes.
    """

    size: float
    outward: bool


def curvature_at(x: Array, sigma: float | None, context: Context) -> Curvature | None:
    """The largest curvature over the chains at ``x``, an array of a kernel; None where it cannot be found.

    Twelve power iterations, each with one evaluation of all chains, on differences of the score.
    """
    try:
        found = _power(x, sigma, context)
    except Exception:  # the model may refuse these points: messages do without the estimate then
        return None
    return found if math.isfinite(found.size) and found.size > 0 else None


def _power(x: Array, sigma: float | None, context: Context) -> Curvature:
    xp, here = context.xp, context.score(x, sigma)
    h = math.sqrt(float(xp.finfo(x.dtype).eps)) * max(1.0, float(xp.max(xp.abs(x))))
    # any direction that is not special will do, and one without random numbers leaves the caller's stream alone
    image = constant(np.cos(np.arange(1.0, math.prod(x.shape) + 1) ** 2).reshape(x.shape), x)
    norms = _norms(image, context)
    direction = image
    for _ in range(POWER_STEPS):
        direction = image / context.align(norms + 1e-30)
        image = (context.score(x + h * direction, sigma) - here) / h
        norms = _norms(image, context)
    steepest = int(xp.argmax(norms))
    along = context.event_sum(direction * image)
    return Curvature(float(norms[steepest]), float(along[steepest]) > 0)


def _norms(v: Array, context: Context) -> Array:
    return context.xp.sqrt(context.event_sum(v * v))
