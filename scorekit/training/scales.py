"""Compare the scale of the data with the noise levels and the preconditioning, before the first step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import host
from scorekit._checks import warn
from scorekit.learning.views import View, units_of
from scorekit.models import Preconditioned
from scorekit.noise.columns import location_scale, uneven_columns
from scorekit.objectives import NoiseConditional, ScoreObjective
from scorekit.protocols import Objective, ScoreModel
from scorekit.training.sources import Source

__all__ = ["compare_scales"]

_ROWS = 2000  # samples that are looked at
_FEWEST = 8
_NARROWEST = 0.5  # the largest level, relative to the standard deviation of the widest feature
_OFF = 5.0  # factor between sigma_data and the root mean square of the data
_LARGEST = 10.0  # root mean square of the input of a network without scaling


class _Data(NamedTuple):
    """The data as the model gets them: ``rows``, their root mean square, and the scale of the widest feature."""

    rows: Any
    root_mean_square: float
    widest: float
    precision: float

    def __str__(self) -> str:
        low, high = self.rows.min(), self.rows.max()
        return (
            f"the data are from {low:.4g} to {high:.4g}, with a standard deviation of up to {self.widest:.3g} per "
            "feature"
        )


def compare_scales(model: ScoreModel, objective: Objective, source: Source) -> None:
    """Give one warning that lists everything that does not fit the scale of the data."""
    x = source.some(_ROWS)
    if x.shape[0] < _FEWEST:
        return
    x = getattr(objective, "as_seen", lambda x: x)(x)
    units = units_of(model)
    x = x if units is None else units.to_standard(x)
    rows, scale = host(x).reshape(x.shape[0], -1), host(location_scale(x).scale)
    middle = np.abs(rows).mean(axis=1).argsort()[: -(-9 * len(rows) // 10)]  # a few outliers do not count
    data = _Data(
        rows,
        float(np.sqrt(np.mean(rows[middle] ** 2))),
        float(scale.max()),
        float(np.finfo(source.owner.to_numpy(x[:1]).dtype).eps),
    )
    found = [*_of_levels(objective, data), *_of_model(model, objective, data), *_of_columns(x, data, objective)]
    if units is not None and not isinstance(objective, ScoreObjective) and not hasattr(objective, "as_seen"):
        found.append(
            "the model is standardized, and the objective is a function of your own, which gets the data in their "
            "units: its noise must be sigma * scale"
        )
    if found:
        units = "" if units is None else ", in standardized units,"
        warn(f"before the first step:{units} {'; '.join(found)}.")


def _of_levels(objective: Objective, data: _Data) -> Iterator[str]:
    levels = [level for level in getattr(objective, "sampling_levels", None) or () if level is not None]
    if not levels:
        return
    high, low = max(levels), min(levels)
    span = f"noise levels from {low:.3g} to {high:.3g}"
    if high > low and high < _NARROWEST * data.widest:
        yield (
            f"{data}, and {span} are too small for them: chains would not move between modes. Divide the data by "
            f"{_round(data)}, standardize them (sk.models.standardized), or use noise = sk.noise.design(data)"
        )
    elif low > data.widest:
        kind = span if high > low else f"the noise level {low:.3g}"
        too = "are too large for them" if high > low else "is too large for them"
        yield (
            f"{data}, and {kind} {too}: the noise hides their structure. Use smaller levels, for example "
            f"noise = sk.noise.design(data), or standardize the data (sk.models.standardized)"
        )
    elif low < data.precision * data.root_mean_square:
        yield (
            f"{data}, and noise of level {low:.3g} is lost to rounding in their dtype: use float64, subtract the mean "
            "(sk.models.standardized does), or use larger levels"
        )


def _of_model(model: ScoreModel, objective: Objective, data: _Data) -> Iterator[str]:
    scaled = [view for view in _views(model) if isinstance(view, Preconditioned) and view.kind == "edm"]
    known = [("Preconditioned", view.sigma_data) for view in scaled]
    if isinstance(objective, NoiseConditional) and objective.sigma_data is not None:
        known.append(("NoiseConditional", objective.sigma_data))
    size = data.root_mean_square
    for name, sigma_data in known:
        if size > 0 and not 1 / _OFF <= sigma_data / size <= _OFF:
            yield (
                f"{name} has sigma_data={sigma_data:g}, and the root mean square of the data is {size:.3g}: write "
                f"sigma_data={size:.3g}"
            )
    if not scaled and size > _LARGEST:
        yield (
            f"the network gets entries of the order of {size:.3g}, far from the order of one: wrap it in "
            f"sk.models.Preconditioned(network, sigma_data={size:.3g}), or standardize the data "
            "(sk.models.standardized)"
        )


def _of_columns(x: Any, data: _Data, objective: Objective) -> Iterator[str]:
    if x.ndim != 2 or not isinstance(objective, NoiseConditional):
        return
    uneven = uneven_columns(data.rows, min(objective.sampling_levels))
    if uneven is not None:
        yield (
            f"{uneven}: the same noise is added to both, and the structure of narrow columns is lost. Write "
            "mean, scale = sk.noise.location_scale(data), train sk.models.standardized(model, mean, scale), and choose "
            "the noise levels for (data - mean) / scale"
        )


def _views(model: Any) -> Iterator[Any]:
    while isinstance(model, View):
        yield model
        model = model.inner


def _round(data: _Data) -> str:
    """A number that brings the data to the order of one; 255 for bytes."""
    low, high = data.rows.min(), data.rows.max()
    return "255" if low >= 0 and 128 < high <= 255 else f"{float(f'{data.widest:.1g}'):g}"
