"""A multilayer perceptron as a score network, for low-dimensional data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Self, TypeAlias

import numpy as np

from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.learning import (
    Conditional,
    Conditions,
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
from scorekit_numpy import namespace as xp
from scorekit_numpy.layers import gelu, gelu_slope, linear
from scorekit_numpy.random import as_dtype

__all__ = ["MLP"]

Array: TypeAlias = Any

_SIGMA_SCALE = 0.25  # log(sigma) / 4 keeps the noise input of the order of one over four decades
_LAST_LAYER = 0.1  # the network starts close to zero, where every objective is well behaved


class MLP(Conditional):
    """A score network for samples of dimension ``dim``: linear layers with GELU activations.

    A network conditional on sigma has ``log(sigma) / 4`` as an additional input; otherwise sigma is ignored. With
    ``condition_dim``, the vector of each sample is an additional input; with ``classes``, its one-hot label.
    Wrap it in ``sk.models.Preconditioned`` to scale its output to the score at each noise level.
    The model is immutable; training creates new models with other parameters.

    Args:
        dim: the dimension of one sample, d >= 1. Samples of shape ``(n, *event)`` are flattened.
        hidden: widths of the hidden layers.
        conditional: whether the score depends on sigma.
        condition_dim: the dimension k of a condition ``(n, k)``; None for no vectors. Zeros mean no condition.
        classes: the number of classes of a condition ``(n,)``; None for no labels. The label ``classes`` means no
            condition.
        dtype: ``"float64"`` or ``"float32"``; ``fit`` trains a copy in the dtype of the data.
        rng: an Rng, a seed or None; initial weights are N(0, 1/fan_in) (smaller in the last layer), biases zero.

    Raises:
        ValueError: ``dim`` or a width is below 1, ``classes`` and ``condition_dim`` are both set, or an unknown dtype.
        TypeError: ``hidden`` is not a sequence of integers.

    >>> import numpy as np
    >>> MLP(2, hidden=(16,))(np.zeros((5, 2)), 0.1).shape
    (5, 2)
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
        dtype: str = "float64",
        rng: RngLike = 0,
    ) -> None:
        self._conditions = Conditions(classes, condition_dim)
        self.dim = check_count(dim, "dim")
        if not isinstance(hidden, (tuple, list)):
            raise InvalidTypeError(f"hidden is {hidden!r}: expected a sequence of widths, for example (128, 128).")
        self.hidden = tuple(check_count(width, "hidden width") for width in hidden)
        check_option(conditional, "conditional", (True, False))
        self.conditional = bool(conditional)
        self._parameters = self._start(rng, as_dtype(dtype))

    @property
    def dtype(self) -> str:
        """The dtype of the parameters."""
        return str(self._weight(0).dtype)

    def _start(self, rng: RngLike, dtype: Any) -> dict[str, Array]:
        stream, like = as_rng(rng, None, type(self).__name__), np.empty(0, dtype)
        told = (self.condition_dim or 0) + (0 if self.classes is None else self.classes + 1)
        widths = (self.dim + self.conditional + told, *self.hidden, self.dim)
        parameters: dict[str, Array] = {}
        for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
            scale = fan_in**-0.5 * (_LAST_LAYER if i == len(self.hidden) else 1.0)
            parameters[f"layers.{i}.weight"] = scale * stream.normal((fan_out, fan_in), like)
            parameters[f"layers.{i}.bias"] = np.zeros(fan_out, dtype)
        return parameters

    def __repr__(self) -> str:
        return f"MLP({', '.join(f'{self.dim}' if k == 'dim' else f'{k}={v!r}' for k, v in self.config().items())})"

    def config(self) -> dict[str, Any]:
        """The constructor arguments, except ``rng``; condition arguments only if they are set."""
        told = {"condition_dim": self.condition_dim, "classes": self.classes}
        shape = {"dim": self.dim, "hidden": self.hidden, "conditional": self.conditional, "dtype": self.dtype}
        return shape | {name: value for name, value in told.items() if value is not None}

    def parameters(self) -> dict[str, Array]:
        """The parameters by name; weights have shape (out, in)."""
        return dict(self._parameters)

    def with_parameters(self, parameters: Mapping[str, Array]) -> Self:
        """The same network with other parameters of the same names and shapes."""
        if not isinstance(parameters, Mapping):
            raise InvalidTypeError(f"parameters is a {type(parameters).__name__}: expected a dict of names and arrays.")
        mine = {name: tuple(value.shape) for name, value in self._parameters.items()}
        given = {name: tuple(getattr(value, "shape", ())) for name, value in parameters.items()}
        if mine != given:
            wrong = sorted(n for n in mine.keys() | given.keys() if mine.get(n) != given.get(n))
            listed = "; ".join(
                f"{n} is {given.get(n, 'missing')}, the network has {mine.get(n, 'none')}" for n in wrong
            )
            raise ShapeError(f"{len(wrong)} parameters differ: {listed}. Nothing was changed.")
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._parameters = dict(parameters)
        return copy

    def __call__(self, x: Array, sigma: Any = None, condition: Array | None = None) -> Array:
        """The network's output at ``x`` of shape ``(n, *event)``, shaped like ``x``."""
        h = self._inputs(x, sigma, condition)
        for i in range(len(self.hidden)):
            h = gelu(self._linear(i, h))
        return xp.reshape(self._linear(len(self.hidden), h), x.shape)

    def divergence(self, x: Array, sigma: Any = None, condition: Array | None = None) -> tuple[Array, Array]:
        """The output at ``x`` and the trace of its Jacobian, ``(n,)``, at the cost of about min(d, width) + 1 outputs.

        The Jacobian is W_L A W_1, and its trace is that of A W_1 W_L. Either the d columns of W_1 pass through the
        layers and are multiplied by W_L, or, if there are fewer, the units of the first layer, multiplied by W_1 W_L.
        All directions are computed at once, and only the diagonal of the last product.
        """
        h, last, n = self._inputs(x, sigma, condition), len(self.hidden), x.shape[0]
        first, end = self._weight(0)[:, : self.dim], self._weight(last)
        if not last:
            return self(x, sigma, condition), xp.trace(first) + 0 * h[:, 0]
        slopes = []
        for i in range(last):
            before = self._linear(i, h)
            h = gelu(before)
            slopes.append(gelu_slope(before))
        s = xp.reshape(self._linear(last, h), x.shape)
        if self.dim <= self.hidden[0]:
            pushed, start = slopes[0] * xp.reshape(_turned(first), (self.dim, 1, -1)), 1
        else:
            end = xp.matmul(first, end)
            if last == 1:
                return s, xp.matmul(slopes[0], xp.linalg.diagonal(end))
            units = xp.reshape(_turned(slopes[0]), (self.hidden[0], n, 1))
            pushed, start = slopes[1] * (units * xp.reshape(_turned(self._weight(1)), (self.hidden[0], 1, -1))), 2
        for i in range(start, last):
            rows = xp.matmul(xp.reshape(pushed, (len(end) * n, -1)), _turned(self._weight(i)))
            pushed = slopes[i] * xp.reshape(rows, (len(end), n, -1))
        return s, xp.sum(pushed * xp.reshape(end, (len(end), 1, -1)), axis=(0, 2))

    def probed_divergence(
        self, x: Array, sigma: Any, probes: Array, condition: Array | None = None
    ) -> tuple[Array, Array]:
        """The output at ``x`` and the mean over probes of vᵀ ∇s v, ``(n,)``; ``probes`` are ``(m, n, *event)``.

        The probes pass through the layers together with ``x``, in forward mode.
        """
        h, last = self._inputs(x, sigma, condition), len(self.hidden)
        m, n = probes.shape[:2]
        v = xp.reshape(probes, (m * n, self.dim))
        pushed, end = xp.matmul(v, _turned(self._weight(0)[:, : self.dim])), v
        for i in range(last):
            before = self._linear(i, h)
            if i > 0:
                pushed = xp.matmul(pushed, _turned(self._weight(i)))
            h, slope = gelu(before), gelu_slope(before)
            pushed = xp.reshape(slope * xp.reshape(pushed, (m, n, -1)), (m * n, -1))
        if last:
            end = xp.matmul(v, self._weight(last))
        forms = xp.sum(xp.reshape(pushed * end, (m, n, -1)), axis=2)
        return xp.reshape(self._linear(last, h), x.shape), xp.mean(forms, axis=0)

    def _weight(self, i: int) -> Array:
        return self._parameters[f"layers.{i}.weight"]

    def _linear(self, i: int, h: Array) -> Array:
        return linear(h, self._weight(i), self._parameters[f"layers.{i}.bias"])

    def _inputs(self, x: Array, sigma: Any, condition: Array | None) -> Array:
        if isinstance(x, type) or getattr(x, "ndim", 0) < 2 or not x.shape[0] or getattr(x.dtype, "kind", "") != "f":
            check_batch(x, finite=False)  # raises the error
            refuse_other_framework(self, x, "x")
        if event_size(x) != self.dim:
            raise ShapeError(f"x has shape {tuple(x.shape)}: this network expects samples of dimension {self.dim}.")
        parts = [xp.reshape(x, (x.shape[0], -1))]
        if self.conditional:
            parts.append(self._level(sigma, x))
        told = self._conditions.checked(condition, x)
        if told is not None:
            one_hot = told.ndim == 1
            parts.append((told[:, None] == np.arange((self.classes or 0) + 1)).astype(x.dtype) if one_hot else told)
        return xp.concat(parts, axis=1) if len(parts) > 1 else parts[0]

    def _level(self, sigma: Any, x: Array) -> Array:
        """``log(sigma) / 4`` as a column."""
        if sigma is None:
            raise InvalidValueError(
                "this network is conditional on sigma, got None: call model(x, sigma), fix a noise level with "
                "sk.models.at(model, sigma), or make MLP(…, conditional=False)."
            )
        level = _SIGMA_SCALE * xp.log(xp.asarray(as_sigma(sigma, x), dtype=x.dtype))
        column: Array = np.zeros((x.shape[0], 1), x.dtype)
        return column + expand(level, column)


def _turned(matrix: Array) -> Array:
    return xp.permute_dims(matrix, (1, 0))
