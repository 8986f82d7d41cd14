"""Optimizers of ``torch.optim``: their construction from names, and their state as arrays by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import nn

from scorekit.errors import InvalidTypeError, InvalidValueError, ScorekitError, describe
from scorekit.learning import check_option

__all__ = [
    "Parameters",
    "as_arrays",
    "check_resumable",
    "describe_state",
    "make_optimizer",
    "optimizer_state",
    "restore_optimizer",
]

Array: TypeAlias = Any
Optimizer: TypeAlias = torch.optim.Optimizer
Parameters: TypeAlias = Mapping[str, nn.Parameter]
Maker: TypeAlias = Callable[..., Optimizer]
Wish: TypeAlias = str | Mapping[str, Any] | Maker

_FUSED = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)  # one kernel for all weights: 3 times the speed


def _known() -> dict[str, type[Optimizer]]:
    """The optimizers of torch by name."""
    found = {n: c for n, c in vars(torch.optim).items() if isinstance(c, type) and issubclass(c, Optimizer)}
    return {name.lower(): kind for name, kind in found.items() if kind is not Optimizer}


def _usable() -> tuple[str, ...]:
    """The names of the optimizers that make one step from one dense gradient."""
    return tuple(sorted(name for name, kind in _known().items() if _refusal(kind) is None))


def _refusal(kind: Any) -> str | None:
    """Why an optimizer cannot train with ``fit``, and what to do; None if it can, as far as its class tells."""
    if kind is torch.optim.SparseAdam:
        return 'it takes sparse gradients, and those of fit are dense: use "adam".'
    step = getattr(kind, "step", None)
    closure = None if step is None else inspect.signature(step).parameters.get("closure")
    if closure is None or closure.default is not inspect.Parameter.empty:
        return None
    return (
        "it evaluates the loss several times in one step, and needs the same data and noise each time, which fit draws "
        'anew for each step: use "adam" with a decaying learning_rate; or write the loop yourself with '
        "loss = objective(model, x, noise=noise) for the whole data x and one noise = objective.draw(x, rng)."
    )


def make_optimizer(optimizer: Wish, parameters: list[nn.Parameter]) -> Optimizer:
    """The optimizer for a name, a name with options, a class, or a function of the parameters.

    The learner sets its learning rate at each step. An optimizer that needs a closure (LBFGS), sparse gradients or
    weights of another shape raises an error here, not at the first step.
    """
    make = _maker(optimizer)
    refusal = _refusal(getattr(make, "func", make))
    if refusal is not None:
        raise InvalidValueError(f"optimizer {_name(make)} cannot train with fit: {refusal}")
    try:
        made = make(parameters, **_options(make))
        if not isinstance(made, Optimizer):
            raise InvalidTypeError(f"optimizer made a {describe(made)}: expected a torch.optim.Optimizer.")
        trial = [nn.Parameter(torch.zeros_like(p)) for p in parameters[:1]]
        _stepped_once(make(trial, **_options(make)), trial)
    except ScorekitError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidValueError(
            f"optimizer {_name(make)} cannot train this model ({error}): choose one whose step() takes dense gradients "
            'and no closure, such as "adam", "sgd" or functools.partial(torch.optim.SGD, momentum=0.9).'
        ) from error
    return made


def _maker(optimizer: Any) -> Maker:
    if isinstance(optimizer, Optimizer):
        raise InvalidTypeError(
            f"optimizer is a {type(optimizer).__name__} that holds weights already: pass its class or its name, the "
            "learner trains a copy of the model."
        )
    if isinstance(optimizer, Mapping):
        options = {key: value for key, value in optimizer.items() if key != "name"}
        return _maker(functools.partial(_maker(optimizer.get("name")), **options))
    if "lr" in getattr(optimizer, "keywords", {}):
        raise InvalidValueError("optimizer fixes lr: pass learning_rate to fit instead, a number or a schedule.")
    if callable(optimizer):
        return optimizer  # type: ignore[no-any-return]
    if not isinstance(optimizer, str) or optimizer not in _known():
        check_option(optimizer, "optimizer", _usable())
    return _known()[optimizer]


def _name(make: Maker) -> str:
    return getattr(getattr(make, "func", make), "__name__", repr(make))


def _options(make: Maker) -> dict[str, Any]:
    given, kind = getattr(make, "keywords", {}), getattr(make, "func", make)
    fused = kind in _FUSED and not {"fused", "foreach", "capturable", "differentiable"} & set(given)
    takes_rate = "lr" in inspect.signature(make).parameters
    return ({"lr": 1.0} if takes_rate else {}) | ({"fused": True} if fused else {})


def _stepped_once(optimizer: Optimizer, parameters: list[nn.Parameter]) -> Optimizer:
    """The optimizer after one step with zero gradients, which creates its state."""
    for p in parameters:
        p.grad = torch.zeros_like(p)
    optimizer.step()
    return optimizer


def check_resumable(optimizer: Wish, parameters: list[nn.Parameter]) -> None:
    """Raise ``TypeError`` if steps change the optimizer's param_groups, which are not saved in checkpoints."""
    trial = [nn.Parameter(torch.zeros_like(p)) for p in parameters[:1]]
    made = make_optimizer(optimizer, trial)
    before = _settings(made)
    after = _settings(_stepped_once(made, trial))
    moved = [key for key, value in after.items() if value != before.get(key)]
    if moved:
        raise InvalidTypeError(
            f"optimizer {type(made).__name__} keeps what changes as it steps in its param_groups ({', '.join(moved)}), "
            "and a checkpoint holds the state of each parameter: choose one that keeps it there, such as "
            '"adam", or fit without checkpoint.'
        )


def _settings(optimizer: Optimizer) -> dict[str, str]:
    """The options in the groups as text, except weights and learning rate."""
    groups = enumerate(optimizer.param_groups)
    held = [(k, key, value) for k, group in groups for key, value in group.items() if key not in ("params", "lr")]
    return {key if k == 0 else f"{key} of group {k}": repr(value) for k, key, value in held}


def _entries(optimizer: Optimizer, parameters: Parameters) -> Iterator[tuple[str, Any]]:
    for name, p in parameters.items():
        for key, value in optimizer.state.get(p, {}).items():
            if isinstance(value, (torch.Tensor, int, float)):
                yield f"optimizer.{key}.{name}", value


def optimizer_state(optimizer: Optimizer, parameters: Parameters) -> dict[str, Array]:
    """The state by name, ``optimizer.<key>.<parameter>``, numbers as 0-d arrays; empty before the first step."""
    return as_arrays(dict(_entries(optimizer, parameters)))


def as_arrays(state: Mapping[str, Any]) -> dict[str, Array]:
    """The state with its Python numbers as 0-d arrays of 64 bits."""
    return {name: value if isinstance(value, torch.Tensor) else _number(value) for name, value in state.items()}


def _number(value: float) -> Array:
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


def describe_state(optimizer: Wish, parameters: Parameters) -> dict[str, Any]:
    """A template of the state after a step: tensors with names, shapes, dtypes and devices, or numbers."""
    stand_ins = {name: nn.Parameter(torch.zeros_like(p)) for name, p in parameters.items()}
    made = make_optimizer(optimizer, list(stand_ins.values()))
    return dict(_entries(_stepped_once(made, list(stand_ins.values())), stand_ins))


def restore_optimizer(
    optimizer: Optimizer, parameters: Parameters, state: Mapping[str, Array], described: Mapping[str, Any]
) -> None:
    """Restore a state from :func:`optimizer_state` in the form of ``described``; names are already checked."""
    optimizer.state.clear()
    for entry, value in state.items():
        _, key, name = entry.split(".", 2)
        like = described[entry]
        # with the strides of the weight: fused kernels require the same layout of a weight and its moments
        back = like.copy_(value.detach()) if isinstance(like, torch.Tensor) else value.item()
        optimizer.state[parameters[name]][key] = back
