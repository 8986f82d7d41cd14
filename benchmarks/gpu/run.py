"""Everything on a GPU in one table: right to float64 on the CPU, and how fast, in how much memory.

``python benchmarks/gpu/run.py`` takes a few minutes on a CUDA device and needs nothing but scorekit[torch]. Without a
device it says so and exits with 2; ``--device cpu --quick`` runs the same code anywhere in seconds. The exit status is
1 when a number is wrong.

A new row is a new entry of ``CASES``: a function of a :class:`Bench` that yields rows.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import scorekit as sk
from benchmarks.gpu.images import images
from benchmarks.gpu.table import HEADER, Bench, Row, SharedNoise, line, relative
from benchmarks.memory import peak_bytes
from scorekit_torch import MLP

PRECISION = {"fp32": 1e-4, "compile": 1e-4, "bf16": 5e-2}
"""The relative error of a loss and of its gradient that passes, by variant."""

OBJECTIVES = {
    "ESM": sk.objectives.ExplicitScoreMatching(lambda x: -x),
    "ISM": sk.objectives.ImplicitScoreMatching(),
    "ISM, Hutchinson": sk.objectives.ImplicitScoreMatching("hutchinson"),
    "SSM": sk.objectives.SlicedScoreMatching(variance_reduced=False),
    "SSM-VR": sk.objectives.SlicedScoreMatching(),
    "DSM": sk.objectives.DenoisingScoreMatching(0.3),
    "NCSN": sk.objectives.NoiseConditional(sk.noise.Geometric(5.0, 0.1, 10)),
}
ONCE = ("ESM", "DSM", "NCSN")
"""The objectives that differentiate the network once: these compile."""


class Half(nn.Module):
    """A network under bfloat16 autocast, with float32 around it."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, sigma=None):
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.net(x, sigma).float()


def variant_of(net: nn.Module, variant: str, bench: Bench) -> nn.Module:
    placed = copy.deepcopy(net).float().to(bench.device)
    if variant == "bf16":
        return Half(placed)
    return torch.compile(placed) if variant == "compile" else placed


def loss_and_gradient(objective, net, x):
    net.zero_grad()
    loss = objective(net, x, rng=SharedNoise(0))
    loss.backward()
    return loss, torch.cat([p.grad.reshape(-1) for p in net.parameters()])


# ---------------------------------------------------------------- the cases


def training(bench: Bench) -> Iterator[Row]:
    """Each objective on a perceptron: value and gradient, and one optimiser step of the learner."""
    x = SharedNoise(1).normal((bench.batch, bench.dim), torch.zeros((), dtype=torch.float64))
    here = x.float().to(bench.device)
    for name, objective in OBJECTIVES.items():
        net = MLP(bench.dim, hidden=(64, 64) if bench.quick else (256, 256, 256), conditional=name == "NCSN")
        exact = loss_and_gradient(objective, net, x)
        for variant in bench.variants:
            if variant == "compile" and name not in ONCE:
                continue
            mine = variant_of(net, variant, bench)
            error = max(map(relative, loss_and_gradient(objective, mine, here), exact))
            peak = peak_bytes(lambda o=objective, m=mine: loss_and_gradient(o, m, here), bench.device)
            compiled = variant == "compile"  # by the learner, for its own copy
            step = _step(bench, objective, variant_of(net, "fp32", bench) if compiled else mine, here, compile=compiled)
            yield Row(name, variant, error, PRECISION[variant], step, None, peak / 2**20)


def _step(bench, objective, net, x, *, compile):  # noqa: A002
    learner, rng = sk.backend("torch").learner(net, objective, compile=compile), sk.rng(0, like=x)
    return bench.milliseconds(lambda: learner.step(x, rng))


SAMPLERS = {
    "Langevin": lambda steps: sk.samplers.Langevin(0.05, steps),
    "annealed Langevin": lambda steps: sk.samplers.AnnealedLangevin(sk.noise.Geometric(5.0, 0.3, 10), steps // 10, 0.1),
}


def sampling(bench: Bench) -> Iterator[Row]:
    """Chains on a mixture in the plane: the end of a short run, and the speed of a longer one."""
    angles = torch.arange(8) * torch.pi / 4
    means = 4 * torch.stack([angles.cos(), angles.sin()], dim=1)
    mixture = sk.distributions.GaussianMixture([1 / 8] * 8, means.double().numpy(), 0.5)
    start = SharedNoise(2).normal((bench.chains, 2), torch.zeros((), dtype=torch.float64))
    here = start.float().to(bench.device)
    for name, make in SAMPLERS.items():
        short, steps = make(10), 20 if bench.quick else 1000
        exact = short.sample(mixture.score, start, rng=SharedNoise(3)).x
        error = relative(short.sample(mixture.score, here, rng=SharedNoise(3)).x, exact)
        peak = peak_bytes(lambda s=short: s.sample(mixture.score, here, rng=0), bench.device)
        bench.wait()
        begin = time.perf_counter()
        make(steps).sample(mixture.score, here, rng=0)
        bench.wait()
        spent = time.perf_counter() - begin
        rate = bench.chains / spent
        yield Row(f"{name}, {steps:,} steps", "fp32", error, 1e-4, spent / steps * 1e3, rate, peak / 2**20)


CASES: list[Callable[[Bench], Iterator[Row]]] = [training, sampling, images]


# ---------------------------------------------------------------- the table


def options(arguments):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda (the default), cuda:1, cpu")
    parser.add_argument("--quick", action="store_true", help="small sizes, no torch.compile: does it run?")
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    given = options(arguments)
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        print("no CUDA device here: nothing was measured. --device cpu --quick runs the same code on the CPU.")
        return 2
    bench = Bench(torch.device(given.device), given.quick)
    where = torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else "CPU"
    print(f"{where}, torch {torch.__version__}; error: relative, against float64 on the CPU")
    print(HEADER)
    wrong = 0
    for case in CASES:
        for row in case(bench):
            print(line(row), flush=True)
            wrong += row.wrong
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
