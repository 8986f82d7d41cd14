"""Every density that the shared tests run over: a new one is one line in ``CASES``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from scorekit.distributions import (
    Banana,
    Checkerboard,
    Density,
    Empirical,
    Funnel,
    Gaussian,
    GaussianMixture,
    Rings,
    ShapesImages,
    SwissRoll,
    TwoMoons,
)

Rule = tuple[np.ndarray, np.ndarray]


class Case(NamedTuple):
    name: str
    density: Density
    rule: Callable[[], Rule] | None = None
    """Nodes (m, d) and weights (m,) that integrate the bare density to 1e-9, made without the density's own code."""
    has_score: bool = True
    """Is there a score without noise?"""
    has_density: bool = True


def box(low: float, high: float, step: float, top: float | None = None) -> Callable[[], Rule]:
    """The trapezoid rule on a rectangle: geometric convergence for what vanishes at its edge."""

    def rule() -> Rule:
        axes = [np.arange(low, end + step / 2, step) for end in (high, high if top is None else top)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        return grid, np.full(len(grid), step * step)

    return rule


def cells(edges: np.ndarray, order: int = 24) -> Callable[[], Rule]:
    """Gauss–Legendre between edges at which the density jumps."""

    def rule() -> Rule:
        node, weight = np.polynomial.legendre.leggauss(order)
        half = np.diff(edges)[:, None] / 2
        axis, w = (edges[:-1, None] + half * (1 + node)).ravel(), (half * weight).ravel()
        grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
        return grid, np.multiply.outer(w, w).ravel()

    return rule


def funnel() -> Rule:
    """The trapezoid rule in coordinates that straighten the funnel: x = (3 a, b exp(1.5 a))."""
    grid, weights = box(-8.0, 8.0, 0.04)()
    stretch = np.exp(1.5 * grid[:, 0])
    return np.stack([3 * grid[:, 0], stretch * grid[:, 1]], axis=1), weights * 3 * stretch


def banana(b: float, v: float) -> Callable[[], Rule]:
    """The trapezoid rule in coordinates that straighten the banana; the area does not change but for the scale."""

    def rule() -> Rule:
        grid, weights = box(-8.0, 8.0, 0.1)()
        first = np.sqrt(v) * grid[:, 0]
        return np.stack([first, grid[:, 1] + b * (first**2 - v)], axis=1), weights * np.sqrt(v)

    return rule


def random_mixture(k: int, d: int, spread: float = 2.0) -> GaussianMixture:
    rng = np.random.default_rng(7)
    root = 0.4 * rng.normal(size=(k, d, d))
    covariances = root @ np.swapaxes(root, 1, 2) + 0.2 * np.eye(d)
    return GaussianMixture(1 + rng.random(k), spread * rng.normal(size=(k, d)), covariances)


POINTS = np.random.default_rng(3).normal(size=(12, 2))

CASES = [
    Case("gaussian", Gaussian([0.5, -1.0], [[1.0, 0.3], [0.3, 0.5]]), box(-9, 9, 0.15)),
    Case("mixture", random_mixture(4, 2), box(-11, 11, 0.1)),
    Case("mixture with an absent component", GaussianMixture([1, 0, 2], POINTS[:3], 0.5), box(-8, 8, 0.15)),
    Case("mixture in 5", random_mixture(3, 5)),
    Case("mixture in 20", random_mixture(3, 20, spread=0.5)),
    Case("banana", Banana(0.5, 1.5), banana(0.5, 2.25)),
    Case("banana pointing down in 4", Banana(-0.8, 1.0, dim=4)),
    Case("banana pointing down", Banana(-0.8, 1.0), banana(-0.8, 1.0)),
    Case("straight banana", Banana(0.0, 1.0), banana(0.0, 1.0)),
    Case("funnel", Funnel(), funnel),
    Case("funnel in 4", Funnel(dim=4, scale=1.5)),
    Case("swiss roll", SwissRoll(noise=0.15), box(-3, 3, 0.04)),
    Case("two moons", TwoMoons(), box(-2.5, 3.5, 0.04)),
    Case("rings", Rings((0.5, 1.5), noise=0.2, weights=(1, 2)), box(-4, 4, 0.06)),
    Case("checkerboard", Checkerboard(), cells(np.linspace(-2, 2, 5)), has_score=False),
    Case("uneven checkerboard", Checkerboard(cells=3, size=2.0), cells(np.linspace(-1, 1, 4)), has_score=False),
    Case("data", Empirical(POINTS), has_score=False, has_density=False),
    Case("images", Empirical(POINTS.reshape(2, 3, 4)), has_score=False, has_density=False),
    Case("shapes", ShapesImages(8, (0.7, 0.3), ("circle", "rings"), 3, 2), has_score=False, has_density=False),
    Case("smoothed data", Empirical(POINTS).smoothed(0.5), box(-8, 8, 0.15)),
    Case("smoothed banana", Banana(0.5, 1.0).smoothed(0.5), box(-9, 9, 0.15, top=34)),
]


def pytest_generate_tests(metafunc: Any) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [pytest.param(c, id=c.name) for c in CASES])
    if "plane_case" in metafunc.fixturenames:
        metafunc.parametrize("plane_case", [pytest.param(c, id=c.name) for c in CASES if c.rule is not None])


@pytest.fixture
def points(case: Case) -> np.ndarray:
    """Points where the density lives, and some around them; not on any edge."""
    rng = np.random.default_rng(11)
    x = case.density.sample(9, rng=5)
    return x + 0.3 * rng.normal(size=x.shape)
