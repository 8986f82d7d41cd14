"""The backend protocol of scorekit, implemented with PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import torch

from scorekit.errors import InvalidTypeError, InvalidValueError, describe, reason_of
from scorekit.learning import check_learner_options
from scorekit.protocols import Learner, Objective, Rng, ScoreModel, Seed
from scorekit_torch import derivatives, namespace
from scorekit_torch.conversion import as_dtype, readable, to_tensor
from scorekit_torch.random import TorchRng

__all__ = ["TorchBackend"]

Array: TypeAlias = Any
Function: TypeAlias = Callable[[Array], Array]


class TorchBackend:
    """Tensors with torch's derivatives, on any of its devices.

    Args:
        device: default device of new tensors: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, …; None for that of the input.
        dtype: default dtype of new tensors, float32 or float64; None for that of the input.

    Raises:
        ValueError: the device does not exist here, or ``dtype`` is neither float32 nor float64.

    >>> backend = TorchBackend(dtype="float32")
    >>> x = backend.asarray([[1.0, 2.0]])
    >>> backend.divergence(lambda x: -3 * x, x)[1].tolist()
    [-6.0]
    """

    name = "torch"

    def __init__(self, device: Any = None, dtype: Any = None) -> None:
        self.device = _device(device)
        self.dtype = None if dtype is None else as_dtype(dtype)

    def __repr__(self) -> str:
        dtype = None if self.dtype is None else str(self.dtype).removeprefix("torch.")
        return f"TorchBackend(device={None if self.device is None else str(self.device)!r}, dtype={dtype!r})"

    def owns(self, x: object) -> bool:
        """Whether ``x`` is a dense tensor; sparse, quantized and nested tensors are not accepted."""
        return isinstance(x, torch.Tensor) and x.layout is torch.strided and not (x.is_quantized or x.is_nested)

    @property
    def xp(self) -> Any:
        """The differentiable namespace."""
        return namespace

    def asarray(self, x: Any, like: Array | None = None) -> Array:
        """A tensor with dtype and device of ``like``, or else of ``x``; not copied if nothing changes."""
        if like is None:
            return to_tensor(x, self.dtype, self.device)
        if not isinstance(like, torch.Tensor):
            raise InvalidTypeError(f"like is a {describe(like)}: expected a tensor.")
        return to_tensor(x, like.dtype, like.device)

    def to_numpy(self, x: Array) -> Any:
        """The values of ``x`` as a NumPy array; bfloat16, which NumPy lacks, becomes float32."""
        host = x.detach().cpu().resolve_conj().resolve_neg()
        return (host.float() if host.dtype == torch.bfloat16 else host).numpy()

    def readable(self, x: Array) -> bool:
        """False while torch compiles or captures a CUDA graph, since operations run later."""
        return readable(x)

    def rng(self, seed: Seed = None) -> Rng:
        """A new random stream; equal seeds give equal streams."""
        return TorchRng(seed, self.device or "cpu", self.dtype)

    def vjp(self, f: Function, x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), Jᵀ v)``."""
        return derivatives.vjp(f, x, v)

    def divergence(self, f: Function, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(f(x), tr J)`` per sample, or the estimate of the trace from ``probes``."""
        return derivatives.divergence(f, x, probes)

    def grad(self, f: Function, x: Array) -> tuple[Array, Array]:
        """``(f(x), ∇f(x))`` for one value per sample."""
        return derivatives.grad(f, x)

    def no_grad(self) -> AbstractContextManager[None]:
        """A context manager without graphs; derivatives can still be computed, but not differentiated again."""
        return torch.no_grad()

    def learner(self, model: ScoreModel, objective: Objective, **options: Any) -> Learner:
        """A learner for a module, alone or inside the views of ``sk.models``."""
        from scorekit_torch.learner import TorchLearner

        check_learner_options(options, TorchLearner, self.name)
        return TorchLearner(model, objective, **options)


def _device(device: Any) -> torch.device | None:
    if device is None:
        return None
    try:
        torch.empty(0, device=device)
        return torch.device(device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InvalidValueError(
            f"the torch backend has no device {device!r} here ({reason_of(error)}): expected 'cpu'"
            f"{' or cuda' if torch.cuda.is_available() else ''}."
        ) from error
