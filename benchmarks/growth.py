"""How cost grows with dimension, batch, levels, steps and chains: slopes on logarithmic axes.

``OPENBLAS_NUM_THREADS=1 python benchmarks/growth.py`` measures, writes benchmarks/results/growth.json and draws
docs/figures/growth.png; ``--quick`` runs the smallest sizes once and writes nothing.

At small sizes fixed overhead dominates. A slope is therefore fitted to the sizes whose time is at least
:data:`OVERHEAD` times that of the smallest size, so that the overhead, which the smallest size has too, is at most an
eighth of each. If fewer than three sizes are that slow, the cost hardly grows, and all sizes are used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import scorekit as sk
from benchmarks import cases
from benchmarks.sampling import mixture
from benchmarks.timing import repeated, take_turns

ROOT = Path(__file__).resolve().parents[1]
RESULT, FIGURE = ROOT / "benchmarks/results/growth.json", ROOT / "docs/figures/growth.png"
OVERHEAD, ROUNDS = 8.0, 5
OBJECTIVES = ("DSM", "NCSN", "SSM-VR", "ISM, Hutchinson", "ISM, exact")


@dataclass(frozen=True)
class Curve:
    """The cost of one thing at growing sizes, and the slope of its logarithm."""

    axis: str
    name: str
    expected: float
    unit: str
    sizes: list[float]
    costs: list[float]
    fitted: list[float]
    exponent: float
    standard_error: float


def fit(sizes, costs) -> tuple[list[float], float, float]:
    """The sizes that count, the least-squares slope of log cost on log size through them, and its standard error."""
    sizes, costs = np.asarray(sizes, dtype=float), np.asarray(costs, dtype=float)
    counted = costs >= OVERHEAD * costs[np.argmin(sizes)]
    if counted.sum() < 3:
        counted[:] = True
    x, y = np.log(sizes[counted]), np.log(costs[counted])
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    off = y - y.mean() - slope * x
    return sizes[counted].tolist(), slope, float(np.sqrt(off @ off / (len(x) - 2) / (x @ x)))


def curve(axis, name, expected, sizes, costs, unit="s") -> Curve:
    rounded = [float(f"{cost:.4g}") for cost in costs]
    counted, slope, error = fit(sizes, rounded)
    return Curve(axis, name, expected, unit, list(sizes), rounded, counted, round(slope, 3), round(error, 3))


def seconds(runs: Mapping[object, Callable[[], object]], rounds: int) -> list[float]:
    """The median time of each, taking turns."""
    many = {size: repeated(run) for size, run in runs.items()}
    spent = take_turns({size: run for size, (run, _) in many.items()}, rounds)
    return [float(np.median(spent[size])) / times for size, (_, times) in many.items()]


# ---------------------------------------------------------------- objectives on tensors, of a black-box network


def loss(name, batch, d):
    """A function that computes loss and gradient; of the network alone, |s|² and its gradient."""
    net = cases.network("torch", "float32", d, conditional=name == "NCSN", hidden=(256, 256, 256))
    x = cases.data("torch", "float32", batch, d)
    if name == "the network alone":
        return lambda: net(x).square().sum().backward()
    if name == "NCSN":
        return cases.value_and_gradient("torch", cases.OBJECTIVES[name], net, x)
    return cases.value_and_gradient("torch", cases.OBJECTIVES[name], lambda z, sigma=None: net(z), x)


def dimension(sizes, rounds):
    """In units of the network alone, whose own first and last layer grow with d."""
    alone = np.array(seconds({d: loss("the network alone", 128, d) for d in sizes}, rounds))
    for name in OBJECTIVES:
        costs = np.array(seconds({d: loss(name, 128, d) for d in sizes}, rounds)) / alone
        yield curve("dimension", name, float(name == "ISM, exact"), sizes, costs, "networks")


def batch(sizes, rounds):
    for name in OBJECTIVES:
        yield curve("batch", name, 1.0, sizes, seconds({n: loss(name, n, 10) for n in sizes}, rounds))


# ---------------------------------------------------------------- levels, steps and chains


def noise_levels(levels):
    return sk.noise.Geometric(5.0, 0.1, levels)


def levels(sizes, rounds):
    net, x = cases.network("torch", "float32", 10, conditional=True), cases.data("torch", "float32", 128, 10)
    runs = {
        n: cases.value_and_gradient("torch", sk.objectives.NoiseConditional(noise_levels(n)), net, x) for n in sizes
    }
    yield curve("levels", "NCSN, loss and gradient", 0.0, sizes, seconds(runs, rounds))
    for backend in cases.BACKENDS:
        start = cases.data(backend, "float64", 1000, 2)
        runs = {n: sample(sk.samplers.AnnealedLangevin(noise_levels(n), 2, 1e-3), start) for n in sizes}
        yield curve("levels", f"annealed Langevin, {backend}", 1.0, sizes, seconds(runs, rounds))


def sample(sampler, start):
    score = mixture(2).score
    return lambda: sampler.sample(score, start, rng=0)


def steps(sizes, rounds):
    for backend in cases.BACKENDS:
        start = cases.data(backend, "float64", 1000, 2)
        runs = {n: sample(sk.samplers.Langevin(0.05, n), start) for n in sizes}
        yield curve("steps", f"Langevin, {backend}", 1.0, sizes, seconds(runs, rounds))


def chains(sizes, rounds):
    samplers = {
        "Langevin": sk.samplers.Langevin(0.05, 10),
        "annealed": sk.samplers.AnnealedLangevin(noise_levels(5), 2, 1e-3),
    }
    for name, sampler in samplers.items():
        for backend in cases.BACKENDS:
            runs = {n: sample(sampler, cases.data(backend, "float64", n, 2)) for n in sizes}
            yield curve("chains", f"{name}, {backend}", 1.0, sizes, seconds(runs, rounds))


STUDIES = {
    dimension: [4, 8, 16, 32, 64, 128, 256],
    batch: [16, 64, 256, 1024, 2048, 4096, 8192],
    levels: [2, 8, 32, 64, 128, 256, 512, 1024],
    steps: [2, 16, 64, 256, 1024, 2048, 4096],
    chains: [100, 1000, 10_000, 20_000, 50_000, 100_000, 200_000],
}


def measure(quick: bool) -> list[Curve]:
    found = []
    for study, sizes in STUDIES.items():
        for each in study(sizes[:4] if quick else sizes, 1 if quick else ROUNDS):
            print(f"{each.axis:10s} {each.name:26s} {each.exponent:6.3f} ± {each.standard_error:.3f}", flush=True)
            found.append(each)
    return found


def draw(curves: list[Curve], path: Path) -> None:
    """One panel an axis; the line is the fit, over the sizes that it used."""
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, 3, figsize=(11, 9), layout="constrained")
    *panels, empty = grid.flat
    empty.axis("off")
    for panel, axis in zip(panels, (study.__name__ for study in STUDIES), strict=True):
        for each in (c for c in curves if c.axis == axis):
            (drawn,) = panel.loglog(each.sizes, each.costs, "o", ms=4, label=f"{each.name}: {each.exponent:.2f}")
            x = np.array(each.fitted)
            y = np.log([each.costs[each.sizes.index(size)] for size in each.fitted])
            panel.loglog(x, np.exp(y.mean()) * (x / np.exp(np.log(x).mean())) ** each.exponent, color=drawn.get_color())
        panel.set(xlabel=axis, ylabel="networks" if axis == "dimension" else "seconds")
        panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure how cost grows, and fit the exponents.")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, once; nothing is written")
    quick = parser.parse_args(arguments).quick
    curves = measure(quick)
    if not quick:
        RESULT.write_text(json.dumps([asdict(each) for each in curves], indent=1) + "\n")
        draw(curves, FIGURE)


if __name__ == "__main__":
    main()
