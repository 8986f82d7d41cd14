"""Noise levels: sequences of levels, and distributions of sigma.

*Levels* are a finite, descending sequence of noise levels, as used by annealed Langevin dynamics. A *distribution* of
sigma draws one level per sample, as used by the noise-conditional objectives. Levels are also a distribution, uniform
on the levels.
"""

from __future__ import annotations

from scorekit.noise.columns import LocationScale, location_scale
from scorekit.noise.designed import Designed, design, variance_ratio
from scorekit.noise.levels import Geometric, Levels, as_levels
from scorekit.noise.overlap import overlaps, widest_ratio
from scorekit.noise.sigma_distributions import LogNormal, LogUniform, NoiseDistribution

__all__ = [
    "Designed",
    "Geometric",
    "Levels",
    "LocationScale",
    "LogNormal",
    "LogUniform",
    "NoiseDistribution",
    "as_levels",
    "design",
    "location_scale",
    "overlaps",
    "variance_ratio",
    "widest_ratio",
]
