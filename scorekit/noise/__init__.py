"""Noise levels: ladders of them, and laws that they are drawn from.

A *ladder* is a finite, descending sequence of levels, as annealed Langevin dynamics walks it. A *law* draws
one level a sample, as the noise-conditional objectives need it; a ladder is also a law, uniform on its levels.
"""

from __future__ import annotations

from scorekit.noise.ladders import Geometric, Ladder, as_ladder
from scorekit.noise.laws import LogNormal, LogUniform, NoiseLaw

__all__ = ["Geometric", "Ladder", "LogNormal", "LogUniform", "NoiseLaw", "as_ladder"]
