"""Checks for other people's work: is a backend right, is a function a score model, what is the law of a sampler?"""

from __future__ import annotations

from scorekit.testing.backends import check_backend
from scorekit.testing.laws import AffineLaw, impulse_law
from scorekit.testing.models import check_score_model

__all__ = ["AffineLaw", "check_backend", "check_score_model", "impulse_law"]
