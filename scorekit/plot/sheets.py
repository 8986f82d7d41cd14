"""Figures with several panels, and writing figures to files."""

from __future__ import annotations

import os
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from scorekit._checks import check_count, check_option, check_path, check_positive
from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.plot._axes import SIZE
from scorekit.storage.files import replacing

__all__ = ["panels", "write"]


def panels(columns: int, rows: int = 1, *, size: float = SIZE, title: str | None = None) -> tuple[Figure, Any]:
    """A figure of ``rows`` by ``columns`` panels, each ``size`` inches high and slightly wider for a color bar.

    The figure does not belong to pyplot and need not be closed.

    Args:
        columns: number of columns, at least 1.
        rows: number of rows, at least 1.
        size: height of a panel in inches, positive.
        title: title of the figure; None for no title.

    Returns:
        The figure, and a list of its Axes in reading order.

    Raises:
        InvalidTypeError: ``columns`` or ``rows`` is not an integer, or ``size`` is not a number.
        InvalidValueError: ``columns`` or ``rows`` is below 1, or ``size`` is not positive.

    >>> figure, axes = panels(3)
    >>> len(axes)
    3
    """
    columns, rows = check_count(columns, "columns"), check_count(rows, "rows")
    size = check_positive(size, "size")
    figure = Figure(figsize=(columns * size * 1.08, rows * size), layout="constrained")
    FigureCanvasAgg(figure)
    if title is not None:
        if not isinstance(title, str):
            raise InvalidTypeError(f"title is a {describe(title)}: expected a string, or None.")
        figure.suptitle(title)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def write(figure: Figure | SubFigure, path: str | os.PathLike[str], dpi: int = 150, *, close: bool = False) -> None:
    """Write the figure to a file; the file name extension sets the format. A symbolic link of this name is replaced.

    Args:
        figure: a matplotlib Figure.
        path: the file name, in an existing folder.
        dpi: dots per inch, at least 1.
        close: also close the figure in pyplot, for programs that draw many figures.

    Raises:
        InvalidTypeError: ``figure`` is not a matplotlib Figure, or ``path`` is not a path.
        InvalidValueError: the file cannot be written, or its format is unknown.

    >>> import pathlib, tempfile
    >>> figure, axes = panels(2)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     write(figure, place + "/sheet.png", dpi=50)
    ...     pathlib.Path(place, "sheet.png").exists()
    True
    """
    if not isinstance(figure, Figure):
        raise InvalidTypeError(f"figure is a {describe(figure)}: expected a matplotlib Figure. For Axes use ax.figure.")
    target, dpi = check_path(path, "path"), check_count(dpi, "dpi")
    check_option(close, "close", (True, False))
    if not target.suffix:
        target = target.with_suffix(f".{figure.canvas.get_default_filetype()}")
    try:
        with replacing(target, ending=target.suffix) as new:
            figure.savefig(new, dpi=dpi)
    except ValueError as error:
        raise InvalidValueError(f"cannot write {path}: {error}.") from error
    except OSError as error:
        raise InvalidValueError(
            f"cannot write {path} ({error.strerror or error}): choose a file in an existing, writable folder."
        ) from error
    finally:
        if close:
            from matplotlib import pyplot

            pyplot.close(figure)
