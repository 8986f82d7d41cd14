"""Seeded bugs of the design of noise."""

from __future__ import annotations

from .base import Mutant

__all__ = ["NOISE"]

DESIGNED = "scorekit/noise/designed.py"
OVERLAP = "scorekit/noise/overlap.py"
REST = "rest = 1 / (1 - u / 2)"
RELAX = "return float((1 - u) ** (2 * steps) * (gamma**2 - rest) + rest)"
RADII = "ndtr(apart + 3 * gamma) - ndtr(apart - 3 * gamma)"

NOISE = (
    Mutant("variance-ratio-rest", DESIGNED, REST, REST.replace("u / 2", "u"), "the variance at rest"),
    Mutant("variance-ratio-one-step", DESIGNED, RELAX, RELAX.replace("(2 * steps)", "steps"), "a for a² a step"),
    Mutant("variance-ratio-gamma", DESIGNED, RELAX, RELAX.replace("gamma**2", "gamma"), "γ for γ²"),
    Mutant("step-size-half", DESIGNED, "2 * step * bottom**2", "step * bottom**2", "the published ε for our step, 2 ε"),
    Mutant("step-size-of-the-largest", DESIGNED, "2 * step * bottom**2", "2 * step * top**2", "σ_1 for σ_L"),
    Mutant("step-size-sigma", DESIGNED, "2 * step * bottom**2", "2 * step * bottom", "σ for σ²"),
    Mutant("levels-one-less", DESIGNED, "max(2, 1 + math.ceil(", "max(2, math.ceil(", "levels for gaps"),
    Mutant("levels-rounded-down", DESIGNED, "math.ceil(math.log(top", "math.floor(math.log(top", "too few"),
    Mutant("distance-in-the-chunk", DESIGNED, "2 * rows[part] @ rows.T", "2 * rows[part] @ rows[part].T", "a chunk"),
    Mutant("distance-squared", DESIGNED, "- 2 * rows[part]", "- rows[part]", "2 missing in |a − b|²"),
    Mutant("distance-of-the-nearest", DESIGNED, "np.argsort(-radii", "np.argsort(radii", "those nearest to the mean"),
    Mutant(
        "distance-wrong-row", DESIGNED, "rows[first + i] - rows[j]", "rows[i] - rows[j]", "a row of the first chunk"
    ),
    Mutant("blur-of-the-largest", DESIGNED, "return high - low", "return high", "not moved with the data"),
    Mutant("overlap-root", OVERLAP, "math.sqrt(2 * dim)", "math.sqrt(dim)", "√D for √(2D)"),
    Mutant(
        "overlap-one-sided", OVERLAP, RADII, "1 - ndtr(apart - 3 * gamma)", "in few dimensions the upper end counts"
    ),
    Mutant("overlap-width", OVERLAP, RADII, RADII.replace("3 * gamma", "3.0"), "three deviations of the smaller level"),
    Mutant("overlap-upside-down", OVERLAP, "sigmas[:-1] / sigmas[1:]", "sigmas[1:] / sigmas[:-1]", "1/γ for γ"),
    Mutant(
        "strata-on-the-host",
        "scorekit/_streams.py",
        "constant(rng.choice(n, (n,), replace=False), shift)",
        "rng.choice(n, (n,), replace=False)",
        "no network learns its levels on a device",
    ),
)
