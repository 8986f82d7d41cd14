"""The largest stable step of Langevin dynamics, 4 / L: advice beyond it and a warning just below it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

from scorekit.protocols import Array
from scorekit.samplers._context import Context
from scorekit.samplers._curvature import Curvature, curvature_at
from scorekit.samplers._divergence import Diagnosis
from scorekit.samplers._recorder import Taken

__all__ = ["LimitWatch", "langevin_advice"]

NEAR = 0.95  # of 4 / L; from here on the variance is 20 times too large
SUSPECT = 8.0  # a direction at NEAR has 19 for step_size / 4 · E s², and 2/π of that from a mean of norms


class LimitWatch:
    """Warns once if the step size lies within 5 % below 4 / L, L the largest curvature.

    Along an eigendirection of variance v, with u = step_size / (4v), the stationary E s² · step_size / 4 is
    u / (1 − u): at least 19 where u >= 0.95. The recorded score norms bound it from above. L is estimated only where
    they are large enough, and the largest eigenvalue of the covariance of s over the chains is too: at most once a run,
    by 13 evaluations of the model.
    """

    def __init__(self, step_size: float, context: Context) -> None:
        self._step_size, self._context, self._asked = step_size, context, False

    def __call__(self, taken: Taken, record: Mapping[str, float]) -> None:
        """Look at a recorded step."""
        score = taken.step.score
        if self._asked or score is None or not self._suspect(record["score_norm"] ** 2):
            return
        if self._suspect(_largest_variance(score, self._context)):
            self._asked = True
            self._warn(curvature_at(taken.step.x, taken.row.sigma, self._context))

    def _suspect(self, square: float) -> bool:
        return self._step_size / 4 * square >= SUSPECT

    def _warn(self, curvature: Curvature | None) -> None:
        if curvature is None or curvature.outward:
            return
        share = self._step_size * curvature.size / 4
        if NEAR <= share < 1:
            warnings.warn(
                f"step_size={self._step_size:g} is {share:.1%} of 4/L, L the largest curvature (about "
                f"{curvature.size:.3g}): along that direction the stationary variance is 1 / (1 - step_size * L / 4) "
                f"= {1 / (1 - share):.3g} times that of the density. Take a smaller step: with step_size="
                f"{0.4 / curvature.size:.1g} it is 1.11 times.",
                RuntimeWarning,
                stacklevel=4,
            )


def _largest_variance(score: Array, context: Context) -> float:
    """The largest eigenvalue of the covariance of s over chains, from below, by a few power iterations."""
    xp, n = context.xp, context.shape[0]
    rows = xp.reshape(context.batch_first(score), (n, -1))
    if n > 1:
        rows = rows - xp.mean(rows, axis=0, keepdims=True)  # without the common drift from a start that is far away
    v = rows[int(xp.argmax(xp.sum(rows * rows, axis=1))), :]
    for _ in range(4):
        v = xp.matmul(xp.matmul(rows, v), rows)
        v = v / (xp.sqrt(xp.sum(v * v)) + 1e-30)
    along = xp.matmul(rows, v)
    return float(xp.sum(along * along)) / n


def langevin_advice(diagnosis: Diagnosis, step_size: float) -> str:
    """What to change: ``step_size`` is the sampler's own, to which the step of the row is proportional.

    >>> from scorekit.samplers.kernels import Curvature, langevin_row
    >>> found = Diagnosis(langevin_row(8.0), 1, 0, math.nan, 1e3, 1e3, 0, True, Curvature(1.0, outward=False))
    >>> langevin_advice(found, step_size=8.0)
    'Langevin is stable below 4/L, L the largest curvature (about 1 at the start): try step_size=0.5.'
    """
    used, curvature = diagnosis.row.step_size, diagnosis.curvature
    if diagnosis.bad_scores and not diagnosis.exploded:
        return (
            f"The model returned NaN or infinity for {_chains(diagnosis.bad_scores)} at finite points "
            f"(entries up to {diagnosis.reach:.3g}): look at the model there. If they are far out, "
            f"lower step_size ({step_size:.4g}): try {step_size / 10:.1g}."
        )
    if curvature is None or math.isnan(used):
        return f"Lower step_size ({step_size:.4g}): try {step_size / 10:.1g}."
    if curvature.outward:
        return (
            f"At the start the score points outward, away from high density, and grows by {curvature.size:.3g} per "
            "unit of length: check its sign. For an energy U write sk.models.EnergyModel(U)."
        )
    limit = 4 / curvature.size
    known = f"4/L, L the largest curvature (about {curvature.size:.3g} at the start)"
    if used < limit:
        return (
            f"The step is below {known}, where Langevin is stable for a score that is linear: this one must grow "
            f"faster elsewhere. Start nearer to the data, bound the score, or try step_size={step_size / 10:.1g}."
        )
    return f"Langevin is stable below {known}: try step_size={step_size * limit / used / 8:.1g}."


def _chains(count: int) -> str:
    return "1 chain" if count == 1 else f"{count} chains"
