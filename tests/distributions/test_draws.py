"""Draws against densities, by statistics with a known false alarm.

Each assertion is over 60 z-scores at once, with a threshold of 5.9: false alarm 60 · 2 · P(Z > 5.9) = 2e-7. With 20,000
draws and waves of standard deviation about 0.7, a mean that is off by 2 · 5.9 · 0.7/√20000 = 0.06 is found with
the same certainty.
"""

from __future__ import annotations

import numpy as np

DRAWS, WAVES, THRESHOLD = 20_000, 60, 5.9


def waves(d, seed=0):
    """Frequencies (WAVES, d) over two decades, and phases."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(WAVES, d)) / np.sqrt(d)
    return direction * np.geomspace(0.1, 10.0, WAVES)[:, None], rng.uniform(0, 2 * np.pi, WAVES)


def z_scores(values, expected):
    """Of means over the first axis; a value that hardly varies is held to rounding instead."""
    return (values.mean(axis=0) - expected) / (values.std(axis=0) / np.sqrt(len(values)) + 1e-9)


def test_draws_have_the_characteristic_function_of_the_density(plane_case):
    """E cos(w·x + a) from draws and by quadrature; noise multiplies it by exp(−sigma² |w|²/2)."""
    frequency, phase = waves(2)
    nodes, weights = plane_case.rule()
    kept = (mass := weights * np.exp(plane_case.density.log_prob(nodes))) > 1e-13
    wave = np.exp(1j * nodes[kept] @ frequency.T)
    for sigma in (None, 0.4):
        density = plane_case.density if sigma is None else plane_case.density.smoothed(sigma)
        damping = np.exp(-0.5 * (sigma or 0.0) ** 2 * (frequency**2).sum(axis=1))
        expected = (np.exp(1j * phase) * (mass[kept] @ wave) * damping).real
        x = density.sample(DRAWS, rng=12)
        assert np.abs(z_scores(np.cos(x @ frequency.T + phase), expected)).max() < THRESHOLD


def test_draws_and_score_satisfy_steins_identity(case):
    """E[f s + ∇f] = 0 for f = cos(w·x + a): draws and score belong together, in any dimension."""
    density = case.density.smoothed(0.7)
    x = density.sample(DRAWS, rng=4)
    score, x = density.score(x).reshape(DRAWS, -1), x.reshape(DRAWS, -1)
    frequency, phase = waves(x.shape[1], seed=1)
    angle = x @ frequency.T + phase
    for j in range(min(x.shape[1], 3)):
        values = np.cos(angle) * score[:, j : j + 1] - np.sin(angle) * frequency[:, j]
        assert np.abs(z_scores(values, 0.0)).max() < THRESHOLD
