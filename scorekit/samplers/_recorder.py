"""Record the trajectory and the statistics of a run, at the same steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from scorekit._memory import free_bytes, readable_size
from scorekit.errors import InvalidValueError
from scorekit.protocols import Array
from scorekit.samplers._context import Context
from scorekit.samplers._kernel import Row, Step

__all__ = ["Recorder", "Taken"]

RECORDS = 100  # records per run if keep_every is None
_NAMES = {"step", "level", "sigma", "step_size", "score_norm", "evaluations"}


class Taken(NamedTuple):
    """A finished step: its number, from 1, its row and the kernel's result."""

    number: int
    row: Row
    step: Step


class Recorder:
    """Record every k-th step and the last one, or 100 evenly spaced steps.

    Args:
        context: the context of the run.
        total: the number of steps of the schedule.
        keep_every: k for trajectory and statistics; None for min(total, 100) records and no trajectory.
    """

    def __init__(self, context: Context, total: int, keep_every: int | None) -> None:
        self._context, self._total, self._every = context, total, keep_every
        self._records = min(total, RECORDS)
        self._rows: list[dict[str, float]] = []
        self._kept: list[Array] = []

    def check_memory(self) -> None:
        """Raise an error if the trajectory cannot fit into memory; joining its states takes twice their size."""
        every, x0, free = self._every, self._context.x0, free_bytes()
        if every is None or free is None or str(getattr(x0, "device", "cpu")).partition(":")[0] != "cpu":
            return
        state = math.prod(x0.shape) * self._context.xp.finfo(x0.dtype).bits // 8
        kept = -(-self._total // every)
        if 2 * kept * state <= free:
            return
        fitting = int(0.8 * free // (2 * state))
        remedy = "use fewer chains at a time (sk.samplers.sample_blocks)"
        if fitting >= 1:
            remedy = f"keep_every={-(-self._total // fitting)} fits. A callback can reduce or save each state instead"
        raise InvalidValueError(
            f"keep_every={every} keeps {kept} states of {readable_size(state)}, which takes "
            f"{readable_size(2 * kept * state)} of memory, and {readable_size(free)} are free: {remedy}."
        )

    def wants(self, number: int) -> bool:
        """Whether this step is recorded."""
        if self._every is None:  # if number · records / total passes an integer, so also at the last step
            return number * self._records // self._total > (number - 1) * self._records // self._total
        return number % self._every == 0 or number == self._total

    def record(self, taken: Taken) -> dict[str, float]:
        """Record ``taken`` and return its statistics."""
        if self._every is not None:
            self._kept.append(self._context.result(taken.step.x))
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
        } | {name: self._mean(value) for name, value in self._own(step.info)}

    def _own(self, info: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """The entries of a kernel, whose names may not be those of the driver's."""
        taken = info.keys() & _NAMES
        if taken:
            raise InvalidValueError(
                f"info of a step has {sorted(taken)[0]!r}, which the driver records itself: expected another name."
            )
        return info.items()

    def _mean_norm(self, score: Array) -> float:
        xp = self._context.xp
        return float(xp.mean(xp.sqrt(self._context.event_sum(score * score))))

    def _mean(self, value: Any) -> float:
        """The mean over the chains; the share of True for booleans."""
        if not getattr(value, "ndim", 0):
            return float(value)
        xp = self._context.xp
        return float(xp.mean(value if xp.isdtype(value.dtype, "real floating") else xp.astype(value, xp.float64)))

    def trajectory(self) -> Array | None:
        """The recorded positions, shape ``(kept, n, *event)``; None if ``keep_every`` is None."""
        return self._context.xp.stack(self._kept) if self._kept else None

    def stats(self) -> dict[str, Any]:
        """The statistics by name, as NumPy arrays."""
        names = dict.fromkeys(name for row in self._rows for name in row)
        return {name: np.asarray([row.get(name, math.nan) for row in self._rows]) for name in names}
