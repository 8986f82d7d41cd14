"""CIFAR-100, from the published binary or Python version."""

from __future__ import annotations

import os
from pathlib import Path

from scorekit._checks import check_option
from scorekit.datasets._cifar10 import RIGHTS, read_file
from scorekit.datasets._files import find, read_text
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._pickles import read_pickle
from scorekit.errors import DatasetError

__all__ = ["cifar100"]

_COUNTS = {"train": 50_000, "test": 10_000}
_CLASSES = {"coarse": 20, "fine": 100}
_INSIDE = ("cifar-100-binary", "cifar-100-python")
_HINT = (
    "Download cifar-100-binary.tar.gz or cifar-100-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html and "
    "unpack it: it contains train and test, with the ending .bin in the binary version."
)


def cifar100(folder: str | os.PathLike[str] | None = None, split: str = "train", labels: str = "fine") -> ImageData:
    """CIFAR-100: 60,000 color photographs of 32×32 pixels in 100 classes, which form 20 coarse classes.

    Args:
        folder: the folder that contains the files of the binary or the Python version, or their folder
            ``cifar-100-binary`` or ``cifar-100-python``. Pickle files are read without executing their content.
        split: "train" (50,000) or "test" (10,000).
        labels: "fine" (100 classes) or "coarse" (20).

    Returns:
        An :class:`ImageData` of shape ``(n, 3, 32, 32)``.

    Raises:
        DatasetError: a file is missing, damaged, or has another content than expected.
        ValueError: ``split`` or ``labels`` is unknown.

    Reference: Krizhevsky, "Learning multiple layers of features from tiny images" (2009).

    >>> cifar100("no/such/folder")
    Traceback (most recent call last):
        ...
    scorekit.errors.DatasetError: no/such/folder is not a folder: expected one that contains train.bin or train. ...
    """
    check_option(split, "split", ("train", "test"))
    check_option(labels, "labels", tuple(_CLASSES))
    path = find(folder, [f"{split}.bin", split], _INSIDE, _HINT)
    column = tuple(_CLASSES).index(labels)  # a binary record begins with the coarse and the fine label
    images, values = read_file(path, _COUNTS[split], _CLASSES[labels], column, 2, f"{labels}_labels")
    return ImageData(images, values, _names(path, labels), "cifar100", str(path.parent), RIGHTS, levels=256)


def _names(path: Path, labels: str) -> tuple[str, ...]:
    """The names of the classes, from the file beside the images; their numbers if it is missing."""
    names: list[str | bytes] = [str(i) for i in range(_CLASSES[labels])]
    text, meta = path.with_name(f"{labels}_label_names.txt"), path.with_name("meta")
    if text.is_file():
        names = list(read_text(text).split())
    elif meta.is_file():
        names = read_pickle(meta).get(f"{labels}_label_names", [])
    if len(names) != _CLASSES[labels]:
        raise DatasetError(
            f"{path.parent} has {len(names)} names for the {labels} classes: expected {_CLASSES[labels]}."
        )
    return tuple(name.decode("ascii", "replace") if isinstance(name, bytes) else name for name in names)
