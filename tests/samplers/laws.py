"""Exact tests for exact laws, recursions that the chains must follow, and models that tell what they were asked.

Each assertion raises a false alarm with probability 1e-6 (``ALPHA``), for any seed: set ``SCOREKIT_TEST_SEED`` to try.
With N independent numbers it detects, with the same certainty, a shift of the mean of 9.65/sqrt(N) standard deviations
and a change of the variance by a proportion of 9.65·sqrt(2/N): for N = 60,000, 0.04 sd and 5.6 %. Of correlations
between n
pairs it detects 9.65/sqrt(n): for n = 30,000, 0.056.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

import scorekit as sk
from scorekit.samplers.kernels import ChainSampler, Schedule

ALPHA = 1e-6
SEED = int(os.environ.get("SCOREKIT_TEST_SEED", "20240229"))
CHAINS = 30_000


def assert_normal(x, mean, variance, what=""):
    """Independent draws of N(mean, variance), mean and variance broadcast to x: two exact tests, and a third."""
    z = (np.asarray(x, dtype=float) - mean) / np.sqrt(variance)
    p_mean = 2 * stats.norm.sf(abs(z.mean()) * np.sqrt(z.size))
    assert p_mean > ALPHA, f"{what}: the mean is off by {z.mean():.4f} sd (p = {p_mean:.1e})"
    total = (z**2).sum()
    p_variance = 2 * min(stats.chi2.sf(total, z.size), stats.chi2.cdf(total, z.size))
    assert p_variance > ALPHA, f"{what}: the variance is off by a factor {total / z.size:.4f} (p = {p_variance:.1e})"
    p_shape = stats.kstest(z[: len(z) // 2].ravel(), "norm").pvalue
    assert p_shape > ALPHA, f"{what}: not normal (p = {p_shape:.1e})"


def assert_independent(x, what=""):
    """No correlation between coordinates, between neighboring chains, or between the halves of the batch."""
    x = np.asarray(x, dtype=float).reshape(len(x), -1)
    half = len(x) // 2
    pairs = {f"coordinates 0 and {j}": (x[:, 0], x[:, j]) for j in range(1, x.shape[1])}
    pairs["even and odd chains"] = (x[: 2 * half : 2].ravel(), x[1 : 2 * half : 2].ravel())
    pairs["halves"] = (x[:half].ravel(), x[half : 2 * half].ravel())
    for name, (a, b) in pairs.items():
        p = stats.pearsonr(a, b).pvalue
        assert p > ALPHA, f"{what}: {name} are correlated (p = {p:.1e})"


def assert_law(x, mean, variance, what=""):
    assert_normal(x, mean, variance, what)
    assert_independent(np.asarray(x, dtype=float) - mean, what)


def langevin_moments(mean, variance, m, v, step, steps):
    """Moments of ``steps`` unadjusted steps on N(m, v): x - m shrinks by a, then N(0, step) is added."""
    a = 1 - step / (2 * v)
    for _ in range(steps):
        mean, variance = m + a * (mean - m), a**2 * variance + step
    return mean, variance


def annealed_moments(mean, variance, m, v, sigmas, steps, step_size):
    """Moments at the end of each level on data N(m, v), whose smoothed variance is v + sigma²."""
    rows = []
    for sigma in sigmas:
        alpha = step_size * sigma**2 / sigmas[-1] ** 2
        mean, variance = langevin_moments(mean, variance, m, v + sigma**2, alpha, steps)
        rows.append((mean, variance))
    return rows


def denoised_moments(mean, variance, m, v, sigma):
    """Moments after x + sigma² s(x, sigma): x - m shrinks by v / (v + sigma²)."""
    shrink = v / (v + sigma**2)
    return m + shrink * (mean - m), shrink**2 * variance


def consistent_moments(mean, variance, m, v, levels, eta=None):
    """Moments at each level but the first on data N(m, v), of which x starts with ``mean`` and ``variance``.

    x - m shrinks by 1 - eta sigma²/(v + sigma²), then the noise is added that makes |1 - eta| sigma up to sigma'.
    """
    rows = []
    for sigma, after in pairwise(levels):
        eta_i = 1 - (after / sigma) ** 2 if eta is None else eta
        shrink = 1 - eta_i * sigma**2 / (v + sigma**2)
        mean = m + shrink * (mean - m)
        variance = shrink**2 * variance + after**2 - (1 - eta_i) ** 2 * sigma**2
        rows.append((mean, variance))
    return rows


def clamped_moments(mean, variance, law, y, steps):
    """Moments of the second of two coordinates after each stage, the first being clamped at y.

    A stage is (sigma, drift, noise, T): the first coordinate is y + sigma z, z drawn once; then T times the second gets
    drift times the score of ``law`` smoothed at sigma, and noise of that variance. Its score is linear, -p (f - m) - q
    (k - m'), so f - m goes through T steps of f <- a f + b k + noise with a = 1 - drift p, b = -drift q.
    """
    (m_known, m_free), covariance = law
    rows = []
    for sigma, drift, noise, count in steps:
        precision = np.linalg.inv(np.asarray(covariance) + sigma**2 * np.eye(2))
        a, b = 1 - drift * precision[1, 1], -drift * precision[1, 0]
        moved = b * sum(a**k for k in range(count))
        mean = m_free + a**count * (mean - m_free) + moved * (y - m_known)
        variance = a ** (2 * count) * variance + (moved * sigma) ** 2 + noise * sum(a ** (2 * k) for k in range(count))
        rows.append((mean, variance))
    return rows


class Gaussian:
    """The score of N(m, v I) smoothed at sigma; remembers each call."""

    def __init__(self, m=0.0, v=1.0):
        self.m, self.v, self.points, self.sigmas = m, v, [], []

    def __call__(self, x, sigma=None):
        self.points.append(x)
        self.sigmas.append(sigma)
        return (self.m - x) / (self.v + (0.0 if sigma is None else sigma**2))


@dataclass(frozen=True)
class Custom(ChainSampler):
    """A schedule that is handed in."""

    kernels: Any
    rows: Any

    def schedule(self):
        return Schedule(self.kernels, self.rows)


class TapedRng:
    """A stream of the NumPy backend that keeps a copy of each draw, and whose draws must not be changed."""

    def __init__(self, seed=0):
        self._inner, self.draws = sk.rng(seed), []

    def normal(self, shape, like=None):
        z = self._inner.normal(shape, like)
        z.flags.writeable = False
        self.draws.append(z.copy())
        return z

    def rademacher(self, shape, like=None):
        raise AssertionError("a sampler draws normals")

    def outer(self, shape):
        """The draws as ``(n, *event)``, whichever order of axes the driver asked for (n must differ from the event)."""
        return [z if z.shape == tuple(shape) else np.moveaxis(z, -1, 0) for z in self.draws]
