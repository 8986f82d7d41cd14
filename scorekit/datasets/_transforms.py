"""What is done to images before a network sees them, for arrays of any backend.

Given to a whole data set once (:meth:`ImageData.dequantized`, :meth:`ImageData.flipped`) or to each batch anew.
"""

from __future__ import annotations

from scorekit._arrays import as_rng, check_batch, expand
from scorekit._checks import check_count, check_option, check_positive
from scorekit.errors import InvalidValueError, ShapeError
from scorekit.protocols import Array, Rng, RngLike
from scorekit.registry import array_namespace

__all__ = ["dequantising_noise", "dequantize", "dequantized", "flip", "mirrored"]


def dequantize(
    images: Array, kind: str = "uniform", *, levels: int = 256, std: float = 0.01, rng: RngLike = None
) -> Array:
    """Noise that hides that pixels are integers, so that they have a density.

    uniform: x' = ((L − 1) x + u) / L with u uniform on [0, 1), which stays in [0, 1);
    gaussian: x' = x + std·z with z ~ N(0, 1), which leaves [0, 1] a little.

    Args:
        images: ``(n, *event)``, values k / (L − 1), k = 0 … L − 1; for "uniform" within [0, 1].
        kind: "uniform" or "gaussian".
        levels: L, how many values a pixel can have (256 for 8 bits); "uniform" uses it.
        std: standard deviation of the Gaussian noise; "gaussian" uses it.
        rng: an Rng, a seed or None.

    Returns:
        An array like ``images``. Draw a new one for each batch, or one for all of training.

    Reference: Theis, van den Oord, Bethge, "A note on the evaluation of generative models" (2016).

    >>> import numpy as np
    >>> x = dequantize(np.array([[0.0, 1.0]]), levels=2, rng=0)
    >>> bool(0 <= x[0, 0] < 0.5 <= x[0, 1] < 1)
    True
    """
    check_batch(images, "images")
    return dequantized(
        images, dequantising_noise(images, kind, as_rng(rng, images, "dequantize")), kind, levels=levels, std=std
    )


def dequantising_noise(images: Array, kind: str, rng: Rng) -> Array:
    """What :func:`dequantize` adds: uniform or normal numbers like ``images``."""
    check_option(kind, "kind", ("uniform", "gaussian"))
    return (rng.normal if kind == "gaussian" else rng.uniform)(tuple(images.shape), images)


def dequantized(images: Array, noise: Array, kind: str, *, levels: int = 256, std: float = 0.01) -> Array:
    """The images with noise that is drawn already."""
    if kind == "gaussian":
        return images + check_positive(std, "std") * noise
    xp, count = array_namespace(images), check_count(levels, "levels", minimum=2)
    low, high = float(xp.min(images)), float(xp.max(images))
    if low < 0 or high > 1:
        raise InvalidValueError(
            f"images hold values from {low:g} to {high:g}: uniform dequantization expects them in [0, 1]."
        )
    noisy = ((count - 1) * images + noise) / count
    return xp.clip(noisy, 0, 1 - float(xp.finfo(images.dtype).eps) / 2)  # (L − 1 + u) / L may round up to 1


def flip(images: Array, rng: RngLike = None) -> Array:
    """Each image ``(…, h, w)`` mirrored left to right with probability one half.

    Args:
        images: ``(n, h, w)`` or ``(n, c, h, w)``.
        rng: an Rng, a seed or None.

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
    """The images, mirrored where the uniform number of an image is below one half."""
    xp = array_namespace(images)
    return xp.where(expand(uniform < 0.5, images), xp.flip(images, axis=-1), images)
