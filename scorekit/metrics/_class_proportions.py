"""The proportion of samples in each class."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import check_batch, check_rng, host, no_grad, own
from scorekit._checks import check_arguments, check_count, check_number
from scorekit._numerics import row_blocks
from scorekit._tables import displayed
from scorekit.errors import InvalidTypeError, InvalidValueError, NonFiniteError, ShapeError, describe
from scorekit.metrics._goodness import multinomial_p_value
from scorekit.metrics._proportions import Proportions, html, table
from scorekit.metrics._statistics import check_level
from scorekit.protocols import Array, RngLike

__all__ = ["ClassProportions", "class_proportions"]

Classify = Callable[[Any], Any]

_MOST = 1_000_000
"""The largest accepted number of classes. A larger label raises an error."""


@displayed
class ClassProportions(NamedTuple):
    """The proportion of each class with its interval, the true proportions, and the number of unclassified samples."""

    proportions: Any
    lower: Any
    upper: Any
    truth: Any
    n: int
    level: float
    unclassified: int
    total_variation: float
    p_value: float
    classes: tuple[Any, ...]
    labels: Any

    def __str__(self) -> str:
        return "\n".join([*table("class", self.classes, self._found(), self.truth, self.level), *self._notes()])

    def _repr_html_(self) -> str:
        return html("class", self.classes, self._found(), self.truth, self.level, "; ".join(self._notes()))

    def _found(self) -> Proportions:
        return Proportions(self.proportions, self.lower, self.upper)

    def _notes(self) -> list[str]:
        counted = [f"{self.n} samples; {self.unclassified} unclassified"]
        if self.truth is not None:
            counted.append(f"total variation from the truth {self.total_variation:.4f}; p-value {self.p_value:.3g}")
        return counted


def class_proportions(
    samples: Array,
    classify: Classify,
    truth: Any = None,
    classes: int | Sequence[Any] | None = None,
    *,
    confidence: float = 0.0,
    level: float = 0.95,
    batch_size: int = 1024,
    rng: RngLike = 0,
) -> ClassProportions:
    """The proportion of samples that a classifier assigns to each class, with exact intervals.

    A sample is *unclassified* if its label is −1, or if no class has a probability of at least ``confidence``. The
    proportions are relative to all n samples, so the proportions and the unclassified proportion together sum to 1.

    Args:
        samples: independent samples, ``(n, *event)``.
        classify: maps a batch of samples to integer labels ``(n,)``, −1 for none, or to class probabilities ``(n, k)``.
            It may return an array of any framework.
        truth: the true proportion of each class, ``(k,)``, summing to 1; None if unknown.
        classes: the number of classes, or their names. By default the size of ``truth`` or the number of probabilities,
            else the largest label plus one.
        confidence: in [0, 1]; a sample is classified if its largest probability is at least this.
        level: confidence level of each interval, in (0, 1). The coverage is at least ``level`` also for rare classes.
        batch_size: largest number of samples in one call of ``classify``, at least 1.
        rng: an Rng, a seed or None, for a simulated p-value. The default is a fixed seed: the same labels give the same
            p-value.

    Returns:
        A :class:`ClassProportions` with

        - ``proportions``, ``lower``, ``upper``, ``truth``: arrays ``(k,)``; ``truth`` may be None;
        - ``n``, ``level``, and ``unclassified``, the number of unclassified samples;
        - ``total_variation``: ½ Σ |proportion − truth|, with the unclassified samples as an extra class of truth 0;
        - ``p_value`` of "the classified samples have the true proportions", by Pearson's statistic. It is exact if
          there are few possible counts. Otherwise it uses 99,999 simulated counts if a class is rare (the smallest
          value is then 1e-5), and the chi-square limit if not;
        - ``classes`` and ``labels (n,)``.

        ``total_variation`` and ``p_value`` are NaN without a truth. ``print`` marks a class with a star if its interval
        misses the truth. Classification errors also change the proportions: apply the classifier to real data first.

    Raises:
        ShapeError: ``samples`` or the output of ``classify`` has the wrong shape, or the numbers of classes disagree.
        InvalidTypeError: ``classify`` is not callable, or an argument has the wrong type.
        InvalidValueError: a label, a probability, ``truth``, ``confidence`` or ``level`` is out of range.
        NonFiniteError: a probability is NaN or infinite.

    Source: Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial
    (1934), doi:10.1093/biomet/26.4.404.

    >>> import numpy as np
    >>> x = np.array([[-2.0], [-1.0], [-3.0], [1.0], [0.0]])
    >>> print(class_proportions(x, lambda x: np.where(x == 0, -1, x > 0)[:, 0],
    ...                         truth=[0.5, 0.5], classes=["minus", "plus"]))
    class   truth  proportion  95 % interval
    minus  0.5000      0.6000  0.1466 to 0.9473
     plus  0.5000      0.2000  0.0051 to 0.7164
    5 samples; 1 unclassified
    total variation from the truth 0.3000; p-value 0.625
    """
    check_batch(samples, "samples")
    check_rng(rng)
    level, batch_size = check_level(level), check_count(batch_size, "batch_size")
    labels, width = _classified(samples, classify, _check_confidence(confidence), batch_size)
    truth = None if truth is None else _check_truth(truth)
    names = _names(classes, truth, width, labels)
    n, k = len(labels), len(names)
    if np.max(labels) >= k:
        raise InvalidValueError(
            f"classify returned the label {np.max(labels)} with {k} classes: expected 0 to {k - 1}, or -1 for none."
        )
    counts = np.bincount(labels[labels >= 0], minlength=k)
    found, left = Proportions.of(counts, n, level), int(np.sum(labels < 0))
    apart, p_value = math.nan, math.nan
    if truth is not None:
        apart = float(np.sum(np.abs(found.proportions - truth)) + left / n) / 2
        p_value = multinomial_p_value(counts, truth, rng)
    return ClassProportions(*found, truth, n, level, left, apart, p_value, names, labels)


def _classified(samples: Array, classify: Any, confidence: float, batch_size: int) -> tuple[Any, int | None]:
    """The label of each sample, and the number of classes if ``classify`` returned probabilities."""
    check_arguments(classify, "classify", ("samples",))
    with no_grad(samples)():
        parts = [
            _labels(classify(own(samples[rows, ...])), rows.stop - rows.start, confidence)
            for rows in row_blocks(samples.shape[0], batch_size)
        ]
    widths = {width for _, width in parts}
    if len(widths) > 1:
        listed = ", ".join(sorted("labels" if width is None else f"{width} classes" for width in widths))
        raise ShapeError(f"classify returned {listed} in different batches: expected the same kind from each batch.")
    return np.concatenate([labels for labels, _ in parts]), widths.pop()


def _labels(answer: Any, n: int, confidence: float) -> tuple[Any, int | None]:
    """The output for a batch of ``n`` as labels, and the number of columns if the output was probabilities."""
    shape = getattr(answer, "shape", None)
    if shape is None:
        raise InvalidTypeError(f"classify returned a {describe(answer)}: expected an array of labels or probabilities.")
    if len(shape) not in (1, 2) or shape[0] != n or math.prod(shape) == 0:
        raise ShapeError(
            f"classify returned shape {tuple(shape)} for {n} samples: expected labels ({n},) or "
            f"probabilities ({n}, classes)."
        )
    values = host(answer)
    if len(shape) == 2:
        return _most_likely(values, confidence), int(shape[1])
    if confidence > 0:
        raise InvalidValueError(
            f"confidence is {confidence} but classify returned labels ({n},): expected probabilities ({n}, classes)."
        )
    bad = ~((values >= -1) & (values < _MOST) & (values == np.round(values)))
    if np.any(bad):
        raise InvalidValueError(
            f"classify returned {values[bad][0]:g} among its labels: expected 0, 1, … below {_MOST}, or -1 for none."
        )
    return values.astype(np.int64), None


def _most_likely(probabilities: Any, confidence: float) -> Any:
    """The most likely class, or −1 if its probability is below ``confidence``."""
    if not np.all(np.isfinite(probabilities)):
        raise NonFiniteError("classify returned NaN or infinity among its probabilities: expected finite numbers.")
    sums = np.sum(probabilities, axis=1)
    if np.min(probabilities) < 0 or np.max(np.abs(sums - 1)) > 1e-3:
        raise InvalidValueError(
            f"classify returned rows that sum to {sums.min():.4g} to {sums.max():.4g}, of values from "
            f"{probabilities.min():.4g}: expected probabilities. For logits apply the softmax, or return the argmax."
        )
    return np.where(np.max(probabilities, axis=1) >= confidence, np.argmax(probabilities, axis=1), -1)


def _check_confidence(confidence: Any) -> float:
    number = check_number(confidence, "confidence")
    if not 0 <= number <= 1:
        raise InvalidValueError(f"confidence must lie in [0, 1], got {confidence}. For 90 % write confidence=0.9.")
    return number


def _check_truth(truth: Any) -> Any:
    try:
        proportions = np.array(host(truth) if hasattr(truth, "shape") else truth, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(
            f"truth is {truth!r}: expected the true proportion of each class, as numbers."
        ) from error
    if proportions.ndim != 1 or not np.all(proportions >= 0) or not abs(np.sum(proportions) - 1) < 1e-6:
        raise InvalidValueError(
            f"truth is {truth!r}: expected non-negative proportions, one per class, that sum to 1. "
            "For counts use counts / counts.sum()."
        )
    return proportions


def _names(classes: Any, truth: Any, width: int | None, labels: Any) -> tuple[Any, ...]:
    """The name of each class. The sizes of all arguments must agree."""
    known = {"truth": None if truth is None else len(truth), "the probabilities": width}
    names = None if classes is None else _as_names(classes)
    given = {"classes": None if names is None else len(names)} | known
    sizes = {name: size for name, size in given.items() if size is not None}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ShapeError(f"the numbers of classes differ: {listed}. Expected the same number in all.")
    if names is not None:
        return names
    return tuple(range(next(iter(sizes.values()), int(np.max(labels)) + 1)))


def _as_names(classes: Any) -> tuple[Any, ...]:
    if isinstance(classes, (int, np.integer)):
        return tuple(range(check_count(classes, "classes")))
    if isinstance(classes, (str, bytes)) or not hasattr(classes, "__len__") or len(classes) == 0:
        raise InvalidTypeError(f"classes is {classes!r}: expected the number of classes, or a list of their names.")
    names = tuple(classes)
    if len({str(name) for name in names}) < len(names):
        raise InvalidValueError(f"classes is {classes!r}: expected each name once.")
    return names
