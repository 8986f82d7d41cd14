"""The seam: what scorekit asks of an array framework, provided by PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import torch

from scorekit.errors import InvalidTypeError, InvalidValueError
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

    ``dtype`` (float32 or float64) and ``device`` (``"cpu"``, ``"cuda"``, ``"cuda:1"``, …) are the defaults for new
    tensors.

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
        """Dense tensors; sparse, quantized and nested ones have other rules."""
        return isinstance(x, torch.Tensor) and x.layout is torch.strided and not (x.is_quantized or x.is_nested)

    @property
    def xp(self) -> Any:
        """The differentiable namespace."""
        return namespace

    def asarray(self, x: Any, like: Array | None = None) -> Array:
        """A tensor with dtype and device of ``like``, else of ``x``; the same memory when nothing changes."""
        if like is None:
            return to_tensor(x, self.dtype, self.device)
        if not isinstance(like, torch.Tensor):
            raise InvalidTypeError(f"like is a {type(like).__name__}: expected a tensor.")
        return to_tensor(x, like.dtype, like.device)

    def to_numpy(self, x: Array) -> Any:
        """The values of ``x``, without any graph; bfloat16, which NumPy lacks, becomes float32."""
        host = x.detach().cpu().resolve_conj().resolve_neg()
        return (host.float() if host.dtype == torch.bfloat16 else host).numpy()

    def readable(self, x: Array) -> bool:
        """False while torch's compiler or a CUDA graph records operations, which run later."""
        return readable(x)

    def rng(self, seed: Seed = None) -> Rng:
        """A new stream; equal seeds give equal streams."""
        return TorchRng(seed, self.device or "cpu", self.dtype)

    def vjp(self, f: Function, x: Array, v: Array) -> tuple[Array, Array]:
        """``(f(x), Jᵀ v)``."""
        return derivatives.vjp(f, x, v)

    def divergence(self, f: Function, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
        """``(f(x), tr J)`` a sample, or its estimate from ``probes``."""
        return derivatives.divergence(f, x, probes)

    def grad(self, f: Function, x: Array) -> tuple[Array, Array]:
        """``(f(x), ∇f(x))`` of one value a sample."""
        return derivatives.grad(f, x)

    def no_grad(self) -> AbstractContextManager[None]:
        """No graphs inside; derivatives can still be taken, and come back without theirs."""
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
        reason = str(error).partition("\n")[0]
        raise InvalidValueError(
            f"the torch backend has no device {device!r} here ({reason}): expected 'cpu'"
            f"{' or cuda' if torch.cuda.is_available() else ''}."
        ) from error
