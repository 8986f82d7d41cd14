r"""
A new backend in one page
=========================

A backend has twelve members. Most are trivial, three are derivatives, and none requires
automatic differentiation. This page writes a backend for ``array_api_strict``, an array
library that has only the array standard and no derivatives: they are computed by finite
differences. The backend is slow but right, which the conformance suite confirms.
"""

import sys
from contextlib import nullcontext

import array_api_strict as xp
import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk

# %%
# Derivatives without automatic differentiation
# ---------------------------------------------
# Along a direction :math:`v`, four evaluations give the derivative up to :math:`O(h^4)`:
#
# .. math:: J v \approx \frac{8\,[f(x + hv) - f(x - hv)] - [f(x + 2hv) - f(x - 2hv)]}{12 h}.
#
# The pull-back :math:`J^\top v` needs one such difference for each entry of ``x``, and the
# trace one for each entry of a sample, because the rows of a score do not depend on each
# other.

STEP = 2e-3


def pushed(f, x, v, h=STEP):
    """J v by differences of the fourth order."""
    return (8 * (f(x + h * v) - f(x - h * v)) - (f(x + 2 * h * v) - f(x - 2 * h * v))) / (
        12 * h
    )


def units(x, rows):
    """The unit vectors of all entries of x, or (``rows``: the same in every row) of the entries of a sample."""
    shape = x.shape[1:] if rows else x.shape
    for i in range(int(np.prod(shape))):
        unit = np.zeros(shape)
        unit.flat[i] = 1.0
        yield xp.asarray(np.array(np.broadcast_to(unit, x.shape)), dtype=x.dtype)


# %%
# Random numbers
# --------------
# They are the random numbers of the NumPy backend, converted. ``like`` gives the dtype.


class Stream:
    """Random numbers of NumPy's as strict arrays."""

    def __init__(self, inner):
        self._inner = inner
        self.state, self.restore = inner.state, inner.restore

    def normal(self, shape, like=None):
        """Standard normals."""
        return _carried(self._inner.normal(shape), like)

    def uniform(self, shape, like=None):
        """Uniform on [0, 1)."""
        return _carried(self._inner.uniform(shape), like)

    def rademacher(self, shape, like=None):
        """Signs."""
        return _carried(self._inner.rademacher(shape), like)

    def integers(self, low, high, shape):
        """Integers in [low, high)."""
        return xp.asarray(self._inner.integers(low, high, shape))

    def choice(self, n, shape, p=None, replace=True):
        """Indices in [0, n)."""
        return xp.asarray(self._inner.choice(n, shape, p=p, replace=replace))

    def spawn(self, n):
        """Independent streams."""
        return [Stream(inner) for inner in self._inner.spawn(n)]


def _carried(values, like):
    return xp.asarray(values, dtype=xp.float64 if like is None else like.dtype)


# %%
# Which step? The truncation error decreases with the fourth power of :math:`h`, and the
# rounding error grows with :math:`1/h`; both are small at the step that is used here.

place = xp.asarray(np.linspace(-2, 2, 200)[:, None])
truth = 1 - np.tanh(np.asarray(place)) ** 2
steps = np.geomspace(1e-5, 0.5, 40)
found = [np.asarray(pushed(xp.tanh, place, xp.ones_like(place), float(h))) for h in steps]
errors = np.array([np.abs(derivative - truth).max() for derivative in found])

fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.loglog(steps, errors, "o", color="#1f3b73", markersize=4, label="largest error, tanh")
ax.loglog(steps, 0.5 * steps**4, color="#a8a8a8", label="$h^4/2$, truncation")
ax.loglog(
    steps, 1e-16 / steps, color="#a8a8a8", linestyle="--", label="$10^{-16}/h$, rounding"
)
ax.axvline(STEP, color="#c4622d", linewidth=1, label="the step taken")
ax.set_ylim(1e-15, 1)
ax.set_xlabel("step $h$")
ax.set_ylabel("error of the derivative")
ax.legend(frameon=False, fontsize="small", loc="upper left")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The twelve members
# ------------------
# If a backend cannot do something, it raises an error, as the learner does here: one
# gradient of a network of ten thousand weights would take forty thousand evaluations.


class Differences:
    """array_api_strict, with derivatives by finite differences."""

    name = "differences"
    xp = xp

    def __init__(self, device=None, dtype=None):
        self.dtype = getattr(xp, dtype or "float64")

    def owns(self, x):
        """Arrays of the strict library."""
        return type(x).__module__.startswith("array_api_strict")

    def asarray(self, x, like=None):
        """A strict array, with the dtype of ``like``."""
        return xp.asarray(
            x if self.owns(x) else np.asarray(x),
            dtype=self.dtype if like is None else like.dtype,
        )

    def to_numpy(self, x):
        """A NumPy array."""
        return np.asarray(x)

    def readable(self, x):
        """True: the values of an array can always be read."""
        return True

    def rng(self, seed=None):
        """A stream."""
        return Stream(sk.backend("numpy").rng(seed))

    def vjp(self, f, x, v):
        """f(x) and Jᵀ v."""
        pulled = [xp.sum(v * pushed(f, x, unit)) for unit in units(x, rows=False)]
        return f(x), xp.reshape(xp.stack(pulled), x.shape)

    def grad(self, f, x):
        """f(x), one value per sample, and its gradient."""
        y = f(x)
        return y, self.vjp(f, x, xp.ones_like(y))[1]

    def divergence(self, f, x, probes=None):
        """f(x) and the trace of J, or the mean of vᵀ J v."""
        directions = (
            list(units(x, rows=True))
            if probes is None
            else [probes[i, ...] for i in range(probes.shape[0])]
        )
        axes = tuple(range(1, x.ndim))
        total = sum(xp.sum(v * pushed(f, x, v), axis=axes) for v in directions)
        return f(x), total if probes is None else total / len(directions)

    def no_grad(self):
        """Nothing to switch off: no operations are recorded."""
        return nullcontext()

    def learner(self, model, objective, **options):
        """Raises an error."""
        raise sk.errors.InvalidTypeError(
            "the differences backend does not train: use the numpy or torch backend."
        )


# %%
# Registering and testing the backend
# -----------------------------------
# A package registers its backend by an entry point of the group ``scorekit.backends``; in a
# program it is one line. After that every function of scorekit accepts arrays of that
# library.
#
# ``check_backend`` compares each member with exact results: values and derivatives to 1e-9,
# random numbers by their moments. Without ``quick`` it also checks every function that the
# library uses under a derivative (in reverse mode, with probes and in second order), the
# parameter gradient of every objective and the derivative of every built-in score. With
# differences of differences this takes 40 seconds for this backend, and finds no fault
# either. To see it, run ``python docs/gallery/plot_12_new_backend.py full``.

if "differences" not in sk.backends():
    sk.registry.register("differences", Differences, array_modules=("array_api_strict",))
backend = sk.backend("differences")
sk.testing.check_backend(backend, quick="full" not in sys.argv)
print("check_backend finds no fault")

# %%
# Using the backend
# -----------------
# An objective and a sampler on strict arrays, compared with NumPy arrays and exact
# derivatives.

banana = sk.distributions.Banana()
x = banana.sample(500, rng=0)


def model(points, sigma=None):
    """A field that is not the score of the data."""
    namespace = sk.array_namespace(points)
    return namespace.tanh(points) - points


objective = sk.objectives.ImplicitScoreMatching()
by_autograd = float(objective(model, x))
differences = float(objective(model, backend.asarray(x)))
samples = sk.samplers.Langevin(0.1, 200).sample(
    banana.score, backend.asarray(x), rng=sk.rng(1, like=backend.asarray(x))
)
print(f"ISM by autograd {by_autograd:.12f}, by differences {differences:.12f}")
print("samples:", type(samples.x).__module__, samples.x.shape)

# %%
# The check: with :math:`h = 0.002` the truncation error is :math:`O(h^4) \approx 10^{-11}`
# and the rounding error :math:`10^{-16}/h \approx 10^{-13}`.

large = (steps > 0.01) & (steps < 0.1)
order = np.polyfit(np.log(steps[large]), np.log(errors[large]), 1)[0]
print(f"order of the differences {order:.2f}")
assert abs(order - 4) < 0.1, order
assert abs(differences - by_autograd) < 1e-9 * abs(by_autograd), (differences, by_autograd)
