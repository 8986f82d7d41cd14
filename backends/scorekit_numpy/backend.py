"""The backend protocol of scorekit, implemented with NumPy and autograd."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import numpy as np
from autograd.tracer import getval, isbox

from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.learning import check_learner_options
from scorekit.protocols import Learner, Objective, Rng, ScoreModel, Seed
from scorekit_numpy import autodiff, namespace
from scorekit_numpy.random import NumpyRng, as_dtype

__all__ = ["NumpyBackend"]

Array: TypeAlias = Any
Function: TypeAlias = Callable[[Array], Array]


class NumpyBackend:
    """NumPy arrays with autograd's derivatives, on the CPU.

    Args:
        device: only ``"cpu"`` or None.
        dtype: default dtype of new arrays, float32 or float64; None for the dtype of the input.

    Raises:
        ValueError: ``device`` is not ``"cpu"``, or ``dtype`` is neither float32 nor float64.

    >>> backend = NumpyBackend(dtype="float32")
    >>> x = backend.asarray([[1.0, 2.0]])
    >>> backend.divergence(lambda x: -3 * x, x)[1].tolist()
    [-6.0]
    """

    name = "numpy"

    def __init__(self, device: str | None = None, dtype: Any = None) -> None:
        if not (device is None or isinstance(device, str)) or device not in (None, "cpu"):
            raise InvalidValueError(f"the numpy backend has no device {device!r}: expected 'cpu'.")
        self.dtype = None if dtype is None else as_dtype(dtype)

    def __repr__(self) -> str:
        return f"NumpyBackend(dtype={None if self.dtype is None else self.dtype.name!r})"

    def owns(self, x: object) -> bool:
        """Whether ``x`` is an array, a NumPy scalar or a box of autograd; not so for masked arrays and matrices."""
        if type(x) is np.ndarray:
            return True
        if isinstance(x, (np.ma.MaskedArray, np.matrix)):
            return False
        return isinstance(getval(x) if isbox(x) else x, (np.ndarray, np.generic))

    @property
    def xp(self) -> Any:
        """The differentiable namespace."""
        return namespace

    def asarray(self, x: Any, like: Array | None = None) -> Array:
        """A NumPy array with the dtype of ``like``, or else of ``x``; not copied if nothing changes."""
        if hasattr(x, "detach"):
            x = x.detach().cpu()
        if isinstance(x, np.ma.MaskedArray):
            raise InvalidTypeError(
                "cannot make an array of a masked array: fill or drop its masked entries, x.filled(…)."
            )
        dtype = self.dtype if like is None else getattr(like, "dtype", None)
        if isinstance(like, type) or (like is not None and dtype is None):
            raise InvalidTypeError(f"like is a {describe(like)}: expected an array.")
        if x is None:
            raise InvalidTypeError("cannot make an array of numbers from None: expected numbers, or lists of them.")
        if dtype is not None and getattr(getattr(x, "dtype", None), "kind", "") == "c" != np.dtype(dtype).kind:
            raise InvalidTypeError("cannot make an array of real numbers from complex numbers: write x.real.")
        try:
            made = namespace.asarray(x, dtype=dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidTypeError(
                f"cannot make an array of numbers from a {describe(x)} ({error}): expected numbers, or lists "
                "of them of equal lengths."
            ) from error
        if made.dtype == object:
            raise InvalidTypeError(
                f"cannot make an array from a {describe(x)} of Python objects: expected numbers, or lists of them of "
                "equal lengths."
            )
        return made

    def to_numpy(self, x: Array) -> Any:
        """The values of ``x`` as a NumPy array without trace."""
        while isbox(x):
            x = getval(x)
        return np.asarray(x)

    def readable(self, x: Array) -> bool:  # noqa: ARG002
        """Always True: operations run eagerly, also under a derivative."""
        return True

    def rng(self, seed: Seed = None) -> Rng:
        """A new random stream; equal seeds give equal streams."""
        return NumpyRng(seed, np.float64 if self.dtype is None else self.dtype)

    def vjp(self, f: Function, x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), Jᵀ v)``."""
        return autodiff.vjp(f, x, v)

    def divergence(self, f: Function, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(f(x), tr J)`` per sample, or the estimate of the trace from ``probes``."""
        return autodiff.divergence(f, x, probes)

    def grad(self, f: Function, x: Array) -> tuple[Array, Array]:
        """``(f(x), ∇f(x))`` for one value per sample."""
        return autodiff.grad(f, x)

    def no_grad(self) -> AbstractContextManager[None]:
        """A context manager without effect, because autograd builds a graph only inside a derivative."""
        return nullcontext()

    def learner(self, model: ScoreModel, objective: Objective, **options: Any) -> Learner:
        """A learner that trains a model with explicit parameters by Adam."""
        from scorekit_numpy.learner import NumpyLearner

        check_learner_options(options, NumpyLearner, self.name)
        return NumpyLearner(model, objective, **options)
