"""The Swiss roll: four objectives on the same data, and samples from Langevin and annealed Langevin."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
from scorekit.cli.demo.bench import Bench, table
from scorekit.protocols import Array

__all__ = ["run"]

SIGMA_MAX, SIGMA_MIN, SIGMA_DSM = 3.0, 0.02, 0.1
BOX = ((-1.8, 1.8), (-1.6, 2.2))  # space for the legends above the roll
FLOOR_PAIRS = 8


class _Learned(NamedTuple):
    """A learned score, its noise level, and samples drawn with it."""

    model: Any
    sigma: float | None
    samples: Array
    sampler: str


def run(bench: Bench) -> None:
    """Train with four objectives, sample with each model, and compare the samples with held-out data."""
    roll = sk.distributions.SwissRoll()
    data = bench.draw(roll, 10_000, 1)
    n = bench.pick(4000, 1500)
    held_out = bench.draw(roll, n, 2)
    steps, walk, levels = bench.pick(1500, 150), bench.pick(500, 80), bench.pick(100, 40)
    longer = steps + steps // 3  # all levels at once need more steps, which are cheaper
    with bench.stage("swiss-roll", 3 * (steps + walk) + longer + levels + 1):
        learned = _single_level(bench, data, n, steps, walk)
        learned["NCSN"] = _noise_conditional(bench, data, n, longer, levels)
    _print(bench, roll, learned, held_out, n)
    _draw(bench, roll, learned, held_out)


def _single_level(bench: Bench, data: Array, n: int, steps: int, walk: int) -> dict[str, _Learned]:
    """ISM, SSM and DSM: one score each, and plain Langevin from uniform initial points."""
    objectives = {
        "ISM": (sk.objectives.ImplicitScoreMatching(), None),
        "SSM": (sk.objectives.SlicedScoreMatching(), None),
        "DSM": (sk.objectives.DenoisingScoreMatching(SIGMA_DSM, "control"), SIGMA_DSM),
    }
    start = 3.6 * bench.rng(3).uniform((n, 2), like=bench.like) - 1.8
    learned = {}
    for i, (name, (objective, sigma)) in enumerate(objectives.items()):
        fitted = bench.train(bench.network(conditional=False), objective, data, steps, rate=4e-3, batch=256)
        sampler = sk.samplers.Langevin(step_size=1e-3, steps=walk)
        samples = sampler.sample(fitted.model, start, rng=bench.rng(4, i), callback=bench.tick)
        learned[name] = _Learned(fitted.model, sigma, samples.x, "Langevin")
    return learned


def _noise_conditional(bench: Bench, data: Array, n: int, steps: int, levels: int) -> _Learned:
    """Train at all noise levels at once, and sample with annealed Langevin from the largest one."""
    numbers = bench.backend.to_numpy(data)
    mean, spread = float(numbers.mean()), float(numbers.std())
    net = sk.models.Preconditioned(bench.network(conditional=True), sigma_data=float(np.sqrt((numbers**2).mean())))
    objective = sk.objectives.NoiseConditional(sk.noise.LogUniform(SIGMA_MAX, SIGMA_MIN))
    fitted = bench.train(net, objective, data, steps, rate=8e-3, batch=512)
    noise_levels = sk.noise.Geometric(SIGMA_MAX, SIGMA_MIN, levels)
    start = sk.samplers.initial(noise_levels, (n, 2), rng=bench.rng(5), like=bench.like, mean=mean, std=spread)
    sampler = sk.samplers.AnnealedLangevin(noise_levels, steps_per_level=1, step_size=0.6 * SIGMA_MIN**2)
    samples = sampler.sample(fitted.model, start, rng=bench.rng(6), callback=bench.tick)
    return _Learned(fitted.model, SIGMA_DSM, samples.x, "annealed Langevin")


def _print(bench: Bench, roll: Any, learned: dict[str, _Learned], held_out: Array, n: int) -> None:
    rows = []
    for name, found in learned.items():
        points = held_out if found.sigma is None else bench.draw(roll.smoothed(found.sigma), n, 7)
        error = sk.metrics.score_error(found.model, roll, points, found.sigma)
        distance = sk.metrics.sliced_wasserstein(found.samples, held_out)
        level = "none" if found.sigma is None else f"{found.sigma:g}"
        rows.append([name, level, f"{error.relative_l2:.3f} ± {error.relative_l2_stderr:.3f}", f"{error.cosine:.3f}",
                     found.sampler, f"{distance:.4f}"])  # fmt: skip
    pairs = [
        sk.metrics.sliced_wasserstein(bench.draw(roll, n, 8, i), bench.draw(roll, n, 9, i)) for i in range(FLOOR_PAIRS)
    ]
    rows.append(
        ["two held-out halves", "", "", "", f"mean of {FLOOR_PAIRS}, sd {np.std(pairs):.4f}", f"{np.mean(pairs):.4f}"]
    )
    table(
        f"swiss-roll: score and samples for each objective, {n} chains",
        ["objective", "sigma", "relative l2 of the score", "cosine", "sampler", "sliced W2 to held-out"],
        rows,
    )


def _draw(bench: Bench, roll: Any, learned: dict[str, _Learned], held_out: Array) -> None:
    """One column per score, with its samples below; true scores are left of the learned ones."""
    figure, axes = sk.plot.panels(6, 2, title="Swiss roll: true and learned scores, samples and held-out data")
    noisy = bench.draw(roll.smoothed(SIGMA_DSM), held_out.shape[0], 10)
    columns: list[tuple[str, Any, float | None, Array, str]] = [
        ("true", roll.score, None, held_out, "held-out data"),
        *(_column(name, learned[name]) for name in ("ISM", "SSM")),
        ("true", roll.score, SIGMA_DSM, noisy, f"held-out data, noise {SIGMA_DSM:g}"),
        *(_column(name, learned[name]) for name in ("DSM", "NCSN")),
    ]
    for i, (name, field, sigma, samples, title) in enumerate(columns):
        sk.plot.score_field(
            field, axes[i], limits=BOX, sigma=sigma, density=roll, scale_by=roll.score, like=bench.like, grid=24
        )
        axes[i].set_title(f"{name} score, " + ("no noise" if sigma is None else f"sigma = {sigma:g}"))
        reference = None if name == "true" else noisy if name == "DSM" else held_out
        sk.plot.samples(samples, axes[6 + i], reference=reference, limits=BOX, labels=("samples", "held-out"))
        axes[6 + i].set_title(title)
    bench.write(figure, "swiss-roll.png")


def _column(name: str, found: _Learned) -> tuple[str, Any, float | None, Array, str]:
    return name, found.model, found.sigma, found.samples, f"{name} with {found.sampler}"
