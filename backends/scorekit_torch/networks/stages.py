"""The sizes of NCSN++: residual blocks at one size, on the way down and on the way up, with the image beside them."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.functional import silu

from scorekit_torch.networks.initial import Conv
from scorekit_torch.networks.resampling import HalvingConv, Resample
from scorekit_torch.networks.residual import Attention, Enlarge, GroupNorm, Halve, Residual, Style

__all__ = ["Contracting", "Expanding", "Head"]

Array: TypeAlias = Any


class Contracting(nn.Module):
    """Residual blocks at one size; then half the sides, where the image that was made smaller joins.

    Args:
        before: channels of the input.
        after: channels of the output.
        blocks: residual blocks.
        style: what all blocks share.
        attends: does attention follow every block?
        image: channels of the image, or of what came of it, that joins; None at the smallest size.
    """

    def __init__(self, before: int, after: int, blocks: int, style: Style, attends: bool, image: int | None) -> None:
        super().__init__()
        self.style = style
        self.blocks = nn.ModuleList(Residual(after if i else before, after, style) for i in range(blocks))
        self.attention = nn.ModuleList(Attention(after, style) for _ in range(blocks if attends else 0))
        if image is None:
            return
        self.halve = Residual(after, after, style, "halve") if style.block == "biggan" else Halve(after, style)
        if style.progressive_input == "input_skip":
            self.resample = Resample(style.fir)
            self.join: nn.Module = Conv(image, after, 1)
        elif style.progressive_input == "residual":
            self.join = HalvingConv(image, after, style.fir)

    def forward(self, h: Array, image: Array, embedded: Array) -> tuple[list[Array], Array]:
        """All that was made, the output last, and the image at the next size."""
        made = []
        for i, block in enumerate(self.blocks):
            h = block(h, embedded)
            if self.attention:
                h = self.attention[i](h)
            made.append(h)
        if hasattr(self, "halve"):
            h, image = self._joined(self.halve(h, embedded), image)
            made.append(h)
        return made, image

    def _joined(self, h: Array, image: Array) -> tuple[Array, Array]:
        if self.style.progressive_input == "input_skip":
            image = self.resample.halve(image)
            return h + self.join(image), image
        if self.style.progressive_input == "residual":
            h = self.style.sum(self.join(image), h)
            return h, h
        return h, image


class Head(nn.Module):
    """Group normalization, SiLU and a convolution to an image; it starts close to zero."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.norm = GroupNorm(before)
        self.conv = Conv(before, channels, scale=0.0)

    def forward(self, h: Array) -> Array:
        """``(n, before, h, w) -> (n, channels, h, w)``."""
        return self.conv(silu(self.norm(h)))


class Expanding(nn.Module):
    """Residual blocks at one size, each with one array of the way down beside its input; then twice the sides.

    Args:
        before: channels of the input.
        beside: channels of the arrays beside, the last made first; one block each.
        after: channels of the output.
        style: what all blocks share.
        attends: does attention follow the blocks?
        channels: of the image that this size adds to the output; None when the output is made at the full size only.
        full: is this the full size?
    """

    def __init__(
        self, before: int, beside: list[int], after: int, style: Style, attends: bool, channels: int | None, full: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Residual((after if i else before) + width, after, style) for i, width in enumerate(beside)
        )
        self.attention = nn.ModuleList(Attention(after, style) for _ in range(int(attends)))
        if channels is not None:
            self.resample = Resample(style.fir)
            self.head = Head(after, channels)
        if not full:
            self.enlarge = (
                Residual(after, after, style, "enlarge") if style.block == "biggan" else Enlarge(after, style)
            )

    def forward(
        self, h: Array, beside: list[Array], image: Array | None, embedded: Array
    ) -> tuple[Array, Array | None]:
        """The output, and the sum of the images up to this size; what is used of ``beside`` is taken from its end."""
        for block in self.blocks:
            h = block(torch.cat([h, beside.pop()], dim=1), embedded)
        for attention in self.attention:
            h = attention(h)
        if hasattr(self, "head"):
            image = self.head(h) if image is None else self.resample.enlarge(image) + self.head(h)
        return (self.enlarge(h, embedded) if hasattr(self, "enlarge") else h), image
