"""One class of a network that knows several."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk

X = np.arange(6.0).reshape(3, 2)


class Means:
    """The score of N(label, 1 + sigma²)."""

    classes = 4

    def __call__(self, x, sigma=None, label=None):
        return (label[:, None] - x) / (1 + (0.0 if sigma is None else sigma**2))


def test_a_number_is_the_class_of_every_sample_and_an_array_that_of_each():
    np.testing.assert_array_equal(sk.models.given(Means(), 2)(X), 2 - X)
    labels = np.array([3, 0, 1])
    np.testing.assert_array_equal(sk.models.given(Means(), labels)(X), labels[:, None] - X)


def test_inside_the_views_the_network_is_told():
    scaled = sk.models.Preconditioned(Means(), 1.0, "ncsn")
    np.testing.assert_allclose(sk.models.given(scaled, 1)(X, 0.5), (1 - X) / 1.25 / 0.5)
    np.testing.assert_allclose(sk.models.given(sk.models.at(scaled, 0.5), 1)(X), (1 - X) / 1.25 / 0.5)


def test_samples_are_those_of_the_class():
    """After the recursion of N(m, 1): the mean tends to the label."""
    samples = sk.samplers.Langevin(0.5, 60).sample(sk.models.given(Means(), 3), np.zeros((4000, 1)), rng=0)
    assert abs(samples.x.mean() - 3 * (1 - 0.75**60)) < 4.9 * np.sqrt(1 / (1 - 0.125) / 4000)


@pytest.mark.parametrize(
    ("model", "label", "error", "words"),
    [
        (lambda x: x, 0, TypeError, "function has no classes: expected a network that was made with classes="),
        (Means(), 4, ValueError, "label must be below the 4 classes of the network, got 4"),
        (Means(), -1, ValueError, "label must be at least 0"),
        (Means(), 1.5, TypeError, "label must be an integer"),
        (Means(), np.ones(3), TypeError, "label has dtype float64: expected integers"),
    ],
)
def test_what_is_no_class(model, label, error, words):
    with pytest.raises(error, match=words):
        sk.models.given(model, label)


def test_labels_for_another_number_of_samples():
    with pytest.raises(sk.ShapeError, match=r"label has shape \(2,\) for 3 samples"):
        sk.models.given(Means(), np.array([0, 1]))(X)
