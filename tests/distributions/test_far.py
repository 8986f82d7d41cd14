"""Rings, two moons and data far outside and at tiny noise, against 50 digits and extended precision."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scorekit as sk
from scorekit.distributions import Empirical, Rings, TwoMoons

mp = pytest.importorskip("mpmath")

SIGMAS = [1e-4, 1e-2, 0.3, 5.0, 1e3]
DIRECTIONS = np.array([[1.0, 0.0], [0.0, -1.0], [-0.6, 0.8], [0.28, 0.96]])
RADII = [0.0, 1e-6, 0.7, 1.0, 1.3, 20.0, 1e3]
POINTS = np.concatenate([r * DIRECTIONS for r in RADII])
BACKENDS = [name for name, installed in sk.backends().items() if installed]


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(50):
        yield


def exact(x):
    return [mp.mpf(float(value)) for value in np.ravel(x)]


def ring(point, sigma, radii, weights):
    """log p and the score, by the Bessel functions of the closed form."""
    a, b = exact(point)
    r, v = mp.sqrt(a * a + b * b), mp.mpf(sigma) ** 2
    terms, slopes = [], []
    for radius, weight in zip(radii, weights, strict=True):
        z = r * radius / v
        decay = mp.exp(-((r - radius) ** 2) / (2 * v))
        terms.append(weight * decay * mp.exp(-z) * mp.besseli(0, z))
        slopes.append((radius * mp.besseli(1, z) / mp.besseli(0, z) - r) / v)
    total = mp.fsum(terms)
    slope = mp.fsum(t * s for t, s in zip(terms, slopes, strict=True)) / total
    score = [float(slope * c / r) if r else 0.0 for c in (a, b)]
    return float(mp.log(total / (2 * mp.pi * v))), score


def arc(a, b, v):
    """The integrals of 1, cos t and sin t times exp(−|(a, b) − (cos t, sin t)|²/2v − top) over [0, π], and top.

    Extended precision; Gauss–Legendre on panels that halve toward the ends and the nearest point, down to v/(r + v).
    """
    r, angle, pi = np.hypot(a, b), np.arctan2(b, a), np.longdouble(np.pi)
    widths = pi * 0.5 ** np.arange(np.ceil(np.log2(float(32 * (r + v) / v))))
    centers = [np.longdouble(0), pi, *([angle] if 0 < angle < pi else [])]
    cuts = np.unique(np.concatenate([[0, pi], *(c + sign * widths for c in centers for sign in (-1, 1)), centers]))
    cuts = cuts[(cuts >= 0) & (cuts <= pi)]
    node, weight = np.polynomial.legendre.leggauss(30)
    half = np.diff(cuts)[:, None] / 2
    t = (cuts[:-1, None] + half * (1 + node)).ravel()
    exponent = -((a - np.cos(t)) ** 2 + (b - np.sin(t)) ** 2) / (2 * v)
    mass = (half * weight).ravel() * np.exp(exponent - exponent.max())
    return np.array([mass.sum(), (mass * np.cos(t)).sum(), (mass * np.sin(t)).sum()]), exponent.max()


def moons(point, sigma):
    (a, b), v = point.astype(np.longdouble), np.longdouble(sigma) ** 2
    (one, first), (two, second) = arc(a, b, v), arc(1 - a, np.longdouble(0.5) - b, v)
    top = max(first, second)
    one, two = one * np.exp(first - top), two * np.exp(second - top)
    mass = one[0] + two[0]
    center = np.array([one[1] + two[0] - two[1], one[2] + two[0] / 2 - two[2]]) / mass
    return float(np.log(mass / (4 * np.longdouble(np.pi) ** 2 * v)) + top), ((center - [a, b]) / v).astype(float)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("name", ["rings", "moons"])
def test_everywhere_at_every_level(name, sigma, dtype):
    radii, weights = (0.5, 1.0, 1.5), (0.2, 0.3, 0.5)
    density = Rings(radii, 0.0, weights) if name == "rings" else TwoMoons(0.0)
    x = POINTS.astype(dtype)
    known = [ring(p, sigma, radii, weights) if name == "rings" else moons(p, sigma) for p in x]
    log_p, score = (np.array(column) for column in zip(*known, strict=True))
    rounding = np.finfo(dtype).eps
    for backend in BACKENDS:
        array = sk.backend(backend).asarray(x)
        got = sk.backend(backend).to_numpy(density.smoothed(sigma).log_prob(array))
        np.testing.assert_allclose(got, log_p, rtol=1e-12 + rounding, atol=1e-10)
        got = sk.backend(backend).to_numpy(density.score(array, sigma)).astype(float)
        size = np.linalg.norm(score, axis=1, keepdims=True) + 0.3 / sigma
        slack = 4 * np.finfo(float).eps * (1 + np.linalg.norm(x, axis=1, keepdims=True)) / sigma**2  # c − x is rounded
        assert (np.abs(got - score) <= (1e-10 + rounding) * size + slack).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("density", [Rings(noise=0.0), TwoMoons(0.0)])
def test_derivatives_far_outside(density, backend):
    """The gradient of log p is the score; the trace is that of differences."""
    backend = sk.backend(backend)
    x, step = np.concatenate([POINTS[POINTS[:, 0] ** 2 + POINTS[:, 1] ** 2 > 1e-3], [[0.0, 0.0]]]), 1e-5
    for sigma in (0.05, 1.0, 30.0):
        _, gradient = backend.grad(density.smoothed(sigma).log_prob, backend.asarray(x))
        score = density.score(x, sigma)
        np.testing.assert_allclose(backend.to_numpy(gradient), score, rtol=1e-8, atol=1e-8 / sigma)
        h = step * sigma * (1 + np.linalg.norm(x, axis=1, keepdims=True))
        rise = [
            (density.score(x + h * e, sigma) - density.score(x - h * e, sigma))[:, i] / (2 * h[:, 0])
            for i, e in enumerate(np.eye(2))
        ]
        _, trace = backend.divergence(lambda y, s=sigma: density.score(y, s), backend.asarray(x))
        np.testing.assert_allclose(backend.to_numpy(trace), sum(rise), rtol=1e-4, atol=1e-4 / sigma**2)


# ---------------------------------------------------------------- data


def cloud(data, point, sigma):
    """log p and the score of data with noise, in extended precision from differences."""
    rows, point = data.reshape(len(data), -1).astype(np.longdouble), point.ravel().astype(np.longdouble)
    v, d = np.longdouble(sigma) ** 2, rows.shape[1]
    logits = -np.sum((point - rows) ** 2, axis=1) / (2 * v)
    proportions = np.exp(logits - logits.max())
    log_p = np.log(proportions.sum() / len(rows)) + logits.max() - d / 2 * np.log(2 * np.pi * v)
    return log_p, (proportions @ rows / proportions.sum() - point) / v


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("d", [1, 2, 8, 9, 64, 3072])
def test_data_everywhere_at_every_level(d, sigma, dtype):
    rng = np.random.default_rng(d)
    data = rng.random((12, d)) + 3.0
    data[3] = data[2]  # a picture that is there twice
    z = rng.normal(size=(12, d))
    near = np.concatenate([data[:6] + sigma * z[:6], data[6:8], data[8:9] + 1e-3 * sigma * z[:1]])
    far = np.concatenate([r * z[6:9] / np.sqrt(d) for r in (0.0, 30.0, 1e3)])
    x = np.concatenate([near, far]).astype(dtype)
    known = [cloud(data, point, sigma) for point in x]
    log_p, score = np.array([k[0] for k in known], float), np.array([k[1] for k in known], float)
    rounding = np.finfo(dtype).eps
    for backend in BACKENDS:
        array = sk.backend(backend).asarray(x)
        got = sk.backend(backend).to_numpy(Empirical(data).smoothed(sigma).log_prob(array)).astype(float)
        np.testing.assert_allclose(got, log_p, rtol=2e-13 + rounding, atol=1e-10)
        got = sk.backend(backend).to_numpy(Empirical(data).score(array, sigma)).astype(float)
        # x and the data are rounded: what is lost against their size, in units of the noise
        slack = 40 * np.finfo(float).eps * np.abs(x).max(axis=1, keepdims=True) / sigma**2
        assert (np.abs(got - score) <= (1e-9 + 2 * rounding) * np.abs(score) + slack + 1e-12 / sigma).all()


def test_the_density_of_data_at_tiny_noise_in_many_dimensions():
    """At x_i + sigma z alone by far: log p = −|z|²/2 − d log(sigma √2π) − log N, whatever sigma."""
    rng, d = np.random.default_rng(0), 3072
    data, z = rng.random((5, d)), rng.normal(size=(5, d))
    for sigma in (1e-3, 1e-6, 1e-9):
        x = data + sigma * z
        noise = (x - data) / sigma  # what is left of z
        expected = -0.5 * np.sum(noise**2, axis=1) - d * math.log(sigma * math.sqrt(2 * math.pi)) - math.log(5)
        np.testing.assert_allclose(Empirical(data).smoothed(sigma).log_prob(x), expected, rtol=1e-13)
        np.testing.assert_allclose(Empirical(data).score(x, sigma), -noise / sigma, rtol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("d", [2, 30])
def test_derivatives_at_ties_between_data(backend, d):
    """Half of the way between two points both are nearest: the gradient is the score all the same."""
    backend, data = sk.backend(backend), np.random.default_rng(1).integers(-4, 5, size=(6, d)).astype(float)
    x = np.concatenate([(data[:1] + data[1:]) / 2, data])
    for sigma in (0.3, 2.0, 50.0):
        _, gradient = backend.grad(Empirical(data).smoothed(sigma).log_prob, backend.asarray(x))
        np.testing.assert_allclose(
            backend.to_numpy(gradient), Empirical(data).score(x, sigma), rtol=1e-10, atol=1e-9 / sigma
        )
