"""Annealed Langevin with the image networks, launched kernel after kernel or recorded as a graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

import scorekit as sk
from benchmarks.gpu.bench import Bench, Case, relative
from benchmarks.gpu.images import LEVELS, NETWORKS, module_of, moved, stirred
from benchmarks.gpu.table import Row, Times
from scorekit_torch import CapturedModel

BATCHES = (16, 128)
WAYS = ("bf16", "bf16 graph")
ALLOWED = 5e-2  # of a recorded score beside the same in plain calls, both in bfloat16


def sampling(bench: Bench) -> Iterator[Case]:
    """Five steps at each of ten levels, and the denoising step."""
    for name in NETWORKS:
        for batch in (2,) if bench.quick else BATCHES:
            for way in WAYS:
                case = f"{name}, {batch} annealed"
                yield Case(case, way, lambda c=case, n=name, b=batch, w=way: _row(bench, c, n, b, w), seconds=10)


def _row(bench: Bench, case: str, name: str, batch: int, way: str) -> Row:
    records = "graph" in way
    if records and not bench.records:
        return Row(case, way, note="only CUDA records graphs")
    features, side = (8, 8) if bench.quick else (128, 32)
    model = moved(stirred(NETWORKS[name](features, precision="bfloat16")), bench.device, torch.float32)
    module_of(model).eval()
    x = sk.samplers.initial(LEVELS, (batch, 3, side, side), rng=0, like=torch.zeros(1, device=bench.device))
    error = None
    if records:
        recorded = CapturedModel(model, x, LEVELS.sigmas[0])
        error, model = _difference(recorded, model, x), recorded
    sampler = sk.samplers.AnnealedLangevin(LEVELS, 1 if bench.quick else 5, 1e-8)
    evaluations = int(sampler.sample(model, x, rng=0).stats["evaluations"][-1])
    whole = bench.milliseconds(lambda: sampler.sample(model, x, rng=0), idle=1)
    times = Times(*(spent / evaluations for spent in whole))
    return Row(case, way, error, ALLOWED if records else None, times, batch / whole.median * 1e3)


def _difference(recorded: Any, model: Any, x: torch.Tensor) -> float:
    """The largest over all levels, each asked for twice: the second call is a replay."""
    with torch.no_grad():
        pairs = [(float(s), [recorded(x, float(s)) for _ in range(2)][1]) for s in LEVELS.sigmas]
        return max(relative(replayed, model(x, sigma).cpu().double()) for sigma, replayed in pairs)
