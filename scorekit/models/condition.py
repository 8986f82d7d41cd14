"""A conditional model with its condition fixed: a score model of x and sigma alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from scorekit._arrays import check_batch, check_finite, filled
from scorekit._conditions import as_condition
from scorekit._score import evaluate, part_of, score_function, takes_condition
from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.learning.views import View, classes_of, innermost
from scorekit.protocols import Array, ScoreModel, Sigma
from scorekit.registry import array_namespace, backend_of

__all__ = ["condition"]


@dataclass(frozen=True, eq=False, repr=False)
class Conditioned(View):
    """``(x, sigma) ↦ model(x, sigma, c)``; see :func:`condition`. ``each``: whether ``c`` has one entry per sample."""

    _inner: ClassVar[str] = "model"
    uses_sigma: ClassVar[bool] = False
    model: ScoreModel
    c: Any
    each: bool

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """The score at ``x`` under the fixed condition."""
        check_batch(x, finite=False)
        if condition is not None:
            raise InvalidValueError(
                "a condition was passed, but this model has a fixed condition: leave it out, or use the model inside."
            )
        return evaluate(self.model, x, sigma, self._for(x))

    @property
    def log_prob(self) -> Callable[..., Array]:
        """The log-density under the condition, ``(x, sigma) ↦ (n,)``, if the model inside has one."""
        inner: Callable[..., Array] = self.inner.log_prob
        return lambda x, sigma=None: inner(x, sigma, self._for(x))

    def _for(self, x: Array) -> Array:
        xp, n = array_namespace(x), x.shape[0]
        if isinstance(self.c, (int, float)):
            return filled(self.c, x, xp.int64 if isinstance(self.c, int) else x.dtype)
        array_namespace(x=x, condition=self.c)
        c = xp.astype(self.c, x.dtype, copy=False) if xp.isdtype(self.c.dtype, "real floating") else self.c
        if not self.each:
            return xp.broadcast_to(c[None, ...], (n, *c.shape))
        return c  # the call of the model repeats it if the samples are repeated


def condition(model: ScoreModel, c: Any, *, each: bool | None = None) -> Any:
    """The score model ``(x, sigma) ↦ s(x, sigma | c)`` with the condition fixed, for samplers and metrics.

    Args:
        model: a model that takes a condition, ``s(x, sigma, condition)``, alone or in the views of ``sk.models``.
        c: a number for all samples; an array for one sample, which is used for all samples; or an array with one
            entry per sample. With n entries and k · n samples, it is repeated k times.
        each: whether the first axis of ``c`` is the batch axis. By default, integers ``(n,)`` are one label per sample,
            real numbers ``(k,)`` are the condition of one sample, and arrays of two or more axes have the batch axis
            first. Set ``each=True`` for one real number per sample, ``each=False`` for one image.

    Returns:
        A score model of ``(x, sigma)``.

    Raises:
        TypeError: ``model`` takes no condition, or ``c`` is not a number or an array.
        ValueError: ``c`` is not finite, or a class that the network does not have.

    >>> import numpy as np
    >>> def means(x, sigma, condition):
    ...     return condition[:, None] - x
    >>> condition(means, 1)(np.array([[0.25]])).tolist()
    [[0.75]]
    """
    if not callable(model):
        raise InvalidTypeError(
            f"model is a {describe(model)}: expected a model s(x, sigma, condition).{part_of(model)}"
        )
    score_function(model)
    if not takes_condition(model):
        raise InvalidTypeError(
            f"{getattr(innermost(model), '__name__', type(innermost(model)).__name__)} takes no condition: expected a "
            "model s(x, sigma, condition), for example a network with classes=… or condition_dim=…, trained on pairs "
            "of samples and conditions."
        )
    made, each = _read(c, each)
    _check_classes(made, classes_of(model))
    return Conditioned(model, made, each)


def _read(c: Any, each: bool | None) -> tuple[Any, bool]:
    """``c`` as a number or an array, and whether it has one entry per sample."""
    if isinstance(c, bool):
        raise InvalidTypeError(f"c is {c}: expected an integer, a number or an array. Write {int(c)}.")
    if not hasattr(c, "shape") and isinstance(c, (list, tuple)):
        raise InvalidTypeError(
            "c is a list: expected an array of the framework of x. Write numpy.asarray(c) or torch.tensor(c)."
        )
    if not hasattr(c, "shape") or c.shape == ():
        number = c.item() if hasattr(c, "item") else c
        if not isinstance(number, (int, float)) or number - number != 0:
            raise InvalidTypeError(f"c is {c!r}: expected a finite number, or an array.")
        return number, False
    owner = backend_of(c)
    if each is False and c.ndim:
        return check_finite(as_condition(c, owner), "c"), False
    made = as_condition(c, owner, "c")
    decided = made.ndim > 1 or owner.xp.isdtype(made.dtype, "integral") if each is None else each
    return made, bool(decided)


def _check_classes(c: Any, classes: int | None) -> None:
    """Raise an error if ``c`` is not a class of a network with classes; the label ``classes`` means no condition."""
    if classes is None:
        return
    whole = isinstance(c, int) or (hasattr(c, "dtype") and array_namespace(c).isdtype(c.dtype, "integral"))
    if not whole:
        raise InvalidTypeError(
            f"the condition is {describe(c) if hasattr(c, 'dtype') else c}: the network has {classes} classes, so "
            "expected an integer or an array of integers (n,)."
        )
    low, high = (c, c) if isinstance(c, int) else (int(c.min()), int(c.max()))
    if low < 0 or high > classes:
        raise InvalidValueError(
            f"the condition is class {low if low < 0 else high}: the network has {classes} classes, 0 to "
            f"{classes - 1}, and {classes} means no condition."
        )
