"""Curves in the plane with Gaussian noise: Swiss roll, rings, two moons.

x = c(u) + noise · z with u uniform on [0, 1), z ~ N(0, I): a continuous mixture, whose integral over u becomes a sum
over quadrature nodes. Smoothing by sigma gives the same curve with noise sqrt(noise² + sigma²).
"""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from scorekit._arrays import check_count, check_positive, constant, host, readable
from scorekit.distributions import _isotropic
from scorekit.distributions._base import Density
from scorekit.distributions._numbers import numbers
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.protocols import Array, Rng
from scorekit.registry import array_namespace

__all__ = ["Rings", "SwissRoll", "TwoMoons"]

PANEL_NODES = 12
PANEL_LENGTH = 2.0
"""Gauss–Legendre, 12 nodes in 2 standard deviations: error below 1e-12 within 6 of them, beyond an end as well."""
LOOP_SPACING = 0.5
"""The trapezoid rule on a closed curve converges geometrically: half a standard deviation leaves less than 1e-12."""
SHORTEST_PANEL = 1 / 16
MOST_NODES = 1 << 20


class _Arc(NamedTuple):
    """A part of a curve: ``place(xp, u)`` gives its coordinates at u in [0, 1)."""

    share: float
    place: Callable[[Any, Any], tuple[Any, Any]]
    closed: bool = False


class _NoisyCurve(Density):
    """The arcs of a curve, each drawn with its share, and Gaussian noise."""

    noise: float

    @property
    def dim(self) -> int:
        """2."""
        return 2

    @abstractmethod
    def _arcs(self) -> tuple[_Arc, ...]: ...

    def smoothed(self, sigma: float) -> Self:
        """The same curve with noise sqrt(noise² + sigma²)."""
        noise = math.hypot(self.noise, check_positive(sigma, "sigma"))
        return dataclasses.replace(self, noise=noise)  # type: ignore[type-var]

    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array:
        u, arcs = rng.uniform((n,), like), self._arcs()
        chosen = constant(rng.choice(len(arcs), (n,), p=[arc.share for arc in arcs]), u)
        xp = array_namespace(u)
        x = constant(np.zeros((n, 2)), u)
        for i, arc in enumerate(arcs):
            x = xp.where((chosen == i)[:, None], xp.stack(arc.place(xp, u), axis=1), x)
        return x + self.noise * rng.normal((n, 2), u) if self.noise else x

    def _log_prob(self, x: Array, variance: Any) -> Array:
        cloud, total = self._smear(variance, "density")
        return _isotropic.log_density(cloud, x, total)

    def _score(self, x: Array, variance: Any) -> Array:
        cloud, total = self._smear(variance, "score")
        return _isotropic.score(cloud, x, total)

    def _smear(self, variance: Any, what: str) -> tuple[_isotropic.Cloud, Any]:
        """The nodes, fine enough for the smallest level, and the variance of curve noise and smoothing together."""
        if variance is None and self.noise == 0:
            raise self._needs_noise(what)
        total = self.noise**2 + (0.0 if variance is None else variance)
        finest = self._finest(total)
        # rounded down to a quarter of an octave, so that levels close to each other share their nodes
        return _nodes(self, 2.0 ** (math.floor(4 * math.log2(finest)) / 4)), total

    def _finest(self, total: Any) -> float:
        """The smallest standard deviation among these variances; under a tracer that of the curve's own noise."""
        if isinstance(total, float) or readable(total):
            return math.sqrt(float(np.min(host(total))))
        if self.noise == 0:
            raise InvalidTypeError(
                f"the nodes along {type(self).__name__}(noise=0.0) depend on sigma, whose value cannot be read under a "
                "tracer: give sigma as a float, or the curve a noise."
            )
        return self.noise


@lru_cache(maxsize=64)
def _nodes(curve: _NoisyCurve, width: float) -> _isotropic.Cloud:
    """Quadrature nodes and weights along a curve, for Gaussians of this standard deviation or wider."""
    points, weights = [], []
    for arc in curve._arcs():
        u, w = _arc_nodes(arc, width)
        points.append(np.stack(arc.place(np, u), axis=1))
        weights.append(arc.share * w)
    return _isotropic.Cloud(np.concatenate(points), np.log(np.concatenate(weights)))


def _arc_nodes(arc: _Arc, width: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    u = np.linspace(0.0, 1.0, 2049)
    steps = np.hypot(*(np.diff(c) for c in arc.place(np, u)))
    length = np.concatenate([[0.0], np.cumsum(steps)])
    if arc.closed:
        count = _affordable(max(64, math.ceil(length[-1] / (LOOP_SPACING * width))), width)
        return np.arange(count) / count, np.full(count, 1 / count)
    panels = max(round(1 / SHORTEST_PANEL), math.ceil(length[-1] / (PANEL_LENGTH * width)))
    _affordable(panels * PANEL_NODES, width)
    edges = np.interp(np.linspace(0.0, length[-1], panels + 1), length, u)
    node, weight = np.polynomial.legendre.leggauss(PANEL_NODES)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + node)).ravel(), (half * weight).ravel()


def _affordable(count: int, width: float) -> int:
    if count > MOST_NODES:
        raise InvalidValueError(
            f"noise and sigma together are {width:.3g}: the quadrature along the curve needs {count} nodes, more than "
            f"{MOST_NODES}. Use a noise or a sigma of at least {width * count / MOST_NODES:.2g}."
        )
    return count


def _check_noise(noise: Any) -> float:
    return 0.0 if isinstance(noise, (int, float)) and noise == 0 else check_positive(noise, "noise")


@dataclass(frozen=True)
class SwissRoll(_NoisyCurve):
    """(t cos t, t sin t)/10 + noise · z, t uniform on [1.5π, 4.5π): the usual roll, seen along its axis.

    Args:
        noise: the standard deviation of the noise, not negative. With 0 there is no density without further noise.

    log_prob is exact to 1e-10 within some ten standard deviations of the curve, and right to leading order beyond.
    Raises ``ValueError`` for a negative noise, or one so small that the quadrature would not fit into memory.

    >>> SwissRoll(noise=0.3).smoothed(0.4)
    SwissRoll(noise=0.5)
    """

    noise: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", _check_noise(self.noise))

    def _arcs(self) -> tuple[_Arc, ...]:
        return (_Arc(1.0, _spiral),)


def _spiral(xp: Any, u: Any) -> tuple[Any, Any]:
    t = 1.5 * math.pi * (1 + 2 * u)
    return t * xp.cos(t) / 10, t * xp.sin(t) / 10


@dataclass(frozen=True)
class TwoMoons(_NoisyCurve):
    """Two half circles of radius 1 that reach into each other: (cos t, sin t) and (1 − cos t, ½ − sin t), t in [0, π).

    Args:
        noise: the standard deviation of the noise, not negative. With 0 there is no density without further noise.

    >>> import numpy as np
    >>> TwoMoons().log_prob(np.array([[0.0, 1.0]])).shape
    (1,)
    """

    noise: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", _check_noise(self.noise))

    def _arcs(self) -> tuple[_Arc, ...]:
        return (
            _Arc(0.5, lambda xp, u: (xp.cos(math.pi * u), xp.sin(math.pi * u))),
            _Arc(0.5, lambda xp, u: (1 - xp.cos(math.pi * u), 0.5 - xp.sin(math.pi * u))),
        )


@dataclass(frozen=True)
class Rings(_NoisyCurve):
    """Concentric circles with noise, each as likely as the others unless weights say otherwise.

    Args:
        radii: one positive radius a ring.
        noise: the standard deviation of the noise, not negative. With 0 there is no density without further noise.
        weights: one non-negative weight a ring; equal ones when None.

    >>> Rings((1.0, 3.0), noise=0.2).sample(4, rng=0).shape
    (4, 2)
    """

    radii: tuple[float, ...] = (0.5, 1.0, 1.5)
    noise: float = 0.05
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        radii = numbers(self.radii, "radii")
        check_count(radii.size, "the number of radii")
        if radii.ndim != 1 or not (radii > 0).all():
            raise InvalidValueError(f"radii must be one positive number a ring, got {self.radii!r}.")
        object.__setattr__(self, "radii", tuple(radii.tolist()))
        object.__setattr__(self, "noise", _check_noise(self.noise))
        if self.weights is not None:
            object.__setattr__(self, "weights", _ring_weights(self.weights, len(self.radii)))

    def _arcs(self) -> tuple[_Arc, ...]:
        shares = self.weights or (1 / len(self.radii),) * len(self.radii)
        return tuple(
            _Arc(share, partial(_circle, radius), closed=True)
            for radius, share in zip(self.radii, shares, strict=True)
            if share > 0
        )


def _circle(radius: float, xp: Any, u: Any) -> tuple[Any, Any]:
    return radius * xp.cos(2 * math.pi * u), radius * xp.sin(2 * math.pi * u)


def _ring_weights(given: Any, rings: int) -> tuple[float, ...]:
    weights = numbers(given, "weights")
    if weights.shape != (rings,):
        raise ShapeError(f"weights have shape {weights.shape} for {rings} radii: expected ({rings},).")
    if (weights < 0).any() or not weights.sum() > 0:
        raise InvalidValueError(f"weights must not be negative and sum to a positive number, got {given!r}.")
    return tuple((weights / weights.sum()).tolist())
