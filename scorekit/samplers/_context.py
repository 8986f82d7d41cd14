"""What a kernel may ask for: the model, random numbers, and sums over an event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from scorekit._arrays import as_rng, no_grad, own, readable
from scorekit._score import check_score, score_function
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.protocols import Array, Rng, RngLike, ScoreModel, Shape, Sigma
from scorekit.registry import array_namespace
from scorekit.samplers._layout import Layout
from scorekit.samplers._log_density import log_density, score_model

__all__ = ["Context"]


class Context:
    """The surroundings of a run: the model, the random stream and the layout of the arrays.

    Arrays that a kernel sees have the batch *last* for events of at most 16 numbers, ``(*event, n)``, and first
    otherwise, ``(n, *event)``: sums over an event are then fast for both. :meth:`event_sum` and :meth:`align` serve
    either; :meth:`batch_first` and :meth:`batch_last` go from one to the other. A kernel changes neither ``x``, nor a
    score (it may be the model's own buffer), nor what :meth:`normal` returned.

    Args:
        model: the score model; an object with ``log_prob`` too if a kernel asks for that.
        x0: the start, shape ``(n, *event)``.
        rng: an Rng, a seed or None.

    >>> import numpy as np
    >>> context = Context(lambda x, sigma: -x, np.ones((3, 2)), rng=0)
    >>> x = context.copy_in(context.x0)
    >>> context.event_sum(context.score(x, 1.0)).tolist(), context.normal().shape == x.shape, context.uniform().shape
    ([-2.0, -2.0, -2.0], True, (3,))
    """

    def __init__(self, model: ScoreModel, x0: Array, rng: RngLike) -> None:
        self._layout = Layout.of(x0)
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
        """The namespace of the arrays."""
        return self._layout.xp

    @property
    def shape(self) -> Shape:
        """The shape of the batch, ``(n, *event)``."""
        return self._layout.shape

    def event_sum(self, x: Array) -> Array:
        """The sum over the event, shape ``(n,)``."""
        return self._layout.event_sum(x)

    def align(self, value: Array) -> Array:
        """``value`` of shape ``(n,)`` with as many axes as ``x``, lined up with its batch axis."""
        return self._layout.align(value)

    def batch_first(self, x: Array) -> Array:
        """A view of an array of a kernel as ``(n, *event)``."""
        return self._layout.batch_first(x)

    def batch_last(self, x: Array) -> Array:
        """A view of ``(n, *event)`` as kernels see it: ``(*event, n)`` for small events."""
        return self._layout.batch_last(x)

    def copy_in(self, x: Array) -> Array:
        """A contiguous copy of ``(n, *event)`` as kernels see it."""
        return self._layout.copy_in(x)

    def copy_out(self, x: Array) -> Array:
        """A contiguous copy of an array of a kernel as ``(n, *event)``."""
        return self._layout.copy_out(x)

    def score(self, x: Array, sigma: Sigma = None) -> Array:
        """``s(x, sigma)``, shaped like ``x``; an error if the model returns anything else."""
        points = self._layout.batch_first(x)
        s = self._model(points, sigma) if self.evaluations else self._first_score(points, sigma)
        self.evaluations += 1
        # a full check names the fault; this one is as strict once a first score has passed, and costs nothing
        known = type(s) is self._score_type
        if not (known and s.shape == points.shape and s.dtype == points.dtype):
            s = check_score(s, points)
            self._score_type = type(s)
        return self._layout.batch_last(s)

    def _first_score(self, points: Array, sigma: Sigma) -> Array:
        """A model that writes into its argument would move the chains: the first call is on a copy, and tells."""
        tried = own(points)
        s = self._model(tried, sigma)
        if readable(points) and not bool(self.xp.all(tried == points)):
            raise InvalidValueError(
                "the model changed x: expected it to leave its input alone, or the chains would move by that. Avoid "
                "in-place operations, or give it a copy: lambda x, sigma: model(x.copy(), sigma)."
            )
        return s

    def log_prob(self, x: Array, sigma: Sigma = None) -> Array:
        """The log-density of the model at ``x`` and ``sigma``, up to a constant, shape ``(n,)``.

        Raises:
            TypeError: the model has no ``log_prob``, or none at a noise level.
            ShapeError: it did not return ``(n,)``.
        """
        if self._log_density is None:
            self._log_density = log_density(self._given)
        self.evaluations += 1
        values = self._log_density(self.batch_first(x), sigma)
        if getattr(values, "shape", None) != self.shape[:1]:
            raise ShapeError(
                f"log_prob returned {getattr(values, 'shape', type(values).__name__)} for x of shape {self.shape}: "
                f"expected {self.shape[:1]}, one value a sample."
            )
        return values

    def normal(self) -> Array:
        """Fresh standard normals, independent over chains and coordinates, shaped like ``x``."""
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
        """Fresh uniforms on [0, 1), one a chain, shape ``(n,)``: for accepting and refusing."""
        return self._rng.uniform(self.shape[:1], like=self.x0)

    def spawn(self, n: int) -> Sequence[Rng]:
        """``n`` independent streams, for draws of other kinds and shapes."""
        return self._rng.spawn(n)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """No tape, and no warnings of overflow: the driver looks at every step and raises ``DivergedError``.

        For one step at a time: a generator must not leave the caller's settings changed while it waits.
        """
        with self._no_grad(), np.errstate(over="ignore", invalid="ignore"):
            yield
