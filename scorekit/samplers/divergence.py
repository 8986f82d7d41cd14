"""The post-mortem of a chain that left the finite numbers. Nothing here runs while a chain is well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scorekit._arrays import constant
from scorekit.protocols import Array
from scorekit.registry import array_namespace
from scorekit.samplers.kernels import Stage
from scorekit.samplers.records import Tick
from scorekit.samplers.walk import Walk

__all__ = ["Autopsy", "count_lost", "describe", "examine", "is_finite", "langevin_advice"]

POWER_STEPS = 12
EXPLODED = 1e3  # times the largest entry of the start


class Autopsy(NamedTuple):
    """What was found: ``curvature`` is the largest |eigenvalue| of the score's Jacobian at the start, None if unknown.

    ``lost``: chains that left. ``reach`` and ``largest_score``: the largest entries, in magnitude, of positions and
    scores where the last step began. ``bad_scores``: chains whose position was finite there and whose score was not.
    ``exploded``: by then positions had grown far beyond those of the start, so that the model is not to blame.
    """

    stage: Stage
    lost: int
    reach: float
    largest_score: float
    bad_scores: int
    exploded: bool
    curvature: float | None


def is_finite(x: Array, walk: Walk) -> bool:
    """Is the squared norm of every chain finite? One inner product; only when that is not, a closer look."""
    xp = walk.layout.xp
    flat = xp.reshape(x, (-1,))
    return math.isfinite(float(xp.matmul(flat, flat)))


def count_lost(x: Array, walk: Walk) -> int:
    """The number of chains whose squared norm is not finite."""
    return _count(~_finite_rows(x, walk))


def _finite_rows(x: Array, walk: Walk) -> Array:
    return walk.layout.xp.isfinite(walk.layout.event_sum(x * x))


def _count(rows: Array) -> int:
    xp = array_namespace(rows)
    return int(xp.sum(xp.astype(rows, xp.int64)))


def examine(walk: Walk, tick: Tick, before: Array, lost: int) -> Autopsy:
    """The autopsy of the step ``tick`` that began at the inner array ``before`` and lost ``lost`` chains."""
    score, sigma = tick.moved.score, tick.stage.sigma
    bad = ~walk.layout.xp.isfinite(walk.layout.event_sum(score * 0.0)) & _finite_rows(before, walk)
    reach = _largest(before)
    exploded = reach > EXPLODED * max(1.0, _largest(walk.layout.enter(walk.x0)))
    return Autopsy(tick.stage, lost, reach, _largest(score), _count(bad), exploded, _curvature_or_none(walk, sigma))


def _largest(x: Array) -> float:
    """The largest magnitude among the finite entries."""
    xp = array_namespace(x)
    return float(xp.max(xp.where(xp.isfinite(x), xp.abs(x), xp.zeros_like(x))))


def _curvature_or_none(walk: Walk, sigma: float | None) -> float | None:
    try:
        found = _curvature(walk, sigma)
    except Exception:  # the model may refuse these points: the message does without the estimate then
        return None
    return found if math.isfinite(found) and found > 0 else None


def _curvature(walk: Walk, sigma: float | None) -> float:
    """The largest |J v| over chains after some power iterations, J v by finite differences at the start."""
    x, xp = walk.layout.enter(walk.x0), walk.layout.xp
    at_start = walk.score(x, sigma)
    step = math.sqrt(float(xp.finfo(x.dtype).eps)) * max(1.0, float(xp.max(xp.abs(x))))
    # any direction that is not special will do, and one without random numbers leaves the caller's stream alone
    v = constant(np.cos(np.arange(1.0, math.prod(x.shape) + 1) ** 2).reshape(x.shape), x)
    norms = _norms(v, walk)
    for _ in range(POWER_STEPS):
        v = v / walk.layout.align(norms + 1e-30)
        v = (walk.score(x + step * v, sigma) - at_start) / step
        norms = _norms(v, walk)
    return float(xp.max(norms))


def _norms(v: Array, walk: Walk) -> Array:
    return walk.layout.xp.sqrt(walk.layout.event_sum(v * v))


def describe(tick: Tick, plan: Sequence[Stage], autopsy: Autopsy, walk: Walk) -> str:
    """The first sentence of the message: where it happened, to how many chains, with what scores."""
    stage, levels = tick.stage, 1 + max(stage.level for stage in plan)
    facts = [] if stage.sigma is None else [f"level {stage.level + 1} of {levels}, sigma {stage.sigma:.4g}"]
    if not math.isnan(stage.kernel.step_size):
        facts.append(f"step size {stage.kernel.step_size:.4g}")
    facts.append(f"{autopsy.lost} of {walk.layout.shape[0]} chains")
    facts.append(f"largest score {autopsy.largest_score:.3g}")
    return f"non-finite at step {tick.step} of {sum(stage.steps for stage in plan)} ({', '.join(facts)})."


def _chains(count: int) -> str:
    return "1 chain" if count == 1 else f"{count} chains"


def langevin_advice(autopsy: Autopsy, step_size: float) -> str:
    """What to change: ``step_size`` is the sampler's own, to which the step of the stage is proportional."""
    used = autopsy.stage.kernel.step_size
    if autopsy.bad_scores and not autopsy.exploded:
        return (
            f"The model returned NaN or infinity for {_chains(autopsy.bad_scores)} at finite points "
            f"(entries up to {autopsy.reach:.3g}): look at the model there. If they are far out, "
            f"lower step_size ({step_size:.4g}): try {step_size / 10:.1g}."
        )
    if autopsy.curvature is None or math.isnan(used):
        return f"Lower step_size ({step_size:.4g}): try {step_size / 10:.1g}."
    limit = 4 / autopsy.curvature
    known = f"4/L, L the largest curvature (about {autopsy.curvature:.3g} at the start)"
    if used < limit:
        return (
            f"The step is below {known}, where Langevin is stable for a score that is linear: this one must grow "
            f"faster elsewhere. Start nearer to the data, bound the score, or try step_size={step_size / 10:.1g}."
        )
    return f"Langevin is stable below {known}: try step_size={step_size * limit / used / 8:.1g}."
