"""Seeded bugs of the objectives."""

from __future__ import annotations

from .base import Mutant

__all__ = ["OBJECTIVES"]

ARRAYS = "scorekit/_arrays.py"
BASE = "scorekit/objectives/_base.py"
EXPLICIT = "scorekit/objectives/explicit.py"
IMPLICIT = "scorekit/objectives/implicit.py"
SLICED = "scorekit/objectives/sliced.py"
DENOISING = "scorekit/objectives/denoising.py"
CONDITIONAL = "scorekit/objectives/noise_conditional.py"
EVENT_SUM = "return array_namespace(x).sum(x, axis=tuple(range(1, x.ndim)))"
WEIGHTED = "return xp.sum(w * values) / xp.sum(w)"
SEED = "as_rng(rng, x) if self.draws else None"
ESM = "return 0.5 * event_dot(difference, difference)"
ISM = "return trace + 0.5 * event_dot(s, s)"
PROBES = "rng.rademacher((self.probes, *x.shape), like=x)"
SSM_REDUCED = "return curvature + 0.5 * event_sum(s * s)"
SSM_PLAIN = "return curvature + 0.5 * sum(along[1:], along[0]) / self.projections"
SPHERE = "return v * xp.sqrt(event_size(x) / xp.sum(v * v, axis=axes, keepdims=True))"
DSM = "return 0.5 * event_dot(off, off)"
CONTROL = "return 0.5 * event_dot(noisy, noisy) + event_dot(noisy - t(own(x)), u) + mean"
MEAN = "mean = 0.5 * event_size(x) / (1.0 if scaled else sigma**2)"
ANTITHETIC = "return 0.25 * (event_dot(off, off) + event_dot(mirrored, mirrored))"
SCALED_SCORE = "return level * s if scaled else s"
NOISY_SCORE = "noisy = t(x + level * z)"
DRAW = "z = rng.normal(x.shape, like=x)"
LEVELS = "sigma = self.noise.sample(x.shape[0], rng, like=x)"

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
    Mutant("dsm-half-missing", DENOISING, DSM, "return event_dot(off, off)", "½ missing"),
    Mutant("dsm-noise-sign", DENOISING, "off = noisy + u", "off = noisy - u", "learns minus the score"),
    Mutant("dsm-variance-for-sigma", DENOISING, SCALED_SCORE, SCALED_SCORE.replace("level", "level**2"), "σ²"),
    Mutant("dsm-noise-of-variance", DENOISING, NOISY_SCORE, NOISY_SCORE.replace("+ level", "+ level**2"), "σ² z"),
    Mutant("dsm-clean-point", DENOISING, NOISY_SCORE, "noisy = t(x)", "the score at the clean data"),
    Mutant("dsm-model-without-sigma", DENOISING, "s = score(points, sigma)", "s = score(points, None)", "no level"),
    Mutant("dsm-scale", DENOISING, "else z / level", "else z / level**2", "σ² for σ in the scale of the noise"),
    Mutant("dsm-reduction-dropped", DENOISING, "self.sigma, self.variance_reduction,", "self.sigma, None,", "ignored"),
    Mutant("dsm-shared-noise", DENOISING, DRAW, f"{DRAW}[:1, ...] + 0 * x", "one noise for the batch"),
    Mutant("dsm-shared-coordinates", DENOISING, DRAW, f"{DRAW}[..., :1] + 0 * x", "one number for all coordinates"),
    Mutant("dsm-uniform-noise", DENOISING, DRAW, DRAW.replace("rng.normal", "rng.rademacher"), "not Gaussian"),
    Mutant("control-sign", DENOISING, CONTROL, CONTROL.replace("- t(own", "+ t(own"), "added, not subtracted"),
    Mutant("control-scale", DENOISING, CONTROL, CONTROL.replace("t(own", "2 * t(own"), "twice, mean unchanged"),
    Mutant(
        "control-noise-sign", DENOISING, CONTROL, CONTROL.replace("noisy - t(own(x))", "t(own(x)) - noisy"), "z for −z"
    ),
    Mutant("control-constant-missing", DENOISING, CONTROL, CONTROL.replace(" + mean", ""), "d/2 gone"),
    Mutant(
        "control-constant-random",
        DENOISING,
        MEAN,
        MEAN.replace("event_size(x)", "event_dot(z, z)"),
        "½|z|² for d/2: the same mean, a larger spread",
    ),
    Mutant("control-mean-of-scaled", DENOISING, MEAN, "mean = 0.5 * event_size(x)", "d/2 where d/(2σ²) belongs"),
    Mutant(
        "control-half-missing",
        DENOISING,
        CONTROL,
        CONTROL.replace("0.5 * event_dot(noisy", "event_dot(noisy"),
        "½ gone",
    ),
    Mutant(
        "control-at-noisy-point",
        DENOISING,
        CONTROL,
        CONTROL.replace("t(own(x))", "t(x + level * z)"),
        "the control cancels the cross term",
    ),
    Mutant(
        "control-detached",
        DENOISING,
        CONTROL,
        f"from autograd.tracer import getval\n\n        {CONTROL.replace('t(own(x))', 'getval(t(own(x)))')}",
        "the value has the smaller spread, the gradient has not",
    ),
    Mutant("antithetic-scale", DENOISING, ANTITHETIC, ANTITHETIC.replace("0.25", "0.5"), "a sum of two, not a mean"),
    Mutant("antithetic-sign", DENOISING, "t(x - level * z) - u", "t(x - level * z) + u", "z for −z"),
    Mutant(
        "antithetic-not-mirrored",
        DENOISING,
        "mirrored = t(x - level * z) - u",
        "mirrored = t(x + level * z) - u",
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
        "x, z, sigma, self.variance_reduction,",
        "x, z, sigma, None,",
        "the variance reduction is ignored",
    ),
    Mutant(
        "ncsn-model-at-mean-level",
        CONDITIONAL,
        "losses = denoising_losses(score,",
        "losses = denoising_losses(lambda y, s: score(y, s.mean() + 0 * s),",
        "the noise has its level, the model is told another",
    ),
)
