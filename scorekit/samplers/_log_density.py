"""Models with a log-density: objects with a score and ``log_prob``."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from scorekit._score import check_conditional, inside, score_function, takes_sigma
from scorekit.errors import InvalidTypeError, describe
from scorekit.protocols import Array, ScoreModel, Sigma

__all__ = ["log_density", "score_model"]


def score_model(model: Any) -> ScoreModel:
    """``model``, or ``model.score`` for a density: a non-callable object with ``score`` and ``log_prob``."""
    is_density = not callable(model) and callable(getattr(model, "score", None)) and hasattr(model, "log_prob")
    return cast(ScoreModel, model.score if is_density else model)


def log_density(model: Any) -> Callable[[Array, Sigma], Array]:
    """The log-density of ``model`` as a function of ``(x, sigma)``; ``model.smoothed`` is used for sigma if it exists.

    Raises:
        TypeError: ``model`` has no ``log_prob``.
    """
    known = getattr(model, "log_prob", None)
    if not callable(known):
        raise InvalidTypeError(
            f"model is a {describe(model)} without log_prob, and this sampler needs the log-density and the score: "
            "expected one of sk.distributions, sk.models.EnergyModel(U), or an object with a call and log_prob(x)."
        )
    function = score_function(known)
    asked = known if inside(model) is None else model  # a view hands sigma on: what it wraps takes it, or not
    if takes_sigma(asked) or not callable(getattr(model, "smoothed", None)):
        return _refusing_levels(asked, function)
    smoothed = lru_cache(maxsize=1)(model.smoothed)
    return lambda x, sigma: function(x, None) if sigma is None else smoothed(sigma).log_prob(x)


def _refusing_levels(known: Any, function: Callable[[Array, Sigma], Array]) -> Callable[[Array, Sigma], Array]:
    @lru_cache(maxsize=1)
    def check() -> None:
        check_conditional(known, "the sampler needs its log-density at a noise level", "Use one without noise levels.")

    def at_level(x: Array, sigma: Sigma) -> Array:
        if sigma is not None:
            check()
        return function(x, sigma)

    return at_level
