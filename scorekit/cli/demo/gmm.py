"""Two well separated components with unequal weights: plain Langevin gives wrong proportions, annealed right ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
from scorekit.cli.demo.bench import Bench, table

__all__ = ["run"]

MIXTURE = ((0.8, 0.2), ((5.0, 5.0), (-5.0, -5.0)))
SIGMA_MAX, SIGMA_MIN = 30.0, 0.1
SHOWN = 1.0  # the noise level of the plotted fields
BOX = (-10.0, 10.0)


def noise_levels() -> sk.noise.Levels:
    """Noise levels that are dense from 8 to 2.5, where the smoothed modes separate and set the proportions."""
    far, between, near = np.geomspace(20, 8, 4), np.geomspace(8, 2.5, 16), np.geomspace(2.5, 0.1, 10)
    return sk.noise.Levels((*far[:-1], *between, *near[1:]))


class _Chains(NamedTuple):
    """Mode proportions and trajectories of the four sampling methods."""

    proportions: dict[str, Any]
    trajectories: dict[str, Any]


def run(bench: Bench) -> None:
    """Learn the score at all noise levels, compare the fields, and sample with four methods."""
    mixture = sk.distributions.GaussianMixture(*MIXTURE, 1.0)
    steps, levels = bench.pick(3000, 300), noise_levels()
    per_level, plain_steps = bench.pick(60, 10), bench.pick(1000, 150)
    data = bench.draw(mixture, 10_000, 1)
    with bench.stage("gmm", steps + 2 * (per_level * len(levels) + 1) + 2 * plain_steps):
        net = sk.models.Preconditioned(bench.network(conditional=True), sigma_data=5.0)
        objective = sk.objectives.NoiseConditional(sk.noise.LogUniform(SIGMA_MAX, SIGMA_MIN))
        fitted = bench.train(net, objective, data, steps, rate=8e-3, batch=512)
        chains = _sample(bench, mixture, fitted.model, levels, per_level, plain_steps)
    report = sk.metrics.score_error_report(
        fitted.model,
        mixture,
        sk.noise.Geometric(SIGMA_MAX, SIGMA_MIN, 6),
        n=bench.pick(2000, 500),
        rng=bench.rng(4),
        like=bench.like,
    )
    _print(report, chains.proportions)
    _draw_fields(bench, mixture, fitted.model)
    _draw_measurements(bench, report, chains.proportions, fitted.history)
    _draw_chains(bench, mixture, chains)


def _sample(bench: Bench, mixture: Any, model: Any, levels: Any, per_level: int, plain_steps: int) -> _Chains:
    """Plain and annealed Langevin, each with the exact and with the learned score."""
    annealed = sk.samplers.AnnealedLangevin(levels, per_level, step_size=0.2 * levels.smallest**2)
    plain = sk.samplers.Langevin(step_size=0.1, steps=plain_steps)
    n = bench.pick(4000, 1000)
    spread = 20.0 * bench.rng(2).uniform((n, 2), like=bench.like) - 10.0
    noisy = sk.samplers.initial(levels, (n, 2), rng=bench.rng(3), like=bench.like, std=5.0)
    learned_at = sk.models.at(model, SIGMA_MIN)
    ways = {
        "Langevin, exact score": (plain, mixture.score, spread),
        "Langevin, learned field": (plain, learned_at, spread),
        "annealed, exact score": (annealed, mixture.score, noisy),
        "annealed, learned field": (annealed, model, noisy),
    }
    proportions, trajectories = {}, {}
    for i, (name, (sampler, score, start)) in enumerate(ways.items()):
        length = plain_steps if sampler is plain else per_level * len(levels) + 1
        samples = sampler.sample(
            score, start, rng=bench.rng(5, i), keep_every=max(1, length // bench.pick(45, 8)), callback=bench.tick
        )
        proportions[name] = sk.metrics.mode_weights(samples.x, mixture)
        trajectories[name] = samples.trajectory
    return _Chains(proportions, trajectories)


def _print(report: Any, proportions: dict[str, Any]) -> None:
    sigmas = list(dict.fromkeys(row.sigma for row in report))
    regions = list(dict.fromkeys(row.region for row in report))
    cells = {(row.sigma, row.region): row.error for row in report}
    table(
        "gmm: relative l2 error of the learned field, by noise level and density region",
        ["sigma", *regions, "½ E|s − s*|²", "cosine"],
        [
            [f"{sigma:.3g}", *(f"{cells[sigma, r].relative_l2:.3f} ± {cells[sigma, r].relative_l2_stderr:.3f}" for r in
             regions), f"{cells[sigma, 'all'].esm:.2g}", f"{cells[sigma, 'all'].cosine:.4f}"]
            for sigma in sigmas
        ],
    )  # fmt: skip
    table(
        f"gmm: proportion of the mode of weight {MIXTURE[0][0]}, with 95 % intervals",
        ["sampler", "proportion", "interval", "error", "chains"],
        [
            [name, f"{w.proportions[0]:.3f}", f"[{w.lower[0]:.3f}, {w.upper[0]:.3f}]",
             f"{abs(w.proportions[0] - w.truth[0]):.3f}", str(w.n)]
            for name, w in proportions.items()
        ],
    )  # fmt: skip
    print(
        "  Plain Langevin cannot move between well separated modes, so mode proportions stay those of the initial "
        "points.\n"
        "  Annealed Langevin sets them at sigma from 8 to 2.5, where the smoothed modes separate."
    )


def _draw_fields(bench: Bench, mixture: Any, model: Any) -> None:
    figure, axes = sk.plot.panels(3, title=f"Two Gaussians with weights 0.8 and 0.2, smoothed at sigma = {SHOWN:g}")
    for ax, field, name in ((axes[0], mixture.score, "true"), (axes[1], model, "learned")):
        sk.plot.score_field(
            field, ax, limits=BOX, sigma=SHOWN, density=mixture, scale_by=mixture.score, like=bench.like
        )
        ax.set_title(f"{name} score, over the true density")
    sk.plot.score_error(model, mixture, axes[2], limits=BOX, sigma=SHOWN, like=bench.like)
    axes[2].set_title("error")
    bench.write(figure, "gmm-fields.png")


def _draw_measurements(bench: Bench, report: Any, proportions: dict[str, Any], history: Any) -> None:
    figure, axes = sk.plot.panels(3)
    sk.plot.history(history, axes[0])
    axes[0].set_title("training")
    sk.plot.error_levels(report, axes[1])
    axes[1].set_title("error of the learned field")
    sk.plot.mode_proportions(proportions, axes[2])
    axes[2].set_title(f"proportion of the mode of weight {MIXTURE[0][0]}")
    bench.write(figure, "gmm-measurements.png")


def _draw_chains(bench: Bench, mixture: Any, chains: _Chains) -> None:
    figure, axes = sk.plot.panels(2, 2, title=f"Proportion of the mode of weight {MIXTURE[0][0]}, upper right")
    for ax, (name, trajectory) in zip(axes, chains.trajectories.items(), strict=True):
        sk.plot.samples(trajectory[-1], ax, reference=bench.draw(mixture, 4000, 6), limits=BOX)
        ax.set_title(f"{name}: {chains.proportions[name].proportions[0]:.3f}")
    bench.write(figure, "gmm-samples.png")
    films = (("langevin", "Langevin, learned field", 10.0), ("annealed", "annealed, learned field", 25.0))
    for name, key, reach in films:
        path = bench.folder / f"gmm-{name}.gif"
        sk.plot.animate_chains(chains.trajectories[key][:, :500], path, background=mixture, limits=reach)
        bench.written.append(path)
