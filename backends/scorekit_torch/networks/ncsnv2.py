"""The score network of Song and Ermon (2020), whose output is divided by sigma."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, TypeAlias

import torch

from scorekit.learning import check_count
from scorekit.protocols import RngLike
from scorekit_torch.networks._image import ImageNetwork
from scorekit_torch.networks.compiling import max_pool
from scorekit_torch.networks.levels import Condition, as_column
from scorekit_torch.networks.normalization import InstanceNormPlus, Unnormalized
from scorekit_torch.networks.refinenet import Parts, RefineNet, check_depth

__all__ = ["NCSNv2"]

Array: TypeAlias = Any


class NCSNv2(ImageNetwork):
    """A RefineNet without sigma as an input: s(x, sigma) = F(x) / sigma (Technique 3 of the paper).

    It has instance normalization++ in the encoder only, and max pooling in the refinement. Any sigma > 0 is valid.

    Args:
        channels: number of image channels, 1 to 4.
        base_channels: width of the first stage, >= 2; 128 in the paper.
        depth: stages. 4 for CIFAR-10 and CelebA 64x64, 5 for LSUN, 6 for FFHQ in the paper. The sides of an image are
            multiples of 2, 4 or 8.
        classes: the number of classes of a condition ``(n,)``; None for no labels.
        condition_dim: the dimension k of a condition ``(n, k)``; None for no vectors.
        rescale: True for images in [0, 1], which are then mapped to [−1, 1].
        precision: ``"float32"``, ``"float64"``, or ``"bfloat16"`` for autocast inside; weights, input and output are
            float32 then.
        rng: an Rng, a seed or None; weights start as published.

    Reference: Song, Ermon, Improved Techniques for Training Score-Based Generative Models, 2020,
    arXiv:2006.09011.

    >>> import torch
    >>> net = NCSNv2(3, base_channels=4)
    >>> net(torch.zeros(2, 3, 8, 8), 0.1).shape
    torch.Size([2, 3, 8, 8])
    """

    memory_format = torch.channels_last  # in which a convolution rearranges nothing on a CPU
    _arguments: ClassVar = ("channels", "base_channels", "depth", "classes", "condition_dim", "rescale", "precision")

    def __init__(
        self,
        channels: int,
        base_channels: int = 128,
        depth: int = 4,
        *,
        classes: int | None = None,
        condition_dim: int | None = None,
        rescale: bool = True,
        precision: str = "float32",
        rng: RngLike = 0,
    ) -> None:
        super().__init__(channels, classes, condition_dim, rescale, precision)
        self.base_channels = check_count(base_channels, "base_channels", 2)
        self.depth = check_depth(depth)
        self._build(rng)

    def _lay_out(self) -> None:
        parts = Parts(
            partial(InstanceNormPlus, classes=self.classes, condition_dim=self.condition_dim),
            lambda _: Unnormalized(),
            max_pool,
        )
        self.net = RefineNet(self.channels, self.base_channels, self.depth, parts)

        self.divisor = self.net.divisor

    def _output(self, h: Array, sigma: Any, at: Condition) -> Array:
        output = self.net(h, at).to(torch.promote_types(h.dtype, torch.float32))
        return output / as_column(sigma)
