"""NCSN++, the U-Net of Song et al. (2021), from toy sizes to the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import torch
from torch import nn

from scorekit.errors import InvalidTypeError, InvalidValueError
from scorekit.learning import check_count, check_number, check_option, check_positive
from scorekit.noise import Geometric, Levels, as_levels
from scorekit.protocols import RngLike
from scorekit_torch.networks._image import ImageNetwork
from scorekit_torch.networks.initial import Conv
from scorekit_torch.networks.levels import Condition, as_column, as_row
from scorekit_torch.networks.processes import PROCESSES, Variance, check_betas, times_of
from scorekit_torch.networks.residual import Attention, Residual, SigmaEmbedding, Style
from scorekit_torch.networks.stages import Contracting, Expanding, Head

__all__ = ["UNet"]

Array: TypeAlias = Any

_POSITIONAL = 250.0  # positional waves are made for t up to a thousand: 250 log(sigma) is of that order
_BLOCKS_AT_MOST = 1000  # far above any published network


class UNet(ImageNetwork):
    """Residual blocks on a pyramid of sizes, with an embedding of log(sigma) and attention.

    Made for ``sk.models.Preconditioned(net, sigma_data, "edm")``, which gives input and output their scale. As
    published for VE it is ``UNet(3, 128, (1, 2, 2, 2), 4, fir=True, progressive_input="residual", fourier_scale=16.0,
    divide_by_sigma=True, rescale=True)``.

    Args:
        channels: number of image channels, 1 to 4.
        base_channels: F, width of the first size, a multiple of 4, >= 8.
        channel_mult: width of each size in units of F, the full size first; the sides of an image are multiples of
            2^(sizes − 1).
        num_res_blocks: residual blocks a size, >= 1; at most 1000 in all.
        attention: sizes with attention, 0 the full one: for 32x32 images 1 is 16x16. The smallest size has it anyway.
        block: ``"biggan"`` blocks, that resize themselves, or ``"ddpm"``.
        fir: resize with the filter (1, 3, 3, 1) in place of means and copies.
        progressive_input: the image, made smaller, enters every size: through a 1x1 convolution (``"input_skip"``),
            through a chain of convolutions (``"residual"``), or not (``"none"``).
        progressive_output: the output is the sum of one image a size (``"output_skip"``), or not (``"none"``).
        skip_rescale: sums of two branches are divided by √2.
        embedding: ``"fourier"`` features of log(sigma), or ``"positional"`` ones of 250 log(sigma).
        fourier_scale: standard deviation of the frequencies, > 0.
        noise: a sequence of levels, whose index is embedded in place of log(sigma); sigma must be one of its levels
            then.
        dropout: dropout probability in training, in [0, 1).
        divide_by_sigma: whether the output is divided by sigma.
        process: ``"ve"`` for a network that is told sigma. For the others the layers predict the noise, as DDPM does:
            s(x, sigma) = −F(a x, t) / sigma with the a(t) and t of the process whose noise relative to the data is
            sigma, so images are in [−1, 1]. ``"vp"`` and ``"subvp"`` embed 999 t, t in [0, 1]; ``"ddpm"`` embeds the
            step of 0, …, 999, linear in log sigma between two steps. They need ``embedding="positional"``.
        betas: β(0) and β(1) of such a process.
        classes: the number of classes of a condition ``(n,)``; None for no labels.
        condition_dim: the dimension k of a condition ``(n, k)``; None for no vectors.
        rescale: True for images in [0, 1], which are then mapped to [−1, 1].
        precision: ``"float32"``, ``"float64"``, or ``"bfloat16"`` for autocast inside; weights, input and output are
            float32 then.
        rng: an Rng, a seed or None; weights start as published: the output is nearly zero.

    Reference: Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, Score-Based Generative Modeling through Stochastic
    Differential Equations, 2021, arXiv:2011.13456.

    >>> import torch
    >>> net = UNet(1, base_channels=8, channel_mult=(1, 2), num_res_blocks=1)
    >>> net(torch.zeros(2, 1, 8, 8), 0.1).shape
    torch.Size([2, 1, 8, 8])
    """

    _arguments: ClassVar = (
        *(
            "channels",
            "base_channels",
            "channel_mult",
            "num_res_blocks",
            "attention",
            "block",
            "fir",
            "progressive_input",
        ),
        *("progressive_output", "skip_rescale", "embedding", "fourier_scale", "noise", "dropout", "divide_by_sigma"),
        *("process", "betas"),
        *("classes", "condition_dim", "rescale", "precision"),
    )

    def __init__(
        self,
        channels: int,
        base_channels: int = 64,
        channel_mult: Sequence[int] = (1, 2, 2),
        num_res_blocks: int = 2,
        attention: Sequence[int] = (1,),
        *,
        block: str = "biggan",
        fir: bool = False,
        progressive_input: str = "none",
        progressive_output: str = "none",
        skip_rescale: bool = True,
        embedding: str = "fourier",
        fourier_scale: float = 1.0,
        noise: Geometric | Levels | Sequence[float] | None = None,
        dropout: float = 0.0,
        divide_by_sigma: bool = False,
        process: str = "ve",
        betas: Sequence[float] = (0.1, 20.0),
        classes: int | None = None,
        condition_dim: int | None = None,
        rescale: bool = False,
        precision: str = "float32",
        rng: RngLike = 0,
    ) -> None:
        super().__init__(channels, classes, condition_dim, rescale, precision)
        self.base_channels = check_count(base_channels, "base_channels", 8)
        if base_channels % 4:
            raise InvalidValueError(
                f"base_channels is {base_channels}: expected a multiple of 4, the width of a group."
            )
        self.channel_mult = _counts(channel_mult, "channel_mult", 1)
        self.divisor = 2 ** (len(self.channel_mult) - 1)
        self.num_res_blocks = check_count(num_res_blocks, "num_res_blocks")
        if len(self.channel_mult) * self.num_res_blocks > _BLOCKS_AT_MOST:
            raise InvalidValueError(
                f"num_res_blocks is {num_res_blocks} at each of {len(self.channel_mult)} resolutions: expected at most "
                f"{_BLOCKS_AT_MOST} blocks in all."
            )
        self.attention = self._checked_sizes(attention)
        self.block = _option(block, "block", "biggan", "ddpm")
        self.fir = _flag(fir, "fir")
        self.progressive_input = _option(progressive_input, "progressive_input", "none", "input_skip", "residual")
        self.progressive_output = _option(progressive_output, "progressive_output", "none", "output_skip")
        self.skip_rescale = _flag(skip_rescale, "skip_rescale")
        self.embedding = _option(embedding, "embedding", "fourier", "positional")
        self.divide_by_sigma = _flag(divide_by_sigma, "divide_by_sigma")
        self.fourier_scale = check_positive(fourier_scale, "fourier_scale")
        self.noise = None if noise is None else tuple(as_levels(noise).sigmas.tolist())
        self.dropout = check_number(dropout, "dropout")
        if not 0 <= self.dropout < 1:
            raise InvalidValueError(f"dropout is {dropout}: expected a proportion in [0, 1).")
        self.process = _option(process, "process", *PROCESSES)
        self.betas = check_betas(betas)
        self._times = times_of(self.process, self.betas)
        self._is_time = self._times is not None
        if self._is_time and (self.embedding != "positional" or self.noise is not None or self.divide_by_sigma):
            raise InvalidValueError(
                f"process is {process!r}: expected embedding='positional', and neither noise nor divide_by_sigma, "
                "because such a network is told a time."
            )
        self._build(rng)

    def _checked_sizes(self, attention: Any) -> tuple[int, ...]:
        sizes = _counts(attention, "attention", 0)
        if any(size >= len(self.channel_mult) for size in sizes):
            raise InvalidValueError(
                f"attention is {attention!r}: expected sizes from 0, the full one, to {len(self.channel_mult) - 1}, as "
                "there are entries of channel_mult."
            )
        return sizes

    def _lay_out(self) -> None:
        style = Style(
            4 * self.base_channels, self.block, self.fir, self.progressive_input, self.skip_rescale, self.dropout
        )
        self.embed = SigmaEmbedding(
            self.base_channels, self.embedding, self.fourier_scale, self.classes, self.condition_dim
        )
        self.first = Conv(self.channels, self.base_channels)
        self.down = nn.ModuleList()
        widths, image, skips = [self.base_channels * m for m in self.channel_mult], self.channels, [self.base_channels]
        for i, width in enumerate(widths):
            last = i == len(widths) - 1
            attends = i in self.attention
            self.down.append(
                Contracting(skips[-1], width, self.num_res_blocks, style, attends, None if last else image)
            )
            skips += [width] * (self.num_res_blocks + (not last))
            image = width if self.progressive_input == "residual" else image
        before = widths[-1]
        self.middle1, self.attend = Residual(before, before, style), Attention(before, style)
        self.middle2 = Residual(before, before, style)
        self.up = nn.ModuleList()
        for i, width in reversed(list(enumerate(widths))):
            beside = [skips.pop() for _ in range(self.num_res_blocks + 1)]
            shown = self.channels if self.progressive_output == "output_skip" else None
            self.up.append(Expanding(before, beside, width, style, i in self.attention, shown, full=i == 0))
            before = width
        if self.progressive_output == "none":
            self.head = Head(before, self.channels)

    def _output(self, h: Array, sigma: Any, at: Condition) -> Array:
        embedded = self.embed(self._embedded(sigma, at, h), at.told)
        image, made = h, [self.first(h)]
        for down in self.down:
            new, image = down(made[-1], image, embedded)
            made += new
        h = self.middle2(self.attend(self.middle1(made[-1], embedded)), embedded)
        image = None
        for up in self.up:
            h, image = up(h, made, image, embedded)
        output = self.head(h) if image is None else image
        if self._is_time:
            return -output / as_column(sigma)
        return output / as_column(sigma) if self.divide_by_sigma else output

    @property
    def time_levels(self) -> tuple[float, float] | None:
        """The levels at the first and last time of the training of such a process; None for ``"ve"``."""
        if self._times is None:
            return None
        return (self._times.at(1e-5) if isinstance(self._times, Variance) else self._times.lowest), self._times.highest

    def _place(self, level: Any) -> Any:
        return super()._place(level) if self._times is None else self._times(level)

    def _scaled(self, h: Array, sigma: Any) -> Array:
        if self._times is None:
            return h
        level = as_row(sigma, h, torch.promote_types(h.dtype, torch.float32))  # whose square may be large
        return h * as_column(self._times.scale(level)).to(h.dtype)

    def _embedded(self, sigma: Any, at: Condition, h: Array) -> Array:
        """What is embedded, ``(n,)``, or ``(1,)`` when all samples share it."""
        wide = torch.promote_types(h.dtype, torch.float32)  # half precision knows a step of a thousand to one half
        if self.noise is not None or self._is_time:
            return as_row(at.level, h, wide)
        t = as_row(sigma, h, wide).log()
        return t if self.embedding == "fourier" else _POSITIONAL * t


def _option(value: str, name: str, *known: str) -> str:
    check_option(value, name, known)
    return value


def _flag(value: bool, name: str) -> bool:
    check_option(value, name, (True, False))
    return bool(value)


def _counts(values: Any, name: str, minimum: int) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)):
        raise InvalidTypeError(f"{name} is {values!r}: expected a sequence of integers, as (1, 2, 2).")
    if not values and minimum:
        raise InvalidValueError(f"{name} is empty: expected one integer a size, as (1, 2, 2).")
    return tuple(check_count(value, f"an entry of {name}", minimum) for value in values)
