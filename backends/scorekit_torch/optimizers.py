"""Optimizers of ``torch.optim``: made from what the user named, and their state as arrays by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import nn

from scorekit._arrays import check_option
from scorekit.errors import InvalidTypeError, InvalidValueError, ScorekitError
from scorekit.registry import describe

__all__ = ["Parameters", "describe_state", "make_optimizer", "optimizer_state", "restore_optimizer"]

Array: TypeAlias = Any
Optimizer: TypeAlias = torch.optim.Optimizer
Parameters: TypeAlias = Mapping[str, nn.Parameter]
Maker: TypeAlias = Callable[..., Optimizer]

_FUSED = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)  # one kernel for all weights: 3 times the speed


def _known() -> dict[str, type[Optimizer]]:
    found = {n: c for n, c in vars(torch.optim).items() if isinstance(c, type) and issubclass(c, Optimizer)}
    return {name.lower(): kind for name, kind in found.items() if kind is not Optimizer}


def make_optimizer(optimizer: str | Maker, parameters: list[nn.Parameter]) -> Optimizer:
    """The optimizer of a name, a class, or a function such as ``functools.partial(torch.optim.SGD, momentum=0.9)``.

    Its learning rate is set at each step by the learner. One that needs a closure (LBFGS), sparse gradients or
    weights of another shape is refused now, not at the first step.
    """
    make = _maker(optimizer)
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
            f"optimizer is a {type(optimizer).__name__} that holds weights already: give its class or its name, the "
            "learner trains a copy of the model."
        )
    if "lr" in getattr(optimizer, "keywords", {}):
        raise InvalidValueError("optimizer fixes lr: give learning_rate to fit instead, a number or a schedule.")
    if callable(optimizer):
        return optimizer  # type: ignore[no-any-return]
    check_option(optimizer, "optimizer", tuple(sorted(_known())))
    return _known()[optimizer]


def _name(make: Maker) -> str:
    return getattr(getattr(make, "func", make), "__name__", repr(make))


def _options(make: Maker) -> dict[str, Any]:
    given, kind = getattr(make, "keywords", {}), getattr(make, "func", make)
    fused = kind in _FUSED and not {"fused", "foreach", "capturable", "differentiable"} & set(given)
    takes_rate = "lr" in inspect.signature(make).parameters
    return ({"lr": 1.0} if takes_rate else {}) | ({"fused": True} if fused else {})


def _stepped_once(optimizer: Optimizer, parameters: list[nn.Parameter]) -> Optimizer:
    """The optimizer after one step along gradients of zero, so that its state is there to be looked at."""
    for p in parameters:
        p.grad = torch.zeros_like(p)
    optimizer.step()
    return optimizer


def _entries(optimizer: Optimizer, parameters: Parameters) -> Iterator[tuple[str, Array]]:
    for name, p in parameters.items():
        for key, value in optimizer.state.get(p, {}).items():
            if isinstance(value, torch.Tensor):
                yield f"optimizer.{key}.{name}", value


def optimizer_state(optimizer: Optimizer, parameters: Parameters) -> dict[str, Array]:
    """The state by name, ``optimizer.<key>.<parameter>``; empty before the first step."""
    return dict(_entries(optimizer, parameters))


def describe_state(optimizer: str | Maker, parameters: Parameters) -> dict[str, Array]:
    """What the state looks like after a step: zeros of the right names, shapes and dtypes."""
    stand_ins = {name: nn.Parameter(torch.zeros_like(p)) for name, p in parameters.items()}
    made = make_optimizer(optimizer, list(stand_ins.values()))
    return optimizer_state(_stepped_once(made, list(stand_ins.values())), stand_ins)


def restore_optimizer(optimizer: Optimizer, parameters: Parameters, state: Mapping[str, Array]) -> None:
    """Put back what :func:`optimizer_state` gave; names and shapes have been checked."""
    optimizer.state.clear()
    for entry, value in state.items():
        _, key, name = entry.split(".", 2)
        device = value.device if value.ndim == 0 and not value.is_cuda else parameters[name].device
        optimizer.state[parameters[name]][key] = value.detach().clone().to(device)
