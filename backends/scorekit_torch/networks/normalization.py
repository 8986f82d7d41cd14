"""Instance normalization++ (Song and Ermon, 2019), with a row of weights for each noise level and condition."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.functional import layer_norm

from scorekit_torch.networks.initial import Draws, Starting
from scorekit_torch.networks.levels import Condition

__all__ = ["InstanceNormPlus", "Unnormalized"]

Array: TypeAlias = Any

_EPS = 1e-5
_SPREAD = 0.02  # of the first weights, as published


class InstanceNormPlus(nn.Module, Starting):
    """Each channel standardized over its pixels, and what that takes away, the means, standardized over the channels.

    With μ_k and v_k the mean and variance of channel k over the pixels, m and s² the mean and unbiased variance of
    the μ_k: y_k = γ_k ((x_k − μ_k)/√(v_k + ε) + α_k (μ_k − m)/√(s² + ε)) + β_k, ε = 1e-5.

    Args:
        features: channels C >= 2.
        levels: noise levels, each with γ, α and β of its own.
        classes: class weights are added to those of the level, one row a class and one for no class.
        condition_dim: a linear map of the condition is added to them.

    Reference: Song, Ermon, Generative Modeling by Estimating Gradients of the Data Distribution, 2019,
    arXiv:1907.05600.
    """

    def __init__(
        self, features: int, levels: int = 1, classes: int | None = None, condition_dim: int | None = None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(levels, 3 * features))  # a row is γ, α, β
        if classes is not None:
            self.class_weight = nn.Parameter(torch.empty(classes + 1, 3 * features))
        if condition_dim is not None:
            self.condition_weight = nn.Parameter(torch.empty(condition_dim, 3 * features))

    def start(self, draws: Draws) -> None:
        """γ and α near one, β zero; a class differs a little from another."""
        scales = 2 * self.weight.shape[1] // 3
        self.weight.zero_()[:, :scales] = 1 + _SPREAD * draws.normal(len(self.weight), scales)
        if hasattr(self, "class_weight"):
            self.class_weight.copy_(_SPREAD * draws.normal(*self.class_weight.shape))
        if hasattr(self, "condition_weight"):
            self.condition_weight.copy_(_SPREAD * draws.normal(*self.condition_weight.shape))

    def _rows(self, at: Condition, n: int) -> Array:
        rows = self.weight[at.level]
        if at.told is not None:
            rows = rows + (self.class_weight[at.told] if at.told.ndim == 1 else at.told @ self.condition_weight)
        return rows.expand(n, -1)

    def forward(self, x: Array, at: Condition) -> Array:
        """Like ``x``, ``(n, C, h, w)``, and as it lies in memory."""
        gamma, alpha, beta = self._rows(at, len(x)).chunk(3, dim=1)
        wide = x.to(gamma.dtype)  # half precision would round what tells two channels apart
        # any number would do for each channel: one of its pixels keeps v_k from canceling in the squares
        pivot = wide[:, :, :1, :1].detach()
        pixels, heights = wide - pivot, (pivot - pivot[:, :1]).flatten(1)
        own = torch.compiler.is_compiling()  # a compiler finds the gradient in one pass by itself
        mean, square = (_Moments.forward if own else _Moments.apply)(pixels)
        scale = gamma * torch.rsqrt(square - mean.square() + _EPS)
        shift = beta + gamma * alpha * _standardized(mean + heights) - mean * scale
        return _affine(pixels, scale, shift).to(x.dtype)


def _affine(x: Array, scale: Array, shift: Array) -> Array:
    """``scale * x + shift``, ``(n, C)`` each."""
    return x * scale[:, :, None, None] + shift[:, :, None, None]


def _standardized(means: Array) -> Array:
    """(μ_k − m)/√(s² + ε): layer normalization, but that s² divides by C − 1 and that by C."""
    c = means.shape[1]
    return (1 - 1 / c) ** 0.5 * layer_norm(means, (c,), eps=(1 - 1 / c) * _EPS)


class _Moments(torch.autograd.Function):
    """The mean over the pixels and the mean of their squares, ``(n, C)`` each; one pass finds the gradient of both."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Array) -> tuple[Array, Array]:
        return x.mean((2, 3)), (x * x).mean((2, 3))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Array], _output: tuple[Array, Array]) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, by_mean: Array, by_square: Array) -> Array:
        (x,) = ctx.saved_tensors
        share = 1 / x[0, 0].numel()
        return _affine(x, 2 * share * by_square, share * by_mean)

    @staticmethod
    def jvp(ctx: Any, tangent: Array) -> tuple[Array, Array]:
        (x,) = ctx.saved_tensors
        return tangent.mean((2, 3)), 2 * (x * tangent).mean((2, 3))


class Unnormalized(nn.Module):
    """The place of a normalization that is not there."""

    def forward(self, x: Array, _at: Condition) -> Array:
        """``x`` itself."""
        return x
