"""Seeded bugs of Langevin dynamics, at one level and annealed."""

from __future__ import annotations

from .base import seeded

__all__ = ["ANNEALED_SAMPLERS"]

KERNELS = "scorekit/samplers/kernels.py"
LANGEVIN = "scorekit/samplers/langevin.py"
ANNEALED = "scorekit/samplers/annealed.py"

ANNEALED_SAMPLERS = (
    *seeded(
        KERNELS,
        "Unadjusted.step",
        ("ula-half-missing", "self.step_size / 2", "self.step_size", "½ missing in the drift"),
        (
            "ula-drift-sign",
            "new += self.step_size / 2 * score",
            "new -= self.step_size / 2 * score",
            "climbs down the density",
        ),
        ("ula-step-for-root", "math.sqrt(self.step_size)", "self.step_size", "step for √step"),
        ("ula-root-of-two", "math.sqrt(self.step_size)", "math.sqrt(2 * self.step_size)", "√(2 step) and ½"),
        ("ula-noise-missing", "math.sqrt(self.step_size)", "0.0", "gradient ascent"),
        (
            "ula-noise-slightly-large",
            "math.sqrt(self.step_size)",
            "1.02 * math.sqrt(self.step_size)",
            "2 % more noise: 4 % more variance",
        ),
        (
            "ula-noise-shared-by-chains",
            "new = math.sqrt(self.step_size) * walk.normal()",
            "z = walk.layout.outer(walk.normal())[:1, ...] + 0 * walk.layout.outer(x)\nnew = math.sqrt(self.step_size) * walk.layout.inner(z)",
            "each chain has the right law, all are one",
        ),
        (
            "ula-noise-shared-by-coordinates",
            "new = math.sqrt(self.step_size) * walk.normal()",
            "z = walk.layout.outer(walk.normal())[..., :1] + 0 * walk.layout.outer(x)\nnew = math.sqrt(self.step_size) * walk.layout.inner(z)",
            "each coordinate has the right law, all move alike",
        ),
        (
            "ula-score-at-the-start",
            "walk.score(x, sigma)",
            "walk.score(walk.layout.enter(walk.x0), sigma)",
            "the score of the first position, at every step",
        ),
        (
            "ula-model-without-sigma",
            "walk.score(x, sigma)",
            "walk.score(x, None)",
            "the model is asked for the data's score at every level",
        ),
        (
            "ula-model-variance-for-sigma",
            "walk.score(x, sigma)",
            "walk.score(x, None if sigma is None else sigma ** 2)",
            "the model is given σ² for σ",
        ),
    ),
    *seeded(
        KERNELS,
        "Denoise.step",
        ("denoise-sigma", "sigma ** 2", "sigma", "σ for σ²"),
        ("denoise-sign", "x + sigma ** 2 * score", "x - sigma ** 2 * score", "away from the mean"),
        ("denoise-half", "sigma ** 2", "0.5 * sigma ** 2", "half of the way"),
        ("denoise-noisy", "x + sigma ** 2 * score", "x + sigma ** 2 * score + sigma * walk.normal()", "noisy"),
        ("denoise-tiny-noise", "x + sigma ** 2 * score", "x + sigma ** 2 * score + 0 * walk.normal()", "a draw"),
    ),
    *seeded(
        LANGEVIN,
        "Langevin.plan",
        (
            "ula-one-step-more",
            "Stage(Unadjusted(self.step_size), self.steps)",
            "Stage(Unadjusted(self.step_size), self.steps + 1)",
            "a step more than asked for",
        ),
        ("ula-step-halved", "Unadjusted(self.step_size)", "Unadjusted(self.step_size / 2)", "ε/2"),
    ),
    *seeded(
        ANNEALED,
        "AnnealedLangevin.plan",
        (
            "denoise-first-level",
            "Stage(Denoise(), 1, last, len(sigmas) - 1)",
            "Stage(Denoise(), 1, sigmas[0], len(sigmas) - 1)",
            "σ_1 for σ_L",
        ),
        (
            "denoise-twice",
            "Stage(Denoise(), 1, last, len(sigmas) - 1)",
            "Stage(Denoise(), 2, last, len(sigmas) - 1)",
            "a step too many",
        ),
        (
            "denoise-missing",
            "[Stage(Denoise(), 1, last, len(sigmas) - 1)] if self.denoise else []",
            "[Stage(Denoise(), 1, last, len(sigmas) - 1)] if False else []",
            "the last noise stays",
        ),
        (
            "denoise-always",
            "[Stage(Denoise(), 1, last, len(sigmas) - 1)] if self.denoise else []",
            "[Stage(Denoise(), 1, last, len(sigmas) - 1)] if True else []",
            "even when refused",
        ),
        (
            "ald-levels-reversed",
            "[float(sigma) for sigma in as_ladder(self.noise).sigmas]",
            "[float(sigma) for sigma in as_ladder(self.noise).sigmas[::-1]]",
            "from the smallest level to the largest",
        ),
        ("ald-last-level-missing", "enumerate(sigmas)", "enumerate(sigmas[:-1])", "stops one level early"),
        (
            "ald-first-level-missing",
            "[Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level, sigma, i) for i, sigma in enumerate(sigmas)]",
            "[Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level, sigma, i) for i, sigma in enumerate(sigmas) if i]",
            "starts one level late",
        ),
        (
            "ald-step-of-the-level-before",
            "sigma ** 2",
            "sigmas[max(i - 1, 0)] ** 2",
            "the level of the step size is off by one",
        ),
        (
            "ald-step-of-the-level-after",
            "sigma ** 2",
            "sigmas[min(i + 1, len(sigmas) - 1)] ** 2",
            "the level of the step size is off by one",
        ),
        (
            "ald-step-sigma",
            "self.step_size * sigma ** 2 / last ** 2",
            "self.step_size * sigma / last",
            "σ for σ² in the ladder",
        ),
        (
            "ald-step-constant",
            "self.step_size * sigma ** 2 / last ** 2",
            "self.step_size",
            "one step size for all levels",
        ),
        ("ald-step-of-the-largest", "last ** 2", "sigmas[0] ** 2", "relative to the largest level, not the smallest"),
        (
            "ald-step-more",
            "Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level, sigma, i)",
            "Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level + 1, sigma, i)",
            "T + 1 steps a level",
        ),
        (
            "ald-step-less-at-the-end",
            "Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level, sigma, i)",
            "Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level - (i > 0 and i == len(sigmas) - 1), sigma, i)",
            "T − 1 steps at the last level",
        ),
        (
            "ald-model-level-after",
            "Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level, sigma, i)",
            "Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level, sigmas[min(i + 1, len(sigmas) - 1)], i)",
            "the model is asked one level ahead of the step",
        ),
        (
            "ald-model-last-level",
            "Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level, sigma, i)",
            "Stage(Unadjusted(self.step_size * sigma ** 2 / last ** 2), self.steps_per_level, last, i)",
            "the model is asked at the smallest level throughout",
        ),
    ),
)
