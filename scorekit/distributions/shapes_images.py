"""Images of shapes with an exact score: classes of known proportions in hundreds of dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scorekit import _shapes
from scorekit._checks import check_count
from scorekit.distributions._isotropic import Cloud
from scorekit.distributions._numbers import read_only
from scorekit.distributions._point_masses import PointMasses
from scorekit.protocols import Shape

__all__ = ["ShapesImages"]


@dataclass(frozen=True, eq=False, repr=False)
class ShapesImages(PointMasses):
    """Σ_k w_k (1/m_k) Σ_i δ(x − t_ki): kind k has probability w_k, and all templates of a kind are equally likely.

    The templates t_ki are white shapes on black, with ``radii`` sizes and centers on a grid, drawn as in
    ``sk.datasets.shapes``; ``sk.datasets.classify_shapes`` classifies them. At noise sigma the distribution is the
    mixture of N(t_ki, sigma² I), so a sampler's class proportions can be compared with w_k without a trained model.
    Without noise there is no density.

    Args:
        size: side of the images in pixels, at least 8. Samples have the shape ``(1, size, size)``.
        proportions: w_k, the proportion of each kind, summing to 1: a sequence, or a dict by kind; None for equal
            proportions.
        kinds: some of "circle", "square", "triangle", "rings".
        positions: centers are at most size / positions apart; at least 1.
        radii: number of radii, equally spaced from 0.22 to 0.36 of the size; at least 1.

    The attributes ``weights (k,)``, ``templates (m, 1, size, size)`` and ``labels (m,)`` are read-only arrays.

    Raises:
        InvalidTypeError: ``kinds`` or ``proportions`` has the wrong type or length, or a count is not an integer.
        InvalidValueError: a kind is unknown or repeated, ``proportions`` is negative or does not sum to 1, or a count
            is too small.

    >>> images = ShapesImages(8, {"circle": 0.9, "rings": 0.1}, kinds=("circle", "rings"))
    >>> images
    ShapesImages(154 templates of 8×8, circle 0.9, rings 0.1)
    >>> images.score(images.sample(5, rng=0), sigma=0.1).shape
    (5, 1, 8, 8)
    """

    size: int = 16
    proportions: Sequence[float] | Mapping[str, float] | None = None
    kinds: tuple[str, ...] = tuple(_shapes.KINDS)
    positions: int = 8
    radii: int = 3
    weights: Any = field(init=False)
    templates: Any = field(init=False)
    labels: Any = field(init=False)
    _cloud: Cloud = field(init=False)

    def __post_init__(self) -> None:
        size, kinds = _shapes.check_size(self.size), _shapes.check_kinds(self.kinds)
        weights = _shapes.check_proportions(self.proportions, kinds)
        steps, radii = check_count(self.positions, "positions"), check_count(self.radii, "radii")
        grids = [_shapes.grid(kind, size, steps, radii) for kind in kinds]
        counts = [len(grid) for grid in grids]
        labels = np.repeat(np.arange(len(kinds)), counts)
        templates = np.concatenate(grids).astype(np.float64)[:, None]
        present = weights[labels] > 0
        log_weights = np.log((weights / counts)[labels[present]])
        made = {"weights": weights, "templates": templates, "labels": labels}
        for name, value in made.items():
            object.__setattr__(self, name, read_only(value))
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "_cloud", Cloud(templates[present].reshape(-1, size * size), log_weights))

    def __repr__(self) -> str:
        proportions = ", ".join(f"{kind} {w:.4g}" for kind, w in zip(self.kinds, self.weights, strict=True))
        return f"ShapesImages({len(self.labels)} templates of {self.size}×{self.size}, {proportions})"

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, ShapesImages) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        return self.size, self.kinds, self.positions, self.radii, self.weights.tobytes()

    @property
    def _event(self) -> Shape:
        return (1, self.size, self.size)
