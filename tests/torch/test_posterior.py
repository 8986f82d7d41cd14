"""A conditional network that was trained on pairs has the exact posterior: theta ~ N(0, I), y = A theta + noise.

The posterior is N(m(y), C) with C = (I + AᵀA/s²)⁻¹ and m(y) = C Aᵀ y / s². Smoothed by sigma its score is
−(C + sigma² I)⁻¹ (theta − m(y)), which is linear in theta and y at each level.
"""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk

torch = pytest.importorskip("torch")

from scorekit_torch import MLP  # noqa: E402

A = np.array([[1.0, 0.5], [-0.3, 0.8], [0.2, 0.2]])
SPREAD = 0.7
C = np.linalg.inv(np.eye(2) + A.T @ A / SPREAD**2)
GAIN = C @ A.T / SPREAD**2  # m(y) = GAIN y
LEVELS = sk.noise.Geometric(2.0, 0.2, 4)


def pairs(n, seed=0):
    g = np.random.default_rng(seed)
    theta = g.normal(size=(n, 2))
    return torch.tensor(theta), torch.tensor(theta @ A.T + SPREAD * g.normal(size=(n, 3)))


class Linear(torch.nn.Module):
    """W_i theta + V_i y + b_i at level i: it can be exact."""

    def __init__(self):
        super().__init__()
        shape = (len(LEVELS), 2, 5)
        self.weight = torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64))
        self.bias = torch.nn.Parameter(torch.zeros(shape[:2], dtype=torch.float64))

    def forward(self, theta, sigma, y):
        levels = torch.tensor(LEVELS.sigmas.copy())
        i = (sigma[:, None] / levels).log().abs().argmin(1)
        return torch.einsum("nij,nj->ni", self.weight[i], torch.cat([theta, y], 1)) / sigma[:, None] + self.bias[i]


def mean_and_covariance(model, sigma, y):
    """Of the law whose score is the model's, if it is Gaussian: from its Jacobian, and from where it vanishes."""
    told = sk.models.condition(model, torch.tensor(y))

    def score(theta):
        return told(torch.tensor(theta), sigma).detach().numpy()

    origin = score(np.zeros((1, 2)))
    jacobian = (score(np.eye(2)) - origin).T
    return -np.linalg.solve(jacobian, origin[0]), -np.linalg.inv(jacobian) - sigma**2 * np.eye(2)


@pytest.mark.parametrize("variance_reduction", [None, pytest.param("antithetic", marks=pytest.mark.slow)])
def test_the_posterior_of_a_linear_gaussian_model_at_every_level(variance_reduction):
    """Its error is that of a regression on 20,000 pairs, a quarter of which has each level: 4.9 standard errors."""
    n = 20_000
    objective = sk.objectives.NoiseConditional(LEVELS, variance_reduction=variance_reduction)
    rate = sk.training.WarmupCosine(0.1, 400)
    model = sk.fit(
        Linear(),
        objective,
        pairs(n),
        steps=400,
        batch_size=n,
        learning_rate=rate,
        ema=None,
        gradient_clip=None,
        progress=False,
    ).model
    error = np.sqrt(np.linalg.norm(C, 2) / (n / len(LEVELS)))  # of a coefficient of the regression of theta on y
    y = np.array([0.7, -1.0, 0.4])
    for sigma in LEVELS.sigmas:
        mean, covariance = mean_and_covariance(model, float(sigma), y)
        assert np.abs(mean - GAIN @ y).max() < 4.9 * error * (1 + np.abs(y).sum())
        assert np.abs(covariance - C).max() < 4.9 * error


@pytest.mark.slow
def test_a_perceptron_learns_the_posterior_and_samples_it():
    """Mean and covariance of 20,000 posterior samples of a network that was not made for it, to 0.05."""
    network = sk.models.Preconditioned(MLP(2, hidden=(64, 64), condition_dim=3), sigma_data=1.0)
    objective = sk.objectives.NoiseConditional(sk.noise.LogUniform(5.0, 0.02), "edm", sigma_data=1.0)
    rate = sk.training.WarmupCosine(3e-3, 6000, 200)
    model = sk.fit(
        network, objective, pairs(50_000), steps=6000, batch_size=512, learning_rate=rate, progress=False
    ).model
    noise = sk.noise.Geometric(5.0, 0.02, 60)
    for y in ([0.7, -1.0, 0.4], [-1.5, 0.3, 0.0]):
        start = sk.samplers.initial(noise, (20_000, 2), rng=1, like=torch.zeros(1, dtype=torch.float64), std=1.0)
        told = sk.models.condition(model, torch.tensor(y, dtype=torch.float64))
        x = sk.samplers.ConsistentAnnealed(noise).sample(told, start, rng=2).x.numpy()
        assert np.abs(x.mean(axis=0) - GAIN @ y).max() < 0.05
        assert np.abs(np.cov(x.T) - C).max() < 0.05
