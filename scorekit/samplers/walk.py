"""What a kernel may ask for while it walks: scores, noise, and sums over an event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from scorekit._arrays import as_rng, no_tape, own, readable
from scorekit._score import check_score, score_function
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.protocols import Array, RngLike, ScoreModel, Sigma
from scorekit.registry import array_namespace
from scorekit.samplers.layout import Layout

__all__ = ["Walk"]


class Walk:
    """The surroundings of one run: the model, the randomness and the layout of the arrays.

    Arrays that a kernel sees are in the inner order of :class:`~scorekit.samplers.layout.Layout`. It may change an
    array that it made itself, and nothing else: neither ``x``, nor a score (it may be the model's own buffer), nor
    what :meth:`normal` returned.

    Args:
        model: the score model.
        x0: the start, shape ``(n, *event)``.
        rng: an Rng, a seed or None.

    >>> import numpy as np
    >>> walk = Walk(lambda x, sigma: -x, np.ones((3, 2)), rng=0)
    >>> x = walk.layout.enter(walk.x0)
    >>> walk.layout.leave(walk.score(x, 1.0)).tolist(), walk.normal().shape == x.shape
    ([[-1.0, -1.0], [-1.0, -1.0], [-1.0, -1.0]], True)
    """

    def __init__(self, model: ScoreModel, x0: Array, rng: RngLike) -> None:
        self.layout = Layout.of(x0)
        self.x0 = x0
        self.evaluations = 0
        self._no_grad = no_tape(x0)
        self._model = score_function(model)
        self._rng = as_rng(rng, x0, "Walk")
        self._score_type: type | None = None
        self._noise_type: type | None = None

    def score(self, x: Array, sigma: Sigma) -> Array:
        """``s(x, sigma)`` at an inner array ``x``; refused when it is not like ``x``."""
        points = self.layout.outer(x)
        s = self._model(points, sigma) if self.evaluations else self._first_score(points, sigma)
        self.evaluations += 1
        # a full check names the fault; this one is as strict once a first score has passed, and costs nothing
        known = type(s) is self._score_type
        if not (known and s.shape == points.shape and s.dtype == points.dtype):
            s = check_score(s, points)
            self._score_type = type(s)
        return self.layout.inner(s)

    def _first_score(self, points: Array, sigma: Sigma) -> Array:
        """A model that writes into its argument would move the chains: the first call is on a copy, and tells."""
        tried = own(points)
        s = self._model(tried, sigma)
        if readable(points) and not bool(self.layout.xp.all(tried == points)):
            raise InvalidValueError(
                "the model changed x: expected it to leave its input alone, or the chains would move by that. Avoid "
                "in-place operations, or give it a copy: lambda x, sigma: model(x.copy(), sigma)."
            )
        return s

    def normal(self) -> Array:
        """Fresh standard normals, independent over chains and coordinates, as an inner array."""
        z = self._rng.normal(self.layout.inner_shape, like=self.x0)
        known = type(z) is self._noise_type
        if not (known and z.shape == self.layout.inner_shape and z.dtype == self.x0.dtype):
            self._noise_type = type(self._check_noise(z))
        return z

    def _check_noise(self, z: Array) -> Array:
        array_namespace(x0=self.x0, noise=z)
        if tuple(z.shape) != self.layout.inner_shape:
            raise ShapeError(f"rng.normal returned shape {tuple(z.shape)}: expected {self.layout.inner_shape}.")
        if z.dtype != self.x0.dtype:
            raise InvalidTypeError(f"rng.normal returned dtype {z.dtype}: expected that of x0, {self.x0.dtype}.")
        return z

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """No tape, and no warnings of overflow: the driver looks at every step and raises ``DivergedError``.

        For one step at a time: a generator must not leave the caller's settings changed while it waits.
        """
        with self._no_grad(), np.errstate(over="ignore", invalid="ignore"):
            yield
