"""Tools for people who write a backend."""

from scorekit.learning.seeding import restored_sequence, seed_sequence, sequence_state

__all__ = ["restored_sequence", "seed_sequence", "sequence_state"]
