"""Seeded bugs of the checks that an objective can train a model."""

from __future__ import annotations

from .base import seeded

__all__ = ["LEARNING"]

KINKS = "scorekit/training/kinks.py"
LEARNABLE = "scorekit/training/learnable.py"
TRIAL = "scorekit/training/trial.py"
EDGES = "scorekit/training/edges.py"
TREND = "scorekit/training/trend.py"
LEARNER = "backends/scorekit_torch/learner.py"
DERIVATIVES = "backends/scorekit_torch/derivatives.py"

LEARNING = (
    *seeded(
        KINKS,
        "Segments._halved",
        ("kinks-smoother-half", "rough(at_a, at_middle) >= rough(at_middle, at_b)", "rough(at_a, at_middle) < rough(at_middle, at_b)", "halved towards the smaller change"),
        ("kinks-of-rounding", "max(slope, 1e-3 * size / length)", "slope", "rounding errors of a zero slope decide"),
    ),
    *seeded(
        KINKS,
        "derivatives_jump",
        ("kinks-without-longer", "max(segments.smallest * whole, longer / _SHRINKS)", "segments.smallest * whole", "steep is taken for a kink"),
    ),
    *seeded(
        KINKS,
        "is_cut",
        ("cut-coarse-only", "misses(_COARSE) and misses(2 * _COARSE)", "misses(_COARSE)", "steep is taken for cut"),
    ),
    *seeded(
        LEARNABLE,
        "_still",
        ("constant-of-an-energy", "_without_constant(trial)", "trial.still", "the constant of an energy is warned of"),
    ),
    *seeded(
        LEARNABLE,
        "_is_gradient_field",
        ("no-jacobian-is-symmetric", "np.abs(one).max() > 0 and np.abs(one - two).max() <= 1e-3 * np.abs(one).max()", "np.abs(one - two).max() <= 1e-3 * np.abs(one).max()", "a cut score is an energy"),
    ),
    *seeded(
        LEARNABLE,
        "_sigma",
        ("blind-in-any-dimension", "event_size(trial.x) >= _BLIND", "False", "blind denoisers of images are warned of"),
    ),
    *seeded(
        TRIAL,
        "still_in_training",
        ("trial-without-null", "dropped(condition, half, 0.5, null)", "condition", "a learned null condition is warned of"),
        ("trial-in-evaluation", "network.train()", "network.eval()", "what is used in training only is warned of"),
    ),
    *seeded(TRIAL, "unmoved", ("trial-of-one-step", "range(_STEPS)", "range(1)", "a last layer of zeros hides the others")),
    *seeded(
        EDGES,
        "_ends_abruptly",
        ("edge-of-any-tail", "expected - max(0.85 / k**0.5, _SLOPE)", "0.3", "tails are edges"),
        ("edge-of-one-k", "expected, k = max(expected, y.mean() / y[0]), k // 2", "expected, k = 1.0, 0", "one k decides"),
    ),
    *seeded(EDGES, "_atom", ("atoms-of-a-grid", "0.5 * counts.max()", "0", "rounded data end in an atom")),
    *seeded(
        TREND,
        "_verdict",
        ("diverged-by-noise", "max(_LOST * (level[0] - best), _CERTAIN * noise)", "_LOST * (level[0] - best)", "noise diverges"),
        ("trend-upside-down", "change < 0", "change > 0", "falling is rising"),
        ("trend-never-tested", "test.pvalue > _ALPHA", "False", "any change is a trend"),
    ),
    *seeded(
        LEARNER,
        "TorchLearner._spoiled",
        ("buffers-of-unit-data", "max(1.0, old, usual**2)", "max(1.0, old)", "the scale of the data counts as an outlier"),
        ("buffers-not-looked-at", "_GROWTH * max(1.0, old)", "math.inf", "an outlier poisons a buffer"),
    ),
    *seeded(
        DERIVATIVES,
        "divergence",
        ("trace-shares-its-graph", "_Evaluated(f, x).value, _exact(at, _recomputed)", "at.value, _exact(at, _recomputed)", "autograd may free it first"),
    ),
)  # fmt: skip
