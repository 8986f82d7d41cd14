"""Is this function a score model?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scorekit._arrays import as_sigma, check_batch, constant, expand
from scorekit.errors import InvalidValueError, NonFiniteError, ShapeError
from scorekit.protocols import Array, ScoreModel, Sigma
from scorekit.registry import array_namespace
from scorekit.testing.case import Case
from scorekit.testing.gradients import derivative, kinks, parameters, twice

__all__ = ["check_score_model"]


def check_score_model(model: ScoreModel, x: Array, sigma: Sigma = None) -> None:
    """Raise a ``ScorekitError`` that names the first fault of ``model`` as a score model; None when there is none.

    Looked at, in this order: that the model can be called, with its parameters where ``x`` is and of its dtype; shape,
    dtype and framework of the score; that ``x`` is left alone; finite values, also at 10 times ``x`` and at a
    hundredth of sigma; that the same input gives the same score; that a scalar sigma and one of shape ``(n,)`` agree;
    that each row depends on its own sample alone (batch normalization in training mode fails here); that derivatives
    with respect to ``x`` exist, agree with differences and can be taken twice; that every parameter that is to be
    trained moves the score. It works on copies of ``model`` and ``x``.

    A score made of linear pieces, as a network with ReLU makes it, is a score model, but not for every objective: a
    ``RuntimeWarning`` says for which.

    Args:
        model: what is to be checked.
        x: samples like those it will meet, shape ``(n, *event)``; at least two, so that rows can be told apart.
        sigma: the noise level to call it with: None, a positive scalar or shape ``(n,)``.

    >>> import numpy as np
    >>> check_score_model(lambda x: -x, np.ones((3, 2)))
    """
    if check_batch(x).shape[0] < 2:
        raise InvalidValueError(f"x holds {x.shape[0]} sample: expected at least two, so that rows can be told apart.")
    case = Case(model, x, as_sigma(sigma, x))
    checks: tuple[Callable[[Case], None], ...] = (_values, _repeatable, _levels, _far, _rows)
    for check in (*checks, derivative, twice, kinks, parameters):
        check(case)


def _values(case: Case) -> None:
    before = case.numpy(case.x)
    score = case.score(case.x)
    if not np.array_equal(before, case.numpy(case.x)):
        raise InvalidValueError("the model changed x: expected it to leave its input alone. Avoid in-place operations.")
    _finite(case, score, "")


def _finite(case: Case, score: Array, where: str) -> None:
    finite = np.isfinite(case.numpy(score))
    if not finite.all():
        rows = int((~finite.reshape(len(finite), -1).all(axis=1)).sum())
        raise NonFiniteError(f"the score is NaN or infinite in {rows} of {len(finite)} rows{where}.")


def _repeatable(case: Case) -> None:
    off = case.differs(case.numpy(case.score(case.x)), case.numpy(case.score(case.x)))
    if off:
        raise InvalidValueError(
            f"two calls with the same x differ by {off:.1e} (relative): expected a function of x and sigma. Dropout, "
            "or another source of noise, is active: for a torch module call model.eval()."
        )


def _levels(case: Case) -> None:
    """Two levels in one batch, against the same two as scalars: a sigma along the wrong axis shows."""
    if case.sigma is None:
        return
    level = float(np.ravel(case.numpy(case.sigma) if hasattr(case.sigma, "ndim") else case.sigma)[0])
    first = np.arange(case.x.shape[0]) == 0
    other = 1.5 * level if _knows(case, 1.5 * level) else level
    each = constant(np.where(first, level, other), case.x)
    apart = [case.numpy(case.at(case.x, value)) for value in (level, other)]
    off = case.differs(np.concatenate([apart[0][:1], apart[1][1:]]), case.numpy(case.at(case.x, each)))
    if off:
        raise InvalidValueError(
            f"sigma as a scalar and as shape ({case.x.shape[0]},) give scores that differ by {off:.1e} (relative): "
            "line sigma up with the batch axis, sigma.reshape(-1, 1, …)."
        )


def _knows(case: Case, level: Sigma) -> bool:
    """Does the model take this level? One that is fixed at a level, or made for a sequence of levels, refuses
    others.
    """
    try:
        case.at(case.x, level)
    except ShapeError:
        raise
    except InvalidValueError:
        return False
    return True


def _far(case: Case) -> None:
    """Where samplers start, and where they end."""
    _finite(case, case.score(10 * case.x), " at 10 times x, and finite at x: chains get there. Look for an overflow")
    if case.sigma is not None and _knows(case, case.sigma / 100):
        where = " at a hundredth of sigma, and finite at sigma: look for a division by sigma, or its logarithm"
        _finite(case, case.at(case.x, case.sigma / 100), where)


def _rows(case: Case) -> None:
    """Move every sample but the first: the first one's score must stay."""
    xp = array_namespace(case.x)
    first = expand(constant((np.arange(case.x.shape[0]) == 0).astype(float), case.x), case.x)
    moved = case.x + (1 - first) * (0.5 + xp.abs(case.x))
    here, there = case.numpy(case.score(case.x))[:1], case.numpy(case.score(moved))[:1]
    off = case.differs(here, there)
    if off:
        raise InvalidValueError(
            f"the score at sample 0 changes by {off:.1e} (relative) when the other samples move: expected rows "
            "that are independent of each other. Batch normalization in training mode does this: call model.eval(), "
            "or use group or instance normalization."
        )
