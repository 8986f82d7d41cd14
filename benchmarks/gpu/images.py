"""The image networks on a GPU: right to float64 on the CPU, images a second, the share of the chip's matrix rate."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

import scorekit as sk
from benchmarks.gpu.table import Bench, Row, SharedNoise, relative
from benchmarks.memory import peak_bytes
from scorekit_torch import NCSN, NCSNv2, UNet

LADDER = sk.noise.Geometric(5.0, 0.01, 10)
NETWORKS = {
    "NCSN": lambda features: NCSN(3, LADDER, features),
    "NCSNv2": lambda features: NCSNv2(3, features),
    "UNet": lambda features: sk.models.Preconditioned(UNet(3, features), 0.5),
}
VARIANTS: dict[str, dict[str, object]] = {
    "fp32": {},
    "bf16": {"autocast": "bfloat16"},
    "bf16 nhwc": {"autocast": "bfloat16", "channels_last": True},
    "bf16 nhwc compile": {"autocast": "bfloat16", "channels_last": True, "compile": True},
}
ALLOWED = {"fp32": 1e-3}  # of the score; the others round to bfloat16 inside
HALF = 5e-2
OBJECTIVE = sk.objectives.NoiseConditional(LADDER)


def images(bench: Bench) -> Iterator[Row]:
    """One optimiser step of each network at 32 × 32 × 3, and annealed Langevin with it."""
    features, batch, side = (8, 2, 8) if bench.quick else (128, 128, 32)
    x = SharedNoise(1).uniform((batch, 3, side, side), torch.zeros((), dtype=torch.float64))
    here = x.float().to(bench.device)
    for name, make in NETWORKS.items():
        network = _stirred(make(features))
        exact = _score(_moved(copy.deepcopy(network), torch.device("cpu"), torch.float64), x[:2])
        for variant, options in VARIANTS.items():
            if bench.quick and "compile" in variant:
                continue
            placed = _moved(network, bench.device, torch.float32)
            learner = sk.backend("torch").learner(placed, OBJECTIVE, **options)
            error = relative(_score(learner._trained, here[:2]), exact)
            stream = sk.rng(0, like=here)
            peak = peak_bytes(lambda t=learner, s=stream: t.step(here, s), bench.device) / 2**20
            spent = bench.milliseconds(lambda t=learner, s=stream: t.step(here, s))
            rate = bench.matrix_rate(torch.float32 if variant == "fp32" else torch.bfloat16)
            share = _operations(placed, here) / (spent * 1e-3) / rate
            allowed = ALLOWED.get(variant, HALF)
            yield Row(
                f"{name}, {features} features, step", variant, error, allowed, spent, batch / spent * 1e3, peak, share
            )
        yield _annealed(bench, name, _moved(network, bench.device, torch.float32), here)


def _annealed(bench: Bench, name: str, model, x) -> Row:
    sampler = sk.samplers.AnnealedLangevin(LADDER, 1 if bench.quick else 5, 1e-5)
    spent = bench.milliseconds(lambda: sampler.sample(model, x, rng=0))
    return Row(f"{name}, annealed Langevin", "fp32", samples_a_second=x.shape[0] / spent * 1e3)


def _module(model):
    return model if isinstance(model, torch.nn.Module) else _module(model.inner)


def _moved(model, device, dtype):
    _module(model).to(device, dtype)
    return model


def _stirred(model):
    """With weights that are nowhere zero: a network that answers zero is right in every precision."""
    generator = torch.Generator().manual_seed(0)
    for p in _module(model).parameters():
        p.data += 0.05 * torch.randn(p.shape, generator=generator)
    return model


def _score(model, x):
    with torch.no_grad():
        return model(x, float(LADDER.sigmas[5]))


def _operations(model, x) -> float:
    """Floating-point operations of a loss and its gradient, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        OBJECTIVE(model, x, rng=0).backward()
    return float(counter.get_total_flops())
