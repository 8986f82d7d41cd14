"""Plots of noise levels and training histories."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from scorekit._checks import check_count
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.noise import NoiseDistribution, overlaps
from scorekit.plot._axes import DARK, SIZE, as_axes

__all__ = ["history", "noise_levels"]

ACCENT = "#c4622d"
"""Color of a second quantity."""


def noise_levels(noise: Any, ax: Axes | None = None, *, dim: int | None = None) -> Axes:
    """Plot noise levels on a logarithmic axis, or the density of log σ of a continuous distribution.

    With ``dim``, the axis on the right shows the overlap of each level with the one before
    (:func:`scorekit.noise.overlaps`). Annealing needs overlaps that are not small; :func:`scorekit.noise.design` aims
    at one half.

    Args:
        noise: noise levels (an object with ``sigmas``), or a distribution with ``icdf`` and ``pdf``.
        ax: the Axes; None for a new figure.
        dim: the dimension of one sample, for the overlaps of at least two noise levels. Levels made by ``design`` know
            it.

    Returns:
        The Axes; its first line shows the levels or the density. The overlaps are in ``ax.figure.axes[-1]``.

    Raises:
        InvalidTypeError: ``noise`` is neither noise levels nor a distribution of them.
        InvalidValueError: ``dim`` is given for a single level or for a continuous distribution.

    >>> import scorekit as sk
    >>> from matplotlib.figure import Figure
    >>> ax = noise_levels(sk.noise.Geometric(10.0, 0.1, 3), Figure().subplots())
    >>> ax.lines[0].get_ydata().tolist()
    [10.0, 1.0, 0.1]
    """
    if hasattr(noise, "sigmas") and not isinstance(noise, type):
        sigmas = np.asarray(noise.sigmas, dtype=float)
        size = getattr(noise, "dim", None) if dim is None else check_count(dim, "dim")
        if dim is not None and len(sigmas) < 2:
            raise InvalidValueError("one level has no overlaps: omit dim, or use at least two levels.")
        shared = None if size is None else overlaps(sigmas.tolist(), size)
        drawn = _levels(sigmas, as_axes(ax, SIZE, 0.75 * SIZE))
        return drawn if shared is None else _with_overlaps(shared, drawn)
    if isinstance(noise, NoiseDistribution):
        if dim is not None:
            raise InvalidValueError(
                f"dim is {dim!r}, but {noise!r} is a continuous distribution without levels: omit dim."
            )
        return _law(noise, as_axes(ax, SIZE, 0.75 * SIZE))
    raise InvalidTypeError(
        f"noise is a {describe(noise)}: expected noise levels or a distribution of them, for instance "
        f"sk.noise.Geometric(10.0, 0.01, 10)."
    )


def _levels(sigmas: Any, ax: Axes) -> Axes:
    style = "o-" if len(sigmas) <= 50 else "-"
    ax.semilogy(np.arange(1, len(sigmas) + 1), sigmas, style, color=DARK, markersize=4, linewidth=1)
    ax.set_xlabel(f"level $i$ of {len(sigmas)}")
    ax.set_ylabel(r"noise level $\sigma_i$")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _open(ax)
    return ax


def _with_overlaps(shared: Any, ax: Axes) -> Axes:
    """Plot the overlap of levels i and i + 1 at i + ½."""
    right = ax.twinx()
    right.plot(
        np.arange(1, len(shared) + 1) + 0.5, shared, ".:", color=ACCENT, markersize=4, linewidth=1, clip_on=False
    )
    right.axhline(0.5, color=ACCENT, linewidth=0.6, alpha=0.5)
    right.set_ylim(0, 1)
    right.set_ylabel("overlap with the level before", color=ACCENT)
    right.spines[["top", "left"]].set_visible(False)
    return ax


def _law(law: NoiseDistribution, ax: Axes) -> Axes:
    low, high = law.icdf(np.array([1e-3, 1 - 1e-3]))
    sigma = np.geomspace(low, high, 200)
    ax.semilogx(sigma, sigma * law.pdf(sigma), color=DARK, linewidth=1.5)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(r"noise level $\sigma$")
    ax.set_ylabel(r"density of $\log\,\sigma$")
    _open(ax)
    return ax


def history(history: Any, ax: Axes | None = None, *, smoothing: int | None = None) -> Axes:
    """Plot the training loss against the steps, with a running mean and the validation loss if there is one.

    Args:
        history: has ``step (k,)`` and ``loss (k,)`` and optionally ``validation_step`` and ``validation_loss``, as
            attributes or as keys. Steps with a non-finite loss (skipped steps) leave gaps.
        ax: the Axes; None for a new figure.
        smoothing: window of the centered running mean, in entries; by default 1/50 of them.

    Returns:
        The Axes; its lines are the raw loss, the running mean and the validation loss, if drawn.

    Raises:
        InvalidTypeError: ``history`` lacks ``step`` or ``loss``.
        ShapeError: two series differ in length, or ``loss`` is empty.
        InvalidValueError: ``smoothing`` is below 1.

    >>> import numpy as np, types
    >>> from matplotlib.figure import Figure
    >>> run = types.SimpleNamespace(step=np.arange(100), loss=1 / (1 + np.arange(100)))
    >>> ax = history(run, Figure().subplots(), smoothing=5)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['each step', 'mean of 5 steps']
    """
    step, loss = _series(history, "step", "loss", required=True)
    window = max(1, len(loss) // 50) if smoothing is None else check_count(smoothing, "smoothing")
    at, validation = _series(history, "validation_step", "validation_loss", required=False)
    ax = as_axes(ax, 1.25 * SIZE, 0.8 * SIZE)
    faint: dict[str, Any] = {"alpha": 0.3, "linewidth": 0.8} if window > 1 else {"linewidth": 1.2}
    ax.plot(step, loss, color=DARK, label="each step" if window > 1 else "training", **faint)
    if window > 1:
        ax.plot(step, _running_mean(loss, window), color=DARK, linewidth=1.5, label=f"mean of {window} steps")
    if len(at):
        ax.plot(at, validation, "s--", color=ACCENT, markersize=3.5, linewidth=1.2, label="validation")
    _frame_losses(ax, loss, validation)
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    ax.legend(fontsize="small", framealpha=0.85)
    _open(ax)
    return ax


def _series(source: Any, x: str, y: str, *, required: bool) -> tuple[Any, Any]:
    pair = [source.get(name) if isinstance(source, Mapping) else getattr(source, name, None) for name in (x, y)]
    if pair[0] is None or pair[1] is None:
        if required:
            raise InvalidTypeError(
                f"history is a {describe(source)} without {x} and {y}: expected result.history of sk.fit."
            )
        return np.empty(0), np.empty(0)
    a, b = (np.asarray(values, dtype=float) for values in pair)
    if a.ndim != 1 or a.shape != b.shape or (required and a.size == 0):
        raise ShapeError(
            f"{x} has shape {a.shape}, {y} has shape {b.shape}: expected two series of equal length, not empty."
        )
    return a, b


def _running_mean(values: Any, window: int) -> Any:
    """The mean of the finite entries in a window around each entry, smaller at the ends; NaN if none is finite."""
    half = window // 2
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    start = np.clip(np.arange(len(values)) - half, 0, None)
    stop = np.clip(np.arange(len(values)) - half + window, None, len(values))
    number = counts[stop] - counts[start]
    return np.where(number > 0, (sums[stop] - sums[start]) / np.maximum(number, 1), math.nan)


def _frame_losses(ax: Axes, loss: Any, validation: Any) -> None:
    """Set limits from the middle 99 % of the losses and all validation losses, so that outliers do not dominate."""
    finite = loss[np.isfinite(loss)]
    if finite.size < 100:
        return
    low, high = np.percentile(finite, [0.5, 99.5])
    kept = np.array([low, high, *validation[np.isfinite(validation)]])
    low, high = float(kept.min()), float(kept.max())
    if high > low:
        ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))


def _open(ax: Axes) -> None:
    """Remove the top and right spines."""
    ax.spines[["top", "right"]].set_visible(False)
