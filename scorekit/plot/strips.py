"""Plots and animations of images at the kept states of a sampler."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scorekit._arrays import check_batch, host
from scorekit._checks import check_count, check_positive
from scorekit.errors import ShapeError
from scorekit.plot._axes import SIZE, as_axes
from scorekit.plot._gif import check_gif, freeze_layout, write_gif
from scorekit.plot._states import kept_states, shown_frames, state_names
from scorekit.plot.images import channels_last, check_shades, columns_of, scaled, tile

__all__ = ["animate_images", "image_strip"]

_EXPECTED = "(kept, n, c, h, w), (kept, n, h, w, c) or (kept, n, h, w)"


def image_strip(
    trajectory: Any,
    ax: Axes | None = None,
    *,
    rows: int = 8,
    columns: int = 10,
    labels: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    gap: int = 1,
) -> Axes:
    """Plot images at successive kept states: one row per sample, one column per state, the last state at the right.

    Args:
        trajectory: the kept states ``(kept, n, c, h, w)``, or the ``Samples`` that contain them; channels as in
            :func:`image_grid`. With ``keep_every=steps_per_level`` a sampler keeps one state per level.
        ax: the Axes; None for a new figure.
        rows: the number of samples to show, starting with the first.
        columns: largest number of states to show, evenly spaced, including the first and the last.
        labels: a name for each kept state. By default, for ``Samples``, the noise level of the step that led to it, or
            "denoised" after the last step of an annealed sampler.
        limits: the values of black and white; values outside are clipped. By default the smallest and largest value of
            the last column, so noisy states are mostly black and white.
        gap: pixels between images, at least 0.

    Returns:
        The Axes; its image contains all tiles, its ticks are the labels.

    Raises:
        ShapeError: ``trajectory`` has the wrong shape, or the number of ``labels`` is not that of the kept states.
        InvalidTypeError: ``trajectory`` is not an array, or the ``Samples`` have no trajectory.
        InvalidValueError: ``trajectory`` holds NaN or infinity, or ``rows``, ``columns``, ``limits`` or ``gap`` is out
            of range.

    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = image_strip(np.random.default_rng(0).random((20, 3, 1, 8, 8)), Figure().subplots(), columns=4)
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['state 1', 'state 7', 'state 14', 'state 20']
    """
    states = _states(trajectory)
    kept, n = states.shape[:2]
    names = state_names(trajectory, labels, kept)
    chosen = np.unique(np.linspace(0, kept - 1, min(kept, check_count(columns, "columns"))).round().astype(int))
    shown = np.stack([_pixels(states, k, min(n, check_count(rows, "rows"))) for k in chosen], axis=1)
    shades = scaled(shown.reshape(-1, *shown.shape[2:]), _limits(shown[:, -1], limits))
    gap = check_count(gap, "gap", minimum=0)
    tiles = tile(shades, len(chosen), gap)
    width = max(SIZE, 0.75 * len(chosen))
    ax = as_axes(ax, width, max(0.2 * SIZE, 0.3 + width * tiles.shape[0] / tiles.shape[1]))
    ax.imshow(tiles, interpolation="nearest")
    pitch = shown.shape[3] + gap
    ax.set_xticks([(pitch - gap - 1) / 2 + pitch * i for i in range(len(chosen))], [names[k] for k in chosen])
    ax.tick_params(top=False, labeltop=True, bottom=False, labelbottom=False, labelsize="x-small")
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    return ax


def animate_images(
    trajectory: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    ax: Axes | None = None,
    columns: int | None = None,
    labels: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    gap: int = 1,
    fps: float = 12,
    every: int | None = None,
    dpi: int = 80,
) -> FuncAnimation:
    """Animate a grid of images over the kept states, and write a GIF if ``path`` is not None.

    Without ``ax`` the figure does not belong to pyplot, as for :func:`animate_chains`.

    Args:
        trajectory: the kept states, as for :func:`image_strip`. All samples are shown: pass the first few of many,
            ``samples.trajectory[:, :16]``, with ``labels`` if the states need names.
        path: a file name that ends in ``.gif``, in an existing folder; None writes no file.
        ax: the Axes; None for a new figure.
        columns: images per row; by default the grid is nearly square.
        labels: a name for each kept state, as for :func:`image_strip`.
        limits: the values of black and white; values outside are clipped. By default the smallest and largest value of
            the last state.
        gap: pixels between images, at least 0.
        fps: frames per second, positive.
        every: show each ``every``-th kept state, and the last; by default about 60 frames.
        dpi: dots per inch of the GIF, which is 4 inches wide.

    Returns:
        The FuncAnimation. Keep a reference and render or save it: matplotlib warns if an animation is deleted
        unrendered.

    Raises:
        ShapeError: ``trajectory`` is not images, or the number of ``labels`` is not that of the kept states.
        InvalidTypeError: ``trajectory`` is not an array, or the ``Samples`` have no trajectory.
        InvalidValueError: ``path`` cannot be written (no figure is drawn then), or another argument is out of range.

    >>> import numpy as np, tempfile, os
    >>> states = np.random.default_rng(0).random((5, 4, 8, 8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animation = animate_images(states, os.path.join(folder, "levels.gif"))
    ...     os.listdir(folder)
    ['levels.gif']
    """
    states = _states(trajectory)
    kept, n = states.shape[:2]
    target = None if path is None else check_gif(path)
    names, frames = state_names(trajectory, labels, kept), shown_frames(kept, every)
    fps, dpi, gap = check_positive(fps, "fps"), check_count(dpi, "dpi"), check_count(gap, "gap", minimum=0)
    last = _pixels(states, kept - 1, n)
    bounds, across = _limits(last, limits), columns_of(last, columns)

    def sheet(frame: int) -> Any:
        return tile(scaled(_pixels(states, frame, n), bounds), across, gap)

    first = sheet(frames[0])
    size = (SIZE, 0.35 + SIZE * first.shape[0] / first.shape[1])
    own = Figure(figsize=size, layout="constrained") if ax is None else None
    ax = own.subplots() if own is not None else as_axes(ax)
    picture = ax.imshow(first, interpolation="nearest")
    title = ax.set_title(names[frames[0]], fontsize="medium")
    ax.set_axis_off()

    def show(frame: int) -> tuple[Any, ...]:
        picture.set_data(sheet(frame))
        title.set_text(names[frame])
        return picture, title

    figure = ax.get_figure(root=True)
    assert figure is not None
    animation = FuncAnimation(figure, show, frames=frames, interval=1000 / fps, blit=False, cache_frame_data=False)
    if own is not None:
        freeze_layout(own)
    if target is not None:
        write_gif(animation, target, fps, dpi)
    return animation


def _states(trajectory: Any) -> Any:
    """The kept states, checked without copying them to the CPU."""
    states = check_batch(kept_states(trajectory, _EXPECTED), "trajectory")
    if states.ndim not in (4, 5):
        raise ShapeError(f"trajectory has shape {tuple(states.shape)}: expected {_EXPECTED}.")
    return states


def _pixels(states: Any, k: int, rows: int) -> Any:
    """The first ``rows`` images of state k, ``(rows, h, w, c)``, on the CPU."""
    return channels_last(host(states[k, :rows, ...]))


def _limits(last: Any, limits: tuple[float, float] | None) -> tuple[float, float]:
    """The given limits, or those of the last state; a constant last state is shown as medium gray."""
    if limits is not None:
        return check_shades(limits)
    low, high = float(last.min()), float(last.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)
