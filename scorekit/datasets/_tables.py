"""Tables with a column of images and perhaps one of labels: which columns these are, and their rows as an ImageData."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from scorekit.datasets._collect import collect
from scorekit.datasets._decode import Fit, Picture, decode, reading, to_array
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._labels import LABEL_WORDS, spread
from scorekit.datasets._splits import has_word
from scorekit.errors import DatasetError, InvalidValueError

__all__ = ["Column", "Table", "Wanted", "read_table"]


class Column(NamedTuple):
    """The kind of a column, "image", "classes", "integers" or "other", and the names of its classes."""

    kind: str
    names: tuple[str, ...] = ()


class Table(NamedTuple):
    """Columns by name, the number of rows, the values of a column, and the cells of a column.

    The cells are asked for in increasing order of the rows.
    """

    where: str
    columns: Mapping[str, Column]
    n: int
    values: Callable[[str], Any]
    cells: Callable[[str], Callable[[int], Any]]


class Wanted(NamedTuple):
    """The columns, the processing and the number of images that the caller wants."""

    image_key: str | None
    label_key: str | None
    fit: Fit
    limit: int | None
    skip_corrupt: bool
    progress: bool


def read_table(table: Table, wanted: Wanted, **about: Any) -> ImageData:
    """The images and labels of a table; ``about`` are further arguments of :class:`ImageData`."""
    key = _column(table, wanted.image_key, "image_key", ("image",))
    label = None if wanted.label_key == "none" else _label(table, wanted.label_key)
    labels, notes = (None, ()) if label is None else _labels(table, label)
    chosen = spread(labels, table.n, wanted.limit)
    cell = table.cells(key)
    found = collect(
        [str(i) for i in chosen],
        lambda row: _picture(cell(int(row)), wanted.fit),
        table.where,
        skip_corrupt=wanted.skip_corrupt,
        progress=wanted.progress,
    )
    classes: tuple[str, ...] = ()
    if label is not None and labels is not None:
        classes = table.columns[label].names or tuple(str(i) for i in range(int(labels.max()) + 1))
        labels = labels[[chosen[i] for i in found.kept]]
    return ImageData(found.images, labels, classes, levels=found.levels, notes=found.notes + notes, **about)


def _picture(cell: Any, fit: Fit) -> Picture:
    """The image in a cell: a Pillow image, the bytes of a file, or a dict with them."""
    if isinstance(cell, Mapping):
        if cell.get("bytes") is None:
            raise DatasetError(
                f"it has no bytes, only the path {cell.get('path')!r}: read the folder of images instead"
            )
        cell = cell["bytes"]
    if cell is None:
        raise DatasetError("it is empty")
    if isinstance(cell, bytes):
        return decode(cell, fit)
    with reading():
        return to_array(cell, fit)


def _column(table: Table, key: str | None, argument: str, kinds: tuple[str, ...]) -> str:
    fitting = [name for name, column in table.columns.items() if column.kind in kinds]
    if key is None and len(fitting) == 1:
        return fitting[0]
    if key in fitting:
        return str(key)
    what = "images" if argument == "image_key" else "labels"
    listed = f"it has {', '.join(f'{name} ({column.kind})' for name, column in table.columns.items())}"
    if key is not None:
        raise InvalidValueError(
            f"{argument} is {key!r}, which is no column of {what} of {table.where}: expected "
            f"{' or '.join(map(repr, fitting)) or 'another data set'}; {listed}."
        )
    if not fitting:
        raise DatasetError(f"{table.where} has no column of {what}: {listed}.")
    raise InvalidValueError(
        f"{table.where} has several columns of {what}, {', '.join(fitting)}: pass {argument}={fitting[0]!r} or another."
    )


def _label(table: Table, key: str | None) -> str | None:
    """The column of labels: the only one with classes, or else the only one of integers that is named so."""
    columns = table.columns.items()
    classes = [name for name, column in columns if column.kind == "classes"]
    named = [name for name, column in columns if column.kind == "integers" and has_word(name, LABEL_WORDS)]
    if key is None and len(classes) != 1 and not (classes or named):
        return None
    if key is None and not classes and len(named) == 1:
        return named[0]
    return _column(table, key, "label_key", ("classes",) if key is None and classes else ("classes", "integers"))


def _labels(table: Table, label: str) -> tuple[Any, tuple[str, ...]]:
    """Labels int64 ``(n,)``; None with a note if they are not published, which is written as −1."""
    given = table.values(label)
    missing = sum(value is None or value == -1 for value in given)
    if missing == len(given):
        return None, (f"the column {label} has no labels (−1)",)
    if missing:
        raise DatasetError(f"{missing} of {table.n} labels in the column {label} of {table.where} are missing.")
    labels = np.array(given, np.int64)
    known = len(table.columns[label].names)
    if labels.min() < 0 or (known and labels.max() >= known):
        raise DatasetError(
            f"the column {label} of {table.where} holds labels from {labels.min()} to {labels.max()}: expected 0 to "
            f"{known - 1 if known else 'the number of classes minus 1'}."
        )
    return labels, ()
