"""How confident is a classifier of real images on generated images?

``python docs/recipes/confidence.py runs/digits`` trains the classifier of ``classifier.py`` on the training images of
the run and draws samples as ``scorekit sample`` does. It counts the held-out images and the samples with a confidence
above 0.9, and tests whether the classes have the right proportions and whether samples are copies.
``--publish`` writes the numbers to ``docs/results`` and the images to ``docs/figures``; ``python
docs/figures/make_results.py`` writes them into the pages.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from classifier import Classifier, accuracy, confidence, probabilities, train_classifier
from publishing import publish
from scipy.stats import binomtest

import scorekit as sk
from scorekit.datasets import ImageData
from scorekit.experiments import Parts, RunFolder, sample

SURE = 0.9


def proportion_of(sure: int, n: int) -> str:
    """A proportion with its 95 % interval."""
    low, high = binomtest(sure, n).proportion_ci(method="wilson")
    return f"{sure / n:.3f} ({low:.3f} to {high:.3f})"


def count_sure(model: Classifier, images: np.ndarray) -> int:
    """The number of images with a class whose probability is above 0.9."""
    return int((confidence(model, images) > SURE).sum())


def measure(run: str, n: int, seed: int, model: Classifier, seen: ImageData, unseen: ImageData) -> dict:
    """Draws and evaluates the samples of one seed."""
    place = sample(run, n, block=min(n, 100), seed=seed)
    images = np.load(place / "samples.npy", allow_pickle=False)
    proportions = sk.metrics.class_proportions(
        images, lambda x: probabilities(model, x), seen.counts / len(seen), seen.classes or None
    )
    copies = sk.metrics.memorization(images, seen.images, unseen.images)
    print(f"\nseed {seed}\n{proportions}\n{copies}", file=sys.stderr)
    return {
        "folder": place.name,
        "sure": count_sure(model, images),
        "samples": len(images),
        "proportions_p_value": proportions.p_value,
        "total_variation": proportions.total_variation,
        "near_p_value": copies.p_value,
    }


def table(known: float, real: tuple[int, int], seeds: list[dict]) -> list[list[str]]:
    """The results as a table; for values of several seeds the median with the smallest and the largest."""

    def middle(key: str, form: str) -> str:
        values = sorted(each[key] for each in seeds)
        return f"{np.median(values):{form}} ({values[0]:{form}} to {values[-1]:{form}})"

    together = proportion_of(sum(each["sure"] for each in seeds), sum(each["samples"] for each in seeds))
    apart = sorted(each["sure"] / each["samples"] for each in seeds)
    return [
        ["", "images", "value"],
        ["classes that the classifier knows", f"{real[1]} held-out images", f"{known:.3f}"],
        [f"surer than {SURE}, with 95 % interval", f"{real[1]} held-out images", proportion_of(*real)],
        [f"surer than {SURE}, with 95 % interval", f"{len(seeds)} × {seeds[0]['samples']} samples", together],
        ["the same, from seed to seed", "", f"{apart[0]:.3f} to {apart[-1]:.3f}"],
        [
            "total variation of the classes' proportions from those of the data",
            "each seed",
            middle("total_variation", ".3f"),
        ],
        ["p-value of equal proportions", "each seed", middle("proportions_p_value", ".2g")],
        ["p-value of no copies of training images", "each seed", middle("near_p_value", ".2g")],
    ]


def main() -> None:
    """Train the classifier, sample, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="the folder of a run on images with classes")
    parser.add_argument("-n", type=int, default=400, help="samples of each seed (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the samples (default: 0 1 2)")
    parser.add_argument("--name", default="", help="name of the published files (default: that of the experiment)")
    parser.add_argument("--steps", type=int, default=800, help="of the classifier's training (default: %(default)s)")
    parser.add_argument("--publish", action="store_true", help="write docs/results and docs/figures")
    options = parser.parse_args()
    seen, unseen = Parts(RunFolder.open(Path(options.run)).experiment).data
    model = train_classifier(seen.images, seen.labels, steps=options.steps, rng=0)
    known, real = accuracy(model, unseen.images, unseen.labels), (count_sure(model, unseen.images), len(unseen))
    seeds = [measure(options.run, options.n, seed, model, seen, unseen) for seed in options.seeds]
    rows = table(known, real, seeds)
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, (62, 24, 0), strict=True)).rstrip())
    if options.publish:
        publish(options.run, options.name, seeds[0]["folder"], {"table": rows, "measured": seeds})


if __name__ == "__main__":
    main()
