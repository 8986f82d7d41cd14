"""Plots of score errors by noise level, and of mode proportions with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from scorekit._checks import check_count
from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.metrics import ClassProportions, ModeWeights
from scorekit.plot._axes import DARK, LIGHT, SIZE, as_axes

__all__ = ["error_levels", "mode_proportions"]

_MARKS = ("o-", "s--", "^:", "D-.", "v-", "P--")


def error_levels(report: Any, ax: Axes | None = None) -> Axes:
    """Plot the relative ℓ2 error of a score field at each noise level, one line per density region.

    Args:
        report: the result of ``sk.metrics.score_error_report``.
        ax: the Axes; None for a new figure.

    Returns:
        The Axes, with error bars of one standard error.

    Raises:
        InvalidTypeError: ``report`` is not the result of ``sk.metrics.score_error_report``.

    >>> import scorekit as sk
    >>> target = sk.distributions.Gaussian([0.0], [[1.0]])
    >>> report = sk.metrics.score_error_report(lambda x, sigma: -x, target, [1.0, 0.1], n=200, rng=0)
    >>> error_levels(report).get_xscale()
    'log'
    """
    rows = list(report) if isinstance(report, tuple) else []
    if not rows or not hasattr(rows[0], "region"):
        raise InvalidTypeError(f"report is a {describe(report)}: expected the result of sk.metrics.score_error_report.")
    ax = as_axes(ax, SIZE * 1.2)
    regions = list(dict.fromkeys(row.region for row in rows))
    shades = [str(0.72 * i / max(1, len(regions) - 1)) for i in range(len(regions))]
    for region, mark, shade in zip(regions, _MARKS, shades, strict=False):
        own = [row for row in rows if row.region == region]
        sigma, error = [row.sigma for row in own], [row.error.relative_l2 for row in own]
        spread = [row.error.relative_l2_stderr for row in own]
        label = "box around the data" if region == "box" else region
        ax.errorbar(sigma, error, spread, fmt=mark, color=shade, markersize=4, linewidth=1.2, label=label)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"noise level $\sigma$")
    ax.set_ylabel(r"relative $\ell_2$ error of the score")
    ax.legend(fontsize="small", title="region of density (bars: 1 s.e.)", title_fontsize="small", frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def mode_proportions(results: Mapping[str, Any], ax: Axes | None = None, *, mode: int = 0) -> Axes:
    """Plot the proportion of one mode or class in several sets of samples, with intervals and the truth if it is known.

    Args:
        results: a dict from names to results of ``sk.metrics.mode_weights`` or ``sk.metrics.class_proportions``.
        ax: the Axes; None for a new figure.
        mode: index of the component or class, from 0.

    Returns:
        The Axes, one row per set of samples.

    Raises:
        InvalidTypeError: ``results`` is not such a dict, or is empty.
        InvalidValueError: ``mode`` is not below the number of modes.

    >>> import scorekit as sk
    >>> mixture = sk.distributions.GaussianMixture([0.8, 0.2], [[5.0], [-5.0]], 1.0)
    >>> found = sk.metrics.mode_weights(mixture.sample(100, rng=0), mixture)
    >>> mode_proportions({"exact samples": found}).get_xlabel()
    'proportion of mode 1'
    """
    names = list(results) if isinstance(results, Mapping) else []
    if not names or not all(isinstance(value, (ModeWeights, ClassProportions)) for value in results.values()):
        raise InvalidTypeError(
            f"results are {describe(results)}: expected a dict from names to results of "
            "sk.metrics.mode_weights or class_proportions."
        )
    modes = min(len(value.proportions) for value in results.values())
    if check_count(mode, "mode", 0) >= modes:
        raise InvalidValueError(f"mode must be below {modes}, the number of modes, got {mode}.")
    ax = as_axes(ax, SIZE * 1.2)
    places = np.arange(len(names))[::-1]
    proportions = np.array([results[name].proportions[mode] for name in names])
    low = proportions - np.array([results[name].lower[mode] for name in names])
    high = np.array([results[name].upper[mode] for name in names]) - proportions
    first = results[names[0]]
    if first.truth is not None:
        ax.axvline(first.truth[mode], color=LIGHT, linewidth=4, zorder=0, label=f"truth, {first.truth[mode]:g}")
    ax.errorbar(
        proportions, places, xerr=[low, high], fmt="o", color=DARK, capsize=3, label=f"{first.level:.0%} interval"
    )
    ax.set_yticks(places, names)
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.6, len(names) - 0.4)
    name = f"class {first.classes[mode]}" if isinstance(first, ClassProportions) else f"mode {mode + 1}"
    ax.set_xlabel(f"proportion of {name}")
    ax.legend(fontsize="small", frameon=False, loc="lower left")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
