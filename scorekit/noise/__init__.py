"""Noise levels: ladders of them, and laws that they are drawn from.

A *ladder* is a finite, descending sequence of levels, as annealed Langevin dynamics walks it. A *law* draws
one level a sample, as the noise-conditional objectives need it; a ladder is also a law, uniform on its levels.
"""

from __future__ import annotations

from scorekit.noise.designed import Designed, design, variance_ratio
from scorekit.noise.ladders import Geometric, Ladder, as_ladder
from scorekit.noise.laws import LogNormal, LogUniform, NoiseLaw
from scorekit.noise.overlap import overlaps, widest_ratio

__all__ = [
    "Designed",
    "Geometric",
    "Ladder",
    "LogNormal",
    "LogUniform",
    "NoiseLaw",
    "as_ladder",
    "design",
    "overlaps",
    "variance_ratio",
    "widest_ratio",
]
