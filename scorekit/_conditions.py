"""Conditions: what a model is told beside ``x`` and sigma. Arrays whose first axis is that of the samples."""

from __future__ import annotations

from typing import Any

from scorekit._arrays import check_finite, constant, readable
from scorekit._checks import check_count
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.protocols import Array, Backend
from scorekit.registry import array_namespace, backend_of

__all__ = ["Conditions", "as_condition", "check_condition", "dropped", "null_like", "tiled"]


def as_condition(value: Any, owner: Backend, name: str = "condition") -> Array:
    """``value`` as an array of ``owner`` with a first axis: integers as int64, numbers as they are, all finite."""
    try:
        made = value if owner.owns(value) else owner.asarray(value)
    except InvalidTypeError as error:
        raise InvalidTypeError(
            f"{name} is a {describe(value)}: expected integers (n,), or an array of numbers whose first axis is n. "
            "For text look up an integer for each class."
        ) from error
    xp = owner.xp
    if made.ndim == 0:
        raise ShapeError(f"{name} is the single value {value!r}: expected an array whose first axis is n.")
    if xp.isdtype(made.dtype, ("integral", "bool")):
        return xp.astype(made, xp.int64, copy=False)  # torch takes indices of 8 bits for a mask
    if not xp.isdtype(made.dtype, "real floating"):
        raise InvalidTypeError(f"{name} has dtype {made.dtype}: expected integers or real numbers.")
    return check_finite(made, name) if owner.readable(made) else made


def check_condition(condition: Any, x: Array, name: str = "condition") -> Array | None:
    """A condition for the samples ``x``: one entry for each, of their framework and, if floating, of their dtype.

    >>> import numpy as np
    >>> check_condition(np.array([0, 1]), np.ones((2, 3))).tolist()
    [0, 1]
    """
    if condition is None:
        return None
    owner = backend_of(x)
    if hasattr(condition, "shape") and not owner.owns(condition):
        array_namespace(**{"x": x, name: condition})  # names both when they are of two frameworks
    made = as_condition(condition, owner, name)
    if made.shape[0] != x.shape[0]:
        raise ShapeError(
            f"{name} has shape {tuple(made.shape)} for {x.shape[0]} samples: expected its first axis to be "
            f"{x.shape[0]}, one entry for each sample."
        )
    array_namespace(**{"x": x, name: made})
    return owner.xp.astype(made, x.dtype, copy=False) if owner.xp.isdtype(made.dtype, "real floating") else made


def tiled(condition: Array, x: Array) -> Array:
    """The condition for k·n rows: one of n entries is repeated k times as a whole, as ``[x; x; …]`` is."""
    have, want = condition.shape[0], x.shape[0]
    if have == want:
        return condition
    if want % have:
        raise ShapeError(
            f"the condition has {have} entries for {want} samples: expected {want}, one for each, or a divisor of "
            "that, where the samples are repeated."
        )
    xp = array_namespace(condition)
    return xp.tile(condition, (want // have,) + (1,) * (condition.ndim - 1))


def null_like(null: Any, condition: Array) -> Array:
    """The null condition of one sample as an array like ``condition``, which it is broadcast to."""
    made = constant(null, condition)
    if made.ndim and tuple(made.shape) != tuple(condition.shape[1:]):
        raise ShapeError(
            f"null_condition has shape {tuple(made.shape)}: expected {tuple(condition.shape[1:])}, that of the "
            "condition of one sample, or one number."
        )
    return made


def dropped(condition: Array, uniform: Array, p: float, null: Any) -> Array:
    """The conditions with those replaced by the null one whose uniform number is below ``p``."""
    xp = array_namespace(condition)
    keep = xp.reshape(uniform >= p, (-1,) + (1,) * (condition.ndim - 1))
    return xp.where(keep, condition, null_like(null, condition))


class Conditions:
    """Which conditions a network takes: labels of ``classes``, vectors of ``dim`` numbers, or none.

    Args:
        classes: the number of classes, >= 1; None for no labels. The label ``classes`` stands for no condition.
        dim: the numbers in a vector, >= 1; None for no vectors. The zero vector stands for no condition.

    Raises:
        ValueError: both are given, or one is smaller than 1.

    >>> import numpy as np
    >>> Conditions(classes=3, dim=None).checked(np.array([0, 2]), np.ones((2, 5))).tolist()
    [0, 2]
    """

    def __init__(self, classes: int | None, dim: int | None) -> None:
        if classes is not None and dim is not None:
            raise InvalidValueError(f"classes is {classes} and condition_dim {dim}: expected one of them, or neither.")
        self.classes = None if classes is None else check_count(classes, "classes")
        self.dim = None if dim is None else check_count(dim, "condition_dim")

    @property
    def null(self) -> Any:
        """The condition of one sample that stands for none; None for a network without conditions."""
        return self.classes if self.dim is None else [0.0] * self.dim

    def checked(self, condition: Array | None, x: Array) -> Array | None:
        """The condition of a call at ``x``; refused when it is not what the network was made for."""
        if self.classes is None and self.dim is None:
            if condition is None:
                return None
            raise InvalidTypeError(
                "this network takes no condition, and one was given: make it with classes=…, or condition_dim=…, or "
                "leave the condition out."
            )
        if condition is None:
            made = f"classes={self.classes}" if self.dim is None else f"condition_dim={self.dim}"
            raise InvalidValueError(
                f"this network was made with {made}, and called without a condition: write "
                "sk.models.condition(model, c) for a sampler, objective(model, x, condition=c) for a loss. Its "
                "null_condition stands for none, where it was trained with condition_dropout."
            )
        array_namespace(x=x, condition=condition)
        return self._labels(condition, x) if self.dim is None else self._vectors(condition, x)

    def _labels(self, label: Array, x: Array) -> Array:
        xp, classes = array_namespace(label), self.classes
        assert classes is not None
        if not xp.isdtype(label.dtype, "integral"):
            raise InvalidTypeError(f"the condition is a {describe(label)}: expected integers, one class a sample.")
        if tuple(label.shape) != (x.shape[0],):
            raise ShapeError(
                f"the condition has shape {tuple(label.shape)}: expected ({x.shape[0]},), a class a sample."
            )
        low, high = (int(xp.min(label)), int(xp.max(label))) if readable(label) else (0, 0)
        if low < 0 or high > classes:
            raise InvalidValueError(
                f"the condition has labels from {low} to {high}: expected classes from 0 to {classes - 1}, or "
                f"{classes} for no condition."
            )
        return xp.astype(label, xp.int64, copy=False)

    def _vectors(self, vectors: Array, x: Array) -> Array:
        xp = array_namespace(vectors)
        if not xp.isdtype(vectors.dtype, "real floating"):
            raise InvalidTypeError(f"the condition is a {describe(vectors)}: expected real numbers, a vector a sample.")
        if tuple(vectors.shape) != (x.shape[0], self.dim):
            raise ShapeError(
                f"the condition has shape {tuple(vectors.shape)}: expected {(x.shape[0], self.dim)}, a vector a sample."
            )
        return vectors
