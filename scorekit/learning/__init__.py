"""Tools for people who write a backend."""

from scorekit.learning.seeding import STREAMS, restored_sequence, seed_sequence, sequence_state

__all__ = ["STREAMS", "restored_sequence", "seed_sequence", "sequence_state"]
