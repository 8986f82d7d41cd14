"""What a backend's networks and learner are made of: conditions, the noise of a batch and its parts."""

from __future__ import annotations

from scorekit._conditions import Conditions
from scorekit.learning.drawing import Seeds, draw_for, loss_of, rows_of, seeds

__all__ = ["Conditions", "Seeds", "draw_for", "loss_of", "rows_of", "seeds"]
