"""What a run keeps: the trajectory and the statistics, at the same steps."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scorekit.protocols import Array
from scorekit.samplers._context import Context
from scorekit.samplers._kernel import Row, Step

__all__ = ["Recorder", "Taken"]

RECORDS = 100  # so many records a run when nothing is kept: enough to see a drift, too few to cost time


class Taken(NamedTuple):
    """A step as the driver sees it: its number from 1 on, its row and what the kernel returned."""

    number: int
    row: Row
    step: Step


class Recorder:
    """Records every k-th step and the last one, or 100 evenly spaced ones.

    Args:
        context: the run.
        total: the number of steps of the schedule.
        keep_every: k for trajectory and statistics; None for min(total, 100) records and no trajectory.
    """

    def __init__(self, context: Context, total: int, keep_every: int | None) -> None:
        self._context, self._total, self._every = context, total, keep_every
        self._records = min(total, RECORDS)
        self._rows: list[dict[str, float]] = []
        self._kept: list[Array] = []

    def wants(self, number: int) -> bool:
        """Is this one of the steps to keep?"""
        if self._every is None:  # where number · records / total passes an integer: at the last step, too
            return number * self._records // self._total > (number - 1) * self._records // self._total
        return number % self._every == 0 or number == self._total

    def record(self, taken: Taken) -> dict[str, float]:
        """Keep ``taken``, and return its statistics."""
        if self._every is not None:
            self._kept.append(self._context.copy_out(taken.step.x))
        self._rows.append(self._row(taken))
        return self._rows[-1]

    def _row(self, taken: Taken) -> dict[str, float]:
        number, row, step = taken
        return {
            "step": number,
            "level": row.level,
            "sigma": math.nan if row.sigma is None else row.sigma,
            "step_size": row.step_size,
            "score_norm": math.nan if step.score is None else self._mean_norm(step.score),
            "evaluations": self._context.evaluations,
            **{name: self._mean(value) for name, value in step.info.items()},
        }

    def _mean_norm(self, score: Array) -> float:
        xp = self._context.xp
        return float(xp.mean(xp.sqrt(self._context.event_sum(score * score))))

    def _mean(self, value: Any) -> float:
        return float(self._context.xp.mean(value)) if getattr(value, "ndim", 0) else float(value)

    def trajectory(self) -> Array | None:
        """The kept states, shape ``(kept, n, *event)``; None if none were to be kept."""
        return self._context.xp.stack(self._kept) if self._kept else None

    def stats(self) -> dict[str, Any]:
        """The statistics, one NumPy array a name."""
        names = dict.fromkeys(name for row in self._rows for name in row)
        return {name: np.asarray([row.get(name, math.nan) for row in self._rows]) for name in names}
