"""The context of a kernel: the model, random numbers, and sums over the axes of one sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from scorekit._arrays import as_rng, no_grad, own, readable
from scorekit._score import check_score, score_function
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.learning.isotropic import isotropic_noise
from scorekit.learning.views import units_of, without_units
from scorekit.protocols import Array, Rng, RngLike, ScoreModel, Shape, Sigma
from scorekit.registry import array_namespace
from scorekit.samplers._layout import Layout
from scorekit.samplers._log_density import log_density, score_model

__all__ = ["Context"]


class Context:
    """The model, the random stream and the array layout of one run.

    The arrays of a kernel have the batch axis *last*, ``(*event, n)``, for samples of dimension at most 16, and first,
    ``(n, *event)``, otherwise. This makes sums over one sample fast in both cases. :meth:`event_sum` and
    :meth:`align` work for both layouts; :meth:`batch_first` and :meth:`batch_last` convert between them. A kernel must
    not modify ``x``, a score (it may be a buffer of the model) or the result of :meth:`normal` in place.

    With a model of ``sk.models.standardized``, kernels move standardized points, and :meth:`result` converts them back.

    Args:
        model: the score model; it needs ``log_prob`` if the kernel calls :meth:`log_prob`.
        x0: the initial points, shape ``(n, *event)``, in the units of the data.
        rng: an Rng, a seed or None.

    Raises:
        TypeError: ``model`` is not callable and has no score.

    >>> import numpy as np
    >>> context = Context(lambda x, sigma: -x, np.ones((3, 2)), rng=0)
    >>> x = context.copy_in(context.x0)
    >>> context.event_sum(context.score(x, 1.0)).tolist(), context.normal().shape == x.shape, context.uniform().shape
    ([-2.0, -2.0, -2.0], True, (3,))
    """

    def __init__(self, model: ScoreModel, x0: Array, rng: RngLike) -> None:
        self._layout = Layout.of(x0)
        self.units = units_of(model)
        if self.units is not None:
            model, x0 = without_units(model), self.units.to_standard(x0)
        self.x0 = x0
        self.evaluations = 0
        self._no_grad = no_grad(x0)
        self._given = model
        self._model = score_function(score_model(model))
        self._log_density: Callable[[Array, Sigma], Array] | None = None
        self._rng = as_rng(rng, x0, "Context")
        self._score_type: type | None = None
        self._noise_type: type | None = None

    @property
    def xp(self) -> Any:
        """The array namespace."""
        return self._layout.xp

    @property
    def shape(self) -> Shape:
        """The shape of the batch, ``(n, *event)``."""
        return self._layout.shape

    def event_sum(self, x: Array) -> Array:
        """The sum over the axes of each sample, shape ``(n,)``."""
        return self._layout.event_sum(x)

    def align(self, value: Array) -> Array:
        """``value`` of shape ``(n,)``, reshaped to broadcast along the batch axis of ``x``."""
        return self._layout.align(value)

    def batch_first(self, x: Array) -> Array:
        """A view of a kernel's array as ``(n, *event)``."""
        return self._layout.batch_first(x)

    def batch_last(self, x: Array) -> Array:
        """A view of ``(n, *event)`` in the layout of kernels: ``(*event, n)`` for small samples."""
        return self._layout.batch_last(x)

    def copy_in(self, x: Array) -> Array:
        """A contiguous copy of ``(n, *event)`` in the layout of kernels."""
        return self._layout.copy_in(x)

    def copy_out(self, x: Array) -> Array:
        """A contiguous copy of a kernel's array as ``(n, *event)``."""
        return self._layout.copy_out(x)

    def result(self, x: Array) -> Array:
        """A copy of a kernel's array as ``(n, *event)``, in the units of the data."""
        made = self._layout.copy_out(x)
        return made if self.units is None else self.units.from_standard(made)

    def score(self, x: Array, sigma: Sigma = None) -> Array:
        """``s(x, sigma)``, shaped like ``x``.

        Raises:
            ShapeError: the model returned another shape.
            TypeError: the model returned another framework or dtype.
        """
        points = self._layout.batch_first(x)
        s = self._model(points, sigma) if self.evaluations else self._first_score(points, sigma)
        self.evaluations += 1
        # a cheap check that is as strict as the full one, which runs only when it fails
        known = type(s) is self._score_type
        if not (known and s.shape == points.shape and s.dtype == points.dtype):
            s = check_score(s, points)
            self._score_type = type(s)
        return self._layout.batch_last(s)

    def _first_score(self, points: Array, sigma: Sigma) -> Array:
        """The first call of the model, on a copy of ``points``, to detect a model that modifies its input in place."""
        tried = own(points)
        with isotropic_noise():
            s = self._model(tried, sigma)
        if readable(points) and not bool(self.xp.all(tried == points)):
            raise InvalidValueError(
                "the model changed x: expected a model that does not modify its input in place. Avoid in-place "
                "operations, or pass a copy: lambda x, sigma: model(x.copy(), sigma)."
            )
        return s

    def log_prob(self, x: Array, sigma: Sigma = None) -> Array:
        """The log-density of the model at ``x`` and ``sigma``, up to a constant, shape ``(n,)``.

        Raises:
            TypeError: the model has no ``log_prob``, or ``log_prob`` takes no sigma.
            ShapeError: ``log_prob`` did not return shape ``(n,)``.
        """
        if self._log_density is None:
            self._log_density = log_density(self._given)
        self.evaluations += 1
        values = self._log_density(self.batch_first(x), sigma)
        if getattr(values, "shape", None) != self.shape[:1]:
            raise ShapeError(
                f"log_prob returned {getattr(values, 'shape', type(values).__name__)} for x of shape {self.shape}: "
                f"expected {self.shape[:1]}, one value per sample."
            )
        return values

    def normal(self) -> Array:
        """New independent standard normals, shaped like ``x``."""
        z = self._rng.normal(self._layout.chain_shape, like=self.x0)
        known = type(z) is self._noise_type
        if not (known and z.shape == self._layout.chain_shape and z.dtype == self.x0.dtype):
            self._noise_type = type(self._check_noise(z))
        return z

    def _check_noise(self, z: Array) -> Array:
        array_namespace(x0=self.x0, noise=z)
        if tuple(z.shape) != self._layout.chain_shape:
            raise ShapeError(f"rng.normal returned shape {tuple(z.shape)}: expected {self._layout.chain_shape}.")
        if z.dtype != self.x0.dtype:
            raise InvalidTypeError(f"rng.normal returned dtype {z.dtype}: expected that of x0, {self.x0.dtype}.")
        return z

    def uniform(self) -> Array:
        """New uniforms on [0, 1), one per chain, shape ``(n,)``; for accept-reject steps."""
        return self._rng.uniform(self.shape[:1], like=self.x0)

    def spawn(self, n: int) -> Sequence[Rng]:
        """``n`` independent random streams, for draws of other kinds and shapes."""
        return self._rng.spawn(n)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Disable gradients and overflow warnings for one step; the driver checks each step for divergence.

        Use it for one step at a time, so that a suspended generator does not change the caller's settings.
        """
        with self._no_grad(), np.errstate(over="ignore", invalid="ignore"):
            yield
