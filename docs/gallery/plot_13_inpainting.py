r"""
Inpainting a toy
================

Some entries of a sample are known, and the others are sampled. ``Inpaint`` clamps the known
entries of any sampler. Here the conditional distribution is known, so its samples can be
compared with it.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

import scorekit as sk

# %%
# The sampler
# -----------
# At each level of annealed Langevin dynamics the known entries are set to their values plus
# the noise of that level, and the others move with the joint score. With many steps per
# level the others tend to :math:`p_\sigma(x_2 \mid \tilde x_1)`, and as :math:`\sigma \to
# 0` to the conditional distribution :math:`p(x_2 \mid x_1)`.

levels = sk.noise.Geometric(10.0, 0.03, 25)
annealed = sk.samplers.AnnealedLangevin(levels, steps_per_level=100, step_size=0.2 * 0.03**2)
N = 3000


def given(density, value, seed):
    """Samples of the second coordinate conditional on the first being ``value``."""
    sampler = sk.samplers.Inpaint(annealed, mask=[True, False], values=[value, np.nan])
    start = sk.samplers.initial(levels, (N, 2), rng=seed)
    return sampler.sample(density.score, start, rng=seed + 1).x[:, 1]


# %%
# A Gaussian
# ----------
# With correlation :math:`\rho` the conditional distribution is :math:`N(\rho x_1, 1 -
# \rho^2)`.

RHO = 0.9
gaussian = sk.distributions.Gaussian([0.0, 0.0], [[1.0, RHO], [RHO, 1.0]])
values = (-2.0, 0.0, 1.5)
drawn = {value: given(gaussian, value, 10 * i) for i, value in enumerate(values)}

# %%
# A mixture
# ---------
# Here the conditional distribution has two modes, whose proportions depend on the distance
# of the value from each mean: :math:`p(x_2 \mid x_1) = \sum_k w_k(x_1)\, N(x_2; \mu_{k,2},
# 1)` with :math:`w_k(x_1) \propto w_k N(x_1; \mu_{k,1}, 1)`.

mixture = sk.distributions.GaussianMixture([0.7, 0.3], [[0.5, 3.0], [-0.5, -3.0]], 1.0)
VALUE = 0.3
weights = np.array([0.7 * norm.pdf(VALUE, 0.5), 0.3 * norm.pdf(VALUE, -0.5)])
weights /= weights.sum()
bimodal = given(mixture, VALUE, 100)

fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
x = np.linspace(-4, 4, 400)
for value, color in zip(values, ("#7a7a7a", "#1f3b73", "#c4622d"), strict=True):
    left.hist(
        drawn[value],
        bins=40,
        density=True,
        color=color,
        alpha=0.35,
        label=f"$x_1$ = {value:g}",
    )
    left.plot(x, norm.pdf(x, RHO * value, np.sqrt(1 - RHO**2)), color=color)
left.set_title("Gaussian, correlation 0.9")
left.legend(frameon=False, fontsize="small")
x = np.linspace(-7, 7, 400)
right.hist(bimodal, bins=60, density=True, color="#1f3b73", alpha=0.35, label="samples")
exact = weights[0] * norm.pdf(x, 3.0) + weights[1] * norm.pdf(x, -3.0)
right.plot(x, exact, color="#1f3b73", label="exact")
right.set_title(f"mixture, $x_1$ = {VALUE:g}")
right.legend(frameon=False, fontsize="small", loc="upper left")
for ax in (left, right):
    ax.set_xlabel("$x_2$")
    ax.set_ylabel("density given $x_1$")
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# How accurate is it? The exact slope of 0.9 is the limit of many levels and many steps per
# level. With 100 steps per level the slope is slightly too small, because each level starts
# from the end of the previous one.

slope = np.polyfit(np.repeat(values, N), np.concatenate(list(drawn.values())), 1)[0]
spread = np.mean([drawn[value].std() for value in values])
proportion = np.mean(bimodal > 0)
truth = weights[0] * norm.cdf(3.0) + weights[1] * norm.cdf(-3.0)
print(f"slope of x2 on x1     {slope:.3f}, exact {RHO}")
print(f"spread given x1       {spread:.3f}, exact {np.sqrt(1 - RHO**2):.3f}")
print(f"proportion of the upper mode {proportion:.3f}, exact {truth:.3f}")

# %%
# The check: five standard errors of each, plus the error of the levels: 0.02 in the slope,
# 3 % in the spread and 0.03 in the proportion.

error = np.sqrt((1 - RHO**2) / (N * len(values) * np.var(values)))
assert abs(slope - RHO) < 5 * error + 0.02, slope
assert abs(spread / np.sqrt(1 - RHO**2) - 1) < 5 / np.sqrt(2 * N * len(values)) + 0.03, spread
assert abs(proportion - truth) < 5 * np.sqrt(truth * (1 - truth) / N) + 0.03, (
    proportion,
    truth,
)
