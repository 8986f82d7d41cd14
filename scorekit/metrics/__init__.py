"""How good is it? Distances between score fields and between samples, each with its uncertainty.

A field is held against an exact score (:func:`score_error`, :func:`score_error_report`), samples against other
samples (:func:`sliced_wasserstein`, :func:`wasserstein`, :func:`mmd`) or against the modes of a mixture
(:func:`mode_weights`). Arrays of any backend and float dtype come in; the sums are done in float64 on the host,
and Python floats or NumPy arrays go out.
"""

from __future__ import annotations

from scorekit.metrics.fields import ScoreError, score_error
from scorekit.metrics.kernels import Discrepancy, mmd
from scorekit.metrics.modes import ModeWeights, mode_weights
from scorekit.metrics.report import ScoreErrorReport, ScoreErrorRow, score_error_report
from scorekit.metrics.transport import sliced_wasserstein, wasserstein

__all__ = [
    "Discrepancy",
    "ModeWeights",
    "ScoreError",
    "ScoreErrorReport",
    "ScoreErrorRow",
    "mmd",
    "mode_weights",
    "score_error",
    "score_error_report",
    "sliced_wasserstein",
    "wasserstein",
]
