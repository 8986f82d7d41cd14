"""The array-API namespace of tensors: array_api_compat's, with three functions that scorekit needs more of.

Every name of the array standard is there, and torch differentiates all of them.
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


_SUBMODULES = ("fft", "linalg")  # the standard's; torch's own stay out, some of them answer to any name
globals().update({
    name: value
    for name, value in vars(_compat).items()
    if not name.startswith("_") and (name in _SUBMODULES or not isinstance(value, ModuleType))
})  # fmt: skip


def asarray(x: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Array:
    """A tensor; one that is given stays in its graph, and a read-only NumPy array is copied without a warning."""
    made = to_tensor(x, dtype, device)
    return made.clone() if copy else made


def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Entries along an axis; the indices may stand on another device, as those of a permutation do."""
    where = x.ndim - 1 if axis is None else axis
    return torch.index_select(x, where, indices.to(x.device))
