"""Transforms of images for training: dequantization, mirroring and padding, for arrays of any backend.

Apply them once to a data set (:meth:`ImageData.dequantized`, :meth:`ImageData.flipped`), or to each batch.
"""

from __future__ import annotations

from scorekit._arrays import as_rng, check_batch, expand, host
from scorekit._checks import check_count, check_option, check_positive
from scorekit.datasets._sizes import height_and_width
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.protocols import Array, Rng, RngLike
from scorekit.registry import array_namespace

__all__ = ["dequantize", "dequantized", "dequantizing_noise", "flip", "mirrored", "pad", "padded", "unpadded"]


def dequantize(
    images: Array, kind: str = "uniform", *, levels: int = 256, std: float = 0.01, rng: RngLike = None
) -> Array:
    """Add noise to images with discrete pixel values, so that they have a density.

    uniform: x' = ((L − 1) x + u) / L with u ~ U[0, 1); the result lies in [0, 1).
    gaussian: x' = x + std·z with z ~ N(0, 1); the result may lie slightly outside [0, 1].

    Args:
        images: ``(n, *event)``, values k / (L − 1), k = 0 … L − 1; "uniform" needs values in [0, 1].
        kind: "uniform" or "gaussian".
        levels: L, the number of values that a pixel can have (256 for 8 bits), at least 2; only for "uniform".
        std: standard deviation of the Gaussian noise, positive; only for "gaussian".
        rng: an Rng, a seed or None.

    Returns:
        An array like ``images``.

    Raises:
        ValueError: ``kind`` is unknown, ``levels`` < 2, ``std`` is not positive, or ``images`` are outside [0, 1] for
            "uniform".

    Reference: Theis, van den Oord, Bethge, "A note on the evaluation of generative models" (2016), arXiv:1511.01844.

    >>> import numpy as np
    >>> x = dequantize(np.array([[0.0, 1.0]]), levels=2, rng=0)
    >>> bool(0 <= x[0, 0] < 0.5 <= x[0, 1] < 1)
    True
    """
    check_batch(images, "images")
    return dequantized(
        images, dequantizing_noise(images, kind, as_rng(rng, images, "dequantize")), kind, levels=levels, std=std
    )


def dequantizing_noise(images: Array, kind: str, rng: Rng) -> Array:
    """The noise of :func:`dequantize`: uniform or standard normal, like ``images``."""
    check_option(kind, "kind", ("uniform", "gaussian"))
    return (rng.normal if kind == "gaussian" else rng.uniform)(tuple(images.shape), images)


def dequantized(images: Array, noise: Array, kind: str, *, levels: int = 256, std: float = 0.01) -> Array:
    """Dequantize images with noise from :func:`dequantizing_noise`."""
    if kind == "gaussian":
        return images + check_positive(std, "std") * noise
    xp, count = array_namespace(images), check_count(levels, "levels", minimum=2)
    low, high = float(host(xp.min(images))), float(host(xp.max(images)))
    if low < 0 or high > 1:
        raise InvalidValueError(
            f"images hold values from {low:g} to {high:g}: uniform dequantization needs values in [0, 1]."
        )
    noisy = ((count - 1) * images + noise) / count
    return xp.clip(noisy, 0, 1 - float(xp.finfo(images.dtype).eps) / 2)  # (L − 1 + u) / L may round up to 1


def flip(images: Array, rng: RngLike = None) -> Array:
    """Mirror each image left to right with probability 1/2.

    Args:
        images: ``(n, h, w)`` or ``(n, c, h, w)``.
        rng: an Rng, a seed or None.

    Returns:
        An array like ``images``.

    Raises:
        ShapeError: ``images`` have fewer than three axes.

    >>> import numpy as np
    >>> rows = flip(np.array([[[1.0, 2.0]]] * 100), rng=1)[:, 0].tolist()
    >>> [1.0, 2.0] in rows, [2.0, 1.0] in rows
    (True, True)
    """
    check_batch(images, "images")
    if images.ndim < 3:
        raise ShapeError(f"images have shape {tuple(images.shape)}: expected (n, h, w) or (n, c, h, w).")
    return mirrored(images, as_rng(rng, images, "flip").uniform((images.shape[0],), like=images))


def mirrored(images: Array, uniform: Array) -> Array:
    """Mirror each image whose number in ``uniform``, shape (n,), is below 1/2."""
    xp = array_namespace(images)
    return xp.where(expand(uniform < 0.5, images), xp.flip(images, axis=-1), images)


def pad(images: Array, size: int | tuple[int, int]) -> Array:
    """Repeat the pixels of the edge, equally on opposite sides, until images have this size.

    Networks that halve images k times need sides that are multiples of 2^k: images of 28×28 are padded to 32×32. The
    original is in the middle: for 28 of 32 pixels it is ``images[..., 2:30, 2:30]``.

    Args:
        images: ``(n, h, w)`` or ``(n, c, h, w)``.
        size: pixels, a number or (height, width), at least those of the images.

    Returns:
        An array like ``images``, with the last two axes of this size.

    Raises:
        ShapeError: ``images`` have fewer than three axes.
        ValueError: ``size`` is smaller than the images.

    >>> import numpy as np
    >>> pad(np.array([[[1.0, 2.0]]]), (2, 5))[0].tolist()
    [[1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0, 2.0]]
    """
    check_batch(images, "images")
    if images.ndim < 3:
        raise ShapeError(f"images have shape {tuple(images.shape)}: expected (n, h, w) or (n, c, h, w).")
    height, width = height_and_width(size, "size")
    if height < images.shape[-2] or width < images.shape[-1]:
        raise InvalidValueError(
            f"size is {size!r} for images of {images.shape[-2]}×{images.shape[-1]}: expected at least that."
        )
    return padded(images, (height, width))


def padded(images: Array, size: tuple[int, int]) -> Array:
    """The images with their edges repeated up to this size."""
    for axis, most in zip((-2, -1), size, strict=True):
        images = _widened(images, axis, most)
    return images


def _widened(images: Array, axis: int, most: int) -> Array:
    xp, side = array_namespace(images), images.shape[axis]
    before = (most - side) // 2
    edges = []
    for place, count in ((0, before), (side - 1, most - side - before)):
        edge = images[..., place : place + 1, :] if axis == -2 else images[..., place : place + 1]
        shape = list(images.shape)
        shape[axis] = count
        edges.append(xp.broadcast_to(edge, tuple(shape)))
    return xp.concat([edges[0], images, edges[1]], axis=axis)


def unpadded(images: Array, size: tuple[int, int]) -> Array:
    """The middle of images that :func:`padded` made from images of this size."""
    top, left = ((whole - side) // 2 for whole, side in zip(images.shape[-2:], size, strict=True))
    return images[..., top : top + size[0], left : left + size[1]]
