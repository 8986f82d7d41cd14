"""Derivatives where they are easily wrong: on edges, centers, zeros, ties and ends, where plotting grids lie.

``abs``, ``max`` and ``where`` have subgradients, and those of automatic differentiation are wrong wherever the function
that they are part of is smooth. Random points never hit these places; a grid of round numbers hits them all the time.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import scorekit as sk
from scorekit.distributions import Banana, Checkerboard, Empirical, Funnel, Rings, SwissRoll, TwoMoons

BACKENDS = [name for name, installed in sk.backends().items() if installed]

LINES = {
    "halves": np.linspace(-3, 3, 13),  # edges and centers of the default checkerboard's cells, centers of circles
    "thirds": np.linspace(-1, 1, 7),  # edges and centers of a board of three cells
    "plot": np.linspace(-4, 4, 5),
}


def own_points(density):
    """The modes, centers, ends and midpoints of pairs that this density is made of."""
    if isinstance(density, Empirical):
        data = density.data.reshape(len(density.data), -1)[:4]
        return np.concatenate([data, (data[:1] + data[1:]) / 2])
    if isinstance(density, TwoMoons):
        return np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5], [0.0, 1.0], [1.0, -0.5], [1.0, 0.5]])
    if isinstance(density, Rings):
        return np.array([[r, 0.0] for r in density.radii] + [[0.0, -r] for r in density.radii] + [[0.0, 0.0]])
    if isinstance(density, SwissRoll):
        return np.array([[0.0, -0.15 * math.pi], [0.0, 0.45 * math.pi], [0.0, 0.0]])
    if isinstance(density, Banana):
        bend = density.curvature * density.scale**2
        return np.pad([[0.0, -bend], [density.scale, 0.0], [0.0, 0.0]], ((0, 0), (0, density.dim - 2)))
    if isinstance(density, Funnel):
        return np.zeros((1, density.dim))
    if isinstance(density, Checkerboard):
        edges = np.linspace(-density.size / 2, density.size / 2, 2 * density.cells + 1)
        return np.array(list(itertools.product(edges, edges)))
    if hasattr(density, "means"):
        return np.concatenate([density.means, (density.means[:1] + density.means[1:]) / 2])
    return np.zeros((1, density.dim))


def special_points(density):
    shape = density.sample(1, rng=0).shape[1:]
    if math.prod(shape) == 2:
        grids = [np.array(list(itertools.product(line, line))) for line in LINES.values()]
    else:
        grids = [np.random.default_rng(0).choice(LINES["halves"], (12, density.dim)), np.zeros((1, density.dim))]
    return np.concatenate([*grids, own_points(density)]).reshape(-1, *shape)


def central(f, x, step):
    """The Jacobian ``(n, d, d)`` by differences of sixth order: the error is step⁶ times the seventh derivative."""
    d = math.prod(x.shape[1:])
    columns = []
    for j in range(d):
        e = step * np.eye(d)[j].reshape(x.shape[1:])
        rise = [f(x + k * e) - f(x - k * e) for k in (1, 2, 3)]
        columns.append((45 * rise[0] - 9 * rise[1] + rise[2]) / (60 * step))
    return np.stack(columns, axis=-1).reshape(len(x), d, d)


def levels(case):
    return [None, 0.3, 1.0] if case.has_score else [0.3, 1.0]


@pytest.mark.parametrize("name", BACKENDS)
class TestEveryDensity:
    def test_the_gradient_of_the_log_density_is_the_score(self, case, name):
        backend, x = sk.backend(name), special_points(case.density)
        for sigma in levels(case):
            noisy = case.density if sigma is None else case.density.smoothed(sigma)
            _, gradient = backend.grad(noisy.log_prob, backend.asarray(x))
            score = case.density.score(x, sigma)
            np.testing.assert_allclose(backend.to_numpy(gradient), score, rtol=1e-9, atol=1e-10)

    def test_the_trace_of_the_score_is_that_of_its_differences(self, case, name):
        backend, x = sk.backend(name), special_points(case.density)
        for sigma in levels(case):
            _, trace = backend.divergence(lambda y, s=sigma: case.density.score(y, s), backend.asarray(x))
            jacobian = central(lambda y, s=sigma: case.density.score(y, s), x, 6e-4)
            scale = 1 + np.abs(jacobian).sum(axis=(1, 2))
            error = backend.to_numpy(trace) - np.trace(jacobian, axis1=1, axis2=2)
            assert np.abs(error / scale).max() < 2e-8


@pytest.mark.parametrize("name", BACKENDS)
def test_the_derivative_with_respect_to_sigma_is_right_there_too(case, name):
    backend, x = sk.backend(name), special_points(case.density)
    sigma, step = np.full(len(x), 0.5), 1e-3
    weight = np.random.default_rng(1).normal(size=x.shape)
    arrays = [backend.asarray(value) for value in (x, sigma, weight)]
    _, got = backend.vjp(lambda s: case.density.score(arrays[0], s), *arrays[1:])

    rise = [case.density.score(x, sigma + k * step) - case.density.score(x, sigma - k * step) for k in (1, 2, 3)]
    slope = (45 * rise[0] - 9 * rise[1] + rise[2]) / (60 * step)
    expected = (weight * slope).reshape(len(x), -1).sum(axis=1)
    np.testing.assert_allclose(backend.to_numpy(got), expected, rtol=1e-7, atol=1e-7 * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("name", BACKENDS)
def test_the_trace_of_the_checkerboard_at_an_edge_and_a_center(name):
    """By hand: at (½, ¼), sigma = 0.3; with a = log E, b = log O along an axis, tr ∇s = Σ Σ_k r_k (m''/m)_k − |s|²."""
    from scipy.special import ndtr

    backend, sigma, x = sk.backend(name), 0.3, np.array([[0.5, 0.25]])
    edges = np.linspace(-2, 2, 5)

    def bands(at):
        """m and m'' of the even and the odd intervals of an axis."""
        z = (edges - at) / sigma
        density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        mass, curve = np.diff(ndtr(z)), np.diff(-z * density) / sigma**2
        slope = -np.diff(density) / sigma
        return [np.array([value[k::2].sum() for k in (0, 1)]) for value in (mass, slope, curve)]

    (m1, s1, c1), (m2, s2, c2) = bands(x[0, 0]), bands(x[0, 1])
    p = (m1 * m2).sum()
    score = np.array([(s1 * m2).sum(), (m1 * s2).sum()]) / p
    expected = ((c1 * m2).sum() + (m1 * c2).sum()) / p - (score**2).sum()
    assert expected == pytest.approx(-7.259, abs=5e-4)
    _, trace = backend.divergence(lambda y: Checkerboard().score(y, sigma), backend.asarray(x))
    assert float(trace[0]) == pytest.approx(expected, rel=1e-11)
