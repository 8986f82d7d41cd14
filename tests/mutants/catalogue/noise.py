"""Seeded bugs of the design of noise."""

from __future__ import annotations

from .base import seeded

__all__ = ["NOISE"]

DESIGNED = "scorekit/noise/designed.py"
OVERLAP = "scorekit/noise/overlap.py"
STRATA = "scorekit/noise/_strata.py"
LEVELS = "scorekit/noise/levels.py"
QUANTILE = "scorekit/noise/_normal_quantile.py"

NOISE = (
    *seeded(
        DESIGNED,
        "_variance_ratio",
        ("variance-ratio-rest", "u / 2", "u", "the variance at rest"),
        ("variance-ratio-one-step", "2 * steps", "steps", "a for a² a step"),
        ("variance-ratio-gamma", "gamma ** 2", "gamma", "γ for γ²"),
    ),
    *seeded(
        DESIGNED,
        "design",
        ("step-size-half", "2 * step", "step", "the published ε for our step, 2 ε"),
        ("step-size-of-the-largest", "bottom ** 2", "top ** 2", "σ_1 for σ_L"),
        ("step-size-sigma", "bottom ** 2", "bottom", "σ for σ²"),
        (
            "levels-one-less",
            "1 + math.ceil(math.log(top / bottom) / math.log(widest_ratio(dim)) - 1e-09)",
            "math.ceil(math.log(top / bottom) / math.log(widest_ratio(dim)) - 1e-09)",
            "levels for gaps",
        ),
        (
            "levels-rounded-down",
            "math.ceil(math.log(top / bottom) / math.log(widest_ratio(dim)) - 1e-09)",
            "math.floor(math.log(top / bottom) / math.log(widest_ratio(dim)) - 1e-09)",
            "too few",
        ),
    ),
    *seeded(
        DESIGNED,
        "_diameter",
        ("distance-in-the-chunk", "2 * rows[part] @ rows.T", "2 * rows[part] @ rows[part].T", "a chunk"),
        ("distance-squared", "2 * rows[part]", "rows[part]", "2 missing in |a − b|²"),
        ("distance-wrong-row", "part.start + i", "i", "a row of the first chunk"),
    ),
    *seeded(
        DESIGNED,
        "_largest_distance",
        (
            "distance-of-the-nearest",
            "-np.where(far, -1.0, radii)",
            "np.where(far, np.inf, radii)",
            "those nearest to the mean",
        ),
    ),
    *seeded(
        DESIGNED,
        "_range",
        ("blur-of-the-largest", "high - low", "high", "not moved with the data"),
    ),
    *seeded(
        OVERLAP,
        "_overlap",
        ("overlap-root", "2 * dim", "dim", "√D for √(2D)"),
        ("overlap-one-sided", "ndtr(apart + 3 * gamma)", "1", "in few dimensions the upper end counts"),
        (
            "overlap-width",
            "ndtr(apart + 3 * gamma) - ndtr(apart - 3 * gamma)",
            "ndtr(apart + 3.0) - ndtr(apart - 3.0)",
            "three deviations of the smaller level",
        ),
    ),
    *seeded(
        OVERLAP,
        "overlaps",
        ("overlap-upside-down", "sigmas[:-1] / sigmas[1:]", "sigmas[1:] / sigmas[:-1]", "1/γ for γ"),
    ),
    *seeded(
        STRATA,
        "strata",
        (
            "strata-on-the-host",
            "constant(rng.choice(n, (n,), replace=False), shift)",
            "rng.choice(n, (n,), replace=False)",
            "no network learns its levels on a device",
        ),
    ),
    *seeded(
        LEVELS,
        "_LevelsBase.pdf",
        (
            "density-ends-whole",
            "(np.append(spacings, 0.0) + np.append(0.0, spacings)) / 2",
            "(np.append(spacings, spacings[-1]) + np.append(spacings[0], spacings)) / 2",
            "the first and the last level own a whole spacing",
        ),
        (
            "density-nearest-by-difference",
            "xp.log(sigma)[:, None] - constant(log_sigmas, sigma)[None, :]",
            "sigma[:, None] - constant(self.sigmas, sigma)[None, :]",
            "the nearest level, not the nearest log level",
        ),
    ),
    *seeded(
        LEVELS,
        "_LevelsBase.icdf",
        (
            "levels-out-of-range",
            "np.append(self.sigmas[::-1], self.sigmas[0])",
            "self.sigmas[::-1]",
            "in float32 a u just below 1 has no level",
        ),
    ),
    *seeded(
        QUANTILE,
        "normal_quantile",
        ("quantile-one-tail", "xp.where(q < 0, -tail, tail)", "tail", "no negative tail"),
        ("quantile-far-tail", "r <= 5", "r <= 50", "the middle ratio far out"),
        ("quantile-wide-center", "xp.abs(q) <= 0.425", "xp.abs(q) <= 0.475", "the central ratio beyond its range"),
    ),
)
