"""Random dimensions, Gaussians, mixtures and smooth models."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from support import FAMILIES, mixture_rule

ORDERS = {1: 48, 2: 32, 3: 18, 4: 11}


class Density(NamedTuple):
    """A Gaussian mixture: its exact score, and nodes and weights that integrate against it."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def d(self):
        return self.means.shape[1]

    def score(self, x, sigma=None):
        """Written out plainly, so that the laws do not lean on the library's own mixture."""
        logs, scores = [], []
        for w, m, c in zip(self.weights, self.means, self.covariances, strict=True):
            pulled = np.linalg.solve(c, (m - x).T).T
            logs.append(np.log(w) - 0.5 * np.sum((m - x) * pulled, axis=1) - 0.5 * np.linalg.slogdet(c)[1])
            scores.append(pulled)
        r = np.exp(np.array(logs) - np.max(logs, axis=0))
        return np.einsum("kn,kni->ni", r / r.sum(axis=0), np.array(scores))

    def rule(self, order=None):
        return mixture_rule(self.weights, self.means, self.covariances, order or ORDERS[self.d])

    def smoothed(self, sigma):
        return self._replace(covariances=self.covariances + sigma**2 * np.eye(self.d))


def _covariance(generator, d):
    a = generator.uniform(-0.4, 0.4, (d, d))
    return a @ a.T + np.diag(generator.uniform(0.5, 1.2, d))


@st.composite
def gaussians(draw, max_dim=4):
    d = draw(st.integers(1, max_dim))
    g = np.random.default_rng(draw(st.integers(0, 2**32)))
    return Density(np.ones(1), g.uniform(-1, 1, (1, d)), np.stack([_covariance(g, d)]))


@st.composite
def mixtures(draw, max_dim=2):
    """Two or three overlapping components: their responsibilities are then smooth enough for the rule."""
    d, k = draw(st.integers(1, max_dim)), draw(st.integers(2, 3))
    g = np.random.default_rng(draw(st.integers(0, 2**32)))
    base = _covariance(g, d)
    return Density(
        g.uniform(0.2, 1, k), g.uniform(-0.35, 0.35, (k, d)), np.stack([base * g.uniform(0.9, 1.1) for _ in range(k)])
    )


@st.composite
def models(draw, d):
    """A family and its parameters."""
    family = draw(st.sampled_from(FAMILIES))
    g = np.random.default_rng(draw(st.integers(0, 2**32)))
    return family, g.uniform(-0.6, 0.6, family.size(d))


@st.composite
def density_and_model(draw, densities):
    density = draw(densities)
    family, theta = draw(models(density.d))
    return density, family, theta


seeds = st.integers(0, 2**32)
