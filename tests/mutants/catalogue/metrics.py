"""Seeded bugs of the metrics."""

from __future__ import annotations

from .base import Mutant

__all__ = ["METRICS"]

FRECHET = "scorekit/metrics/frechet.py"
CUBIC = "scorekit/metrics/cubic.py"
MANIFOLDS = "scorekit/metrics/manifolds.py"
NEIGHBOURS = "scorekit/metrics/neighbours.py"
CLASSES = "scorekit/metrics/classes.py"
GOODNESS = "scorekit/metrics/_goodness.py"
STEIN = "scorekit/metrics/stein.py"
TWO_SAMPLE = "scorekit/metrics/two_sample.py"

METRICS = (
    Mutant("frechet-biased-covariance", FRECHET, "math.sqrt(len(x) - 1)", "math.sqrt(len(x))", "n for n − 1"),
    Mutant("frechet-not-centred", FRECHET, "np.linalg.qr(x - mean", "np.linalg.qr(x", "second moments"),
    Mutant("frechet-one-overlap", FRECHET, "- 2 * overlap", "- overlap", "the 2 of the cross term"),
    Mutant(
        "frechet-norm-not-squared",
        FRECHET,
        "float(np.sum((mean_a - mean_b) ** 2)",
        "float(np.sum(mean_a - mean_b)",
        "a sum for a squared length",
    ),
    Mutant("frechet-jackknife-weight", FRECHET, "- (groups - 1) * centre", "- groups * centre", "g for g − 1"),
    Mutant("frechet-jackknife-error", FRECHET, "(groups - 1) / groups * float", "1 / groups * float", "a plain error"),
    Mutant("kernel-distance-biased", CUBIC, "means = (total - own) / (n - 1)", "means = total / n", "own pairs"),
    Mutant("kernel-distance-without-d", CUBIC, "x[rows] @ y.T / x.shape[1]", "x[rows] @ y.T", "1/d"),
    Mutant("kernel-distance-second-order", CUBIC, "max(jackknife - second, second)", "jackknife", "counted twice"),
    Mutant("kernel-distance-tau", CUBIC, "- 2 * n * projected", "- n * projected", "one projection of two"),
    Mutant("recall-with-real-balls", MANIFOLDS, "distances <= other", "distances <= radius[rows, None]", "coverage"),
    Mutant("density-without-k", MANIFOLDS, "np.mean(balls) / k", "np.mean(balls)", "1/k"),
    Mutant("own-neighbour", MANIFOLDS, "skip_own=True", "skip_own=False", "a point is its own neighbour"),
    Mutant(
        "coverage-own-point",
        MANIFOLDS,
        "math.comb(n - 1, k) / math.comb(n + m - 1, k)",
        "math.comb(n, k) / math.comb(n + m, k)",
        "the point itself among the others",
    ),
    Mutant(
        "own-neighbour-of-a-chunk",
        NEIGHBOURS,
        "np.arange(rows.start, rows.start + len(block))",
        "np.arange(len(block))",
        "right in the first chunk only",
    ),
    Mutant("neighbours-unsorted", NEIGHBOURS, "order = np.argsort(far", "order = np.argsort(-far", "farthest first"),
    Mutant("memorisation-rank", NEIGHBOURS, "n, j, m + 1 - j", "n, j, m - j", "off by one"),
    Mutant(
        "memorisation-tail", NEIGHBOURS, "betabinom.sf(count - 1", "betabinom.sf(count", "more, not as many or more"
    ),
    Mutant("classes-confidence", CLASSES, ">= confidence", "> 0", "never unclassified"),
    Mutant("classes-variation", CLASSES, "+ left / n) / 2", ") / 2", "the unclassified left out"),
    Mutant("goodness-freedom", GOODNESS, "chdtrc(k - 1", "chdtrc(k", "one degree of freedom too many"),
    Mutant("goodness-squares", GOODNESS, "** 2 / (n * p)", "** 2", "not divided by what is expected"),
    Mutant("stein-sign", STEIN, "- 2 * first * apart", "+ 2 * first * apart", "a sign"),
    Mutant("stein-without-d", STEIN, "- 2 * x.shape[1] * first", "- 2 * first", "d"),
    Mutant("stein-second-derivative", STEIN, "- 4 * squared * second", "- 2 * squared * second", "a 2"),
    Mutant("stein-own-pairs", STEIN, "np.fill_diagonal(u, 0.0)", "pass", "pairs of one with itself"),
    Mutant("c2st-trains-on-all", TWO_SAMPLE, "nearest(new, known, k)", "nearest(new, new, k)", "tests what it knows"),
    Mutant("c2st-tail", TWO_SAMPLE, "hypergeom.sf(right - 1", "hypergeom.sf(right", "more, not as many or more"),
)
