"""Image data sets with labels, license and source: :class:`ImageData` of shape ``(n, c, h, w)``.

``digits()`` is included in the package, and ``shapes()`` generates its images. ``hub()`` downloads through the library
``datasets``. The other functions read local files in their published formats, check them, and never execute their
content. If a file is missing, the error says where to download it.
"""

from __future__ import annotations

from scorekit.datasets._arrays import arrays
from scorekit.datasets._batches import ImageBatches
from scorekit.datasets._celeba import celeba
from scorekit.datasets._cifar10 import cifar10
from scorekit.datasets._cifar100 import cifar100
from scorekit.datasets._digits import digits
from scorekit.datasets._hub import hub
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._image_folder import image_folder
from scorekit.datasets._mnist import emnist, fashion_mnist, kmnist, mnist, mnist_5k
from scorekit.datasets._parquet import parquet
from scorekit.datasets._shapes import ShapeLabels, classify_shapes, shapes
from scorekit.datasets._transforms import dequantize, flip, pad

__all__ = [
    "ImageBatches",
    "ImageData",
    "ShapeLabels",
    "arrays",
    "celeba",
    "cifar10",
    "cifar100",
    "classify_shapes",
    "dequantize",
    "digits",
    "emnist",
    "fashion_mnist",
    "flip",
    "hub",
    "image_folder",
    "kmnist",
    "mnist",
    "mnist_5k",
    "pad",
    "parquet",
    "shapes",
]
