"""The seam: what scorekit asks of an array framework, provided by NumPy and autograd."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import numpy as np
from autograd.tracer import getval, isbox

from scorekit.errors import InvalidTypeError, InvalidValueError
from scorekit.protocols import Learner, Objective, Rng, ScoreModel, Seed
from scorekit_numpy import autodiff, namespace
from scorekit_numpy.random import NumpyRng

__all__ = ["NumpyBackend"]

Array: TypeAlias = Any
Function: TypeAlias = Callable[[Array], Array]

# glibc hands a freed block back to the kernel when it is larger than a threshold, and learns that threshold
# from the largest block freed so far. Arrays of a sampler's size then cost a page fault per 4 KiB at every
# step: measured, 6 times the arithmetic. One large block freed, never touched, settles it.
np.empty(31 << 20, dtype=np.uint8)


class NumpyBackend:
    """NumPy arrays with autograd's derivatives, on the CPU.

    ``dtype`` (float32 or float64) is the default for new arrays; ``device`` may only be ``"cpu"``.
    """

    name = "numpy"

    def __init__(self, device: str | None = None, dtype: Any = None) -> None:
        if device not in (None, "cpu"):
            raise InvalidValueError(f"the numpy backend has no device {device!r}: expected 'cpu'.")
        self.dtype = None if dtype is None else np.dtype(dtype)
        if self.dtype not in (None, np.float32, np.float64):
            raise InvalidValueError(f"the numpy backend has no default dtype {dtype!r}: expected float32 or float64.")

    def __repr__(self) -> str:
        return f"NumpyBackend(dtype={None if self.dtype is None else self.dtype.name!r})"

    def owns(self, x: object) -> bool:
        """Plain arrays, NumPy scalars and autograd's boxes; masked arrays and matrices have other rules."""
        if isinstance(x, (np.ma.MaskedArray, np.matrix)):
            return False
        return isinstance(getval(x) if isbox(x) else x, (np.ndarray, np.generic))

    @property
    def xp(self) -> Any:
        """The differentiable namespace."""
        return namespace

    def asarray(self, x: Any, like: Array | None = None) -> Array:
        """A NumPy array with the dtype of ``like``, else of ``x``; the same array when nothing changes."""
        if hasattr(x, "detach"):
            x = x.detach().cpu()
        dtype = like.dtype if like is not None else self.dtype
        made = namespace.asarray(x, dtype=dtype)
        if made.dtype == object:
            raise InvalidTypeError(
                f"cannot make an array of numbers of a {type(x).__name__}: it became an object array."
            )
        return made

    def to_numpy(self, x: Array) -> Any:
        """The values of ``x``, without any trace."""
        while isbox(x):
            x = getval(x)
        return np.asarray(x)

    def rng(self, seed: Seed = None) -> Rng:
        """A new stream; equal seeds give equal streams."""
        return NumpyRng(seed, np.float64 if self.dtype is None else self.dtype)

    def vjp(self, f: Function, x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), Jᵀ v)``."""
        return autodiff.vjp(f, x, v)

    def jvp(self, f: Function, x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), J v)``."""
        return autodiff.jvp(f, x, v)

    def divergence(self, f: Function, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(f(x), tr J)`` a sample, or its estimate from ``probes``."""
        return autodiff.divergence(f, x, probes)

    def grad(self, f: Function, x: Array) -> tuple[Array, Array]:
        """``(f(x), ∇f(x))`` of one value a sample."""
        return autodiff.grad(f, x)

    def no_grad(self) -> AbstractContextManager[None]:
        """Autograd keeps a tape only inside a derivative: there is nothing to switch off."""
        return nullcontext()

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """NumPy has no compiler: ``f`` itself."""
        return f

    def learner(self, model: ScoreModel, objective: Objective, **options: Any) -> Learner:
        """A learner with Adam for a model that knows its parameters."""
        from scorekit_numpy.learner import NumpyLearner

        return NumpyLearner(model, objective, **options)
