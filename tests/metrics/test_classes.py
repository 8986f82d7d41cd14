"""Proportions of classes: counting, intervals, the test against the truth, and answers that make no sense."""

from __future__ import annotations

import re

import array_api_strict
import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

import scorekit as sk
from scorekit.metrics import class_proportions
from scorekit.metrics._goodness import multinomial_p_value


def of(labels):
    """Samples that carry their label."""
    return np.asarray(labels, dtype=float)[:, None]


def read(x):
    """The label that a sample carries."""
    return x[:, 0].astype(int)


def odds(x):
    """The probabilities that a sample is."""
    return x


def test_counts_and_what_is_unclassified():
    result = class_proportions(of([0, 0, 2, 2, 2, 0, -1, 1, 0, 0]), read, truth=[0.5, 0.25, 0.25])
    assert result.proportions.tolist() == [0.5, 0.1, 0.3]
    assert (result.n, result.unclassified, result.level) == (10, 1, 0.95)
    assert result.proportions.sum() + result.unclassified / result.n == pytest.approx(1)
    assert result.total_variation == pytest.approx((0.15 + 0.05 + 0.1) / 2)
    reference = binomtest(5, 10).proportion_ci(0.95, method="exact")
    assert (result.lower[0], result.upper[0]) == pytest.approx((reference.low, reference.high))
    assert result.p_value == multinomial_p_value(np.array([5, 1, 3]), np.array([0.5, 0.25, 0.25]))
    assert result.labels.tolist() == [0, 0, 2, 2, 2, 0, -1, 1, 0, 0]


def test_probabilities_and_confidence():
    x = np.array([[0.9, 0.1], [0.4, 0.6], [0.05, 0.95], [0.5, 0.5]])
    assert class_proportions(x, odds).labels.tolist() == [0, 1, 1, 0]
    assert class_proportions(x, odds, confidence=0.6).labels.tolist() == [0, 1, 1, -1]
    result = class_proportions(x, odds, confidence=0.91)
    assert (result.labels.tolist(), result.unclassified) == ([-1, -1, 1, -1], 3)
    assert np.isnan(result.p_value)
    assert result.truth is None


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batches_do_not_matter_and_the_samples_are_left_alone(size):
    x, sizes = np.random.default_rng(0).normal(size=(7, 1, 2, 2)), []

    def classify(batch):
        sizes.append(len(batch))
        batch *= -1
        return batch[:, 0, 0, 0] > 0

    before = x.copy()
    result = class_proportions(x, classify, batch_size=size)
    assert np.array_equal(x, before)
    assert (sum(sizes), max(sizes)) == (7, min(size, 7))
    assert result.labels.tolist() == (x[:, 0, 0, 0] < 0).astype(int).tolist()


def test_how_many_classes_there_are():
    assert class_proportions(of([0, 2]), read).classes == (0, 1, 2)
    assert class_proportions(of([0, 2]), read, classes=5).proportions.tolist() == [0.5, 0, 0.5, 0, 0]
    assert class_proportions(of([0, 0]), read, truth=[0.5, 0.5]).classes == (0, 1)
    assert class_proportions(of([-1, -1]), read).proportions.tolist() == []
    assert class_proportions(np.array([[0.2, 0.8, 0.0]]), odds).classes == (0, 1, 2)


def test_arrays_of_another_framework():
    x = array_api_strict.asarray([[0.0], [1.0], [1.0]])
    result = class_proportions(x, lambda x: array_api_strict.astype(x[:, 0], array_api_strict.int64), truth=[0.5, 0.5])
    assert result.proportions == pytest.approx([1 / 3, 2 / 3])


def test_the_table_with_names_and_without_a_truth():
    x = of([0] * 90 + [1] * 10 + [-1])
    lines = str(class_proportions(x, read, truth=[0.5, 0.5], classes=["circle", "square"])).splitlines()
    assert lines[0] == "class    truth  proportion  95 % interval"
    assert lines[1].startswith("circle  0.5000      0.8911  ")
    assert all(line.endswith("  *") for line in lines[1:3])
    assert lines[3] == "101 samples; 1 unclassified"
    assert lines[4].startswith("total variation from the truth 0.4010; p-value ")
    bare = str(class_proportions(x, read)).splitlines()
    assert bare[0] == "class  proportion  95 % interval"
    assert bare[1].startswith("    0      0.8911  ")
    assert len(bare) == 4
    assert "*" not in "".join(bare)
    assert len(str(class_proportions(of([-1.0]), read)).splitlines()) == 2


def test_two_classes_are_a_binomial_test():
    for count in range(13):
        expected = binomtest(count, 12, 0.5).pvalue
        assert multinomial_p_value(np.array([count, 12 - count]), np.full(2, 0.5)) == pytest.approx(expected)


def test_the_exact_p_value_has_its_level():
    """Over all outcomes of 10 in three classes: P(p <= α) <= α for every α, with equality at every p that occurs."""
    from itertools import product
    from math import factorial

    truth = np.array([0.5, 0.3, 0.2])
    outcomes = [c for c in product(range(11), repeat=3) if sum(c) == 10]
    mass = [factorial(10) * np.prod([p**c / factorial(c) for c, p in zip(o, truth, strict=True)]) for o in outcomes]
    values = np.array([multinomial_p_value(np.array(o), truth) for o in outcomes])
    assert np.sum(mass) == pytest.approx(1)
    for level in np.unique(values.round(12)):
        assert np.sum(np.array(mass)[values <= level + 1e-9]) == pytest.approx(level, abs=1e-9)


def test_many_are_a_chi_square_test_that_agrees_with_the_exact_one(monkeypatch):
    truth, counts = np.array([0.5, 0.3, 0.2]), np.array([520, 260, 220])
    """Few enough to enumerate after all: 1,000 in three classes are half a million outcomes."""
    limit = multinomial_p_value(counts, truth)
    assert limit == pytest.approx(chisquare(counts, 1000 * truth).pvalue)
    monkeypatch.setattr("scorekit.metrics._goodness._FEW", 10**6)
    assert multinomial_p_value(counts, truth) == pytest.approx(limit, rel=0.02)


def test_classes_that_cannot_occur():
    truth = np.array([0.5, 0.5, 0.0])
    assert multinomial_p_value(np.array([5, 5, 1]), truth) == 0
    assert multinomial_p_value(np.array([9, 3, 0]), truth) == multinomial_p_value(np.array([9, 3]), truth[:2])
    assert multinomial_p_value(np.array([7, 0]), np.array([1.0, 0.0])) == 1
    assert multinomial_p_value(np.array([0, 0]), np.array([0.5, 0.5])) == 1


X = of([0, 1, 1])


@pytest.mark.parametrize(
    ("samples", "classify", "options", "kind", "message"),
    [
        (np.ones(3), read, {}, sk.ShapeError, "samples has shape (3,)"),
        (X, "digits", {}, TypeError, "classify is a str: expected a function"),
        (X, lambda x: [0, 1, 1], {}, TypeError, "classify returned a list: expected an array"),
        (X, lambda x: read(x)[:2], {}, sk.ShapeError, "returned shape (2,) for 3 samples: expected labels (3,)"),
        (X, lambda x: x[:, None], {}, sk.ShapeError, "returned shape (3, 1, 1) for 3 samples"),
        (X, lambda x: x[:, 0] + 0.5, {}, ValueError, "returned 0.5 among its labels"),
        (X, lambda x: x[:, 0] - 2, {}, ValueError, "returned -2 among its labels: expected 0, 1,"),
        (X, lambda x: x[:, 0] * np.nan, {}, ValueError, "returned nan among its labels"),
        (X, lambda x: x[:, 0] * 1e12, {}, ValueError, "returned 1e+12 among its labels"),
        (X, read, {"truth": [1.0]}, ValueError, "the label 1 with 1 classes: expected 0 to 0, or -1"),
        (X, read, {"truth": [0.5, 0.4]}, ValueError, "that sum to 1"),
        (X, read, {"truth": [1.5, -0.5]}, ValueError, "expected non-negative proportions"),
        (X, read, {"truth": "half"}, TypeError, "truth is 'half'"),
        (X, read, {"truth": [0.5, 0.5], "classes": 3}, sk.ShapeError, "numbers of classes differ: classes 3, truth 2."),
        (X, read, {"classes": "ab"}, TypeError, "classes is 'ab': expected the number of classes, or a list"),
        (X, read, {"classes": 0}, ValueError, "classes must be at least 1"),
        (X, read, {"confidence": 0.9}, ValueError, "confidence is 0.9 but classify returned labels (3,)"),
        (X, read, {"confidence": 90}, ValueError, "write confidence=0.9"),
        (X, read, {"level": 95}, ValueError, "write level=0.95"),
        (X, read, {"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        (X, lambda x: np.ones((len(x), 2)), {}, ValueError, "rows that sum to 2 to 2, of values from 1: expected prob"),
        (X, lambda x: np.array([[2.0, -1.0]] * 3), {}, ValueError, "For logits apply the softmax"),
        (X, lambda x: np.full((3, 2), np.nan), {}, sk.NonFiniteError, "NaN or infinity among its probabilities"),
        (
            X,
            lambda x: np.full((len(x), len(x)), 1 / len(x)),
            {"batch_size": 2},
            sk.ShapeError,
            "1 classes, 2 classes in different batches",
        ),
    ],
)
def test_errors(samples, classify, options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        class_proportions(samples, classify, **options)
