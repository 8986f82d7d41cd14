r"""
A new objective in one page
===========================

An objective is a frozen dataclass with one method, ``_losses``, that returns one value for
each sample. If it needs random numbers, it has a second method, ``draw``, which draws all
of them: a NamedTuple of arrays whose first axis is the batch axis. The library adds the
mean, the weights, the checks of the model and the derivatives. The example is score
matching with a weight, for data with outliers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk
from scorekit.objectives import ScoreObjective

# %%
# The formula
# -----------
# Let :math:`w(x) > 0`. Integration by parts of :math:`\tfrac12 E\, w |s - s^*|^2` gives an
# objective without :math:`s^*`,
#
# .. math:: \mathrm{WSM} = E\bigl[\tfrac12 w |s|^2 + w \operatorname{tr} \nabla s + \nabla w \cdot s\bigr]
#           = \tfrac12 E\, w|s - s^*|^2 - \tfrac12 E\, w|s^*|^2,
#
# where :math:`w \operatorname{tr} \nabla s + \nabla w \cdot s` is the trace of the Jacobian
# of :math:`w s`, so one divergence is enough. (Generalized score matching of Hyvärinen,
# 2007, and of Barp and others, 2019, uses matrices as weights.)


@dataclass(frozen=True)
class WeightedScoreMatching(ScoreObjective):
    """E[½ w |s|² + tr ∇(w s)], w a positive function of x with values (n,)."""

    weight: Callable[[Any], Any]

    def _losses(self, score, x, noise):
        def weighted(points):
            return self.weight(points)[:, None] * score(points)

        s = score(x)
        _, trace = sk.backend_of(x).divergence(weighted, x)
        return 0.5 * self.weight(x) * (s**2).sum(axis=1) + trace


def cauchy(x):
    """1 / (1 + |x|²): points far away have a small weight."""
    return 1 / (1 + (x**2).sum(axis=1))


# %%
# Compared with a closed form
# ---------------------------
# For :math:`w = 1 + |x|^2`, :math:`x \sim N(0, v I)` in :math:`d` dimensions and :math:`s =
# -a x`, every term is a moment of a Gaussian. With :math:`m_2 = dv` and :math:`m_4 =
# d(d+2)v^2`,
#
# .. math:: \mathrm{WSM} = \tfrac12 a^2 (m_2 + m_4) - a\, (d + (d + 2)\, m_2).
#
# The expectation is a Gauss–Hermite sum, passed as data with weights. It is exact for
# polynomials.

V, A = 1.7, 0.4
nodes, rule = np.polynomial.hermite_e.hermegauss(8)
grid = np.sqrt(V) * np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
objective = WeightedScoreMatching(lambda x: 1 + (x**2).sum(axis=1))
value = objective(lambda x: -A * x, grid, weights=np.outer(rule, rule).ravel())
m2, m4 = 2 * V, 8 * V**2
closed_form = 0.5 * A**2 * (m2 + m4) - A * (2 + 4 * m2)
print(f"WSM by the code {value:.12f}, by hand {closed_form:.12f}")

# %%
# An application
# --------------
# We estimate the precision :math:`a` of a Gaussian, with one point in twenty replaced by an
# outlier. ISM is a quadratic in :math:`a` with its minimum at :math:`d/E|x|^2`, which
# outliers move to zero. With the Cauchy weight outliers have little effect.

clean = sk.distributions.Gaussian([0.0, 0.0], np.eye(2)).sample(4000, rng=0)
dirty = np.concatenate([clean[:3800], clean[3800:] * 8.0])
a = np.linspace(0.05, 1.6, 60)
objectives = {
    "ISM": sk.objectives.ImplicitScoreMatching(),
    "weighted": WeightedScoreMatching(cauchy),
}
curves = {
    (name, kind): np.array(
        [float(objective(lambda x, slope=slope: -slope * x, x)) for slope in a]
    )
    for name, objective in objectives.items()
    for kind, x in (("clean", clean), ("outliers", dirty))
}
best = {key: a[np.argmin(curve)] for key, curve in curves.items()}

fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
for ax, name in zip(axes, objectives, strict=True):
    for kind, color in (("clean", "#a8a8a8"), ("outliers", "#1f3b73")):
        ax.plot(
            a,
            curves[name, kind],
            color=color,
            linewidth=2.5 if kind == "clean" else 1.5,
            label=kind,
        )
        ax.plot(best[name, kind], curves[name, kind].min(), "o", color=color)
    ax.axvline(1.0, color="#c4622d", linewidth=1, linestyle="--", label="truth")
    ax.set_title(f"{name}: {best[name, 'outliers']:.2f} with outliers")
    ax.set_xlabel("precision $a$ of the model")
    ax.set_ylabel("objective")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylim(-2.2, 3)
axes[1].legend(frameon=False)
plt.show()

# %%
# A contribution to the library needs no more than this. CONTRIBUTING.md says where to
# register it, so that the tests for all objectives (derivatives, reshaping, both backends)
# run on it too.

assert abs(value - closed_form) < 1e-12 * abs(closed_form), (value, closed_form)
assert (
    abs(best["weighted", "outliers"] - 1) < 0.15 < 0.5 < abs(best["ISM", "outliers"] - 1)
), best
