"""Image data sets of the library ``datasets``: from the Hugging Face Hub, from its folders, or loaded already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scorekit._checks import check_count, check_option
from scorekit._optional import installation, optional
from scorekit.datasets._decode import reading
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._image_folder import as_fit
from scorekit.datasets._tables import Column, Table, Wanted, read_table
from scorekit.errors import DatasetError, InvalidTypeError, InvalidValueError, MissingBackendError, describe

__all__ = ["hub"]

_ON_DISK = ("state.json", "dataset_dict.json")


def hub(
    dataset: Any,
    *,
    split: str | None = None,
    config: str | None = None,
    revision: str | None = None,
    image_key: str | None = None,
    label_key: str | None = None,
    size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
    background: Any = None,
    limit: int | None = None,
    skip_corrupt: bool = False,
    progress: bool = False,
    options: Mapping[str, Any] | None = None,
) -> ImageData:
    """An image data set of the library ``datasets``, which downloads it unless it is cached.

    Args:
        dataset: the name of a data set on the Hub, for instance "ylecun/mnist"; the path of a folder that
            ``save_to_disk`` wrote; or a ``Dataset`` or ``DatasetDict`` that is loaded already.
        split: a split, for instance "train", "test" or "train[:1000]"; None for "train", or for all rows of a data set
            that is not divided.
        config: the name of the configuration, the argument ``name`` of ``datasets.load_dataset``.
        revision: the version on the Hub.
        image_key: the column of images; None if there is only one.
        label_key: the column of labels, classes or integers from 0; "none" for no labels. None selects the only column
            with classes, or else the only one of integers with a name such as "label"; without one there are no labels.
        size: pixels, a number or (height, width): each image is scaled and cropped to this size.
        crop: pixels, a number or (height, width): the center crop before scaling.
        channels: 1 (gray), 3 (color) or 4 (color and alpha) to convert; None keeps the channels of the images.
        background: the color under transparent pixels, as in :func:`image_folder`.
        limit: read only ``limit`` images: the first of each class in the proportions of the classes.
        skip_corrupt: skip damaged images; by default they raise an error.
        progress: show a progress bar.
        options: other arguments of ``datasets.load_dataset``, such as ``{"data_dir": …}``.

    Returns:
        An :class:`ImageData` of shape ``(n, c, h, w)``.

    Raises:
        MissingBackendError: ``datasets`` or Pillow is not installed.
        DatasetError: the library cannot load the data set, or an image cannot be read.
        ValueError: the column or the split does not exist; or several columns match and none is selected.

    >>> hub("ylecun/mnist", split="train[:1000]").images.shape  # doctest: +SKIP
    (1000, 1, 28, 28)
    >>> hub("ylecun/mnist", skip_corrupt="yes")  # checked before any download
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidValueError: unknown skip_corrupt 'yes': expected one of True, False.
    """
    check_option(skip_corrupt, "skip_corrupt", (True, False))
    check_option(progress, "progress", (True, False))
    most = None if limit is None else check_count(limit, "limit")
    wanted = Wanted(image_key, label_key, as_fit(size, crop, channels, background), most, skip_corrupt, progress)
    given = str(dataset) if isinstance(dataset, (str, Path)) else ""
    rows, whole = _loaded(given, split or "train", config, revision, options) if given else (dataset, True)
    rows = _one_split(rows, split, whole, given or "the data set")
    about, local = rows.info, not given or Path(given).exists()
    return read_table(
        _as_table(rows, given or "the data set"),
        wanted,
        name=Path(given).name or "dataset" if local else given,
        source=given if local else f"https://huggingface.co/datasets/{given}",
        license=getattr(about, "license", "") or "unknown",
    )


def _loaded(
    name: str, split: str, config: str | None, revision: str | None, options: Mapping[str, Any] | None
) -> tuple[Any, bool]:
    """The data set, and whether it is the whole of a folder that ``save_to_disk`` wrote."""
    library = optional("datasets", "hub()", "datasets", "pillow")
    if not hasattr(library, "load_dataset"):  # any folder named datasets can be imported
        raise MissingBackendError(
            f"hub() needs the library datasets, and {library} is something else: rename it, and install the library: "
            f"{installation('datasets', 'pillow')}"
        )
    more = {"name": config, "revision": revision, **(options or {})}
    try:
        if any((Path(name) / file).is_file() for file in _ON_DISK):
            return library.load_from_disk(name), True
        return library.load_dataset(name, split=split, **{k: v for k, v in more.items() if v is not None}), False
    except Exception as error:  # network, file system or library errors
        raise DatasetError(
            f"datasets cannot load {name!r}, split {split!r} ({type(error).__name__}: {error})."
        ) from error


def _one_split(dataset: Any, split: str | None, whole: bool, name: str) -> Any:
    """The rows of one split."""
    if isinstance(dataset, Mapping):
        if (split or "train") not in dataset:
            raise InvalidValueError(
                f"split is {split or 'train'!r}: {name} has {', '.join(map(str, dataset)) or 'none'}."
            )
        dataset, whole = dataset[split or "train"], False
    if not hasattr(dataset, "features") or not hasattr(dataset, "__len__"):
        raise InvalidTypeError(
            f"dataset is a {describe(dataset)}: expected the name of a data set on the Hub, a folder of save_to_disk, "
            "or a Dataset that is not streamed."
        )
    if whole and split is not None and split != str(dataset.split):
        raise InvalidValueError(f"split is {split!r}, and {name} is not divided (split {dataset.split}): omit split.")
    return dataset.with_format(None) if hasattr(dataset, "with_format") else dataset


def _as_table(dataset: Any, name: str) -> Table:
    def cells(key: str) -> Callable[[int], Any]:
        def cell(row: int) -> Any:
            with reading():
                return dataset[row][key]

        return cell

    columns = {key: _kind(feature) for key, feature in dataset.features.items()}
    return Table(name, columns, len(dataset), lambda key: dataset[key][:], cells)


def _kind(feature: Any) -> Column:
    kind = type(feature).__name__
    if kind == "ClassLabel":
        return Column("classes", tuple(feature.names))
    if kind == "Image" or (isinstance(feature, Mapping) and "bytes" in feature):
        return Column("image")
    dtype = str(getattr(feature, "dtype", ""))
    if kind == "Value" and dtype in ("binary", "large_binary"):
        return Column("image")
    return Column("integers" if kind == "Value" and dtype.startswith(("int", "uint")) else "other")
