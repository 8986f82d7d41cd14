"""Images in Parquet files, as the Hugging Face Hub stores them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scorekit._checks import check_count, check_option, check_path
from scorekit._optional import optional
from scorekit.datasets._files import some
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._image_folder import as_fit
from scorekit.datasets._splits import SPLITS, has_word, split_of
from scorekit.datasets._tables import Column, Table, Wanted, read_table
from scorekit.errors import DatasetError, InvalidValueError, ScorekitError

__all__ = ["parquet"]

_AT_ONCE = 64  # rows


def parquet(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    image_key: str | None = None,
    label_key: str | None = None,
    size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
    background: Any = None,
    limit: int | None = None,
    skip_corrupt: bool = False,
    progress: bool = False,
) -> ImageData:
    """Images in a Parquet file, or in the Parquet files of a folder in the order of their names.

    A column of images holds the bytes of image files, or structs ``{bytes, path}`` as on the Hugging Face Hub, whose
    metadata also name the classes. Needs the packages pyarrow and Pillow.

    Args:
        path: a Parquet file, or a folder; the files may be in its subfolders.
        split: "train", "val" or "test": the files with this word in their name. None for "train" if names contain such
            words, else for all files.
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

    Returns:
        An :class:`ImageData` of shape ``(n, c, h, w)``.

    Raises:
        MissingBackendError: pyarrow or Pillow is not installed.
        DatasetError: there is no Parquet file; a file or an image is damaged.
        ValueError: the column does not exist; or several columns match and none is selected.

    >>> parquet("no/such/file.parquet")
    Traceback (most recent call last):
        ...
    scorekit.errors.DatasetError: no/such/file.parquet does not exist: expected a Parquet file, or a folder of them.
    """
    check_option(split, "split", (None, *SPLITS))
    check_option(skip_corrupt, "skip_corrupt", (True, False))
    check_option(progress, "progress", (True, False))
    most = None if limit is None else check_count(limit, "limit")
    wanted = Wanted(image_key, label_key, as_fit(size, crop, channels, background), most, skip_corrupt, progress)
    place = check_path(path, "path")
    files = _files(place, split)
    with _opened(files) as (opened, columns):
        n = sum(file.metadata.num_rows for file in opened)
        table = Table(str(place), columns, n, _values_of(opened), _cells_of(opened))
        return read_table(table, wanted, name=place.stem, source=str(place))


def _files(place: Path, split: str | None) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise DatasetError(f"{place} does not exist: expected a Parquet file, or a folder of them.")
    files = sorted(file for file in place.rglob("*.parquet") if file.is_file() and not file.name.startswith("."))
    if not files:
        raise DatasetError(f"{place} contains {some(os.listdir(place))}: expected files that end in .parquet.")
    parts = [file for file in files if split_of(file.stem)]
    if not parts and split is not None:
        raise InvalidValueError(
            f"split is {split!r}, and no file is named so: {some(file.name for file in files)}. Omit split."
        )
    chosen = [file for file in parts if has_word(file.stem, SPLITS[split or "train"])]
    if parts and not chosen:
        raise InvalidValueError(
            f"{place} has no file of the split {split or 'train'!r}: {some(file.name for file in parts)}."
        )
    return chosen or files


@contextmanager
def _opened(files: list[Path]) -> Iterator[tuple[list[Any], dict[str, Column]]]:
    """The open files and their columns. Damage raises ``DatasetError``."""
    ParquetFile = optional("pyarrow.parquet", "parquet()", "pyarrow", "pillow").ParquetFile
    where = files[0] if len(files) == 1 else files[0].parent
    try:
        opened = [ParquetFile(file) for file in files]
        columns = [_columns(file.schema_arrow) for file in opened]
        odd = [file.name for file, found in zip(files, columns, strict=True) if found != columns[0]]
        if odd:
            raise DatasetError(f"the files of {where} have different columns: {some(odd)} unlike {files[0].name}.")
        yield opened, columns[0]
    except ScorekitError:
        raise
    except Exception as error:  # pyarrow raises many exception types for damaged files
        reason = str(error) or type(error).__name__
        raise DatasetError(f"{where} is damaged, or not Parquet ({reason}). Download it again.") from error


def _columns(schema: Any) -> dict[str, Column]:
    """The kinds of the columns, and the names of classes in the metadata of Hugging Face."""
    features: Any = {}
    with suppress(ValueError, KeyError, TypeError, RecursionError):  # without metadata the types are enough
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    return {field.name: _kind(field.type, _feature(features, field.name)) for field in schema}


def _feature(features: Any, name: str) -> dict[str, Any]:
    feature = features.get(name) if isinstance(features, dict) else None
    return feature if isinstance(feature, dict) else {}


def _kind(kind: Any, feature: dict[str, Any]) -> Column:
    from pyarrow import types

    names = feature.get("names")
    if feature.get("_type") == "ClassLabel" and isinstance(names, list) and types.is_integer(kind):
        return Column("classes", tuple(map(str, names)))
    inside = kind.field("bytes").type if types.is_struct(kind) and kind.get_field_index("bytes") >= 0 else kind
    if types.is_binary(inside) or types.is_large_binary(inside):
        return Column("image")
    return Column("integers" if types.is_integer(kind) else "other")


def _values_of(opened: list[Any]) -> Callable[[str], Any]:
    return lambda key: [value for file in opened for value in file.read(columns=[key]).column(key).to_pylist()]


def _cells_of(opened: list[Any]) -> Callable[[str], Callable[[int], Any]]:
    """A function that returns the cell of a row. Rows are asked for in increasing order, and read a few at a time."""

    def cells(key: str) -> Callable[[int], Any]:
        stream = enumerate(
            cell
            for file in opened
            for batch in file.iter_batches(_AT_ONCE, columns=[key])
            for cell in batch.column(0).to_pylist()
        )
        return lambda row: next(cell for i, cell in stream if i == row)

    return cells
