"""Distributions with an exact score at every noise level.

Each has ``sample``, ``log_prob``, ``score(x, sigma)`` and ``smoothed(sigma)``, the distribution of ``x + sigma z`` with
``z ~ N(0, I)``. Objectives, samplers and metrics are tested against them. The method ``.score`` is a score model.
"""

from __future__ import annotations

from scorekit.distributions._base import Density, Smoothed
from scorekit.distributions.banana import Banana
from scorekit.distributions.checkerboard import Checkerboard
from scorekit.distributions.curves import SwissRoll
from scorekit.distributions.empirical import Empirical
from scorekit.distributions.funnel import Funnel
from scorekit.distributions.gaussian import Gaussian
from scorekit.distributions.mixture import GaussianMixture
from scorekit.distributions.rings import Rings
from scorekit.distributions.shapes_images import ShapesImages
from scorekit.distributions.two_moons import TwoMoons

__all__ = [
    "Banana",
    "Checkerboard",
    "Density",
    "Empirical",
    "Funnel",
    "Gaussian",
    "GaussianMixture",
    "Rings",
    "ShapesImages",
    "Smoothed",
    "SwissRoll",
    "TwoMoons",
]
