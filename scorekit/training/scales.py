"""Compare the scale of the data with the noise levels and the preconditioning, before the first step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import event_size, host
from scorekit._checks import warn
from scorekit.learning.views import View, units_of
from scorekit.models import Preconditioned
from scorekit.noise.columns import extreme_columns, location_scale
from scorekit.objectives import NoiseConditional, ScoreObjective
from scorekit.protocols import Array, Objective, ScoreModel
from scorekit.training.sources import Source
from scorekit.training.sources.rows import Arrays

__all__ = ["compare_scales"]

_ROWS, _ENTRIES = 2000, 4_000_000  # samples that are looked at, and their entries
_FEWEST = 8
_NARROWEST = 0.5  # the largest level, relative to the standard deviation of the widest feature
_OFF = 5.0  # factor between sigma_data and the root mean square of the data
_DISTANT = 6.0  # root mean square of the data, relative to the standard deviation of the widest feature
_LARGEST = 10.0  # root mean square of the input of a network without scaling


class _Data(NamedTuple):
    """The data as the model gets them: ``rows``, their root mean square, the scale of the widest feature and of all."""

    rows: Any
    root_mean_square: float
    widest: float
    total: float
    precision: float
    standardized: bool
    mean_and_scale: str

    def __str__(self) -> str:
        low, high = self.rows.min(), self.rows.max()
        return (
            f"the data are from {low:.6g} to {high:.6g}, with a standard deviation of up to {self.widest:.3g} per "
            "feature"
        )

    @property
    def remedy(self) -> str:
        """How to make data and noise levels fit."""
        if self.standardized:
            return "choose levels for the standardized data, noise = sk.noise.design((data - mean) / scale)"
        if self.bytes:
            return "divide the data by 255"
        return f"choose levels with sk.noise.design(data), or train {self.around('model')}"

    @property
    def bytes(self) -> bool:
        """Whether the data are from 0 to 255."""
        return bool(self.rows.min() >= 0 and 128 < self.rows.max() <= 255)

    def around(self, model: str) -> str:
        """What to type for a standardized model."""
        return f"sk.models.standardized({model}, {self.mean_and_scale})"


def compare_scales(model: ScoreModel, objective: Objective, source: Source) -> None:
    """Give one warning that lists everything that does not fit the scale of the data."""
    x = source.some(max(_FEWEST, min(_ROWS, _ENTRIES // event_size(source.first))))
    if x.shape[0] < _FEWEST:
        return
    x = getattr(objective, "as_seen", lambda x: x)(x)
    units = units_of(model)
    x = x if units is None else units.to_standard(x)
    precision = float(np.finfo(source.owner.to_numpy(x[:1]).dtype).eps)
    data = _measured(x, precision, units is not None, isinstance(source, Arrays))
    found = [*_of_levels(objective, data), *_of_model(model, objective, data), *_of_columns(x, data, objective)]
    if units is not None and not isinstance(objective, ScoreObjective):
        found.append(
            "the model is standardized, and the objective is a function of your own, which gets the data in their "
            "units: its noise must be sigma * scale"
        )
    if found:
        warn(f"before the first step{', in standardized units' if data.standardized else ''}: {'; '.join(found)}.")


def _measured(x: Array, precision: float, standardized: bool, in_memory: bool) -> _Data:
    rows = host(x).reshape(x.shape[0], -1)
    usual = np.abs(rows).mean(axis=1).argsort()[: -(-9 * len(rows) // 10)]  # a few outliers do not count
    size, scale = float(np.sqrt(np.mean(rows[usual] ** 2))), host(location_scale(x).scale)
    named = "*sk.noise.location_scale(data)" if in_memory else "mean, scale"
    if x.ndim > 2:  # one number for all pixels
        named = f"{rows.mean():.3g}, {rows.std():.3g}"
    return _Data(rows, size, float(scale.max()), float(np.linalg.norm(scale)), precision, standardized, named)


def _of_levels(objective: Objective, data: _Data) -> Iterator[str]:
    levels = _levels(objective)
    if not levels:
        return
    high, low = max(levels), min(levels)
    span, verb = (
        (f"noise levels from {low:.3g} to {high:.3g}", "are") if high > low else (f"noise level {low:.3g}", "is")
    )
    if high > low and high < _NARROWEST * data.widest:
        yield f"{data}, and {span} are too small for them, so chains would not move between modes: {data.remedy}"
    elif low > data.total:
        yield f"{data}, and {span} {verb} too large for them, so noise hides their structure: {data.remedy}"
    elif low < data.precision * data.root_mean_square:
        yield f"{data}, and {span} {verb} lost to rounding in their dtype: use float64, or {data.remedy}"


def _levels(objective: Objective) -> list[float]:
    return [level for level in getattr(objective, "sampling_levels", None) or () if level is not None]


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
        inside = "sk.models.Preconditioned(network, sigma_data=1.0)" if _levels(objective) else "network"
        remedy = "divide the data by 255" if data.bytes else f"train {data.around(inside)}"
        yield f"the network gets entries of the order of {size:.3g}, far from the order of one: {remedy}"
    elif isinstance(objective, NoiseConditional) and size > _DISTANT * data.widest > 0:
        yield (
            f"{data}: they are {size / data.widest:.3g} standard deviations away from zero, so the network hardly sees "
            f"their differences: train {data.around('model')}"
        )


def _of_columns(x: Any, data: _Data, objective: Objective) -> Iterator[str]:
    if x.ndim != 2 or not isinstance(objective, NoiseConditional):
        return
    found = extreme_columns(data.rows)
    if found is not None and not found.fit(min(objective.sampling_levels)):
        yield (
            f"{found}: the same noise is added to both, and the structure of narrow columns is lost. With "
            "mean, scale = sk.noise.location_scale(data), train sk.models.standardized(model, mean, scale), and choose "
            "the noise levels for (data - mean) / scale"
        )


def _views(model: Any) -> Iterator[Any]:
    while isinstance(model, View):
        yield model
        model = model.inner
