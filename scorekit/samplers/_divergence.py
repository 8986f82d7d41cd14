"""Detect and describe the divergence of chains."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from scorekit.protocols import Array
from scorekit.samplers._context import Context
from scorekit.samplers._curvature import Curvature, curvature_at, length_of
from scorekit.samplers._kernel import Extremes, Row, Schedule
from scorekit.samplers._recorder import Taken

__all__ = ["Diagnosis", "Growth", "describe", "examine"]

LARGEST_GROWTH = 1e6  # limit of the largest norm of a chain, relative to the scale of the run
EXPLODED = 1e3  # relative to the largest entry of the initial points and the noise of a step


class Growth:
    """Check that the squared norm of every chain is finite and at most 10¹² times the squared scale of the run.

    The scale is the largest of: the norms of the chains before and after the first step, sigma · sqrt(d) at the largest
    level, and sqrt(step size · d), the noise of the largest step. It has the units of the data. The check takes one
    inner product per step; chains are checked one by one only if that is too large.

    ``root_mean_square`` is that of all entries after the last step.
    """

    def __init__(self, x: Array, extremes: Extremes, context: Context) -> None:
        self._context = context
        d = math.prod(context.shape[1:])
        self._entries = d * context.shape[0]
        noise = max(extremes.sigma_max or 0.0, math.sqrt(extremes.step_size))
        self._scale = max(self._largest(x), math.sqrt(d) * noise)
        self._limit = float(context.xp.finfo(x.dtype).max)
        self.root_mean_square = 0.0

    def _largest(self, x: Array) -> float:
        return math.sqrt(float(self._context.xp.max(self._context.event_sum(x * x))))

    def follow_first(self, x: Array) -> None:
        """Include the positions after the first step in the scale."""
        self._scale = max(self._scale, self._largest(x))
        bound = LARGEST_GROWTH * self._scale
        if bound > 0:  # otherwise the scale is unknown
            self._limit = min(bound * bound, self._limit)

    def is_well(self, x: Array) -> bool:
        """Whether no chain has diverged; the sum over all chains may exceed the limit of one chain."""
        xp = self._context.xp
        flat = xp.reshape(x, (-1,))
        square = float(xp.matmul(flat, flat))
        self.root_mean_square = math.sqrt(square / self._entries) if math.isfinite(square) else math.inf
        return square <= self._limit or not any(self.count(x))

    def count(self, x: Array) -> tuple[int, int]:
        """The number of chains whose squared norm is not finite, and of finite chains above the limit."""
        xp, squares = self._context.xp, self._context.event_sum(x * x)
        finite = xp.isfinite(squares)
        far = finite & (xp.where(finite, squares, xp.zeros_like(squares)) > self._limit)
        return _count(~finite, xp), _count(far, xp)

    def ratio(self, x: Array) -> float:
        """The largest finite norm, relative to the scale of the run."""
        xp, squares = self._context.xp, self._context.event_sum(x * x)
        finite = xp.where(xp.isfinite(squares), squares, xp.zeros_like(squares))
        return math.sqrt(float(xp.max(finite))) / self._scale


def _count(rows: Array, xp: Any) -> int:
    return int(xp.sum(xp.astype(rows, xp.int64)))


class Diagnosis(NamedTuple):
    """The diagnosis of a divergence, for :meth:`ChainSampler.advice`.

    ``row``: the row of the step. ``lost``: number of chains whose squared norm is not finite. ``far``: number of
    finite chains above the limit. ``growth``: their largest norm relative to the scale of the run, NaN if ``far`` is 0.
    ``reach`` and ``largest_score``: the largest magnitudes of positions and scores before the step. ``bad_scores``:
    number of chains with a finite position and a non-finite score before the step. ``exploded``: whether positions had
    already grown far beyond the initial points. ``curvature``: of the score at the initial points, None if unknown.
    """

    row: Row
    lost: int
    far: int
    growth: float
    reach: float
    largest_score: float
    bad_scores: int
    exploded: bool
    curvature: Curvature | None


def examine(taken: Taken, before: Array, growth: Growth, context: Context) -> Diagnosis:
    """The diagnosis of the step ``taken`` from ``before``, in the layout of kernels."""
    row, x, score = taken.row, taken.step.x, taken.step.score
    lost, far = growth.count(x)
    start, reach = context.copy_in(context.x0), _largest(before, context)
    return Diagnosis(
        row,
        lost,
        far,
        growth.ratio(x) if far else math.nan,
        reach,
        math.nan if score is None else _largest(score, context),
        0 if score is None else _bad_scores(score, before, context),
        bool(far) or reach > EXPLODED * max(_largest(start, context), length_of(row)),
        curvature_at(start, row, context),
    )


def _bad_scores(score: Array, before: Array, context: Context) -> int:
    xp = context.xp
    bad = ~xp.isfinite(context.event_sum(score * 0.0)) & xp.isfinite(context.event_sum(before * before))
    return _count(bad, xp)


def _largest(x: Array, context: Context) -> float:
    """The largest magnitude among the finite entries."""
    xp = context.xp
    return float(xp.max(xp.where(xp.isfinite(x), xp.abs(x), xp.zeros_like(x))))


def describe(taken: Taken, schedule: Schedule, diagnosis: Diagnosis, context: Context) -> str:
    """The first sentence of the message: the step, the number of chains, the largest score."""
    row, where = taken.row, f"at step {taken.number} of {len(schedule)}"
    details = [] if row.sigma is None else [f"level {row.level + 1} of {schedule.levels}, sigma {row.sigma:.4g}"]
    if not math.isnan(row.step_size):
        details.append(f"step size {row.step_size:.4g}")
    details.append(f"{diagnosis.lost or diagnosis.far} of {context.shape[0]} chains")
    if not math.isnan(diagnosis.largest_score):
        details.append(f"largest score {diagnosis.largest_score:.3g}")
    listed = ", ".join(details)
    if diagnosis.lost:
        return f"non-finite {where} ({listed})."
    grown = f"{diagnosis.growth:.2g} times the scale of start and noise"
    return f"too far away {where} ({listed}): norms have grown to {grown}."
