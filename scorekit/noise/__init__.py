"""Noise levels: sequences of them, and distributions that they are drawn from.

*Levels* are a finite, descending sequence of noise levels, as annealed Langevin dynamics walks it. A *distribution* of
sigma draws
one level a sample, as the noise-conditional objectives need it; levels are also a distribution, uniform on its levels.
"""

from __future__ import annotations

from scorekit.noise.designed import Designed, design, variance_ratio
from scorekit.noise.levels import Geometric, Levels, as_levels
from scorekit.noise.overlap import overlaps, widest_ratio
from scorekit.noise.sigma_distributions import LogNormal, LogUniform, NoiseDistribution

__all__ = [
    "Designed",
    "Geometric",
    "Levels",
    "LogNormal",
    "LogUniform",
    "NoiseDistribution",
    "as_levels",
    "design",
    "overlaps",
    "variance_ratio",
    "widest_ratio",
]
