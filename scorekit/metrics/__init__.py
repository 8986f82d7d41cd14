"""How good is it? Distances between score fields and between samples, each with its uncertainty.

A field is held against an exact score (:func:`score_error`, :func:`score_error_report`), samples against other
samples (:func:`sliced_wasserstein`, :func:`wasserstein`, :func:`mmd`, :func:`c2st`), against a score
(:func:`kernel_stein_discrepancy`), against the modes of a mixture
(:func:`mode_weights`) or the classes of a classifier (:func:`class_shares`), and against the data that a model was
trained on (:func:`nearest_neighbours`, :func:`memorisation`). Features of images are compared by
:func:`frechet_distance`, :func:`kernel_distance` and :func:`precision_recall`; the caller says which features.

Arrays of any backend and float dtype come in; the sums are done in float64 on the host, and Python floats or NumPy
arrays go out.
"""

from __future__ import annotations

from scorekit.metrics._statistics import Estimate
from scorekit.metrics.classes import ClassShares, class_shares
from scorekit.metrics.cubic import kernel_distance
from scorekit.metrics.fields import ScoreError, score_error
from scorekit.metrics.frechet import frechet_distance, frechet_distance_corrected
from scorekit.metrics.kernels import Discrepancy, mmd
from scorekit.metrics.manifolds import PrecisionRecall, precision_recall
from scorekit.metrics.modes import ModeWeights, mode_weights
from scorekit.metrics.neighbours import Memorisation, Neighbours, memorisation, nearest_neighbours
from scorekit.metrics.report import ScoreErrorReport, ScoreErrorRow, score_error_report
from scorekit.metrics.stein import SteinTest, kernel_stein_discrepancy
from scorekit.metrics.transport import sliced_wasserstein, wasserstein
from scorekit.metrics.two_sample import ClassifierTest, c2st

__all__ = [
    "ClassShares",
    "ClassifierTest",
    "Discrepancy",
    "Estimate",
    "Memorisation",
    "ModeWeights",
    "Neighbours",
    "PrecisionRecall",
    "ScoreError",
    "ScoreErrorReport",
    "ScoreErrorRow",
    "SteinTest",
    "c2st",
    "class_shares",
    "frechet_distance",
    "frechet_distance_corrected",
    "kernel_distance",
    "kernel_stein_discrepancy",
    "memorisation",
    "mmd",
    "mode_weights",
    "nearest_neighbours",
    "precision_recall",
    "score_error",
    "score_error_report",
    "sliced_wasserstein",
    "wasserstein",
]
