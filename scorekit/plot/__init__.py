"""Plots of score fields, samples, chains and training histories, with matplotlib.

Each function takes ``ax=None`` and returns the Axes; :func:`animate_chains` and :func:`animate_images` return the
animation. Without ``ax``, pyplot creates a new figure, which notebooks display and ``plt.show()`` shows. Close such
figures with ``plt.close(ax.figure)``. No function calls ``show`` or changes matplotlib's settings.
"""

from __future__ import annotations

from scorekit.plot.animation import animate_chains
from scorekit.plot.curves import history, noise_levels
from scorekit.plot.fields import score_error, score_field
from scorekit.plot.images import image_grid
from scorekit.plot.neighbors import nearest_neighbors
from scorekit.plot.points import chains, samples
from scorekit.plot.reports import error_levels, mode_proportions
from scorekit.plot.sheets import panels, write
from scorekit.plot.strips import animate_images, image_strip

__all__ = [
    "animate_chains",
    "animate_images",
    "chains",
    "error_levels",
    "history",
    "image_grid",
    "image_strip",
    "mode_proportions",
    "nearest_neighbors",
    "noise_levels",
    "panels",
    "samples",
    "score_error",
    "score_field",
    "write",
]
