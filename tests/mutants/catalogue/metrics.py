"""Seeded bugs of the metrics."""

from __future__ import annotations

from .base import seeded

__all__ = ["METRICS"]

FRECHET = "scorekit/metrics/_frechet_distance.py"
CUBIC = "scorekit/metrics/_kernel_distance.py"
MANIFOLDS = "scorekit/metrics/_precision_recall.py"
NEIGHBORS = "scorekit/metrics/_nearest_neighbors.py"
CLASSES = "scorekit/metrics/_class_proportions.py"
GOODNESS = "scorekit/metrics/_goodness.py"
STATISTICS = "scorekit/metrics/_statistics.py"
STEIN = "scorekit/metrics/_kernel_stein_discrepancy.py"
TWO_SAMPLE = "scorekit/metrics/_c2st.py"

METRICS = (
    *seeded(
        FRECHET,
        "_moments",
        ("frechet-biased-covariance", "len(x) - 1", "len(x)", "n for n − 1"),
        ("frechet-not-centered", "x - mean", "x", "second moments"),
    ),
    *seeded(
        FRECHET,
        "_distance",
        ("frechet-one-overlap", "2 * overlap", "overlap", "the 2 of the cross term"),
        ("frechet-norm-not-squared", "(mean_a - mean_b) ** 2", "mean_a - mean_b", "a sum for a squared length"),
    ),
    *seeded(
        FRECHET,
        "frechet_distance_corrected",
        ("frechet-jackknife-weight", "(groups - 1) * center", "groups * center", "g for g − 1"),
        ("frechet-jackknife-error", "(groups - 1) / groups", "1 / groups", "a plain error"),
    ),
    *seeded(
        CUBIC,
        "_within",
        ("kernel-distance-biased", "(total - own) / (n - 1)", "total / n", "own pairs"),
        ("kernel-distance-tau", "2 * n", "n", "one projection of two"),
    ),
    *seeded(
        CUBIC,
        "_blocks",
        ("kernel-distance-without-d", "x[rows] @ y.T / x.shape[1]", "x[rows] @ y.T", "1/d"),
    ),
    *seeded(
        CUBIC,
        "kernel_distance",
        ("kernel-distance-second-order", "max(jackknife - second, second)", "jackknife", "counted twice"),
    ),
    *seeded(
        MANIFOLDS,
        "precision_recall",
        ("recall-with-real-balls", "distances <= other", "distances <= radius[rows, None]", "coverage"),
        ("density-without-k", "np.mean(balls) / k", "np.mean(balls)", "1/k"),
        (
            "own-neighbor",
            "nearest(x, x, k, skip_own=True)",
            "nearest(x, x, k, skip_own=False)",
            "a point is its own neighbor",
        ),
    ),
    *seeded(
        MANIFOLDS,
        "_expected_coverage",
        (
            "coverage-own-point",
            "math.comb(n - 1, k) / math.comb(n + m - 1, k)",
            "math.comb(n, k) / math.comb(n + m, k)",
            "the point itself among the others",
        ),
    ),
    *seeded(
        NEIGHBORS,
        "nearest",
        (
            "own-neighbor-of-a-chunk",
            "np.arange(rows.start, rows.start + len(block))",
            "np.arange(len(block))",
            "right in the first chunk only",
        ),
        (
            "neighbors-unsorted",
            "np.argsort(far, axis=1, kind='stable')",
            "np.argsort(-far, axis=1, kind='stable')",
            "farthest first",
        ),
    ),
    *seeded(
        NEIGHBORS,
        "memorization",
        ("memorization-rank", "m + 1 - j", "m - j", "off by one"),
        ("memorization-tail", "count - 1", "count", "more, not as many or more"),
    ),
    *seeded(
        CLASSES,
        "_most_likely",
        (
            "classes-confidence",
            "np.max(probabilities, axis=1) >= confidence",
            "np.max(probabilities, axis=1) > 0",
            "never unclassified",
        ),
    ),
    *seeded(
        CLASSES,
        "class_proportions",
        (
            "classes-variation",
            "np.sum(np.abs(found.proportions - truth)) + left / n",
            "np.sum(np.abs(found.proportions - truth))",
            "the unclassified left out",
        ),
    ),
    *seeded(
        GOODNESS,
        "multinomial_p_value",
        ("goodness-freedom", "chdtrc(k - 1, observed)", "chdtrc(k, observed)", "one degree of freedom too many"),
        ("goodness-without-ties", "observed * (1 - 1e-12)", "observed * (1 + 1e-12)", "more, not as many or more"),
        (
            "goodness-zero",
            "(1 + _simulated_as_far(observed, n, p, rng)) / (1 + _DRAWS)",
            "_simulated_as_far(observed, n, p, rng) / _DRAWS",
            "a simulated p-value of 0",
        ),
    ),
    *seeded(
        GOODNESS,
        "_has_limit",
        ("goodness-rare-classes", "np.min(p)", "np.max(p)", "the limit with rare classes"),
        ("goodness-variance", "np.sum(1 / p) - k * k - 2 * k + 2", "0.0", "the limit however slow it is reached"),
    ),
    *seeded(
        STATISTICS,
        "share_interval",
        ("interval-one-tail", "(1 - level) / 2", "1 - level", "α for α/2"),
        ("interval-lower-short", "n - count + 1", "n - count", "the other beta distribution"),
    ),
    *seeded(
        GOODNESS,
        "_statistic",
        (
            "goodness-squares",
            "(counts - n * p) ** 2 / (n * p)",
            "(counts - n * p) ** 2",
            "not divided by what is expected",
        ),
    ),
    *seeded(
        STEIN,
        "_stein",
        ("stein-sign", "s @ s.T * k - 2 * first * apart", "s @ s.T * k + 2 * first * apart", "a sign"),
        ("stein-without-d", "2 * x.shape[1]", "2", "d"),
        ("stein-second-derivative", "4 * squared", "2 * squared", "a 2"),
        ("stein-own-pairs", "np.fill_diagonal(u, 0.0)", "pass", "pairs of one with itself"),
    ),
    *seeded(
        TWO_SAMPLE,
        "c2st",
        ("c2st-trains-on-all", "nearest(new, known, k)", "nearest(new, new, k)", "tests what it knows"),
        ("c2st-tail", "right - 1", "right", "more, not as many or more"),
    ),
)
