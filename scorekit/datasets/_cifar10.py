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

__all__ = ["EVENT", "RIGHTS", "cifar10", "read_file"]

RIGHTS = "not stated by the authors; cite them"
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
EVENT = (3, 32, 32)
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
    images = np.empty((len(paths) * _IN_A_FILE, *EVENT), np.uint8)
    labels = np.empty(len(images), np.int64)
    for i, path in enumerate(paths):
        part = slice(i * _IN_A_FILE, (i + 1) * _IN_A_FILE)
        images[part], labels[part] = read_file(path, _IN_A_FILE, len(_CLASSES), 0, 1, "labels")
    return ImageData(images, labels, _CLASSES, "cifar10", str(paths[0].parent), RIGHTS, levels=256)


def read_file(path: Path, n: int, classes: int, column: int, columns: int, key: str) -> tuple[Any, Any]:
    """Pixels ``(n, 3, 32, 32)`` and labels ``(n,)`` of a file of the binary (``.bin``) or the Python version.

    In the binary version a record has ``columns`` labels, of which this is number ``column``, and 3,072 pixels. The
    Python version has the list ``key``.
    """
    values, labels = _read_binary(path, n, column, columns) if path.suffix == ".bin" else _read_python(path, n, key)
    low, high = min(labels), max(labels)
    if low < 0 or high >= classes:
        raise DatasetError(f"{path} holds labels from {low} to {high}: expected 0 to {classes - 1}.")
    return values.reshape(-1, *EVENT), np.asarray(labels, np.int64)


def _read_binary(path: Path, n: int, column: int, columns: int) -> tuple[Any, Any]:
    """Pixels and labels, from records of labels and 3,072 pixels each."""
    expected = n * (columns + _SIZE)
    if path.stat().st_size != expected:
        raise DatasetError(
            f"{path} has {path.stat().st_size:,} bytes: expected {expected:,}, {n:,} records of {columns + _SIZE:,}. "
            "Download it again."
        )
    records = np.fromfile(path, np.uint8).reshape(n, columns + _SIZE)
    return records[:, columns:], records[:, column]


def _read_python(path: Path, n: int, key: str) -> tuple[Any, Any]:
    """Pixels and labels, from a dict with ``data``, bytes (n, 3072), and lists of n integers."""
    batch = read_pickle(path)
    values, labels = batch.get("data"), batch.get(key)
    if not isinstance(values, np.ndarray) or values.shape != (n, _SIZE):
        raise DatasetError(f"{path} has data of shape {getattr(values, 'shape', None)}: expected ({n}, {_SIZE}).")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise DatasetError(f"{path} has no list of integers named {key}. Download it again.")
    if len(labels) != n:
        raise DatasetError(f"{path} has {len(labels)} labels for {n} images.")
    return values, labels
