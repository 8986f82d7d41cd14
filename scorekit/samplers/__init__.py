"""Samplers: Markov chains that draw samples with a score model.

Every sampler is a schedule of steps, which one driver runs. To write your own sampler, see
:mod:`scorekit.samplers.kernels`.
"""

from __future__ import annotations

from scorekit.samplers import kernels as kernels
from scorekit.samplers.annealed import AnnealedLangevin
from scorekit.samplers.blocks import Block, Gathered, gather, sample_blocks
from scorekit.samplers.consistent import ConsistentAnnealed
from scorekit.samplers.inpaint import Inpaint
from scorekit.samplers.langevin import Langevin
from scorekit.samplers.start import initial
from scorekit.samplers.state import Samples, State

__all__ = [
    "AnnealedLangevin",
    "Block",
    "ConsistentAnnealed",
    "Gathered",
    "Inpaint",
    "Langevin",
    "Samples",
    "State",
    "gather",
    "initial",
    "sample_blocks",
]
