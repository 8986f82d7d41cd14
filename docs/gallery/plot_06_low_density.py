r"""
The low-density and the manifold problem
========================================

A score that is learned from clean data is hard to sample with, for two reasons. It is
learned only where there are data, and for data on a manifold it does not exist. Noise
solves both problems (Song and Ermon, 2019).
"""

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk
from scorekit_numpy import MLP

# %%
# Low density
# -----------
# Every objective is an average over the data, so it does not determine the field where
# there are no data. Here sliced score matching learns two components from 10,000 samples,
# of which nearly none lie between them. The same network learns the data with noise at all
# levels up to 30.

mixture = sk.distributions.GaussianMixture([0.8, 0.2], [[5.0, 5.0], [-5.0, -5.0]], 1.0)
data = mixture.sample(10_000, rng=0).astype("float32")


def train(network, objective, x, steps, rate, batch):
    """The training of all pages: Adam with a warm-up and a cosine decay."""
    schedule = sk.training.WarmupCosine(rate, steps, warmup=steps // 15)
    return sk.fit(
        network,
        objective,
        x,
        steps=steps,
        batch_size=batch,
        learning_rate=schedule,
        rng=0,
        progress=False,
    )


options = {"hidden": (64, 64, 64), "dtype": "float32", "rng": 1}
clean = train(
    MLP(2, conditional=False, **options),
    sk.objectives.SlicedScoreMatching(),
    data,
    1500,
    4e-3,
    256,
).model
law = sk.noise.LogUniform(30.0, 0.1)
network = sk.models.Preconditioned(MLP(2, **options), sigma_data=5.0)
noisy = train(network, sk.objectives.NoiseConditional(law), data, 1500, 8e-3, 512).model

LEVEL = 3.0
fig, axes = plt.subplots(2, 2, figsize=(8.4, 6.9), layout="constrained")
for row, (field, sigma, name) in zip(
    axes, ((clean, None, "no noise"), (noisy, LEVEL, f"noise {LEVEL:g}")), strict=True
):
    sk.plot.score_field(
        field,
        row[0],
        limits=10.0,
        sigma=sigma,
        density=mixture,
        scale_by=mixture.score,
        like=data,
        grid=18,
    ).set_title(f"learned score, {name}")
    sk.plot.score_error(
        field,
        mixture,
        row[1],
        limits=10.0,
        sigma=sigma,
        like=data,
        relative=True,
        vmax=1.0,
        grid=80,
    ).set_title("relative error")
plt.show()

# %%
# The relative error :math:`|s - s^*|/|s^*|` of a field of zeros is 1. Without noise it is
# large wherever there are no data. With noise the data fill the plane, and the field is
# right between the modes, where chains need it.

between = np.random.default_rng(0).uniform(-3, 3, (2000, 2)).astype("float32")
empty = sk.metrics.score_error(clean, mixture, between).relative_l2
filled = sk.metrics.score_error(noisy, mixture, between, LEVEL).relative_l2
print(
    f"relative error between the modes: {empty:.2f} without noise, {filled:.2f} at noise {LEVEL:g}"
)

# %%
# Manifold
# --------
# Data on a curve have no density in the plane, so they have no score. What happens to the
# objective? Its minimum is :math:`-\tfrac12 E|s^*|^2`. With noise :math:`\sigma` around a
# curve only the direction across the curve matters. The score in this direction is that of
# :math:`N(0, \sigma^2)`, so that
#
# .. math:: \min \mathrm{SSM} = -\tfrac12 E|s^*|^2 \approx -\frac{1}{2\sigma^2},
#
# which is unbounded as :math:`\sigma \to 0`. The left side, from the exact score:

sigmas = np.array([0.3, 0.1, 0.03, 0.01, 0.003])
minima = []
for sigma in sigmas:
    roll = sk.distributions.SwissRoll(noise=float(sigma))
    minima.append(-0.5 * np.mean(np.sum(roll.score(roll.sample(4000, rng=2)) ** 2, axis=1)))
    print(
        f"sigma {sigma:<6g} minimum {minima[-1]:10.1f}   −1/(2 sigma²) = {-0.5 / sigma**2:10.1f}"
    )

# %%
# Training shows the same: without noise the loss decreases without bound, and the learned
# field becomes steeper and steeper.

histories = {}
for sigma in (0.0, 0.1):
    x = sk.distributions.SwissRoll(noise=sigma).sample(10_000, rng=3).astype("float32")
    network = MLP(2, conditional=False, **options)
    histories[sigma] = train(
        network, sk.objectives.SlicedScoreMatching(), x, 1200, 4e-3, 256
    ).history

fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
left.loglog(sigmas, -np.array(minima), "o", color="#1f3b73", label=r"$\frac{1}{2}E|s^*|^2$")
left.loglog(sigmas, 0.5 / sigmas**2, "-", color="#a8a8a8", zorder=0, label=r"$1/(2\sigma^2)$")
left.set_xlabel(r"noise around the curve $\sigma$")
left.set_ylabel("minus the least loss")
left.legend(frameon=False)
for (sigma, history), color in zip(histories.items(), ("#c4622d", "#1f3b73"), strict=True):
    loss = np.convolve(history.loss, np.ones(25) / 25, mode="valid")
    right.plot(
        history.step[24:],
        loss,
        color=color,
        label=rf"noise {sigma:g}" if sigma else "on the curve",
    )
right.axhline(-0.5 / 0.1**2, color="#a8a8a8", linestyle="--", label=r"$-1/(2 \cdot 0.1^2)$")
right.set_yscale("symlog", linthresh=10)
right.set_xlabel("step")
right.set_ylabel("loss, mean of 25 steps")
right.legend(frameon=False, fontsize="small")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Two checks. The minimum is :math:`-1/(2\sigma^2)`, within five standard errors of the mean
# of 4,000 squares of normals (:math:`5 \sqrt{2/4000} = 0.11`), if the noise is small
# compared with the radius of curvature. And with noise the field is right in the empty
# space.

thin = sigmas <= 0.03
relative = np.array(minima)[thin] / (-0.5 / sigmas[thin] ** 2)
print("minimum over −1/(2 sigma²):", relative.round(3))
assert np.all(np.abs(relative - 1) < 5 * np.sqrt(2 / 4000)), relative
assert filled < 0.2 < 0.5 < empty, (filled, empty)
