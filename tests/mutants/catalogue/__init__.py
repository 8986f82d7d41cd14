"""Seeded bugs: each is one edit of one file, and the test suite must notice it.

They are the mistakes that score-matching code is known to make: a sign, a missing ½, σ for σ², a mean over dimensions,
a sum over the last axis only, a detached norm, one probe for the whole batch, noise that is shared or reused, a level
off by one. Some leave the expectation of a loss as it was, or the law of every single coordinate, and are wrong all
the same. Add one here whenever a bug is found that no test had noticed.
"""

from __future__ import annotations

from .annealed import ANNEALED_SAMPLERS
from .base import DoesNotApplyError, Mutant
from .conditions import CONDITIONS
from .consistent import CONSISTENT_SAMPLERS
from .data import DATA
from .denoising import DENOISING
from .distributions import DISTRIBUTIONS
from .drivers import DRIVERS
from .image_networks import IMAGE_NETWORKS
from .learning import LEARNING
from .metrics import METRICS
from .models import MODELS
from .noise import NOISE
from .objectives import OBJECTIVES
from .runs import RUNS
from .samplers import SAMPLERS
from .scales import SCALES
from .streams import STREAMS
from .tensors import TENSORS
from .weights import WEIGHTS

__all__ = ["MUTANTS", "DoesNotApplyError", "Mutant"]

MUTANTS = (
    *NOISE,
    *OBJECTIVES,
    *DENOISING,
    *ANNEALED_SAMPLERS,
    *CONSISTENT_SAMPLERS,
    *SAMPLERS,
    *DRIVERS,
    *STREAMS,
    *CONDITIONS,
    *DISTRIBUTIONS,
    *MODELS,
    *METRICS,
    *TENSORS,
    *WEIGHTS,
    *DATA,
    *SCALES,
    *RUNS,
    *IMAGE_NETWORKS,
    *LEARNING,
)
