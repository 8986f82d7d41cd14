"""The kept states of a sampler, their names, and the choice of the states to show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scorekit._checks import check_count
from scorekit.errors import InvalidTypeError, ShapeError

__all__ = ["kept_states", "shown_frames", "state_names"]

_FRAMES = 60
"""Approximate number of frames of a GIF of less than one megabyte."""


def kept_states(trajectory: Any, expected: str) -> Any:
    """The array of kept states, from an array or from ``Samples``; ``expected`` is its shape, for error messages."""
    if hasattr(trajectory, "shape") or not hasattr(trajectory, "trajectory"):
        return trajectory
    if trajectory.trajectory is None:
        raise InvalidTypeError(
            f"the samples have no trajectory: expected {expected}. Write sampler.sample(…, keep_every=10)."
        )
    return trajectory.trajectory


def shown_frames(kept: int, every: int | None) -> list[int]:
    """The index of each ``every``-th kept state, and of the last; by default about 60."""
    step = max(1, round(kept / _FRAMES)) if every is None else check_count(every, "every")
    shown = list(range(0, kept, step))
    return shown if shown[-1] == kept - 1 else [*shown, kept - 1]


def state_names(trajectory: Any, labels: Sequence[str] | None, kept: int) -> list[str]:
    """A name for each kept state: the given label, its noise level, or its number."""
    if labels is not None:
        if isinstance(labels, str) or not isinstance(labels, Sequence):
            raise InvalidTypeError(f"labels is {labels!r}: expected one name for each of {kept} kept states.")
        names = [str(label) for label in labels]
        if len(names) != kept:
            raise ShapeError(f"there are {len(names)} labels for {kept} kept states: expected one per state.")
        return names
    stats = getattr(trajectory, "stats", None)
    if stats is None:
        return [f"state {i + 1}" for i in range(kept)]
    return [_name(*row) for row in zip(stats["step"], stats["sigma"], stats["step_size"], strict=True)]


def _name(step: int, sigma: float, step_size: float) -> str:
    if math.isnan(sigma):
        return f"step {step}"
    return "denoised" if math.isnan(step_size) else f"σ = {sigma:.3g}"
