"""The empirical distribution of data. With noise, its score is the minimizer of denoising score matching."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scorekit.distributions import _isotropic
from scorekit.distributions._numbers import numbers, read_only
from scorekit.distributions._point_masses import PointMasses
from scorekit.errors import ShapeError
from scorekit.protocols import Shape

__all__ = ["Empirical"]


@dataclass(frozen=True, eq=False, repr=False)
class Empirical(PointMasses):
    """(1/N) Σ_i δ(x − x_i); at noise sigma the mixture (1/N) Σ_i N(x; x_i, sigma² I).

    Its score (softmax(−|x − x_i|²/2 sigma²) · X − x) / sigma² minimizes the denoising score matching loss on these
    data. A network that reaches this minimum has memorized the data. Without noise there is no density: use
    ``smoothed(sigma)`` for ``log_prob``, and pass sigma to ``score``.

    Args:
        data: ``(N, *event)``, for instance images ``(N, height, width)``. Samples have the same event shape.

    Raises:
        ShapeError: ``data`` has fewer than 2 axes, or is empty.
        InvalidTypeError: ``data`` is not an array of real numbers.
        InvalidValueError: ``data`` holds NaN or infinity.

    Source: Vincent, A connection between score matching and denoising autoencoders (2011), doi:10.1162/NECO_a_00142.

    >>> import numpy as np
    >>> Empirical([[0.0], [2.0]]).score(np.array([[1.5], [50.0]]), sigma=0.1).round(6)
    array([[   50.],
           [-4800.]])
    """

    data: Any
    _cloud: _isotropic.Cloud = field(init=False)

    def __post_init__(self) -> None:
        data = numbers(self.data, "data")
        if data.ndim < 2 or data.size == 0:
            hint = " For one feature use data[:, None]." if data.ndim == 1 else ""
            raise ShapeError(f"data has shape {data.shape}: expected (n, …), at least one sample of one feature.{hint}")
        n = len(data)
        object.__setattr__(self, "data", read_only(data))
        object.__setattr__(self, "_cloud", _isotropic.Cloud(data.reshape(n, -1), np.full(n, -math.log(n))))

    def __repr__(self) -> str:
        return f"Empirical({len(self.data)} samples of shape {self.data.shape[1:]})"

    def __eq__(self, other: object) -> bool:
        return np.array_equal(self.data, other.data) if isinstance(other, Empirical) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.data.shape, self.data.tobytes()))

    @property
    def _event(self) -> Shape:
        return tuple(self.data.shape[1:])

    def _proportions(self) -> None:
        return None
