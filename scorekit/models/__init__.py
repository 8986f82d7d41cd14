"""Views that make score models: of an energy, a denoiser, a network with scaling, a model of standardized data, or one
noise level of a model.

A view is immutable. If the wrapped model has parameters, the view has them too, and a learner can train it.
"""

from __future__ import annotations

from scorekit.models.condition import condition
from scorekit.models.energy import EnergyModel
from scorekit.models.level import at, denoise
from scorekit.models.per_sample import per_sample
from scorekit.models.preconditioned import Preconditioned
from scorekit.models.standardized import standardized
from scorekit.models.tweedie import DenoiserModel

__all__ = [
    "DenoiserModel",
    "EnergyModel",
    "Preconditioned",
    "at",
    "condition",
    "denoise",
    "per_sample",
    "standardized",
]
