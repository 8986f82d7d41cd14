"""A module prepared for training: mixed precision, memory format, compilation, layer noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeAlias

import torch
from torch import nn

from scorekit.learning import Seeds, check_option, generators_locked, score_function, seeds
from scorekit.protocols import Rng
from scorekit_torch.random import seed_generator

__all__ = ["Equipped", "LayerNoise", "LossScale", "check_equipment", "lay_out"]

Array: TypeAlias = Any


def check_equipment(autocast: Any, channels_last: Any, compile: Any) -> None:  # noqa: A002
    """Raise ``ValueError`` for unknown options."""
    check_option(autocast, "autocast", (None, "bfloat16", "float16"))
    check_option(channels_last, "channels_last", (True, False))
    check_option(compile, "compile", (True, False))


def lay_out(module: nn.Module) -> None:
    """Store weights as (n, h, w, c) in memory, and activations of image networks as well."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for part in module.modules():
        if isinstance(getattr(part, "memory_format", None), torch.memory_format):
            part.memory_format = torch.channels_last  # type: ignore[assignment]


class Equipped(nn.Module):
    """``module(x, sigma, condition)`` with input and output in the dtype of ``x``.

    Only the module runs in half precision. Noise, preconditioning and the loss keep the dtype of the data, because the
    rounding error of x in bfloat16, 2⁻⁸, would be larger than the smallest noise.
    """

    is_view, uses_sigma, is_prepared = True, False, True

    def __init__(self, module: nn.Module, autocast: str | None, channels_last: bool, compile: bool) -> None:  # noqa: A002
        super().__init__()
        self.inner = module
        self._autocast, self._channels_last = autocast, channels_last
        self._score = score_function(module)
        if compile:
            module.compile(dynamic=False)  # one graph per shape: inductor fails with symbolic sizes
        elif autocast is None:
            for name in ("divergence", "probed_divergence"):
                if hasattr(module, name):
                    setattr(self, name, getattr(module, name))

    def forward(self, x: Array, sigma: Any = None, condition: Array | None = None) -> Array:
        """The score, shaped like ``x``."""
        laid = x.contiguous(memory_format=torch.channels_last) if self._channels_last and x.ndim == 4 else x
        with self._precision(x.device.type):
            s = self._score(laid, sigma, condition)
        return s.to(x.dtype) if isinstance(s, torch.Tensor) else s

    def _precision(self, device: str) -> Any:
        return nullcontext() if self._autocast is None else torch.autocast(device, getattr(torch, self._autocast))


class LossScale:
    """A factor of the loss that keeps gradients within the range of float16, 6e-8 to 65,504.

    The gradient is that of ``factor`` times the loss, divided by ``factor``, a power of two. If it is not finite, the
    factor is halved and the step is computed again. After 2,000 steps without that, the factor is doubled. A factor of
    1 is not halved. These are the rules of ``torch.amp.GradScaler``, but for the repeated step.

    Reference: Micikevicius et al., Mixed Precision Training, 2018, arXiv:1710.03740.
    """

    first, interval = 2.0**16, 2000

    def __init__(self) -> None:
        self.factor, self.steps = self.first, 0

    def passed(self) -> None:
        """The gradient of a step was finite."""
        self.steps += 1
        if self.steps == self.interval:
            self.factor, self.steps = 2 * self.factor, 0

    def lowered(self) -> bool:
        """The gradient was not finite: halve the factor, if that may help."""
        helps = self.factor > 1
        self.factor, self.steps = (self.factor / 2 if helps else self.factor), 0
        return helps

    def state_dict(self) -> dict[str, Array]:
        """The factor, and the steps since it changed."""
        return {"scale.factor": torch.tensor(self.factor, dtype=torch.float64), "scale.steps": torch.tensor(self.steps)}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Load a state from :meth:`state_dict`."""
        self.factor, self.steps = float(state["scale.factor"]), int(state["scale.steps"])


class LayerNoise:
    """Seed the draws of a module from torch's global generators (dropout) and restore the generators afterwards.

    The first pass shows whether the module uses a generator; if not, later passes have no overhead.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._draws: bool | None = None  # not known yet

    def draw(self, rng: Rng, total: int) -> Seeds | None:
        """One seed per sample of a batch; None if the module draws no random numbers."""
        return None if self._draws is False else seeds(rng.spawn(1)[0], total)

    def __call__(self, drawn: Seeds | None) -> AbstractContextManager[None]:
        """A context manager that seeds the generators with the seed of the first sample."""
        return nullcontext() if drawn is None else self._seeded(int(drawn.values[0]))

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        with generators_locked(), torch.random.fork_rng([self._device] if self._device.type != "cpu" else []):
            for generator in self._generators():  # inside the fork, so global states are restored
                seed_generator(generator, ("layers", seed))
            before = self._places() if self._draws is None else []
            yield
            if self._draws is None:
                self._draws = any(not torch.equal(a, b) for a, b in zip(before, self._places(), strict=True))

    def _places(self) -> list[Array]:
        """The states of the generators."""
        return [generator.get_state() for generator in self._generators()]

    def _generators(self) -> list[torch.Generator]:
        """The generators that layers on this device use."""
        own = [torch.cuda.default_generators[self._device.index]] if self._device.type == "cuda" else []
        return [torch.default_generator, *own]
