"""The exact distribution of an affine sampler on Gaussian data, computed by running its code.

If each step is affine in positions and noise, and the score is affine, then the final positions are an affine function
of the initial points and of all random draws. Its coefficients are impulse responses: for each random number, one chain
gets one for that number and zero for all others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np

from scorekit._arrays import constant, host
from scorekit._tables import displayed
from scorekit.distributions._numbers import numbers
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.noise import NoiseDistribution
from scorekit.protocols import Array, ScoreModel, Shape

__all__ = ["AffineLaw", "impulse_law"]

_ROUNDING = {4: 1e-2, 8: 1e-6}  # tolerance for rounding errors of the sum of responses, by bytes per number


@displayed
class AffineLaw(NamedTuple):
    """The distribution N(mean, covariance) of the final positions.

    ``mean``: in the shape of one sample. ``covariance``: ``(d, d)``, of the flattened sample. ``draws``: the number of
    random numbers per chain.
    """

    mean: Any
    covariance: Any
    draws: int

    @property
    def variance(self) -> Any:
        """The variances, in the shape of one sample."""
        return np.diag(self.covariance).reshape(self.mean.shape)


def impulse_law(
    sampler: Any, model: ScoreModel, mean: Any, covariance: Any = 0.0, *, like: Array | None = None
) -> AffineLaw:
    """The exact distribution of a sampler's result for an affine score, computed without random numbers.

    For x0 ~ N(m, C) and draws z_1, …, z_K, the final position is x(m) + A (x0 − m) + Σ_k b_k z_k, with distribution
    N(x(m), A C Aᵀ + Σ_k b_k b_kᵀ). One run of 2 + d + K chains measures all coefficients: the first chain starts at m
    with zero draws, d chains start one unit away in one coordinate, and K chains have a single draw of one. The last
    chain has general values everywhere, to check that the sampler is affine. Missing, repeated or wrongly scaled noise
    changes the result, so a test detects it.

    Args:
        sampler: any object with ``sample(model, x0, rng)`` that returns the positions, or an object with them as ``x``.
            It may use only ``rng.normal(shape, like)``, with the batch as the first or last axis of the shape. Its
            chains must not depend on each other.
        model: a score that is affine in x, for example that of :class:`scorekit.distributions.Gaussian`.
        mean: the mean m of the initial points, an array in the shape of one sample.
        covariance: the covariance C of the initial points: a number (times I), the variances in the shape of one
            sample, or a matrix ``(d, d)``; 0 for initial points equal to m.
        like: an array whose framework, dtype and device are used; NumPy float64 without it.

    Returns:
        :class:`AffineLaw`, in NumPy float64.

    Raises:
        ValueError: the sampler is not affine for this score.
        TypeError: ``sampler`` has no method ``sample``, or draws random numbers other than normals.
        ShapeError: ``mean``, ``covariance``, the draws or the result have the wrong shape.

    >>> import numpy as np, scorekit as sk
    >>> law = impulse_law(sk.samplers.Langevin(0.5, 200), lambda x: -x, np.zeros(1))
    >>> law.draws, bool(abs(law.variance[0] - 1 / (1 - 0.5 / 4)) < 1e-12)
    (200, True)
    """
    unlike = isinstance(sampler, (type, NoiseDistribution)) or hasattr(sampler, "log_prob")
    if unlike or not callable(getattr(sampler, "sample", None)):
        raise InvalidTypeError(f"sampler is a {describe(sampler)}: expected an object with sample(model, x0, rng).")
    center = numbers(mean, "mean")
    if center.ndim == 0:
        raise ShapeError(f"mean is {mean!r}: expected an array in the shape of one sample, for example numpy.zeros(2).")
    spread = _as_matrix(covariance, center)
    like = center if like is None else like
    responses = _respond(sampler, model, center, like)
    d, first = center.size, responses[0]
    by_start, by_draw = responses[1 : 1 + d] - first, responses[1 + d : -1] - first
    _check_affine(np.concatenate([by_start, by_draw]), first, responses[-1], like)
    covariances = by_start.T @ spread @ by_start + by_draw.T @ by_draw
    return AffineLaw(first.reshape(center.shape), covariances, len(by_draw))


def _respond(sampler: Any, model: ScoreModel, center: Any, like: Array) -> Any:
    """The final positions of all chains, ``(2 + d + K, d)``; a first run with zero draws counts K."""
    d = center.size
    dry = _Script(d + 2, d, like)
    alone = _run(sampler, model, np.stack([center] * dry.chains), dry)
    script = _Script(2 + d + dry.drawn, d, like)
    starts = np.zeros((script.chains, d))
    starts[1 : 1 + d] = np.eye(d)
    starts[-1] = _weights(d)
    responses = _run(sampler, model, center + starts.reshape(-1, *center.shape), script)
    if script.drawn != dry.drawn:
        raise InvalidValueError(
            f"the sampler drew {dry.drawn} numbers per chain with {dry.chains} chains and {script.drawn} with "
            f"{script.chains}: expected the same number, whatever the chains are."
        )
    _check_alone(alone[0], responses[0], like)
    return responses


def _check_alone(alone: Any, among: Any, like: Array) -> None:
    """The chain that starts at the mean without noise ends at one place, whatever the other chains do."""
    if not np.all(np.abs(alone - among) <= _tolerance(like) * (np.abs(alone) + np.abs(among) + 1e-300)):
        raise InvalidValueError(
            f"the chain that starts at the mean ends at {alone} beside chains that do the same and at {among} beside "
            "others: expected chains that do not depend on each other."
        )


def _tolerance(like: Array) -> float:
    return _ROUNDING[4 if "32" in str(like.dtype) else 8]


def _run(sampler: Any, model: ScoreModel, starts: Any, script: _Script) -> Any:
    made = sampler.sample(model, constant(starts, script.like), rng=script)
    x = host(getattr(made, "x", made))
    if x.shape != starts.shape:
        raise ShapeError(f"sample returned shape {x.shape} for x0 of shape {starts.shape}: expected the same.")
    return x.reshape(len(x), -1)


def _weights(count: int, start: int = 0) -> Any:
    """Generic numbers for the chain that checks whether the sampler is affine."""
    return np.cos(np.arange(start + 1.0, start + count + 1) ** 2)


def _check_affine(responses: Any, first: Any, last: Any, like: Array) -> None:
    weights = _weights(len(responses))
    expected = first + weights @ responses
    scale = np.abs(first) + np.abs(weights) @ np.abs(responses)
    if not np.all(np.abs(last - expected) <= _tolerance(like) * (scale + 1e-300)):
        raise InvalidValueError(
            f"the sampler is not affine with this model: a chain ends at {last} where the sum of responses is "
            f"{expected}. Expected a score that is affine in x, as for a Gaussian, steps that are affine in "
            "position and noise, and chains that do not depend on each other."
        )


def _as_matrix(covariance: Any, center: Any) -> Any:
    given = numbers(covariance, "covariance")
    if given.ndim == 0:
        return float(given) * np.eye(center.size)
    if given.shape == center.shape:
        return np.diag(given.reshape(-1))
    if given.shape == (center.size, center.size):
        return given
    raise ShapeError(
        f"covariance has shape {given.shape} for a mean of shape {center.shape}: expected a number, {center.shape} or "
        f"({center.size}, {center.size})."
    )


class _Script:
    """A stream in which draw k of chain j is one if j is the chain of that draw, and zero otherwise.

    The first ``1 + d`` chains draw zeros, the last chain draws weights. In the run that counts the draws, all chains
    draw zeros.
    """

    def __init__(self, chains: int, d: int, like: Array) -> None:
        self.chains, self.like, self.drawn = chains, like, 0
        self._d = d

    def normal(self, shape: Shape, like: Array | None = None) -> Array:
        """The next draw."""
        shape = tuple(shape)
        if self.chains not in (shape[:1] + shape[-1:]):
            raise ShapeError(
                f"the sampler drew normals of shape {shape} for {self.chains} chains: expected the batch as the first "
                "or last axis."
            )
        first = shape[0] == self.chains
        rest = shape[1:] if first else shape[:-1]
        z = self._next(math.prod(rest)).reshape(self.chains, *rest)
        return constant(z if first else np.moveaxis(z, 0, -1), self.like if like is None else like)

    def _next(self, count: int) -> Any:
        z, chain = np.zeros((self.chains, count)), 1 + self._d + self.drawn
        if chain + count < self.chains:
            z[chain : chain + count] = np.eye(count)
            z[-1] = _weights(count, self._d + self.drawn)
        self.drawn += count
        return z

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise InvalidTypeError(
            "the sampler draws random numbers other than normals: expected a sampler that uses only rng.normal."
        )

    uniform = rademacher = integers = choice = spawn = _refuse

    def state(self) -> dict[str, Any]:
        """The number of draws so far."""
        return {"drawn": self.drawn}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state from :meth:`state`."""
        self.drawn = state["drawn"]
