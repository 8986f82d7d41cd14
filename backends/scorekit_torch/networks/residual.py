"""The parts of NCSN++ (Song et al., 2021): embedding of sigma, residual blocks and attention."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn
from torch.nn.functional import batch_norm, dropout, silu

from scorekit_torch.networks.initial import Conv, Draws, Linear, Starting
from scorekit_torch.networks.resampling import HalvingConv, Resample

__all__ = ["Attention", "Enlarge", "GroupNorm", "Halve", "Residual", "SigmaEmbedding", "Style"]

Array: TypeAlias = Any

_HALF = math.sqrt(0.5)


class Style(NamedTuple):
    """Options of all blocks of a network."""

    embedded: int  # width of the embedding of sigma
    block: str
    fir: bool
    progressive_input: str
    skip_rescale: bool
    dropout: float

    def sum(self, a: Array, b: Array) -> Array:
        """Of two branches."""
        return (a + b) * _HALF if self.skip_rescale else a + b


class SigmaEmbedding(nn.Module, Starting):
    """Numbers that tell a level, and a condition, to every block: features of t, then two linear layers.

    ``"fourier"``: sin(2π W t), cos(2π W t) with W ~ N(0, scale²), drawn once. ``"positional"``: sin(ω_k t), cos(ω_k t)
    with ω_k = 10⁴^(−k/(K − 1)), k = 0, …, K − 1 (Vaswani et al., 2017).
    """

    def __init__(self, features: int, kind: str, scale: float, classes: int | None, condition_dim: int | None) -> None:
        super().__init__()
        self.features, self.scale = features, scale
        if kind == "fourier":
            self.frequencies = nn.Parameter(torch.empty(features), requires_grad=False)
        self.linear1 = Linear(2 * features if kind == "fourier" else features, 4 * features)
        self.linear2 = Linear(4 * features, 4 * features)
        if classes is not None:
            self.class_weight = nn.Parameter(torch.empty(classes + 1, 4 * features))
        if condition_dim is not None:
            self.tell = Linear(condition_dim, 4 * features)

    def start(self, draws: Draws) -> None:
        """The frequencies and the classes; the linear layers start by themselves."""
        if hasattr(self, "frequencies"):
            self.frequencies.copy_(self.scale * draws.normal(self.features))
        if hasattr(self, "class_weight"):
            self.class_weight.copy_(draws.normal(*self.class_weight.shape))

    def forward(self, t: Array, told: Array | None) -> Array:
        """``(n,)`` or ``(1,)`` to ``(…, 4 features)``, with the activation that every block applies to it."""
        h = self.linear2(silu(self.linear1(self._waves(t))))
        if told is not None:
            h = h + (self.class_weight[told] if told.ndim == 1 else self.tell(told.to(h.dtype)))
        return silu(h)

    def _waves(self, t: Array) -> Array:
        if hasattr(self, "frequencies"):
            phase = t[:, None] * self.frequencies * 2 * math.pi
        else:
            half = self.features // 2
            phase = t[:, None] * torch.exp(torch.arange(half, device=t.device) * (-math.log(1e4) / (half - 1)))
        return torch.cat([phase.sin(), phase.cos()], dim=1).to(self.linear1.weight.dtype)


class GroupNorm(nn.GroupNorm, Starting):
    """Group normalization with groups of four channels, or 32 groups where that is fewer."""

    def __init__(self, features: int) -> None:
        groups = next(g for g in range(min(features // 4, 32), 0, -1) if features % g == 0)
        super().__init__(groups, features, eps=1e-6)

    def start(self, _draws: Draws) -> None:
        """Nothing is changed at first."""
        self.weight.fill_(1.0)
        self.bias.zero_()

    def forward(self, x: Array) -> Array:
        """Shaped like ``x``. Torch's own group norm has no second derivative in a batch, which exact traces need."""
        rows = x.reshape(1, x.shape[0] * self.num_groups, -1, x.shape[3])
        y = batch_norm(rows, None, None, training=True, eps=self.eps).view(x.shape)
        return torch.addcmul(self.bias.to(y.dtype)[:, None, None], y, self.weight.to(y.dtype)[:, None, None])


class Residual(nn.Module):
    """Twice group normalization, SiLU and a 3x3 convolution, added to the input; the embedding is added in between.

    Args:
        before: channels of the input.
        after: channels of the output.
        style: what all blocks share.
        resample: how a BigGAN block resizes (Brock et al., 2019), ``"halve"`` or ``"enlarge"``; None for the same size.
    """

    def __init__(self, before: int, after: int, style: Style, resample: str | None = None) -> None:
        super().__init__()
        self.style, self.mode = style, resample
        self.norm1 = GroupNorm(before)
        self.conv1 = Conv(before, after)
        self.embed = Linear(style.embedded, after)
        self.norm2 = GroupNorm(after)
        self.conv2 = Conv(after, after, scale=0.0)
        if resample is not None:
            self.resample = Resample(style.fir)
        if before != after or resample is not None:
            self.shortcut = Conv(before, after, 1)

    def forward(self, x: Array, embedded: Array) -> Array:
        """``(n, after, h, w)``; ``embedded`` is ``(n, …)`` or ``(1, …)``."""
        h = silu(self.norm1(x))
        if self.mode is not None:
            resize = getattr(self.resample, self.mode)
            h, x = resize(h), resize(x)
        h = self.conv1(h) + self.embed(embedded)[:, :, None, None]
        h = self.conv2(dropout(silu(self.norm2(h)), self.style.dropout, self.training))
        return self.style.sum(self.shortcut(x) if hasattr(self, "shortcut") else x, h)


class Attention(nn.Module):
    """Attention between all pixels, one head, added to the input."""

    def __init__(self, features: int, style: Style) -> None:
        super().__init__()
        self.style = style
        self.norm = GroupNorm(features)
        self.query, self.key, self.value = (Conv(features, features, 1, scale=0.1) for _ in range(3))
        self.out = Conv(features, features, 1, scale=0.0)

    def forward(self, x: Array) -> Array:
        """Shaped like ``x``, ``(n, c, h, w)``."""
        h = self.norm(x)
        q, k, v = (project(h).flatten(2) for project in (self.query, self.key, self.value))
        # written out: the fused kernels have no second derivative
        weights = torch.softmax(q.transpose(1, 2) @ k * q.shape[1] ** -0.5, dim=2)
        return self.style.sum(x, self.out((v @ weights.transpose(1, 2)).reshape(x.shape)))


class Halve(nn.Module):
    """Half the sides by a convolution with stride 2, as DDPM does (Ho et al., 2020)."""

    def __init__(self, features: int, style: Style) -> None:
        super().__init__()
        self.conv = HalvingConv(features, features, style.fir)

    def forward(self, x: Array, _embedded: Array) -> Array:
        """``(n, c, h, w) -> (n, c, h/2, w/2)``."""
        return self.conv(x)


class Enlarge(nn.Module):
    """Twice the sides, then a convolution, as DDPM does."""

    def __init__(self, features: int, style: Style) -> None:
        super().__init__()
        self.resample = Resample(style.fir)
        self.conv = Conv(features, features)

    def forward(self, x: Array, _embedded: Array) -> Array:
        """``(n, c, h, w) -> (n, c, 2h, 2w)``."""
        return self.conv(self.resample.enlarge(x))
