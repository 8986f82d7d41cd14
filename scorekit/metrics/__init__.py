"""Metrics: distances between score fields and between sets of samples, with their uncertainty.

- A score field against an exact score: :func:`score_error`, :func:`score_error_report`.
- Samples against samples: :func:`sliced_wasserstein`, :func:`wasserstein`, :func:`mmd`, :func:`c2st`.
- Samples against a score: :func:`kernel_stein_discrepancy`.
- Samples against the modes of a mixture or the classes of a classifier: :func:`mode_weights`,
  :func:`class_proportions`.
- Samples against the training data: :func:`nearest_neighbors`, :func:`memorization`.
- Features of images: :func:`frechet_distance`, :func:`kernel_distance`, :func:`precision_recall`, and
  :func:`moments` for statistics of features that do not fit into memory. The caller chooses the features.

Inputs are arrays of any backend, float32 or float64. Computations are in float64 on the CPU. Results are Python floats
or NumPy arrays.
"""

from __future__ import annotations

from scorekit.metrics._c2st import ClassifierTest, c2st
from scorekit.metrics._class_proportions import ClassProportions, class_proportions
from scorekit.metrics._frechet_distance import frechet_distance, frechet_distance_corrected
from scorekit.metrics._kernel_distance import kernel_distance
from scorekit.metrics._kernel_stein_discrepancy import SteinTest, kernel_stein_discrepancy
from scorekit.metrics._mmd import Discrepancy, mmd
from scorekit.metrics._mode_weights import ModeWeights, mode_weights
from scorekit.metrics._moments import Moments, moments
from scorekit.metrics._nearest_neighbors import Memorization, Neighbors, memorization, nearest_neighbors
from scorekit.metrics._precision_recall import PrecisionRecall, precision_recall
from scorekit.metrics._score_error import ScoreError, score_error
from scorekit.metrics._score_error_report import ScoreErrorReport, ScoreErrorRow, score_error_report
from scorekit.metrics._statistics import Estimate
from scorekit.metrics._wasserstein import sliced_wasserstein, wasserstein

__all__ = [
    "ClassProportions",
    "ClassifierTest",
    "Discrepancy",
    "Estimate",
    "Memorization",
    "ModeWeights",
    "Moments",
    "Neighbors",
    "PrecisionRecall",
    "ScoreError",
    "ScoreErrorReport",
    "ScoreErrorRow",
    "SteinTest",
    "c2st",
    "class_proportions",
    "frechet_distance",
    "frechet_distance_corrected",
    "kernel_distance",
    "kernel_stein_discrepancy",
    "memorization",
    "mmd",
    "mode_weights",
    "moments",
    "nearest_neighbors",
    "precision_recall",
    "score_error",
    "score_error_report",
    "sliced_wasserstein",
    "wasserstein",
]
