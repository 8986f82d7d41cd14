"""Images that are converted batch by batch as a source of batches."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from scorekit._arrays import check_batch
from scorekit.datasets import ImageBatches
from scorekit.protocols import Array
from scorekit.training.sources.base import check_classes
from scorekit.training.sources.rows import Shuffled

__all__ = ["Images"]

_SHOWN = 256  # images that are looked at before the first step
_HASHED, _AT_ONCE = 4096, 256
_NUMBERS_AT_MOST = 1 << 21


class Images(Shuffled):
    """The batches of an :class:`ImageBatches`. They are those of an array of all images."""

    def __init__(self, images: ImageBatches, batch_size: int | None, seed: int) -> None:
        super().__init__(images.owner, len(images), batch_size, seed)
        self._images = images
        self.first, self.condition = images.take(np.arange(min(_SHOWN, len(images))))
        check_batch(self.first, "the images")

    def prepare(self, classes: int | None) -> None:
        """Check the labels of all images once."""
        super().prepare(classes)
        if classes is not None and self._images.labels is not None:
            check_classes(self.owner.asarray(self._images.labels.copy()), classes)

    def _rows(self, order: Any) -> tuple[Array, Array | None]:
        x, labels = self._images.take(self.owner.to_numpy(order))
        return x, self.checked(labels, x)

    def some(self, most: int) -> Array:
        """Evenly spaced images, at most 8 MB of them."""
        count = max(len(self.first), min(most, _NUMBERS_AT_MOST // math.prod(self.first.shape[1:])))
        return self._images.take(np.arange(0, self._n, -(-self._n // count)))[0]

    def identity(self) -> dict[str, Any]:
        """Shape, dtype and a hash of some images and labels."""
        found, told = hashlib.sha256(), hashlib.sha256()
        rows = np.linspace(0, self._n - 1, min(self._n, _HASHED)).astype(int)
        for start in range(0, len(rows), _AT_ONCE):
            x, labels = self._images.take(rows[start : start + _AT_ONCE])
            found.update(np.ascontiguousarray(self.owner.to_numpy(x)).tobytes())
            told.update(b"" if labels is None else self.owner.to_numpy(labels).tobytes())
        return ({} if self.condition is None else {"condition": told.hexdigest()[:16]}) | {
            "batch_size": self.batch_size,
            "data shape": [self._n, *self.first.shape[1:]],
            "data dtype": str(self.first.dtype),
            "data sample": found.hexdigest()[:16],
        }
