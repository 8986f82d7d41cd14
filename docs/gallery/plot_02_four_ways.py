r"""
Four ways to learn a score
==========================

Implicit, sliced, denoising and noise-conditional score matching on the Swiss roll: the same
data and the same small network, four objectives. Each field is then used to draw samples,
and the samples are compared with held-out data.
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


roll = sk.distributions.SwissRoll(noise=0.05)
data = roll.sample(10_000, rng=rng(0)).astype("float32")
held_out = roll.sample(4000, rng=rng(1)).astype("float32")
BOX = ((-1.8, 1.8), (-1.5, 2.1))
TALL = ((-1.8, 1.8), (-1.5, 2.6))  # room for a legend

# %%
# The objectives
# --------------
# Two objectives need the derivative of the model and no noise:
#
# .. math::
#     \mathrm{ISM} = E[\operatorname{tr} \nabla s(x) + \tfrac12 |s(x)|^2], \qquad
#     \mathrm{SSM} = E[v^\top \nabla s(x)\, v + \tfrac12 |s(x)|^2],\quad v \in \{-1, 1\}^d.
#
# Two objectives need noise and no derivative, with :math:`\tilde x = x + \sigma z`. They
# learn the score of the *smoothed* data:
#
# .. math::
#     \mathrm{DSM}(\sigma) = \tfrac12 E\bigl|s(\tilde x) + z / \sigma\bigr|^2, \qquad
#     \mathrm{NCSN} = E_\sigma\, \tfrac12 E\bigl|\sigma s(\tilde x, \sigma) + z\bigr|^2.
#
# The networks have three layers of 64 units. The learning rate of Adam has a warm-up and a
# cosine decay. The noise-conditional network is preconditioned, so that its inputs and
# outputs are of order one at every level.

SIGMA_MAX, SIGMA_MIN, SIGMA_DSM = 3.0, 0.02, 0.1


def train(objective, steps, rate, batch, conditional=False):
    """A field from an objective."""
    network = MLP(
        2, hidden=(64, 64, 64), conditional=conditional, dtype="float32", rng=rng(2)
    )
    if conditional:
        network = sk.models.Preconditioned(
            network, sigma_data=float(np.sqrt(np.mean(data**2)))
        )
    schedule = sk.training.WarmupCosine(rate, steps, warmup=steps // 15)
    return sk.fit(
        network,
        objective,
        data,
        steps=steps,
        batch_size=batch,
        learning_rate=schedule,
        rng=SEED,
        progress=False,
    ).model


fields = {
    "ISM": train(sk.objectives.ImplicitScoreMatching(), 1500, 4e-3, 256),
    "SSM": train(sk.objectives.SlicedScoreMatching(), 1500, 4e-3, 256),
    "DSM": train(sk.objectives.DenoisingScoreMatching(SIGMA_DSM, "control"), 1500, 4e-3, 256),
    "NCSN": train(
        sk.objectives.NoiseConditional(sk.noise.LogUniform(SIGMA_MAX, SIGMA_MIN)),
        2000,
        8e-3,
        512,
        True,
    ),
}
levels = {"ISM": None, "SSM": None, "DSM": SIGMA_DSM, "NCSN": SIGMA_DSM}

# %%
# Data and fields
# ---------------
# The top row shows the true score, without noise and at the level of DSM; the rows below
# show the learned scores. The panels of a column have the color scale of the true score
# above them. Between the arms there are no data, so the fields without noise are not
# determined there.


def draw(ax, name, field, sigma):
    """A field, drawn over the density whose score it should be."""
    sk.plot.score_field(
        field, ax, limits=BOX, sigma=sigma, density=roll, scale_by=roll.score, like=data
    )
    ax.set_title(f"{name}, " + ("no noise" if sigma is None else rf"$\sigma$ = {sigma:g}"))


fig, axes = plt.subplots(3, 2, figsize=(8.4, 9.8), layout="constrained")
draw(axes[0, 0], "true score", roll.score, None)
draw(axes[0, 1], "true score", roll.score, SIGMA_DSM)
for ax, name in zip(axes[1:].T.flat, fields, strict=True):
    draw(ax, name, fields[name], levels[name])
plt.show()

# %%
# One network for all levels
# --------------------------
# The noise-conditional network at its largest and its smallest level. At :math:`\sigma = 3`
# the data are one blob, and the score points to its center everywhere. At :math:`\sigma =
# 0.02` the network has learned the curve. Away from the curve its error matters only where
# samples occur at this level.

fig, axes = plt.subplots(2, 2, figsize=(8.4, 6.5), layout="constrained")
for row, (sigma, box) in zip(axes, ((SIGMA_MAX, 8.0), (SIGMA_MIN, BOX)), strict=True):
    for ax, (name, field) in zip(
        row, (("true score", roll.score), ("NCSN", fields["NCSN"])), strict=True
    ):
        sk.plot.score_field(
            field, ax, limits=box, sigma=sigma, density=roll, scale_by=roll.score, like=data
        )
        ax.set_title(rf"{name}, $\sigma$ = {sigma:g}")
plt.show()

# %%
# Sampling dynamics
# -----------------
# We sample from a field without levels by Langevin dynamics, :math:`x \leftarrow x +
# \tfrac\varepsilon2 s(x) + \sqrt\varepsilon z`, from a Gaussian with the mean and the
# standard deviation of the data. For the noise-conditional network we use annealed Langevin
# dynamics, one step at each of 100 levels, from a sample at the largest level. Langevin
# chains move to the nearest arm and stay there: the proportion of each arm depends on the
# initial points and not on the data. With annealing the proportions are determined while
# the noise is still large.

noise_levels = sk.noise.Geometric(SIGMA_MAX, SIGMA_MIN, 100)
moments = {"mean": data.mean(axis=0), "std": data.std(axis=0)}
start = (moments["mean"] + moments["std"] * rng(3).normal((4000, 2))).astype("float32")
noisy = sk.samplers.initial(noise_levels, (4000, 2), rng=rng(4), like=data, **moments)
langevin = sk.samplers.Langevin(step_size=1e-3, steps=500)
annealed = sk.samplers.AnnealedLangevin(
    noise_levels, steps_per_level=1, step_size=0.6 * SIGMA_MIN**2
)

runs = {
    name: langevin.sample(fields[name], start, rng=rng(5), keep_every=5)
    for name in ("ISM", "SSM", "DSM")
} | {"NCSN": annealed.sample(fields["NCSN"], noisy, rng=rng(6), keep_every=1)}

fig, axes = plt.subplots(2, 2, figsize=(8.4, 8.4), layout="constrained")
for ax, (name, run) in zip(axes.flat, runs.items(), strict=True):
    wide = 8.0 if name == "NCSN" else TALL
    sk.plot.chains(run.trajectory[:, :12], ax, limits=wide, background=roll)
    ax.set_title("NCSN with annealed Langevin" if name == "NCSN" else f"{name} with Langevin")
plt.show()

# %%
# Samples, compared with held-out data.

fig, axes = plt.subplots(2, 2, figsize=(8.4, 8.8), layout="constrained")
for ax, (name, run) in zip(axes.flat, runs.items(), strict=True):
    sk.plot.samples(run.x, ax, reference=held_out, limits=TALL)
    ax.set_title(name)
plt.show()

# %%
# The distance to held-out data, relative to its floor
# ----------------------------------------------------
# Two samples of 4,000 from the true distribution differ too: their sliced Wasserstein
# distance is the floor, here the mean of 16 pairs. DSM learns the score of the smoothed
# data, so its samples contain the noise. Far from the data a learned field is not
# determined, and chains that start there may diverge. We count the chains that left the box
# and compute the distance for the others.

pairs = [
    (roll.sample(4000, rng=rng(7, i)), roll.sample(4000, rng=rng(8, i))) for i in range(16)
]
between_true = [sk.metrics.sliced_wasserstein(a, b) for a, b in pairs]
floor, spread = np.mean(between_true), np.std(between_true)
stayed = {name: run.x[np.all(np.abs(run.x) < 4, axis=1)] for name, run in runs.items()}
ratio = {
    name: sk.metrics.sliced_wasserstein(x, held_out) / floor for name, x in stayed.items()
}

print(
    f"{'':6}{'error of the score':>20}{'sliced Wasserstein':>20}{'over the floor':>16}{'chains left':>13}"
)
for name, field in fields.items():
    sigma = levels[name]
    points = (
        held_out
        if sigma is None
        else roll.smoothed(sigma).sample(4000, rng=rng(9)).astype("float32")
    )
    error = sk.metrics.score_error(field, roll, points, sigma)
    print(
        f"{name:6}{error.relative_l2:20.3f}{ratio[name] * floor:20.3f}{ratio[name]:16.1f}{4000 - len(stayed[name]):13}"
    )
print(f"floor {floor:40.3f}{1:16.1f}    sd {spread:.3f}")

# %%
# The error is the relative :math:`\ell_2` distance of the fields, at the level that was
# learned. The sampler determines the result: with every objective, Langevin keeps the
# proportions of its initial points along the roll, and annealing does not. The distance of
# annealed samples to held-out data is that of true samples, up to six standard deviations
# of that distance, and smaller than the others.

assert ratio["NCSN"] == min(ratio.values()), ratio
assert ratio["NCSN"] * floor < floor + 6 * spread, ratio
