"""Pictures of fields, samples, chains and training, with matplotlib.

Each function takes ``ax=None`` and returns the Axes (:func:`animate_chains` and :func:`animate_images` the animation).
Without ``ax`` a figure of its own is made by pyplot, so that notebooks display it and ``plt.show()`` finds it; a script
that draws many closes each with ``plt.close(ax.figure)``. Nothing here calls ``show`` or changes matplotlib's settings.
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
