"""One class of a network that knows several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from scorekit._arrays import check_batch, check_count
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.models._view import View, innermost, with_innermost
from scorekit.protocols import Array, ScoreModel, Sigma
from scorekit.registry import array_namespace

__all__ = ["given"]


@dataclass(frozen=True, eq=False)
class Given(View):
    """``(x, sigma) ↦ net(x, sigma, label)``; made by :func:`given`."""

    _inner: ClassVar[str] = "net"
    net: Callable[..., Array]
    label: Any

    def __call__(self, x: Array, sigma: Sigma = None) -> Array:
        """The network's output at ``x`` under the fixed labels."""
        check_batch(x, finite=False)
        return self.net(x, sigma, self._labels(x))

    def _labels(self, x: Array) -> Array:
        xp, n = array_namespace(x), x.shape[0]
        if isinstance(self.label, int):
            return xp.full((n,), self.label, dtype=xp.int64, device=x.device)
        array_namespace(x=x, label=self.label)
        if tuple(self.label.shape) != (n,):
            raise ShapeError(f"label has shape {tuple(self.label.shape)} for {n} samples: expected a number or ({n},).")
        return self.label


def given(model: ScoreModel, label: Any) -> Any:
    """The score model of one class, ``(x, sigma) ↦ s(x, sigma | label)``, of a network with ``classes``.

    Args:
        model: a network whose call takes ``(x, sigma, label)`` and that has ``classes``, alone or in the views of
            ``sk.models``.
        label: an integer in [0, classes), or an integer array ``(n,)``, one for each sample.

    Raises:
        TypeError, ValueError: the network has no classes, or not this one.

    >>> import numpy as np
    >>> class Means:
    ...     classes = 2
    ...     def __call__(self, x, sigma=None, label=None):
    ...         return label[:, None] - x
    >>> given(Means(), 1)(np.array([[0.25]])).tolist()
    [[0.75]]
    """
    net = innermost(model)
    classes = getattr(net, "classes", None)
    if classes is None:
        raise InvalidTypeError(
            f"{type(net).__name__} has no classes: expected a network that was made with classes=…, and trained on "
            "data with labels."
        )
    if not hasattr(label, "shape") or label.shape == ():
        label = check_count(label if not hasattr(label, "item") else label.item(), "label", minimum=0)
        if label >= classes:
            raise InvalidValueError(f"label must be below the {classes} classes of the network, got {label}.")
    elif not array_namespace(label).isdtype(label.dtype, "integral"):
        raise InvalidTypeError(f"label has dtype {label.dtype}: expected integers.")
    return with_innermost(model, Given(net, label))
