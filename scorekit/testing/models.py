"""Is this function a score model?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scorekit._arrays import align, as_sigma, check_batch, constant, evaluate
from scorekit.errors import InvalidValueError, NonFiniteError, ScorekitError
from scorekit.protocols import Array, Backend, ScoreModel, Sigma
from scorekit.registry import array_namespace, backend_of

__all__ = ["check_score_model"]

_RELATIVE = {"float32": 1e-3, "float64": 1e-7}


def check_score_model(model: ScoreModel, x: Array, sigma: Sigma = None) -> None:
    """Raise a ``ScorekitError`` that names the first fault of ``model`` as a score model; None when there is none.

    Looked at, in this order: shape, dtype and framework of the score; that ``x`` is left alone; finite values; that
    the same input gives the same score; that a scalar sigma and one of shape ``(n,)`` agree; that each row depends
    on its own sample alone (batch normalisation in training mode fails here); that derivatives with respect to ``x``
    exist, agree with differences and can be taken twice.

    Args:
        model: what is to be checked.
        x: samples like those it will meet, shape ``(n, *event)``; at least two, so that rows can be told apart.
        sigma: the noise level to call it with: None, a positive scalar or shape ``(n,)``.

    >>> import numpy as np
    >>> check_score_model(lambda x: -x, np.ones((3, 2)))
    """
    if check_batch(x).shape[0] < 2:
        raise InvalidValueError(f"x holds {x.shape[0]} sample: expected at least two, so that rows can be told apart.")
    case = _Case(model, x, as_sigma(sigma, x), backend_of(x))
    for check in (_values, _repeatable, _levels, _rows, _derivative, _twice):
        check(case)


class _Case:
    """A model at an input, with what all checks ask of it."""

    def __init__(self, model: ScoreModel, x: Array, sigma: Sigma, owner: Backend) -> None:
        self.model, self.x, self.sigma, self.owner = model, x, sigma, owner
        self.tolerance = _RELATIVE.get(str(x.dtype).rpartition(".")[2], 1e-2)

    def score(self, x: Array) -> Array:
        return evaluate(self.model, x, self.sigma)

    def numpy(self, x: Array) -> Any:
        return np.array(self.owner.to_numpy(x), dtype=np.float64)

    def differs(self, a: Any, b: Any) -> float:
        """The largest difference of two arrays, relative to their size; 0 when they agree within the tolerance."""
        scale = max(np.abs(a).max(), np.abs(b).max(), 1e-30)
        worst = float(np.abs(a - b).max() / scale)
        return worst if worst > self.tolerance else 0.0


def _values(case: _Case) -> None:
    before = case.numpy(case.x)
    score = case.numpy(case.score(case.x))
    if not np.array_equal(before, case.numpy(case.x)):
        raise InvalidValueError("the model changed x: expected it to leave its input alone. Avoid in-place operations.")
    if not np.isfinite(score).all():
        rows = int((~np.isfinite(score).reshape(len(score), -1).all(axis=1)).sum())
        raise NonFiniteError(f"the score is NaN or infinite in {rows} of {len(score)} rows.")


def _repeatable(case: _Case) -> None:
    off = case.differs(case.numpy(case.score(case.x)), case.numpy(case.score(case.x)))
    if off:
        raise InvalidValueError(
            f"two calls with the same x differ by {off:.1e} (relative): expected a function of x and sigma. Dropout, "
            "or another source of noise, is active: for a torch module call model.eval()."
        )


def _levels(case: _Case) -> None:
    if case.sigma is None or not isinstance(case.sigma, float):
        return
    xp = array_namespace(case.x)
    each = case.sigma + 0 * xp.reshape(case.x, (case.x.shape[0], -1))[:, 0]
    off = case.differs(case.numpy(case.score(case.x)), case.numpy(evaluate(case.model, case.x, each)))
    if off:
        raise InvalidValueError(
            f"sigma as a scalar and as shape ({case.x.shape[0]},) give scores that differ by {off:.1e} (relative): "
            "line sigma up with the batch axis, sigma.reshape(-1, 1, …)."
        )


def _rows(case: _Case) -> None:
    """Move every sample but the first: the first one's score must stay."""
    xp = array_namespace(case.x)
    first = align(constant((np.arange(case.x.shape[0]) == 0).astype(float), case.x), case.x)
    moved = case.x + (1 - first) * (0.5 + xp.abs(case.x))
    here, there = case.numpy(case.score(case.x))[:1], case.numpy(case.score(moved))[:1]
    off = case.differs(here, there)
    if off:
        raise InvalidValueError(
            f"the score at sample 0 changes by {off:.1e} (relative) when the other samples move: expected rows "
            "that are independent of each other. Batch normalisation in training mode does this: call model.eval(), "
            "or use group or instance normalisation."
        )


def _derivative(case: _Case) -> None:
    """Jᵀ v against central differences, for one fixed direction."""
    v, u = _directions(case)
    pulled = case.numpy(_attempt("the derivative of the score", lambda: case.owner.vjp(case.score, case.x, v)[1]))
    step = 1e-5 if case.tolerance < 1e-5 else 1e-2
    plus, minus = case.numpy(case.score(case.x + step * u)), case.numpy(case.score(case.x - step * u))
    along_v = float((case.numpy(v) * (plus - minus)).sum() / (2 * step))
    by_vjp = float((pulled * case.numpy(u)).sum())
    scale = np.abs(plus).max() + np.abs(plus - minus).max() / step
    if abs(along_v - by_vjp) > 100 * case.tolerance * scale * v.shape[0]:
        raise InvalidValueError(
            f"the derivative of the score is {by_vjp:.6g} along a direction where differences give {along_v:.6g}: part "
            "of the score is cut from the graph (detach, no_grad, .numpy()) or not differentiable."
        )


def _twice(case: _Case) -> None:
    """The implicit losses differentiate a derivative: it must have one too."""
    v, u = _directions(case)
    _attempt(
        "the second derivative of the score",
        lambda: case.owner.vjp(lambda y: case.owner.vjp(case.score, y, v)[1], case.x, u),
    )


def _directions(case: _Case) -> tuple[Array, Array]:
    stream = case.owner.rng(0)
    return stream.normal(tuple(case.x.shape), like=case.x), stream.normal(tuple(case.x.shape), like=case.x)


def _attempt(what: str, derive: Callable[[], Any]) -> Any:
    try:
        return derive()
    except ScorekitError:
        raise
    except Exception as error:
        raise InvalidValueError(
            f"{what} cannot be taken ({type(error).__name__}: {error}): write the model with functions of "
            "sk.array_namespace(x), which are differentiable."
        ) from error
