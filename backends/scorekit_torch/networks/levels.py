"""The inputs of a network other than its images: the index of the noise level, and the condition."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import torch

from scorekit.errors import InvalidValueError
from scorekit_torch.conversion import readable

__all__ = ["Condition", "as_column", "as_row", "level_index"]

Array: TypeAlias = Any

_TOLERANCE = (
    1e-4  # a level may differ by this share of itself: float32 rounds by 1e-7, sequences of levels descend by 1e-2
)


class Condition(NamedTuple):
    """The index of the noise level and the condition of each sample."""

    level: Any  # the row of the noise level: an int, or integers (n,)
    told: Array | None  # the class, integers (n,), or a vector (n, k)


def as_row(value: Any, like: Array, dtype: torch.dtype) -> Array:
    """One axis; a number is filled in where ``like`` is, which no device has to wait for."""
    return value.to(dtype).reshape(-1) if isinstance(value, torch.Tensor) else like.new_full((1,), value, dtype=dtype)


def as_column(sigma: Any) -> Any:
    """A level as it divides images: a number, or ``(n, 1, 1, 1)`` for ``(n,)``."""
    return sigma.reshape(-1, 1, 1, 1) if isinstance(sigma, torch.Tensor) else sigma


def level_index(sigma: Any, noise_levels: tuple[float, ...]) -> Any:
    """The index of the level next to ``sigma``: an int for a number, integers ``(1,)`` or ``(n,)`` for a tensor.

    Raises:
        ValueError: sigma differs from every level by more than 1e-4 of itself.
    """
    given = torch.as_tensor(sigma, dtype=torch.float64)
    gap, index = (given.log()[..., None] - _logarithms(noise_levels, given)).abs().min(dim=-1)
    if readable(given) and bool((gap > _TOLERANCE).any()):
        strange = float(given.reshape(-1)[gap.argmax()])
        shown = [f"{level:g}" for level in noise_levels]
        levels = ", ".join(shown if len(shown) <= 6 else [*shown[:2], "…", shown[-1]])
        raise InvalidValueError(
            f"sigma {strange:g} is not a noise level of this network: expected one of {levels}. Train and sample with "
            "these noise levels, or use a network for any sigma, for example NCSNv2."
        )
    return index.reshape(-1) if isinstance(sigma, torch.Tensor) else int(index)


def _logarithms(noise_levels: tuple[float, ...], like: Array) -> Array:
    """On the device of ``like``; a graph that is recorded there can fill numbers in, and not copy them."""
    logarithms = [math.log(level) for level in noise_levels]
    if readable(like):
        return torch.tensor(logarithms, dtype=like.dtype, device=like.device)
    return torch.cat([like.new_full((1,), value) for value in logarithms])
