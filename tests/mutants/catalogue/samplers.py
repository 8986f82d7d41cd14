"""Seeded bugs of the samplers."""

from __future__ import annotations

from .base import Mutant

__all__ = ["SAMPLERS"]

KERNELS = "scorekit/samplers/kernels.py"
LANGEVIN = "scorekit/samplers/langevin.py"
ANNEALED = "scorekit/samplers/annealed.py"
CONSISTENT = "scorekit/samplers/consistent.py"
INPAINT = "scorekit/samplers/inpaint.py"
BLOCKS = "scorekit/samplers/blocks.py"
CHAIN = "scorekit/samplers/chain.py"
DIVERGENCE = "scorekit/samplers/divergence.py"
LAYOUT = "scorekit/samplers/layout.py"
RECORDS = "scorekit/samplers/records.py"
START = "scorekit/samplers/start.py"
WALK = "scorekit/samplers/walk.py"
SPREAD = "variance = self.target**2 - ((1 - self.eta) * self.source) ** 2"
ADDED = "new = math.sqrt(self.step_size) * walk.normal()"
CONSISTENT_DRIFT = "x + (self.eta * self.source**2) * score"
ANCESTRAL = "1 - (target / source) ** 2 if self.eta is None"
BETWEEN = "float(sigmas[i] * (sigmas[i + 1] / sigmas[i]) ** ((k % n) / n))"
KNOWN = "self.values if sigma is None else self.values + sigma * walk.normal()"
STEP_FROM = "self.kernel.step(self._clamp(known, x, walk), inside, sigma, walk)"
DRIFT = "new += (self.step_size / 2) * score"
TO_MEAN = "return Moved(x + sigma**2 * score, score)"
STEP_OF_LEVEL = "self.step_size * sigma**2 / last**2"
STAGE_OF_LEVEL = "self.steps_per_level, sigma, i)"
FIRST_POINT = "return center + xp.sqrt(sigma_max**2 + width * width) * z"

SAMPLERS = (
    # ---------------------------------------------------------------- the Langevin step
    Mutant("ula-half-missing", KERNELS, DRIFT, "new += self.step_size * score", "½ missing in the drift"),
    Mutant("ula-drift-sign", KERNELS, DRIFT, "new -= (self.step_size / 2) * score", "climbs down the density"),
    Mutant("ula-step-for-root", KERNELS, ADDED, "new = self.step_size * walk.normal()", "step for √step"),
    Mutant("ula-root-of-two", KERNELS, ADDED, "new = math.sqrt(2 * self.step_size) * walk.normal()", "√(2 step) and ½"),
    Mutant("ula-noise-missing", KERNELS, ADDED, "new = 0.0 * walk.normal()", "gradient ascent"),
    Mutant(
        "ula-noise-slightly-large",
        KERNELS,
        ADDED,
        "new = 1.02 * math.sqrt(self.step_size) * walk.normal()",
        "2 % more noise: 4 % more variance",
    ),
    Mutant(
        "ula-noise-shared-by-chains",
        KERNELS,
        ADDED,
        "z = walk.layout.outer(walk.normal())[:1, ...] + 0 * walk.layout.outer(x)\n"
        "        new = math.sqrt(self.step_size) * walk.layout.inner(z)",
        "each chain has the right law, all are one",
    ),
    Mutant(
        "ula-noise-shared-by-coordinates",
        KERNELS,
        ADDED,
        "z = walk.layout.outer(walk.normal())[..., :1] + 0 * walk.layout.outer(x)\n"
        "        new = math.sqrt(self.step_size) * walk.layout.inner(z)",
        "each coordinate has the right law, all move alike",
    ),
    Mutant(
        "ula-score-at-the-start",
        KERNELS,
        "score = walk.score(x, sigma)\n        # The noise",
        "score = walk.score(walk.layout.enter(walk.x0), sigma)\n        # The noise",
        "the score of the first position, at every step",
    ),
    Mutant(
        "ula-model-without-sigma",
        KERNELS,
        "score = walk.score(x, sigma)\n        # The noise",
        "score = walk.score(x, None)\n        # The noise",
        "the model is asked for the data's score at every level",
    ),
    Mutant(
        "ula-model-variance-for-sigma",
        KERNELS,
        "score = walk.score(x, sigma)\n        # The noise",
        "score = walk.score(x, None if sigma is None else sigma**2)\n        # The noise",
        "the model is given σ² for σ",
    ),
    Mutant(
        "ula-one-step-more",
        LANGEVIN,
        "self.steps),)",
        "self.steps + 1),)",
        "a step more than asked for",
    ),
    Mutant(
        "ula-step-halved", LANGEVIN, "(Stage(Unadjusted(self.step_size)", "(Stage(Unadjusted(self.step_size / 2)", "ε/2"
    ),
    # ---------------------------------------------------------------- the denoising step
    Mutant("denoise-sigma", KERNELS, TO_MEAN, TO_MEAN.replace("sigma**2", "sigma"), "σ for σ²"),
    Mutant("denoise-sign", KERNELS, TO_MEAN, TO_MEAN.replace("x + ", "x - "), "away from the mean"),
    Mutant("denoise-half", KERNELS, TO_MEAN, TO_MEAN.replace("x + ", "x + 0.5 * "), "half of the way"),
    Mutant("denoise-noisy", KERNELS, TO_MEAN, TO_MEAN.replace("score, s", "score + sigma * walk.normal(), s"), "noisy"),
    Mutant(
        "denoise-tiny-noise", KERNELS, TO_MEAN, TO_MEAN.replace("score, s", "score + 0 * walk.normal(), s"), "a draw"
    ),
    Mutant(
        "denoise-first-level", ANNEALED, "Stage(Denoise(), 1, last,", "Stage(Denoise(), 1, sigmas[0],", "σ_1 for σ_L"
    ),
    Mutant("denoise-twice", ANNEALED, "Stage(Denoise(), 1, last,", "Stage(Denoise(), 2, last,", "a step too many"),
    Mutant("denoise-missing", ANNEALED, "if self.denoise else []", "if False else []", "the last noise stays"),
    Mutant("denoise-always", ANNEALED, "if self.denoise else []", "if True else []", "even when refused"),
    # ---------------------------------------------------------------- the ladder
    Mutant(
        "ald-levels-reversed",
        ANNEALED,
        "for sigma in as_ladder(self.noise).sigmas]",
        "for sigma in as_ladder(self.noise).sigmas[::-1]]",
        "from the smallest level to the largest",
    ),
    Mutant("ald-last-level-missing", ANNEALED, "enumerate(sigmas)", "enumerate(sigmas[:-1])", "stops one level early"),
    Mutant("ald-first-level-missing", ANNEALED, "enumerate(sigmas)", "enumerate(sigmas) if i", "starts one level late"),
    Mutant(
        "ald-step-of-the-level-before",
        ANNEALED,
        STEP_OF_LEVEL,
        "self.step_size * sigmas[max(i - 1, 0)] ** 2 / last**2",
        "the level of the step size is off by one",
    ),
    Mutant(
        "ald-step-of-the-level-after",
        ANNEALED,
        STEP_OF_LEVEL,
        "self.step_size * sigmas[min(i + 1, len(sigmas) - 1)] ** 2 / last**2",
        "the level of the step size is off by one",
    ),
    Mutant("ald-step-sigma", ANNEALED, STEP_OF_LEVEL, "self.step_size * sigma / last", "σ for σ² in the ladder"),
    Mutant("ald-step-constant", ANNEALED, STEP_OF_LEVEL, "self.step_size", "one step size for all levels"),
    Mutant(
        "ald-step-of-the-largest",
        ANNEALED,
        STEP_OF_LEVEL,
        "self.step_size * sigma**2 / sigmas[0] ** 2",
        "relative to the largest level, not the smallest",
    ),
    Mutant("ald-step-more", ANNEALED, STAGE_OF_LEVEL, "self.steps_per_level + 1, sigma, i)", "T + 1 steps a level"),
    Mutant(
        "ald-step-less-at-the-end",
        ANNEALED,
        STAGE_OF_LEVEL,
        "self.steps_per_level - (i > 0 and i == len(sigmas) - 1), sigma, i)",
        "T − 1 steps at the last level",
    ),
    Mutant(
        "ald-model-level-after",
        ANNEALED,
        STAGE_OF_LEVEL,
        "self.steps_per_level, sigmas[min(i + 1, len(sigmas) - 1)], i)",
        "the model is asked one level ahead of the step",
    ),
    Mutant(
        "ald-model-last-level",
        ANNEALED,
        STAGE_OF_LEVEL,
        "self.steps_per_level, last, i)",
        "the model is asked at the smallest level throughout",
    ),
    # ---------------------------------------------------------------- consistent annealed sampling
    Mutant(
        "cas-spread-of-the-source", CONSISTENT, SPREAD, SPREAD.replace("self.target**2", "self.source**2"), "σ, not σ'"
    ),
    Mutant(
        "cas-spread-not-squared", CONSISTENT, SPREAD, SPREAD.replace("(1 - self.eta)", "(1 - self.eta) ** 2"), "beta"
    ),
    Mutant("cas-eta-for-rest", CONSISTENT, SPREAD, SPREAD.replace("(1 - self.eta)", "self.eta"), "η for 1 − η in beta"),
    Mutant("cas-variance-for-deviation", CONSISTENT, "return math.sqrt(variance) if", "return variance if", "β² for β"),
    Mutant(
        "cas-langevin-noise",
        CONSISTENT,
        "self.spread * walk.normal()",
        "math.sqrt(2 * self.eta) * self.source * walk.normal()",
        "the noise of Langevin, without regard to what is left",
    ),
    Mutant("cas-drift-sign", CONSISTENT, CONSISTENT_DRIFT, CONSISTENT_DRIFT.replace("x + ", "x - "), "a sign"),
    Mutant(
        "cas-drift-half", CONSISTENT, CONSISTENT_DRIFT, CONSISTENT_DRIFT.replace("(self.eta", "(0.5 * self.eta"), "½"
    ),
    Mutant(
        "cas-drift-sigma", CONSISTENT, CONSISTENT_DRIFT, CONSISTENT_DRIFT.replace("source**2", "source"), "σ for σ²"
    ),
    Mutant(
        "cas-drift-target",
        CONSISTENT,
        CONSISTENT_DRIFT,
        CONSISTENT_DRIFT.replace("source", "target"),
        "one level ahead",
    ),
    Mutant("cas-not-ancestral", CONSISTENT, ANCESTRAL, ANCESTRAL.replace(" ** 2", ""), "1 − γ for 1 − γ²"),
    Mutant(
        "cas-model-at-the-target", CONSISTENT, "1, source, i)", "1, target, i)", "the model is asked one level ahead"
    ),
    Mutant(
        "cas-linear-between", CONSISTENT, BETWEEN, BETWEEN.replace("((k % n) / n)", "(k % n)"), "whole ratios between"
    ),
    Mutant("cas-denoise-missing", CONSISTENT, "if self.denoise else []", "if False else []", "the last noise stays"),
    Mutant("cas-denoise-always", CONSISTENT, "if self.denoise else []", "if True else []", "even when refused"),
    Mutant("cas-range-one-sided", CONSISTENT, "if not (1 - eta) ** 2 <=", "if not (1 - eta) <=", "no upper end for η"),
    Mutant("cas-widest-ratio", CONSISTENT, "gamma = min(", "gamma = max(", "the range of the closest pair of levels"),
    # ---------------------------------------------------------------- inpainting
    Mutant("inpaint-without-noise", INPAINT, KNOWN, "self.values", "the known entries have no noise at any level"),
    Mutant("inpaint-variance", INPAINT, KNOWN, KNOWN.replace("+ sigma", "+ sigma**2"), "σ² for σ"),
    Mutant(
        "inpaint-shared-noise", INPAINT, KNOWN, KNOWN.replace("sigma * walk", "sigma * 0 * walk"), "noise of size 0"
    ),
    Mutant(
        "inpaint-noise-each-step",
        INPAINT,
        STEP_FROM,
        "self.kernel.step(self._clamp(self.init(x, sigma, walk)[0], x, walk), inside, sigma, walk)",
        "fresh noise at each step of a level",
    ),
    Mutant("inpaint-not-clamped", INPAINT, STEP_FROM, "self.kernel.step(x, inside, sigma, walk)", "values, not noisy"),
    Mutant(
        "inpaint-end-noisy",
        INPAINT,
        "x=self._clamp(self.values, moved.x, walk)",
        "x=self._clamp(known, moved.x, walk)",
        "the known entries come out with the noise of the last level",
    ),
    Mutant(
        "inpaint-mask-inverted", INPAINT, "where(self.mask, known, x)", "where(self.mask, x, known)", "keeps the rest"
    ),
    # ---------------------------------------------------------------- samples in blocks
    Mutant(
        "blocks-one-stream", BLOCKS, "self.streams[index]", "self.streams[0]", "one stream: all blocks are the same"
    ),
    Mutant("blocks-off-by-one", BLOCKS, "slice(index * self.block", "slice(index * self.block + 1", "a sample short"),
    Mutant(
        "blocks-streams-of-the-chosen",
        BLOCKS,
        "self.one(index, None",
        "self.one(chosen.index(index), None",
        "the stream and the place depend on which blocks are made",
    ),
    Mutant(
        "gather-drops-the-last", BLOCKS, "zip(*kept, strict=True)", "zip(*kept[:-1], strict=True)", "a block is lost"
    ),
    # ---------------------------------------------------------------- the driver
    Mutant(
        "noise-reused",
        WALK,
        "z = self._rng.normal(self.layout.inner_shape, like=self.x0)",
        'z = vars(self).setdefault("_z", self._rng.normal(self.layout.inner_shape, like=self.x0))',
        "the noise of the first step at every step",
    ),
    Mutant(
        "noise-outer-layout",
        WALK,
        "z = self._rng.normal(self.layout.inner_shape, like=self.x0)",
        "z = self._rng.normal(self.layout.shape, like=self.x0)",
        "noise laid out for the caller, not for the chain",
    ),
    Mutant(
        "score-wrong-layout",
        WALK,
        "return self.layout.inner(s)",
        "return self.layout.xp.reshape(s, self.layout.inner_shape)",
        "reshaped where it should be transposed: scores of other chains",
    ),
    Mutant(
        "points-wrong-layout",
        WALK,
        "points = self.layout.outer(x)",
        "points = self.layout.xp.reshape(x, self.layout.shape)",
        "the model sees coordinates of different chains side by side",
    ),
    Mutant(
        "result-wrong-layout",
        LAYOUT,
        "return self._copy(self.outer(x), self.shape)",
        "return self._copy(x, self.shape)",
        "every number right, none in its place: the marginals do not tell",
    ),
    Mutant(
        "start-wrong-layout",
        LAYOUT,
        "return self._copy(self.inner(x), self.inner_shape)",
        "return self._copy(x, self.inner_shape)",
        "the starts of the chains are mixed",
    ),
    Mutant(
        "trajectory-wrong-layout",
        RECORDS,
        "self._walk.layout.outer(tick.moved.x)",
        "self._walk.layout.xp.reshape(tick.moved.x, self._walk.layout.shape)",
        "the result is right, what was kept is mixed",
    ),
    Mutant(
        "score-norm-of-the-batch",
        LAYOUT,
        "axes = range(len(self.shape) - 1) if self.batch_last",
        "axes = range(1, len(self.shape)) if self.batch_last",
        "sums over chains where it should sum over the event",
    ),
    Mutant(
        "keep-off-by-one", RECORDS, "return step % self._every == 0", "return (step - 1) % self._every == 0", "late"
    ),
    Mutant("keep-last-missing", RECORDS, " or step == self._total", "", "the last step may be missing"),
    Mutant(
        "levels-start-anew",
        CHAIN,
        "carry = stage.kernel.init(x, stage.sigma, walk)",
        "x = walk.layout.enter(walk.x0)\n                carry = stage.kernel.init(x, stage.sigma, walk)",
        "every level starts from x0, not from the level before",
    ),
    Mutant(
        "iterate-ignores-the-seed",
        CHAIN,
        "walk, plan = self._begin(model, x0, rng)\n        return (",
        "walk, plan = self._begin(model, x0, None)\n        return (",
        "iterate and sample do not give the same chain",
    ),
    Mutant("stability-limit", DIVERGENCE, "limit = 4 / autopsy.curvature", "limit = 2 / autopsy.curvature", "2/L"),
    # ---------------------------------------------------------------- where a chain starts
    Mutant("start-without-spread", START, FIRST_POINT, "return center + sigma_max * z", "the data's spread left out"),
    Mutant(
        "start-spread-added", START, FIRST_POINT, "return center + (sigma_max + width) * z", "added, not in squares"
    ),
    Mutant("start-sigma-not-squared", START, FIRST_POINT, FIRST_POINT.replace("sigma_max**2", "sigma_max"), "σ for σ²"),
    Mutant("start-variance", START, FIRST_POINT, FIRST_POINT.replace("xp.sqrt", ""), "the variance for the deviation"),
    Mutant("start-without-mean", START, FIRST_POINT, FIRST_POINT.replace("center + ", ""), "the data's mean left out"),
    Mutant("start-smallest-level", START, '("largest", "sigma_max")', '("smallest", "sigma_min")', "σ_L for σ_1"),
    Mutant("start-last-of-a-list", START, "as_ladder(noise).largest", "as_ladder(noise).smallest", "σ_L for σ_1"),
)
