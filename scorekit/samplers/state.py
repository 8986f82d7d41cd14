"""The results of a sampler: the state after a step, and the result of a run."""

from __future__ import annotations

from typing import Any, NamedTuple

from scorekit._tables import displayed, html_table
from scorekit.protocols import Array

__all__ = ["Samples", "State"]


@displayed
class State(NamedTuple):
    """The chains after one step. Each state owns its arrays, so you may keep or modify them.

    ``x``: the positions, shape ``(n, *event)``. ``step``: the number of finished steps, 1 at the first state.
    ``level`` and ``sigma``: the index of the noise level and the level itself; 0 and None without noise levels.
    ``step_size``: the size of this step, NaN if it has none (the final denoising step).
    """

    x: Array
    step: int
    level: int
    sigma: float | None
    step_size: float


class Samples(NamedTuple):
    """The result of a run.

    ``x``: the final positions, with the shape, dtype and framework of ``x0``.

    ``trajectory``: the positions after steps k, 2k, … and the last one if ``keep_every`` is k, shape
    ``(kept, n, *event)``, else None. So ``trajectory[-1]`` equals ``x``, and kept = ceil(steps / k). The initial
    points are not included.

    ``stats``: NumPy arrays with one entry per recorded step. These are the steps of the trajectory; if ``keep_every``
    is None, they are 100 evenly spaced steps (or all, if there are fewer), with the last one. Names: ``step``,
    ``level``, ``sigma`` (NaN without noise levels), ``step_size`` (NaN for the final denoising step), ``score_norm``
    (the mean over chains of |s| before the step), ``evaluations`` (calls of the model so far, each for all chains) and
    the names in the kernel's info (means over chains).
    """

    x: Array
    trajectory: Array | None
    stats: dict[str, Any]

    def __repr__(self) -> str:
        """The shapes of the arrays."""
        kept = "None" if self.trajectory is None else f"of shape {tuple(self.trajectory.shape)}"
        return f"Samples(x of shape {tuple(self.x.shape)}, trajectory {kept}, stats of {', '.join(self.stats)})"

    def _repr_html_(self) -> str:
        """The shapes of the arrays, and the range of each statistic, as a table."""
        rows = [("x", f"shape {tuple(self.x.shape)}")]
        if self.trajectory is not None:
            rows.append(("trajectory", f"shape {tuple(self.trajectory.shape)}"))
        ranges = [(name, f"{values[0]:.4g} to {values[-1]:.4g}") for name, values in self.stats.items() if len(values)]
        return html_table(("Samples", ""), rows + ranges)
