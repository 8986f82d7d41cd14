"""Images with their labels, license and source in one object."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from scorekit._arrays import as_rng, host
from scorekit._checks import check_arguments, check_count, check_number, check_option
from scorekit.datasets import _transforms as transforms
from scorekit.datasets._batches import ImageBatches
from scorekit.datasets._pixels import check_pixels, floats
from scorekit.errors import InvalidTypeError, InvalidValueError, ScorekitError, ShapeError, describe
from scorekit.protocols import Rng, RngLike, Shape
from scorekit.registry import backend as find_backend

__all__ = ["ImageData", "numpy_stream"]


@dataclass(frozen=True, eq=False, repr=False)
class ImageData:
    """Read-only images with labels, license and source.

    Images stay as they are in files, one byte per value for 8 bits, until they are used. :attr:`images` converts all of
    them; ``data[rows].images`` and :meth:`batches` convert only the images that are needed.

    Args:
        stored: NumPy ``(n, c, h, w)``, 1 to 4 channels: uint8 or uint16 of values 0 … levels − 1, or float32 within
            ``value_range``.
        labels: int64 ``(n,)``, each the index of a class in ``classes``; or None.
        classes: the names of the classes.
        name: a short name.
        source: where the data can be downloaded, or where they were read from.
        license: the license of the data.
        levels: the number of values that a pixel can have. None means continuous values for float32, 256 for uint8 and
            65,536 for uint16.
        noise: the standard deviation of Gaussian dequantization noise; 0 without it. With noise, images may lie
            slightly outside ``value_range``.
        notes: notes of the reader, for instance on skipped files.
        rows: indices of the images in ``stored`` that this object has, int64 ``(n,)``; None for all.

    Index with a slice, a list or a mask to get an ImageData of those images. ``stored`` is shared, not copied.

    Raises:
        TypeError: ``stored`` is not a uint8, uint16 or float32, ``labels`` not an int64, NumPy array.
        ValueError: the images are not finite or outside their range; a label is not an index of ``classes``.
        ShapeError: ``stored`` or ``labels`` have another shape.

    >>> import numpy as np, scorekit as sk
    >>> data = sk.datasets.digits()
    >>> data
    ImageData('digits', 1797 images of 1×8×8 in [0, 1], 10 classes, license CC BY 4.0)
    >>> data[:100].shape
    (100, 1, 8, 8)
    >>> bytes_and_floats = ImageData(np.array([[[[0, 51]]]], np.uint8))
    >>> bytes_and_floats.pixels.ravel().tolist(), bytes_and_floats.images.ravel().tolist()
    ([0, 51], [0.0, 0.20000000298023224])
    """

    stored: Any
    labels: Any = None
    classes: tuple[str, ...] = ()
    name: str = "images"
    source: str = ""
    license: str = "unknown"
    levels: int | None = None
    noise: float = 0.0
    notes: tuple[str, ...] = ()
    rows: Any = None

    def __post_init__(self) -> None:
        self._check_facts()
        if self.rows is None:  # chosen rows come from an object that is checked
            object.__setattr__(self, "levels", check_pixels(self.stored, self.levels, bounded=not self.noise))
        if self.labels is not None:
            _check_labels(self.labels, len(self), len(self.classes))
        self._close()

    def _check_facts(self) -> None:
        """Check what is said about the images: names of classes, levels and noise."""
        _check_names(self.classes)
        if self.levels is not None:
            object.__setattr__(self, "levels", check_count(self.levels, "levels", minimum=2))
        object.__setattr__(self, "noise", check_number(self.noise, "noise"))
        if not 0 <= self.noise < math.inf:
            raise InvalidValueError(f"noise must be a standard deviation, at least 0 and finite, got {self.noise}.")

    def _close(self) -> None:
        """Replace the arrays by read-only views; the flags of the arrays passed in do not change."""
        for name in ("stored", "labels"):
            if getattr(self, name) is not None:
                view = getattr(self, name).view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles have only the chosen images, as they are stored."""
        return self._facts() | {"stored": self.pixels, "labels": self.labels, "rows": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the arrays of a copy or of an unpickled object read-only too."""
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self._close()

    def _facts(self) -> dict[str, Any]:
        arrays = ("stored", "labels", "rows")
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in arrays}

    @property
    def pixels(self) -> Any:
        """The images as they are stored, ``(n, c, h, w)``: uint8, uint16 or float32."""
        return self.stored if self.rows is None else self.stored[self.rows]

    @cached_property
    def images(self) -> Any:
        """All images as float32 ``(n, c, h, w)`` in [0, 1], read-only. They are converted once and kept."""
        made = floats(self.stored, self.levels, self.rows).view()
        made.flags.writeable = False
        return made

    def batches(
        self,
        backend: str = "torch",
        *,
        labels: bool = False,
        transform: Callable[[Any], Any] | None = None,
    ) -> ImageBatches:
        """The images as the argument ``data`` of :func:`scorekit.fit`, converted batch by batch.

        Training then needs the memory of the stored images, a quarter of that of ``images`` for 8 bits. The result of
        training is the same.

        Args:
            backend: the name of the backend of the network.
            labels: whether the network gets the labels as its condition.
            transform: a function that maps each batch ``(n, c, h, w)`` in [0, 1], an array of the backend, to what the
                network learns, for instance ``lambda x: 2 * x - 1``.

        Raises:
            ValueError: ``labels`` is True and the data have none; the backend is unknown.

        >>> import scorekit as sk
        >>> len(sk.datasets.digits().batches("numpy", transform=lambda x: 2 * x - 1))
        1797
        """
        check_option(labels, "labels", (True, False))
        if transform is not None:
            check_arguments(transform, "transform", ("images",))
        return ImageBatches(self, find_backend(backend), self._labeled() if labels else None, transform)

    @property
    def value_range(self) -> tuple[float, float]:
        """The pixel values of black and white."""
        return (0.0, 1.0)

    @property
    def shape(self) -> Shape:
        """``(n, c, h, w)``."""
        return (len(self), *self.stored.shape[1:])

    @property
    def counts(self) -> Any:
        """The number of images per class, int64 ``(k,)``; an error without labels."""
        return np.bincount(self._labeled(), minlength=len(self.classes))

    def __len__(self) -> int:
        return len(self.stored if self.rows is None else self.rows)

    def __repr__(self) -> str:
        n, *event = self.shape
        size = "×".join(str(length) for length in event)
        parts = [f"{self.name!r}", f"{n} images of {size} in [0, 1]"]
        parts += [f"{len(self.classes)} classes"] if self.labels is not None else []
        parts += [f"noise {self.noise:g}"] if self.noise else []
        return f"ImageData({', '.join([*parts, f'license {self.license}', *self.notes])})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ImageData):
            return NotImplemented
        return (
            self._facts() == other._facts()
            and self.stored.dtype == other.stored.dtype
            and np.array_equal(self.pixels, other.pixels)
            and (self.labels is None) == (other.labels is None)
            and (self.labels is None or np.array_equal(self.labels, other.labels))
        )

    def __hash__(self) -> int:
        return hash((self.name, self.source, self.shape))

    def __getitem__(self, index: Any) -> ImageData:
        """The images at an index, a slice, an array of indices or a mask ``(n,)``, as an ImageData."""
        if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
            index = [int(index)]
        if not isinstance(index, slice):
            index = _as_index(index, len(self))
        rows = np.arange(len(self))[index] if self.rows is None else self.rows[index]
        if not len(rows):
            raise InvalidValueError(f"the index selects none of the {len(self)} images: expected at least one.")
        return replace(self, rows=rows, labels=None if self.labels is None else self.labels[index])

    def subset(
        self, classes: Iterable[str | int] | None = None, n: int | None = None, rng: RngLike = None
    ) -> ImageData:
        """The images of some classes; with ``n``, a random subset of them, drawn without replacement.

        Args:
            classes: names or indices of classes; None for all. Labels and ``classes`` do not change.
            n: the number of images to draw; None for all, in their order. For the first n write ``data[:n]``.
            rng: an Rng, a seed or None; used if ``n`` is not None.

        Raises:
            ValueError: a class is unknown, the data have no labels, or these classes have fewer than ``n`` images.
        """
        kept = np.arange(len(self))
        if classes is not None:
            kept = np.flatnonzero(np.isin(self._labeled(), self._places(classes)))
        if n is not None:
            count = check_count(n, "n")
            if count > len(kept):
                raise InvalidValueError(
                    f"n is {count}: these classes have only {len(kept)} images, so n must be smaller."
                )
            kept = kept[numpy_stream(rng, "ImageData.subset").choice(len(kept), (count,), replace=False)]
        return self[kept]

    def split(self, proportion: float = 0.9, rng: RngLike = 0) -> tuple[ImageData, ImageData]:
        """Split the images at random into two parts, the first with ``proportion`` of them.

        The same seed gives the same parts. For a published test set use the argument ``split`` of the loader instead.

        Args:
            proportion: the proportion of images in the first part, in (0, 1).
            rng: an Rng, a seed or None.

        Raises:
            ValueError: one of the parts would be empty.
        """
        share = check_number(proportion, "proportion")
        first = round(share * len(self)) if 0 < share < 1 else 0
        if not 0 < first < len(self):
            raise InvalidValueError(
                f"proportion is {proportion} for {len(self)} images: expected a number in (0, 1) that leaves images "
                "in both parts."
            )
        order = numpy_stream(rng, "ImageData.split").choice(len(self), (len(self),), replace=False)
        return self[order[:first]], self[order[first:]]

    def dequantized(self, kind: str = "uniform", rng: RngLike = None, std: float = 0.01) -> ImageData:
        """The images with noise from :func:`dequantize`, uniform or Gaussian with standard deviation ``std``.

        For new noise in every batch call ``sk.datasets.dequantize(batch, levels=data.levels)`` on each batch.

        Raises:
            ValueError: the pixel values are continuous already, or ``kind`` is unknown.
        """
        if self.noise or self.levels is None:
            raise InvalidValueError(f"{self.name} cannot be dequantized: its pixel values are continuous already.")
        stream = numpy_stream(rng, "ImageData.dequantized")
        noisy = transforms.dequantize(self.images, kind, levels=self.levels, std=std, rng=stream)
        return replace(self, stored=noisy, rows=None, levels=None, noise=float(std) if kind == "gaussian" else 0.0)

    def flipped(self, rng: RngLike = None) -> ImageData:
        """The images, each mirrored left to right with probability 1/2."""
        coins = numpy_stream(rng, "ImageData.flipped").uniform((len(self),), like=np.zeros(1, np.float32))
        return replace(self, stored=transforms.mirrored(self.pixels, coins), rows=None)

    def _labeled(self) -> Any:
        if self.labels is None:
            raise InvalidValueError(f"{self.name} has no labels: load data with labels, or omit classes.")
        return self.labels

    def _places(self, classes: Iterable[str | int]) -> list[int]:
        if isinstance(classes, (str, int)):
            classes = [classes]
        if isinstance(classes, Mapping) or not isinstance(classes, Iterable):
            raise InvalidTypeError(f"classes is a {describe(classes)}: expected names or indices of classes.")
        known = {name: place for place, name in enumerate(self.classes)}
        places = []
        for given in classes:
            place = known.get(given, -1) if isinstance(given, str) else given
            if isinstance(place, bool) or not isinstance(place, (int, np.integer)) or not 0 <= place < len(known):
                raise InvalidValueError(
                    f"unknown class {given!r} in classes: expected one of {', '.join(map(repr, known))}, or its index."
                )
            places.append(int(place))
        return places


class _OutOfRangeError(ScorekitError, IndexError):
    """An index beyond the last image. It is an IndexError, so that a ``for`` loop over the images ends."""


def numpy_stream(rng: RngLike, name: str) -> Rng:
    """A NumPy random number stream: ``rng`` itself, or one seeded by a draw from the stream of another backend."""
    stream = as_rng(rng, None, name)
    if isinstance(stream.uniform((0,)), np.ndarray):  # an empty draw shows its backend
        return stream
    return find_backend("numpy").rng([name, *map(int, host(stream.integers(0, 1 << 31, (4,))))])  # 124 bits


def _as_index(index: Any, n: int) -> Any:
    given = np.asarray(index)
    if given.ndim != 1 or given.dtype.kind not in "iub" or (given.dtype == bool and len(given) != n):
        raise InvalidTypeError(
            f"cannot index {n} images with {describe(index)}: expected an int, a slice, indices (k,) or a mask ({n},)."
        )
    if given.dtype != bool and len(given) and not (-n <= given.min() and given.max() < n):
        raise _OutOfRangeError(f"indices {given.min()} to {given.max()}: expected {-n} to {n - 1} for {n} images.")
    return given


def _check_names(classes: Any) -> None:
    strings = isinstance(classes, (tuple, list)) and all(isinstance(name, str) for name in classes)
    if not strings:
        raise InvalidTypeError(f'classes is {classes!r}: expected a tuple of names, for instance ("cat", "dog").')
    if len(set(classes)) < len(classes):
        raise InvalidValueError(f"classes is {classes!r}: expected each name once.")


def _check_labels(labels: Any, n: int, classes: int) -> None:
    if not isinstance(labels, np.ndarray) or labels.dtype != np.int64:
        raise InvalidTypeError(f"labels are a {describe(labels)}: expected a NumPy array of int64, or None.")
    if labels.shape != (n,):
        raise ShapeError(f"labels have shape {labels.shape} for {n} images: expected ({n},).")
    if labels.min() < 0 or labels.max() >= classes:
        raise InvalidValueError(
            f"labels are from {labels.min()} to {labels.max()} for {classes} classes: expected 0 to {classes - 1}."
        )
