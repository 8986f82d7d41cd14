"""Views that turn something into a score model: an energy, a denoiser, a network with scaling, one level of a model.

A view is a value. When what it wraps has parameters, so does the view, and a learner trains it as it stands.
"""

from __future__ import annotations

from scorekit.models.condition import condition
from scorekit.models.energy import EnergyModel
from scorekit.models.level import at, denoise
from scorekit.models.per_sample import per_sample
from scorekit.models.preconditioned import Preconditioned
from scorekit.models.tweedie import DenoiserModel

__all__ = ["DenoiserModel", "EnergyModel", "Preconditioned", "at", "condition", "denoise", "per_sample"]
