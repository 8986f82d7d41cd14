"""Stratified uniforms."""

from __future__ import annotations

from scorekit._arrays import constant
from scorekit.protocols import Array, Rng

__all__ = ["strata"]


def strata(rng: Rng, n: int, like: Array | None = None) -> Array:
    """Stratified uniforms: one draw in each interval [i/n, (i + 1)/n), shuffled. Shape ``(n,)``."""
    shift = rng.uniform((1,), like)
    order = constant(rng.choice(n, (n,), replace=False), shift)  # integers are drawn on the CPU
    return (order + shift) / n
