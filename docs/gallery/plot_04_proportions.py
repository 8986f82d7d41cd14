r"""
Why Langevin gets the proportions wrong, and annealing gets them right
======================================================================

Two components are far apart, with 0.8 of the data in one and 0.2 in the other. Between them
there are no data, and :math:`\nabla \log p` does not depend on the weights: near the first
component it is the score of the first, for every proportion.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk
from scorekit_numpy import MLP

SEED = int((sys.argv[1:] or ["0"])[0])


def rng(*stream):
    """A separate random stream for each use."""
    return sk.rng((SEED, *stream))


# sphinx_gallery_thumbnail_number = 3
mixture = sk.distributions.GaussianMixture([0.8, 0.2], [[5.0, 5.0], [-5.0, -5.0]], 1.0)
data = mixture.sample(10_000, rng=rng(0)).astype("float32")

# %%
# Where the weights are
# ---------------------
# Smoothed by :math:`\sigma`, the score along the line through both means is :math:`\sum_k
# r_k(x)(\mu_k - x)/(1 + \sigma^2)`. It depends on the weights only through the
# responsibilities :math:`r_k`. If these are 0 or 1 on all of the mass, the weights have no
# effect on a chain. At one point of the line the two components are equally likely. Chains
# cross if the proportion of the mass close to that point is large. This is so for
# :math:`\sigma` from about 8 to 2.5, and for no smaller :math:`\sigma`.

sigmas = np.geomspace(0.1, 30, 60)
centers = np.array([[5.0, 5.0], [-5.0, -5.0]])
unsure = []
for sigma in sigmas:
    x = mixture.smoothed(float(sigma)).sample(4000, rng=rng(1))
    logits = np.log([0.8, 0.2]) - np.sum((x[:, None] - centers) ** 2, axis=2) / (
        2 * (1 + sigma**2)
    )
    r = 1 / (1 + np.exp(logits[:, 1] - logits[:, 0]))
    unsure.append(np.mean((r > 0.05) & (r < 0.95)))

fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
ax.semilogx(sigmas, unsure, color="#1f3b73")
ax.axvspan(2.5, 8, color="0.9", label="where the proportions are decided")
ax.set_xlabel(r"noise level $\sigma$")
ax.set_ylabel("proportion of the mass that\nbelongs to both modes")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Noise levels for this
# ---------------------
# The levels are coarse where the data are one blob and where the modes are separate, and
# fine between. The step at each level is :math:`0.2\,\sigma_i^2`.

SIGMA_MAX, SIGMA_MIN = 30.0, 0.1
far, between, near = (
    np.geomspace(20, 8, 4),
    np.geomspace(8, 2.5, 16),
    np.geomspace(2.5, SIGMA_MIN, 10),
)
levels = sk.noise.Levels((*far[:-1], *between, *near[1:]))

network = MLP(2, hidden=(64, 64, 64), dtype="float32", rng=rng(2))
learned = sk.fit(
    sk.models.Preconditioned(network, sigma_data=5.0),
    sk.objectives.NoiseConditional(sk.noise.LogUniform(SIGMA_MAX, SIGMA_MIN)),
    data,
    steps=3000,
    batch_size=512,
    learning_rate=sk.training.WarmupCosine(8e-3, 3000, warmup=200),
    rng=SEED,
    progress=False,
).model

# %%
# Four ways
# ---------
# Plain and annealed Langevin dynamics, each with the exact score and with the learned one.
# This separates the error of the sampler from the error of the field.

N = 4000
langevin = sk.samplers.Langevin(step_size=0.1, steps=1000)
annealed = sk.samplers.AnnealedLangevin(
    levels, steps_per_level=60, step_size=0.2 * SIGMA_MIN**2
)
spread = (20 * rng(3).uniform((N, 2)) - 10).astype("float32")
noisy = sk.samplers.initial(levels, (N, 2), rng=rng(4), like=data, std=5.0)
runs = {
    "Langevin, exact score": langevin.sample(mixture.score, spread, rng=rng(5)),
    "Langevin, learned score": langevin.sample(
        sk.models.at(learned, SIGMA_MIN), spread, rng=rng(6)
    ),
    "annealed, exact score": annealed.sample(mixture.score, noisy, rng=rng(7)),
    "annealed, learned score": annealed.sample(learned, noisy, rng=rng(8)),
}
proportions = {name: sk.metrics.mode_weights(run.x, mixture) for name, run in runs.items()}

fig, axes = plt.subplots(2, 2, figsize=(8.4, 8.4), layout="constrained")
held_out = mixture.sample(N, rng=rng(9))
for ax, (name, run) in zip(axes.flat, runs.items(), strict=True):
    sk.plot.samples(run.x, ax, reference=held_out, limits=10.0)
    ax.set_title(f"{name}: {proportions[name].proportions[0]:.3f}")
plt.show()

# %%
# The proportion of the mode of weight 0.8, with exact 95 % intervals.

fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
sk.plot.mode_proportions(proportions, ax)
plt.show()
for name, found in proportions.items():
    print(
        f"{name:24} {found.proportions[0]:.3f}  [{found.lower[0]:.3f}, {found.upper[0]:.3f}]"
    )

# %%
# The time at the decisive levels
# -------------------------------
# Langevin chains end in the half of the plane where they began. For a symmetric start the
# proportion is 0.5. (The learned score is not determined in the empty space, and its border
# lies elsewhere.) For annealed chains the proportions are determined while the modes
# overlap, and the number of steps there decides how close they come to the truth. Ten
# levels in geometric progression have three between 8 and 2.5. With few steps at each, even
# the exact score lags behind: the proportion starts at 0.5 and stays too low.

coarse = sk.noise.Geometric(20.0, SIGMA_MIN, 10)
counts = (5, 10, 20, 50, 150)
lags = []
for i, count in enumerate(counts):
    sampler = sk.samplers.AnnealedLangevin(coarse, count, step_size=0.2 * SIGMA_MIN**2)
    lags.append(
        sk.metrics.mode_weights(
            sampler.sample(mixture.score, noisy, rng=rng(10, i)).x, mixture
        )
    )
    print(f"10 levels × {count:3} steps, exact score: {lags[-1].proportions[0]:.3f}")

fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
middle = np.array([found.proportions[0] for found in lags])
bars = [
    middle - [found.lower[0] for found in lags],
    [found.upper[0] for found in lags] - middle,
]
ax.errorbar(
    counts,
    middle,
    bars,
    fmt="o-",
    color="#1f3b73",
    capsize=3,
    label="exact score, 95 % interval",
)
ax.axhline(0.8, color="#a8a8a8", linewidth=4, zorder=0, label="truth")
ax.set_xscale("log")
ax.set_xticks(counts, counts)
ax.minorticks_off()
ax.set_xlabel("steps at each of 10 levels")
ax.set_ylabel("proportion of mode 1")
ax.legend(frameon=False, loc="lower right")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Two checks. The proportions of plain Langevin are those of its initial points: a count of
# N fair coins, within five standard deviations. Those of annealing are the true ones,
# within five standard deviations and the bias of a sequence of levels of this length
# (0.01).

coin = 5 * np.sqrt(0.25 / N)
assert abs(proportions["Langevin, exact score"].proportions[0] - 0.5) < coin, proportions
assert (
    abs(proportions["annealed, exact score"].proportions[0] - 0.8)
    < 5 * np.sqrt(0.16 / N) + 0.01
), proportions
assert abs(proportions["annealed, learned score"].proportions[0] - 0.8) < 0.05, proportions
