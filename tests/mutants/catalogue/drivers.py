"""Seeded bugs of the run of a sampler: when kernels are entered, when a chain has diverged, what is recorded."""

from __future__ import annotations

from .base import seeded

__all__ = ["DRIVERS"]

LINEAR = "scorekit/samplers/_linear.py"
DRIVER = "scorekit/samplers/_driver.py"
DIVERGENCE = "scorekit/samplers/_divergence.py"
RECORDER = "scorekit/samplers/_recorder.py"
LAWS = "scorekit/testing/laws.py"

DRIVERS = (
    *seeded(
        LINEAR,
        "linear_row",
        ("linear-noise-without-need", "0 if c else 1", "0", "noise is drawn and multiplied by zero"),
    ),
    *seeded(
        LINEAR,
        "Linear.step",
        ("linear-position-kept", "a * x + b * score", "x + b * score", "a is ignored"),
    ),
    *seeded(
        DRIVER,
        "_Run.steps",
        ("enter-without-next-level", "row[:2] != before[:2]", "row[0] != before[0]", "σ' alone may change"),
        ("enter-without-other-kernels", "row.kernel != before.kernel", "False", "not entered after another kernel"),
        (
            "enter-every-step",
            "row is not before and (before is None or row[:2] != before[:2] or row.kernel != before.kernel)",
            "True",
            "entered at every step",
        ),
        ("scale-without-first-step", "growth.follow_first(step.x)", "pass", "no limit is set"),
    ),
    *seeded(
        DRIVER,
        "_Run._enter",
        ("state-starts-anew", "row.kernel not in self._states", "True", "each level forgets the state"),
    ),
    *seeded(
        DIVERGENCE,
        "Growth.__init__",
        ("scale-without-d", "math.sqrt(d)", "1.0", "the norm of the noise grows with √d"),
        ("scale-of-the-step", "math.sqrt(extremes.step_size)", "extremes.step_size", "step for √step"),
        ("scale-without-sigma", "extremes.sigma_max or 0.0", "0.0", "sigma is left out"),
    ),
    *seeded(
        DIVERGENCE,
        "Growth.follow_first",
        ("growth-not-squared", "bound * bound", "bound", "a norm compared with its square"),
        ("growth-of-the-start", "max(self._scale, self._largest(x))", "self._scale", "the first step is left out"),
    ),
    *seeded(
        DIVERGENCE,
        "Growth.is_well",
        (
            "growth-of-the-batch",
            "square <= self._limit or not any(self.count(x))",
            "square <= self._limit",
            "many chains together are taken for one far away",
        ),
    ),
    *seeded(
        RECORDER,
        "Recorder.wants",
        (
            "records-too-many",
            "number * self._records // self._total > (number - 1) * self._records // self._total",
            "number % (self._total // self._records) == 0",
            "up to 199 records, and not at the last step",
        ),
    ),
    *seeded(
        RECORDER,
        "Recorder._own",
        ("stats-of-the-kernel", "info.keys() & _NAMES", "set()", "a kernel's entry replaces the driver's"),
    ),
    *seeded(
        RECORDER,
        "Recorder.stats",
        ("stats-of-the-first-row", "row.get(name, math.nan)", "self._rows[0].get(name, math.nan)", "one row for all"),
    ),
    *seeded(
        LAWS,
        "impulse_law",
        (
            "law-noise-shared",
            "by_draw.T @ by_draw",
            "np.outer(by_draw.sum(axis=0), by_draw.sum(axis=0))",
            "all draws are taken to be one",
        ),
        ("law-transposed", "by_start.T @ spread @ by_start", "by_start @ spread @ by_start.T", "Aᵀ C A for A C Aᵀ"),
        ("law-without-start", "by_start.T @ spread @ by_start", "0.0 * spread", "the start's covariance left out"),
    ),
    *seeded(
        LAWS,
        "_check_affine",
        ("law-of-any-sampler", "_tolerance(like)", "1e+09", "a sampler that is not affine is accepted"),
    ),
)
