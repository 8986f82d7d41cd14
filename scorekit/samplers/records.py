"""What a run keeps: the trajectory and the statistics, at the same steps."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scorekit.protocols import Array
from scorekit.samplers.kernels import Moved, Stage
from scorekit.samplers.walk import Walk

__all__ = ["Recorder", "Tick"]

RECORDS = 100  # so many records a run when nothing is kept: enough to see a drift, too few to cost time


class Tick(NamedTuple):
    """One step as the driver sees it: its number from 1 on, its stage and what the kernel returned."""

    step: int
    stage: Stage
    moved: Moved


class Recorder:
    """Writes down every k-th step and the last one.

    Args:
        walk: the run.
        total: the number of steps of the plan.
        keep_every: k for trajectory and statistics; None for about 100 records and no trajectory.
    """

    def __init__(self, walk: Walk, total: int, keep_every: int | None) -> None:
        self._walk, self._total = walk, total
        self._every = keep_every or math.ceil(total / RECORDS)
        self._rows: list[dict[str, float]] = []
        self.trajectory = None if keep_every is None else self._allocate()

    def _allocate(self) -> Array:
        x0 = self._walk.x0
        shape = (math.ceil(self._total / self._every), *x0.shape)
        return self._walk.layout.xp.empty(shape, dtype=x0.dtype, device=x0.device)

    def wants(self, step: int) -> bool:
        """Is this one of the steps to keep?"""
        return step % self._every == 0 or step == self._total

    def record(self, tick: Tick) -> None:
        """Take down ``tick``."""
        if self.trajectory is not None:
            self.trajectory[len(self._rows), ...] = self._walk.layout.outer(tick.moved.x)
        self._rows.append(self._row(tick))

    def _row(self, tick: Tick) -> dict[str, float]:
        step, stage, moved = tick
        layout = self._walk.layout
        xp = layout.xp
        norms = xp.sqrt(layout.event_sum(moved.score * moved.score))
        return {
            "step": step,
            "level": stage.level,
            "sigma": math.nan if stage.sigma is None else stage.sigma,
            "step_size": stage.kernel.step_size,
            "score_norm": float(xp.mean(norms)),
            "evaluations": self._walk.evaluations,
            **{name: float(xp.mean(value)) for name, value in moved.facts.items()},
        }

    def stats(self) -> dict[str, Any]:
        """The statistics, one NumPy array a name."""
        names = dict.fromkeys(name for row in self._rows for name in row)
        return {name: np.asarray([row.get(name, math.nan) for row in self._rows]) for name in names}
