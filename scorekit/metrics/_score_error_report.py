"""The error of a score model at each noise level, by density region and away from the data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import as_rng, host
from scorekit._checks import check_count, check_number
from scorekit._tables import displayed, html_table, text_table
from scorekit.errors import InvalidTypeError, InvalidValueError
from scorekit.metrics._host import host_score
from scorekit.metrics._score_error import ScoreError, check_methods, check_noise_of, check_target, compare_scores
from scorekit.noise import Geometric, Levels, NoiseDistribution, as_levels
from scorekit.protocols import Array, Distribution, Rng, RngLike, ScoreModel
from scorekit.registry import array_namespace

__all__ = ["ScoreErrorReport", "ScoreErrorRow", "score_error_report"]

_HEADER = ("sigma", "region", "points", "ESM", "±", "relative l2", "±", "cosine", "±")


@displayed
class ScoreErrorRow(NamedTuple):
    """The error at one noise level in one region."""

    sigma: float
    region: str
    error: ScoreError


class ScoreErrorReport(tuple[ScoreErrorRow, ...]):
    """The rows of :func:`score_error_report`, a tuple that prints as a table.

    >>> import scorekit as sk
    >>> target = sk.distributions.Gaussian([0.0], [[1.0]])
    >>> report = sk.metrics.score_error_report(target.score, target, [1.0, 0.1], n=50, rng=0)
    >>> isinstance(report, ScoreErrorReport), max(row.error.esm for row in report)
    (True, 0.0)
    """

    __slots__ = ()

    def region(self, name: str) -> ScoreErrorReport:
        """The rows of one region, one per noise level. An unknown name raises ``ValueError``."""
        known = list(dict.fromkeys(row.region for row in self))
        if name not in known:
            listed = ", ".join(known)
            raise InvalidValueError(f"unknown region {name!r}: expected one of the regions of this report, {listed}.")
        return ScoreErrorReport(row for row in self if row.region == name)

    def __str__(self) -> str:
        return text_table(_HEADER, map(_cells, self), left=(1,))

    def __repr__(self) -> str:
        levels = len({row.sigma for row in self})
        return f"ScoreErrorReport({len(self)} rows, {levels} noise levels)"

    def _repr_html_(self) -> str:
        return html_table(_HEADER, map(_cells, self))


def _cells(row: ScoreErrorRow) -> tuple[str, ...]:
    e = row.error
    numbers = (f"{e.esm:.4g}", f"{e.esm_stderr:.2g}", f"{e.relative_l2:.4f}", f"{e.relative_l2_stderr:.2g}")
    return (f"{row.sigma:.4g}", row.region, str(e.n), *numbers, f"{e.cosine:.4f}", f"{e.cosine_stderr:.2g}")


def score_error_report(
    model: ScoreModel,
    distribution: Distribution,
    noise: Geometric | Levels | Sequence[float],
    n: int = 4096,
    rng: RngLike = None,
    regions: Sequence[float] = (0.1, 0.5),
    like: Array | None = None,
) -> ScoreErrorReport:
    """The error of ``model`` at every noise level, over all of p_σ, by density region and away from the data.

    At each level σ, ``n`` points are drawn from p_σ and sorted by their exact log-density. The rows of a level are:

    ``all``
        all points: the explicit score-matching distance under p_σ.
    ``lowest 10 %``, ``10–50 %``, ``highest 50 %``
        the parts of the probability mass between the cuts ``regions``, from the tails to the modes.
    ``box``
        ``n`` points uniform in the bounding box of the drawn points, mostly away from the data. Chains cross this
        region, and the training data do not determine the score there.

    Args:
        model: the score model; it is called with one level, a float, at a time.
        distribution: has ``score(x, sigma)`` and ``smoothed(sigma)``, which has ``sample`` and ``log_prob``.
        noise: noise levels, or a descending sequence of numbers.
        n: number of points per level, at least 2; each region must contain at least two points.
        rng: an Rng, a seed or None.
        regions: the cuts, as increasing proportions strictly between 0 and 1; () for no regions.
        like: an array that sets the framework, dtype and device of the points; None for NumPy float64.

    Returns:
        A :class:`ScoreErrorReport`, a tuple of rows ``(sigma, region, error)``. Standard errors are those of
        :func:`score_error`; they ignore that the cuts are estimated from the same points.

    Raises:
        ShapeError: the model's output has another shape than its input.
        InvalidTypeError: ``distribution`` lacks a method, or ``noise`` is a continuous distribution.
        InvalidValueError: the levels or cuts are not in order or out of range, or a region has fewer than two points.
        NonFiniteError: the model is NaN or infinite at some point.

    Source: after figure 2 of Song and Ermon, Generative modeling by estimating gradients of the data
    distribution (2019), arXiv:1907.05600.

    >>> import scorekit as sk
    >>> mixture = sk.distributions.GaussianMixture([0.8, 0.2], [[5.0, 5.0], [-5.0, -5.0]], 1.0)
    >>> report = score_error_report(lambda x, sigma: -x, mixture, (1.0, 0.1), n=100, rng=0)
    >>> [row.region for row in report if row.sigma == 1.0]
    ['all', 'lowest 10 %', '10–50 %', 'highest 50 %', 'box']
    """
    check_methods(distribution, ("score", "smoothed"))
    levels, n, cuts = _check_levels(noise), check_count(n, "n", minimum=2), _check_cuts(regions)
    stream = as_rng(rng, like, "score_error_report")
    return ScoreErrorReport(
        row for sigma in levels.sigmas for row in _level(model, distribution, float(sigma), n, stream, cuts, like)
    )


def _check_levels(noise: Any) -> Geometric | Levels:
    if isinstance(noise, NoiseDistribution) and not isinstance(noise, (Geometric, Levels)):
        raise InvalidTypeError(
            f"noise is {noise!r}, a continuous distribution: expected noise levels, for instance "
            "sk.noise.Geometric(sigma_max, sigma_min, 10)."
        )
    return as_levels(noise)


def _check_cuts(regions: Sequence[float]) -> list[float]:
    try:
        cuts = [check_number(cut, "a cut of regions") for cut in regions]
    except TypeError as error:
        raise InvalidTypeError(
            f"regions are {regions!r}: expected proportions between 0 and 1, for instance (0.1, 0.5)."
        ) from error
    edges = [0.0, *cuts, 1.0]
    if not all(a < b for a, b in itertools.pairwise(edges)):
        raise InvalidValueError(
            f"regions must increase strictly between 0 and 1, got {cuts}. For the lowest tenth, write regions=(0.1,)."
        )
    return cuts


def _level(
    model: ScoreModel,
    distribution: Distribution,
    sigma: float,
    n: int,
    rng: Rng,
    cuts: list[float],
    like: Array | None,
) -> Iterator[ScoreErrorRow]:
    check_noise_of(model, sigma)
    smoothed = distribution.smoothed(sigma)
    x = smoothed.sample(n, rng=rng, like=like)
    check_target(distribution, x)
    s, exact = host_score(model, x, sigma), host_score(distribution.score, x, sigma, "distribution.score")
    yield ScoreErrorRow(sigma, "all", compare_scores(s, exact))
    order = np.argsort(host(smoothed.log_prob(x)), kind="stable")
    for name, rows in _regions(order, cuts):
        yield ScoreErrorRow(sigma, name, compare_scores(s[rows], exact[rows]))
    box = _uniform_box(x, rng)
    off = compare_scores(
        host_score(model, box, sigma), host_score(distribution.score, box, sigma, "distribution.score")
    )
    yield ScoreErrorRow(sigma, "box", off)


def _regions(order: Any, cuts: list[float]) -> Iterator[tuple[str, Any]]:
    """The name and the points of each region; ``order`` sorts the points by density."""
    if not cuts:
        return
    edges = [0.0, *cuts, 1.0]
    n = len(order)
    for low, high in itertools.pairwise(edges):
        rows = order[round(low * n) : round(high * n)]
        if len(rows) < 2:
            raise InvalidValueError(
                f"the region from {low:g} to {high:g} has {len(rows)} of n={n} points: expected at least 2. "
                "Increase n, or use fewer regions."
            )
        yield _region_name(low, high), rows


def _region_name(low: float, high: float) -> str:
    if low == 0:
        return f"lowest {100 * high:g} %"
    if high == 1:
        return f"highest {100 * (1 - low):g} %"
    return f"{100 * low:g}–{100 * high:g} %"


def _uniform_box(x: Array, rng: Rng) -> Array:
    """As many points as ``x`` has, uniform in the bounding box of ``x``."""
    xp = array_namespace(x)
    low, high = xp.min(x, axis=0), xp.max(x, axis=0)
    return low + (high - low) * rng.uniform(tuple(x.shape), x)
