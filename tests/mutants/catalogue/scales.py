"""Seeded bugs of standardized models, and of what is compared with the scale of the data."""

from __future__ import annotations

from .base import seeded

__all__ = ["SCALES"]

STANDARDIZED = "scorekit/models/standardized.py"
LEVEL = "scorekit/models/level.py"
COLUMNS = "scorekit/noise/columns.py"
LEVELS = "scorekit/samplers/_level_check.py"
RESOLUTION = "scorekit/samplers/_resolution.py"
CURVATURE = "scorekit/samplers/_curvature.py"
ANNEALED = "scorekit/samplers/annealed.py"
KERNEL = "scorekit/samplers/_kernel.py"
CLAMPED = "scorekit/samplers/_clamped.py"
RECORDER = "scorekit/samplers/_recorder.py"
SCALE = "scorekit/training/scales.py"
STORAGE = "scorekit/storage/models.py"
TRAINED = "scorekit/learning/trained_levels.py"

SCALES = (
    *seeded(
        STANDARDIZED,
        "Standardized.__call__",
        (
            "standardized-not-divided",
            "evaluate(self.model, self.to_standard(x), as_sigma(sigma, x), condition) / self.like(x)[1]",
            "evaluate(self.model, self.to_standard(x), as_sigma(sigma, x), condition)",
            "the chain rule is left out",
        ),
        (
            "standardized-multiplied",
            "evaluate(self.model, self.to_standard(x), as_sigma(sigma, x), condition) / self.like(x)[1]",
            "evaluate(self.model, self.to_standard(x), as_sigma(sigma, x), condition) * self.like(x)[1]",
            "scale for 1/scale",
        ),
    ),
    *seeded(
        STANDARDIZED,
        "Standardized.log_prob",
        (
            "standardized-volume-sign",
            "inner(self.to_standard(x), *others, **named) - float(np.sum(width))",
            "inner(self.to_standard(x), *others, **named) + float(np.sum(width))",
            "a sign",
        ),
        ("standardized-volume-of-one", "event_size(x)", "1", "one feature for all"),
    ),
    *seeded(
        STANDARDIZED,
        "Standardized.like",
        (
            "standardized-one-kind",
            "(type(x), x.dtype, str(getattr(x, 'device', '')))",
            "0",
            "the arrays of another dtype",
        ),
    ),
    *seeded(
        LEVEL,
        "denoise",
        ("standardized-denoise", "units is not None", "False", "sigma² for (sigma · scale)²"),
    ),
    *seeded(
        CLAMPED,
        "Clamped.init",
        ("known-values-not-standardized", "context.units is not None", "False", "values in other units than x"),
    ),
    *seeded(
        COLUMNS,
        "_clipped_moments",
        ("scale-not-clipped", "np.square(np.clip(rows, low, high) - mean)", "np.square(rows - mean)", "outliers count"),
    ),
    *seeded(
        COLUMNS,
        "location_scale",
        ("constant-column-of-zero-scale", "deviation[varies].min()", "0.0", "a scale of zero"),
    ),
    *seeded(
        COLUMNS,
        "far_rows",
        ("far-rows-of-all", "n - 1 - max(1, n // 100)", "n - 1", "the largest radius is compared with itself"),
    ),
    *seeded(
        LEVELS,
        "compare_levels",
        ("smaller-levels-not-seen", "low >= smallest / TOLERANCE", "True", "only the largest level is compared"),
        ("one-level-not-seen", "(_fixed(model),) * 2", "(None,) * 2", "at(model, sigma) is not compared"),
    ),
    *seeded(
        RESOLUTION,
        "change_of",
        ("resolution-of-the-step", "math.sqrt(row.step_size)", "row.step_size", "step for √step"),
    ),
    *seeded(
        CURVATURE,
        "_power",
        (
            "curvature-of-unit-length",
            "max(float(xp.max(xp.abs(x))), length_of(row)) or 1.0",
            "max(1.0, float(xp.max(xp.abs(x))))",
            "finite differences in a unit of their own",
        ),
    ),
    *seeded(
        ANNEALED,
        "AnnealedLangevin._check_stability",
        (
            "stability-not-squared",
            "relative = self.step_size / smallest ** 2",
            "relative = self.step_size / smallest",
            "σ for σ²",
        ),
    ),
    *seeded(
        KERNEL,
        "Schedule.extremes",
        ("growth-of-the-smallest", "max(sigmas, default=None)", "min(sigmas, default=None)", "the smallest level"),
    ),
    *seeded(
        RECORDER,
        "Recorder.check_memory",
        ("memory-of-one-state", "2 * kept * state <= free", "2 * state <= free", "the number of states is left out"),
    ),
    *seeded(
        SCALE,
        "compare_scales",
        ("scales-in-other-units", "x if units is None else units.to_standard(x)", "x", "raw data beside sigma"),
    ),
    *seeded(
        STORAGE,
        "load",
        (
            "trained-levels-forgotten",
            "set_trained_levels(model, description.get('trained_levels'))",
            "pass",
            "not kept",
        ),
    ),
    *seeded(
        TRAINED,
        "set_trained_levels",
        ("trained-levels-reversed", "(min(known), max(known))", "(max(known), min(known))", "in the other order"),
    ),
)
