"""The impulse law: exact moments from the code that runs, against recursions written on their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import annealed_moments, clamped_moments, consistent_moments, denoised_moments, langevin_moments
from scorekit.noise import Geometric
from scorekit.samplers import AnnealedLangevin, ConsistentAnnealed, Inpaint, Langevin
from scorekit.samplers.kernels import ChainSampler, denoising_row, linear_schedule
from scorekit.testing import impulse_law

EXACT = {"rtol": 1e-12, "atol": 1e-13}
SIGMAS = [3.0, 1.5, 0.6, 0.3]
M, V = 2.0, 0.7


def score(x, sigma=None):
    return (M - x) / (V + (0.0 if sigma is None else sigma**2))


def assert_moments(law, mean, variance, **tolerance):
    """Equal in each coordinate, and none correlated."""
    assert np.allclose(law.mean, mean, **(tolerance or EXACT))
    d = law.mean.size
    assert np.allclose(law.covariance, variance * np.eye(d), **(tolerance or EXACT))
    assert np.allclose(law.variance, variance, **(tolerance or EXACT))


@pytest.mark.parametrize("steps", [1, 2, 10, 60])
@pytest.mark.parametrize("step_size", [0.05, 0.7, 2.5])
@pytest.mark.parametrize("event", [(1,), (2, 2)])
def test_langevin(steps, step_size, event):
    law = impulse_law(Langevin(step_size, steps), score, np.full(event, -1.0), 0.3)
    assert_moments(law, *langevin_moments(-1.0, 0.3, M, V, step_size, steps))
    assert law.mean.shape == event
    assert law.draws == steps * np.prod(event)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("denoise", [True, False])
def test_annealed_langevin(steps, denoise):
    law = impulse_law(AnnealedLangevin(SIGMAS, steps, 0.12, denoise), score, np.zeros(2), 25.0)
    row = annealed_moments(0.0, 25.0, M, V, SIGMAS, steps, 0.12)[-1]
    assert_moments(law, *(denoised_moments(*row, M, V, SIGMAS[-1]) if denoise else row))
    assert law.draws == 2 * 4 * steps  # none for the denoising step


@pytest.mark.parametrize("eta", [None, 0.6, 1.0, 1.3])
@pytest.mark.parametrize("denoise", [True, False])
def test_consistent_sampling(eta, denoise):
    law = impulse_law(ConsistentAnnealed(SIGMAS, eta, denoise=denoise), score, np.zeros(2), 9.0)
    row = consistent_moments(0.0, 9.0, M, V, SIGMAS, eta)[-1]
    assert_moments(law, *(denoised_moments(*row, M, V, SIGMAS[-1]) if denoise else row))
    assert law.draws == (4 if eta == 0.6 else 6)  # 0.6 is 1 - gamma of the second step, which has no noise


@dataclass(frozen=True)
class Denoising(ChainSampler):
    sigma: float

    def schedule(self):
        return linear_schedule([denoising_row(self.sigma)])


def test_denoising():
    law = impulse_law(Denoising(0.6), score, np.array([5.0]), 1.7)
    assert_moments(law, *denoised_moments(5.0, 1.7, M, V, 0.6))
    assert law.draws == 0


def test_full_covariances_of_data_and_start():
    c, start = np.array([[2.0, 1.2], [1.2, 1.0]]), np.array([[1.0, -0.4], [-0.4, 0.5]])
    data = sk.distributions.Gaussian([1.0, -2.0], c)
    law = impulse_law(AnnealedLangevin(SIGMAS, 2, 0.05), data.score, np.array([3.0, 0.0]), start)
    mean, cov = np.array([3.0, 0.0]), start
    for sigma in SIGMAS:
        e, precision = 0.05 * sigma**2 / 0.09, np.linalg.inv(c + sigma**2 * np.eye(2))
        for _ in range(2):
            a = np.eye(2) - e / 2 * precision
            mean, cov = data.mean + a @ (mean - data.mean), a @ cov @ a.T + e * np.eye(2)
    a = np.eye(2) - 0.09 * np.linalg.inv(c + 0.09 * np.eye(2))
    assert np.allclose(law.mean, data.mean + a @ (mean - data.mean), **EXACT)
    assert np.allclose(law.covariance, a @ cov @ a.T, **EXACT)


def test_a_score_that_is_no_gradient():
    """x + e/2 (B x + h) with a B that is not symmetric: A = I + e/2 B, C becomes A C Aᵀ + e I at each step."""
    b, h, start = np.array([[-1.0, 0.8], [-0.2, -0.5]]), np.array([0.3, -1.0]), np.array([[1.0, 0.6], [0.6, 2.0]])
    law = impulse_law(Langevin(0.4, 5), lambda x: x @ b.T + h, np.array([1.0, 2.0]), start)
    a, mean, cov = np.eye(2) + 0.2 * b, np.array([1.0, 2.0]), start
    for _ in range(5):
        mean, cov = a @ mean + 0.2 * h, a @ cov @ a.T + 0.4 * np.eye(2)
    assert np.allclose(law.mean, mean, **EXACT)
    assert np.allclose(law.covariance, cov, **EXACT)


@pytest.mark.parametrize("denoise", [True, False])
def test_inpainting(denoise):
    mean, covariance = (1.0, -0.5), [[1.0, 0.9], [0.9, 1.2]]
    data = sk.distributions.Gaussian(list(mean), covariance)
    inner = AnnealedLangevin(SIGMAS, 3, 0.02, denoise)
    law = impulse_law(Inpaint(inner, [True, False], [3.0, np.nan]), data.score, np.zeros(2), [4.0, 0.25])
    stages = [(s, 0.01 * (s / 0.3) ** 2, 0.02 * (s / 0.3) ** 2, 3) for s in SIGMAS]
    stages += [(0.3, 0.09, 0.0, 1)] if denoise else []
    known, variance = clamped_moments(0.0, 0.25, (mean, covariance), 3.0, stages)[-1]
    assert np.allclose(law.mean, [3.0, known], **EXACT)
    assert np.allclose(law.covariance, [[0.0, 0.0], [0.0, variance]], **EXACT)


@dataclass
class Loop:
    """A sampler of a user's own: a loop, whose noise has a wrong factor, or is used for two steps."""

    factor: float = 1.0
    reuse: bool = False

    def sample(self, model, x0, rng):
        x, z = x0, None
        for k in range(6):
            z = z if self.reuse and k % 2 else rng.normal(x.shape, like=x)
            x = x + 0.2 * model(x) + self.factor * 0.4**0.5 * z
        return x


def test_a_loop_of_a_users_own_and_its_bugs():
    expected = langevin_moments(0.0, 0.0, M, V, 0.4, 6)
    assert_moments(impulse_law(Loop(), score, np.zeros(2)), *expected)
    for wrong in (Loop(factor=1 + 1e-9), Loop(factor=-1.001), Loop(reuse=True)):
        law = impulse_law(wrong, score, np.zeros(2))
        assert np.allclose(law.mean, expected[0], **EXACT)
        assert not np.allclose(law.covariance, expected[1] * np.eye(2), **EXACT)


@pytest.mark.parametrize("sampler", [Langevin(0.1, 8), ConsistentAnnealed(Geometric(3.0, 0.1, 9))])
def test_frameworks_and_float32_agree(sampler):
    expected = impulse_law(sampler, score, np.zeros((2, 2)), 1.5)
    likes = [np.zeros(1, np.float32)]
    torch = pytest.importorskip("torch")
    likes += [torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float32)]
    for like in likes:
        law = impulse_law(sampler, score, np.zeros((2, 2)), 1.5, like=like)
        tolerance = 1e-5 if "32" in str(like.dtype) else 1e-12
        assert np.allclose(law.mean, expected.mean, atol=tolerance)
        assert np.allclose(law.covariance, expected.covariance, rtol=tolerance, atol=tolerance)


class Accepting(Loop):
    def sample(self, model, x0, rng):
        return x0 * rng.uniform(x0.shape[:1])


class Flat(Loop):
    def sample(self, model, x0, rng):
        return x0[:, 0]


class Odd(Loop):
    def sample(self, model, x0, rng):
        return x0 + rng.normal((3,))[0]


class Uneven(Loop):
    def sample(self, model, x0, rng):
        draws = [rng.normal(x0.shape) for _ in range(1 + len(x0) // 5)]
        return x0 + sum(draws)


class Coupled(Loop):
    def sample(self, model, x0, rng):
        return x0 + x0[::-1]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: impulse_law(Langevin, score, np.zeros(2)), TypeError, "sampler is .*expected an object with sample"),
        (lambda: impulse_law(score, score, np.zeros(2)), TypeError, "sampler is a function"),
        (lambda: impulse_law(Loop(), score, 0.0), ValueError, "mean is 0.0: expected an array"),
        (lambda: impulse_law(Loop(), score, np.zeros(2), np.ones(3)), ValueError, r"covariance has shape \(3,\)"),
        (lambda: impulse_law(Loop(), lambda x: -(x**3), np.ones(2)), ValueError, "not affine with this model"),
        (lambda: impulse_law(Coupled(), score, np.ones(2)), ValueError, "chains that do not depend on each other"),
        (lambda: impulse_law(Uneven(), score, np.ones(2)), ValueError, "drew 2 numbers per chain .* 4 with 6"),
        (lambda: impulse_law(Accepting(), score, np.ones(2)), TypeError, "draws random numbers other than normals"),
        (lambda: impulse_law(Flat(), score, np.ones(2)), ValueError, r"sample returned shape \(4,\)"),
        (lambda: impulse_law(Odd(), score, np.ones(2)), ValueError, r"drew normals of shape \(3,\) for 4 chains"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words) as caught:
        call()
    assert isinstance(caught.value, sk.ScorekitError)
