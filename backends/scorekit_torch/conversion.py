"""Conversion of arrays and numbers to tensors, and whether the values of a tensor can be read."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch

from scorekit.errors import InvalidTypeError, InvalidValueError, describe

__all__ = ["as_dtype", "readable", "to_tensor"]

Array: TypeAlias = Any


_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def as_dtype(dtype: Any, *, half: bool = False) -> torch.dtype:
    """float32 or float64 as a torch dtype, from any of its spellings; with ``half`` also float16 and bfloat16."""
    known = _DTYPES | (_HALVES if half else {})
    name = getattr(dtype, "__name__", None) or str(dtype).removeprefix("torch.")
    if name not in known:
        raise InvalidValueError(f"dtype must be {' or '.join(map(repr, known))}, got {dtype!r}.")
    return known[name]


def to_tensor(x: Any, dtype: torch.dtype | None = None, device: Any = None) -> Array:
    """``x`` as a tensor; a tensor stays in its graph, and data are copied only if necessary."""
    if isinstance(x, torch.Tensor):
        if x.is_complex() and dtype is not None and not dtype.is_complex:
            raise InvalidTypeError("cannot make a tensor of real numbers from complex numbers: write x.real.")
        return x.to(dtype=dtype, device=device)
    if isinstance(x, (list, tuple)) and _holds_tensors(x):
        return torch.stack([to_tensor(item) for item in x]).to(dtype=dtype, device=device)
    if not isinstance(x, (bool, int, float, complex, list, tuple)):
        x = _shareable(x)
        if x.dtype.kind == "c" and dtype is not None and not dtype.is_complex:
            raise InvalidTypeError("cannot make a tensor of real numbers from complex numbers: write x.real.")
    try:
        return torch.as_tensor(x, dtype=dtype, device=device)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InvalidTypeError(
            f"cannot make a tensor of numbers of a {describe(x)} ({error}): expected numbers, or lists of them of "
            "equal lengths."
        ) from error


def _holds_tensors(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(_holds_tensors(item) for item in x)
    return isinstance(x, torch.Tensor)


def _shareable(x: Any) -> Any:
    """A NumPy array that can share memory with a tensor: writable, native byte order, no negative strides."""
    if isinstance(x, np.ma.MaskedArray):
        raise InvalidTypeError("cannot make a tensor of a masked array: fill or drop what is masked, x.filled(…).")
    made = np.asarray(x)
    if made.dtype == object:
        raise InvalidTypeError(
            f"cannot make a tensor of numbers of a {describe(x)}: expected numbers, or lists of them of equal lengths."
        )
    if not made.dtype.isnative:
        return made.astype(made.dtype.newbyteorder("="))
    if not made.flags.writeable or any(stride < 0 for stride in made.strides):
        return made.copy()
    return made


def readable(x: Array) -> bool:
    """Whether the values of ``x`` can be read now; not while torch compiles or captures a CUDA graph."""
    if torch.compiler.is_compiling():
        return False
    return not (x.is_cuda and torch.cuda.is_current_stream_capturing())
