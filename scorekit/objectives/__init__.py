"""Score-matching objectives: losses whose minimizer is the score of the data.

All objectives are on one scale: for the same model they differ by constants that do not depend on the model, and by
the random noise that they draw. Each is a frozen dataclass without state. ``losses`` returns one value per sample. A
call returns their (weighted) mean, which is differentiable in the model's parameters.
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
