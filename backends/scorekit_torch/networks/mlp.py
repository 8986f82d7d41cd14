"""A multilayer perceptron as a score network, for low-dimensional data: the NumPy backend's, as a module."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.functional import gelu, one_hot

from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.learning import (
    Conditional,
    Conditions,
    Zeros,
    as_rng,
    as_sigma,
    check_batch,
    check_count,
    check_option,
    event_size,
    expand,
    refuse_other_framework,
)
from scorekit.protocols import RngLike
from scorekit.registry import array_namespace
from scorekit_torch.conversion import as_dtype, to_tensor
from scorekit_torch.random import TorchRng

__all__ = ["MLP"]

Array: TypeAlias = Any

_SIGMA_SCALE = 0.25  # log(sigma) / 4 keeps the noise input of the order of one over four decades
_LAST_LAYER = 0.1  # the network starts close to zero, where every objective is well behaved


class MLP(Conditional, nn.Module):
    """A score network for samples of dimension ``dim``: linear layers with GELU activations.

    A network conditional on sigma has ``log(sigma) / 4`` as an additional input; otherwise sigma is ignored. With
    ``condition_dim``, the vector of each sample is an additional input; with ``classes``, its one-hot label.
    Wrap it in ``sk.models.Preconditioned`` to scale its output to the score at each noise level.
    Names and shapes of the parameters equal those of ``scorekit_numpy.MLP``, so weights can be copied by name.

    Args:
        dim: the dimension of one sample, d >= 1. Samples of shape ``(n, *event)`` are flattened.
        hidden: widths of the hidden layers.
        conditional: whether the score depends on sigma.
        condition_dim: the dimension k of a condition ``(n, k)``; None for no vectors. Zeros mean no condition.
        classes: the number of classes of a condition ``(n,)``; None for no labels. The label ``classes`` means no
            condition.
        dtype: ``"float32"`` or ``"float64"``; ``fit`` trains a copy in the dtype of the data. ``"bfloat16"`` and
            ``"float16"`` are for the weights only; such data raise an error.
        rng: an Rng, a seed or None; initial weights are N(0, 1/fan_in) (smaller in the last layer), biases zero.

    >>> MLP(2, hidden=(16,))(torch.zeros(5, 2), 0.1).shape
    torch.Size([5, 2])
    """

    per_sample = False  # sigma may be a number or an array (n,)

    def __init__(
        self,
        dim: int,
        hidden: Sequence[int] = (128, 128, 128),
        *,
        conditional: bool = True,
        condition_dim: int | None = None,
        classes: int | None = None,
        dtype: str = "float32",
        rng: RngLike = 0,
    ) -> None:
        super().__init__()
        if not isinstance(hidden, (tuple, list)):
            raise InvalidTypeError(f"hidden is {hidden!r}: expected a sequence of widths, for example (128, 128).")
        self.dim = check_count(dim, "dim")
        self.hidden = tuple(check_count(width, "hidden width") for width in hidden)
        check_option(conditional, "conditional", (True, False))
        self.conditional = bool(conditional)
        self._conditions = Conditions(classes, condition_dim)
        told = (self.condition_dim or 0) + (0 if self.classes is None else self.classes + 1)
        widths = (self.dim + self.conditional + told, *self.hidden, self.dim)
        if isinstance(rng, Zeros):
            rng.reserve(sum(a * b + b for a, b in pairwise(widths)))
        self.layers = nn.ModuleList(_empty_layer(a, b, as_dtype(dtype, half=True)) for a, b in pairwise(widths))
        self._start(rng)

    @torch.no_grad()
    def _start(self, rng: RngLike) -> None:
        drawn = self._weight(0).new_empty((0,), dtype=torch.promote_types(self._weight(0).dtype, torch.float32))
        stream = as_rng(rng, drawn, type(self).__name__)
        for i in range(len(self.layers)):
            weight = self._weight(i)
            scale = weight.shape[1] ** -0.5 * (_LAST_LAYER if i == len(self.hidden) else 1.0)
            like = drawn if isinstance(stream, TorchRng) else None  # another backend's Rng knows no tensors
            weight.copy_(scale * to_tensor(stream.normal(tuple(weight.shape), like)))
            self._bias(i).zero_()

    def __repr__(self) -> str:
        return f"MLP({', '.join(f'{self.dim}' if k == 'dim' else f'{k}={v!r}' for k, v in self.config().items())})"

    def config(self) -> dict[str, Any]:
        """The constructor arguments, except ``rng``; condition arguments only if they are set."""
        dtype = str(self._weight(0).dtype).removeprefix("torch.")
        told = {"condition_dim": self.condition_dim, "classes": self.classes}
        shape = {"dim": self.dim, "hidden": self.hidden, "conditional": self.conditional, "dtype": dtype}
        return shape | {name: value for name, value in told.items() if value is not None}

    def forward(self, x: Array, sigma: Any = None, condition: Array | None = None) -> Array:
        """The network's output at ``x`` of shape ``(n, *event)``, shaped like ``x``."""
        h = self._inputs(x, sigma, condition)
        *hidden, last = self.layers
        for layer in hidden:
            h = gelu(layer(h), approximate="tanh")
        return last(h) if x.ndim == 2 else last(h).reshape(x.shape)

    def divergence(self, x: Array, sigma: Any = None, condition: Array | None = None) -> tuple[Array, Array]:
        """The output at ``x`` and the trace of its Jacobian, ``(n,)``, at the cost of about min(d, width) + 1 outputs.

        The Jacobian is W_L A W_1, and its trace is that of A W_1 W_L. Either the d columns of W_1 pass through the
        layers and are multiplied by W_L, or, if there are fewer, the units of the first layer, multiplied by W_1 W_L.
        All directions are computed at once. Memory does not grow with d beyond the width.
        """
        h, last = self._inputs(x, sigma, condition), len(self.hidden)
        first = self._first()
        if not last:
            return self(x, sigma, condition), first.diagonal().sum() + 0 * h[:, 0]
        if self.dim > self.hidden[0]:
            h, trace = self._trace_of_units(h, first @ self._weight(last))
            return self.layers[last](h).reshape(x.shape), trace
        h, pushed = self._pushed(h, first.T.unsqueeze(1))
        return self.layers[last](h).reshape(x.shape), _met(pushed, self._weight(last))

    def probed_divergence(
        self, x: Array, sigma: Any, probes: Array, condition: Array | None = None
    ) -> tuple[Array, Array]:
        """The output at ``x`` and the mean over probes of vᵀ ∇s v, ``(n,)``; ``probes`` are ``(m, n, *event)``.

        The probes pass through the layers together with ``x``, in forward mode, which saves one reverse pass.
        """
        h, last = self._inputs(x, sigma, condition), len(self.hidden)
        v = probes[0] if len(probes) == 1 else probes
        v = (v if x.ndim == 2 else v.flatten(v.ndim + 1 - x.ndim)).to(h.dtype)
        start = v @ self._first().T
        if last:
            h, pushed = self._pushed(h, start)
            forms = (pushed * (v @ self._weight(last))).sum(dim=-1)
        else:
            forms = (start * v).sum(dim=-1)
        s = self.layers[last](h)
        return s if x.ndim == 2 else s.reshape(x.shape), forms if forms.ndim == 1 else forms.mean(dim=0)

    def _pushed(self, h: Array, pushed: Array) -> tuple[Array, Array]:
        """The last hidden layer, and what tangents before the first activation become there."""
        for i in range(len(self.hidden)):
            before = self.layers[i](h)
            if i > 0:
                pushed = pushed @ self._weight(i).T
            h, pushed = gelu(before, approximate="tanh"), _gelu_slope(before) * pushed
        return h, pushed

    def _trace_of_units(self, h: Array, end: Array) -> tuple[Array, Array]:
        """The last hidden layer, and the trace by way of the units of the first one."""
        before = self.layers[0](h)
        h, slope = gelu(before, approximate="tanh"), _gelu_slope(before)
        if len(self.hidden) == 1:
            return h, slope @ end.diagonal()
        pushed = slope.T.unsqueeze(2) * self._weight(1).T.unsqueeze(1)
        for i in range(1, len(self.hidden)):
            before = self.layers[i](h)
            if i > 1:
                pushed = pushed @ self._weight(i).T
            h, pushed = gelu(before, approximate="tanh"), _gelu_slope(before) * pushed
        return h, _met(pushed, end)

    def _first(self) -> Array:
        """The weights that meet the samples, and not their level or condition."""
        weight = self._weight(0)
        return weight if weight.shape[1] == self.dim else weight[:, : self.dim]

    def _weight(self, i: int) -> Array:
        return self.layers[i].weight

    def _bias(self, i: int) -> Array:
        return self.layers[i].bias

    def _inputs(self, x: Array, sigma: Any, condition: Array | None) -> Array:
        weight = self._weight(0)
        if not isinstance(x, torch.Tensor):
            refuse_other_framework(self, x, "x")
        array_namespace(x=x, weights=weight)
        if getattr(x, "ndim", 0) < 2 or not x.shape[0] or not x.is_floating_point():
            check_batch(x, finite=False)  # says what is wrong
        if event_size(x) != self.dim:
            raise ShapeError(f"x has shape {tuple(x.shape)}: this network expects samples of dimension {self.dim}.")
        flat = (x if x.ndim == 2 else x.reshape(x.shape[0], -1)).to(weight.dtype)
        parts = [flat, self._level(sigma, x, flat)] if self.conditional else [flat]
        told = self._conditions.checked(condition, x)
        if told is not None:
            parts.append((one_hot(told, (self.classes or 0) + 1) if told.ndim == 1 else told).to(flat.dtype))
        return torch.cat(parts, dim=1) if len(parts) > 1 else flat

    def _level(self, sigma: Any, x: Array, flat: Array) -> Array:
        """``log(sigma) / 4`` as a column beside ``flat``."""
        if sigma is None:
            raise InvalidValueError(
                "this network is conditional on sigma, got None: call model(x, sigma), fix a level with "
                "sk.models.at(model, sigma), or make MLP(…, conditional=False)."
            )
        level = as_sigma(sigma, x)
        if isinstance(level, float):
            return flat.new_full((flat.shape[0], 1), _SIGMA_SCALE * math.log(level))
        return (_SIGMA_SCALE * expand(level.to(flat.dtype).log(), flat)).expand(flat.shape[0], 1)


def _empty_layer(fan_in: int, fan_out: int, dtype: torch.dtype) -> nn.Linear:
    """A linear layer whose weights torch's global generator has not been asked for."""
    layer: nn.Linear = nn.Linear(fan_in, fan_out, device="meta", dtype=dtype).to_empty(device="cpu")
    return layer


def _gelu_slope(x: Array) -> Array:
    """The derivative of the activation, by torch's own kernel, which has derivatives in turn."""
    return torch.ops.aten.gelu_backward(torch.ones_like(x), x, approximate="tanh")


def _met(pushed: Array, end: Array) -> Array:
    """The sum over directions and units; in one product, which never forms a third array of this size."""
    return pushed.transpose(0, 1).reshape(pushed.shape[1], -1) @ end.reshape(-1)
