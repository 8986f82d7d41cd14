"""Checks of backends and score models, and the exact distribution of affine samplers."""

from __future__ import annotations

from scorekit.testing.backends import check_backend
from scorekit.testing.laws import AffineLaw, impulse_law
from scorekit.testing.models import check_score_model

__all__ = ["AffineLaw", "check_backend", "check_score_model", "impulse_law"]
