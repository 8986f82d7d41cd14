"""A banana-shaped distribution: the score learned by sliced score matching, and Langevin chains."""

from __future__ import annotations

from typing import Any

import scorekit as sk
from scorekit.cli.demo.bench import Bench, table

__all__ = ["run"]

BOX = ((-6.0, 6.0), (-6.0, 13.0))


def run(bench: Bench) -> None:
    """Learn the score without noise, compare the fields, and run Langevin chains."""
    banana = sk.distributions.Banana()
    steps, walk = bench.pick(2500, 400), bench.pick(1000, 200)
    data, held_out = bench.draw(banana, 10_000, 1), bench.draw(banana, 4000, 2)
    sampler = sk.samplers.Langevin(step_size=0.05, steps=walk)
    with bench.stage("banana", steps + walk):
        objective = sk.objectives.SlicedScoreMatching()
        fitted = bench.train(bench.network(conditional=False), objective, data, steps, rate=4e-3, batch=256)
        samples = sampler.sample(
            fitted.model, held_out[:2000], rng=bench.rng(3), keep_every=max(1, walk // 100), callback=bench.tick
        )
    error = sk.metrics.score_error(fitted.model, banana, held_out)
    distance = sk.metrics.sliced_wasserstein(samples.x, held_out[2000:])
    floor = sk.metrics.sliced_wasserstein(held_out[:2000], held_out[2000:])
    table(
        "banana: field learned by SSM-VR, and Langevin samples",
        ["measured on held-out data", "value"],
        [
            ["relative l2 of the score", f"{error.relative_l2:.3f} ± {error.relative_l2_stderr:.3f}"],
            ["½ E|s − s*|²", f"{error.esm:.3f} ± {error.esm_stderr:.3f}"],
            ["cosine", f"{error.cosine:.4f}"],
            ["sliced Wasserstein, samples to held-out", f"{distance:.3f}"],
            ["sliced Wasserstein, two held-out halves", f"{floor:.3f}"],
        ],
    )
    _draw(bench, banana, fitted, samples, held_out)


def _draw(bench: Bench, banana: Any, fitted: Any, samples: Any, held_out: Any) -> None:
    figure, axes = sk.plot.panels(3, 2)
    for ax, field, name in ((axes[0], banana.score, "true score"), (axes[1], fitted.model, "learned score")):
        sk.plot.score_field(field, ax, limits=BOX, density=banana, scale_by=banana.score, like=bench.like)
        ax.set_title(name)
    sk.plot.score_error(fitted.model, banana, axes[2], limits=BOX, like=bench.like)
    axes[2].set_title("error")
    sk.plot.chains(samples.trajectory[:, :12], axes[3], limits=BOX, background=banana)
    axes[3].set_title("Langevin chains")
    sk.plot.samples(samples.x, axes[4], reference=held_out, limits=BOX)
    axes[4].set_title("Langevin samples")
    sk.plot.history(fitted.history, axes[5])
    axes[5].set_title("training")
    bench.write(figure, "banana.png")
