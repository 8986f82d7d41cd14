"""The building blocks of samplers, for people who write their own.

A sampler is a frozen dataclass that derives from :class:`ChainSampler` and returns a :class:`Schedule`: one
:class:`Row` of plain numbers per step, and the :class:`Kernel` that makes the step. The driver runs the steps, records
results and stops chains that diverge. If a step is a linear combination of position, score and noise, use the kernel
:class:`Linear`, which needs three coefficients per row.

>>> from dataclasses import dataclass
>>> import numpy as np
>>> @dataclass(frozen=True)
... class GradientAscent(ChainSampler):
...     step_size: float
...     steps: int
...
...     def schedule(self):
...         row = linear_row(1.0, self.step_size, 0.0, step_size=self.step_size)
...         return linear_schedule([row] * self.steps)
>>> float(GradientAscent(0.5, 20).sample(lambda x: 3.0 - x, np.zeros((1, 1))).x.round(5)[0, 0])
3.0
"""

from __future__ import annotations

from scorekit.samplers._clamped import Clamped, ClampedState
from scorekit.samplers._context import Context
from scorekit.samplers._curvature import Curvature
from scorekit.samplers._divergence import Diagnosis
from scorekit.samplers._driver import ChainSampler
from scorekit.samplers._kernel import Kernel, Row, Rows, Schedule, Step
from scorekit.samplers._langevin_limit import langevin_advice
from scorekit.samplers._linear import Coefficients, Linear, denoising_row, langevin_row, linear_row, linear_schedule

__all__ = [
    "ChainSampler",
    "Clamped",
    "ClampedState",
    "Coefficients",
    "Context",
    "Curvature",
    "Diagnosis",
    "Kernel",
    "Linear",
    "Row",
    "Rows",
    "Schedule",
    "Step",
    "denoising_row",
    "langevin_advice",
    "langevin_row",
    "linear_row",
    "linear_schedule",
]
