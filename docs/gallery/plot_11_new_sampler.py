r"""
A new sampler in one page
=========================

A sampler consists of a *kernel*, which makes one step, and a *schedule*, which has a row of
numbers for each step. The driver does the rest: it keeps states, shows a progress bar and
detects divergence. The example is the Leimkuhler–Matthews scheme (2013), which differs from
Langevin only in its noise and has no bias on Gaussians.
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk
from scorekit.samplers.kernels import ChainSampler, Kernel, Row, Rows, Schedule, Step

# %%
# The formula
# -----------
# Each step uses the mean of two successive normals, so that each normal is used twice:
#
# .. math:: x_{n+1} = x_n + \tfrac\varepsilon2 s(x_n) + \sqrt\varepsilon\; \tfrac12 (z_n + z_{n+1}).
#
# The *state* holds the values that a kernel needs at its next step, here the last normal.
# The row holds the step size and, computed once, half of its square root.


@dataclass(frozen=True)
class TwoNormals(Kernel):
    """The Leimkuhler–Matthews step."""

    def init(self, x, row, context):
        """The first normal."""
        return context.normal()

    def step(self, x, state, row, context):
        """One step of all chains."""
        score, fresh = context.score(x, row.sigma), context.normal()
        half, root = row.numbers
        return Step(x + half * score + root * (state + fresh), fresh, score)


@dataclass(frozen=True)
class LeimkuhlerMatthews(ChainSampler):
    """Langevin dynamics with successive normals averaged."""

    step_size: float
    steps: int

    def schedule(self):
        """The same row at every step, without a noise level."""
        numbers = self.step_size / 2, self.step_size**0.5 / 2
        row = Row(step_size=self.step_size, numbers=numbers)
        return Schedule((TwoNormals(),), Rows(self.steps, lambda k: row))


# %%
# Compared with a closed form
# ---------------------------
# On :math:`N(0, v)` a step multiplies by :math:`a = 1 - \varepsilon/2v`. The stationary
# variance of Langevin is :math:`v/(1 - \varepsilon/4v)`. Here :math:`x_n` and :math:`z_n`
# are correlated, :math:`E\, x_n z_n = \sqrt\varepsilon/2`, so that the stationary variance
# solves :math:`V = a^2 V + \varepsilon/2 + a\,\varepsilon/2`, and
#
# .. math:: V = \frac{\varepsilon (1 + a)}{2 (1 - a)(1 + a)} = v,
#
# exactly, for every stable step size. On other targets a bias remains, which is one order
# smaller than that of Langevin. Both run on :math:`N(0, 1)` and on a wavy density, :math:`p
# \propto e^{-x^2/2 + \cos(2x)/2}`, whose moment is a sum over a fine grid.

N = 100_000
steps = np.array([0.1, 0.25, 0.5, 1.0])
line = np.linspace(-12, 12, 4001)
wavy = np.average(line**2, weights=np.exp(-(line**2) / 2 + np.cos(2 * line) / 2))
targets = {
    "$N(0, 1)$": (lambda x: -x, 1.0),
    r"$e^{-x^2/2 + \cos(2x)/2}$": (lambda x: -x - np.sin(2 * x), wavy),
}
samplers = {"Langevin": sk.samplers.Langevin, "Leimkuhler–Matthews": LeimkuhlerMatthews}


def second_moment(sampler, score, seed):
    """E x² of chains in the stationary state, and its standard error."""
    squares = sampler.sample(score, 0.5 * sk.rng(seed).normal((N, 1)), rng=seed + 1).x ** 2
    return squares.mean(), squares.std() / np.sqrt(N)


found = {
    (target, name): np.array(
        [second_moment(make(e, int(25 / e)), score, 10 * i) for i, e in enumerate(steps)]
    )
    for target, (score, _) in targets.items()
    for name, make in samplers.items()
}

fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
fine = np.linspace(0.01, 1.05, 100)
for ax, (target, (_, truth)) in zip(axes, targets.items(), strict=True):
    ax.axhline(truth, color="#a8a8a8", linewidth=4, zorder=0, label="truth")
    for name, color in (("Langevin", "#c4622d"), ("Leimkuhler–Matthews", "#1f3b73")):
        mean, error = found[target, name].T
        ax.errorbar(steps, mean, error, fmt="o", color=color, markersize=5, label=name)
    ax.set_title(target)
    ax.set_xlabel(r"step size $\varepsilon$")
    ax.set_ylabel("$E\\,x^2$")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].plot(fine, 1 / (1 - fine / 4), color="#c4622d", linewidth=1)
axes[0].legend(frameon=False, loc="upper left", fontsize="small")
plt.show()

# %%
# The check: on the Gaussian both are within 5.5 standard errors of their exact values, and
# the two values are far apart. With 100,000 chains the smallest bias that would be detected
# is about 5 %.

gaussian = "$N(0, 1)$"
for name, law in (
    ("Langevin", 1 / (1 - steps / 4)),
    ("Leimkuhler–Matthews", np.ones_like(steps)),
):
    mean, error = found[gaussian, name].T
    print(
        f"{name:20} {mean.round(4)} exact {law.round(4)} deviation {((mean - law) / error).round(1)} s.e."
    )
    assert np.all(np.abs(mean - law) < 5.5 * error), (name, mean, law)
