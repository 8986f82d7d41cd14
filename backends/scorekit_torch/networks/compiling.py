"""Layers of the RefineNet in two forms of equal values: torch's own, and what its compiler makes the faster code from.

On a CPU the compiler takes torch's maximum pooling, interpolation and ELU in bfloat16 apart into slow loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch.nn import functional
from torch.nn.functional import interpolate, max_pool2d, pad

__all__ = ["elu", "enlarged", "max_pool"]

Array: TypeAlias = Any


def elu(x: Array) -> Array:
    """The positive as they are, exp(x) − 1 of the others."""
    if x.dtype != torch.bfloat16 or not torch.compiler.is_compiling():
        return functional.elu(x)
    wide = x.float()  # in which the difference is as good as expm1 for what is rounded to 8 bits
    return torch.where(wide > 0, wide, wide.clamp(max=0).exp() - 1).to(x.dtype)


def max_pool(x: Array) -> Array:
    """The largest of 5x5 pixels."""
    return _running_max(x) if torch.compiler.is_compiling() else max_pool2d(x, 5, 1, 2)


def _running_max(x: Array) -> Array:
    """Of two, of four, of five pixels; down, then across. Equal ones share a gradient that in torch the first takes."""
    h = pad(x, (2, 2, 2, 2), value=-torch.inf)
    for side in (2, 3):
        n = h.shape[side] - 4
        two = torch.maximum(h.narrow(side, 0, n + 3), h.narrow(side, 1, n + 3))
        four = torch.maximum(two.narrow(side, 0, n), two.narrow(side, 2, n))
        h = torch.maximum(four, h.narrow(side, 4, n))
    return h


def enlarged(x: Array, size: Sequence[int]) -> Array:
    """Bilinear interpolation to ``size``, the corners aligned."""
    if not torch.compiler.is_compiling():
        return interpolate(x, size=size, mode="bilinear", align_corners=True)
    n, c, h, w = x.shape
    down, across = (_hats(old, new, x) for old, new in zip((h, w), size, strict=True))
    y = down @ x.permute(0, 2, 3, 1).reshape(n, h, w * c)
    return (across @ y.reshape(n, size[0], w, c)).permute(0, 3, 1, 2)


def _hats(old: int, new: int, like: Array) -> Array:
    """The proportion of each of ``old`` pixels in each of ``new`` ones, ``(new, old)``."""
    wide = torch.promote_types(like.dtype, torch.float32)
    places = torch.linspace(0, old - 1, new, dtype=wide, device=like.device)
    return (1 - (places[:, None] - torch.arange(old, device=like.device)).abs()).clamp(min=0).to(like.dtype)
