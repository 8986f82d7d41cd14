"""CIFAR-10, from the published binary or Python version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from scorekit._checks import check_option
from scorekit.datasets._files import find
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._pickles import read_pickle
from scorekit.errors import DatasetError

__all__ = ["cifar10"]

_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_EVENT = (3, 32, 32)
_SIZE = 3 * 32 * 32
_IN_A_FILE = 10_000
_INSIDE = ("cifar-10-batches-bin", "cifar-10-batches-py")
_HINT = (
    "Download cifar-10-binary.tar.gz or cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html and "
    "unpack it: it contains data_batch_1 to data_batch_5 and test_batch, with the ending .bin in the binary version."
)


def cifar10(folder: str | os.PathLike[str] | None = None, split: str = "train") -> ImageData:
    """CIFAR-10: 60,000 color photographs of 32×32 pixels in ten classes.

    Args:
        folder: the folder that contains the files of the binary or the Python version, or their folder
            ``cifar-10-batches-bin`` or ``cifar-10-batches-py``. Pickle files are read without executing their content.
        split: "train" (50,000) or "test" (10,000).

    Returns:
        An :class:`ImageData` of shape ``(n, 3, 32, 32)``.

    Raises:
        DatasetError: a file is missing, damaged, or has another content than expected.
        ValueError: ``split`` is unknown.

    Reference: Krizhevsky, "Learning multiple layers of features from tiny images" (2009).

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as place:  # black images with the label airplane
    ...     _ = pathlib.Path(place, "test_batch.bin").write_bytes(bytes(10_000 * (1 + 3072)))
    ...     data = cifar10(place, split="test")
    >>> data.images.shape, data.classes[data.labels[0]]
    ((10000, 3, 32, 32), 'airplane')
    """
    check_option(split, "split", ("train", "test"))
    names = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]
    paths = [find(folder, [f"{name}.bin", name], _INSIDE, _HINT) for name in names]
    images = np.empty((len(paths) * _IN_A_FILE, *_EVENT), np.uint8)
    labels = np.empty(len(images), np.int64)
    for i, path in enumerate(paths):
        part = slice(i * _IN_A_FILE, (i + 1) * _IN_A_FILE)
        values, labels[part] = _read_binary(path) if path.suffix == ".bin" else _read_python(path)
        images[part] = values.reshape(-1, *_EVENT)
    return ImageData(
        images, labels, _CLASSES, "cifar10", str(paths[0].parent), "not stated by the authors; cite them", levels=256
    )


def _read_binary(path: Path) -> tuple[Any, Any]:
    """Labels and pixels, from records of one label and 3,072 pixels each."""
    expected = _IN_A_FILE * (1 + _SIZE)
    if path.stat().st_size != expected:
        raise DatasetError(
            f"{path} has {path.stat().st_size:,} bytes: expected {expected:,}, {_IN_A_FILE:,} records of "
            f"{1 + _SIZE:,}. Download it again."
        )
    records = np.fromfile(path, np.uint8).reshape(_IN_A_FILE, 1 + _SIZE)
    return records[:, 1:], _checked_labels(path, records[:, 0])


def _read_python(path: Path) -> tuple[Any, Any]:
    """Pixels and labels, from a dict with ``data``, bytes (n, 3072), and ``labels``, a list of n integers."""
    batch = read_pickle(path)
    values, labels = batch.get("data"), batch.get("labels")
    if not isinstance(values, np.ndarray) or values.shape != (_IN_A_FILE, _SIZE):
        raise DatasetError(
            f"{path} has data of shape {getattr(values, 'shape', None)}: expected ({_IN_A_FILE}, {_SIZE})."
        )
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise DatasetError(f"{path} has no list of integers named labels. Download it again.")
    if len(labels) != _IN_A_FILE:
        raise DatasetError(f"{path} has {len(labels)} labels for {_IN_A_FILE} images.")
    return values, _checked_labels(path, labels)


def _checked_labels(path: Path, labels: Any) -> Any:
    low, high = min(labels), max(labels)
    if low < 0 or high >= len(_CLASSES):
        raise DatasetError(f"{path} holds labels from {low} to {high}: expected 0 to {len(_CLASSES) - 1}.")
    return np.asarray(labels, np.int64)
