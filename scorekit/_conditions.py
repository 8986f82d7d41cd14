"""Conditions: the third argument of a conditional model, an array with one entry per sample."""

from __future__ import annotations

from typing import Any

from scorekit._arrays import check_finite, constant, readable
from scorekit._checks import check_count
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.protocols import Array, Backend
from scorekit.registry import array_namespace, backend_of

__all__ = ["Conditional", "Conditions", "as_condition", "check_condition", "dropped", "null_like", "tiled"]


def as_condition(value: Any, owner: Backend, name: str = "condition", *, finite: bool = True) -> Array:
    """``value`` as a checked array of ``owner``: integers become int64, real numbers must be finite."""
    try:
        made = value if owner.owns(value) else owner.asarray(value)
    except InvalidTypeError as error:
        raise InvalidTypeError(
            f"{name} is a {describe(value)}: expected integers (n,), or an array of numbers whose first axis is n. "
            "Convert text to one integer per class."
        ) from error
    xp = owner.xp
    if made.ndim == 0:
        raise ShapeError(f"{name} is the single value {value!r}: expected an array whose first axis is n.")
    if xp.isdtype(made.dtype, ("integral", "bool")):
        return xp.astype(made, xp.int64, copy=False)  # torch treats 8-bit indices as a mask
    if not xp.isdtype(made.dtype, "real floating"):
        raise InvalidTypeError(f"{name} has dtype {made.dtype}: expected integers or real numbers.")
    return check_finite(made, name) if finite and owner.readable(made) else made


def check_condition(condition: Any, x: Array, name: str = "condition", *, finite: bool = True) -> Array | None:
    """``condition``, checked to have one entry per sample of ``x`` and its framework; floats get the dtype of ``x``.

    >>> import numpy as np
    >>> check_condition(np.array([0, 1]), np.ones((2, 3))).tolist()
    [0, 1]
    """
    if condition is None:
        return None
    owner = backend_of(x)
    if hasattr(condition, "shape") and not owner.owns(condition):
        array_namespace(**{"x": x, name: condition})  # the error names both frameworks
    made = as_condition(condition, owner, name, finite=finite)
    if made.shape[0] != x.shape[0]:
        raise ShapeError(
            f"{name} has shape {tuple(made.shape)} for {x.shape[0]} samples: expected its first axis to be "
            f"{x.shape[0]}, one entry for each sample."
        )
    array_namespace(**{"x": x, name: made})
    return owner.xp.astype(made, x.dtype, copy=False) if owner.xp.isdtype(made.dtype, "real floating") else made


def tiled(condition: Array, x: Array) -> Array:
    """The condition for k·n rows: n entries are repeated k times as a block, like ``[x; x; …]``."""
    have, want = condition.shape[0], x.shape[0]
    if have == want:
        return condition
    if want % have:
        raise ShapeError(
            f"the condition has {have} entries for {want} samples: expected {want}, one per sample, or a divisor of "
            "that if the samples are repeated."
        )
    xp = array_namespace(condition)
    return xp.tile(condition, (want // have,) + (1,) * (condition.ndim - 1))


def null_like(null: Any, condition: Array) -> Array:
    """The null condition of one sample, as an array that broadcasts to ``condition``."""
    made = constant(null, condition)
    if made.ndim and tuple(made.shape) != tuple(condition.shape[1:]):
        raise ShapeError(
            f"null_condition has shape {tuple(made.shape)}: expected {tuple(condition.shape[1:])}, that of the "
            "condition of one sample, or one number."
        )
    return made


def dropped(condition: Array, uniform: Array, p: float, null: Any) -> Array:
    """``condition``, with the entries where ``uniform`` is below ``p`` replaced by the null condition."""
    xp = array_namespace(condition)
    keep = xp.reshape(uniform >= p, (-1,) + (1,) * (condition.ndim - 1))
    return xp.where(keep, condition, null_like(null, condition))


class Conditions:
    """The conditions of a network: labels of ``classes``, vectors of dimension ``dim``, or none.

    Args:
        classes: the number of classes, >= 1; None for no labels. The label ``classes`` means no condition.
        dim: the dimension of a vector, >= 1; None for no vectors. The zero vector means no condition.

    Raises:
        ValueError: both are set, or one is below 1.

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
        """The condition of one sample that means no condition; None for a network without conditions."""
        return self.classes if self.dim is None else [0.0] * self.dim

    def checked(self, condition: Array | None, x: Array) -> Array | None:
        """``condition``, checked to fit this network and ``x``.

        Raises:
            TypeError: a condition for a network without one, or a wrong dtype.
            ValueError: no condition for a conditional network, or a label out of range.
            ShapeError: the wrong number of entries.
        """
        if self.classes is None and self.dim is None:
            if condition is None:
                return None
            raise InvalidTypeError(
                "this network takes no condition, but one was passed: make it with classes=… or condition_dim=…, or "
                "leave the condition out."
            )
        if condition is None:
            made = f"classes={self.classes}" if self.dim is None else f"condition_dim={self.dim}"
            raise InvalidValueError(
                f"this network was made with {made}, and called without a condition: write "
                "sk.models.condition(model, c) for a sampler, objective(model, x, condition=c) for a loss. Its "
                "null_condition means no condition, if it was trained with condition_dropout."
            )
        if not hasattr(condition, "shape"):
            raise InvalidTypeError(
                f"the condition is a {describe(condition)}: expected an array like x whose first axis is {x.shape[0]}."
            )
        array_namespace(x=x, condition=condition)
        return self._labels(condition, x) if self.dim is None else self._vectors(condition, x)

    def _labels(self, label: Array, x: Array) -> Array:
        xp, classes = array_namespace(label), self.classes
        assert classes is not None
        if not xp.isdtype(label.dtype, "integral"):
            raise InvalidTypeError(f"the condition is a {describe(label)}: expected integers, one class per sample.")
        if tuple(label.shape) != (x.shape[0],):
            raise ShapeError(
                f"the condition has shape {tuple(label.shape)}: expected ({x.shape[0]},), one class per sample."
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
            raise InvalidTypeError(
                f"the condition is a {describe(vectors)}: expected real numbers, one vector per sample."
            )
        if tuple(vectors.shape) != (x.shape[0], self.dim):
            raise ShapeError(
                f"the condition has shape {tuple(vectors.shape)}: expected {(x.shape[0], self.dim)}, one vector per "
                "sample."
            )
        return vectors


class Conditional:
    """The members of a network that follow from its :class:`Conditions`; a base class of networks.

    A network sets ``_conditions``, and ``conditional`` to False if its output does not depend on sigma.

    >>> class Constant(Conditional):
    ...     _conditions = Conditions(classes=3, dim=None)
    >>> network = Constant()
    >>> network.classes, network.null_condition, network.takes_condition, network.takes_sigma
    (3, 3, True, True)
    """

    _conditions: Conditions
    conditional: bool = True

    @property
    def condition_dim(self) -> int | None:
        """The dimension of a condition; None for a network without vectors."""
        return self._conditions.dim

    @property
    def classes(self) -> int | None:
        """The number of classes; None for a network without labels."""
        return self._conditions.classes

    @property
    def takes_sigma(self) -> bool:
        """Whether the output depends on sigma."""
        return self.conditional

    @property
    def takes_condition(self) -> bool:
        """Whether the network has ``classes`` or ``condition_dim``."""
        return self._conditions.null is not None

    @property
    def null_condition(self) -> Any:
        """The condition of one sample that means no condition; None for a network without conditions."""
        return self._conditions.null
