"""Sources of batches. The batch of a step is a function of only the seed and the step."""

from __future__ import annotations

from typing import Any

from scorekit.datasets import ImageBatches, ImageData
from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.training.sources.base import Batch, Source, without_length
from scorekit.training.sources.images import Images
from scorekit.training.sources.loaders import Loader
from scorekit.training.sources.rows import Arrays, Dataset

__all__ = ["Batch", "Source", "open_source"]


def open_source(data: Any, batch_size: int | None, seed: int, *, skip: bool = False) -> Source:
    """The source for the argument ``data`` of ``fit``. With ``skip``, items and batches may contain NaN."""
    if isinstance(data, ImageData):
        raise InvalidTypeError(
            "data is an ImageData: pass data.batches('torch'), which converts images batch by batch, or the array "
            "data.images. For another backend than PyTorch write its name."
        )
    if isinstance(data, ImageBatches):
        return Images(data, batch_size, seed)
    if isinstance(data, (tuple, list)) and len(data) == 2 and hasattr(data[0], "shape"):
        return Arrays(data[0], data[1], batch_size, seed)
    if hasattr(data, "shape") or not hasattr(data, "__len__") or isinstance(data, (list, tuple, str, bytes, dict)):
        return Arrays(_array_or_advice(data), None, batch_size, seed)
    if hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        if batch_size is not None:
            raise InvalidValueError(
                f"batch_size is {batch_size} and data is a loader, a {describe(data)}, which has its own batch size: "
                "omit batch_size."
            )
        return Loader(data, seed, skip=skip)
    return Dataset(data, batch_size, seed, skip=skip)


def _array_or_advice(data: Any) -> Any:
    if (
        hasattr(data, "__iter__")
        and not hasattr(data, "shape")
        and not isinstance(data, (list, tuple, str, bytes, dict))
    ):
        raise without_length(data)
    return data
