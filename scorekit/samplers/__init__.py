"""Samplers: Markov chains that turn a score model into samples, all of them walked by one driver.

A sampler is a frozen dataclass that lays out a *plan*, a tuple of :class:`Stage`: so many steps of one
:class:`Kernel` at one noise level. The driver (:class:`ChainSampler`) walks the plan, keeps what was asked for and
stops a chain that leaves the finite numbers. A new family is a kernel and a plan, nothing else.
"""

from __future__ import annotations

from scorekit.samplers.annealed import AnnealedLangevin
from scorekit.samplers.blocks import Block, Gathered, gather, sample_blocks
from scorekit.samplers.chain import ChainSampler
from scorekit.samplers.consistent import Consistent, ConsistentAnnealed
from scorekit.samplers.inpaint import Clamped, Inpaint
from scorekit.samplers.kernels import Denoise, Kernel, Moved, Stage, Unadjusted
from scorekit.samplers.langevin import Langevin
from scorekit.samplers.start import initial
from scorekit.samplers.state import Samples, State
from scorekit.samplers.walk import Walk

__all__ = [
    "AnnealedLangevin",
    "Block",
    "ChainSampler",
    "Clamped",
    "Consistent",
    "ConsistentAnnealed",
    "Denoise",
    "Gathered",
    "Inpaint",
    "Kernel",
    "Langevin",
    "Moved",
    "Samples",
    "Stage",
    "State",
    "Unadjusted",
    "Walk",
    "gather",
    "initial",
    "sample_blocks",
]
