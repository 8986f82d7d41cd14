"""How a batch lies in memory while a chain runs.

The model sees ``(n, *event)``, always. For small events the driver keeps ``(*event, n)`` in memory, of which the
model sees a transposed view: a reduction over an event of two numbers then runs along memory instead of across it,
which is 3 to 5 times faster on a CPU and costs nothing elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scorekit._arrays import event_size
from scorekit.protocols import Array, Shape
from scorekit.registry import array_namespace

__all__ = ["Layout"]

SMALL_EVENT = 16  # numbers in a sample; beyond this a row is long enough for the inner loop


class Layout(NamedTuple):
    """The two orders of axes: *outer*, what everybody else sees, and *inner*, what the chain computes on.

    ``shape`` is the outer one, ``xp`` the namespace of the arrays: looked up once a run, not at every step.
    """

    xp: Any
    shape: Shape
    batch_last: bool

    @classmethod
    def of(cls, x: Array) -> Layout:
        """The layout for a batch ``x``, chosen by the size of its event alone."""
        return cls(array_namespace(x), tuple(x.shape), event_size(x) <= SMALL_EVENT)

    @property
    def inner_shape(self) -> Shape:
        """The shape of an inner array."""
        return (*self.shape[1:], self.shape[0]) if self.batch_last else self.shape

    def inner(self, x: Array) -> Array:
        """A view of an outer array in inner order."""
        return self.xp.permute_dims(x, (*range(1, len(self.shape)), 0)) if self.batch_last else x

    def outer(self, x: Array) -> Array:
        """A view of an inner array in outer order."""
        last = len(self.shape) - 1
        return self.xp.permute_dims(x, (last, *range(last))) if self.batch_last else x

    def enter(self, x: Array) -> Array:
        """A contiguous inner copy of an outer array, which shares no memory with it."""
        return self._copy(self.inner(x), self.inner_shape)

    def leave(self, x: Array) -> Array:
        """A contiguous outer copy of an inner array, which shares no memory with it."""
        return self._copy(self.outer(x), self.shape)

    def _copy(self, x: Array, shape: Shape) -> Array:
        """The array standard knows no strides, but a reshape to one axis lays the entries out in order."""
        return self.xp.asarray(self.xp.reshape(self.xp.reshape(x, (-1,)), shape), copy=True)

    def event_sum(self, x: Array) -> Array:
        """The sum over the event of an inner array, shape ``(n,)``."""
        axes = range(len(self.shape) - 1) if self.batch_last else range(1, len(self.shape))
        return self.xp.sum(x, axis=tuple(axes))

    def align(self, value: Array) -> Array:
        """``value`` of shape ``(n,)`` lined up with an inner array."""
        if self.batch_last:
            return value  # broadcasting lines up last axes by itself
        return self.xp.reshape(value, (-1,) + (1,) * (len(self.shape) - 1))
