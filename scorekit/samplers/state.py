"""What a sampler hands out: the state after a step, and the result of a run."""

from __future__ import annotations

from typing import Any, NamedTuple

from scorekit.protocols import Array

__all__ = ["Samples", "State"]


class State(NamedTuple):
    """The chains after one step. Each state owns its arrays: it may be kept, or changed.

    ``x``: the positions, shape ``(n, *event)``. ``step``: how many steps were made, 1 at the first state.
    ``level`` and ``sigma``: the index of the noise level and the level itself; 0 and None without one.
    ``step_size``: that of this step, NaN for a step that has none (the final denoising).
    """

    x: Array
    step: int
    level: int
    sigma: float | None
    step_size: float


class Samples(NamedTuple):
    """The result of a run.

    ``x``: the final states, with the shape, dtype and framework of ``x0``.

    ``trajectory``: shape ``(kept, n, *event)`` when ``keep_every`` was given, else None. Kept are the states after
    steps k, 2k, … and always the last one, so ``trajectory[-1]`` equals ``x`` and kept = ceil(steps / k). The
    start is not in it: the caller has it.

    ``stats``: NumPy arrays with one entry a recorded step. Recorded are the kept steps, or 100 evenly spaced ones (all,
    if there are fewer) when ``keep_every`` is None; the last step always. Names: ``step``, ``level``, ``sigma`` (NaN
    without one), ``step_size`` (NaN for the final denoising), ``score_norm`` (the mean over chains of |s| where the
    step began), ``evaluations`` (calls of the model so far, each of all chains) and those of the kernel's info (means
    over chains).
    """

    x: Array
    trajectory: Array | None
    stats: dict[str, Any]

    def __repr__(self) -> str:
        """Shapes, not numbers: a run has too many to print."""
        kept = "None" if self.trajectory is None else f"of shape {tuple(self.trajectory.shape)}"
        return f"Samples(x of shape {tuple(self.x.shape)}, trajectory {kept}, stats of {', '.join(self.stats)})"
