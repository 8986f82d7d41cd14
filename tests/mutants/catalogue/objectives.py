"""Seeded bugs of the objectives, and of the sums that they share."""

from __future__ import annotations

from .base import seeded

__all__ = ["OBJECTIVES"]

ARRAYS = "scorekit/_arrays.py"
BASE = "scorekit/objectives/_base.py"
COUPLING = "scorekit/objectives/_coupling.py"
EXPLICIT = "scorekit/objectives/explicit.py"
IMPLICIT = "scorekit/objectives/implicit.py"
SLICED = "scorekit/objectives/sliced.py"

OBJECTIVES = (
    *seeded(
        ARRAYS,
        "event_sum",
        ("event-sum-last-axis", "tuple(range(1, x.ndim))", "-1", "last axis only"),
        (
            "event-sum-mean-over-leading-axes",
            "array_namespace(x).sum(x, axis=tuple(range(1, x.ndim)))",
            "array_namespace(x).mean(array_namespace(x).sum(x, axis=-1).reshape((x.shape[0], -1)), axis=1)",
            "a mean over all axes of the event but the last",
        ),
        (
            "event-sum-mean",
            "array_namespace(x).sum(x, axis=tuple(range(1, x.ndim)))",
            "array_namespace(x).mean(x, axis=tuple(range(1, x.ndim)))",
            "a mean over dimensions instead of a sum",
        ),
    ),
    *seeded(
        ARRAYS,
        "event_size",
        ("event-size-last-axis", "math.prod(x.shape[1:])", "x.shape[-1]", "d is the last axis"),
    ),
    *seeded(
        ARRAYS,
        "expand",
        (
            "align-with-last-axis",
            "(-1,) + (1,) * (x.ndim - 1)",
            "(1,) * (x.ndim - 1) + (-1,)",
            "a value a sample lands on the coordinates",
        ),
    ),
    *seeded(
        ARRAYS,
        "weighted_mean",
        ("mean-weights-ignored", "xp.sum(w * values) / xp.sum(w)", "xp.mean(values)", "weights ignored"),
        (
            "mean-sum-of-weights-missing",
            "xp.sum(w * values) / xp.sum(w)",
            "xp.mean(w * values)",
            "not divided by sum(w)",
        ),
        (
            "mean-weights-squared",
            "xp.sum(w * values) / xp.sum(w)",
            "xp.sum(w * w * values) / xp.sum(w * w)",
            "weights squared on both sides, which equal weights hide",
        ),
        ("mean-is-sum", "xp.mean(values)", "xp.sum(values)", "a sum over the batch"),
    ),
    *seeded(
        BASE,
        "ScoreObjective.__call__",
        (
            "call-drops-weights",
            "weighted_mean(self.losses(model, x, rng, noise=noise, condition=condition), weights)",
            "weighted_mean(self.losses(model, x, rng, noise=noise, condition=condition), None)",
            "weights never reach the mean",
        ),
    ),
    *seeded(
        BASE,
        "ScoreObjective._stream",
        (
            "seed-ignored",
            "as_rng(rng, x, type(self).__name__)",
            "as_rng(0, x, type(self).__name__)",
            "the same noise at every call",
        ),
        (
            "seed-not-reproducible",
            "as_rng(rng, x, type(self).__name__)",
            "as_rng(None if isinstance(rng, int) else rng, x, type(self).__name__)",
            "a seed gives another loss each time",
        ),
    ),
    *seeded(
        COUPLING,
        "refuse_coupled_rows",
        (
            "coupled-rows-accepted",
            "coupled = _couples_rows(score, x)",
            "coupled = False",
            "batch normalization is let through where a trace is taken",
        ),
        (
            "coupled-rows-forget-the-mode",
            "score.given in _seen_uncoupled and _seen_uncoupled[score.given] == modes",
            "score.given in _seen_uncoupled",
            "looked at in evaluation mode, trusted in training mode",
        ),
    ),
    *seeded(
        EXPLICIT,
        "ExplicitScoreMatching._losses",
        (
            "esm-half-missing",
            "0.5 * event_dot(difference, difference)",
            "event_dot(difference, difference)",
            "½ missing",
        ),
        (
            "esm-norm-not-squared",
            "event_dot(difference, difference)",
            "event_dot(difference, difference) ** 0.5",
            "no square",
        ),
        (
            "esm-target-sign",
            "score(own(x), sigma) - exact",
            "score(own(x), sigma) + exact",
            "the negative score taken for the score",
        ),
        (
            "esm-target-without-sigma",
            "CheckedScore(self._in_units(score.units, sigma), condition, 'target')(own(x), sigma)",
            "CheckedScore(self._in_units(score.units, sigma), condition, 'target')(own(x), None)",
            "the model at sigma against the target without noise",
        ),
        (
            "esm-model-without-sigma",
            "score(own(x), sigma)",
            "score(own(x), None)",
            "the model without noise against the target at sigma",
        ),
    ),
    *seeded(
        IMPLICIT,
        "ImplicitScoreMatching._losses",
        ("ism-trace-sign", "trace + 0.5 * event_dot(s, s)", "-trace + 0.5 * event_dot(s, s)", "the sign of the trace"),
        ("ism-half-missing", "0.5 * event_dot(s, s)", "event_dot(s, s)", "½ missing"),
        ("ism-half-on-both", "trace + 0.5 * event_dot(s, s)", "0.5 * (trace + event_dot(s, s))", "½ on the trace too"),
        (
            "ism-trace-mean",
            "trace + 0.5 * event_dot(s, s)",
            "trace / x[0].size + 0.5 * event_dot(s, s)",
            "1/d on the trace",
        ),
        (
            "ism-norm-detached",
            "return trace + 0.5 * event_dot(s, s)",
            "s = backend_of(x).to_numpy(s)\nreturn trace + 0.5 * event_dot(s, s)",
            "the value is right, the gradient lacks ½|s|²",
        ),
        (
            "ism-trace-detached",
            "trace + 0.5 * event_dot(s, s)",
            "backend_of(x).to_numpy(trace) + 0.5 * event_dot(s, s)",
            "the value is right, the gradient lacks the trace",
        ),
    ),
    *seeded(
        IMPLICIT,
        "ImplicitScoreMatching.draw",
        (
            "hutchinson-shared-probe",
            "self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)",
            "self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)[:, :1, ...] + 0 * x",
            "one probe for the batch",
        ),
        (
            "hutchinson-shared-sign",
            "self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)",
            "self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)[..., :1] + 0 * x",
            "one sign for all coordinates",
        ),
        (
            "hutchinson-first-probe",
            "self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)",
            "self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)[:1, ...]",
            "one probe, whatever was asked for",
        ),
        (
            "hutchinson-normal",
            "self._stream(x, rng).rademacher((self.probes, *x.shape), like=x)",
            "self._stream(x, rng).normal((self.probes, *x.shape), like=x)",
            "a larger spread",
        ),
        ("hutchinson-fewer-draws", "(self.probes, *x.shape)", "(1, *x.shape)", "one probe drawn"),
    ),
    *seeded(
        SLICED,
        "SlicedScoreMatching._losses",
        ("ssm-vr-half-missing", "0.5 * event_sum(s * s)", "event_sum(s * s)", "½ missing"),
        ("ssm-vr-curvature-sign", "curvature + 0.5 * event_sum(s * s)", "0.5 * event_sum(s * s) - curvature", "a sign"),
        ("ssm-half-missing", "0.5 * sum(along[1:], along[0])", "sum(along[1:], along[0])", "½ missing"),
        (
            "ssm-curvature-sign",
            "curvature + 0.5 * sum(along[1:], along[0]) / self.projections",
            "-curvature + 0.5 * sum(along[1:], along[0]) / self.projections",
            "a sign",
        ),
        (
            "ssm-projections-summed",
            "0.5 * sum(along[1:], along[0]) / self.projections",
            "0.5 * sum(along[1:], along[0])",
            "not averaged",
        ),
        ("ssm-first-projection-only", "(k, ...)", "(0, ...)", "the square along the first direction, counted for all"),
        (
            "ssm-square-inside-the-sum",
            "event_sum(directions[k, ...] * s) ** 2",
            "event_sum((directions[k, ...] * s) ** 2)",
            "Σ (v_i s_i)² for (Σ v_i s_i)²: the same expectation",
        ),
        (
            "ssm-variants-swapped",
            "if self.variance_reduced:\n    return curvature + 0.5 * event_sum(s * s)",
            "if not self.variance_reduced:\n    return curvature + 0.5 * event_sum(s * s)",
            "plain for reduced and the other way round: the same expectation",
        ),
        (
            "ssm-norm-detached",
            "return curvature + 0.5 * event_sum(s * s)",
            "s = backend_of(x).to_numpy(s)\nreturn curvature + 0.5 * event_sum(s * s)",
            "the value is right, the gradient lacks ½|s|²",
        ),
        (
            "ssm-square-detached",
            "along = [event_sum(directions[k, ...] * s) ** 2 for k in range(self.projections)]",
            "s = backend_of(x).to_numpy(s)\nalong = [event_sum(directions[k, ...] * s) ** 2 for k in range(self.projections)]",
            "the value is right, the gradient lacks ½(vᵀs)²",
        ),
    ),
    *seeded(
        SLICED,
        "SlicedScoreMatching._directions",
        ("sphere-radius-one", "event_size(x)", "1.0", "radius 1, not √d"),
        (
            "sphere-root-missing",
            "xp.sqrt(event_size(x) / xp.sum(v * v, axis=axes, keepdims=True))",
            "event_size(x) / xp.sum(v * v, axis=axes, keepdims=True)",
            "divided by |v|², not |v|",
        ),
        (
            "sphere-batch-norm",
            "xp.sum(v * v, axis=axes, keepdims=True)",
            "xp.sum(v * v, axis=(1, *axes), keepdims=True)",
            "|v| of the batch",
        ),
        ("sphere-last-axis", "tuple(range(2, v.ndim))", "(v.ndim - 1,)", "each row of an event on a sphere of its own"),
        (
            "sphere-not-normalized",
            "self.distribution == 'gaussian'",
            "self.distribution != 'rademacher'",
            "Gaussian directions instead: the same expectation",
        ),
        (
            "gaussian-on-the-sphere",
            "self.distribution == 'gaussian'",
            "self.distribution == 'normal'",
            "directions on the sphere instead: the same expectation",
        ),
        (
            "ssm-shared-signs",
            "rng.rademacher(shape, like=x)",
            "rng.rademacher(shape, like=x)[:, :1, ...] + 0 * x",
            "one direction for the batch",
        ),
        (
            "ssm-shared-normals",
            "rng.normal(shape, like=x)",
            "rng.normal(shape, like=x)[:, :1, ...] + 0 * x",
            "one direction for the batch",
        ),
    ),
)
