"""Half and double the sides of images: by means and copies of pixels, or by a filter that does not alias."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate, pad

from scorekit_torch.networks.initial import Conv, Draws, Starting

__all__ = ["HalvingConv", "Resample"]

Array: TypeAlias = Any

_TAPS = (1.0, 3.0, 3.0, 1.0)  # of the filter along each axis, up to their sum


class Resample(nn.Module, Starting):
    """``halve`` and ``enlarge`` without weights.

    Args:
        fir: the separable filter (1, 3, 3, 1) of StyleGAN2 with zeros outside the image, in place of the means of 2x2
            pixels and of copies.
    """

    def __init__(self, fir: bool) -> None:
        super().__init__()
        self.fir = fir
        self.kernel: Array
        if fir:
            self.register_buffer("kernel", torch.empty(4, 4), persistent=False)

    def start(self, _draws: Draws) -> None:
        """The filter, with sum one; it has no weights to draw."""
        if self.fir:
            taps = torch.tensor(_TAPS, dtype=self.kernel.dtype) / sum(_TAPS)
            self.kernel.copy_(taps[:, None] * taps)

    def _kernels(self, x: Array) -> Array:
        return self.kernel.expand(x.shape[1], 1, 4, 4)

    def halve(self, x: Array) -> Array:
        """``(n, c, h, w) -> (n, c, h/2, w/2)``."""
        return conv2d(x, self._kernels(x), stride=2, padding=1, groups=x.shape[1]) if self.fir else avg_pool2d(x, 2)

    def enlarge(self, x: Array) -> Array:
        """``(n, c, h, w) -> (n, c, 2h, 2w)``."""
        if not self.fir:
            return interpolate(x, scale_factor=2, mode="nearest")
        return conv_transpose2d(x, 4 * self._kernels(x), stride=2, padding=1, groups=x.shape[1])

    def smooth(self, x: Array) -> Array:
        """Filtered at the same size, with one more row and column: ``(n, c, h, w) -> (n, c, h + 1, w + 1)``."""
        return conv2d(x, self._kernels(x), padding=2, groups=x.shape[1])


class HalvingConv(nn.Module):
    """A 3x3 convolution with stride 2, after the filter where there is one."""

    def __init__(self, before: int, after: int, fir: bool) -> None:
        super().__init__()
        self.conv = Conv(before, after, stride=2)
        self.resample = Resample(fir)

    def forward(self, x: Array) -> Array:
        """``(n, before, h, w) -> (n, after, h/2, w/2)``."""
        return self.conv(self.resample.smooth(x) if self.resample.fir else pad(x, (0, 1, 0, 1)))
