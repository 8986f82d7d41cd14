"""Each objective on a perceptron: loss and gradient right to float64 on the CPU, and an optimizer step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch

import scorekit as sk
from benchmarks.gpu.bench import Bench, Case, SharedNoise, exact_noise, products, relative
from benchmarks.gpu.table import Row
from scorekit_torch import MLP

OBJECTIVES = {
    "ESM": sk.objectives.ExplicitScoreMatching(lambda x: -x),
    "ISM": sk.objectives.ImplicitScoreMatching(),
    "ISM, Hutchinson": sk.objectives.ImplicitScoreMatching("hutchinson"),
    "SSM": sk.objectives.SlicedScoreMatching(variance_reduced=False),
    "SSM-VR": sk.objectives.SlicedScoreMatching(),
    "DSM": sk.objectives.DenoisingScoreMatching(0.3),
    "NCSN": sk.objectives.NoiseConditional(sk.noise.Geometric(5.0, 0.1, 10)),
}
VARIANTS: dict[str, dict[str, object]] = {
    "fp32": {},
    "bf16": {"autocast": "bfloat16"},
    "fp32 compile": {"compile": True},
}
COMPILED = ("DSM", "NCSN")
"""Of the objectives that differentiate the network once: others do not compile."""
ALLOWED = {"fp32": 1e-4, "bf16": 5e-2, "fp32 compile": 1e-4}


def perceptrons(bench: Bench) -> Iterator[Case]:
    """64 numbers a sample, a batch of 1,024, three layers of 256."""
    dim, batch = (8, 32) if bench.quick else (64, 1024)
    x = exact_noise((batch, dim), 1)

    @cache
    def exact(name):
        net = _network(bench, name)
        return _loss_and_gradient(OBJECTIVES[name], net, list(net.parameters()), x)

    for variant in VARIANTS:
        for name in COMPILED if "compile" in variant else OBJECTIVES:
            if not (bench.quick and "compile" in variant):
                seconds = 45 if "compile" in variant else 8
                yield Case(name, variant, lambda n=name, v=variant: _row(bench, n, v, x, exact(n)), seconds)


def _network(bench: Bench, name: str) -> MLP:
    dim, hidden = (8, (64, 64)) if bench.quick else (64, (256, 256, 256))
    return MLP(dim, hidden=hidden, conditional=name == "NCSN", dtype="float64")


def _row(bench: Bench, name: str, variant: str, x: torch.Tensor, exact: tuple[torch.Tensor, torch.Tensor]) -> Row:
    net = _network(bench, name).to(bench.device, torch.float32)
    learner, here = sk.backend("torch").learner(net, OBJECTIVES[name], **VARIANTS[variant]), x.to(bench.device).float()
    with products(tf32=False):
        # before the first step, which changes the learner's weights
        mine = _loss_and_gradient(OBJECTIVES[name], learner._trained, learner._leaves, here)
        error = max(map(relative, mine, exact))
        stream = sk.rng(0, like=here)
        times = bench.milliseconds(lambda: learner.step(here, stream), seconds=1.0)
        peak = bench.peak_mib(lambda: learner.step(here, stream))
    return Row(name, variant, error, ALLOWED[variant], times, len(x) / times.median * 1e3, peak)


def _loss_and_gradient(objective, model, leaves, x) -> tuple[torch.Tensor, torch.Tensor]:
    loss = objective(model, x, rng=SharedNoise(0))
    return loss.detach(), torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, leaves)])
