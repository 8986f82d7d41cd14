"""Layers that take their first weights from a given stream of random numbers: ``layer.start(draws)``."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import torch
from torch import nn

from scorekit.learning import Zeros, as_rng
from scorekit.protocols import RngLike
from scorekit_torch.conversion import to_tensor
from scorekit_torch.random import TorchRng

__all__ = ["Conv", "Draws", "Linear", "Starting", "TorchConv", "start"]

Array: TypeAlias = Any

_NEARLY_ZERO = 1e-10  # a scale of zero would stop the gradient of the layers before


class Draws:
    """A stream of random numbers as tensors of one dtype on the CPU; another backend's stream is told nothing of it."""

    def __init__(self, rng: RngLike, dtype: torch.dtype, name: str) -> None:
        like = torch.empty(0, dtype=dtype)
        self._stream = as_rng(rng, like, name)
        self._like = like if isinstance(self._stream, TorchRng) else None

    def reserve(self, network: nn.Module) -> None:
        """Before the layers take memory: :class:`scorekit.learning.Zeros` refuses a network that is too large."""
        if isinstance(self._stream, Zeros):
            self._stream.reserve(sum(p.numel() for p in network.parameters()))

    def normal(self, *shape: int) -> Array:
        """Independent standard normals."""
        return to_tensor(self._stream.normal(shape, self._like))

    def symmetric(self, *shape: int) -> Array:
        """Uniform on [−1, 1)."""
        return 2 * to_tensor(self._stream.uniform(shape, self._like)) - 1


@torch.no_grad()
def start(network: nn.Module, draws: Draws) -> None:
    """Give every layer its first weights."""
    for layer in network.modules():
        if isinstance(layer, Starting):
            layer.start(draws)


class Starting(ABC):
    """A layer that knows where its weights start."""

    @abstractmethod
    def start(self, draws: Draws) -> None:
        """Fill the weights that are the layer's own."""


class TorchConv(nn.Conv2d, Starting):
    """A convolution at the same size whose weights start where torch starts them."""

    def __init__(self, before: int, after: int, kernel: int = 3, *, dilation: int = 1, bias: bool = True) -> None:
        super().__init__(before, after, kernel, padding=kernel // 2 * dilation, dilation=dilation, bias=bias)

    def start(self, draws: Draws) -> None:
        """Weights and biases uniform in ±1/√fan_in."""
        for values in (self.weight, self.bias):
            if values is not None:
                _fill(values, self.weight[0].numel() ** -0.5, draws)


class Conv(nn.Conv2d, Starting):
    """A convolution with the variance of Glorot and Bengio (2010) times ``scale``, and a bias that starts at zero."""

    def __init__(self, before: int, after: int, kernel: int = 3, *, scale: float = 1.0, stride: int = 1) -> None:
        super().__init__(before, after, kernel, stride=stride, padding=kernel // 2 if stride == 1 else 0)
        self.scale = scale

    def start(self, draws: Draws) -> None:
        """Weights uniform in ±√(6 scale / (fan_in + fan_out))."""
        _start(self, self.scale, draws)


class Linear(nn.Linear, Starting):
    """A linear layer."""

    def start(self, draws: Draws) -> None:
        """Weights uniform in ±√(6 / (fan_in + fan_out))."""
        _start(self, 1.0, draws)


def _start(layer: Any, scale: float, draws: Draws) -> None:
    shape = layer.weight.shape
    fans = (shape[0] + shape[1]) * math.prod(shape[2:])
    _fill(layer.weight, math.sqrt(6 * max(scale, _NEARLY_ZERO) / fans), draws)
    layer.bias.zero_()


def _fill(values: Array, bound: float, draws: Draws) -> None:
    values.copy_(bound * draws.symmetric(*values.shape))
