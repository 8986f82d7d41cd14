"""Seeded bugs of consistent annealed sampling and of inpainting."""

from __future__ import annotations

from .base import seeded

__all__ = ["CONSISTENT_SAMPLERS"]

CONSISTENT = "scorekit/samplers/consistent.py"
CLAMPED = "scorekit/samplers/_clamped.py"

CONSISTENT_SAMPLERS = (
    *seeded(
        CONSISTENT,
        "ConsistentAnnealed._row",
        (
            "cas-spread-of-the-source",
            "after ** 2 - ((1 - eta) * sigma) ** 2",
            "sigma ** 2 - ((1 - eta) * sigma) ** 2",
            "σ, not σ'",
        ),
        ("cas-spread-not-squared", "((1 - eta) * sigma) ** 2", "((1 - eta) ** 2 * sigma) ** 2", "beta"),
        ("cas-eta-for-rest", "(1 - eta) * sigma", "eta * sigma", "η for 1 − η in beta"),
        ("cas-variance-for-deviation", "math.sqrt(variance)", "variance", "β² for β"),
        (
            "cas-langevin-noise",
            "math.sqrt(variance)",
            "math.sqrt(2 * eta) * sigma",
            "the noise of Langevin, without regard to what is left",
        ),
        (
            "cas-drift-sign",
            "linear_row(1.0, drift, noise, sigma, after, level, step_size=2 * drift)",
            "linear_row(1.0, -drift, noise, sigma, after, level, step_size=2 * drift)",
            "a sign",
        ),
        ("cas-drift-half", "eta * sigma ** 2", "0.5 * eta * sigma ** 2", "½"),
        ("cas-drift-sigma", "eta * sigma ** 2", "eta * sigma", "σ for σ²"),
        ("cas-drift-target", "eta * sigma ** 2", "eta * after ** 2", "one level ahead"),
        ("cas-not-ancestral", "1 - (after / sigma) ** 2", "1 - after / sigma", "1 − γ for 1 − γ²"),
        (
            "cas-model-at-the-target",
            "linear_row(1.0, drift, noise, sigma, after, level, step_size=2 * drift)",
            "linear_row(1.0, drift, noise, after, after, level, step_size=2 * drift)",
            "the model is asked one level ahead",
        ),
    ),
    *seeded(
        CONSISTENT,
        "ConsistentAnnealed.schedule",
        ("cas-denoise-missing", "self._steps + self.denoise", "self._steps", "the last noise stays"),
        ("cas-denoise-always", "self._steps + self.denoise", "self._steps + 1", "even when refused"),
    ),
    *seeded(
        CONSISTENT,
        "ConsistentAnnealed._level",
        (
            "cas-linear-between",
            "sigmas[i] * (sigmas[i + 1] / sigmas[i]) ** (part / self.steps_per_level)",
            "sigmas[i] + (sigmas[i + 1] - sigmas[i]) * (part / self.steps_per_level)",
            "whole ratios between",
        ),
    ),
    *seeded(
        CONSISTENT,
        "ConsistentAnnealed._check_eta",
        ("cas-range-one-sided", "(1 - eta) ** 2", "1 - eta", "no upper end for η"),
        (
            "cas-widest-ratio",
            "np.min(sigmas[1:] / sigmas[:-1])",
            "np.max(sigmas[1:] / sigmas[:-1])",
            "the range of the closest pair of levels",
        ),
    ),
    *seeded(
        CLAMPED,
        "Clamped.enter",
        (
            "inpaint-without-noise",
            "state.values if row.sigma is None else state.values + row.sigma * context.normal()",
            "state.values",
            "the known entries have no noise at any level",
        ),
        ("inpaint-variance", "row.sigma * context.normal()", "row.sigma ** 2 * context.normal()", "σ² for σ"),
        ("inpaint-shared-noise", "row.sigma * context.normal()", "row.sigma * 0 * context.normal()", "noise of size 0"),
    ),
    *seeded(
        CLAMPED,
        "Clamped.step",
        (
            "inpaint-noise-each-step",
            "where = context.xp.where",
            "where, state = context.xp.where, self.enter(x, state, row, context)",
            "fresh noise at each step of a level",
        ),
        ("inpaint-not-clamped", "where(state.mask, state.known, x)", "x", "values, not noisy"),
        (
            "inpaint-end-noisy",
            "where(state.mask, state.values, step.x)",
            "where(state.mask, state.known, step.x)",
            "the known entries come out with the noise of the last level",
        ),
        (
            "inpaint-mask-inverted",
            "where(state.mask, state.known, x)",
            "where(state.mask, x, state.known)",
            "keeps the rest",
        ),
    ),
)
