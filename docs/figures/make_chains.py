"""The front page's animation: chains that walk through decreasing noise levels, through a field that a network has
learned.

    python docs/figures/make_chains.py

Ten to twenty seconds on one core. Left in ``docs/figures/chains.gif``: arrows of the learned score at the level of the
moment, behind the chains; the title tells the level, and how many chains are in the larger of the two components.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter

import scorekit as sk
from scorekit_numpy import MLP

TARGET = Path(__file__).with_name("chains.gif")
WEIGHTS = [0.8, 0.2]
LEVELS = sk.noise.Geometric(10.0, 0.1, 36)
SPAN = 7.0  # half of the width of the picture


def learn(mixture):
    """A score network, from samples alone."""
    network = sk.models.Preconditioned(MLP(2, hidden=(64, 64)), sigma_data=4.2)
    objective = sk.objectives.NoiseConditional(sk.noise.LogUniform(15.0, 0.05))
    rate = sk.training.WarmupCosine(8e-3, steps=2000, warmup=100)
    data = mixture.sample(20_000, rng=0)
    return sk.fit(network, objective, data, steps=2000, batch_size=512, learning_rate=rate, progress=False).model


def walk(model):
    """The states at the end of each level, with its noise level: a list of ``(sigma, x)``."""
    sampler = sk.samplers.AnnealedLangevin(LEVELS, steps_per_level=30, step_size=0.2 * 0.1**2)
    start = sk.samplers.initial(LEVELS, (500, 2), rng=1, std=4.2)
    kept = sampler.sample(model, start, rng=2, keep_every=30).trajectory
    levels = [float(LEVELS.sigmas[0]), *LEVELS.sigmas, float(LEVELS.sigmas[-1])]
    return list(zip(levels, [start, *kept], strict=True))


def draw(ax, model, mixture, sigma, x):
    """One frame."""
    ax.clear()
    grid = np.linspace(-SPAN, SPAN, 17)
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    arrows = model(points, sigma)
    length = np.linalg.norm(arrows, axis=1, keepdims=True)
    arrows = arrows / length * np.tanh(sigma * length)  # long where the score is strong for this level
    ax.quiver(*points.T, *arrows.T, color="0.72", scale=22, width=0.004)
    first = mixture.responsibilities(x)[:, 0] > 0.5
    ax.scatter(*x[first].T, s=7, color="#1f5fa8", linewidths=0)
    ax.scatter(*x[~first].T, s=7, color="#c2571a", linewidths=0)
    ax.set(xlim=(-SPAN, SPAN), ylim=(-SPAN, SPAN), aspect="equal", xticks=[], yticks=[])
    ax.set_title(f"noise level {sigma:5.2f}     upper right {first.mean():.0%} (truth {WEIGHTS[0]:.0%})", fontsize=9)


def main():
    mixture = sk.distributions.GaussianMixture(WEIGHTS, [[3.0, 3.0], [-3.0, -3.0]], 0.5)
    model = learn(mixture)
    states = walk(model)
    frames = [*states, *[states[-1]] * 12]  # the end stands still for a while
    figure, ax = plt.subplots(figsize=(4.2, 4.3), layout="constrained")
    movie = FuncAnimation(figure, lambda i: draw(ax, model, mixture, *frames[i]), frames=len(frames))
    movie.save(TARGET, writer=PillowWriter(fps=8), dpi=90)
    plt.close(figure)
    final = states[-1][1]
    print(sk.metrics.mode_weights(final, mixture))
    print(
        "relative error at sigma = 1:",
        sk.metrics.score_error(model, mixture, mixture.smoothed(1.0).sample(5000, rng=3), 1.0),
    )


if __name__ == "__main__":
    main()
