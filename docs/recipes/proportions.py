"""Do the samples of a run keep the proportions of its data? Three samplers, one table.

``python docs/recipes/proportions.py runs/shapes-imbalanced`` draws images by plain Langevin, annealed Langevin and
consistent annealed sampling, as ``scorekit sample`` does, classifies them as ``scorekit evaluate`` does, and prints the
proportion of each class with its interval and the true proportion. Each sampler evaluates the network 300 times.
``--publish`` also writes the numbers to ``docs/results`` and the images to ``docs/figures``; ``python
docs/figures/make_results.py`` writes them into the pages.

The run folder keeps the samples: a second call draws only the missing ones.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from publishing import publish
from scipy.stats import binomtest

from scorekit.experiments import evaluate, sample

SAMPLERS = {
    "Langevin": {  # at a level where the images can be distinguished, from noise of the scale of the data
        "name": "langevin",
        "sigma_max": 1.0,
        "sigma_min": 0.2,
        "levels": 2,
        "steps": 300,
        "step_size": 0.008,
    },
    "annealed": {  # a step of 0.3 sigma² at the level sigma; the smallest level is 0.02
        "name": "annealed",
        "levels": 100,
        "steps_per_level": 3,
        "step_size": 0.3 * 0.02**2,
    },
    "consistent": {"name": "consistent", "levels": 300},
}


def measure(run: str, n: int, seeds: list[int], samplers: list[str]) -> dict[str, list[dict]]:
    """The results of ``evaluate`` for the samples of each sampler and seed."""
    found: dict[str, list[dict]] = {}
    for name in samplers:
        for seed in seeds:
            print(f"\n{name}, seed {seed}", file=sys.stderr)
            place = sample(run, n, block=min(n, 250), seed=seed, options=SAMPLERS[name])
            found.setdefault(name, []).append(evaluate(run, str(place)))
    return found


def pooled(seeds: list[dict]) -> list[tuple[float, float, float]]:
    """The proportion of each class among the samples of all seeds, with its 95 % interval."""
    n = sum(each["samples"] for each in seeds)
    counts = sum(np.round(np.array(each["proportions"]) * each["samples"]).astype(int) for each in seeds)
    intervals = [binomtest(int(count), n).proportion_ci(method="wilson") for count in counts]
    return [(count / n, low, high) for count, (low, high) in zip(counts, intervals, strict=True)]


def table(found: dict[str, list[dict]]) -> list[list[str]]:
    """A row for the classes, one for the truth, and one for each sampler."""
    first = next(iter(found.values()))[0]
    rows = [
        ["", *first["classes"], "total variation"],
        ["truth", *(f"{proportion:.3f}" for proportion in first["truth"]), ""],
    ]
    for name, seeds in found.items():
        apart = sorted(each["total_variation"] for each in seeds)
        spread = f" ({apart[0]:.3f} to {apart[-1]:.3f})" if len(apart) > 1 else ""
        cells = (f"{proportion:.3f} ({low:.3f} to {high:.3f})" for proportion, low, high in pooled(seeds))
        rows.append([name, *cells, f"{np.median(apart):.3f}{spread}"])
    return rows


def main() -> None:
    """Sample, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="the folder of a run on shapes")
    parser.add_argument("-n", type=int, default=1000, help="images of each sampler and seed (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the samples (default: 0)")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--name", default="", help="name of the published files (default: that of the experiment)")
    parser.add_argument("--publish", action="store_true", help="write docs/results and docs/figures")
    options = parser.parse_args()
    found = measure(options.run, options.n, options.seeds, options.samplers)
    rows = table(found)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"{options.n} samples for each of the seeds {options.seeds}; 95 % intervals of all together")
    if options.publish:
        publish(options.run, options.name, found["consistent"][0]["folder"], {"table": rows, "measured": found})


if __name__ == "__main__":
    main()
