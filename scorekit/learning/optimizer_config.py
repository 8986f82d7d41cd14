"""The options of an optimizer step in all backends: learning rate, gradient clipping, EMA."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scorekit._checks import check_number, check_positive
from scorekit.errors import InvalidTypeError, InvalidValueError

__all__ = ["OptimizerConfig", "check_learner_options"]


def check_learner_options(options: Mapping[str, Any], learner: type, backend: str) -> None:
    """Raise ``TypeError`` for options that the learner of a backend does not have, with a list of its options.

    >>> class Learner:
    ...     def __init__(self, *, ema=None): ...
    >>> check_learner_options({"emma": 0.9}, Learner, "numpy")
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidTypeError: ... Did you mean ema?
    """
    parameters = inspect.signature(learner).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    unknown = [name for name in options if name not in known]
    if unknown:
        close = difflib.get_close_matches(unknown[0], known, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise InvalidTypeError(
            f"the {backend} backend has no training option {unknown[0]!r}: expected one of {', '.join(known)}.{hint}"
        )


@dataclass(frozen=True)
class OptimizerConfig:
    """The checked options of an optimizer step: learning rate, gradient clipping, EMA.

    Args:
        learning_rate: a positive number, or a function of the step (from 0).
        gradient_clip: largest norm of the whole gradient, positive; None for no clipping.
        ema: decay of the exponential moving average (EMA) of the weights, in [0, 1); None for no EMA.

    Raises:
        ValueError: ``learning_rate`` or ``gradient_clip`` is not positive and finite, or ``ema`` is outside [0, 1).
        TypeError: an option is not a number.

    >>> config = OptimizerConfig(learning_rate=1e-3, gradient_clip=1.0, ema=0.999)
    >>> config.rate(0), config.ema_decay(0), config.clip_factor(4.0)
    (0.001, 0.1, 0.25)
    """

    learning_rate: float | Callable[[int], float]
    gradient_clip: float | None
    ema: float | None

    def __post_init__(self) -> None:
        ema = None if self.ema is None else check_number(self.ema, "ema")
        if ema is not None and not 0 <= ema < 1:
            raise InvalidValueError(f"ema must lie in [0, 1), or be None for no average, got {ema}.")
        object.__setattr__(self, "ema", ema)
        if not callable(self.learning_rate):
            object.__setattr__(self, "learning_rate", check_positive(self.learning_rate, "learning_rate"))
        if self.gradient_clip is not None:
            object.__setattr__(self, "gradient_clip", check_positive(self.gradient_clip, "gradient_clip"))

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0; a negative or non-finite rate raises ``ValueError``."""
        if not callable(self.learning_rate):
            return self.learning_rate
        rate = check_number(self.learning_rate(step), f"learning_rate({step})")
        if not 0 <= rate < math.inf:
            raise InvalidValueError(f"learning_rate({step}) is {rate}: expected a finite rate >= 0.")
        return rate

    def ema_decay(self, updates: int) -> float:
        """The EMA decay after t updates, min(ema, (1 + t)/(10 + t)); 0 without EMA."""
        return 0.0 if self.ema is None else min(self.ema, (1 + updates) / (10 + updates))

    def clip_factor(self, norm: float) -> float:
        """The factor that clips a gradient of this norm to ``gradient_clip``; 1 if the norm is not larger."""
        return 1.0 if self.gradient_clip is None or norm <= self.gradient_clip else self.gradient_clip / norm
