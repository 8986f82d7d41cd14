"""Shapes as a law on images."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.distributions import ShapesImages

PROPORTIONS = (0.85, 0.1, 0.04, 0.01)
LAW = ShapesImages(16, PROPORTIONS)


def test_it_is_the_mixture_of_its_templates():
    """By enumeration: a template's weight is its kind's share over the number of templates of that kind."""
    law = ShapesImages(8, (0.7, 0.3), ("triangle", "circle"), positions=4, radii=2)
    x = law.sample(20, rng=0) + 0.3 * np.random.default_rng(1).normal(size=(20, 1, 8, 8))
    weights = np.array([law.weights[k] / (law.labels == k).sum() for k in law.labels])
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    flat, centers = x.reshape(20, 64), law.templates.reshape(-1, 64)
    for sigma in (0.1, 0.6, 5.0):
        logits = np.log(weights) - ((flat[:, None] - centers) ** 2).sum(axis=2) / (2 * sigma**2)
        top = logits.max(axis=1, keepdims=True)
        mass = np.exp(logits - top)
        score = (mass @ centers / mass.sum(axis=1, keepdims=True) - flat) / sigma**2
        np.testing.assert_allclose(law.score(x, sigma).reshape(20, 64), score, rtol=1e-9, atol=1e-8)
        log_prob = np.log(mass.sum(axis=1)) + top[:, 0] - 32 * np.log(2 * np.pi * sigma**2)
        np.testing.assert_allclose(law.smoothed(sigma).log_prob(x), log_prob, rtol=1e-10)


def test_draws_have_the_shares_and_every_template_of_a_kind_is_as_likely():
    """20,000 draws: counts within 6 binomial sd of n w_k, and of n w_k / m_k for each template."""
    n = 20_000
    drawn = LAW.sample(n, rng=None)
    direction = np.random.default_rng(0).normal(size=256)  # along which no two templates fall together
    found = abs(drawn.reshape(n, 256) @ direction[:, None] - LAW.templates.reshape(-1, 256) @ direction).argmin(axis=1)
    np.testing.assert_array_equal(drawn, LAW.templates[found])
    for k, proportion in enumerate(PROPORTIONS):
        mine = np.flatnonzero(LAW.labels == k)
        counts = np.bincount(found, minlength=len(LAW.labels))[mine]
        assert abs(counts.sum() - n * proportion) < 6 * np.sqrt(n * proportion * (1 - proportion))
        expected = n * proportion / len(mine)
        assert abs(counts - expected).max() < 8 * np.sqrt(expected) + 8


def test_the_classifier_of_shapes_knows_the_kinds():
    found = sk.datasets.classify_shapes(LAW.templates)
    np.testing.assert_array_equal(found.labels, LAW.labels)
    noisy = LAW.smoothed(0.1).sample(500, rng=1)
    distance = ((noisy.reshape(500, 1, -1) - LAW.templates.reshape(1, -1, 256)) ** 2).sum(axis=2)
    np.testing.assert_array_equal(sk.datasets.classify_shapes(noisy).labels, LAW.labels[distance.argmin(axis=1)])


def test_a_kind_without_a_share_is_not_there():
    with_none = ShapesImages(8, {"circle": 0.5, "rings": 0.5, "square": 0.0}, ("circle", "square", "rings"))
    without = ShapesImages(8, (0.5, 0.5), ("circle", "rings"))
    x = without.sample(9, rng=0) + 0.1
    np.testing.assert_array_equal(with_none.score(x, 0.2), without.score(x, 0.2))
    assert with_none != without


def test_tensors():
    torch = pytest.importorskip("torch")
    drawn = LAW.sample(5, rng=0, like=torch.zeros(1))
    assert (drawn.shape, drawn.dtype) == ((5, 1, 16, 16), torch.float32)
    np.testing.assert_allclose(LAW.score(drawn, 0.2).numpy(), LAW.score(drawn.numpy(), 0.2), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"size": 4}, ValueError, "size must be at least 8"),
        ({"kinds": ("star",)}, ValueError, "unknown kind 'star'"),
        ({"proportions": (1, 2, 3, 4)}, ValueError, r"sum to 10: expected non-negative numbers that sum to 1\."),
        ({"positions": 0}, ValueError, "positions must be at least 1"),
        ({"radii": 1.5}, TypeError, "radii must be an integer"),
    ],
)
def test_what_it_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        ShapesImages(**arguments)
