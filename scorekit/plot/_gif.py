"""Writing animations to GIF files."""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure

from scorekit._checks import check_path
from scorekit.errors import InvalidValueError
from scorekit.storage.files import replacing

__all__ = ["check_gif", "freeze_layout", "write_gif"]


def freeze_layout(figure: Figure) -> None:
    """Compute the layout once for all frames; the layout is most of the cost of a frame."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def check_gif(path: str | os.PathLike[str]) -> Path:
    """``path`` as the path of a GIF file that can be written."""
    target = check_path(path, "path")
    if target.suffix.lower() != ".gif":
        raise InvalidValueError(
            f"path is {str(target)!r}: expected a name that ends in .gif. For a video use "
            "the returned animation: .save('video.mp4'), which needs ffmpeg."
        )
    if not target.parent.is_dir():
        raise InvalidValueError(
            f"cannot write {str(target)!r}: the folder {str(target.parent)!r} does not exist. Create it first."
        )
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise InvalidValueError(
            f"cannot write {str(target)!r}: no permission, or a folder has this name. Choose another path."
        )
    return target


def write_gif(animation: FuncAnimation, target: Path, fps: float, dpi: int) -> None:
    """Draw all frames and write the file."""
    try:
        with replacing(target, ending=target.suffix) as new:
            animation.save(new, writer=PillowWriter(fps=fps), dpi=dpi)  # type: ignore[arg-type]
    except OSError as error:
        raise InvalidValueError(f"cannot write {str(target)!r}: {error}. Choose another folder.") from error
