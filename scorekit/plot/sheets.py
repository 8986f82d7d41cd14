"""Several panels on one sheet."""

from __future__ import annotations

import os
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from scorekit._checks import check_count, check_path, check_positive
from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.plot._axes import SIZE

__all__ = ["panels", "write"]


def panels(columns: int, rows: int = 1, *, size: float = SIZE, title: str | None = None) -> tuple[Figure, Any]:
    """A sheet of ``rows`` by ``columns`` panels, each ``size`` inches high and a little wider for a color bar.

    The figure does not belong to pyplot: there is nothing to close.

    Returns:
        The figure, and its Axes as a list in reading order.

    >>> figure, axes = panels(3)
    >>> len(axes)
    3
    """
    check_count(columns, "columns")
    check_count(rows, "rows")
    size = check_positive(size, "size")
    figure = Figure(figsize=(columns * size * 1.08, rows * size), layout="constrained")
    FigureCanvasAgg(figure)
    if title is not None:
        figure.suptitle(title)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def write(figure: Figure | SubFigure, path: str | os.PathLike[str], dpi: int = 150, *, close: bool = False) -> None:
    """Write the figure to a file whose ending says the format; a place that cannot be written raises ``ValueError``.

    ``close`` lets pyplot forget it then, as a program that draws many figures must.

    >>> import pathlib, tempfile
    >>> figure, axes = panels(2)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     write(figure, place + "/sheet.png", dpi=50)
    ...     pathlib.Path(place, "sheet.png").exists()
    True
    """
    if not isinstance(figure, Figure):
        raise InvalidTypeError(f"figure is a {describe(figure)}: expected a matplotlib Figure. Of Axes: ax.figure.")
    target, dpi = check_path(path, "path"), check_count(dpi, "dpi")
    try:
        figure.savefig(target, dpi=dpi)
    except ValueError as error:
        raise InvalidValueError(f"cannot write {path}: {error}.") from error
    except OSError as error:
        raise InvalidValueError(
            f"cannot write {path} ({error.strerror or error}): name a file in a folder that exists and may be written."
        ) from error
    finally:
        if close:
            from matplotlib import pyplot

            pyplot.close(figure)
