r"""
The exact distribution of your own sampler
==========================================

Is the noise of a sampler right? Testing it with long chains is slow and misses a bias of a
few per cent. On Gaussian data every sampler whose steps are affine in positions and noise
has a Gaussian distribution with an exact mean and covariance, and ``impulse_law`` computes
it from the code that runs, without random numbers.
"""

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk
from scorekit.testing import impulse_law

# %%
# A sampler with a bug
# --------------------
# The Langevin step is :math:`x \leftarrow x + \varepsilon\, s(x) + \sqrt{2\varepsilon}\,
# z`, or, in another convention for the step size, :math:`x + \tfrac\varepsilon2 s +
# \sqrt\varepsilon\, z`. Mixing the two is a common mistake. A sampler only needs
# ``sample(model, x0, rng)``.


class Loop:
    """Langevin dynamics in a loop, with the scale of the noise as an option."""

    def __init__(self, step_size, steps, noise):
        self.step_size, self.steps, self.noise = step_size, steps, noise

    def sample(self, model, x0, rng):
        """The last positions."""
        x = x0
        for _ in range(self.steps):
            z = rng.normal(x.shape, like=x)
            x = x + self.step_size / 2 * model(x) + self.noise(self.step_size) * z
        return x


STEP = 0.2
noises = {
    r"$\sqrt{\varepsilon}$": lambda e: np.sqrt(e),
    r"$\sqrt{2\varepsilon}$": lambda e: np.sqrt(2 * e),
    "0.447": lambda e: 0.447,
}

# %%
# The distribution
# ----------------
# Write the final position as :math:`x_n = c + A x_0 + \sum_k b_k z_k`. Its covariance is
# :math:`A C A^\top + \sum_k b_k b_k^\top`. Each :math:`b_k` is the response to one impulse:
# a stream that gives a one at draw :math:`k` and zero elsewhere. One run with one chain for
# each draw gives all of them. On :math:`N(0, v)` the distribution is known,
#
# .. math::
#
#    \operatorname{Var} x_n = v_\infty\,(1 - a^{2n}), \qquad
#    a = 1 - \frac{\varepsilon}{2v}, \qquad v_\infty = \frac{v}{1 - \varepsilon/4v}.

V = 1.5
lengths = np.arange(1, 61)
a = 1 - STEP / (2 * V)
exact = V / (1 - STEP / (4 * V)) * (1 - a ** (2.0 * lengths))
found = {
    name: np.array(
        [
            impulse_law(Loop(STEP, int(n), noise), lambda x: -x / V, np.zeros(1)).variance[0]
            for n in lengths
        ]
    )
    for name, noise in noises.items()
}
errors = {name: np.abs(variances / exact - 1).max() for name, variances in found.items()}

fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
left.plot(lengths, exact, color="#a8a8a8", linewidth=4, label="exact")
for (name, variances), color in zip(
    found.items(), ("#1f3b73", "#c4622d", "#4a8c5c"), strict=True
):
    left.plot(lengths, variances, color=color, linewidth=1.2, label=name)
    right.semilogy(lengths, np.abs(variances / exact - 1) + 1e-17, color=color, label=name)
left.set_ylabel("variance after n steps")
right.set_ylabel("relative error")
left.legend(frameon=False, fontsize="small")
for ax in (left, right):
    ax.set_xlabel("steps")
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The wrong factor doubles the variance. A root that was rounded to three digits (0.447 for
# :math:`\sqrt{0.2}`) is visible too; a histogram of samples would not show it. The right
# loop differs only by the rounding of float64.

for name, error in errors.items():
    print(f"noise {name:22} largest relative error of the variance {error:.1e}")

# %%
# Samplers with levels
# --------------------
# The same call works for any schedule and for full covariances. If the data are one point,
# consistent annealed sampling has exactly the noise of the next level at each step. Here
# the covariance of the default sampler on a correlated Gaussian is compared with that of
# the data.

data = sk.distributions.Gaussian([1.0, -1.0], [[1.0, 0.8], [0.8, 1.0]])
misses = []
for levels in (10, 100, 1000):
    sampler = sk.samplers.ConsistentAnnealed(sk.noise.Geometric(20.0, 0.01, levels))
    law = impulse_law(sampler, data.score, np.zeros(2), covariance=20.0**2)
    misses.append(np.abs(law.covariance - data.covariance).max())
    print(f"{levels:5} levels: the covariance is off by {misses[-1]:.4f} at most")

# %%
# The check: the right loop agrees to rounding, the other two do not, and with a tenfold
# finer schedule the error is about ten times smaller.

right_error, *wrong_errors = errors.values()
assert right_error < 1e-12 < 1e-4 < min(wrong_errors), errors
assert 5 < misses[1] / misses[2] < 20, misses
