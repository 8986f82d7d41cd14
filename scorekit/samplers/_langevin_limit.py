"""The stability limit 4 / L of Langevin dynamics: an error message above it, a warning just below it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from scorekit._checks import warn
from scorekit.protocols import Array
from scorekit.samplers._context import Context
from scorekit.samplers._curvature import Curvature, curvature_at
from scorekit.samplers._divergence import Diagnosis
from scorekit.samplers._recorder import Taken

__all__ = ["LimitWatch", "langevin_advice"]

NEAR = 0.95  # relative to 4 / L; above it the variance is at least 20 times too large
SUSPECT = 8.0  # at NEAR, step_size / 4 · E s² is 19, and 2/π of that if computed from a mean of norms


class LimitWatch:
    """Warn once if the step size is less than 5 % below 4 / L, L the largest curvature.

    Along an eigendirection of variance v, with u = step_size / (4v), the stationary E s² · step_size / 4 is
    u / (1 − u): at least 19 if u >= 0.95. The recorded score norms are an upper bound. L is estimated at most once per
    run, with 13 evaluations of the model, and only if the score norms and the largest eigenvalue of the covariance of s
    over the chains are both large enough.
    """

    def __init__(self, step_size: float, context: Context) -> None:
        self._step_size, self._context, self._asked = step_size, context, False

    def __call__(self, taken: Taken, record: Mapping[str, float]) -> None:
        """Check a recorded step."""
        score = taken.step.score
        if self._asked or score is None or not self._suspect(record["score_norm"] ** 2):
            return
        if self._suspect(_largest_variance(score, self._context)):
            self._asked = True
            self._warn(curvature_at(taken.step.x, taken.row, self._context, inward=True))

    def _suspect(self, square: float) -> bool:
        return self._step_size / 4 * square >= SUSPECT

    def _warn(self, curvature: Curvature | None) -> None:
        if curvature is None:
            return
        share = self._step_size * curvature.size / 4
        if NEAR <= share < 1:
            milder = float(f"{0.4 / curvature.size:.1g}")
            warn(
                f"step_size={self._step_size:g} is {share:.1%} of 4/L, L the largest curvature (about "
                f"{curvature.size:.3g}): along that direction the stationary variance is 1 / (1 - step_size * L / 4) "
                f"= {1 / (1 - share):.3g} times that of the density. Take a smaller step: with step_size={milder:g} it "
                f"is {1 / (1 - milder * curvature.size / 4):.3g} times."
            )


def _largest_variance(score: Array, context: Context) -> float:
    """A lower bound of the largest eigenvalue of the covariance of s over chains, by a few power iterations."""
    xp, n = context.xp, context.shape[0]
    rows = xp.reshape(context.batch_first(score), (n, -1))
    if n > 1:
        rows = rows - xp.mean(rows, axis=0, keepdims=True)  # removes the common drift from distant initial points
    scale = float(xp.max(xp.abs(rows)))
    if not 0 < scale < math.inf:
        return 0.0
    rows = rows / scale  # so that no square overflows or vanishes, whatever the units are
    v = rows[int(xp.argmax(xp.sum(rows * rows, axis=1))), :]
    for _ in range(4):
        v = v / xp.sqrt(xp.sum(v * v))
        v = xp.matmul(xp.matmul(rows, v), rows)
    along = xp.matmul(rows, v / xp.sqrt(xp.sum(v * v)))
    return scale * scale * float(xp.sum(along * along)) / n


def langevin_advice(diagnosis: Diagnosis, step_size: float) -> str:
    """How to fix a divergence; ``step_size`` is the sampler's parameter, to which the row's step is proportional.

    >>> from scorekit.samplers.kernels import Curvature, langevin_row
    >>> found = Diagnosis(langevin_row(8.0), 1, 0, math.nan, 1e3, 1e3, 0, True, Curvature(1.0, outward=False))
    >>> langevin_advice(found, step_size=8.0)
    'Langevin is stable below 4/L, L the largest curvature (about 1 at the start): try step_size=0.5.'
    """
    used, curvature = diagnosis.row.step_size, diagnosis.curvature
    if diagnosis.bad_scores and not diagnosis.exploded:
        return (
            f"The model returned NaN or infinity for {_chains(diagnosis.bad_scores)} at finite points "
            f"(entries up to {diagnosis.reach:.3g}): check the model there. If these points are far from the data, "
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
            f"The step is below {known}, the stability limit for a linear score: this score must grow faster "
            f"elsewhere. Start nearer to the data, bound the score, or try step_size={step_size / 10:.1g}."
        )
    return f"Langevin is stable below {known}: try step_size={step_size * limit / used / 8:.1g}."


def _chains(count: int) -> str:
    return "1 chain" if count == 1 else f"{count} chains"
