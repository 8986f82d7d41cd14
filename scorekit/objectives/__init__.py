"""Score-matching objectives: losses whose minimizer is the score of the data.

All of them are on one scale: for the same model they differ by constants that do not depend on it, and by
the noise of what they draw. Each is a frozen dataclass without state; ``losses`` gives one value a sample,
a call their (weighted) mean, differentiable in what the model closes over.
"""

from __future__ import annotations

from scorekit.objectives._base import ScoreObjective
from scorekit.objectives.denoising import DenoisingScoreMatching
from scorekit.objectives.explicit import ExplicitScoreMatching
from scorekit.objectives.implicit import ImplicitScoreMatching
from scorekit.objectives.noise_conditional import NoiseConditional
from scorekit.objectives.sliced import SlicedScoreMatching

__all__ = [
    "DenoisingScoreMatching",
    "ExplicitScoreMatching",
    "ImplicitScoreMatching",
    "NoiseConditional",
    "ScoreObjective",
    "SlicedScoreMatching",
]
