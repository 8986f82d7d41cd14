r"""
Noise levels from the data
==========================

Which noise levels, how many, and which step size? ``sk.noise.design`` chooses them from the
data by the rules of Song and Ermon (2020).
"""

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk

mixture = sk.distributions.GaussianMixture([0.8, 0.2], [[5.0, 5.0], [-5.0, -5.0]], 1.0)
data = mixture.sample(5000, rng=0)

# %%
# Three rules
# -----------
# 1. *The largest level* is the largest distance of two samples: the noisiest data are then one
#    blob, and a chain can go anywhere.
# 2. *The ratio* of neighbors is such that their noise overlaps by one half. The radius of
#    :math:`N(0, \sigma^2 I)` in :math:`D` dimensions is nearly
#    :math:`N(\sqrt D\, \sigma, \sigma^2/2)`, so that levels must be close together if :math:`D`
#    is large: :math:`\gamma = 1 + O(1/\sqrt{D})`. In few dimensions it would be large, and is 1.5
#    at most.
# 3. *The step* makes the variance at each level, after its few steps, as near to :math:`\sigma_i^2` as can be.

noise = sk.noise.design(data, sigma_min=0.1, steps_per_level=20)
print(noise.report())

# %%
# The same rules for data of more dimensions: small images have five times as many levels.

sizes = [2, 10, 100, 784, 3072]
sequences = [
    sk.noise.design(sk.rng(1).uniform((200, size)), sigma_max=50.0, sigma_min=0.01)
    for size in sizes
]
for size, levels in zip(sizes, sequences, strict=True):
    print(
        f"D = {size:5}: {levels.levels:4} levels, ratio {levels.ratio:.4f}, overlap {levels.overlap:.3f}"
    )

fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
sk.plot.noise_levels(noise, left)
left.set_title(f"these data: {noise.levels} levels")
sk.plot.noise_levels(sequences[3], right)
right.set_title(f"784 dimensions: {sequences[3].levels} levels")
plt.show()

# %%
# The step compared with theory
# -----------------------------
# If all data were one point, a step at level :math:`i` would multiply the distance from it
# by :math:`1 - u` and add :math:`N(0, 2u\sigma_i^2)`, where :math:`u = \varepsilon /
# 2\sigma_L^2`. If a chain enters the level with relative variance :math:`v` of the previous
# level, its variance relative to :math:`\sigma_i^2` after :math:`T` steps is
#
# .. math:: (1 - u)^{2T} (\gamma^2 v - v_\infty) + v_\infty, \qquad v_\infty = \frac{1}{1 - u/2}.
#
# Chains agree with this formula at every level.

sampler = sk.samplers.AnnealedLangevin(
    noise, noise.steps_per_level, noise.step_size, denoise=False
)
start = sk.samplers.initial(noise, (20_000, 2), rng=2)
run = sampler.sample(
    lambda x, sigma: -x / sigma**2, start, rng=3, keep_every=noise.steps_per_level
)
measured = run.trajectory.var(axis=(1, 2)) / noise.sigmas**2

u = noise.step_size / (2 * noise.smallest**2)
rest, v, predicted = 1 / (1 - u / 2), 1 / noise.ratio**2, []
for _ in range(noise.levels):
    v = (1 - u) ** (2 * noise.steps_per_level) * (noise.ratio**2 * v - rest) + rest
    predicted.append(v)

fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
ax.plot(noise.sigmas, predicted, color="#a8a8a8", linewidth=4, label="theory")
error = measured * np.sqrt(2 / 40_000)
ax.errorbar(
    noise.sigmas,
    measured,
    error,
    fmt="o",
    color="#1f3b73",
    markersize=4,
    label="20,000 chains, 1 s.e.",
)
ax.set_xscale("log")
ax.invert_xaxis()
ax.set_xlabel(r"noise level $\sigma_i$, from the first to the last")
ax.set_ylabel(r"variance over $\sigma_i^2$")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Limits of the rules
# -------------------
# The rules depend on the noise and not on the levels where the modes separate. Chains have
# the right width at each level, but their proportions lag behind. Proportions need more
# steps, "as many as the time allows", with a different step size.

start = sk.samplers.initial(
    noise, (4000, 2), rng=4, mean=data.mean(axis=0), std=data.std(axis=0)
)
for count in (20, 200):
    longer = sk.noise.design(data, sigma_min=0.1, steps_per_level=count)
    sampler = sk.samplers.AnnealedLangevin(longer, count, longer.step_size)
    found = sk.metrics.mode_weights(sampler.sample(mixture.score, start, rng=5).x, mixture)
    print(
        f"{count:3} steps per level: proportion {found.proportions[0]:.3f} [{found.lower[0]:.3f}, "
        f"{found.upper[0]:.3f}] for 0.8"
    )

# %%
# The check: the relative standard error of the variance of 40,000 independent numbers is
# :math:`\sqrt{2/40000}`, and at each level the chains are within 5.5 standard errors of the
# formula.

off = np.abs(measured / predicted - 1) / np.sqrt(2 / 40_000)
print(
    f"largest deviation from theory: {off.max():.1f} standard errors, over {noise.levels} levels"
)
assert off.max() < 5.5, off
