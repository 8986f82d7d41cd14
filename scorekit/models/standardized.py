"""Score models of standardized data, used in the units of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from scorekit._arrays import as_sigma, check_batch, constant, event_size, host, readable
from scorekit._checks import check_positive
from scorekit._score import evaluate, part_of, score_function
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.learning.isotropic import has_isotropic_noise
from scorekit.learning.views import View, units_of
from scorekit.protocols import Array, ScoreModel, Sigma

__all__ = ["Standardized", "standardized"]


@dataclass(frozen=True, eq=False, repr=False)
class Standardized(View):
    """A model of u = (x − mean)/scale as a model of x; made by :func:`standardized`."""

    _inner: ClassVar[str] = "model"
    uses_sigma: ClassVar[bool] = False
    has_units: ClassVar[bool] = True
    model: ScoreModel
    mean: Any
    scale: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "_last", {})  # mean and scale as arrays of the last kind of x

    def __repr__(self) -> str:
        mean, scale = (_shown(value) for value in (self.mean, self.scale))
        return f"standardized({self.model!r}, mean={mean}, scale={scale})"

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """The score at ``x`` of shape ``(n, *event)``, shaped like ``x``."""
        check_batch(x, finite=False)
        if sigma is not None and has_isotropic_noise():
            raise InvalidTypeError(
                "a standardized model is inside of a function, which hides it from samplers and objectives: their "
                "noise is sigma in each entry of x, and that of the model is sigma * scale. Put the function inside: "
                "sk.models.standardized(lambda u, sigma: …, mean, scale)."
            )
        return evaluate(self.model, self.to_standard(x), as_sigma(sigma, x), condition) / self.like(x)[1]

    @property
    def log_prob(self) -> Callable[..., Array]:
        """The log-density of x, ``(n,)``, if the model inside has one: log p(u) − Σ log scale."""
        inner: Callable[..., Array] = self.inner.log_prob

        def log_prob(x: Array, *others: Any, **named: Any) -> Array:
            width = np.broadcast_to(np.log(self.scale), x.shape[1:] if np.ndim(self.scale) else (event_size(x),))
            return inner(self.to_standard(x), *others, **named) - float(np.sum(width))

        return log_prob

    def to_standard(self, x: Array) -> Array:
        """``(x − mean)/scale``, for points ``(n, *event)``."""
        mean, scale = self.like(x)
        return (x - mean) / scale

    def from_standard(self, u: Array) -> Array:
        """``mean + scale · u``, for standardized points ``(n, *event)``."""
        mean, scale = self.like(u)
        return mean + scale * u

    def like(self, x: Array) -> tuple[Any, Any]:
        """Mean and scale as numbers, or as arrays like ``x``; the arrays for the last dtype and device are kept."""
        for name in ("mean", "scale"):
            _check_fits(getattr(self, name), name, x)
        if not (np.ndim(self.mean) or np.ndim(self.scale)):
            return self.mean, self.scale
        key = (type(x), x.dtype, str(getattr(x, "device", "")))
        last: dict[Any, Any] = self._last  # type: ignore[attr-defined]
        known = last.get(key)
        if known is not None:
            return known  # type: ignore[no-any-return]
        made = constant(self.mean, x), constant(self.scale, x)
        if readable(x) and readable(made[0]):
            last.clear()
            last[key] = made
        return made


def standardized(model: ScoreModel, mean: Any, scale: Any) -> Any:
    """A model of standardized data u = (x − mean)/scale as a model of x: s(x, sigma) = s_u(u, sigma)/scale.

    Use it if the features have different units, or if the data are far from zero or not of the order of one. Then
    **points and scores are in the units of the data; noise levels and step sizes are in standardized units**. Noise of
    level sigma is sigma · scale in the units of x: for each feature the same proportion of its scale. The score is that
    of x + sigma · scale · z with z ~ N(0, I).

    All of scorekit follows this rule:

    - objectives (also through ``fit``) and their losses are those of ``model`` on the standardized data;
    - samplers take initial points in the units of x, move the chains in standardized units, and return samples,
      trajectories and states in the units of x; the known values of ``Inpaint`` are in the units of x;
    - ``sk.samplers.initial(noise, shape, model=model)`` draws initial points in the units of x;
    - ``denoise`` returns x + (sigma · scale)² s(x, sigma), and ``log_prob`` includes the volume, −Σ log scale;
    - choose noise levels for standardized data: ``sk.noise.design((data - mean) / scale)``.

    Formulas of your own must use sigma · scale as the noise. Put this view outside of ``Preconditioned``,
    ``EnergyModel``, ``DenoiserModel`` and functions of your own: a function around it hides it from samplers and
    objectives, which raises an error.

    Args:
        model: a score model of standardized data, trained or to be trained.
        mean: the location of each feature: a number, or an array of any framework that broadcasts to one sample.
        scale: the scale of each feature, positive: a number or an array, as ``mean``. See ``sk.noise.location_scale``.

    Returns:
        A score model of x.

    Raises:
        TypeError: ``model`` is not callable, or is standardized already; ``mean`` or ``scale`` is not a number or an
            array of numbers.
        ValueError: ``mean`` is not finite, or ``scale`` is not positive and finite.
        ShapeError: when called, ``mean`` or ``scale`` does not broadcast to a sample of ``x``.
        InvalidTypeError: when called by a sampler or an objective through a function that hides it.

    Reference: LeCun, Bottou, Orr and Müller, Efficient BackProp (1998), section 4.3, doi:10.1007/3-540-49430-8_2.

    >>> import numpy as np
    >>> model = standardized(lambda u, sigma: -u / (1 + sigma**2), mean=[10.0, 0.0], scale=[2.0, 100.0])
    >>> model(np.array([[14.0, 100.0]]), 1.0).tolist()
    [[-0.5, -0.005]]
    """
    if not callable(model):
        raise InvalidTypeError(
            f"model is a {describe(model)}: expected a score model of standardized data.{part_of(model)}"
        )
    score_function(model)
    if units_of(model) is not None:
        raise InvalidTypeError("model is standardized already: expected a model of standardized data. Use one view.")
    return Standardized(model, _location(mean), _scale(scale))


def _location(mean: Any) -> Any:
    made = _numbers(mean, "mean")
    if not np.all(np.isfinite(made)):
        raise InvalidValueError("mean holds NaN or infinity: expected finite numbers. Drop incomplete rows first.")
    return made


def _scale(scale: Any) -> Any:
    made = _numbers(scale, "scale")
    if not np.ndim(made):
        return check_positive(made, "scale")
    wrong = ~(np.isfinite(made) & (made > 0))
    if np.any(wrong):
        where = np.argwhere(wrong)[0].tolist()
        raise InvalidValueError(
            f"scale must be positive and finite, got {made[tuple(where)]} at index {where}. A constant feature has no "
            "scale: use 1 for it, or take sk.noise.location_scale(data)."
        )
    return made


def _numbers(value: Any, name: str) -> Any:
    """``value`` as a float, or as a read-only NumPy array in float64."""
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError
        given = host(value) if isinstance(value, (bool, int, float)) or hasattr(value, "detach") else np.asarray(value)
        if given.dtype.kind not in "fiu" or given.size == 0:
            raise TypeError(given.dtype)
        made = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(
            f"{name} is {value if isinstance(value, str) else describe(value)}: expected a number, or an array of "
            "numbers, one per feature."
        ) from error
    if not made.ndim:
        return float(made)
    made.flags.writeable = False
    return made


def _check_fits(value: Any, name: str, x: Array) -> None:
    shape, event = np.shape(value), tuple(x.shape[1:])
    if len(shape) == len(x.shape) and shape[0] == 1:
        shape = shape[1:]
    if len(shape) > len(event) or any(a not in (1, b) for a, b in zip(shape[::-1], event[::-1], strict=False)):
        raise ShapeError(
            f"{name} of standardized has shape {np.shape(value)} for x of shape {tuple(x.shape)}: expected a number, "
            f"or a shape that broadcasts to one sample, {event}."
        )


def _shown(value: Any) -> str:
    if not np.ndim(value):
        return f"{value:g}"
    return str(value.tolist()) if value.size <= 4 else f"array of shape {value.shape}"
