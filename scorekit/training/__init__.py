"""Training: one loop for all backends, with history, checkpoints and learning rate schedules."""

from __future__ import annotations

from scorekit.training.history import History
from scorekit.training.logs import JsonLines, TensorBoard
from scorekit.training.loop import fit
from scorekit.training.run import FitResult, FitState
from scorekit.training.schedules import WarmupCosine

__all__ = ["FitResult", "FitState", "History", "JsonLines", "TensorBoard", "WarmupCosine", "fit"]
