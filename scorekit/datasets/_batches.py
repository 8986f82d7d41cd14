"""Images as a data set for training, converted to float32 batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from scorekit.datasets._pixels import floats
from scorekit.protocols import Array, Backend

if TYPE_CHECKING:
    from scorekit.datasets._image_data import ImageData

__all__ = ["ImageBatches"]


class ImageBatches:
    """The images of an :class:`ImageData` as a data set of arrays of a backend (:meth:`ImageData.batches`).

    Index it for one image, or for an image and its label; :meth:`take` returns many.

    >>> import scorekit as sk
    >>> images = sk.datasets.digits().batches("numpy", labels=True)
    >>> x, label = images[3]
    >>> x.shape, int(label)
    ((1, 8, 8), 3)
    """

    def __init__(
        self, data: ImageData, owner: Backend, labels: Any, transform: Callable[[Array], Array] | None
    ) -> None:
        self.data, self.owner = data, owner
        self.labels, self._transform = labels, transform

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"{self.data!r} in batches of {self.owner.name}"

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index}: expected {-len(self)} to {len(self) - 1} for {len(self)} images.")
        x, label = self.take(np.array([index]))
        return x[0] if label is None else (x[0], label[0])

    def take(self, rows: Any) -> tuple[Array, Array | None]:
        """The images of these rows ``(k, c, h, w)``, transformed; and their labels ``(k,)`` or None."""
        data = self.data
        chosen = rows if data.rows is None else data.rows[rows]
        x = self.owner.asarray(np.array(floats(data.stored, data.levels, chosen), order="C", copy=None))
        if self._transform is not None:
            x = self._transform(x)
        return x, None if self.labels is None else self.owner.asarray(self.labels[rows])
