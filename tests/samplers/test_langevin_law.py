"""Unadjusted Langevin on Gaussian data has an exact law after any number of steps: no test waits for convergence."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import CHAINS, SEED, Gaussian, assert_independent, assert_law, assert_normal, langevin_moments
from scorekit.samplers import Langevin


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 60])
@pytest.mark.parametrize(("v", "step"), [(0.5, 0.4), (2.0, 5.0), (1.0, 0.05)])
def test_mean_and_variance_after_any_number_of_steps(v, step, steps):
    # N = 60,000: detects 0.04 sd in the mean and 5.6 % in the variance. One step more or less changes the
    # variance by e/v∞-like shares (40 % at step 1 of the first case); a missing 1/2 changes a.
    m, start = 3.0, -2.0
    x0 = start + np.sqrt(0.3) * sk.rng([SEED, 1]).normal((CHAINS, 2))
    x = Langevin(step, steps).sample(Gaussian(m, v), x0, rng=SEED).x
    a, limit = 1 - step / (2 * v), v / (1 - step / (4 * v))
    mean, variance = m + a**steps * (start - m), a ** (2 * steps) * 0.3 + limit * (1 - a ** (2 * steps))
    assert np.allclose((mean, variance), langevin_moments(start, 0.3, m, v, step, steps))
    assert_law(x, mean, variance, f"{steps} steps")


def test_the_stationary_law_is_stationary_with_its_exact_bias():
    # v∞ = v / (1 - e/(4v)): 33 % above v here, of which 5.6 % would be seen
    v, step = 1.0, 1.0
    limit = v / (1 - step / (4 * v))
    x0 = np.sqrt(limit) * sk.rng([SEED, 2]).normal((CHAINS, 2))
    samples = Langevin(step, 12).sample(Gaussian(0.0, v), x0, rng=SEED, keep_every=1)
    for k in (0, 1, 5, 11):
        assert_law(samples.trajectory[k], 0.0, limit, f"step {k + 1}")


def test_the_noise_of_a_step_is_standard_and_new_at_each_step_for_each_chain_and_coordinate():
    # with a zero score the increments are the noise alone; correlations above 0.056 are seen
    samples = Langevin(0.25, 4).sample(np.zeros_like, np.zeros((CHAINS, 3)), rng=SEED, keep_every=1)
    noise = np.diff(samples.trajectory, axis=0, prepend=0.0)
    for k, z in enumerate(noise):
        assert_law(z, 0.0, 0.25, f"noise of step {k + 1}")
    assert_independent(np.moveaxis(noise[..., 0], 0, 1), "noise of chain i at steps 1 to 4")
    assert_independent(np.concatenate([noise[0, :, :1], noise[1, :, 1:]], axis=1), "noise across steps and coordinates")


def test_full_covariance():
    c = np.array([[2.0, 1.2], [1.2, 1.0]])
    precision, m, step = np.linalg.inv(c), np.array([1.0, -2.0]), 0.3
    x = Langevin(step, 5).sample(lambda x: (m - x) @ precision, np.zeros((CHAINS, 2)), rng=SEED).x
    a, mean, cov = np.eye(2) - step / 2 * precision, -m, np.zeros((2, 2))
    for _ in range(5):
        mean, cov = a @ mean, a @ cov @ a.T + step * np.eye(2)
    whitened = np.linalg.solve(np.linalg.cholesky(cov), (x - m - mean).T).T
    assert_law(whitened, 0.0, 1.0)
    # the law of a rotated target is the rotated law: the sampler knows no axes
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    turned = (
        Langevin(step, 5).sample(lambda y: ((m - y @ turn) @ precision) @ turn.T, np.zeros((CHAINS, 2)), rng=SEED).x
    )
    assert_law(np.linalg.solve(np.linalg.cholesky(cov), (turned @ turn - m - mean).T).T, 0.0, 1.0)


@pytest.mark.parametrize("event", [(1,), (5,), (2, 3), (3, 8, 8)])
def test_every_event_shape_has_the_same_law(event):
    n = 60_000 // int(np.prod(event))
    x = Langevin(0.4, 3).sample(Gaussian(1.0, 0.5), np.zeros((n, *event)), rng=SEED).x
    assert_normal(x, *langevin_moments(0.0, 0.0, 1.0, 0.5, 0.4, 3))


def test_float32_has_the_same_law():
    x = Langevin(0.4, 3).sample(Gaussian(1.0, 0.5), np.zeros((CHAINS, 2), np.float32), rng=SEED).x
    assert x.dtype == np.float32
    assert_law(x, *langevin_moments(0.0, 0.0, 1.0, 0.5, 0.4, 3))


def test_a_wrong_law_is_seen():
    """The tests have power: laws that are off by the effect they claim to detect are refused."""
    z = sk.rng([SEED, 3]).normal((CHAINS, 2))
    with pytest.raises(AssertionError, match="mean is off"):
        assert_normal(z, 9.65 / np.sqrt(z.size), 1.0)
    with pytest.raises(AssertionError, match="variance is off"):
        assert_normal(z, 0.0, 1.0 + 10.5 * np.sqrt(2 / z.size))
    with pytest.raises(AssertionError, match="coordinates 0 and 1"):
        assert_independent(np.stack([z[:, 0], z[:, 1] + 0.06 * z[:, 0]], axis=1))
    with pytest.raises(AssertionError, match="not normal"):
        assert_normal(np.sign(z), 0.0, 1.0)
    with pytest.raises(AssertionError, match="odd chains"):
        assert_independent(np.repeat(z[: CHAINS // 2], 2, axis=0))
