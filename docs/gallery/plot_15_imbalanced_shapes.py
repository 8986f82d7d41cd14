r"""
Imbalanced shapes: do samples keep the proportions?
===================================================

Half of the images are circles, one in twenty are rings. The distribution of these images is
known, and so is its score at every noise level. All errors on this page are therefore
errors of the samplers, not of a network.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk

SEED = int((sys.argv[1:] or ["0"])[0])


def rng(*stream):
    """A separate random stream for each use."""
    return sk.rng((SEED, *stream))


# sphinx_gallery_thumbnail_number = 2
PROPORTIONS = {"circle": 0.5, "square": 0.3, "triangle": 0.15, "rings": 0.05}
law = sk.distributions.ShapesImages(16, PROPORTIONS)
data = law.sample(2000, rng=rng(0)).astype("float32")
print(law)

# %%
# Where the proportions are determined
# ------------------------------------
# The distribution is a mixture of 269 templates :math:`t_{ki}`, and with noise a mixture of
# Gaussians: :math:`p_\sigma = \sum_k w_k \tfrac1{m_k} \sum_i N(t_{ki}, \sigma^2 I)`. The
# score depends on the proportion :math:`w_k` only where :math:`p_\sigma(k \mid x)` is
# neither 0 nor 1. The relative entropy :math:`H(k \mid x)/H(k)` measures how uncertain the
# class of a noisy image is. It is 1 where the data are one blob and 0 where each chain
# keeps its class. The classes are determined between these, for :math:`\sigma` from about 3
# to 0.6.


def entropy(proportions):
    """In nats, of proportions along the last axis."""
    return -np.sum(proportions * np.log(np.maximum(proportions, 1e-300)), axis=-1)


sigmas = np.geomspace(0.3, 20, 25)
parts = [sk.distributions.ShapesImages(16, kinds=(kind,)) for kind in law.kinds]
doubt = []
for sigma in map(float, sigmas):
    x = law.smoothed(sigma).sample(500, rng=rng(1))
    logits = np.log(law.weights) + np.stack(
        [part.smoothed(sigma).log_prob(x) for part in parts], axis=1
    )
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    doubt.append(np.mean(entropy(chance)) / entropy(law.weights))

fig, (left, right) = plt.subplots(
    1, 2, figsize=(8.4, 3.2), layout="constrained", width_ratios=(1, 2)
)
sk.plot.image_grid(data[:25], left, columns=5, limits=(0, 1))
left.set_title("data", fontsize="medium")
right.semilogx(sigmas, doubt, color="#1f3b73")
right.axvspan(0.6, 3, color="0.9", label="decided here")
right.set_xlabel(r"noise level $\sigma$")
right.set_ylabel("doubt about the kind\nthat is left")
right.legend(frameon=False, loc="lower right")
right.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Three samplers
# --------------
# All use the exact score and 180 evaluations of it. Plain Langevin dynamics runs at the
# smallest level. Annealed Langevin dynamics has the levels, the steps and the step size
# that ``sk.noise.design`` finds for these data. Consistent annealed sampling has 180 levels
# between the same ends, and makes one step at each.

N, SIGMA_MIN = 2000, 0.1
design = sk.noise.design(data[:1000], sigma_min=SIGMA_MIN)
print(design.report())
BUDGET = design.levels * design.steps_per_level
fine = sk.noise.Geometric(design.sigma_max, SIGMA_MIN, BUDGET)
moments = {"mean": data.mean(axis=0), "std": float((data - data.mean(axis=0)).std())}
noisy = sk.samplers.initial(fine, (N, 1, 16, 16), rng=rng(2), like=data, **moments)

bottom = sk.models.at(law.score, SIGMA_MIN)
langevin = sk.samplers.Langevin(step_size=0.2 * SIGMA_MIN**2, steps=BUDGET)
annealed = sk.samplers.AnnealedLangevin(design, design.steps_per_level, design.step_size)
consistent = sk.samplers.ConsistentAnnealed(fine)
runs = {
    "Langevin": sk.models.denoise(
        law.score, langevin.sample(bottom, noisy, rng=rng(3)).x, SIGMA_MIN
    ),
    "annealed": annealed.sample(law.score, noisy, rng=rng(4)).x,
    "consistent": consistent.sample(law.score, noisy, rng=rng(5)).x,
}

fig, axes = plt.subplots(1, 3, figsize=(8.4, 3.2), layout="constrained")
for ax, (name, x) in zip(axes, runs.items(), strict=True):
    sk.plot.image_grid(x[:49], ax, columns=7, limits=(0, 1))
    ax.set_title(name)
plt.show()

# %%
# Every sample of every sampler is a clean shape. Only counting shows the errors. The
# templates of the generator classify the samples; a star marks a proportion whose interval
# does not contain the truth.


def classify(images):
    """The class of each image."""
    return sk.datasets.classify_shapes(images).labels


proportions = {
    name: sk.metrics.class_proportions(x, classify, law.weights, law.kinds)
    for name, x in runs.items()
}
for name, found in proportions.items():
    print(f"{name}\n{found}\n")

fig, ax = plt.subplots(figsize=(8.4, 3.4), layout="constrained")
places = np.arange(len(law.kinds))
ax.bar(places, law.weights, width=0.8, color="0.88", label="truth")
colors = {"Langevin": "#7a7a7a", "annealed": "#c4622d", "consistent": "#1f3b73"}
for i, (name, found) in enumerate(proportions.items()):
    reach = [found.proportions - found.lower, found.upper - found.proportions]
    where = places + 0.25 * (i - 1)
    ax.errorbar(
        where, found.proportions, reach, fmt="o", capsize=4, color=colors[name], label=name
    )
ax.set_xticks(places, law.kinds)
ax.set_ylabel("proportion, with its 95 % interval")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Langevin chains keep their class
# --------------------------------
# A chain at a small level moves to the template that is nearest to its initial point, for
# all proportions: its class is known before the first step.

start_kinds = law.labels[sk.metrics.nearest_neighbors(noisy, law.templates).indices[:, 0]]
kept = np.mean(proportions["Langevin"].labels == start_kinds)
print(f"{kept:.3f} of the Langevin chains end in the kind of the nearest template")

# %%
# Error against the number of evaluations
# ---------------------------------------
# The total variation distance :math:`\tfrac12\sum_k|\hat w_k - w_k|` of the proportions
# from the truth. The gray band shows the same number of true samples: the mean and two
# standard deviations. Consistent sampling reaches it with a hundred levels. Annealed
# Langevin dynamics follows the proportions of each level with a lag, which decreases with
# the number of steps.

FEWER = 2000
budgets = {"annealed": {}, "consistent": {}}
for per_level in (2, 5, 10, 20):
    noise = sk.noise.design(data[:1000], sigma_min=SIGMA_MIN, steps_per_level=per_level)
    sampler = sk.samplers.AnnealedLangevin(noise, per_level, noise.step_size)
    budgets["annealed"][noise.levels * per_level] = sampler
for levels in (36, 72, 180, 360):
    noise = sk.noise.Geometric(design.sigma_max, SIGMA_MIN, levels)
    budgets["consistent"][levels] = sk.samplers.ConsistentAnnealed(noise)


def apart(x):
    """The total variation distance of the proportions."""
    return sk.metrics.class_proportions(x, classify, law.weights, law.kinds).total_variation


distances = {
    name: [
        apart(sampler.sample(law.score, noisy[:FEWER], rng=rng(6, steps)).x)
        for steps, sampler in each.items()
    ]
    for name, each in budgets.items()
}
counts = np.random.default_rng(SEED).multinomial(FEWER, law.weights, size=2000)
floors = np.abs(counts / FEWER - law.weights).sum(axis=1) / 2
floor, spread = floors.mean(), floors.std()

fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.axhspan(max(0, floor - 2 * spread), floor + 2 * spread, color="0.9")
ax.axhline(floor, color="0.6", label="true samples")
for name, found in distances.items():
    ax.plot(list(budgets[name]), found, "o-", color=colors[name], label=name)
    print(name, ", ".join(f"{k}: {d:.3f}" for k, d in zip(budgets[name], found, strict=True)))
ax.set_xscale("log")
ax.set_xticks([36, 72, 180, 360, 720], [36, 72, 180, 360, 720])
ax.minorticks_off()
ax.set_ylim(bottom=0)
ax.set_xlabel("evaluations of the score")
ax.set_ylabel("total variation distance")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# And a network?
# --------------
# A learned score adds its own error to that of the sampler. Training takes too long for
# this page (``scorekit train docs/experiments/shapes-imbalanced.toml``, then ``python
# docs/recipes/proportions.py runs/shapes-imbalanced``); :doc:`/images` has the numbers.
# Consistent sampling is right for the exact score, so its remaining error comes from the
# network.
#
# .. figure:: ../figures/proportions-shapes-imbalanced.png
#    :alt: The proportions of four shapes among samples of a network, by three samplers
#    :width: 90%

# %%
# The checks. The proportions of consistent sampling are the true ones within five standard
# errors plus 0.01 for its 180 levels. Those of Langevin dynamics are those of its initial
# points, and far off. Annealed Langevin dynamics lies between.

error = 5 * np.sqrt(law.weights * (1 - law.weights) / N)
assert np.all(np.abs(proportions["consistent"].proportions - law.weights) < error + 0.01), (
    proportions
)
assert kept > 0.98, kept
assert (
    proportions["consistent"].total_variation
    < proportions["annealed"].total_variation
    < 0.1
    < proportions["Langevin"].total_variation
), proportions
