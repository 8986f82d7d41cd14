r"""
What a score is
===============

The score of a density is the gradient of its logarithm, :math:`s^*(x) = \nabla \log p(x)`.
It points in the direction in which the density grows. It does not depend on the normalizer:
:math:`\nabla \log (p/Z) = \nabla \log p`. The distributions of ``sk.distributions`` have
exact scores.
"""

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk
from scorekit_numpy import MLP

densities = {
    "Gaussian": (sk.distributions.Gaussian([0.0, 0.0], [[2.0, 1.0], [1.0, 1.5]]), 4.0),
    "mixture": (
        sk.distributions.GaussianMixture([0.8, 0.2], [[2.0, 2.0], [-2.0, -2.0]], 1.0),
        5.0,
    ),
    "banana": (sk.distributions.Banana(curvature=0.5, scale=1.0), ((-3.5, 3.5), (-3.5, 5.5))),
    "Swiss roll": (sk.distributions.SwissRoll(noise=0.05), ((-1.8, 1.8), (-1.6, 2.0))),
}

# %%
# Four fields
# -----------
# The gray regions contain 50, 90 and 99 % of the mass. The color of an arrow shows the norm
# of the score. Its length is logarithmic, so that small scores near the modes remain
# visible. On the Swiss roll, whose points lie within 0.05 of a curve, the score is hundreds
# of times as long away from the curve as on it.

fig, axes = plt.subplots(2, 2, figsize=(8.4, 6.9), layout="constrained")
for ax, (name, (density, box)) in zip(axes.flat, densities.items(), strict=True):
    sk.plot.score_field(density.score, ax, limits=box, density=density)
    ax.set_title(name)
plt.show()

# %%
# How to learn it from samples
# ----------------------------
# How far is a model :math:`s` from the true score? *Explicit* score matching needs the true
# score, which is unknown for real data. *Implicit* score matching (Hyvärinen, 2005) needs
# only the data. By integration by parts they differ by a constant that depends on the data
# alone:
#
# .. math::
#     \underbrace{\tfrac12 E|s - s^*|^2}_{\mathrm{ESM}}
#     = \underbrace{E[\operatorname{tr} \nabla s + \tfrac12 |s|^2]}_{\mathrm{ISM}} + \underbrace{\tfrac12 E|s^*|^2}_{C}.
#
# Here the expectations are sums over a fine grid, weighted by the density. For smooth
# densities these sums are accurate to rounding. The model is an untrained network with
# random weights; the identity holds for every model.


def grid(low, high, step):
    """All points of a grid on the box, (n, 2)."""
    x, y = (np.arange(a, b, step) for a, b in zip(low, high, strict=True))
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


model = MLP(2, hidden=(32, 32), conditional=False, rng=0)
grids = {
    "Gaussian": grid((-12, -12), (12, 12), 0.15),
    "mixture": grid((-11, -11), (11, 11), 0.15),
    "banana": grid((-7, -9), (7, 31), 0.07),
    "Swiss roll": grid((-2.1, -2.1), (2.1, 2.1), 0.03),
}
print(f"{'density':12} {'ESM':>12} {'ISM':>12} {'C':>12} {'ESM - ISM - C':>14}")
gaps = {}
for name, (density, _) in densities.items():
    x = grids[name]
    weights = np.exp(density.log_prob(x))
    esm = sk.objectives.ExplicitScoreMatching(density)(model, x, weights=weights)
    ism = sk.objectives.ImplicitScoreMatching()(model, x, weights=weights)
    constant = np.average(0.5 * np.sum(density.score(x) ** 2, axis=1), weights=weights)
    gaps[name] = abs(esm - ism - constant) / esm
    print(f"{name:12} {esm:12.6f} {ism:12.6f} {constant:12.6f} {esm - ism - constant:14.1e}")

# %%
# The sums are accurate to rounding, which for this number of points is below 1e-10 of the
# value.

assert max(gaps.values()) < 1e-10, gaps
