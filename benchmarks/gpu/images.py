"""A training step of the image networks: right to float64 on the CPU, images a second, proportion of the matrix
rate."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import scorekit as sk
from benchmarks.gpu.bench import Bench, Case, exact_noise, products, relative
from benchmarks.gpu.table import Row
from scorekit_torch import NCSN, NCSNv2, UNet

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from support import plain_images

LEVELS = sk.noise.Geometric(5.0, 0.01, 10)
OBJECTIVE = sk.objectives.NoiseConditional(LEVELS)


class Plain(nn.Module):
    """The authors' NCSN written plainly, operation after operation, with the weights of ours."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.net = NCSN(3, LEVELS, features).to(memory_format=torch.contiguous_format)  # as published

    def forward(self, x, sigma):
        return plain_images.score(self.net, x, sigma)


NETWORKS: dict[str, Callable[..., Any]] = {
    "NCSN": lambda features, **options: NCSN(3, LEVELS, features, **options),
    "NCSNv2": lambda features, **options: NCSNv2(3, features, **options),
    "UNet": lambda features, **options: sk.models.Preconditioned(UNet(3, features, **options), 0.5),
}
STEPS = {"NCSN, plainly written": Plain} | NETWORKS


class Variant(NamedTuple):
    """``options`` of the learner; the relative error of scores and gradients that passes; seconds that it may take."""

    options: dict[str, Any]
    allowed: float
    tf32: bool = False
    seconds: float = 15.0

    @property
    def dtype(self) -> torch.dtype:
        """Of the products."""
        return torch.bfloat16 if "autocast" in self.options else torch.float32


_HALF: dict[str, Any] = {"autocast": "bfloat16"}
VARIANTS = {
    "fp32": Variant({}, 1e-4),
    "tf32": Variant({}, 2e-2, tf32=True),
    "bf16": Variant(_HALF, 0.1),
    "bf16 nhwc": Variant(_HALF | {"channels_last": True}, 0.1),
    "bf16 nhwc compile": Variant(_HALF | {"channels_last": True, "compile": True}, 0.1, seconds=75.0),
}
COMPARED = 2  # images whose score and gradient are compared with those of the CPU


class Inputs(NamedTuple):
    """A batch, the levels of its images and their noise."""

    x: torch.Tensor
    sigma: torch.Tensor
    z: torch.Tensor

    def to(self, device: torch.device, dtype: torch.dtype, count: int) -> Inputs:
        """The first ``count`` images there."""
        return Inputs(*(each[:count].to(device, dtype) for each in self))


def inputs(batch: int, side: int) -> Inputs:
    """In float64 on the CPU."""
    shape = (batch, 3, side, side)
    levels = torch.tensor(LEVELS.sigmas).repeat(batch // len(LEVELS) + 1)[:batch]
    return Inputs(exact_noise(shape, 1, "uniform"), levels, exact_noise(shape, 2))


class Exact(NamedTuple):
    """Of the first images, in float64 on the CPU; and the operations of a score and its gradient, an image."""

    score: torch.Tensor
    gradient: torch.Tensor
    operations: float


def images(bench: Bench) -> Iterator[Case]:
    """One optimizer step at 32 × 32 × 3, 128 images, 128 features."""
    features, batch, side = (8, 2, 8) if bench.quick else (128, 128, 32)
    given = inputs(batch, side)

    @cache
    def network(name):
        return stirred(STEPS[name](features))

    @cache
    def exact(name):
        model = moved(copy.deepcopy(network(name)), torch.device("cpu"), torch.float64)
        parameters = [p for p in module_of(model).parameters() if p.requires_grad]
        with FlopCounterMode(display=False) as counter:
            observed = _score_and_gradient(model, parameters, given.to(torch.device("cpu"), torch.float64, COMPARED))
        return Exact(*observed, counter.get_total_flops() / COMPARED)

    for label in ("fp32", "bf16 nhwc") if bench.quick else VARIANTS:
        variant = VARIANTS[label]
        for name in STEPS:
            if variant.options.get("compile") and STEPS[name] is Plain:
                continue

            def run(name=name, label=label, variant=variant):
                with products(variant.tf32):
                    step = lambda n: _step(bench, network(name), variant, given, n, exact(name))  # noqa: E731
                    row, note = bench.fitting(batch, step)
                return row._replace(case=f"{name}, step", variant=label, note=note)

            yield Case(f"{name}, step", label, run, variant.seconds)


def _step(bench: Bench, network: Any, variant: Variant, given: Inputs, batch: int, exact: Exact) -> Row:
    placed = moved(copy.deepcopy(network), bench.device, torch.float32)
    learner = sk.backend("torch").learner(placed, OBJECTIVE, **variant.options)
    here = given.to(bench.device, torch.float32, batch)
    # the whole batch, as in training: a compiled network is compiled for one shape
    mine = _score_and_gradient(learner._trained, learner._leaves, here)
    error = max(map(relative, mine, exact[:2]))
    stream = sk.rng(0, like=here.x)
    if not learner.step(here.x, stream).applied:
        raise ArithmeticError("the gradient is not finite: such a step is left out, and takes less time")
    times = bench.milliseconds(lambda: learner.step(here.x, stream))
    peak = bench.peak_mib(lambda: learner.step(here.x, stream))
    rate = exact.operations * batch / times.median * 1e3
    share = rate / bench.matrix_rate(variant.dtype, tf32=variant.tf32)
    return Row("", "", error, variant.allowed, times, batch / times.median * 1e3, peak, share)


def _score_and_gradient(model: Any, parameters: list[torch.Tensor], at: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
    """The score of the first images, and the gradient of their denoising loss."""
    scale = at.sigma[:, None, None, None]
    score = model(at.x + scale * at.z, at.sigma)
    residual = (scale * score + at.z)[:COMPARED]
    gradients = torch.autograd.grad(0.5 * residual.square().sum(), parameters)
    return score[:COMPARED].detach(), torch.cat([g.reshape(-1) for g in gradients])


def module_of(model: Any) -> nn.Module:
    """The network inside the views."""
    return model if isinstance(model, nn.Module) else module_of(model.inner)


def moved(model: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """The same model, there."""
    module_of(model).to(device, dtype)
    return model


def stirred(model: Any) -> Any:
    """With weights that are nowhere zero: a network that answers zero is right in every precision."""
    generator = torch.Generator().manual_seed(0)
    for p in module_of(model).parameters():
        p.data += 0.5 * max(p[0].numel(), 100) ** -0.5 * torch.randn(p.shape, generator=generator)
    return model
