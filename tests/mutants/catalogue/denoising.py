"""Seeded bugs of denoising score matching."""

from __future__ import annotations

from .base import seeded

__all__ = ["DENOISING"]

DENOISING = "scorekit/objectives/denoising.py"
CONDITIONAL = "scorekit/objectives/noise_conditional.py"

DENOISING = (
    *seeded(
        DENOISING,
        "denoising_losses",
        ("dsm-half-missing", "0.5 * event_dot(off, off)", "event_dot(off, off)", "½ missing"),
        ("dsm-noise-sign", "noisy + u", "noisy - u", "learns minus the score"),
        ("dsm-noise-of-variance", "x + level * z", "x + level ** 2 * z", "σ² z"),
        ("dsm-clean-point", "x + level * z", "x", "the score at the clean data"),
        ("dsm-scale", "z / level", "z / level ** 2", "σ² for σ in the scale of the noise"),
        ("control-sign", "noisy - t(own(x))", "noisy + t(own(x))", "added, not subtracted"),
        ("control-scale", "t(own(x))", "2 * t(own(x))", "twice, mean unchanged"),
        ("control-noise-sign", "noisy - t(own(x))", "t(own(x)) - noisy", "z for −z"),
        (
            "control-constant-missing",
            "0.5 * event_dot(noisy, noisy) + event_dot(noisy - t(own(x)), u) + mean",
            "0.5 * event_dot(noisy, noisy) + event_dot(noisy - t(own(x)), u)",
            "d/2 gone",
        ),
        (
            "control-constant-random",
            "event_size(x)",
            "event_dot(z, z)",
            "½|z|² for d/2: the same mean, a larger spread",
        ),
        (
            "control-mean-of-scaled",
            "0.5 * event_size(x) / (1.0 if scaled else sigma ** 2)",
            "0.5 * event_size(x)",
            "d/2 where d/(2σ²) belongs",
        ),
        ("control-half-missing", "0.5 * event_dot(noisy, noisy)", "event_dot(noisy, noisy)", "½ gone"),
        ("control-at-noisy-point", "own(x)", "x + level * z", "the control cancels the cross term"),
        (
            "control-detached",
            "return 0.5 * event_dot(noisy, noisy) + event_dot(noisy - t(own(x)), u) + mean",
            "from autograd.tracer import getval\nreturn 0.5 * event_dot(noisy, noisy) + event_dot(noisy - getval(t(own(x))), u) + mean",
            "the value has the smaller spread, the gradient has not",
        ),
        (
            "antithetic-scale",
            "0.25 * (event_dot(off, off) + event_dot(mirrored, mirrored))",
            "0.5 * (event_dot(off, off) + event_dot(mirrored, mirrored))",
            "a sum of two, not a mean",
        ),
        ("antithetic-sign", "t(x - level * z) - u", "t(x - level * z) + u", "z for −z"),
        ("antithetic-not-mirrored", "x - level * z", "x + level * z", "the mirrored noise never reaches the model"),
    ),
    *seeded(
        DENOISING,
        "denoising_losses.t",
        ("dsm-variance-for-sigma", "level * s", "level ** 2 * s", "σ²"),
        ("dsm-model-without-sigma", "score(points, sigma)", "score(points, None)", "no level"),
    ),
    *seeded(
        DENOISING,
        "DenoisingScoreMatching._losses",
        (
            "dsm-reduction-dropped",
            "denoising_losses(score, x, noise.z, self.sigma, self.variance_reduction, scaled=False)",
            "denoising_losses(score, x, noise.z, self.sigma, None, scaled=False)",
            "ignored",
        ),
    ),
    *seeded(
        DENOISING,
        "DenoisingScoreMatching.draw",
        (
            "dsm-shared-noise",
            "self._stream(x, rng).normal(tuple(x.shape), like=x)",
            "self._stream(x, rng).normal(tuple(x.shape), like=x)[:1, ...] + 0 * x",
            "one noise for the batch",
        ),
        (
            "dsm-shared-coordinates",
            "self._stream(x, rng).normal(tuple(x.shape), like=x)",
            "self._stream(x, rng).normal(tuple(x.shape), like=x)[..., :1] + 0 * x",
            "one number for all coordinates",
        ),
        (
            "dsm-uniform-noise",
            "self._stream(x, rng).normal(tuple(x.shape), like=x)",
            "self._stream(x, rng).rademacher(tuple(x.shape), like=x)",
            "not Gaussian",
        ),
    ),
    *seeded(
        CONDITIONAL,
        "NoiseConditional._losses",
        (
            "ncsn-weight-missing",
            "losses if self.weighting == 'sigma2' else self._relative_weight(sigma) * losses",
            "losses / sigma ** 2 if self.weighting == 'sigma2' else self._relative_weight(sigma) * losses",
            "λ = 1: the smallest level outweighs all others",
        ),
        (
            "ncsn-reduction-dropped",
            "denoising_losses(score, x, noise.z, sigma, self.variance_reduction, scaled=True)",
            "denoising_losses(score, x, noise.z, sigma, None, scaled=True)",
            "the variance reduction is ignored",
        ),
        (
            "ncsn-model-at-mean-level",
            "denoising_losses(score, x, noise.z, sigma, self.variance_reduction, scaled=True)",
            "denoising_losses(lambda y, s: score(y, s.mean() + 0 * s), x, noise.z, sigma, self.variance_reduction, scaled=True)",
            "the noise has its level, the model is told another",
        ),
    ),
    *seeded(
        CONDITIONAL,
        "NoiseConditional.draw",
        (
            "ncsn-one-level-for-the-batch",
            "self.noise.sample(x.shape[0], stream, like=x)",
            "self.noise.sample(x.shape[0], stream, like=x)[:1] + 0 * x[:, 0]",
            "all samples at the level of the first",
        ),
        (
            "ncsn-shared-noise",
            "stream.normal(tuple(x.shape), like=x)",
            "stream.normal(tuple(x.shape), like=x)[:1, ...] + 0 * x",
            "one noise for the batch",
        ),
    ),
    *seeded(
        CONDITIONAL,
        "NoiseConditional._relative_weight",
        (
            "ncsn-likelihood-half",
            "2 / (sigma * self.noise.pdf(sigma))",
            "1 / (sigma * self.noise.pdf(sigma))",
            "½ of the bound",
        ),
        (
            "ncsn-likelihood-without-density",
            "sigma * self.noise.pdf(sigma)",
            "sigma",
            "the mean over levels is no integral over dσ",
        ),
        ("ncsn-edm-inverted", "sigma / self.sigma_data", "self.sigma_data / sigma", "σ and σ_data exchanged"),
        ("ncsn-edm-not-squared", "(sigma / self.sigma_data) ** 2", "sigma / self.sigma_data", "σ for σ²"),
        ("ncsn-own-weight", "weight / sigma ** 2", "weight", "λ times σ²"),
        ("ncsn-own-weight-sigma", "sigma ** 2", "sigma", "σ for σ²"),
    ),
)
