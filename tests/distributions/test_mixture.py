"""The mixture and the Gaussian: closed forms, spellings, speed of the hot loop's ingredients, refusals."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from scipy import stats

import scorekit as sk
from scorekit.distributions import Gaussian, GaussianMixture, mixture

WEIGHTS, MEANS = [1.0, 2.0, 1.0], np.array([[0.0, 0.0], [3.0, -1.0], [-2.0, 2.0]])
COVARIANCES = np.array([[[1.0, 0.5], [0.5, 0.6]], [[0.3, 0.0], [0.0, 2.0]], [[0.5, -0.2], [-0.2, 0.4]]])
X = np.random.default_rng(0).normal(size=(40, 2)) * 2


@pytest.fixture
def three():
    return GaussianMixture(WEIGHTS, MEANS, COVARIANCES)


def by_hand(x, variance):
    """Densities of the components (n, k), and their scores (n, k, d), from the definition."""
    total = COVARIANCES + variance * np.eye(2)
    proportion = np.array(WEIGHTS) / sum(WEIGHTS)
    p = np.stack(
        [w * stats.multivariate_normal(m, c).pdf(x) for w, m, c in zip(proportion, MEANS, total, strict=True)], 1
    )
    pull = np.stack([(m - x) @ np.linalg.inv(c) for m, c in zip(MEANS, total, strict=True)], 1)
    return p, pull


@pytest.mark.parametrize("sigma", [None, 0.3, 5.0])
def test_the_closed_forms(three, sigma):
    p, pull = by_hand(X, (sigma or 0.0) ** 2)
    proportions = p / p.sum(axis=1, keepdims=True)
    expected = (proportions[:, :, None] * pull).sum(axis=1)
    density = three if sigma is None else three.smoothed(sigma)
    np.testing.assert_allclose(density.log_prob(X), np.log(p.sum(axis=1)), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(three.score(X, sigma), expected, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(three.responsibilities(X, sigma), proportions, rtol=1e-10, atol=1e-14)
    if sigma is not None:  # the way through the eigenvectors, one level a sample
        many = np.full(len(X), sigma)
        np.testing.assert_allclose(three.score(X, many), expected, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(three.responsibilities(X, many), proportions, rtol=1e-10, atol=1e-14)


def test_the_two_ways_agree_across_the_dimension_where_they_change():
    for d in (1, 2, 16, 17, 40):
        rng = np.random.default_rng(d)
        root = rng.normal(size=(3, d, d)) / math.sqrt(d)
        density = GaussianMixture([1, 2, 3], rng.normal(size=(3, d)), root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(d))
        x = density.sample(20, rng=0)
        np.testing.assert_allclose(density.score(x, 0.5), density.score(x, np.full(20, 0.5)), rtol=1e-9, atol=1e-10)
        smooth = density.smoothed(0.5)
        np.testing.assert_allclose(smooth.score(x), density.score(x, 0.5), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_at_a_thousand_deviations_the_score_is_the_nearest_components(three, dtype):
    x = np.array([[1e3, 5e2], [-1e3, 1e3], [3e2, -2e3], [-5e2, -5e2]], dtype=dtype)
    _, pull = by_hand(x.astype(float), 0.0)
    total = -0.5 * np.einsum("nkj,kij,nki->nk", pull, COVARIANCES, pull)
    expected = pull[np.arange(4), total.argmax(axis=1)]
    digits = 1e-14 if dtype == np.float64 else 3e-7
    np.testing.assert_allclose(three.score(x), expected, rtol=10 * digits, atol=1e3 * digits)
    np.testing.assert_allclose(three.score(x, np.full(4, 1e-9, dtype)), expected, rtol=10 * digits, atol=1e3 * digits)
    assert np.isfinite(three.log_prob(x)).all()
    np.testing.assert_allclose(three.responsibilities(x).sum(axis=1), 1.0, rtol=1e-6)


def test_narrow_components_far_from_the_origin_keep_their_precision():
    density = GaussianMixture([1, 1], [[1e4, 1e4], [1e4 + 1, 1e4]], 1e-4)
    x = np.array([[1e4, 1e4]]) + np.array([[0.01, -0.02]])
    np.testing.assert_allclose(density.score(x), (np.array([[1e4, 1e4]]) - x) / 1e-4, rtol=1e-9)


def test_an_absent_component_is_as_if_it_were_not_there():
    with_it, without = GaussianMixture([1, 0], [[0.0], [1.0]], 1.0), GaussianMixture([1], [[0.0]], 1.0)
    x = np.linspace(-50, 50, 7)[:, None]
    for sigma in (None, 0.5, np.full(7, 0.5)):
        np.testing.assert_allclose(with_it.score(x, sigma), without.score(x, sigma), atol=1e-12)
    np.testing.assert_allclose(with_it.log_prob(x), without.log_prob(x), atol=1e-12)
    np.testing.assert_array_equal(with_it.responsibilities(x)[:, 1], 0.0)


def test_covariances_in_every_spelling():
    variances = np.array([0.5, 1.0, 2.0])
    full = GaussianMixture(WEIGHTS, MEANS, variances[:, None, None] * np.eye(2))
    assert GaussianMixture(WEIGHTS, MEANS, variances) == full
    assert GaussianMixture(WEIGHTS, MEANS, np.repeat(variances[:, None], 2, axis=1)) == full
    assert GaussianMixture(WEIGHTS, MEANS, 0.5) == GaussianMixture(WEIGHTS, MEANS, [0.5, 0.5, 0.5])
    assert GaussianMixture([1, 1], MEANS[:2], [0.5, 0.5]) == GaussianMixture([1, 1], MEANS[:2], 0.5)


def test_a_level_is_prepared_once_and_few_are_kept(three, monkeypatch):
    made = []
    original = mixture.make_plan
    noise = lambda spectrum: (spectrum - three._eigenvalues)[0, 0].round(9)  # noqa: E731
    monkeypatch.setattr(mixture, "make_plan", lambda *a: made.append(noise(a[2])) or original(*a))
    for sigma in (2.0, 1.0, 2.0, None, 1.0):
        three.score(X, sigma)
    assert made == [4.0, 1.0, 0.0]
    for sigma in np.geomspace(0.1, 1.0, 50):
        three.score(X, sigma)
    assert len(three._plans) == mixture.PLANS_KEPT


def test_it_is_a_value(three):
    again = GaussianMixture(np.array(WEIGHTS) * 7, MEANS, COVARIANCES)
    assert three == again
    assert hash(three) == hash(again)
    assert pickle.loads(pickle.dumps(three)) == three
    assert three != GaussianMixture(WEIGHTS, MEANS + 1, COVARIANCES)
    with pytest.raises(AttributeError):
        three.weights = [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        three.means[0, 0] = 7.0
    assert MEANS.flags.writeable  # a copy was closed, not the caller's array
    assert repr(three) == "GaussianMixture(3 components in 2 dimensions, weights [0.25, 0.5, 0.25])"


def test_the_gaussian_is_its_formula():
    mean, covariance = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 0.5]])
    density = Gaussian(mean, covariance)
    for sigma in (None, 0.8):
        total = covariance + (sigma or 0.0) ** 2 * np.eye(2)
        np.testing.assert_allclose(density.score(X, sigma), (mean - X) @ np.linalg.inv(total), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(density.log_prob(X), stats.multivariate_normal(mean, covariance).logpdf(X), rtol=1e-12)
    np.testing.assert_array_equal(density.mean, mean)
    np.testing.assert_allclose(density.smoothed(2.0).covariance, covariance + 4 * np.eye(2))
    assert Gaussian([0.0, 0.0], [1.0, 4.0]) == Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]])
    assert Gaussian([0.0, 0.0], 2.0) == Gaussian([0.0, 0.0], [2.0, 2.0])


def test_draws_of_a_gaussian_have_its_mean_and_covariance():
    """z-scores of five moments at 5.3: false alarm 6e-7. With 50,000 draws 7 % of a variance is found as surely."""
    mean, covariance = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 0.5]])
    x = Gaussian(mean, covariance).sample(50_000, rng=2) - mean
    values = np.stack([x[:, 0], x[:, 1], x[:, 0] ** 2, x[:, 1] ** 2, x[:, 0] * x[:, 1]], axis=1)
    z = (values.mean(axis=0) - [0, 0, 2.0, 0.5, 0.6]) / (values.std(axis=0) / math.sqrt(50_000))
    assert np.abs(z).max() < 5.3


REFUSED = [
    (([], MEANS, 1.0), r"weights have shape \(0,\): expected \(k,\)"),
    (([[1.0]], MEANS, 1.0), r"weights have shape \(1, 1\): expected \(k,\)"),
    (([1, -1, 1], MEANS, 1.0), "weights must not be negative, the smallest is -1.0"),
    (([0, 0, 0], MEANS, 1.0), "weights sum to zero"),
    (([1, np.nan, 1], MEANS, 1.0), "weights holds NaN or infinity in 1 of 3 entries"),
    (([1, 1], MEANS, 1.0), r"means have shape \(3, 2\) for 2 weights: expected \(2, d\)"),
    (([1, 1], [0.0, 1.0], 1.0), r"For one feature use means\[:, None\]"),
    ((WEIGHTS, MEANS, np.eye(2)), r"covariances have shape \(2, 2\) for 3 means in 2 dimensions: expected \(3, 2, 2\)"),
    ((WEIGHTS, MEANS, -1.0), "variances must be positive, the smallest is -1.0"),
    ((WEIGHTS, MEANS, -COVARIANCES), "covariances must be positive definite: that of component"),
    ((WEIGHTS, MEANS, np.ones((3, 2, 2))), "component 0 has eigenvalues from"),
    ((WEIGHTS, MEANS, COVARIANCES + np.eye(2, k=1)), "covariances must be symmetric: that of component"),
    (([1, 1], MEANS[:2], np.eye(2) + 0.1), r"covariances of shape \(2, 2\) are ambiguous for 2 means in 2 dimensions"),
    (([1, 1], MEANS[:2], [1.0, 2.0]), r"v\[:, None, None\] \* numpy.eye\(d\)"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_a_mixture_refuses(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        GaussianMixture(*arguments)
    assert isinstance(caught.value, sk.ScorekitError)


def test_what_a_gaussian_refuses():
    with pytest.raises(sk.ShapeError, match=r"mean has shape \(\): expected \(d,\)"):
        Gaussian(0.0, 1.0)
    with pytest.raises(sk.ShapeError, match=r"covariance has shape \(3,\) for a mean of shape \(2,\)"):
        Gaussian([0.0, 0.0], [1.0, 1.0, 1.0])
    with pytest.raises(TypeError, match="mean must hold real numbers"):
        Gaussian(["a"], 1.0)
