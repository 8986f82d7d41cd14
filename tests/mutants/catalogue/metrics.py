"""Seeded bugs of the metrics."""

from __future__ import annotations

from .base import seeded

__all__ = ["METRICS"]

FRECHET = "scorekit/metrics/_frechet_distance.py"
MOMENTS = "scorekit/metrics/_moments.py"
COMPARED = "scorekit/experiments/comparison.py"
LABELED = "scorekit/experiments/labeling.py"
PIXELS = "scorekit/experiments/features.py"
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
        "_from_rows",
        ("frechet-biased-covariance", "len(x) - 1", "len(x)", "n for n − 1"),
        ("frechet-not-centered", "x - mean", "x", "second moments"),
    ),
    *seeded(
        FRECHET,
        "_spread",
        ("frechet-one-overlap", "2 * overlap", "overlap", "the 2 of the cross term"),
    ),
    *seeded(
        FRECHET,
        "apart",
        ("frechet-norm-not-squared", "(a.mean - b.mean) ** 2", "a.mean - b.mean", "a sum for a squared length"),
    ),
    *seeded(
        FRECHET,
        "expected_frechet",
        ("expected-frechet-with-means", "a - np.mean(a, axis=0)", "a", "the distance of the means in the pool"),
        ("expected-frechet-of-the-pool", "max(n + m - 2, 1)", "n + m", "the biased covariance of the pool"),
    ),
    *seeded(
        FRECHET,
        "simulated_frechet",
        ("simulated-frechet-without-means", "1 / n + 1 / m", "1 / n", "the means of one side"),
        ("simulated-frechet-degrees", "k - np.arange(len(root))", "k + np.arange(len(root))", "Bartlett's degrees"),
        ("simulated-frechet-diagonal", "np.triu(normals, 1)", "np.triu(normals, 2)", "a diagonal of normals"),
    ),
    *seeded(
        FRECHET,
        "_from_covariance",
        ("moments-root", "np.sqrt(values[kept])", "values[kept]", "the covariance for its root"),
    ),
    *seeded(
        MOMENTS,
        "moments",
        ("moments-between-blocks", "n * k / (n + k)", "n * k / (n + k) / 2", "half of the spread of the means"),
        ("moments-mean-of-blocks", "apart * (k / (n + k))", "apart / 2", "a mean of block means"),
        ("moments-biased", "squares / (n - 1)", "squares / n", "n for n − 1"),
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
        "measured",
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
        "_by_network",
        ("c2st-standardized-by-both", "np.mean(rows_a, axis=0)", "np.mean(rows_b, axis=0)", "by the second sample"),
        ("c2st-fewer-units", "10 * rows.shape[1]", "5 * rows.shape[1]", "5 d units"),
    ),
    *seeded(
        LABELED,
        "_most_likely",
        ("confusion-transposed", "'ri,rij->rj'", "'ri,rji->rj'", "the classes of labels for the labels of classes"),
    ),
    *seeded(
        LABELED,
        "_equal_labels",
        (
            "labels-nearer",
            "statistic(drawn) >= statistic(a[kept]) - ties",
            "statistic(drawn) <= statistic(a[kept]) - ties",
            "the relabelings that are nearer",
        ),
    ),
    *seeded(
        COMPARED,
        "_jackknife",
        ("comparison-jackknife", "(g - 1) / g", "1 / g", "a plain error"),
    ),
    *seeded(
        COMPARED,
        "_halved",
        ("comparison-halves", "len(x) // 2", "len(x) // 4", "the error of a quarter"),
    ),
    *seeded(
        PIXELS,
        "PixelFeatures.of",
        ("pixels-axes", "np.sqrt(values[kept])", "values[kept]", "axes that are not of length 1"),
    ),
    *seeded(
        TWO_SAMPLE,
        "c2st",
        ("c2st-trains-on-all", "nearest(new, known, k)", "nearest(new, new, k)", "tests what it knows"),
        ("c2st-tail", "right - 1", "right", "more, not as many or more"),
    ),
)
