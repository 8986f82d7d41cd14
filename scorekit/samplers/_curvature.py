"""The largest curvature of a score, by power iteration on finite differences."""

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

    For a score that points toward high density the eigenvalue is −L, with the L that limits step sizes.
    """

    size: float
    outward: bool


def curvature_at(x: Array, sigma: float | None, context: Context, *, inward: bool = False) -> Curvature | None:
    """The largest curvature over the chains at ``x``, in the layout of kernels; None if it cannot be computed.

    With ``inward``, over the chains whose largest eigenvalue is negative: those beside which the score points toward
    high density.

    It takes twelve power iterations on finite differences, each with one evaluation of the model for all chains.
    """
    try:
        found = _power(x, sigma, context, inward)
    except Exception:  # the model may raise at these points; the message then has no estimate
        return None
    return found if math.isfinite(found.size) and found.size > 0 else None


def _power(x: Array, sigma: float | None, context: Context, inward: bool) -> Curvature:
    xp, here = context.xp, context.score(x, sigma)
    tiny = float(xp.finfo(x.dtype).smallest_normal)  # no division by zero, in any unit of x
    h = math.sqrt(float(xp.finfo(x.dtype).eps)) * max(1.0, float(xp.max(xp.abs(x))))
    # a fixed generic direction, so that the caller's random stream is not used
    image = constant(np.cos(np.arange(1.0, math.prod(x.shape) + 1) ** 2).reshape(x.shape), x)
    norms = _norms(image, context)
    direction = image
    for _ in range(POWER_STEPS):
        direction = image / context.align(norms + tiny)
        image = (context.score(x + h * direction, sigma) - here) / h
        norms = _norms(image, context)
    along = context.event_sum(direction * image)
    steepest = int(xp.argmax(xp.where(along < 0, norms, xp.zeros_like(norms)) if inward else norms))
    return Curvature(float(norms[steepest]), float(along[steepest]) > 0)


def _norms(v: Array, context: Context) -> Array:
    return context.xp.sqrt(context.event_sum(v * v))
