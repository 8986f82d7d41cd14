"""Initial points of annealed chains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scorekit._arrays import as_rng, constant
from scorekit._checks import check_count, check_positive
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.learning.views import units_of
from scorekit.noise import NoiseDistribution, as_levels
from scorekit.protocols import Array, RngLike, ScoreModel, Shape
from scorekit.registry import array_namespace

__all__ = ["initial"]


def initial(
    noise: NoiseDistribution | Sequence[float],
    shape: Shape,
    rng: RngLike = None,
    like: Array | None = None,
    mean: Any = 0.0,
    std: Any = 0.0,
    model: ScoreModel | None = None,
) -> Array:
    """Draw the initial points of an annealed chain from N(mean, (sigma_max² + std²) I).

    At sigma_max the smoothed data are close to N(mean, sigma_max² + std²), with the mean and std of the data. Pass
    both: a few steps at the first level do not correct a wrong mean or std.

    For a model of ``sk.models.standardized``, pass ``model`` instead: the points are mean + scale · u with
    u ~ N(0, (sigma_max² + 1) I), its mean and its scale.

    Args:
        noise: noise levels, a distribution with a largest level, or a descending sequence of numbers.
        shape: ``(n, *event)``.
        rng: an Rng, a seed or None.
        like: an array whose framework, dtype and device the result has; NumPy float64 without it.
        mean: mean of the data, a number or an array that broadcasts to ``shape``.
        std: standard deviation of the data, nonnegative, a number or an array that broadcasts to ``shape``.
        model: the model that will be sampled, if it is one of ``sk.models.standardized``; then omit mean and std.

    Returns:
        An array of shape ``shape``.

    Raises:
        ValueError: ``mean`` or ``std`` is not finite, or ``std`` is negative.
        TypeError: ``noise`` has no largest level, or ``model`` is not standardized.
        ShapeError: ``shape`` has fewer than two axes, or ``mean`` or ``std`` does not broadcast to it.

    Reference: Song and Ermon, Improved techniques for training score-based generative models (2020), section 3,
    arXiv:2006.09011.

    >>> initial([10.0, 1.0], (4, 2), rng=0).shape
    (4, 2)
    """
    shape = _check_shape(shape)
    sigma_max = _largest(noise)
    if model is not None:
        units = _units(model, mean, std)
        return units.from_standard(initial(noise, shape, rng, like, std=1.0))
    z = as_rng(rng, like, "initial").normal(shape, like=like)
    xp = array_namespace(z)
    center, width = _moment(mean, "mean", z), _moment(std, "std", z)
    if bool(xp.any(width < 0)):
        raise InvalidValueError(f"std must not be negative, got a smallest value of {float(xp.min(width))}.")
    return center + xp.sqrt(sigma_max**2 + width * width) * z


def _units(model: Any, mean: Any, std: Any) -> Any:
    """The view of standardized data in ``model``, whose mean and scale replace ``mean`` and ``std``."""
    units = units_of(model)
    if units is None:
        raise InvalidTypeError(
            f"model is a {describe(model)} without mean and scale: expected one of sk.models.standardized. Omit model, "
            "and pass mean and std of the data."
        )
    if not all(isinstance(value, float) and value == 0.0 for value in (mean, std)):
        raise InvalidValueError("model has its own mean and scale: omit mean and std.")
    return units


def _check_shape(shape: Any) -> Shape:
    if not isinstance(shape, (tuple, list)) or len(shape) < 2:
        raise ShapeError(f"shape is {shape!r}: expected (n, …), the batch axis first. For points write (n, d).")
    return tuple(check_count(size, "each axis of shape") for size in shape)


def _largest(noise: Any) -> float:
    for name in ("largest", "sigma_max"):
        if hasattr(noise, name) and not isinstance(noise, type):
            return check_positive(getattr(noise, name), name)
    if isinstance(noise, NoiseDistribution) or not hasattr(noise, "__iter__"):
        raise InvalidTypeError(
            f"noise {noise!r} has no largest level: expected noise levels, a distribution with a sigma_max, "
            "or a descending sequence of levels."
        )
    return as_levels(noise).largest


def _moment(value: Any, name: str, z: Array) -> Array:
    """``value`` as an array like ``z`` that broadcasts to it, all finite."""
    try:
        made = constant(value, z)
    except InvalidTypeError as error:
        shown = f"a {describe(value)}"
        raise InvalidTypeError(f"{name} is {shown}: expected a number, or an array that broadcasts to x0.") from error
    xp = array_namespace(made)
    if not bool(xp.all(xp.isfinite(made))):
        raise InvalidValueError(f"{name} must be finite, got {value!r}.")
    if made.ndim > z.ndim or any(a not in (1, b) for a, b in zip(made.shape[::-1], z.shape[::-1], strict=False)):
        raise ShapeError(
            f"{name} has shape {tuple(made.shape)}: expected a number, or a shape that broadcasts to {tuple(z.shape)}."
        )
    return made
