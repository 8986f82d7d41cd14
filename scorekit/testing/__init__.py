"""Checks for other people's work: is a backend right, is a function a score model?"""

from __future__ import annotations

from scorekit.testing.backends import check_backend
from scorekit.testing.models import check_score_model

__all__ = ["check_backend", "check_score_model"]
