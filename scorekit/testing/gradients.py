"""Checks of the derivatives of a score model: with respect to ``x``, once and twice, and to its parameters."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from scorekit._score import evaluate
from scorekit.errors import InvalidValueError
from scorekit.models import EnergyModel
from scorekit.protocols import Array
from scorekit.registry import array_namespace
from scorekit.testing.case import Case, attempt

__all__ = ["derivative", "kinks", "parameters", "twice"]

_STEPS = 4  # with a zero last layer, earlier layers have zero gradients at the first step, and so on


def derivative(case: Case) -> None:
    """Compare Jᵀ v with central differences, for one fixed direction."""
    v, u = case.directions()
    pulled = case.numpy(attempt("the derivative of the score", lambda: case.owner.vjp(case.traced, case.x, v)[1]))
    step, share, rounding = (1e-5, 1e-3, 1e-13) if case.tolerance < 1e-5 else (1e-3, 0.02, 2e-6)
    plus, minus = case.numpy(case.score(case.x + step * u)), case.numpy(case.score(case.x - step * u))
    terms = case.numpy(v) * (plus - minus) / (2 * step)
    along_v, by_vjp = float(terms.sum()), float((pulled * case.numpy(u)).sum())
    allowed = share * np.abs(terms).sum() + rounding * np.abs(case.numpy(v) * plus).sum() / step
    if abs(along_v - by_vjp) > allowed:
        raise InvalidValueError(
            f"the derivative of the score is {by_vjp:.6g} along a direction where differences give {along_v:.6g}: part "
            "of the score is cut from the graph (detach, no_grad, .numpy()) or not differentiable."
        )


def twice(case: Case) -> None:
    """Check that a second derivative exists; the implicit objectives need it."""
    attempt("the second derivative of the score", lambda: _second(case))


def _second(case: Case) -> Array:
    v, u = case.directions()
    return case.owner.vjp(lambda y: case.owner.vjp(case.traced, y, v)[1], case.x, u)[1]


def parameters(case: Case) -> None:
    """Check that every parameter changes in a few training steps."""
    names = case.parameters()
    if not names:
        return
    learner = case.owner.learner(case.model, _distance(case), learning_rate=1e-3, gradient_clip=None, ema=None)
    before = {name: case.numpy(value) for name, value in learner.state_dict().items()}
    for step in range(_STEPS):
        learner.step(case.x, case.owner.rng(step))
    after = {name: case.numpy(value) for name, value in learner.state_dict().items()}
    moved = {key.partition(".")[2] for key in before if not np.array_equal(before[key], after[key])}
    if any(isinstance(inside, EnergyModel) for inside in case.insides()):
        moved |= {name for name, value in names.items() if math.prod(value.shape) == 1}  # an additive constant
    still = [name for name in names if name not in moved]
    if still:
        raise InvalidValueError(
            f"the score does not change with {len(still)} of {len(names)} parameters, which get no gradient: "
            f"{', '.join(still)}. They are not used, or cut from the graph (detach, no_grad): remove or freeze them."
        )


def _distance(case: Case) -> Any:
    """A loss that fits the score to fixed values and depends on every parameter."""
    target, _ = case.directions()
    return lambda model, x, rng: array_namespace(x).mean((evaluate(model, x, case.sigma) - target) ** 2)


def kinks(case: Case) -> None:
    """Warn about piecewise-linear scores (ReLU): autodiff's gradient of the trace misses the kinks."""
    if np.any(case.numpy(_second(case))) or _affine(case):
        return
    pieces = (
        "linear" if np.any(case.numpy(case.owner.vjp(case.traced, case.x, case.directions()[0])[1])) else "constant"
    )
    wrong = (
        "autodiff's gradient of the trace misses the kinks, and is wrong in"
        if pieces == "linear"
        else "its trace is zero wherever it exists, which is wrong in"
    )
    warnings.warn(
        f"the score is piecewise {pieces}, as with ReLU: {wrong} ImplicitScoreMatching and "
        "SlicedScoreMatching. Use a smooth activation (SiLU, GELU, softplus), or DenoisingScoreMatching.",
        RuntimeWarning,
        stacklevel=3,
    )


def _affine(case: Case) -> bool:
    """Whether the score at a point between two distant points is the mean of their scores."""
    _, u = case.directions()
    ends = [case.numpy(case.score(case.x + reach * u)) for reach in (-8.0, 4.0)]
    middle = case.numpy(case.score(case.x - 2.0 * u))
    return not case.differs(middle, (ends[0] + ends[1]) / 2)
