"""Instance normalisation++ (Song and Ermon, 2019), with a row of weights for each noise level and class."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn
from torch.nn.functional import batch_norm

from scorekit_torch.networks.initial import Draws, Starting

__all__ = ["Condition", "InstanceNormPlus", "Unnormalized"]

Array: TypeAlias = Any

_EPS = 1e-5
_SPREAD = 0.02  # of the first weights, as published


class Condition(NamedTuple):
    """What a layer must know beside its input."""

    level: Any  # the row of the noise level: an int, or integers (n,)
    label: Array | None  # the class, integers (n,)
    memory_format: torch.memory_format = torch.contiguous_format  # of the network


class InstanceNormPlus(nn.Module, Starting):
    """Each channel standardised over its pixels, and what that takes away, the means, standardised over the channels.

    With μ_k and v_k the mean and variance of channel k over the pixels, m and s² the mean and unbiased variance of
    the μ_k: y_k = γ_k ((x_k − μ_k)/√(v_k + ε) + α_k (μ_k − m)/√(s² + ε)) + β_k, ε = 1e-5.

    Args:
        features: channels C >= 2.
        levels: noise levels, each with γ, α and β of its own.
        classes: class weights are added to those of the level, one row a class and one for no class.

    Reference: Song, Ermon, Generative Modeling by Estimating Gradients of the Data Distribution, 2019.
    """

    def __init__(self, features: int, levels: int = 1, classes: int | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(levels, 3 * features))  # a row is γ, α, β
        if classes is not None:
            self.class_weight = nn.Parameter(torch.empty(classes + 1, 3 * features))

    def start(self, draws: Draws) -> None:
        """γ and α near one, β zero; a class differs a little from another."""
        scales = 2 * self.weight.shape[1] // 3
        self.weight.zero_()[:, :scales] = 1 + _SPREAD * draws.normal(len(self.weight), scales)
        if hasattr(self, "class_weight"):
            self.class_weight.copy_(_SPREAD * draws.normal(*self.class_weight.shape))

    def _rows(self, at: Condition, n: int) -> Array:
        rows = self.weight[at.level]
        if at.label is not None:
            rows = rows + self.class_weight[at.label]
        return rows.expand(n, -1)

    def forward(self, x: Array, at: Condition) -> Array:
        """Shaped like ``x``, ``(n, C, h, w)``."""
        n, c = x.shape[:2]
        gamma, alpha, beta = self._rows(at, n).chunk(3, dim=1)
        if at.memory_format == torch.channels_last and not torch.compiler.is_compiling():  # which chooses by itself
            x = _Rearranged.apply(x)  # type: ignore[no-untyped-call]
        means = x.sum((2, 3), dtype=gamma.dtype) / x[0, 0].numel()  # whose gradient is a view; that of a mean is not
        spread, middle = torch.var_mean(means, dim=1, keepdim=True)
        shift = beta + gamma * alpha * ((means - middle) * torch.rsqrt(spread + _EPS))
        # standardising and the affine map in one pass: the channels of all samples as those of one
        rows = x.reshape(1, n * c, *x.shape[2:])
        y = batch_norm(rows, None, None, gamma.reshape(-1), shift.reshape(-1), training=True, eps=_EPS)
        return y.view(x.shape).contiguous(memory_format=at.memory_format)


class _Rearranged(torch.autograd.Function):
    """The same images as ``(n, c, h, w)`` in memory, with a gradient that lies as ``(n, h, w, c)``.

    Images that lie so have gradients of other branches that lie so too; adding up two orders takes ten times as long.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Array) -> Array:
        return x.contiguous()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Array], output: Array) -> None:
        pass

    @staticmethod
    def backward(_ctx: Any, g: Array) -> Array:
        return g.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)

    @staticmethod
    def jvp(_ctx: Any, tangent: Array) -> Array:
        return tangent.contiguous()


class Unnormalized(nn.Module):
    """The place of a normalisation that is not there."""

    def forward(self, x: Array, _at: Condition) -> Array:
        """``x`` itself."""
        return x
