"""The noise-conditional score network of Song and Ermon (2019)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, TypeAlias

import torch

from scorekit.learning import check_count
from scorekit.noise import Geometric, Levels, as_levels
from scorekit.protocols import RngLike
from scorekit_torch.networks._image import ImageNetwork
from scorekit_torch.networks.levels import Condition
from scorekit_torch.networks.normalization import InstanceNormPlus
from scorekit_torch.networks.refinenet import Parts, RefineNet, check_depth, mean_pool

__all__ = ["NCSN"]

Array: TypeAlias = Any


class NCSN(ImageNetwork):
    """A RefineNet with dilated convolutions and instance normalization++, conditional on the index of the noise level.

    Every normalization has separate weights for each noise level, so sigma must be one of these levels. The output is
    the score itself, not divided by sigma.

    Args:
        channels: number of image channels, 1 to 4.
        noise: the noise levels, or a sequence of numbers from the largest to the smallest.
        base_channels: width of the first stage, >= 2; 128 for CIFAR-10 and 64 for MNIST in the paper.
        depth: stages, 4, 5 or 6. The sides of an image are multiples of 2, 4 or 8.
        classes: the number of classes of a condition ``(n,)``; None for no labels.
        condition_dim: the dimension k of a condition ``(n, k)``; None for no vectors.
        rescale: True for images in [0, 1], which are then mapped to [−1, 1].
        precision: ``"float32"``, ``"float64"``, or ``"bfloat16"`` for autocast inside; weights, input and output are
            float32 then.
        rng: an Rng, a seed or None; weights start as published.

    Reference: Song, Ermon, Generative Modeling by Estimating Gradients of the Data Distribution, 2019,
    arXiv:1907.05600.

    >>> import torch
    >>> net = NCSN(1, noise=[1.0, 0.1], base_channels=4)
    >>> net(torch.zeros(2, 1, 8, 8), 0.1).shape
    torch.Size([2, 1, 8, 8])
    """

    memory_format = torch.channels_last  # in which a convolution rearranges nothing on a CPU
    noise: tuple[float, ...]
    _arguments: ClassVar = (
        "channels",
        "noise",
        "base_channels",
        "depth",
        "classes",
        "condition_dim",
        "rescale",
        "precision",
    )

    def __init__(
        self,
        channels: int,
        noise: Geometric | Levels | Sequence[float],
        base_channels: int = 64,
        depth: int = 4,
        *,
        classes: int | None = None,
        condition_dim: int | None = None,
        rescale: bool = True,
        precision: str = "float32",
        rng: RngLike = 0,
    ) -> None:
        super().__init__(channels, classes, condition_dim, rescale, precision)
        self.noise = tuple(as_levels(noise).sigmas.tolist())
        self.base_channels = check_count(base_channels, "base_channels", 2)
        self.depth = check_depth(depth)
        self._build(rng)

    def _lay_out(self) -> None:
        norm = partial(InstanceNormPlus, levels=len(self.noise), classes=self.classes, condition_dim=self.condition_dim)
        self.net = RefineNet(self.channels, self.base_channels, self.depth, Parts(norm, norm, mean_pool))

        self.divisor = self.net.divisor

    def _output(self, h: Array, _sigma: Any, at: Condition) -> Array:
        return self.net(h, at)
