"""The kernel Stein discrepancy between samples and a score, and its test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import as_rng, check_batch, host
from scorekit._checks import check_count, check_option, check_positive
from scorekit._tables import displayed
from scorekit.errors import ShapeError
from scorekit.metrics._chance import warn_if_powerless
from scorekit.metrics._host import host_batch, host_score, median_distance
from scorekit.protocols import Array, RngLike, ScoreModel

__all__ = ["SteinTest", "kernel_stein_discrepancy"]


@displayed
class SteinTest(NamedTuple):
    """The squared discrepancy between samples and a score, and the p-value of "the samples have this score"."""

    statistic: float
    p_value: float


def kernel_stein_discrepancy(
    score: ScoreModel,
    x: Array,
    kernel: str = "imq",
    bandwidth: float | None = None,
    bootstraps: int = 999,
    rng: RngLike = None,
) -> SteinTest:
    """The squared kernel Stein discrepancy between samples and a score, with a wild-bootstrap test.

    KSD² is a U-statistic, the mean over pairs of different samples of

        u(x, y) = s(x)·s(y) k + s(x)·∇_y k + s(y)·∇_x k + tr ∇_x ∇_y k.

    For x ~ q it estimates E δ(x)·δ(y) k(x, y), δ = s − ∇log q, which is zero exactly if s is the score of q. It needs
    no samples of the target and no normalizing constant. It is unbiased: for an exact fit it is negative about half of
    the time. The p-value is (1 + the number of sign vectors ε with Σ ε_i ε_j u_ij at least as large) / (1 +
    ``bootstraps``). The test has the right level for many independent samples. Measured for a Gaussian in two
    dimensions, P(p <= 0.05) is 0.047 for 50 samples, 0.039 for 10 and 0.006 for 5; with few samples the test is
    conservative.

    **Do not test a model on the samples that it was fitted to.** A model fits its training data better than other data,
    and the test does not correct for this. With a Gaussian whose mean and variance were estimated from 200 samples, the
    test rejected 0 of 200 correct models at the 5 % level (smallest p-value 0.055, median 0.83); with the true Gaussian
    it rejected 12 of 200. A large p-value then has no meaning. Test a fitted model on held-out samples.

    Scores hardly depend on the weights of well separated modes, so this test cannot detect wrong weights. Use
    :func:`mode_weights` for that.

    Args:
        score: s(x), or s(x, sigma), which is called with sigma None.
        x: independent samples ``(n, *event)``, n >= 2. Memory is of order n².
        kernel: ``"imq"``, (1 + |x − y|²/h²)^−½, or ``"rbf"``, exp(−|x − y|²/2h²). In more than two dimensions only
            ``"imq"`` detects samples that diverge to infinity.
        bandwidth: h > 0; by default the median distance between two different samples.
        bootstraps: number of sign vectors, at least 1.
        rng: an Rng, a seed or None.

    Returns:
        A :class:`SteinTest`: ``statistic, p_value = kernel_stein_discrepancy(score, x)``.

    Raises:
        ShapeError: ``x`` has fewer than 2 axes or 2 samples, or the score has another shape than ``x``.
        InvalidTypeError: ``x`` is not float32 or float64, or ``bootstraps`` is not an integer.
        InvalidValueError: ``x`` holds NaN or infinity, ``kernel`` is unknown, ``bandwidth`` is not positive, or
            ``bootstraps`` is below 1.
        NonFiniteError: the score is NaN or infinite at some point.

    A warning says so if no p-value can be at most 5 %: up to five samples, or 2 to 18 bootstraps.

    Source: Liu, Lee and Jordan, A kernelized Stein discrepancy for goodness-of-fit tests (2016), arXiv:1602.03253;
    Gorham and Mackey, Measuring sample quality with kernels (2017), arXiv:1703.01717; Chwialkowski, Strathmann and
    Gretton, A kernel test of goodness of fit (2016), arXiv:1602.02964. Fitted parameters: Key, Gretton, Briol and
    Fernandez, Composite goodness-of-fit tests with kernels (2021), arXiv:2111.10275.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> right, wrong = (kernel_stein_discrepancy(s, x, rng=0) for s in (lambda x: -x, lambda x: 1 - x))
    >>> right.p_value > 0.05, wrong.p_value
    (True, 0.001)
    """
    check_batch(x)
    if x.shape[0] < 2:
        raise ShapeError(f"x has {x.shape[0]} samples: expected at least 2, to form pairs.")
    check_option(kernel, "kernel", tuple(_KERNELS))
    bootstraps, stream = check_count(bootstraps, "bootstraps"), as_rng(rng, None, "kernel_stein_discrepancy")
    warn_if_powerless(2.0 ** (1 - x.shape[0]), f"{x.shape[0]} samples", "bootstraps", bootstraps)
    rows, s = host_batch(x), host_score(score, x, name="score")
    u, n = _stein(rows, s, kernel, bandwidth), len(rows)
    observed = float(np.sum(u)) / (n * (n - 1))
    signs = host(stream.rademacher((bootstraps, n)))
    draws = np.sum((signs @ u) * signs, axis=1) / (n * (n - 1))
    ties = 1e-12 * float(np.max(np.abs(u)))  # equal signs give the same sum up to rounding
    return SteinTest(observed, (1 + int(np.sum(draws >= observed - ties))) / (1 + bootstraps))


def _stein(x: Any, s: Any, kernel: str, bandwidth: float | None) -> Any:
    """The matrix u of all pairs of rows, ``(n, n)``, zero on the diagonal; k = φ(|x − y|²), so ∇_x k = 2 φ' (x − y)."""
    from scipy.spatial.distance import pdist, squareform

    distances = pdist(x)
    h = median_distance(distances) if bandwidth is None else check_positive(bandwidth, "bandwidth")
    squared = squareform(distances**2)
    k, first, second = _KERNELS[kernel](squared / h**2)
    first, second = first / h**2, second / h**4
    along = np.sum(x * s, axis=1)
    crossed = x @ s.T
    apart = along[:, None] + along - crossed - crossed.T  # (x − y)·(s(x) − s(y))
    u = (s @ s.T) * k - 2 * first * apart - 2 * x.shape[1] * first - 4 * squared * second
    np.fill_diagonal(u, 0.0)
    return u


def _imq(t: Any) -> tuple[Any, Any, Any]:
    """φ, φ', φ'' of (1 + t)^−½."""
    k = 1 / np.sqrt(1 + t)
    return k, -(k**3) / 2, 3 * k**5 / 4


def _rbf(t: Any) -> tuple[Any, Any, Any]:
    """φ, φ', φ'' of exp(−t/2)."""
    k = np.exp(-t / 2)
    return k, -k / 2, k / 4


_KERNELS = {"imq": _imq, "rbf": _rbf}
