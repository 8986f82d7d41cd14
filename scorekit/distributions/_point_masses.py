"""Distributions on finitely many points; with noise, mixtures of spherical Gaussians of equal variance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scorekit._arrays import constant
from scorekit.distributions import _isotropic
from scorekit.distributions._base import Density
from scorekit.protocols import Array, Rng
from scorekit.registry import array_namespace

__all__ = ["PointMasses"]


class PointMasses(Density):
    """Σ_i w_i δ(x − c_i). Without noise it has neither a density nor a score.

    A subclass provides ``_event`` and ``_cloud``, the flattened points with their log-weights.
    """

    _cloud: _isotropic.Cloud

    @property
    def dim(self) -> int:
        """The dimension of one sample."""
        return math.prod(self._event)

    def _proportions(self) -> Any:
        """The weights ``(m,)`` of the points, or None if they are equal."""
        return np.exp(self._cloud.log_weights)

    def _sample(self, n: int, rng: Rng, like: Array | None) -> Array:
        chosen = rng.choice(len(self._cloud.centers), (n,), p=self._proportions())
        like = rng.uniform((1,), like)
        xp = array_namespace(like)
        return xp.reshape(xp.take(constant(self._cloud.centers, like), chosen, axis=0), (n, *self._event))

    def _log_prob(self, x: Array, variance: Any) -> Array:
        if variance is None:
            raise self._needs_noise("density")
        return _isotropic.log_density(self._cloud, self._flat(x), variance)

    def _score(self, x: Array, variance: Any) -> Array:
        if variance is None:
            raise self._needs_noise("score")
        return array_namespace(x).reshape(_isotropic.score(self._cloud, self._flat(x), variance), tuple(x.shape))

    @staticmethod
    def _flat(x: Array) -> Array:
        return array_namespace(x).reshape(x, (x.shape[0], -1))
