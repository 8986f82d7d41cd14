"""The file that a film goes to."""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure

from scorekit._checks import check_path
from scorekit.errors import InvalidValueError

__all__ = ["check_gif", "freeze_layout", "write_gif"]


def freeze_layout(figure: Figure) -> None:
    """One layout serves all frames, and working it out again is most of the cost of a frame."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def check_gif(path: str | os.PathLike[str]) -> Path:
    """The path of a GIF that can be written."""
    target = check_path(path, "path")
    if target.suffix.lower() != ".gif":
        raise InvalidValueError(
            f"path is {str(target)!r}: expected a name that ends in .gif. For a film write "
            "the returned animation with .save('film.mp4'), which needs ffmpeg."
        )
    if not target.parent.is_dir():
        raise InvalidValueError(
            f"cannot write {str(target)!r}: the folder {str(target.parent)!r} does not exist. Create it first."
        )
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise InvalidValueError(
            f"cannot write {str(target)!r}: no permission, or a folder has this name. Choose another."
        )
    return target


def write_gif(animation: FuncAnimation, target: Path, fps: float, dpi: int) -> None:
    """Draw all frames into the file."""
    try:
        animation.save(target, writer=PillowWriter(fps=fps), dpi=dpi)  # type: ignore[arg-type]
    except OSError as error:
        raise InvalidValueError(f"cannot write {str(target)!r}: {error}. Choose another folder.") from error
