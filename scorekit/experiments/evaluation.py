"""Evaluate the samples of a run: metrics with uncertainties, and figures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import scorekit as sk
from scorekit._checks import check_path
from scorekit._tables import text_table
from scorekit.experiments.comparison import FEWEST, cells, components, feature_distances
from scorekit.experiments.content import content_of
from scorekit.experiments.features import PixelFeatures, features_of, function_in
from scorekit.experiments.folder import RunFolder
from scorekit.experiments.labeling import corrected_proportions
from scorekit.experiments.parts import Parts
from scorekit.experiments.sampling import newest_samples, read_samples
from scorekit.storage.files import replacing

__all__ = ["evaluate"]


def evaluate(
    run: str | os.PathLike[str],
    samples: str | os.PathLike[str] | None = None,
    *,
    classifier: str | None = None,
    features: str | None = None,
    device: str | None = None,
    changes: Sequence[str] = (),
) -> dict[str, Any]:
    """Compute metrics of samples, print tables, and write ``evaluation.json`` and figures to their folder.

    - Nearest neighbors: a test whether samples are copies of training images.
    - Proportions of the classes in samples and data, if the data have labels or ``classifier`` is given. For ``shapes``
      a classifier is built in. For other data with labels, a nearest-neighbor classifier of pixels is trained on the
      training images, and the proportions are corrected for its confusions on the held-out images, which are printed.
    - Fréchet and kernel distance, precision, recall, density and coverage of samples to held-out images, with standard
      errors, and the same of training images to held-out images, the values of a perfect model. They are computed from
      ``features``. Without, they are computed from the principal components of pixels, and the table says so: pixels
      are poor features, but they show gross faults.

    Args:
        run: the folder of a run.
        samples: the folder of samples; None for the newest samples of the run.
        classifier: ``FILE.py:NAME``, a function that maps images ``(n, c, h, w)`` to labels or probabilities.
        features: ``FILE.py:NAME``, a function that maps images ``(n, c, h, w)`` to features ``(n, d)``; None: pixels.
        device: the device for the computation; None for the device of the run.
        changes: the path of data that have moved, such as ``"data.path=/new/place"``, relative to the current folder.

    Returns:
        The content of ``evaluation.json``.

    Raises:
        ValueError: the run has no samples yet; the function in ``classifier`` or ``features`` is missing or raises an
            error.
        CheckpointError: ``run`` or its samples cannot be read, or the data are not those of the training.

    >>> from scorekit import experiments
    >>> found = experiments.evaluate("runs/digits")  # doctest: +SKIP
    """
    function = None if features is None else function_in(features, "--features")
    given = None if classifier is None else function_in(classifier, "--classifier")
    folder = RunFolder.open(run, device, changes)
    place = newest_samples(folder.path) if samples is None else check_path(samples, "--samples")
    images = read_samples(place)
    parts = Parts(folder.experiment, folder.facts)
    folder.check_data(content_of(parts.data))
    learned_from, held_out = parts.data
    found: dict[str, Any] = {"samples": len(images), "folder": place.name}
    print(f"{len(images)} samples in {place}")
    if held_out is None:
        print("held_out is 0 and the data have no test set: no test for copies, no distances to held-out images")
    else:
        found |= _copies(place, images, learned_from.images, held_out.images)
    classify = _classifier(learned_from) if given is None else given
    _write(place, found)
    if classify is not None:
        found |= _proportions(images, classify, learned_from)
    elif learned_from.labels is not None and held_out is not None:
        found |= _corrected(images, learned_from, held_out)
    _write(place, found)
    if held_out is not None:
        found |= _distances(images, held_out, learned_from, function, features)
        _write(place, found)
    pictures = "" if held_out is None else f", {place / 'neighbors.png'}"
    print(f"\nwritten: {place / 'evaluation.json'}{pictures}")
    return found


def _write(place: Path, found: dict[str, Any]) -> None:
    """Write the metrics so far, because a later one may fail."""
    with replacing(place / "evaluation.json") as new:
        new.write_text(json.dumps(found, indent=1))


def _copies(place: Path, images: Any, training: Any, held_out: Any) -> dict[str, Any]:
    memory = sk.metrics.memorization(images, training, held_out)
    print(f"\n{memory}")
    ax = sk.plot.nearest_neighbors(images[:16], training, k=2, limits=(0.0, 1.0))
    sk.plot.write(ax.figure, place / "neighbors.png", close=True)
    return {"near_proportion": memory.proportion, "near_expected": memory.expected, "near_p_value": memory.p_value}


def _classifier(data: Any) -> Callable[[Any], Any] | None:
    """The classifier that comes with these data."""
    if data.name == "shapes":
        return lambda images: sk.datasets.classify_shapes(images, data.classes).labels
    return None


def _proportions(images: Any, classify: Callable[[Any], Any], data: Any) -> dict[str, Any]:
    truth = None if data.labels is None else data.counts / len(data)
    proportions = sk.metrics.class_proportions(images, classify, truth, data.classes or None)
    print(f"\n{proportions}")
    return {
        "classes": list(map(str, proportions.classes)),
        "proportions": proportions.proportions.tolist(),
        "proportions_lower": proportions.lower.tolist(),
        "proportions_upper": proportions.upper.tolist(),
        "truth": None if truth is None else truth.tolist(),
        "total_variation": proportions.total_variation,
        "proportions_p_value": proportions.p_value,
    }


def _corrected(images: Any, training: Any, held_out: Any) -> dict[str, Any]:
    found = corrected_proportions(images, training, held_out)
    print(f"\n{found}")
    return {
        "classes": list(found.classes),
        "proportions": found.proportions.tolist(),
        "proportions_lower": found.lower.tolist(),
        "proportions_upper": found.upper.tolist(),
        "truth": found.truth.tolist(),
        "total_variation": found.total_variation,
        "proportions_p_value": found.p_value,
        "classifier": found.classifier,
        "classifier_accuracy": found.accuracy,
        "confusion": [[None if np.isnan(p) else p for p in row] for row in found.confusion.tolist()],
    }


def _distances(
    images: Any, held_out: Any, training: Any, function: Callable[[Any], Any] | None, name: str | None
) -> dict[str, Any]:
    """Distances of samples, and of as many training images, to the held-out images."""
    order = np.random.default_rng(0).permutation(len(training))
    seen, rest = np.split(order, [min(len(images), len(training) // 2)])
    sizes = len(images), len(held_out), len(seen)
    if function is None and min(sizes) < FEWEST:
        print(
            f"\nno distances on pixels for {sizes[0]} samples, {sizes[1]} held-out and {sizes[2]} training images: "
            f"they need at least {FEWEST} of each"
        )
        return {}
    if function is None:  # components of images that are not compared, see PixelFeatures.of
        function = PixelFeatures.of(training[np.sort(rest)].images).first(components(*sizes))
        name = f"{function} of training images"
    sets = (images, held_out.images, training[np.sort(seen)].images)
    made, real, known = (features_of(x, function, name or "") for x in sets)
    (ours, notes), (best, _) = feature_distances(made, real), feature_distances(known, real)
    lines = [(*cells(a)[:3], *cells(b)[1:3]) for a, b in zip(ours, best, strict=True)]
    print(f"\n{sizes[0]} samples, and {sizes[2]} training images, to {sizes[1]} held-out images; features: {name}")
    print(text_table(("", "samples", "±", "real images", "±"), lines, left=(0,)), *notes, sep="\n")
    found: dict[str, Any] = {"features": name}
    for a, b in zip(ours, best, strict=True):
        found |= {a.metric: a.value, f"{a.metric}_stderr": a.stderr}
        found |= {f"{a.metric}_real": b.value, f"{a.metric}_real_stderr": b.stderr}
    return found
