"""Seeded bugs of the closed forms of distributions: special functions, curves, many points."""

from __future__ import annotations

from .base import seeded

__all__ = ["DISTRIBUTIONS"]

BESSEL = "scorekit/distributions/_bessel.py"
RINGS = "scorekit/distributions/rings.py"
MOONS = "scorekit/distributions/two_moons.py"
TAILS = "scorekit/distributions/_tails.py"
ISOTROPIC = "scorekit/distributions/_isotropic.py"
CORNERS = "backends/scorekit_numpy/corners.py"

DISTRIBUTIONS = (
    *seeded(
        BESSEL,
        "<module>",
        ("bessel-few-terms", "TERMS = 24", "TERMS = 16", "both series are cut"),
        ("bessel-near-too-far", "CROSSOVER = 64.0", "CROSSOVER = 400.0", "the power series beyond its range"),
    ),
    *seeded(
        BESSEL,
        "slope_near",
        ("bessel-slope-half", "0.5 * _power_series(_FIRST, t)", "_power_series(_FIRST, t)", "½ missing"),
    ),
    *seeded(
        BESSEL,
        "log_far",
        ("bessel-root-missing", "0.5 * array_namespace(z).log(2 * math.pi * z)", "0.0", "√(2πz) missing"),
    ),
    *seeded(
        RINGS,
        "_Radial.pull",
        ("rings-slope-missing", "_bessel.slope_far(self.z) / self.r", "0.0 * self.r", "a ring is taken for a line"),
        ("rings-pull-near", "self.radii ** 2", "self.radii", "ρ for ρ²"),
    ),
    *seeded(
        RINGS,
        "Rings._rings",
        ("rings-equal-weights", "np.log(weights)", "np.log(np.ones(len(weights)) / len(weights))", "weights ignored"),
    ),
    *seeded(
        MOONS,
        "_quadrature",
        ("moons-second-upside-down", "0.5 - lower[2]", "lower[2] - 0.5", "the score of another moon"),
    ),
    *seeded(
        MOONS,
        "_window",
        ("moons-window-narrow", "1.3 * 2 * fall", "0.5 * fall", "part of the integral"),
        ("moons-angle-not-wrapped", "2 * math.pi * xp.round((angle - middle) / (2 * math.pi))", "0.0", "2π off"),
    ),
    *seeded(
        MOONS,
        "TwoMoons._log_density",
        ("moons-normalization", "4 * math.pi ** 2", "2 * math.pi", "the length of the curve left out"),
    ),
    *seeded(
        TAILS,
        "<module>",
        ("tail-few-terms", "TERMS = 32", "TERMS = 16", "the series is cut"),
    ),
    *seeded(
        TAILS,
        "_size",
        ("tail-kink", "array_namespace(z).where(z < 0, -z, z)", "array_namespace(z).abs(z)", "no slope at zero"),
    ),
    *seeded(
        TAILS,
        "log_mass",
        ("tail-not-mirrored", "flip * ratio", "ratio", "both edges of an interval push to the right"),
    ),
    *seeded(
        ISOTROPIC,
        "_squares_beyond_nearest",
        (
            "nearest-by-product",
            "xp.sum(difference * difference, axis=1)",
            "xp.min(squares, axis=1) + xp.sum(points * points, axis=1)",
            "the distance to the nearest center cancels",
        ),
        ("nearest-uncentered", "centers.mean(axis=0)", "0 * centers.mean(axis=0)", "far from the origin it cancels"),
    ),
    *seeded(
        ISOTROPIC,
        "_logits",
        ("nearest-left-out", "-least / (2 * variance)", "0.0 * least", "the density of the nearest center is one"),
    ),
    *seeded(
        CORNERS,
        "_root",
        (
            "corner-root-of-zero",
            "anp.where(zero, 0.0, anp.where(zero, 1.0, total) ** power)",
            "total ** power",
            "NaN for the slope of a norm at zero",
        ),
    ),
    *seeded(
        CORNERS,
        "clip",
        ("corner-end-of-a-clip", "x < min", "x <= min", "the slope at the end is 0"),
    ),
    *seeded(
        CORNERS,
        "prod",
        ("corner-odd-factor", "factors[2 * half:]", "factors[:0]", "an odd factor is lost"),
    ),
    *seeded(
        CORNERS,
        "var",
        ("corner-correction", "x.size / mean.size - correction", "x.size / mean.size", "n for n − 1"),
    ),
)
