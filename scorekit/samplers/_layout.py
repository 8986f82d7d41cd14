"""The memory layout of a batch during sampling.

The model always gets ``(n, *event)``. For small samples the driver stores ``(*event, n)``, and the model gets a
transposed view. A sum over a sample of dimension 2 then adds contiguous arrays, which is 3 to 5 times faster on a CPU.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scorekit._arrays import event_size
from scorekit.protocols import Array, Shape
from scorekit.registry import array_namespace

__all__ = ["Layout"]

SMALL_EVENT = 16  # dimension of one sample; a longer row is long enough for the inner loop


class Layout(NamedTuple):
    """The two axis orders: batch first, for users and models, and batch last, for kernels with small samples.

    ``shape`` has the batch axis first. ``xp`` is the array namespace, looked up once per run.
    """

    xp: Any
    shape: Shape
    small: bool

    @classmethod
    def of(cls, x: Array) -> Layout:
        """The layout for a batch ``x``; it depends only on the dimension of one sample."""
        return cls(array_namespace(x), tuple(x.shape), event_size(x) <= SMALL_EVENT)

    @property
    def chain_shape(self) -> Shape:
        """The shape of a kernel's array."""
        return (*self.shape[1:], self.shape[0]) if self.small else self.shape

    def batch_last(self, x: Array) -> Array:
        """A view of ``(n, *event)`` in the layout of kernels."""
        return self.xp.permute_dims(x, (*range(1, len(self.shape)), 0)) if self.small else x

    def batch_first(self, x: Array) -> Array:
        """A view of a kernel's array as ``(n, *event)``."""
        last = len(self.shape) - 1
        return self.xp.permute_dims(x, (last, *range(last))) if self.small else x

    def copy_in(self, x: Array) -> Array:
        """A contiguous copy of ``(n, *event)`` in the layout of kernels."""
        return self._copy(self.batch_last(x), self.chain_shape)

    def copy_out(self, x: Array) -> Array:
        """A contiguous copy of a kernel's array as ``(n, *event)``."""
        return self._copy(self.batch_first(x), self.shape)

    def _copy(self, x: Array, shape: Shape) -> Array:
        """A contiguous copy. The array standard has no strides, but a reshape to one axis orders the entries."""
        return self.xp.asarray(self.xp.reshape(self.xp.reshape(x, (-1,)), shape), copy=True)

    def event_sum(self, x: Array) -> Array:
        """The sum over the axes of each sample of a kernel's array, shape ``(n,)``."""
        axes = range(len(self.shape) - 1) if self.small else range(1, len(self.shape))
        return self.xp.sum(x, axis=tuple(axes))

    def align(self, value: Array) -> Array:
        """``value`` of shape ``(n,)``, reshaped to broadcast along the batch axis of a kernel's array."""
        if self.small:
            return value  # broadcasting aligns last axes
        return self.xp.reshape(value, (-1,) + (1,) * (len(self.shape) - 1))
