"""Evaluate the samples of a run: metrics with uncertainties, and figures."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import scorekit as sk
from scorekit._checks import check_path
from scorekit.errors import InvalidValueError
from scorekit.experiments.content import content_of
from scorekit.experiments.folder import RunFolder
from scorekit.experiments.parts import Parts
from scorekit.experiments.sampling import read_samples
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
    - Proportions of the classes in samples and data, with ``classifier``; for ``shapes`` a classifier is built in.
    - Fréchet distance, kernel distance, precision and recall with ``features``, each with its value for real images.

    Args:
        run: the folder of a run.
        samples: the folder of samples; None for the newest samples of the run.
        classifier: ``FILE.py:NAME``, a function that maps images ``(n, c, h, w)`` to labels or probabilities.
        features: ``FILE.py:NAME``, a function that maps images ``(n, c, h, w)`` to features ``(n, d)``.
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
    folder = RunFolder.open(run, device, changes)
    place = _newest(folder.path) if samples is None else check_path(samples, "--samples")
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
    classify = _classifier(learned_from, classifier)
    _write(place, found)
    if classify is not None:
        found |= _proportions(images, classify, parts)
        _write(place, found)
    if features is not None and held_out is not None:
        found |= _distances(images, held_out.images, learned_from.images, _function(features, "--features"))
        _write(place, found)
    pictures = "" if held_out is None else f", {place / 'neighbors.png'}"
    print(f"\nwritten: {place / 'evaluation.json'}{pictures}")
    return found


def _write(place: Path, found: dict[str, Any]) -> None:
    """Write the metrics so far, because a later one may fail."""
    with replacing(place / "evaluation.json") as new:
        new.write_text(json.dumps(found, indent=1))


def _newest(run: Path) -> Path:
    places = sorted(run.glob("samples/*/block-*.npy"), key=lambda path: path.stat().st_mtime)
    if not places:
        raise InvalidValueError(f"{run} has no samples yet: run scorekit sample {run} -n 1000")
    return places[-1].parent


def _copies(place: Path, images: Any, training: Any, held_out: Any) -> dict[str, Any]:
    memory = sk.metrics.memorization(images, training, held_out)
    print(f"\n{memory}")
    ax = sk.plot.nearest_neighbors(images[:16], training, k=2, limits=(0.0, 1.0))
    sk.plot.write(ax.figure, place / "neighbors.png", close=True)
    return {"near_proportion": memory.proportion, "near_expected": memory.expected, "near_p_value": memory.p_value}


def _classifier(data: Any, given: str | None) -> Callable[[Any], Any] | None:
    if given is not None:
        return _function(given, "--classifier")
    if data.name == "shapes":
        return lambda images: sk.datasets.classify_shapes(images, data.classes).labels
    return None


def _proportions(images: Any, classify: Callable[[Any], Any], parts: Parts) -> dict[str, Any]:
    data = parts.data[0]
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


def _distances(images: Any, held_out: Any, training: Any, features: Callable[[Any], Any]) -> dict[str, Any]:
    made, real, seen = (np.asarray(features(x)) for x in (images, held_out, training[: len(images)]))
    rows = {
        "frechet": (sk.metrics.frechet_distance(made, real), sk.metrics.frechet_distance(seen, real)),
        "kernel": (float(sk.metrics.kernel_distance(made, real)[0]), float(sk.metrics.kernel_distance(seen, real)[0])),
    }
    both = sk.metrics.precision_recall(real, made)
    print("\nfeatures                samples to held-out   real to held-out")
    for name, (ours, floor) in rows.items():
        print(f"{name:22s} {float(ours):20.4g} {float(floor):18.4g}")
    print(f"{both}")
    return {name: float(ours) for name, (ours, _) in rows.items()} | {
        f"{name}_floor": float(floor) for name, (_, floor) in rows.items()
    }


def _function(text: str, option: str) -> Callable[[Any], Any]:
    """The function NAME of the file FILE.py, which is executed."""
    file, colon, name = text.rpartition(":")
    path = Path(file)
    spec = importlib.util.spec_from_file_location(path.stem, path) if colon and path.is_file() else None
    if spec is None or spec.loader is None:
        raise InvalidValueError(f"{option} {text!r}: expected FILE.py:NAME, a function in a Python file that exists.")
    module = importlib.util.module_from_spec(spec)
    with _blamed(option, text):
        spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if not callable(found):
        raise InvalidValueError(f"{option} {text!r}: {path} has no function {name!r}.")

    def called(images: Any) -> Any:
        with _blamed(option, text):
            return found(images)

    return called


@contextmanager
def _blamed(option: str, text: str) -> Iterator[None]:
    """A context that names the option and the file of the user in error messages."""
    try:
        yield
    except Exception as error:
        raise InvalidValueError(f"{option} {text}: {type(error).__name__}: {error}") from error
