"""Compare the noise levels of a schedule with those of the model's training, and the start with the first level."""

from __future__ import annotations

from typing import Any

from scorekit._arrays import readable
from scorekit._checks import warn
from scorekit.learning.trained_levels import trained_levels_of
from scorekit.learning.views import View
from scorekit.models.level import AtLevel
from scorekit.samplers._context import Context
from scorekit.samplers._kernel import Extremes

__all__ = ["compare_levels", "compare_start"]

TOLERANCE = 1.5  # a level beyond the trained range by this factor is outside
_FEW, _MANY = 16, 100  # chains; the deviation of fewer is not compared, and that of each entry only for many
_NARROW = 0.5


def compare_levels(model: Any, extremes: Extremes) -> None:
    """Warn if the model is called at noise levels outside of those on which its network was trained."""
    trained = trained_levels_of(model)
    high, low = (extremes.sigma_max, extremes.sigma_min) if extremes.sigma_max is not None else (_fixed(model),) * 2
    if trained is None or high is None or low is None:
        return
    smallest, largest = trained
    if high <= TOLERANCE * largest and low >= smallest / TOLERANCE:
        return
    asked = f"at sigma = {high:.4g}" if high == low else f"at noise levels from {low:.4g} to {high:.4g}"
    if smallest == largest:
        known, remedy = f"sigma = {largest:.4g}", f"use Langevin with sk.models.at(model, {largest:.4g})"
    else:
        known = f"levels from {smallest:.4g} to {largest:.4g}"
        remedy = (
            f"use noise levels in this range, for example sk.noise.Geometric({largest:.4g}, {smallest:.4g}, levels)"
        )
    wider = f"sk.noise.LogUniform({max(high, largest):.4g}, {min(low, smallest):.4g})"
    warn(
        f"the model is called {asked}, and its network was trained on {known}: elsewhere its scores are extrapolated. "
        f"Either {remedy}, or train on more levels, for example with sk.objectives.NoiseConditional({wider})."
    )


def _fixed(model: Any) -> float | None:
    """The noise level of a model at one level."""
    while isinstance(model, View):
        if isinstance(model, AtLevel):
            return model.level
        model = model.inner
    return None


def compare_start(context: Context, extremes: Extremes) -> None:
    """Warn if the chains of a standardized model start much closer together than the first noise level."""
    x, sigma = context.x0, extremes.sigma_max
    if context.units is None or sigma is None or x.shape[0] < _FEW or not readable(x):
        return
    xp = context.xp
    squares = xp.mean((x - xp.mean(x, axis=0, keepdims=True)) ** 2, axis=0)
    deviation = float(xp.sqrt(xp.min(squares) if x.shape[0] >= _MANY else xp.mean(squares)))
    if deviation < _NARROW * sigma:
        warn(
            f"the initial points have a standard deviation of {deviation:.3g} in the standardized units of the model, "
            f"and the largest noise level is {sigma:.4g}: the noise of level sigma is sigma * scale. Write "
            "x0 = sk.samplers.initial(noise, shape, model=model)."
        )
