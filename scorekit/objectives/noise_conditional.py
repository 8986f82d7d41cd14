"""Denoising score matching at many noise levels: the loss of noise-conditional score networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from scorekit._arrays import readable
from scorekit._checks import check_option, check_positive
from scorekit._score import check_conditional
from scorekit._tables import displayed
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.noise import NoiseDistribution
from scorekit.objectives._base import CheckedScore, ScoreObjective
from scorekit.objectives._coupling import refuse_mixed_levels
from scorekit.objectives.denoising import VARIANCE_REDUCTIONS, VarianceReduction, denoising_losses
from scorekit.protocols import Array, RngLike
from scorekit.registry import array_namespace

__all__ = ["LevelNoise", "NoiseConditional"]


@displayed
class LevelNoise(NamedTuple):
    """``sigma``: the noise level of each sample, ``(n,)``. ``z``: standard normals, shaped like the batch."""

    sigma: Array
    z: Array


_WEIGHTINGS = ("sigma2", "likelihood", "edm")


@dataclass(frozen=True)
class NoiseConditional(ScoreObjective):
    """``E[λ(sigma) · DSM(sigma)]`` over noise levels sigma drawn from ``noise``, one per sample.

    - ``"sigma2"``: λ = sigma², the NCSN loss ½ E|sigma s(x + sigma z, sigma) + z|². For a zero network it is d/2 at
      every level.
    - ``"likelihood"``: λ = 2 sigma / q(sigma), q the density of ``noise``. The mean over levels is then
      ∫ E|s + z/sigma|² sigma d sigma, the bound on the negative log-likelihood of the VE process (Song et al. 2021).
      For L discrete levels it is the trapezoid rule on the log scale, with an error of order 1/L².
    - ``"edm"``: λ = sigma² (sigma² + sigma_data²) / sigma_data², half of the loss of Karras et al. (2022).
    - a function of sigma ``(n,)`` with values ``(n,)``.

    Args:
        noise: noise levels or a distribution of them (``sk.noise``).
        weighting: λ, see above.
        variance_reduction: None, ``"control"`` or ``"antithetic"``, as in :class:`DenoisingScoreMatching`.
        sigma_data: standard deviation of the data, positive; only for ``"edm"``, which requires it.

    Raises:
        ValueError: an unknown ``weighting`` or ``variance_reduction``; ``"likelihood"`` with noise levels down to 0;
            ``sigma_data`` missing for ``"edm"``, or passed for another weighting; negative or non-finite weights.
        TypeError: ``noise`` is not from ``sk.noise``; when called, the model takes no sigma.

    References: Song, Ermon, Generative Modeling by Estimating Gradients of the Data Distribution, 2019,
    arXiv:1907.05600. Song, Durkan, Murray, Ermon, Maximum Likelihood Training of Score-Based Diffusion Models, 2021,
    arXiv:2101.09258. Karras, Aittala, Aila, Laine, Elucidating the Design Space of Diffusion-Based Generative Models,
    2022, arXiv:2206.00364.

    >>> import numpy as np, scorekit as sk
    >>> objective = NoiseConditional(sk.noise.Geometric(10.0, 0.1, 5))
    >>> objective.losses(lambda x, sigma: 0 * x, np.zeros((6, 2)), rng=0).shape
    (6,)
    """

    noise: NoiseDistribution
    weighting: Literal["sigma2", "likelihood", "edm"] | Callable[[Array], Array] = "sigma2"
    variance_reduction: VarianceReduction = None
    sigma_data: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.noise, NoiseDistribution):
            raise InvalidTypeError(
                f"noise is a {describe(self.noise)}: expected noise levels or a distribution of them, for example "
                "sk.noise.Geometric(sigma_max, sigma_min, levels)."
            )
        if not callable(self.weighting):
            check_option(self.weighting, "weighting", _WEIGHTINGS)
        if self.weighting == "likelihood" and not self.noise.bounded:
            raise InvalidValueError(
                f'weighting "likelihood" with {self.noise}: the mean is the integral of E|s + z/sigma|² sigma over all '
                "sigma from 0 to infinity, and diverges at 0, where E|sigma s + z|² tends to the dimension. "
                "Use a distribution with a smallest level, for example sk.noise.LogUniform(sigma_max, sigma_min)."
            )
        check_option(self.variance_reduction, "variance_reduction", VARIANCE_REDUCTIONS)
        self._check_sigma_data()

    def _check_sigma_data(self) -> None:
        if self.weighting == "edm":
            if self.sigma_data is None:
                raise InvalidValueError(
                    'weighting "edm" needs sigma_data, the standard deviation of the data, got None: sigma_data=0.5.'
                )
            object.__setattr__(self, "sigma_data", check_positive(self.sigma_data, "sigma_data"))
        elif self.sigma_data is not None:
            raise InvalidValueError(f'sigma_data is used by weighting "edm" only, got weighting {self.weighting!r}.')

    @property
    def sampling_levels(self) -> tuple[float, ...]:
        """The largest and smallest level of ``noise``; its 0.999 and 0.001 quantiles if it is unbounded."""
        noise: Any = self.noise
        for largest, smallest in (("largest", "smallest"), ("sigma_max", "sigma_min")):
            if hasattr(noise, largest) and hasattr(noise, smallest):
                return float(getattr(noise, largest)), float(getattr(noise, smallest))
        return tuple(float(sigma) for sigma in noise.icdf(np.asarray([0.999, 0.001])))

    def draw(self, x: Array, rng: RngLike = None) -> LevelNoise:
        """Draw stratified noise levels, one per sample, and standard normals shaped like ``x``."""
        stream = self._stream(x, rng)
        return LevelNoise(self.noise.sample(x.shape[0], stream, like=x), stream.normal(tuple(x.shape), like=x))

    def _prepare(self, score: CheckedScore, x: Array) -> None:  # noqa: ARG002
        check_conditional(
            score.model,
            "NoiseConditional trains the score at many noise levels",
            "For one level use DenoisingScoreMatching(sigma), without noise SlicedScoreMatching.",
        )

    def _losses(self, score: CheckedScore, x: Array, noise: LevelNoise) -> Array:
        sigma = noise.sigma
        refuse_mixed_levels(score, x, sigma)
        losses = denoising_losses(score, x, noise.z, sigma, self.variance_reduction, scaled=True)
        return losses if self.weighting == "sigma2" else self._relative_weight(sigma) * losses

    def _relative_weight(self, sigma: Array) -> Array:
        """λ / sigma²."""
        if self.weighting == "likelihood":
            return 2 / (sigma * self.noise.pdf(sigma))
        if self.weighting == "edm":
            assert self.sigma_data is not None
            return (sigma / self.sigma_data) ** 2 + 1
        assert callable(self.weighting)
        weight = self.weighting(sigma)
        if getattr(weight, "shape", None) != sigma.shape:
            raise ShapeError(
                f"weighting returned a {describe(weight)} for sigma of shape {tuple(sigma.shape)}: expected the same "
                "shape, one weight per level."
            )
        xp = array_namespace(sigma=sigma, weighting=weight)
        if weight.dtype != sigma.dtype:
            if not xp.isdtype(weight.dtype, ("real floating", "integral")):
                raise InvalidTypeError(
                    f"weighting returned dtype {weight.dtype}: expected that of sigma, {sigma.dtype}, or integers."
                )
            weight = xp.astype(weight, sigma.dtype)
        if readable(weight) and not bool(xp.all((weight >= 0) & xp.isfinite(weight))):
            raise InvalidValueError(
                "weighting returned values that are negative or not finite: expected weights >= 0 for every sigma."
            )
        return weight / sigma**2
