"""Images of random shapes, and a maximum likelihood classifier for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from scorekit import _shapes
from scorekit._arrays import check_batch, host
from scorekit._checks import check_count
from scorekit.datasets._image_data import ImageData, numpy_stream
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.protocols import Array, Rng, RngLike

__all__ = ["ShapeLabels", "classify_shapes", "shapes"]

_KINDS = ("circle", "square", "triangle", "rings")
_DARK, _BRIGHT = 0.25, {1: 0.65, 3: 0.35}
_AT_ONCE = 4096


def shapes(
    n: int,
    size: int = 16,
    channels: int = 1,
    proportions: Sequence[float] | Mapping[str, float] | None = None,
    kinds: tuple[str, ...] = _KINDS,
    rng: RngLike = 0,
) -> ImageData:
    """``n`` images of one bright shape each on a dark background, with antialiased edges and known classes.

    The radius is uniform on [0.22, 0.36] times the size. The center is uniform over the positions where the shape lies
    inside the image. The background is uniform on [0, 0.25]. The shape is uniform on [0.65, 1] if gray; in color each
    channel is uniform on [0.35, 1].

    Args:
        n: the number of images.
        size: the side of an image in pixels, at least 8.
        channels: 1 (gray) or 3 (colored).
        proportions: the proportion of each kind, with sum 1, or counts with sum n; a sequence in the order of ``kinds``
            or a mapping by name. None for equal proportions. The counts are exact, n · proportion rounded by the
            largest remainder method.
        kinds: the classes in order, from "circle", "square", "triangle" and "rings" (two concentric circles).
        rng: an Rng, a seed or None. Equal seeds give equal images.

    Returns:
        An :class:`ImageData` of shape ``(n, channels, size, size)``, in random order.

    Raises:
        ValueError: ``n`` or ``size`` is too small, ``channels`` is not 1 or 3, a kind is unknown, or ``proportions``
            have the wrong sum.
        TypeError: an argument has the wrong type.

    >>> shapes(100, proportions={"circle": 0.9, "square": 0.1}, kinds=("circle", "square")).counts.tolist()
    [90, 10]
    """
    n, size, kinds = check_count(n, "n"), _shapes.check_size(size), _shapes.check_kinds(kinds)
    if check_count(channels, "channels") not in _BRIGHT:
        raise InvalidValueError(f"channels must be 1 (gray) or 3 (colored), got {channels}.")
    labels = np.repeat(np.arange(len(kinds)), _counts(n, _shapes.check_proportions(proportions, kinds, n)))
    stream = numpy_stream(rng, "shapes")
    labels = labels[stream.choice(n, (n,), replace=False)]
    images = np.empty((n, channels, size, size), np.float32)
    for start in range(0, n, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        images[part] = _drawn(labels[part], size, channels, kinds, stream)
    return ImageData(images, labels.astype(np.int64), kinds, "shapes", "scorekit.datasets.shapes", "none needed")


def _counts(n: int, proportion: Any) -> Any:
    """Integers close to ``n · proportion`` with sum n (largest remainder method)."""
    exact = n * proportion
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return counts


def _drawn(labels: Any, size: int, channels: int, kinds: tuple[str, ...], rng: Rng) -> Any:
    n = len(labels)
    x, y, radius = rng.uniform((3, n))
    ground, paint = rng.uniform((2, n, channels, 1, 1))
    low, high = _shapes.RADII
    radius = size * (low + (high - low) * radius)
    ground, paint = _DARK * ground, _BRIGHT[channels] + (1 - _BRIGHT[channels]) * paint
    covered = np.empty((n, 1, size, size), np.float32)
    for label, kind in enumerate(kinds):
        mine = np.flatnonzero(labels == label)
        edge = _shapes.margin(kind, radius[mine])
        across, down = (edge + (size - 2 * edge) * center[mine] for center in (x, y))
        covered[mine, 0] = _shapes.coverage(kind, size, across, down, radius[mine])
    return ground + (paint - ground) * covered


# ---------------------------------------------------------------- the classifier

_STEPS, _RADII = 32, 8
_ROWS_AT_ONCE = 256
_LEAST_NOISE = 1 / 512
"""Half an 8-bit level: the lower bound of the noise level in the fit."""


class ShapeLabels(NamedTuple):
    """The most likely kind of each image, as its index in ``kinds``, and its confidence in [0, 1]; both ``(n,)``."""

    labels: Any
    confidence: Any


def classify_shapes(images: Array, kinds: tuple[str, ...] = _KINDS) -> ShapeLabels:
    """Classify the shape in each image by maximum likelihood over templates of the generator.

    The model of channel c is background_c + contrast_c · T + Gaussian noise. The background, the contrast ≥ 0 and the
    standard deviation of the noise are unknown. T is a shape with one of 8 radii and its center on a grid with spacing
    size/32. The best template of kind k has the residual sum of squares RSS_k. The likelihood of k is RSS_k^(−D/2), D
    the dimension of one image; the confidence is the likelihood divided by the sum over kinds. For an empty image all
    kinds have the same confidence.

    The accuracy on images of :func:`shapes` is above 99.9 % for sizes from 12 pixels, without noise and with noise of
    standard deviation 0.1. For 8 pixels it is 99 % and 98 %.

    Args:
        images: ``(n, c, size, size)`` or ``(n, size, size)`` of any backend, size at least 8.
        kinds: the candidate kinds.

    Returns:
        NumPy ``labels`` int64 and ``confidence`` float64, both ``(n,)``.

    Raises:
        ShapeError: the images are not square, or smaller than 8 pixels.
        ValueError: a kind is unknown, or ``images`` hold NaN or infinity.

    >>> data = shapes(5, rng=1)
    >>> bool((classify_shapes(data.images).labels == data.labels).all())
    True
    """
    kinds = _shapes.check_kinds(kinds)
    check_batch(images, "images")
    if images.ndim not in (3, 4) or images.shape[-1] != images.shape[-2] or images.shape[-1] < 8:
        raise ShapeError(
            f"images have shape {tuple(images.shape)}: expected square images, (n, c, size, size) or "
            "(n, size, size), with size at least 8."
        )
    size = images.shape[-1]
    pixels = host(images).reshape(len(images), -1, size * size)
    pixels = pixels - pixels.mean(axis=2, keepdims=True)
    explained = np.stack([_explained(pixels.astype(np.float32), kind, size) for kind in kinds], axis=1)
    numbers = pixels[0].size
    rss = np.maximum(0, np.sum(pixels**2, axis=(1, 2))[:, None] - explained) + numbers * _LEAST_NOISE**2
    likelihood = (rss / rss.min(axis=1, keepdims=True)) ** (-numbers / 2)
    return ShapeLabels(likelihood.argmax(axis=1), likelihood.max(axis=1) / likelihood.sum(axis=1))


def _explained(pixels: Any, kind: str, size: int) -> Any:
    """The largest explained sum of squares over templates of this kind, ``(n,)``; ``pixels`` is (n, c, size²)."""
    templates = _shapes.grid(kind, size, _STEPS, _RADII).reshape(-1, size * size)
    templates -= templates.mean(axis=1, keepdims=True)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    best = np.empty(len(pixels))
    for start in range(0, len(pixels), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        rows = pixels[part]
        contrast = np.maximum(0, rows.reshape(-1, rows.shape[2]) @ templates.T)  # one matrix product for all channels
        squares = np.sum(contrast.reshape(len(rows), rows.shape[1], -1) ** 2, axis=1)
        best[part] = squares.max(axis=1)
    return best
