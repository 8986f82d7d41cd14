"""The largest curvature of a score, by power iteration on finite differences."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from scorekit._arrays import constant
from scorekit.protocols import Array
from scorekit.samplers._context import Context
from scorekit.samplers._kernel import Row

__all__ = ["Curvature", "curvature_at", "length_of"]

POWER_STEPS = 12


class Curvature(NamedTuple):
    """``size``: the largest |eigenvalue| of the score's Jacobian. ``outward``: whether that eigenvalue is positive.

    For a score that points toward high density the eigenvalue is −L, with the L that limits step sizes.
    """

    size: float
    outward: bool


def curvature_at(x: Array, row: Row, context: Context, *, inward: bool = False) -> Curvature | None:
    """The largest curvature over the chains at ``x``, in the layout of kernels; None if it cannot be computed.

    The score is that at the noise level of ``row``. The finite differences are relative to the largest entry of ``x``
    and to the noise of the row, so the result does not depend on the unit of x.

    With ``inward``, over the chains whose largest eigenvalue is negative: those beside which the score points toward
    high density.

    It takes twelve power iterations on finite differences, each with one evaluation of the model for all chains.
    """
    try:
        found = _power(x, row, context, inward)
    except Exception:  # the model may raise at these points; the message then has no estimate
        return None
    return found if math.isfinite(found.size) and found.size > 0 else None


def length_of(row: Row) -> float:
    """The length of a row in the unit of x: its noise level or the noise of its step; 0 without both."""
    return max(row.sigma or 0.0, 0.0 if math.isnan(row.step_size) else math.sqrt(row.step_size))


def _power(x: Array, row: Row, context: Context, inward: bool) -> Curvature:
    xp, sigma, here = context.xp, row.sigma, context.score(x, row.sigma)
    tiny = float(xp.finfo(x.dtype).smallest_normal)  # no division by zero, in any unit of x
    length = max(float(xp.max(xp.abs(x))), length_of(row)) or 1.0
    h = math.sqrt(float(xp.finfo(x.dtype).eps)) * length
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
