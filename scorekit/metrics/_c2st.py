"""The classifier two-sample test."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import as_rng, host
from scorekit._checks import check_count, check_option
from scorekit._tables import displayed
from scorekit.errors import InvalidValueError, MissingBackendError, ShapeError
from scorekit.metrics._chance import warn_if_powerless
from scorekit.metrics._host import host_pair
from scorekit.metrics._nearest_neighbors import nearest
from scorekit.protocols import Array, Rng, RngLike

__all__ = ["ClassifierTest", "c2st"]

_FOLDS = 5
"""Folds of the cross-validation of sbibm."""


@displayed
class ClassifierTest(NamedTuple):
    """The accuracy on test points (½ for equal distributions), and the p-value of "both distributions are equal".

    For ``"knn"`` the accuracy is balanced. For ``"mlp"`` the p-value is NaN.
    """

    accuracy: float
    p_value: float


def c2st(
    a: Array, b: Array, neighbors: int | None = None, rng: RngLike = None, *, classifier: str = "knn"
) -> ClassifierTest:
    """The classifier two-sample test: how well can a classifier tell the two sets of samples apart?

    ``"knn"``: a k-nearest-neighbor classifier with an exact p-value. Each set is split at random into a training half
    and a test half. A test point is assigned to ``a`` if the proportion of points of ``a`` among its k nearest training
    points exceeds the proportion of ``a`` in the training half. The accuracy is the mean of the two proportions of test
    points that are assigned correctly. If the distributions are equal, the number of correct assignments is
    hypergeometric (Fisher's test). The p-value is therefore exact for every distribution, size and k.

    ``"mlp"``: the definition of the benchmark sbibm, for values that can be compared with published ones. Both sets are
    standardized by the means and the deviations of ``a``. The accuracy is the mean over five shuffled folds of the
    accuracy of a network with two hidden layers of 10 d ReLU units, scikit-learn's ``MLPClassifier`` with
    ``max_iter=10000``. It takes seconds to minutes for 10,000 samples each. There is no p-value:
    the folds share training points.

    Args:
        a: independent samples, ``(n, *event)``, n >= 4, for ``"mlp"`` n >= 5; there it is the reference.
        b: independent samples, ``(m, *event)``, m >= 4; for ``"mlp"`` m = n.
        neighbors: k of ``"knn"``, from 1 to the number of training points; by default its square root, rounded.
        rng: an Rng, a seed or None: for the split, or for the folds and the first weights. sbibm uses ``rng=1``.
        classifier: ``"knn"`` or ``"mlp"``.

    Returns:
        A :class:`ClassifierTest`: ``accuracy`` in [0, 1] and the one-sided ``p_value``, NaN for ``"mlp"``.

    Raises:
        ShapeError: the samples of ``a`` and ``b`` differ in shape, there are too few, or n and m differ for ``"mlp"``.
        InvalidTypeError: an array is not float32 or float64, or ``neighbors`` is not an integer.
        InvalidValueError: an array holds NaN or infinity, ``neighbors`` is out of range or was given with ``"mlp"``,
            ``classifier`` is unknown, or a feature of ``a`` is constant with ``"mlp"``.
        MissingBackendError: ``classifier`` is ``"mlp"`` and scikit-learn is not installed.

    A warning says so if there are so few samples that no p-value can be at most 5 %.

    Source: Lopez-Paz and Oquab, Revisiting classifier two-sample tests (2017), arXiv:1610.06545; Fisher, The logic of
    inductive inference (1935), doi:10.2307/2342435; Lueckmann, Boelts, Greenberg, Gonçalves and Macke, Benchmarking
    simulation-based inference (2021), arXiv:2101.04653.

    >>> import numpy as np
    >>> a = np.random.default_rng(0).normal(size=(100, 2))
    >>> result = c2st(a, a[::-1] + 3.0, rng=0)
    >>> result.accuracy > 0.9, result.p_value < 1e-12
    (True, True)
    """
    check_option(classifier, "classifier", ("knn", "mlp"))
    if classifier == "mlp":
        return _by_network(a, b, neighbors, rng)
    from scipy.stats import hypergeom

    rows_a, rows_b = host_pair(a, b, minimum=4)
    stream = as_rng(rng, None, "c2st")
    (known_a, new_a), (known_b, new_b) = _halves(rows_a, stream), _halves(rows_b, stream)
    known, new = np.concatenate([known_a, known_b]), np.concatenate([new_a, new_b])
    k = round(math.sqrt(len(known))) if neighbors is None else check_count(neighbors, "neighbors")
    if k > len(known):
        raise InvalidValueError(f"neighbors must be at most {len(known)}, the number of training points, got {k}.")
    n, m = len(new_a), len(new_b)
    warn_if_powerless(1 / math.comb(n + m, n), f"{len(rows_a)} and {len(rows_b)} samples")
    votes = np.mean(nearest(new, known, k).indices < len(known_a), axis=1)
    said_a = votes > len(known_a) / len(known)
    right, said = int(np.sum(said_a[:n])), int(np.sum(said_a))
    accuracy = (right / n + 1 - (said - right) / m) / 2
    return ClassifierTest(accuracy, float(hypergeom.sf(right - 1, n + m, said, n)))


def _by_network(a: Array, b: Array, neighbors: Any, rng: RngLike) -> ClassifierTest:
    """The accuracy of sbibm's network."""
    if neighbors is not None:
        raise InvalidValueError(f"neighbors is {neighbors!r}, and the classifier is 'mlp': omit neighbors.")
    MLPClassifier, KFold, cross_val_score = _scikit_learn()
    rows_a, rows_b = host_pair(a, b, minimum=_FOLDS)
    if len(rows_a) != len(rows_b):
        fewest = min(len(rows_a), len(rows_b))
        raise ShapeError(
            f"a has {len(rows_a)} samples, b has {len(rows_b)}: with classifier='mlp' expected equal numbers, because "
            f"equal distributions would not have the accuracy ½. Shorten the longer one, [:{fewest}]."
        )
    mean, std = np.mean(rows_a, axis=0), np.std(rows_a, axis=0, ddof=1)
    if not np.all(std > 0):
        raise InvalidValueError(
            f"feature {int(np.argmin(std))} of a is constant, so it cannot be standardized: remove it from a and b."
        )
    rows = (np.concatenate([rows_a, rows_b]) - mean) / std
    labels = np.repeat([0, 1], len(rows_a))
    is_seed = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool)
    seed = int(rng) if is_seed else int(host(as_rng(rng, None, "c2st").integers(0, 1 << 31, (1,)))[0])  # type: ignore[arg-type]
    network = MLPClassifier(hidden_layer_sizes=(10 * rows.shape[1],) * 2, max_iter=10_000, random_state=seed)
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    return ClassifierTest(float(np.mean(cross_val_score(network, rows, labels, cv=folds))), math.nan)


def _scikit_learn() -> tuple[Any, Any, Any]:
    try:
        from sklearn.model_selection import KFold, cross_val_score
        from sklearn.neural_network import MLPClassifier
    except ImportError as error:
        missing = error.name == "sklearn"
        state = "which is not installed" if missing else f"which is installed and cannot be imported ({error})"
        update = "" if missing else "--upgrade "
        raise MissingBackendError(
            f"classifier='mlp' needs scikit-learn, {state}: python -m pip install {update}scikit-learn"
        ) from error
    return MLPClassifier, KFold, cross_val_score


def _halves(x: Any, rng: Rng) -> tuple[Any, Any]:
    order = host(rng.choice(len(x), (len(x),), replace=False)).astype(int)
    return x[order[: len(x) // 2]], x[order[len(x) // 2 :]]
