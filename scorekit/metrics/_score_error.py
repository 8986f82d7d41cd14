"""The error of a score model against the exact score."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import as_sigma, check_batch, event_size
from scorekit._tables import displayed
from scorekit.errors import InvalidTypeError, ShapeError, describe
from scorekit.learning.isotropic import isotropic_noise
from scorekit.learning.views import units_of
from scorekit.metrics import _statistics
from scorekit.metrics._host import host_score
from scorekit.protocols import Array, Distribution, ScoreModel, Sigma

__all__ = ["ScoreError", "check_methods", "check_noise_of", "check_target", "compare_scores", "score_error"]


@displayed
class ScoreError(NamedTuple):
    """The distance between two score fields over ``n`` points; every value has its standard error."""

    esm: float
    esm_stderr: float
    relative_l2: float
    relative_l2_stderr: float
    cosine: float
    cosine_stderr: float
    n: int

    def __str__(self) -> str:
        return (
            f"ESM {self.esm:.4g} ± {self.esm_stderr:.2g}, relative l2 {self.relative_l2:.4g} ± "
            f"{self.relative_l2_stderr:.2g}, cosine {self.cosine:.4f} ± {self.cosine_stderr:.2g} ({self.n} points)"
        )


def score_error(model: ScoreModel, distribution: Distribution, x: Array, sigma: Sigma = None) -> ScoreError:
    """The error of ``model`` against the exact score s* = ∇log p_σ, averaged over the points ``x``.

    - ESM: ½ E|s − s*|²;
    - relative l2: √(E|s − s*|² / E|s*|²); the zero field has 1;
    - cosine: E[s·s* / |s||s*|]; a point where s or s* is zero counts as 0.

    Args:
        model: the score model s(x, sigma).
        distribution: has an exact ``score(x, sigma)``.
        x: the points of comparison, ``(n, *event)``. Averages are over the distribution of these points. For the
            explicit score-matching distance draw them from ``distribution.smoothed(sigma)``.
        sigma: noise level of both fields: None, a positive scalar or ``(n,)``.

    Returns:
        A :class:`ScoreError` of Python floats. The standard errors are valid for independent points (that of the
        relative l2 uses the delta method). For a single point they are NaN.

    Raises:
        ShapeError: ``x``, ``sigma`` or the model's output has the wrong shape or dimension.
        InvalidTypeError: ``x`` is not float32 or float64, ``distribution`` has no ``score``, or ``sigma`` is not None
            and the model is standardized.
        InvalidValueError: ``x`` holds NaN or infinity, or ``sigma`` is not positive.
        NonFiniteError: a field is NaN or infinite at some point.

    Source: Hyvärinen, Estimation of non-normalized statistical models by score matching (2005), JMLR 6, 695–709.

    >>> import numpy as np, scorekit as sk
    >>> normal = sk.distributions.Gaussian([0.0], [[1.0]])
    >>> print(score_error(lambda x, sigma: -2 * x, normal, np.array([[1.0], [-1.0]])))
    ESM 0.5 ± 0, relative l2 1 ± 0, cosine 1.0000 ± 0 (2 points)
    """
    check_target(distribution, check_batch(x))
    sigma = as_sigma(sigma, x)
    check_noise_of(model, sigma)
    with isotropic_noise():
        s = host_score(model, x, sigma)
    return compare_scores(s, host_score(distribution.score, x, sigma, "distribution.score"))


def check_noise_of(model: ScoreModel, sigma: Sigma) -> None:
    """Raise an error if the noise of ``model`` is not that of a distribution smoothed by N(0, sigma² I)."""
    if sigma is not None and units_of(model) is not None:
        raise InvalidTypeError(
            "model is standardized: its noise is sigma * scale, and that of the distribution is sigma in each feature. "
            "Compare the model inside (model.inner) with the distribution of the standardized data, or use sigma=None."
        )


def check_target(distribution: Any, x: Array, needed: tuple[str, ...] = ("score",)) -> None:
    """Check that a distribution has the methods ``needed`` and the dimension of ``x``."""
    check_methods(distribution, needed)
    dim = getattr(distribution, "dim", None)
    if dim is not None and dim != event_size(x):
        raise ShapeError(
            f"x has shape {tuple(x.shape)}, so dimension {event_size(x)}, but the distribution has dimension {dim}: "
            "expected the same dimension."
        )


def check_methods(distribution: Any, needed: tuple[str, ...]) -> None:
    """Check that a distribution has the methods ``needed``."""
    if isinstance(distribution, type):
        name = distribution.__name__
        raise InvalidTypeError(f"distribution is the class {name}: expected an instance, {name}(…).")
    missing = [name for name in needed if not callable(getattr(distribution, name, None))]
    if missing:
        raise InvalidTypeError(
            f"distribution is a {describe(distribution)} without {', '.join(missing)}: expected a Distribution, "
            "for instance sk.distributions.GaussianMixture(weights, means, covariances)."
        )


def compare_scores(s: Any, exact: Any) -> ScoreError:
    """The error of ``s`` against ``exact``, both float64 rows ``(n, d)``."""
    missed, size = np.sum((s - exact) ** 2, axis=1), np.sum(exact**2, axis=1)
    return ScoreError(
        *_statistics.mean(0.5 * missed),
        *_statistics.root_ratio(missed, size),
        *_statistics.mean(_cosines(s, exact)),
        n=s.shape[0],
    )


def _cosines(s: Any, exact: Any) -> Any:
    """The cosine of the angle at each point. Vectors are normalized first, which avoids overflow and underflow."""
    return np.clip(np.sum(_directions(s) * _directions(exact), axis=1), -1.0, 1.0)


def _directions(v: Any) -> Any:
    largest = np.max(np.abs(v), axis=1, keepdims=True)
    v = v / np.where(largest > 0, largest, 1.0)
    length = np.sqrt(np.sum(v**2, axis=1, keepdims=True))
    return v / np.where(length > 0, length, 1.0)
