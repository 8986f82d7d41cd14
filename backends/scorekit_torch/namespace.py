"""The array-API namespace of tensors: that of array_api_compat, with changes to ``asarray`` and ``take``.

It has every name of the array standard, and torch differentiates all of them.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import array_api_compat.torch as _compat
import torch

from scorekit_torch.conversion import to_tensor

Array: TypeAlias = Any

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


_SUBMODULES = ("fft", "linalg")  # those of the standard; torch's own are excluded, some accept any attribute name
globals().update({
    name: value
    for name, value in vars(_compat).items()
    if not name.startswith("_") and (name in _SUBMODULES or not isinstance(value, ModuleType))
})  # fmt: skip


def asarray(x: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Array:
    """``x`` as a tensor; a tensor stays in its graph, and a read-only NumPy array is copied without a warning."""
    made = to_tensor(x, dtype, device)
    return made.clone() if copy else made


def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Entries along an axis; the indices may be on another device, for example those of a permutation."""
    where = x.ndim - 1 if axis is None else axis
    return torch.index_select(x, where, indices.to(x.device))
