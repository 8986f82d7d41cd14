"""What a backend's networks and learner are made of: streams, conditions, the noise of a batch and its parts."""

from __future__ import annotations

from scorekit._conditions import Conditions
from scorekit.learning.drawing import Seeds, draw_for, loss_of, rows_of, seeds
from scorekit.learning.seeding import restored_sequence, seed_sequence, sequence_state

__all__ = [
    "Conditions",
    "Seeds",
    "draw_for",
    "loss_of",
    "restored_sequence",
    "rows_of",
    "seed_sequence",
    "seeds",
    "sequence_state",
]
