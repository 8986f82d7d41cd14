"""Animations of chains."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scorekit._checks import check_count, check_positive
from scorekit.plot._axes import DARK, SIZE, Limits, as_axes, as_box, box_of, style_plane
from scorekit.plot._gif import check_gif, freeze_layout, write_gif
from scorekit.plot._plane import draw_backdrop, make_backdrop
from scorekit.plot._states import shown_frames
from scorekit.plot.points import trajectory_of

__all__ = ["animate_chains"]


def animate_chains(
    trajectory: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    background: Any = None,
    limits: Limits | None = None,
    fps: float = 12,
    every: int | None = None,
    dpi: int = 80,
) -> FuncAnimation:
    """Animate chains in the plane, and write a GIF if ``path`` is not None.

    Without ``ax`` the figure does not belong to pyplot: it need not be closed, and a notebook shows only
    ``HTML(animation.to_jshtml())`` and no still image. To show the animation in a window, pass an ``ax`` of pyplot and
    call ``plt.show()``.

    Args:
        trajectory: the kept states ``(kept, n, 2)``, or the ``Samples`` that contain them.
        path: a file name that ends in ``.gif``, in an existing folder; None writes no file.
        ax: the Axes; None for a new figure.
        background: a distribution or a log-density, drawn as regions with 50, 90 and 99 % of the mass.
        limits: r for [−r, r]², (low, high), or ((x0, x1), (y0, y1)); by default the bounding box of all states.
        fps: frames per second, positive.
        every: show each ``every``-th kept state, and the last; by default about 60 frames.
        dpi: dots per inch of the GIF, whose panel is 4 × 4 inches.

    Returns:
        The FuncAnimation. Keep a reference and render or save it: matplotlib warns if an animation is deleted
        unrendered.

    Raises:
        ShapeError: ``trajectory`` is not ``(kept, n, 2)``.
        InvalidTypeError: ``trajectory`` is not an array, or the ``Samples`` have no trajectory.
        InvalidValueError: ``path`` cannot be written (no figure is drawn then), or ``limits``, ``fps``, ``every`` or
            ``dpi`` is out of range.

    >>> import numpy as np, tempfile, os
    >>> states = np.random.default_rng(0).normal(size=(5, 30, 2)).cumsum(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animation = animate_chains(states, os.path.join(folder, "chains.gif"))
    ...     os.listdir(folder)
    ['chains.gif']
    """
    states = trajectory_of(trajectory)
    target = None if path is None else check_gif(path)
    frames = shown_frames(len(states), every)
    fps, dpi = check_positive(fps, "fps"), check_count(dpi, "dpi")
    box = box_of(states) if limits is None else as_box(limits)
    backdrop = make_backdrop(background, box)
    own = Figure(figsize=(SIZE, SIZE), layout="constrained") if ax is None else None
    ax = own.subplots() if own is not None else as_axes(ax)
    draw_backdrop(ax, backdrop)
    animation = _animation(ax, states, frames, fps)
    style_plane(ax, box)
    if own is not None:
        freeze_layout(own)
    if target is not None:
        write_gif(animation, target, fps, dpi)
    return animation


def _animation(ax: Axes, states: Any, frames: list[int], fps: float) -> FuncAnimation:
    n = states.shape[1]
    area, alpha = float(np.clip(6000 / n, 3, 16)), float(np.clip(800 / n, 0.4, 0.85))
    dots = ax.scatter(states[0, :, 0], states[0, :, 1], s=area, c=DARK, alpha=alpha, linewidths=0, zorder=2)
    title = ax.set_title(_caption(0, len(states), n), fontsize="medium")

    def show(frame: int) -> tuple[Any, ...]:
        dots.set_offsets(states[frame])
        title.set_text(_caption(frame, len(states), n))
        return dots, title

    figure = ax.get_figure(root=True)
    assert figure is not None
    return FuncAnimation(figure, show, frames=frames, interval=1000 / fps, blit=False, cache_frame_data=False)


def _caption(frame: int, kept: int, n: int) -> str:
    return f"{n:,} chains, state {frame + 1:,} of {kept:,}"
