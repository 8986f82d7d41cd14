"""The check of score models."""

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
    """Check a score model; the first fault raises a ``ScorekitError`` that names it.

    The checks: the model can be called, with parameters of the device and dtype of ``x``; the score has the shape,
    dtype and framework of ``x``; ``x`` is not modified; the score is finite, also at 10 times ``x`` and at a hundredth
    of sigma; equal inputs give equal scores; a scalar sigma and an array ``(n,)`` give equal scores; each row depends
    only on its own sample (batch normalization in training mode fails here); derivatives with respect to ``x`` exist,
    agree with finite differences and exist twice; every trainable parameter changes the score. The checks work on
    copies of ``model`` and ``x``.

    Args:
        model: the score model.
        x: typical samples, shape ``(n, *event)``, n >= 2.
        sigma: the noise level: None, a positive scalar or shape ``(n,)``.

    Raises:
        ValueError: ``x`` has fewer than two samples, or a check fails.
        ShapeError: the score has the wrong shape.
        TypeError: the score has the wrong framework or dtype.
        NonFiniteError: the score is not finite.

    Warns:
        RuntimeWarning: the score is piecewise linear, as with ReLU; some objectives are then wrong.

    >>> import numpy as np
    >>> check_score_model(lambda x: -x, np.ones((3, 2)))
    """
    if check_batch(x).shape[0] < 2:
        raise InvalidValueError(f"x holds {x.shape[0]} sample: expected at least two, to compare rows.")
    case = Case(model, x, as_sigma(sigma, x))
    checks: tuple[Callable[[Case], None], ...] = (_values, _repeatable, _levels, _far, _rows)
    for check in (*checks, derivative, twice, kinks, parameters):
        check(case)


def _values(case: Case) -> None:
    before = case.numpy(case.x)
    score = case.score(case.x)
    if not np.array_equal(before, case.numpy(case.x)):
        raise InvalidValueError(
            "the model changed x: expected a model that does not modify its input in place. Avoid in-place operations."
        )
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
            f"two calls with the same x differ by {off:.1e} (relative): expected a function of x and sigma. Dropout "
            "or another source of noise is active: for a torch module call model.eval()."
        )


def _levels(case: Case) -> None:
    """Compare two levels in one batch with the same levels as scalars, to find a sigma along the wrong axis."""
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
            "align sigma with the batch axis, sk.expand(sigma, x) or sigma.reshape(-1, 1, …)."
        )


def _knows(case: Case, level: Sigma) -> bool:
    """Whether the model accepts this level; a model with fixed noise levels raises ``ValueError`` for others."""
    try:
        case.at(case.x, level)
    except ShapeError:
        raise
    except InvalidValueError:
        return False
    return True


def _far(case: Case) -> None:
    """Check large ``x``, where samplers start, and small sigma, where they end."""
    _finite(case, case.score(10 * case.x), " at 10 times x, and finite at x: chains get there. Look for an overflow")
    if case.sigma is not None and _knows(case, case.sigma / 100):
        where = " at a hundredth of sigma, and finite at sigma: look for a division by sigma, or its logarithm"
        _finite(case, case.at(case.x, case.sigma / 100), where)


def _rows(case: Case) -> None:
    """Change all samples except the first, and check that the first score stays the same."""
    xp = array_namespace(case.x)
    first = expand(constant((np.arange(case.x.shape[0]) == 0).astype(float), case.x), case.x)
    moved = case.x + (1 - first) * (0.5 + xp.abs(case.x))
    here, there = case.numpy(case.score(case.x))[:1], case.numpy(case.score(moved))[:1]
    off = case.differs(here, there)
    if off:
        raise InvalidValueError(
            f"the score at sample 0 changes by {off:.1e} (relative) when the other samples change: expected rows "
            "that are independent of each other. Batch normalization in training mode does this: call model.eval(), "
            "or use group or instance normalization."
        )
