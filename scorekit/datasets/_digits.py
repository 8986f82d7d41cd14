"""The handwritten digits that are included in the package."""

from __future__ import annotations

import importlib.resources

import numpy as np

from scorekit.datasets._image_data import ImageData

__all__ = ["digits"]


def digits() -> ImageData:
    """1,797 handwritten digits of 8×8 pixels with 17 gray levels, included in the package.

    Returns:
        An :class:`ImageData` of shape ``(1797, 1, 8, 8)`` with the classes "0" to "9".

    Reference: Alpaydin, Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository (1998),
    DOI 10.24432/C50P49; the digits are its test set.

    >>> digits().counts.tolist()
    [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    """
    place = importlib.resources.files("scorekit.datasets") / "digits.npz"
    with place.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        pixels, labels = arrays["images"], arrays["labels"]
    return ImageData(
        pixels.astype(np.uint8),
        labels.astype(np.int64),
        tuple("0123456789"),
        name="digits",
        source="https://archive.ics.uci.edu/dataset/80 (test set)",
        license="CC BY 4.0",
        levels=17,
    )
