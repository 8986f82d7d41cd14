"""The metrics on the exact distributions and samplers of the other rooms."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk

MIXTURE = sk.distributions.GaussianMixture([0.8, 0.2], [[5.0, 5.0], [-5.0, -5.0]], 1.0)
EXACT = [
    MIXTURE,
    sk.distributions.Gaussian([1.0, -1.0, 0.0], np.diag([1.0, 2.0, 3.0])),
    sk.distributions.Banana(),
    sk.distributions.SwissRoll(),
    sk.distributions.Empirical(np.random.default_rng(0).normal(size=(20, 4))),
]


@pytest.mark.parametrize("distribution", EXACT, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_exact_score_has_no_error_anywhere(distribution, dtype):
    report = sk.metrics.score_error_report(
        distribution.score, distribution, (2.0, 0.3), n=60, rng=0, like=np.ones(1, dtype)
    )
    for row in report:
        assert row.error.esm == 0, row
        assert row.error.cosine == pytest.approx(1, abs=1e-6), row


def test_the_score_of_the_wrong_weights_is_wrong_only_between_the_modes():
    """Score matching is blind: at a low level, other weights give nearly the same score wherever there are data."""
    wrong = sk.distributions.GaussianMixture([0.2, 0.8], MIXTURE.means, MIXTURE.covariances)
    report = sk.metrics.score_error_report(wrong.score, MIXTURE, (8.0, 0.1), n=2000, rng=0)
    high, low = (next(r.error for r in report.region("all") if r.sigma == s) for s in (8.0, 0.1))
    assert low.relative_l2 < 1e-3 < high.relative_l2
    box = next(r.error for r in report.region("box") if r.sigma == 0.1)
    assert box.relative_l2 > 0.1


def test_exact_samples_have_the_weights_and_the_wrong_mixture_has_not():
    x = MIXTURE.sample(2000, rng=0)
    result = sk.metrics.mode_weights(x, MIXTURE, level=1 - 1e-6)
    assert np.all((result.lower <= result.truth) & (result.truth <= result.upper))
    assert result.far == 0
    swapped = sk.distributions.GaussianMixture([0.2, 0.8], MIXTURE.means, MIXTURE.covariances)
    result = sk.metrics.mode_weights(swapped.sample(2000, rng=0), MIXTURE, level=1 - 1e-6)
    assert np.all((result.lower > result.truth) | (result.truth > result.upper))


def test_the_assignment_is_that_of_the_responsibilities():
    uneven = sk.distributions.GaussianMixture(
        [0.5, 0.3, 0.2], [[0.0, 0.0], [1.0, 1.0], [-1.0, 2.0]], [[[1, 0.5], [0.5, 1]], np.eye(2), np.diag([4.0, 0.2])]
    )
    x = uneven.sample(3000, rng=1)
    expected = np.bincount(uneven.responsibilities(x).argmax(axis=1), minlength=3) / 3000
    assert sk.metrics.mode_weights(x, uneven).proportions == pytest.approx(expected)


def test_two_samples_of_one_law_are_near_and_of_another_far():
    roll = sk.distributions.SwissRoll()
    a, b = roll.sample(3000, rng=1), roll.sample(2500, rng=2)
    same = sk.metrics.sliced_wasserstein(a, b)
    assert 10 * same < sk.metrics.sliced_wasserstein(a, b + 3 * b.std())


def test_langevin_cannot_cross_and_the_shares_say_so():
    """From uniform starts half the chains end in each mode; the intervals exclude the weights 0.8 and 0.2."""
    x0 = np.random.default_rng(0).uniform(-8, 8, size=(400, 2))
    samples = sk.samplers.Langevin(step_size=0.1, steps=150).sample(MIXTURE.score, x0, rng=0)
    result = sk.metrics.mode_weights(samples.x, MIXTURE)
    assert result.upper[0] < 0.8
    assert str(result).count("*") == 2
