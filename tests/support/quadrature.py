"""Rules that turn an expectation into a sum."""

from __future__ import annotations

import itertools
import math

import numpy as np


def gauss_hermite(mean, covariance, order):
    """Nodes (order^d, d) and weights of N(mean, covariance): exact for polynomials of degree 2 order - 1."""
    mean = np.atleast_1d(np.asarray(mean, float))
    d = len(mean)
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    z = np.array(list(itertools.product(nodes, repeat=d)))
    w = np.array([math.prod(ws) for ws in itertools.product(weights / weights.sum(), repeat=d)])
    return mean + z @ np.linalg.cholesky(np.atleast_2d(covariance)).T, w


def mixture_rule(weights, means, covariances, order):
    """The rules of the components, side by side."""
    rules = [gauss_hermite(m, c, order) for m, c in zip(means, covariances, strict=True)]
    shares = np.asarray(weights) / np.sum(weights)
    return np.concatenate([x for x, _ in rules]), np.concatenate(
        [s * w for s, (_, w) in zip(shares, rules, strict=True)]
    )


def rademacher_vectors(d):
    """All 2^d vectors of signs, shape (2^d, d)."""
    return np.array(list(itertools.product([-1.0, 1.0], repeat=d)))
