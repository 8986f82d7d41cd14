"""Seeded bugs of Langevin dynamics, at one level and annealed."""

from __future__ import annotations

from .base import seeded

__all__ = ["ANNEALED_SAMPLERS"]

LINEAR = "scorekit/samplers/_linear.py"
LANGEVIN = "scorekit/samplers/langevin.py"
ANNEALED = "scorekit/samplers/annealed.py"

ANNEALED_SAMPLERS = (
    *seeded(
        LINEAR,
        "langevin_row",
        ("ula-half-missing", "step_size / 2", "step_size", "½ missing in the drift"),
        ("ula-step-for-root", "math.sqrt(step_size)", "step_size", "step for √step"),
        ("ula-root-of-two", "math.sqrt(step_size)", "math.sqrt(2 * step_size)", "√(2 step) and ½"),
        (
            "ula-noise-slightly-large",
            "math.sqrt(step_size)",
            "1.02 * math.sqrt(step_size)",
            "2 % more noise: 4 % more variance",
        ),
    ),
    *seeded(
        LINEAR,
        "Linear.step",
        ("ula-drift-sign", "a * x + b * score", "a * x - b * score", "climbs down the density"),
        ("ula-noise-missing", "new + c * context.normal()", "new + 0.0 * context.normal()", "gradient ascent"),
        (
            "ula-noise-shared-by-chains",
            "context.normal()",
            "context.batch_last(context.batch_first(context.normal())[:1, ...] + 0 * context.batch_first(x))",
            "each chain has the right law, all are one",
        ),
        (
            "ula-noise-shared-by-coordinates",
            "context.normal()",
            "context.batch_last(context.batch_first(context.normal())[..., :1] + 0 * context.batch_first(x))",
            "each coordinate has the right law, all move alike",
        ),
        (
            "ula-score-at-the-start",
            "context.score(x, row.sigma)",
            "context.score(context.copy_in(context.x0), row.sigma)",
            "the score of the first position, at every step",
        ),
        (
            "ula-model-without-sigma",
            "context.score(x, row.sigma)",
            "context.score(x, None)",
            "the model is asked for the data's score at every level",
        ),
        (
            "ula-model-variance-for-sigma",
            "context.score(x, row.sigma)",
            "context.score(x, None if row.sigma is None else row.sigma ** 2)",
            "the model is given σ² for σ",
        ),
    ),
    *seeded(
        LINEAR,
        "denoising_row",
        ("denoise-sigma", "sigma ** 2", "sigma", "σ for σ²"),
        ("denoise-sign", "sigma ** 2", "-sigma ** 2", "away from the mean"),
        ("denoise-half", "sigma ** 2", "0.5 * sigma ** 2", "half of the way"),
        (
            "denoise-noisy",
            "linear_row(1.0, sigma ** 2, 0.0, sigma, 0.0, level)",
            "linear_row(1.0, sigma ** 2, sigma, sigma, 0.0, level)",
            "noisy",
        ),
    ),
    *seeded(
        LINEAR,
        "linear_schedule",
        ("denoise-tiny-noise", "Linear(noise=False)", "Linear()", "a draw"),
    ),
    *seeded(
        LANGEVIN,
        "Langevin.schedule",
        (
            "ula-one-step-more",
            "Rows(self.steps, lambda k: row)",
            "Rows(self.steps + 1, lambda k: row)",
            "a step more than asked for",
        ),
        ("ula-step-halved", "langevin_row(self.step_size)", "langevin_row(self.step_size / 2)", "ε/2"),
    ),
    *seeded(
        ANNEALED,
        "AnnealedLangevin.schedule",
        (
            "denoise-first-level",
            "denoising_row(last, len(sigmas) - 1)",
            "denoising_row(sigmas[0], len(sigmas) - 1)",
            "σ_1 for σ_L",
        ),
        (
            "denoise-twice",
            "Rows(len(sigmas) * per_level + self.denoise, lambda k: rows[k // per_level])",
            "Rows(len(sigmas) * per_level + 2 * self.denoise, lambda k: rows[min(k // per_level, len(rows) - 1)])",
            "a step too many",
        ),
        (
            "denoise-missing",
            "len(sigmas) * per_level + self.denoise",
            "len(sigmas) * per_level",
            "the last noise stays",
        ),
        (
            "denoise-always",
            "if self.denoise:\n    rows.append(denoising_row(last, len(sigmas) - 1))\nreturn linear_schedule(Rows(len(sigmas) * per_level + self.denoise, lambda k: rows[k // per_level]))",
            "rows.append(denoising_row(last, len(sigmas) - 1))\nreturn linear_schedule(Rows(len(sigmas) * per_level + 1, lambda k: rows[k // per_level]))",
            "even when refused",
        ),
        (
            "ald-levels-reversed",
            "[float(sigma) for sigma in as_levels(self.noise).sigmas]",
            "[float(sigma) for sigma in as_levels(self.noise).sigmas[::-1]]",
            "from the smallest level to the largest",
        ),
        (
            "ald-last-level-missing",
            "last, per_level = sigmas[-1], self.steps_per_level",
            "last, per_level, sigmas = sigmas[-1], self.steps_per_level, sigmas[:-1]",
            "stops one level early",
        ),
        (
            "ald-first-level-missing",
            "last, per_level = sigmas[-1], self.steps_per_level",
            "last, per_level, sigmas = sigmas[-1], self.steps_per_level, sigmas[1:]",
            "starts one level late",
        ),
        (
            "ald-step-of-the-level-before",
            "self.step_size * sigma ** 2 / last ** 2",
            "self.step_size * sigmas[max(i - 1, 0)] ** 2 / last ** 2",
            "the level of the step size is off by one",
        ),
        (
            "ald-step-of-the-level-after",
            "self.step_size * sigma ** 2 / last ** 2",
            "self.step_size * sigmas[min(i + 1, len(sigmas) - 1)] ** 2 / last ** 2",
            "the level of the step size is off by one",
        ),
        (
            "ald-step-sigma",
            "self.step_size * sigma ** 2 / last ** 2",
            "self.step_size * sigma / last",
            "σ for σ² in the levels",
        ),
        (
            "ald-step-constant",
            "self.step_size * sigma ** 2 / last ** 2",
            "self.step_size",
            "one step size for all levels",
        ),
        (
            "ald-step-of-the-largest",
            "self.step_size * sigma ** 2 / last ** 2",
            "self.step_size * sigma ** 2 / sigmas[0] ** 2",
            "relative to the largest level, not the smallest",
        ),
        (
            "ald-step-more",
            "last, per_level = sigmas[-1], self.steps_per_level",
            "last, per_level = sigmas[-1], self.steps_per_level + 1",
            "T + 1 steps a level",
        ),
        (
            "ald-step-less-at-the-end",
            "Rows(len(sigmas) * per_level + self.denoise, lambda k: rows[k // per_level])",
            "Rows(len(sigmas) * per_level, lambda k: rows[(k + 1) // per_level] if self.denoise else rows[k // per_level])",
            "T − 1 steps at the last level",
        ),
        (
            "ald-model-level-after",
            "langevin_row(self.step_size * sigma ** 2 / last ** 2, sigma, i)",
            "langevin_row(self.step_size * sigma ** 2 / last ** 2, sigmas[min(i + 1, len(sigmas) - 1)], i)",
            "the model is asked one level ahead of the step",
        ),
        (
            "ald-model-last-level",
            "langevin_row(self.step_size * sigma ** 2 / last ** 2, sigma, i)",
            "langevin_row(self.step_size * sigma ** 2 / last ** 2, last, i)",
            "the model is asked at the smallest level throughout",
        ),
    ),
)
