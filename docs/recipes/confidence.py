"""Does a classifier of real images know what generated ones are?

``python docs/recipes/confidence.py digits runs/digits/samples/consistent-400-seed0/samples.npy`` trains the classifier
of ``classifier.py`` on nine tenths of a data set of ``sk.datasets`` (``digits``, ``fashion_mnist``) and prints, for the
tenth that it has not seen and for the samples, the share of images that it is more than 0.9 sure of, with its interval,
and the shares of the classes.
"""

from __future__ import annotations

import sys

import numpy as np
from classifier import accuracy, confidence, probabilities, train_classifier
from scipy.stats import binomtest

import scorekit as sk

SURE = 0.9


def sure(model, images: np.ndarray) -> str:
    """The share of images whose likeliest class has a probability above 0.9, with its 95 % interval."""
    count, n = int((confidence(model, images) > SURE).sum()), len(images)
    low, high = binomtest(count, n).proportion_ci(method="wilson")
    return f"{count / n:.3f} ({low:.3f} to {high:.3f}) of {n}"


def main(name: str, path: str) -> None:
    """Print the table."""
    seen, unseen = getattr(sk.datasets, name)().split(0.9, rng=1)
    samples = np.load(path, allow_pickle=False)
    model = train_classifier(seen.images, seen.labels, rng=0)
    print(f"accuracy on images it has not seen: {accuracy(model, unseen.images, unseen.labels):.3f}")
    print(f"surer than {SURE} of real images:    {sure(model, unseen.images)}")
    print(f"surer than {SURE} of the samples:    {sure(model, samples)}")
    truth = seen.counts / len(seen)
    print(sk.metrics.class_shares(samples, lambda x: probabilities(model, x), truth, seen.classes))


if __name__ == "__main__":
    main(*sys.argv[1:])
