"""Simulation-based inference: the posterior of two_moons (Lueckmann et al. 2021, arXiv:2101.04653).

A network learns the score of the parameters conditional on the observation, at many noise levels. Annealed sampling
with this condition samples the posterior. The posterior is known exactly, and the classifier of the benchmark compares
both: 0.5 means that it cannot tell them apart. Usage: ``python docs/recipes/two_moons.py`` (three minutes on one core;
the comparison needs scikit-learn).
"""

from __future__ import annotations

import numpy as np
import torch

import scorekit as sk
from scorekit_torch import MLP


def simulate(theta, rng):
    """x = (cos a · r + 1/4, sin a · r) + (−|θ1 + θ2|, −θ1 + θ2)/√2, with a ~ U(−π/2, π/2) and r ~ N(0.1, 0.01²)."""
    a, r = np.pi * (rng.uniform((len(theta),)) - 0.5), 0.1 + 0.01 * rng.normal((len(theta),))
    moon = np.stack([np.cos(a) * r + 0.25, np.sin(a) * r], axis=1)
    return moon + np.stack([-np.abs(theta[:, 0] + theta[:, 1]), theta[:, 1] - theta[:, 0]], axis=1) / np.sqrt(2)


def learn(simulations=10_000, steps=20_000):
    """Trains the score model s(theta, sigma, x) on pairs."""
    rng = sk.rng(0)
    theta = 2 * rng.uniform((simulations, 2)) - 1
    pairs = tuple(torch.as_tensor(each, dtype=torch.float32) for each in (theta, simulate(theta, rng)))
    network = MLP(2, hidden=(128, 128, 128), condition_dim=2, dtype="float32")
    rate = sk.training.WarmupCosine(2e-3, steps, warmup=500)
    objective = sk.objectives.NoiseConditional(sk.noise.LogUniform(3.0, 0.003), weighting="edm", sigma_data=0.58)
    model = sk.models.Preconditioned(network, sigma_data=0.58)
    return sk.fit(model, objective, pairs, steps=steps, batch_size=512, learning_rate=rate).model


def posterior(model, x, n=10_000):
    """``n`` samples of theta conditional on the observation ``x``."""
    noise = sk.noise.Geometric(3.0, 0.003, 100)
    start = sk.samplers.initial(noise, (n, 2), rng=1, like=torch.zeros(1, dtype=torch.float32), std=0.58)
    given = sk.models.condition(model, torch.as_tensor(x, dtype=torch.float32))
    return sk.samplers.ConsistentAnnealed(noise).sample(given, start, rng=2).x.numpy().astype(float)


def exact_posterior(x, n, rng):
    """``n`` exact samples of theta conditional on ``x``, by solving the simulator for theta with both signs."""
    kept = []
    while sum(map(len, kept)) < n:
        a, r = np.pi * (rng.uniform((n,)) - 0.5), 0.1 + 0.01 * rng.normal((n,))
        along, across = np.cos(a) * r + 0.25 - x[0], x[1] - np.sin(a) * r
        u = along * rng.rademacher((n,))
        theta = np.stack([u - across, u + across], axis=1) / np.sqrt(2)
        kept.append(theta[(along > 0) & (np.abs(theta) < 1).all(axis=1)])
    return np.concatenate(kept)[:n]


if __name__ == "__main__":
    observation = np.array([0.0, 0.0])
    samples, exact = posterior(learn(), observation), exact_posterior(observation, 10_000, sk.rng(3))
    for name, found in (("learned", samples), ("exact", exact)):
        print(f"{name}: mean of |theta1 + theta2| {np.abs(found.sum(axis=1)).mean():.3f}")
    print(f"C2ST: {sk.metrics.c2st(exact, samples, rng=1, classifier='mlp').accuracy:.3f}")
