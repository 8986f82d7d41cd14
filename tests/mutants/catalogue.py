"""Seeded bugs: each is one edit of one file, and the test suite must notice it.

They are the mistakes that score-matching code is known to make: a sign, a missing ½, σ for σ², a mean over dimensions,
a sum over the last axis only, a detached norm, one probe for the whole batch, noise that is shared or reused, a level
off by one. Some leave the expectation of a loss as it was, or the law of every single coordinate, and are wrong all
the same. Add one here whenever a bug is found that no test had noticed.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True)
class Mutant:
    """One bug: ``before``, which occurs exactly once in ``file``, becomes ``after``; ``why`` says what is wrong."""

    name: str
    file: str
    before: str
    after: str
    why: str

    def apply(self, source: str) -> str:
        """The mutated source; refused when ``before`` does not occur exactly once."""
        found = source.count(self.before)
        if found != 1:
            raise ValueError(f"{self.name}: the snippet occurs {found} times in {self.file}, expected once.")
        return source.replace(self.before, self.after)


ARRAYS = "scorekit/_arrays.py"
BASE = "scorekit/objectives/_base.py"
EXPLICIT = "scorekit/objectives/explicit.py"
IMPLICIT = "scorekit/objectives/implicit.py"
SLICED = "scorekit/objectives/sliced.py"
DENOISING = "scorekit/objectives/denoising.py"
CONDITIONAL = "scorekit/objectives/noise_conditional.py"
KERNELS = "scorekit/samplers/kernels.py"
LANGEVIN = "scorekit/samplers/langevin.py"
ANNEALED = "scorekit/samplers/annealed.py"
CHAIN = "scorekit/samplers/chain.py"
DIVERGENCE = "scorekit/samplers/divergence.py"
LAYOUT = "scorekit/samplers/layout.py"
RECORDS = "scorekit/samplers/records.py"
START = "scorekit/samplers/start.py"
WALK = "scorekit/samplers/walk.py"
ENERGY = "scorekit/models/energy.py"
LEVEL = "scorekit/models/level.py"
PRECONDITIONED = "scorekit/models/preconditioned.py"
TWEEDIE = "scorekit/models/tweedie.py"
NETWORKS = "backends/scorekit_torch/networks/"
NORM, REFINENET, NCSNV2 = NETWORKS + "normalization.py", NETWORKS + "refinenet.py", NETWORKS + "ncsnv2.py"
BLOCKS, RESAMPLING, UNET = NETWORKS + "residual.py", NETWORKS + "resampling.py", NETWORKS + "unet.py"
STAGES, CONVERT, IMAGE = NETWORKS + "stages.py", NETWORKS + "convert.py", NETWORKS + "_image.py"

# snippets that several mutants begin from
EVENT_SUM = "return array_namespace(x).sum(x, axis=tuple(range(1, x.ndim)))"
WEIGHTED = "return xp.sum(w * values) / xp.sum(w)"
SEED = "as_rng(rng, x) if self.draws else None"
ESM = "return 0.5 * event_dot(difference, difference)"
ISM = "return trace + 0.5 * event_dot(s, s)"
PROBES = "rng.rademacher((self.probes, *x.shape), like=x)"
SSM_REDUCED = "return curvature + 0.5 * event_sum(s * s)"
SSM_PLAIN = "return curvature + 0.5 * sum(along[1:], along[0]) / self.projections"
SPHERE = "return v * xp.sqrt(event_size(x) / xp.sum(v * v, axis=axes, keepdims=True))"
DSM = "return 0.5 * event_dot(t + z, t + z)"
CONTROL = "return 0.5 * event_dot(t, t) + event_dot(t - at_data, z) + 0.5 * event_size(x)"
ANTITHETIC = "return 0.25 * (event_dot(t + z, t + z) + event_dot(mirrored - z, mirrored - z))"
NOISY_SCORE = "t = level * score(x + level * z, sigma)"
DRAW = "z = rng.normal(x.shape, like=x)"
LEVELS = "sigma = self.noise.sample(x.shape[0], rng, like=x)"
NOISE = "new = math.sqrt(self.step_size) * walk.normal()"
DRIFT = "new += (self.step_size / 2) * score"
TO_MEAN = "return Moved(x + sigma**2 * score, score)"
STEP_OF_LEVEL = "self.step_size * sigma**2 / last**2"
STAGE_OF_LEVEL = "self.steps_per_level, sigma, i)"
FIRST_POINT = "return center + xp.sqrt(sigma_max**2 + width * width) * z"


OBJECTIVES = (
    # ---------------------------------------------------------------- the reductions
    Mutant("event-sum-last-axis", ARRAYS, EVENT_SUM, "return array_namespace(x).sum(x, axis=-1)", "last axis only"),
    Mutant(
        "event-sum-mean-over-leading-axes",
        ARRAYS,
        EVENT_SUM,
        "return array_namespace(x).mean(array_namespace(x).sum(x, axis=-1).reshape((x.shape[0], -1)), axis=1)",
        "a mean over all axes of the event but the last",
    ),
    Mutant(
        "event-sum-mean",
        ARRAYS,
        EVENT_SUM,
        "return array_namespace(x).mean(x, axis=tuple(range(1, x.ndim)))",
        "a mean over dimensions instead of a sum",
    ),
    Mutant("event-size-last-axis", ARRAYS, "return math.prod(x.shape[1:])", "return x.shape[-1]", "d is the last axis"),
    Mutant(
        "align-with-last-axis",
        ARRAYS,
        "(-1,) + (1,) * (x.ndim - 1)",
        "(1,) * (x.ndim - 1) + (-1,)",
        "a value a sample lands on the coordinates",
    ),
    Mutant("mean-weights-ignored", ARRAYS, WEIGHTED, "return xp.mean(values)", "weights ignored"),
    Mutant("mean-sum-of-weights-missing", ARRAYS, WEIGHTED, "return xp.mean(w * values)", "not divided by sum(w)"),
    Mutant(
        "mean-weights-squared",
        ARRAYS,
        WEIGHTED,
        "return xp.sum(w * w * values) / xp.sum(w * w)",
        "weights squared on both sides, which equal weights hide",
    ),
    Mutant("mean-is-sum", ARRAYS, "return xp.mean(values)", "return xp.sum(values)", "a sum over the batch"),
    # ---------------------------------------------------------------- what objectives share
    Mutant(
        "call-drops-weights",
        BASE,
        "return weighted_mean(self.losses(model, x, rng), weights)",
        "return weighted_mean(self.losses(model, x, rng), None)",
        "weights never reach the mean",
    ),
    Mutant(
        "seed-ignored",
        BASE,
        SEED,
        "as_rng(0, x) if self.draws else None",
        "the same noise at every call",
    ),
    Mutant(
        "seed-not-reproducible",
        BASE,
        SEED,
        "as_rng(None if isinstance(rng, int) else rng, x) if self.draws else None",
        "a seed gives another loss each time",
    ),
    Mutant(
        "coupled-rows-accepted",
        BASE,
        "if x.shape[0] > 1 and _couples_rows(score, x):",
        "if x.shape[0] < 1 and _couples_rows(score, x):",
        "batch normalisation is let through where a trace is taken",
    ),
    Mutant(
        "coupled-rows-forget-the-mode",
        BASE,
        "if _seen_uncoupled.get(model, _UNSEEN) == mode:",
        "if _seen_uncoupled.get(model, _UNSEEN) is not _UNSEEN:",
        "looked at in evaluation mode, trusted in training mode",
    ),
    # ---------------------------------------------------------------- explicit
    Mutant("esm-half-missing", EXPLICIT, ESM, "return event_dot(difference, difference)", "½ missing"),
    Mutant("esm-norm-not-squared", EXPLICIT, ESM, "return 0.5 * event_dot(difference, difference) ** 0.5", "no square"),
    Mutant(
        "esm-target-sign",
        EXPLICIT,
        "difference = score(own(x), sigma) - exact",
        "difference = score(own(x), sigma) + exact",
        "the negative score taken for the score",
    ),
    Mutant(
        "esm-target-without-sigma",
        EXPLICIT,
        "(self._target())(own(x), sigma), x)",
        "(self._target())(own(x), None), x)",
        "the model at sigma against the target without noise",
    ),
    Mutant(
        "esm-model-without-sigma",
        EXPLICIT,
        "difference = score(own(x), sigma) -",
        "difference = score(own(x), None) -",
        "the model without noise against the target at sigma",
    ),
    # ---------------------------------------------------------------- implicit
    Mutant("ism-trace-sign", IMPLICIT, ISM, "return -trace + 0.5 * event_dot(s, s)", "the sign of the trace"),
    Mutant("ism-half-missing", IMPLICIT, ISM, "return trace + event_dot(s, s)", "½ missing"),
    Mutant("ism-half-on-both", IMPLICIT, ISM, "return 0.5 * (trace + event_dot(s, s))", "½ on the trace too"),
    Mutant("ism-trace-mean", IMPLICIT, ISM, "return trace / x[0].size + 0.5 * event_dot(s, s)", "1/d on the trace"),
    Mutant(
        "ism-norm-detached",
        IMPLICIT,
        ISM,
        "s = backend_of(x).to_numpy(s)\n        return trace + 0.5 * event_dot(s, s)",
        "the value is right, the gradient lacks ½|s|²",
    ),
    Mutant(
        "ism-trace-detached",
        IMPLICIT,
        ISM,
        "return backend_of(x).to_numpy(trace) + 0.5 * event_dot(s, s)",
        "the value is right, the gradient lacks the trace",
    ),
    Mutant("hutchinson-shared-probe", IMPLICIT, PROBES, f"{PROBES}[:, :1, ...] + 0 * x", "one probe for the batch"),
    Mutant("hutchinson-shared-sign", IMPLICIT, PROBES, f"{PROBES}[..., :1] + 0 * x", "one sign for all coordinates"),
    Mutant("hutchinson-first-probe", IMPLICIT, PROBES, f"{PROBES}[:1, ...]", "one probe, whatever was asked for"),
    Mutant("hutchinson-normal", IMPLICIT, PROBES, PROBES.replace("rademacher", "normal"), "a larger spread"),
    Mutant("hutchinson-fewer-draws", IMPLICIT, PROBES, PROBES.replace("self.probes", "1"), "one probe drawn"),
    # ---------------------------------------------------------------- sliced
    Mutant("ssm-vr-half-missing", SLICED, SSM_REDUCED, "return curvature + event_sum(s * s)", "½ missing"),
    Mutant("ssm-vr-curvature-sign", SLICED, SSM_REDUCED, "return 0.5 * event_sum(s * s) - curvature", "a sign"),
    Mutant("ssm-half-missing", SLICED, SSM_PLAIN, SSM_PLAIN.replace("0.5 * ", ""), "½ missing"),
    Mutant("ssm-curvature-sign", SLICED, SSM_PLAIN, SSM_PLAIN.replace("curvature", "-curvature"), "a sign"),
    Mutant("ssm-projections-summed", SLICED, SSM_PLAIN, SSM_PLAIN.replace(" / self.projections", ""), "not averaged"),
    Mutant(
        "ssm-first-projection-only",
        SLICED,
        "event_sum(directions[k, ...] * s) ** 2",
        "event_sum(directions[0, ...] * s) ** 2",
        "the square along the first direction, counted for all",
    ),
    Mutant(
        "ssm-square-inside-the-sum",
        SLICED,
        "event_sum(directions[k, ...] * s) ** 2",
        "event_sum((directions[k, ...] * s) ** 2)",
        "Σ (v_i s_i)² for (Σ v_i s_i)²: the same expectation",
    ),
    Mutant(
        "ssm-variants-swapped",
        SLICED,
        "if self.variance_reduced:",
        "if not self.variance_reduced:",
        "plain for reduced and the other way round: the same expectation",
    ),
    Mutant(
        "ssm-norm-detached",
        SLICED,
        SSM_REDUCED,
        "s = backend_of(x).to_numpy(s)\n            return curvature + 0.5 * event_sum(s * s)",
        "the value is right, the gradient lacks ½|s|²",
    ),
    Mutant(
        "ssm-square-detached",
        SLICED,
        "along = [event_sum(",
        "s = backend_of(x).to_numpy(s)\n        along = [event_sum(",
        "the value is right, the gradient lacks ½(vᵀs)²",
    ),
    Mutant("sphere-radius-one", SLICED, SPHERE, SPHERE.replace("event_size(x)", "1.0"), "radius 1, not √d"),
    Mutant("sphere-root-missing", SLICED, SPHERE, SPHERE.replace("xp.sqrt", ""), "divided by |v|², not |v|"),
    Mutant("sphere-batch-norm", SLICED, SPHERE, SPHERE.replace("axis=axes", "axis=(1, *axes)"), "|v| of the batch"),
    Mutant(
        "sphere-last-axis",
        SLICED,
        "axes = tuple(range(2, v.ndim))",
        "axes = (v.ndim - 1,)",
        "each row of an event on a sphere of its own",
    ),
    Mutant(
        "sphere-not-normalised",
        SLICED,
        'if self.distribution == "gaussian":',
        'if self.distribution != "rademacher":',
        "Gaussian directions instead: the same expectation",
    ),
    Mutant(
        "gaussian-on-the-sphere",
        SLICED,
        'if self.distribution == "gaussian":',
        'if self.distribution == "normal":',
        "directions on the sphere instead: the same expectation",
    ),
    Mutant(
        "ssm-shared-signs",
        SLICED,
        "return rng.rademacher(shape, like=x)",
        "return rng.rademacher(shape, like=x)[:, :1, ...] + 0 * x",
        "one direction for the batch",
    ),
    Mutant(
        "ssm-shared-normals",
        SLICED,
        "v = rng.normal(shape, like=x)",
        "v = rng.normal(shape, like=x)[:, :1, ...] + 0 * x",
        "one direction for the batch",
    ),
    # ---------------------------------------------------------------- denoising
    Mutant("dsm-half-missing", DENOISING, DSM, "return event_dot(t + z, t + z)", "½ missing"),
    Mutant("dsm-noise-sign", DENOISING, DSM, "return 0.5 * event_dot(t - z, t - z)", "learns minus the score"),
    Mutant("dsm-variance-for-sigma", DENOISING, NOISY_SCORE, NOISY_SCORE.replace("t = level", "t = level**2"), "σ²"),
    Mutant("dsm-noise-of-variance", DENOISING, NOISY_SCORE, NOISY_SCORE.replace("+ level", "+ level**2"), "σ² z"),
    Mutant("dsm-clean-point", DENOISING, NOISY_SCORE, "t = level * score(x, sigma)", "the score at the clean data"),
    Mutant("dsm-model-without-sigma", DENOISING, NOISY_SCORE, NOISY_SCORE.replace("sigma)", "None)"), "no level"),
    Mutant("dsm-scale", DENOISING, "/ self.sigma**2", "/ self.sigma", "σ for σ² in the scale of the loss"),
    Mutant("dsm-reduction-dropped", DENOISING, "self.sigma, self.variance_reduction)", "self.sigma, None)", "ignored"),
    Mutant("dsm-shared-noise", DENOISING, DRAW, f"{DRAW}[:1, ...] + 0 * x", "one noise for the batch"),
    Mutant("dsm-shared-coordinates", DENOISING, DRAW, f"{DRAW}[..., :1] + 0 * x", "one number for all coordinates"),
    Mutant("dsm-uniform-noise", DENOISING, DRAW, DRAW.replace("rng.normal", "rng.rademacher"), "not Gaussian"),
    Mutant("control-sign", DENOISING, CONTROL, CONTROL.replace("t - at_data", "t + at_data"), "added, not subtracted"),
    Mutant("control-scale", DENOISING, CONTROL, CONTROL.replace("at_data", "2 * at_data"), "twice, mean unchanged"),
    Mutant("control-noise-sign", DENOISING, CONTROL, CONTROL.replace("t - at_data", "at_data - t"), "z for −z"),
    Mutant("control-constant-missing", DENOISING, CONTROL, CONTROL.replace(" + 0.5 * event_size(x)", ""), "d/2 gone"),
    Mutant(
        "control-constant-random",
        DENOISING,
        CONTROL,
        CONTROL.replace("event_size(x)", "event_dot(z, z)"),
        "½|z|² for d/2: the same mean, a larger spread",
    ),
    Mutant("control-half-missing", DENOISING, CONTROL, CONTROL.replace("0.5 * event_dot(t", "event_dot(t"), "½ gone"),
    Mutant(
        "control-at-noisy-point",
        DENOISING,
        "at_data = level * score(own(x), sigma)",
        "at_data = level * score(x + level * z, sigma)",
        "the control cancels the cross term",
    ),
    Mutant(
        "control-detached",
        DENOISING,
        "at_data = level * score(own(x), sigma)",
        "from autograd.tracer import getval\n\n        at_data = level * getval(score(own(x), sigma))",
        "the value has the smaller spread, the gradient has not",
    ),
    Mutant("antithetic-scale", DENOISING, ANTITHETIC, ANTITHETIC.replace("0.25", "0.5"), "a sum of two, not a mean"),
    Mutant("antithetic-sign", DENOISING, ANTITHETIC, ANTITHETIC.replace("mirrored - z", "mirrored + z"), "z for −z"),
    Mutant(
        "antithetic-not-mirrored",
        DENOISING,
        "mirrored = level * score(x - level * z, sigma)",
        "mirrored = level * score(x + level * z, sigma)",
        "the mirrored noise never reaches the model",
    ),
    # ---------------------------------------------------------------- many levels
    Mutant(
        "ncsn-weight-missing",
        CONDITIONAL,
        'return losses if self.weighting == "sigma2" else',
        'return losses / sigma**2 if self.weighting == "sigma2" else',
        "λ = 1: the smallest level outweighs all others",
    ),
    Mutant("ncsn-likelihood-half", CONDITIONAL, "return 2 / (sigma", "return 1 / (sigma", "½ of the bound"),
    Mutant(
        "ncsn-likelihood-without-density",
        CONDITIONAL,
        "return 2 / (sigma * self.noise.density(sigma))",
        "return 2 / sigma",
        "the mean over levels is no integral over dσ",
    ),
    Mutant(
        "ncsn-edm-inverted",
        CONDITIONAL,
        "(sigma / self.sigma_data) ** 2 + 1",
        "(self.sigma_data / sigma) ** 2 + 1",
        "σ and σ_data exchanged",
    ),
    Mutant(
        "ncsn-edm-not-squared",
        CONDITIONAL,
        "(sigma / self.sigma_data) ** 2 + 1",
        "(sigma / self.sigma_data) + 1",
        "σ for σ²",
    ),
    Mutant("ncsn-own-weight", CONDITIONAL, "return weight / sigma**2", "return weight", "λ times σ²"),
    Mutant("ncsn-own-weight-sigma", CONDITIONAL, "return weight / sigma**2", "return weight / sigma", "σ for σ²"),
    Mutant(
        "ncsn-one-level-for-the-batch",
        CONDITIONAL,
        LEVELS,
        f"{LEVELS}\n        sigma = sigma[0] + 0 * sigma",
        "all samples at the level of the first",
    ),
    Mutant("ncsn-shared-noise", CONDITIONAL, DRAW, f"{DRAW}[:1, ...] + 0 * x", "one noise for the batch"),
    Mutant(
        "ncsn-reduction-dropped",
        CONDITIONAL,
        "x, z, sigma, self.variance_reduction)",
        "x, z, sigma, None)",
        "the variance reduction is ignored",
    ),
    Mutant(
        "ncsn-model-at-mean-level",
        CONDITIONAL,
        "losses = scaled_denoising_losses(score,",
        "losses = scaled_denoising_losses(lambda y, s: score(y, s.mean() + 0 * s),",
        "the noise has its level, the model is told another",
    ),
)


SAMPLERS = (
    # ---------------------------------------------------------------- the Langevin step
    Mutant("ula-half-missing", KERNELS, DRIFT, "new += self.step_size * score", "½ missing in the drift"),
    Mutant("ula-drift-sign", KERNELS, DRIFT, "new -= (self.step_size / 2) * score", "climbs down the density"),
    Mutant("ula-step-for-root", KERNELS, NOISE, "new = self.step_size * walk.normal()", "step for √step"),
    Mutant("ula-root-of-two", KERNELS, NOISE, "new = math.sqrt(2 * self.step_size) * walk.normal()", "√(2 step) and ½"),
    Mutant("ula-noise-missing", KERNELS, NOISE, "new = 0.0 * walk.normal()", "gradient ascent"),
    Mutant(
        "ula-noise-slightly-large",
        KERNELS,
        NOISE,
        "new = 1.02 * math.sqrt(self.step_size) * walk.normal()",
        "2 % more noise: 4 % more variance",
    ),
    Mutant(
        "ula-noise-shared-by-chains",
        KERNELS,
        NOISE,
        "z = walk.layout.outer(walk.normal())[:1, ...] + 0 * walk.layout.outer(x)\n"
        "        new = math.sqrt(self.step_size) * walk.layout.inner(z)",
        "each chain has the right law, all are one",
    ),
    Mutant(
        "ula-noise-shared-by-coordinates",
        KERNELS,
        NOISE,
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
        'walk = Walk(model, check_batch(x0, "x0"), rng)\n        return (',
        'walk = Walk(model, check_batch(x0, "x0"), None)\n        return (',
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


MODELS = (
    Mutant("tweedie-sign", TWEEDIE, "return (evaluate(", "return -(evaluate(", "a sign"),
    Mutant("tweedie-sigma", TWEEDIE, "- x) / level**2", "- x) / level", "σ for σ²"),
    Mutant("denoise-view-sigma", LEVEL, "return x + level**2 *", "return x + level *", "σ for σ²"),
    Mutant("denoise-view-sign", LEVEL, "return x + level**2 *", "return x - level**2 *", "a sign"),
    Mutant("at-forgets-its-level", LEVEL, "x, self.level)", "x, sigma)", "the level of the call, not the fixed one"),
    Mutant("energy-sign", ENERGY, "return -backend_of(x)", "return backend_of(x)", "climbs the energy"),
    Mutant("energy-without-sigma", ENERGY, "value = energy(y, level)", "value = energy(y, None)", "no level"),
    Mutant("edm-c-in", PRECONDITIONED, "self.net, x / root,", "self.net, x / width,", "σ² for σ in c_in"),
    Mutant("edm-c-out", PRECONDITIONED, "/ (level * root)", "/ (width * root)", "c_out"),
    Mutant("edm-c-out-sigma", PRECONDITIONED, "/ (level * root)", "/ root", "σ missing in c_out"),
    Mutant("edm-c-skip", PRECONDITIONED, "- x / width", "- x / level**2", "σ_data missing in c_skip"),
    Mutant("edm-c-skip-root", PRECONDITIONED, "- x / width", "- x / root", "√ in c_skip"),
    Mutant("ncsn-scale", PRECONDITIONED, "as_sigma(sigma, x)) / level", "as_sigma(sigma, x)) / level**2", "σ² for σ"),
)

IMAGE_NETWORKS = (
    Mutant("norm-biased-variance", NORM, "dim=1, keepdim=True)", "dim=1, keepdim=True, correction=0)", "n for n − 1"),
    Mutant("norm-alpha-alone", NORM, "beta + gamma * alpha *", "beta + alpha *", "γ left out of the means"),
    Mutant("norm-sign", NORM, "((means - middle)", "((middle - means)", "a sign"),
    Mutant("norm-level-of-all", NORM, "self.weight[at.level]", "self.weight[0]", "the first level's weights for all"),
    Mutant("norm-without-class", NORM, "rows + self.class_weight[at.label]", "rows", "the label is ignored"),
    Mutant("halve-twice", REFINENET, "pad(w, (1, 0, 1, 0))) / 4", "pad(w, (1, 0, 1, 0))) / 2", "¼ became ½"),
    Mutant("halve-shifted", REFINENET, "pad(w, (1, 0, 0, 1))", "pad(w, (0, 1, 0, 1))", "one of four shifts twice"),
    Mutant("mean-pool-of-inside", REFINENET, "1 / 25", "1 / 24", "the mean over too few pixels"),
    Mutant("max-pool-narrow", REFINENET, "max_pool2d(x, 5, 1, 2)", "max_pool2d(x, 3, 1, 1)", "3x3 for 5x5"),
    Mutant("ncsnv2-times-sigma", NCSNV2, "output / align", "output * align", "σ for 1/σ"),
    Mutant("ncsnv2-variance", NCSNV2, "align(sigma, h)", "align(sigma, h) ** 2", "σ² for σ"),
    Mutant("rescale-half", IMAGE, "2 * h - 1", "2 * h", "[0, 1] does not become [−1, 1]"),
    Mutant("attention-scale", BLOCKS, "q.shape[1] ** -0.5", "q.shape[1] ** -1.0", "1/C for 1/√C"),
    Mutant("attention-transposed", BLOCKS, "v @ weights.transpose(1, 2)", "v @ weights", "sums over queries"),
    Mutant("skip-half", BLOCKS, "_HALF = math.sqrt(0.5)", "_HALF = 0.5", "½ for 1/√2"),
    Mutant("waves-swapped", BLOCKS, "[phase.sin(), phase.cos()]", "[phase.cos(), phase.sin()]", "sin and cos"),
    Mutant("waves-without-pi", BLOCKS, "* 2 * math.pi", "* 2", "2π became 2"),
    Mutant("waves-spacing", BLOCKS, "(half - 1)))", "half))", "the last frequency is not 1e-4"),
    Mutant("fir-gain", RESAMPLING, "4 * self._kernels(x)", "self._kernels(x)", "enlarging loses a factor of 4"),
    Mutant("unet-forgets-sigma", UNET, "align(sigma, h) if", "1 if", "the output is not divided by sigma"),
    Mutant("unet-one-image", STAGES, "self.resample.enlarge(image) + self.head(h)", "self.head(h)", "the last only"),
    Mutant(
        "published-rows", CONVERT, '("gamma", "alpha", "beta")])', '("alpha", "gamma", "beta")])', "γ and α swapped"
    ),
    Mutant("published-order", CONVERT, '("1", "2", "31", "3", "4", "5")', '("1", "2", "3", "31", "4", "5")', "order"),
)

MUTANTS = (*OBJECTIVES, *SAMPLERS, *MODELS, *IMAGE_NETWORKS)
