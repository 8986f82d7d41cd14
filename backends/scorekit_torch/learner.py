"""Optimizer steps with gradient clipping and EMA, for modules."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn

from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.learning import (
    OptimizerConfig,
    Seeds,
    check_count,
    check_option,
    check_same_arrays,
    check_whole,
    draw_for,
    innermost,
    loss_of,
    rows_of,
    with_innermost,
)
from scorekit.protocols import Objective, Rng, ScoreModel, StepInfo
from scorekit_torch import derivatives, distributed, equipment, optimizers
from scorekit_torch.conversion import to_tensor

__all__ = ["TorchLearner"]

Array: TypeAlias = Any

_WIDE = {torch.float32, torch.float64}
_GROWTH = 1e8  # a buffer that grows by this factor in one step, beyond the scale of the data, holds an outlier
_LARGEST = 1e30  # or one that becomes as large as this


class Part(NamedTuple):
    """Samples with their conditions, the noise of the objective and the seeds of the layers."""

    x: Array
    condition: Array | None
    noise: Any
    layers: Seeds | None


class TorchLearner:
    """Train a module, alone or inside the views of ``sk.models``, with an optimizer of ``torch.optim``.

    The learner trains a copy of the module, with the same mode (train or eval) and frozen parameters. The EMA is
    θ̄ ← m θ̄ + (1 − m) θ with m = min(ema, (1 + t)/(10 + t)) after t updates: short runs average over about their last
    tenth, long runs with the decay ``ema``. It is stored in float32 or wider.

    With torchrun, all processes train one model (``DistributedDataParallel``), each on its rows of the batch.

    Args:
        model: an ``nn.Module`` with ``forward(x, sigma)`` or ``forward(x)``, or a view of one.
        objective: any objective.
        learning_rate: a positive number, or a function of the step (from 0).
        optimizer: the name of a class of ``torch.optim`` in lower case (``"adam"``, ``"adamw"``, ``"sgd"``, …), the
            name with options, ``{"name": "sgd", "momentum": 0.9}``, the class, or a function of the parameters.
        gradient_clip: largest norm of the whole gradient, positive; None for no clipping.
        ema: decay of the EMA, in [0, 1); None for no EMA, then :attr:`model` has the last weights.
        accumulate: number of parts of a batch for gradient accumulation, at least 1. It saves memory; each sample keeps
            its noise in the whole batch. The result differs only with dropout or batch normalization, which act on
            each part separately.
        autocast: ``"bfloat16"`` or ``"float16"`` runs the module in mixed precision; weights, ``x``, noise and loss
            keep their dtype. ``"float16"`` is for GPUs without bfloat16. It scales the loss: if the gradient is not
            finite, the scale is halved and the step computed again, with the same noise.
        channels_last: store images and weights as (n, h, w, c) in memory.
        compile: compile the module with torch; not for objectives with derivatives of the model.
        noise: for several processes. With ``"shared"``, each process draws the noise of the whole batch, so the result
            equals that of one process. With ``"per_process"``, each draws only the noise of its own samples, which
            saves time and memory for very large batches.

    Raises:
        TypeError: ``model`` is not a module or a view of one, or ``optimizer`` already holds weights.
        ValueError: an option is unknown or out of range, or no parameter requires a gradient.
    """

    def __init__(
        self,
        model: ScoreModel,
        objective: Objective,
        *,
        learning_rate: float | Callable[[int], float] = 1e-3,
        optimizer: optimizers.Wish = "adam",
        gradient_clip: float | None = 1.0,
        ema: float | None = 0.999,
        accumulate: int = 1,
        autocast: str | None = None,
        channels_last: bool = False,
        compile: bool = False,  # noqa: A002
        noise: str = "shared",
    ) -> None:
        check_option(noise, "noise", ("shared", "per_process"))
        self._noise = noise
        self._optimizer_config = OptimizerConfig(learning_rate, gradient_clip, ema)
        self._accumulate = check_count(accumulate, "accumulate")
        equipment.check_equipment(autocast, channels_last, compile)
        settings = {"accumulate": accumulate, "autocast": autocast, "channels_last": channels_last, "compile": compile}
        settings |= {} if noise == "shared" else {"noise": noise}
        self.settings = {name: str(value) for name, value in settings.items()}
        _check_module(model)  # before it is copied
        self._model = copy.deepcopy(model)
        self._objective, self._optimizer_name = objective, optimizer
        self._equipment = (autocast, channels_last, compile)
        self._scale = equipment.LossScale() if autocast == "float16" else None
        self._prepare(innermost(self._model))

    def _prepare(self, module: nn.Module) -> None:
        self._lay_out(module, self._equipment[1])
        self._equip(*self._equipment)

    def match(self, x: Array) -> None:
        """Give the weights the dtype of ``x``, float32 or float64, if all of them have the other one of these two.

        Buffers follow, except integers and booleans. A module with weights of several dtypes, or of half precision, is
        not changed. Only before the first step.
        """
        dtypes = {p.dtype for p in self._module.parameters()}
        if x.dtype in _WIDE and len(dtypes) == 1 and dtypes < _WIDE and x.dtype not in dtypes:
            self._prepare(self._module.to(x.dtype))

    def _lay_out(self, module: nn.Module, channels_last: bool) -> None:
        self._parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not self._parameters:
            raise InvalidValueError("the model has no parameters that require a gradient: there is nothing to train.")
        self._device = distributed.home(next(iter(self._parameters.values())).device)
        module.to(self._device)
        if channels_last:
            equipment.lay_out(module)
        self._module, self._frozen = module, {n: p for n, p in module.named_parameters() if not p.requires_grad}
        self._buffered = next(module.buffers(), None) is not None
        self._layer_noise = equipment.LayerNoise(self._device)
        self._leaves = list(self._parameters.values())
        self._values = [p.detach() for p in self._leaves]
        self._average = [v.to(_wide(v.dtype), copy=True) for v in self._values]
        self._narrow = any(v.dtype != a.dtype for v, a in zip(self._values, self._average, strict=True))
        self._optimizer = optimizers.make_optimizer(self._optimizer_name, self._leaves)
        self._steps = 0
        self._complete = True  # False while a step changes the state
        self._resumable = False  # not checked yet
        self._only_ours: bool | None = None

    def _equip(self, autocast: str | None, channels_last: bool, compile: bool) -> None:  # noqa: A002
        """Set the model for the objective: the model itself, or a view of it with an equipped module."""
        self.processes = distributed.ProcessGroup(self._device)
        if autocast or channels_last or compile or self.processes.size > 1:
            equipped = equipment.Equipped(self._module, autocast, channels_last, compile)
            self._dressed: Any = distributed.shared(equipped, self.processes)
            self._trained: Any = with_innermost(self._model, self._dressed)
        else:
            self._dressed, self._trained = self._module, self._model

    # ---------------------------------------------------------------- one step

    def receive(self, batch: Any) -> Any:
        """The batch on the device of the model; host memory is pinned and copied asynchronously."""
        if isinstance(batch, tuple):
            made = (self.receive(each) for each in batch)
            return type(batch)(*made) if hasattr(batch, "_fields") else tuple(made)
        if not isinstance(batch, torch.Tensor) or batch.device == self._device:
            return batch
        pinned = batch.pin_memory() if self._device.type == "cuda" and not batch.is_cuda else batch
        return pinned.to(self._device, non_blocking=True)

    def step(
        self, x: Array, rng: Rng, *, condition: Array | None = None, start: int = 0, total: int | None = None
    ) -> StepInfo:
        """Make one optimizer step on ``x``, the samples from index ``start`` of a batch of ``total``.

        If the loss, the gradient or a buffer is not finite, or a buffer leaves all proportion, nothing changes.
        """
        rate = self._optimizer_config.rate(self._steps)
        total = x.shape[0] if total is None else total
        applied, spoiled = False, ""
        kept = [(*found, found[1].clone()) for found in self._buffers()]
        try:
            whole = self._whole(x, rng, condition, start, total)
            value, norm = self._numbers(self._backward(whole, total))
            while not (math.isfinite(value) and math.isfinite(norm)) and self._lowered(value):
                self._undo(kept)
                self._clear()
                value, norm = self._numbers(self._backward(whole, total))
            finite = math.isfinite(value) and math.isfinite(norm)
            spoiled = self._spoiled(kept, x) if finite else ""
            applied = finite and not (kept and self.processes.any(bool(spoiled)))
            if applied:
                self._complete = False
                if self._scale is not None:
                    self._scale.passed()
                self._update(self._optimizer_config.clip_factor(norm), rate)
                self._follow()
                self._complete = True
        finally:
            self._clear()
            if not applied:
                self._undo(kept)
        return StepInfo(value, norm, applied, reason=spoiled)

    def _lowered(self, loss: float) -> bool:
        """Whether the gradient overflowed in half precision only, and can be computed again with a smaller scale."""
        return math.isfinite(loss) and self._scale is not None and self._scale.lowered()

    def _clear(self) -> None:
        for parameter in self._leaves:
            parameter.grad = None

    def _whole(self, x: Array, rng: Rng, condition: Array | None, start: int, total: int) -> Part:
        """The samples of this process with their rows of the noise of the whole batch."""
        stop = start + x.shape[0]
        if self._noise == "per_process" and self.processes.size > 1:
            rng, start, stop, total = rng.spawn(self.processes.size)[self.processes.rank], 0, x.shape[0], x.shape[0]
        noise = draw_for(self._objective, x, rng, total)
        layers = self._layer_noise.draw(rng, total)
        return Part(x, condition, rows_of(noise, start, stop), rows_of(layers, start, stop))

    def _buffers(self) -> list[tuple[str, Array]]:
        """The current buffers; a module may modify them in place or replace them."""
        return list(self._module.named_buffers()) if self._buffered else []

    def _spoiled(self, kept: list[tuple[str, Array, Array]], x: Array) -> str:
        """What is wrong with a buffer after this step, such as a running variance; empty if nothing is."""
        now = dict(self._buffers()) if kept else {}
        names: list[str] = []
        before: list[Array] = []
        for name, _, values in kept:  # all of them: batch normalization does not count its changes of a buffer
            if name in now and now[name].is_floating_point() and now[name].numel():
                names, before = [*names, name], [*before, values]
        if not names:
            return ""
        sizes = torch.stack([v.double().abs().amax() for v in (*before, *(now[name] for name in names))]).tolist()
        pairs = zip(names, sizes[: len(names)], sizes[len(names) :], strict=True)
        suspects = [(name, old, new) for name, old, new in pairs if not new <= _GROWTH * max(1.0, old)]
        rows = x.detach().flatten(1).double().abs().amax(dim=1) if suspects else x
        for name, old, new in suspects:
            usual, row = float(rows.median()), int(rows.argmax())
            if not new <= min(_GROWTH * max(1.0, old, usual**2), _LARGEST):  # NaN is not
                return (
                    f"the buffer {name} of the model changed from {old:.3g} to {new:.3g} (largest absolute values). "
                    f"The largest value of the batch is {float(rows[row]):.3g}, in its row {row}; that of a usual row "
                    f"is {usual:.3g}. Remove or clip such rows"
                )
        return ""

    def _undo(self, kept: list[tuple[str, Array, Array]]) -> None:
        """Restore the tensors and values of all buffers."""
        for name, buffer, values in kept:
            holder, _, attribute = name.rpartition(".")
            buffer.copy_(values)
            setattr(self._module.get_submodule(holder), attribute, buffer)

    def _backward(self, whole: Part, total: int) -> Array:
        """The loss of the batch, with its gradient in the parameters; ``total`` is the batch size of all processes."""
        if self._accumulate == 1 and self.processes.size == 1:
            return self._pass(whole, 1.0)
        n, losses = whole.x.shape[0], []
        pieces = min(self._accumulate, n)
        for k in range(pieces):
            start, stop = n * k // pieces, n * (k + 1) // pieces
            waits = self.processes.size > 1 and k < pieces - 1
            with self._dressed.no_sync() if waits else nullcontext():  # weights are those of a mean over all processes
                losses.append(self._pass(rows_of(whole, start, stop), (stop - start) / total * self.processes.size))
        return torch.stack(losses).sum()

    def _pass(self, part: Part, share: float) -> Array:
        """Forward and backward pass of one part of the batch; returns its loss times the proportion ``share``."""
        with torch.enable_grad(), self._layer_noise(part.layers):
            loss = _checked_loss(loss_of(self._objective, self._trained, part.x, part.noise, part.condition))
            if share != 1.0:
                loss = loss * share
            if self.processes.size > 1:  # DistributedDataParallel needs a gradient of every parameter
                loss = loss + 0.0 * torch.stack([p.sum() for p in self._leaves]).sum()
            scaled = loss if self._scale is None else loss * self._scale.factor
            scaled.backward(inputs=self._ends(loss))
        return loss.detach()

    def _ends(self, loss: Array) -> list[Array] | None:
        """The parameters, if the graph of the first loss has other leaves, such as x; else None, which is faster."""
        if self._only_ours is None:
            self._only_ours = {id(leaf) for leaf in derivatives.leaves(loss)} <= {id(p) for p in self._leaves}
        return None if self._only_ours else self._leaves

    def _numbers(self, loss: Array) -> tuple[float, float]:
        """The loss and the norm of the whole gradient, in one transfer from the device."""
        gradients = [p.grad for p in self._leaves if p.grad is not None]
        if self.processes.size > 1:
            loss = self.processes.sum(loss.clone()) / self.processes.size
        if not gradients:
            return float(loss), 0.0
        if self._scale is not None:
            torch._foreach_mul_(gradients, 1 / self._scale.factor)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        value, size = torch.stack([loss, norm.to(loss.dtype)]).tolist()
        if math.isfinite(size) and size > 0:
            return value, size
        wide = torch._foreach_norm(gradients, 2, dtype=torch.float64)  # squares may exceed the range of float32
        return value, float(torch.linalg.vector_norm(torch.stack(wide)))

    def _update(self, shrink: float, rate: float) -> None:
        self._steps += 1
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        for parameter in self._leaves:
            if parameter.grad is None:  # the loss does not depend on it
                parameter.grad = torch.zeros_like(parameter)
        if shrink < 1:
            torch._foreach_mul_([p.grad for p in self._leaves if p.grad is not None], shrink)
        self._optimizer.step()

    def _follow(self) -> None:
        values = self._values
        if self._narrow:
            values = [v.to(a.dtype) for v, a in zip(values, self._average, strict=True)]
        torch._foreach_lerp_(self._average, values, 1 - self._optimizer_config.ema_decay(self._steps))

    # ---------------------------------------------------------------- model and state

    @property
    def model(self) -> ScoreModel:
        """A copy of the model with the EMA weights, in eval mode; later steps do not change it."""
        made = copy.deepcopy(self._model)
        module: nn.Module = innermost(made).eval()
        with torch.no_grad():
            for name, value in zip(self._parameters, self._average, strict=True):
                module.get_parameter(name).copy_(value)
        return made

    def frozen(self) -> ScoreModel:
        """The same model with weights that require no gradient."""
        made = self.model
        innermost(made).requires_grad_(False)
        return made

    def _state(self) -> dict[str, Array]:
        """All weights, buffers and EMA weights by name, not copied."""
        state = {f"weights.{name}": p.detach() for name, p in (self._parameters | self._frozen).items()}
        state |= {f"buffers.{name}": buffer for name, buffer in self._buffers()}
        averages = zip(self._parameters, self._average, strict=True)
        return state | {f"average.{name}": average for name, average in averages}

    def state_dict(self) -> dict[str, Array]:
        """Weights, buffers, EMA, state of the optimizer and number of steps."""
        check_whole(self._complete)
        if not self._resumable:
            optimizers.check_resumable(self._optimizer_name, self._leaves)
            self._resumable = True
        state = self._state() | self._scaling() | optimizers.optimizer_state(self._optimizer, self._parameters)
        return {name: value.detach().clone() for name, value in state.items()} | {"steps": torch.tensor(self._steps)}

    def _scaling(self) -> dict[str, Array]:
        return {} if self._scale is None else self._scale.state_dict()

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Load a state from :meth:`state_dict`; a mismatch raises ``CheckpointError`` and changes nothing."""
        given = self._scaling() | {name: to_tensor(value) for name, value in state.items()}
        if self._scale is None:  # a run may continue with another autocast, which is named in a warning
            given = {name: value for name, value in given.items() if not name.startswith("scale.")}
        mine = self._state()
        expected = mine | self._scaling() | {"steps": torch.tensor(self._steps)}
        moments = {name: value for name, value in given.items() if name.startswith("optimizer.")}
        described = optimizers.describe_state(self._optimizer_name, self._parameters) if moments else {}
        check_same_arrays(given, expected | optimizers.as_arrays(described))
        self._steps = int(given["steps"])
        if self._scale is not None:
            self._scale.load_state_dict(given)
        with torch.no_grad():
            for name, value in mine.items():
                value.copy_(given[name])
        optimizers.restore_optimizer(self._optimizer, self._parameters, moments, described)
        self._complete = True


def _checked_loss(loss: Any) -> Array:
    if getattr(loss, "shape", None) != ():
        raise ShapeError(f"objective returned a {describe(loss)}: expected a scalar, the loss of the batch.")
    if not loss.requires_grad:
        raise InvalidValueError(
            "the loss does not depend on the model's parameters: part of it is cut from the graph (detach, no_grad, "
            ".numpy())."
        )
    return loss


def _check_module(model: Any) -> None:
    if torch.is_inference_mode_enabled():
        raise InvalidTypeError("nothing can be trained inside torch.inference_mode(): call fit outside of it.")
    inside = innermost(model)
    if not isinstance(inside, nn.Module):
        raise InvalidTypeError(
            f"model is a {describe(inside)} and the data are tensors: the torch backend cannot train it. Use "
            "scorekit_torch.MLP or any nn.Module with forward(x, sigma), alone or inside the views of sk.models."
        )
    made = [name for name, p in inside.named_parameters() if p.is_inference()]
    if made:
        raise InvalidTypeError(
            f"{made[0]} of the model was made inside torch.inference_mode(), where nothing can be trained: make the "
            "model outside of it."
        )


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
