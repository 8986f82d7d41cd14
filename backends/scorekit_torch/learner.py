"""Adam, gradient clipping and an average of the weights, for modules."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import nn

from scorekit._recipe import Recipe
from scorekit._state import refuse_differences
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError
from scorekit.models._view import View
from scorekit.protocols import Objective, Rng, ScoreModel, StepInfo
from scorekit.registry import describe
from scorekit_torch.conversion import to_tensor

__all__ = ["TorchLearner"]

Array: TypeAlias = Any

_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class TorchLearner:
    """Trains a module, alone or inside the views of ``sk.models``, with Adam (Kingma and Ba, 2015).

    The learner works on a copy: the given module keeps its weights, and the copy keeps its mode (train or eval) and
    its frozen parameters. The average follows θ̄ ← m θ̄ + (1 − m) θ with m = min(ema, (1 + t)/(10 + t)) after t
    updates: short runs average over their last tenth, long ones with the given decay. It is kept in float32 or wider.

    Args:
        model: an ``nn.Module`` with ``forward(x, sigma)`` or ``forward(x)``, or a view of one.
        objective: any objective.
        learning_rate: a positive number, or a function of the step (from 0).
        optimizer: ``"adam"``, or ``"adamw"`` with its weight decay of 0.01 (Loshchilov and Hutter, 2019).
        gradient_clip: largest norm of the whole gradient; None leaves it alone.
        ema: decay of the average, in [0, 1); None for none: the model is then the last one.
    """

    def __init__(
        self,
        model: ScoreModel,
        objective: Objective,
        *,
        learning_rate: float | Callable[[int], float] = 1e-3,
        optimizer: str = "adam",
        gradient_clip: float | None = 1.0,
        ema: float | None = 0.999,
    ) -> None:
        self._recipe = Recipe(learning_rate, optimizer, gradient_clip, ema, known=tuple(_OPTIMIZERS))
        _module(model)  # refused before it is copied
        self._model = copy.deepcopy(model)
        self._objective = objective
        self._lay_out(_module(self._model), optimizer)

    def _lay_out(self, module: nn.Module, optimizer: str) -> None:
        self._parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not self._parameters:
            raise InvalidValueError("the model has no parameters that require a gradient: there is nothing to train.")
        self._module, self._frozen = module, {n: p for n, p in module.named_parameters() if not p.requires_grad}
        self._buffers = dict(module.named_buffers())
        self._values = [p.detach() for p in self._parameters.values()]
        self._average = [v.to(_wide(v.dtype), copy=True) for v in self._values]
        self._optimizer = _OPTIMIZERS[optimizer](list(self._parameters.values()), lr=1.0, fused=True)
        for p in self._parameters.values():
            self._optimizer.state[p] = {
                "step": torch.zeros((), dtype=torch.float32, device=p.device),
                "exp_avg": torch.zeros_like(p, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(p, memory_format=torch.preserve_format),
            }
        self._steps = 0

    def step(self, batch: Array, rng: Rng) -> StepInfo:
        """One optimiser step on ``batch``; nothing changes when the loss or the gradient is not finite."""
        rate = self._recipe.rate(self._steps)
        kept = {name: buffer.clone() for name, buffer in self._buffers.items()}
        loss, gradients = self._gradient(batch, rng)
        value, norm = _numbers(loss, gradients)
        if not (math.isfinite(value) and math.isfinite(norm)):
            for name, buffer in kept.items():
                self._buffers[name].copy_(buffer)
            return StepInfo(value, norm, applied=False)
        shrink = self._recipe.shrink(norm)
        if shrink < 1:
            torch._foreach_mul_(gradients, shrink)
        self._update(gradients, rate)
        self._follow()
        return StepInfo(value, norm, applied=True)

    def _gradient(self, batch: Array, rng: Rng) -> tuple[Array, list[Array]]:
        parameters = tuple(self._parameters.values())
        with torch.enable_grad(), _noise_of_layers(self._module, rng):
            loss = self._objective(self._model, batch, rng)
            if getattr(loss, "shape", None) != ():
                raise ShapeError(f"objective returned a {describe(loss)}: expected a scalar, the loss of the batch.")
            if not loss.requires_grad:
                raise InvalidValueError(
                    "the loss does not depend on the model's parameters: part of it is cut from the graph (detach, "
                    "no_grad, .numpy())."
                )
            # a parameter that the loss takes no notice of has a gradient of zero
            gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
        return loss.detach(), list(gradients)

    def _update(self, gradients: list[Array], rate: float) -> None:
        self._steps += 1
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        for parameter, gradient in zip(self._parameters.values(), gradients, strict=True):
            parameter.grad = gradient
        self._optimizer.step()
        for parameter in self._parameters.values():
            parameter.grad = None

    def _follow(self) -> None:
        values = [v.to(a.dtype) for v, a in zip(self._values, self._average, strict=True)]
        torch._foreach_lerp_(self._average, values, 1 - self._recipe.decay(self._steps))

    @property
    def model(self) -> ScoreModel:
        """The model with the averaged weights in eval mode, a copy that later steps leave alone."""
        made = copy.deepcopy(self._model)
        module = _module(made).eval()
        with torch.no_grad():
            for name, value in zip(self._parameters, self._average, strict=True):
                module.get_parameter(name).copy_(value)
        return made

    def _state(self) -> dict[str, Array]:
        """All arrays that change or matter, by name, and not copied."""
        state = {f"weights.{name}": p.detach() for name, p in (self._parameters | self._frozen).items()}
        state |= {f"buffers.{name}": buffer for name, buffer in self._buffers.items()}
        for (name, p), average in zip(self._parameters.items(), self._average, strict=True):
            moments = self._optimizer.state[p]
            state[f"average.{name}"] = average
            state[f"moment1.{name}"], state[f"moment2.{name}"] = moments["exp_avg"], moments["exp_avg_sq"]
        return state

    def state_dict(self) -> dict[str, Array]:
        """Weights, buffers, average, moments and the step count."""
        copies = {name: value.detach().clone() for name, value in self._state().items()}
        return copies | {"steps": torch.tensor(self._steps)}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take back what :meth:`state_dict` gave; a mismatch raises ``CheckpointError`` and changes nothing."""
        mine = self._state()
        expected = mine | {"steps": torch.tensor(self._steps)}
        given = {name: to_tensor(value) for name, value in state.items()}
        refuse_differences(given, expected)
        self._steps = int(given["steps"])
        with torch.no_grad():
            for name, value in mine.items():
                value.copy_(given[name])
            for p in self._parameters.values():
                self._optimizer.state[p]["step"].fill_(self._steps)


def _numbers(loss: Array, gradients: list[Array]) -> tuple[float, float]:
    """The loss and the norm of the whole gradient, squares summed in float64, in one transfer from the device."""
    norms = torch._foreach_norm(gradients, 2, dtype=torch.float64)
    value, norm = torch.stack([loss.double(), torch.linalg.vector_norm(torch.stack(norms))]).tolist()
    return value, norm


@contextmanager
def _noise_of_layers(module: nn.Module, rng: Rng) -> Iterator[None]:
    """Dropout draws from torch's global generator: here it draws from a child of ``rng``, and moves nothing."""
    if not any(isinstance(m, nn.modules.dropout._DropoutNd) and m.training for m in module.modules()):
        yield
        return
    device = next(module.parameters()).device
    with torch.random.fork_rng([device] if device.type != "cpu" else []):
        torch.random.manual_seed(
            int(rng.spawn(1)[0].integers(0, 2**62, (1,))[0])
        )  # inside the fork: nothing global moves
        yield


def _module(model: Any) -> nn.Module:
    """The module inside the views."""
    inside = model
    while isinstance(inside, View):
        inside = inside.inner
    if not isinstance(inside, nn.Module):
        raise InvalidTypeError(
            f"model is a {describe(inside)} and the data are tensors: the torch backend cannot train it. Use "
            "scorekit_torch.MLP or any nn.Module with forward(x, sigma), alone or inside the views of sk.models."
        )
    return inside


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
