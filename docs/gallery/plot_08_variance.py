r"""
The variance of denoising score matching
========================================

The loss :math:`\tfrac12|s(x + \sigma z) + z/\sigma|^2` has the right mean at every
:math:`\sigma`, but the variance of its gradient grows without bound as :math:`\sigma \to
0`. Two methods reduce the variance and keep the mean: a control variate, and the pair
:math:`\pm z`.
"""

import autograd
import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk
from scorekit_numpy import MLP

# %%
# A model with one parameter
# --------------------------
# For :math:`s(x) = -a x` on :math:`x \sim N(0, 1)`, with :math:`y = x + \sigma z`, the
# gradient in :math:`a` is
#
# .. math::
#     \text{plain: } a y^2 - y z / \sigma, \qquad
#     \text{control: } a y^2 - z^2, \qquad
#     \text{antithetic: } a (x^2 + \sigma^2 z^2) - z^2 .
#
# The plain gradient has a variance of about :math:`1/\sigma^2`; the others have no such
# pole. Sums over the nodes of a Gauss–Hermite rule give all three variances exactly.

A = 0.8
nodes, weights = np.polynomial.hermite_e.hermegauss(12)
x, z = np.meshgrid(nodes, nodes)
w = np.outer(weights, weights) / weights.sum() ** 2


def exact_variance(sigma, way):
    """Of the gradient of one sample."""
    y = x + sigma * z
    gradient = {
        None: A * y**2 - y * z / sigma,
        "control": A * y**2 - z**2,
        "antithetic": A * (x**2 + sigma**2 * z**2) - z**2,
    }[way]
    return np.sum(w * gradient**2) - np.sum(w * gradient) ** 2


# %%
# The variances of the library's objectives are measured. Each of 40,000 samples has its own
# parameter, which gives the gradient of each sample.

N = 40_000
numpy = sk.backend("numpy")
data = sk.rng(0).normal((N, 1))
sigmas = np.geomspace(0.003, 1, 9)
ways = (None, "control", "antithetic")


def gradients(sigma, way, seed):
    """The gradient of each sample's loss in its own a, (N,)."""
    objective = sk.objectives.DenoisingScoreMatching(float(sigma), way)
    return numpy.grad(
        lambda a: objective.losses(lambda x, sigma: -a * x, data, rng=seed),
        np.full((N, 1), A),
    )[1][:, 0]


measured = {
    way: np.array([gradients(s, way, 100 + i).var() for i, s in enumerate(sigmas)])
    for way in ways
}
law = {way: np.array([exact_variance(s, way) for s in sigmas]) for way in ways}

# %%
# A network
# ---------
# The same for a small network after a short training: the sum of the variances of the
# gradients of all weights, over 60 draws of the noise for one batch.

mixture = sk.distributions.GaussianMixture([0.5, 0.5], [[1.0, 0.0], [-1.0, 0.0]], 0.25)
network = sk.fit(
    MLP(2, hidden=(32, 32), conditional=False),
    sk.objectives.SlicedScoreMatching(),
    mixture.sample(4096, rng=1),
    steps=300,
    batch_size=256,
    learning_rate=3e-3,
    progress=False,
).model
names, values = zip(*network.parameters().items(), strict=True)
batch = mixture.sample(64, rng=2)


def network_variance(sigma, way, draws=60):
    """The total variance of the gradient of one batch over the noise."""
    objective = sk.objectives.DenoisingScoreMatching(float(sigma), way)
    gradient = autograd.grad(
        lambda given, seed: objective(
            network.with_parameters(dict(zip(names, given, strict=True))), batch, rng=seed
        )
    )
    found = np.array(
        [
            np.concatenate([np.ravel(g) for g in gradient(list(values), seed)])
            for seed in range(draws)
        ]
    )
    return found.var(axis=0).sum()


of_network = {way: np.array([network_variance(s, way) for s in sigmas]) for way in ways}

# %%
# The plain variance grows like :math:`1/\sigma^2`; the other two stay bounded. Both
# evaluate the model twice. For the same cost a plain batch could be twice as large, which
# only halves the variance. At large :math:`\sigma` the control variate increases the
# variance, and no method is needed.

style = {None: ("#c4622d", "o"), "control": ("#1f3b73", "s"), "antithetic": ("#7a7a7a", "^")}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
fine = np.geomspace(sigmas[0], sigmas[-1], 100)
for way, (color, mark) in style.items():
    name = way or "plain"
    left.loglog(fine, [exact_variance(s, way) for s in fine], color=color, linewidth=1)
    left.loglog(sigmas, measured[way], mark, color=color, markersize=5, label=name)
    right.loglog(
        sigmas,
        of_network[way],
        mark + "-",
        color=color,
        markersize=5,
        linewidth=1,
        label=name,
    )
left.set_title("one parameter: theory (lines) and measured")
right.set_title("a network of 32, 32")
for ax in (left, right):
    ax.set_xlabel(r"noise level $\sigma$")
    ax.set_ylabel("variance of the gradient")
    ax.spines[["top", "right"]].set_visible(False)
left.legend(frameon=False)
plt.show()

# %%
# The check: the mean of N squares has a relative standard error of :math:`\sqrt{(\kappa -
# 1)/N}`, with a kurtosis :math:`\kappa` that is below 20 for these products of normals. So
# the measured variances are within :math:`5.5 \sqrt{20/N}`, 12 %, of the exact ones, and
# they differ clearly from one another.

off = max(float(np.max(np.abs(measured[way] / law[way] - 1))) for way in ways)
gain = law[None][0] / law["control"][0]
print(f"measured variance over theory: relative error at most {off:.1%}")
print(f"at sigma = {sigmas[0]:g} the control variate divides the variance by {gain:,.0f}, "
      f"that of the network by {of_network[None][0] / of_network['control'][0]:,.0f}")  # fmt: skip
assert np.isclose(law[None][0] * sigmas[0] ** 2, 1.0, atol=0.01), law
assert off < 5.5 * np.sqrt(20 / N), off
