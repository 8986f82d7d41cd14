"""Image data sets from the Hugging Face Hub."""

from __future__ import annotations

from typing import Any

import numpy as np

from scorekit._checks import check_count, check_option
from scorekit._optional import installation, optional
from scorekit.datasets._collect import collect
from scorekit.datasets._decode import Picture, need_pillow, reading, to_array
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._image_folder import as_fit
from scorekit.errors import DatasetError, InvalidTypeError, InvalidValueError, MissingBackendError, describe

__all__ = ["hub"]


def hub(
    name: str,
    *,
    split: str = "train",
    image_key: str | None = None,
    label_key: str | None = None,
    size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
    limit: int | None = None,
    skip_corrupt: bool = False,
    progress: bool = False,
    **options: Any,
) -> ImageData:
    """An image data set loaded by the library ``datasets``, which downloads it unless it is cached.

    Args:
        name: the name for ``datasets.load_dataset``, for instance "ylecun/mnist".
        split: a split, for instance "train", "test" or "train[:1000]".
        image_key: the column of images; None if there is only one.
        label_key: the column of labels; None selects the only column with classes, or no labels if there is none.
        size: pixels, a number or (height, width): each image is scaled and cropped to this size.
        crop: pixels, a number or (height, width): the center crop before scaling.
        channels: 1 (gray), 3 (color) or 4 (color and alpha) to convert; None keeps the channels of the images.
        limit: read only the first ``limit`` images.
        skip_corrupt: skip damaged images; by default they raise an error.
        progress: show a progress bar.
        options: other arguments of ``datasets.load_dataset``, such as ``data_dir`` or ``revision``.

    Returns:
        An :class:`ImageData` of shape ``(n, c, h, w)``.

    Raises:
        MissingBackendError: ``datasets`` or Pillow is not installed.
        DatasetError: the library cannot load the data set, or an image cannot be read.
        ValueError: the column does not exist; or several columns match and none is selected.

    >>> hub("ylecun/mnist", split="train[:1000]").images.shape  # doctest: +SKIP
    (1000, 1, 28, 28)
    >>> hub("ylecun/mnist", skip_corrupt="yes")  # checked before any download
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidValueError: unknown skip_corrupt 'yes': expected one of True, False.
    """
    if not isinstance(name, str):
        raise InvalidTypeError(f"name is a {describe(name)}: expected the name of a data set, as a str.")
    check_option(skip_corrupt, "skip_corrupt", (True, False))
    check_option(progress, "progress", (True, False))
    fit, most = as_fit(size, crop, channels), None if limit is None else check_count(limit, "limit")
    need_pillow()
    table = _loaded(name, split, options)
    key = _column(table.features, "Image", image_key, "image_key")
    label = _column(table.features, "ClassLabel", label_key, "label_key", needed=False)
    n = len(table) if most is None else min(most, len(table))

    def picture(place: str) -> Picture:
        with reading():
            return to_array(table[int(place)][key], fit)

    found = collect([str(i) for i in range(n)], picture, name, skip_corrupt=skip_corrupt, progress=progress)
    labels, classes = None, ()
    if label is not None:
        classes = tuple(table.features[label].names)
        labels = np.array(table[label], np.int64)[found.kept]
    terms = getattr(table.info, "license", "") or "unknown"
    source = f"https://huggingface.co/datasets/{name}"
    return ImageData(found.images, labels, classes, name, source, terms, found.levels, notes=found.notes)


def _loaded(name: str, split: str, options: dict[str, Any]) -> Any:
    library = optional("datasets", "hub()", "datasets", "pillow")
    if not hasattr(library, "load_dataset"):  # any folder named datasets can be imported
        raise MissingBackendError(
            f"hub() needs the library datasets, and {library} is something else: rename it, and install the library: "
            f"{installation('datasets', 'pillow')}"
        )
    try:
        table = library.load_dataset(name, split=split, **options)
    except Exception as error:  # network, file system or library errors
        raise DatasetError(
            f"datasets cannot load {name!r}, split {split!r} ({type(error).__name__}: {error})."
        ) from error
    if not hasattr(table, "features") or not hasattr(table, "__len__"):
        raise DatasetError(f"{name!r} returned a {type(table).__name__}: expected one split that is not streamed.")
    return table


def _column(features: Any, kind: str, key: str | None, argument: str, *, needed: bool = True) -> str | None:
    """The column ``key``, or the only column of this kind."""
    fitting = [name for name, feature in features.items() if type(feature).__name__ == kind]
    if key is None and len(fitting) == 1:
        return str(fitting[0])
    if key in fitting:
        return key
    if key is None and not fitting and not needed:
        return None
    raise InvalidValueError(
        f"{argument} is {key!r}: expected a column of kind {kind}, one of {fitting or 'none'} "
        f"(all columns: {', '.join(features)})."
    )
