"""Derivatives of functions of tensors: reverse mode and traces.

A derivative is differentiable with respect to the variables that ``f`` closes over, and with respect to ``x`` if ``x``
is part of a graph. Graphs are kept only if they can be used: not under ``torch.no_grad``, and not if only ``x`` itself
is differentiated.

The caller's ``x`` is not modified: ``f`` gets a view of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

from scorekit.errors import InvalidTypeError

__all__ = ["divergence", "grad", "leaves", "vjp"]

Array: TypeAlias = Any
Function: TypeAlias = Callable[[Array], Array]

_CHUNK = 16  # directions per batched pass; more are not faster and need more memory
_NUMBERS = 2**21  # largest number of entries in a chunk of directions, so that large batches have smaller chunks
_KEPT = 128  # largest number of directions whose graphs are kept for backward, within the limit of _NUMBERS
_FEW = 2  # up to this dimension a loop over the directions is faster than one batched pass


class _Evaluated:
    """``y = f(z)`` at a view ``z`` of ``x``, with its graph."""

    def __init__(self, f: Function, x: Array, *others: Array) -> None:
        if torch.is_inference_mode_enabled():
            raise InvalidTypeError("no derivative can be taken inside torch.inference_mode(): use torch.no_grad().")
        x = x.clone() if x.is_inference() else x
        asked = torch.is_grad_enabled()
        outer = asked and (x.requires_grad or any(v.requires_grad for v in others))
        with torch.enable_grad():
            self.z = x.view_as(x) if asked and x.requires_grad else x.detach().requires_grad_()
            self.y = f(self.z)
        self.keep = outer or (asked and _reaches_beyond(self.y, self.z))

    def pull(self, v: Array, *, keep: bool | None = None, batched: bool = False, last: bool = True) -> Array:
        """``Jᵀ v``; zero if ``f`` does not depend on ``x``. ``last`` frees the graph."""
        create = self.keep if keep is None else keep
        pulled = _gradient(self.y, self.z, v, create=create, retain=create or not last, batched=batched)
        if pulled is None:
            return self.z.new_zeros((v.shape[0], *self.z.shape) if batched else self.z.shape)
        return pulled

    @property
    def value(self) -> Array:
        return self.y if self.keep else self.y.detach()


def _gradient(y: Array, z: Array, v: Array, *, create: bool, retain: bool, batched: bool = False) -> Array | None:
    if not y.requires_grad:
        return None
    with torch.enable_grad():
        made = torch.autograd.grad(
            y, z, v, create_graph=create, retain_graph=retain, allow_unused=True, is_grads_batched=batched
        )[0]
    # the derivative of a sign is a zero tensor without memory, which most functions do not accept
    return torch.zeros(made.shape, dtype=made.dtype, device=made.device) if _is_hollow(made) else made


def _is_hollow(made: Array | None) -> bool:
    return made is not None and bool(made._is_zerotensor())


def _reaches_beyond(y: Array, z: Array) -> bool:
    """Whether the graph of ``y`` has leaves other than ``z``; with trainable parameters the search ends early."""
    if y.grad_fn is None:
        return bool(y.requires_grad) and y is not z
    compiled = False
    for node in _nodes(y):
        compiled = compiled or node.name() == "CompiledFunctionBackward"
        leaf = getattr(node, "variable", None)
        if leaf is not None and leaf is not z:
            _refuse(compiled)
            return True
    return False


def leaves(y: Array) -> list[Array]:
    """The leaf tensors of the graph of ``y``."""
    return [node.variable for node in _nodes(y) if hasattr(node, "variable")]


def _nodes(y: Array) -> Iterator[Any]:
    """The nodes of the graph of ``y``, each once."""
    seen, left = {y.grad_fn}, [y.grad_fn]
    while left:
        node = left.pop()
        yield node
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                left.append(following)


def _refuse(compiled: bool) -> None:
    if compiled:
        raise InvalidTypeError(
            "the model is compiled (torch.compile), and what torch compiles cannot be differentiated twice: expected "
            "the module itself for ImplicitScoreMatching and SlicedScoreMatching. Compile it for "
            "DenoisingScoreMatching, NoiseConditional or sampling."
        )


def vjp(f: Function, x: Array, v: Array) -> tuple[Array, Array]:
    """``(f(x), Jᵀ v)``."""
    at = _Evaluated(f, x, v)
    pulled = at.pull(v)
    return at.value, pulled


def grad(f: Function, x: Array) -> tuple[Array, Array]:
    """``(f(x), ∇f(x))`` for one value per sample."""
    at = _Evaluated(f, x)
    pulled = at.pull(torch.ones_like(at.y))
    return at.value, pulled


def divergence(f: Function, x: Array, probes: Array | None = None) -> tuple[Array, Array]:
    """``(f(x), tr J)``, or with ``probes`` of shape ``(m, n, *event)`` ``(f(x), mean of vᵀ J v)``, shape ``(n,)``.

    For d > 128 the exact trace keeps only two graphs of ``f``. Backward recomputes that of each chunk, which takes
    a third more time. For a network of 3 layers of width 128 and d = 784, forward and backward need the memory of at
    most 40 forward passes with their graphs. For d <= 128 all graphs are kept: the memory of about d forward passes.
    """
    if probes is not None:
        at = _Evaluated(f, x, probes)
        return at.value, _probed(at, probes)
    if not (torch.is_grad_enabled() and _is_large(x)):
        at = _Evaluated(f, x)
        return at.value, _exact(at, _diagonal_part)
    with torch.random.fork_rng([x.device] if x.device.type == "cuda" else []):  # the next evaluation draws the same
        at = _Evaluated(f, x)
    if not at.keep:
        return at.value, _exact(at, _diagonal_part)
    # a graph of its own for the value: backward may free it before the graphs of the trace are recomputed
    return _Evaluated(f, x).value, _exact(at, _recomputed)


def _is_large(x: Array) -> bool:
    """Whether the graphs of all directions are too large to be kept."""
    n, d = x.shape[0], x[0].numel()
    return bool(d > _KEPT or n * d * d > _NUMBERS)


def _probed(at: _Evaluated, probes: Array) -> Array:
    """(Jᵀ v)·v, with one reverse pass per probe."""
    m = probes.shape[0]
    forms = [_dot(at.pull(v, last=k == m - 1), v) for k, v in enumerate(probes.unbind(0))]
    return forms[0] if m == 1 else torch.stack(forms).mean(dim=0)


def _dot(a: Array, b: Array) -> Array:
    return (a * b).flatten(1).sum(dim=1)


def _exact(at: _Evaluated, part: Callable[[_Evaluated, int, int], Array]) -> Array:
    """The exact trace: unit vectors are pulled back through one graph, a chunk in each pass."""
    n, d = at.z.shape[0], at.z[0].numel()
    if d <= _FEW:
        entries = [_diagonal_entry(at, i) for i in range(d)]
        return sum(entries[1:], entries[0])
    chunk = max(1, min(_CHUNK, _NUMBERS // (n * d)))
    return sum((part(at, start, min(start + chunk, d)) for start in range(chunk, d, chunk)), part(at, 0, min(chunk, d)))


def _diagonal_entry(at: _Evaluated, i: int) -> Array:
    n, d = at.z.shape[0], at.z[0].numel()
    unit = torch.zeros(n, d, dtype=at.y.dtype, device=at.y.device)  # not expanded from one row: products copy that
    unit[:, i] = 1.0
    return at.pull(unit.reshape(at.z.shape), last=i == d - 1).reshape(n, d)[:, i]


def _diagonal_part(at: _Evaluated, start: int, stop: int) -> Array:
    """The sum of the diagonal entries ``start`` to ``stop`` of each sample's Jacobian."""
    n, d, size = at.z.shape[0], at.z[0].numel(), stop - start
    units = torch.zeros(size, d, dtype=at.y.dtype, device=at.y.device)
    units[:, start:stop].fill_diagonal_(1.0)
    directions = units.reshape(size, 1, *at.z.shape[1:]).expand(size, *at.z.shape)
    pulled = at.pull(directions, batched=True, last=stop == d).reshape(size, n, d)
    return pulled[:, :, start:stop].diagonal(dim1=0, dim2=2).sum(dim=1)


def _recomputed(at: _Evaluated, start: int, stop: int) -> Array:
    """The same part, with its graph recomputed in backward.

    The graph of ``f`` must then still exist. It does if it is reached only from these parts, because autograd frees a
    node after all nodes that lead to it. The order of independent nodes is not defined: on CUDA it is not the order in
    which they were made. Early stopping is disabled because it would raise an exception through the autograd engine
    that runs inside the part.
    """
    with set_checkpoint_early_stop(False):
        return checkpoint(_diagonal_part, at, start, stop, use_reentrant=False, preserve_rng_state=False)
