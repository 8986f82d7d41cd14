"""A conditional model with its condition fixed."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk

X = np.arange(6.0).reshape(3, 2)


class Means:
    """The score of N(label, 1 + sigma²), of a network with four classes."""

    classes = 4

    def __call__(self, x, sigma=None, label=None):
        return (label[:, None] - x) / (1 + (0.0 if sigma is None else sk.expand(sigma, x) ** 2))


def shifted(x, sigma, condition):
    """The score of N(condition, 1 + sigma²) for vectors, images, or one number a sample."""
    wide = condition[:, None] if condition.ndim == 1 else condition
    return (wide - x) / (1 + sk.expand(sigma, x) ** 2)


def test_a_number_is_the_class_of_every_sample_and_an_array_that_of_each():
    np.testing.assert_array_equal(sk.models.condition(Means(), 2)(X), 2 - X)
    np.testing.assert_array_equal(sk.models.condition(Means(), np.int64(2))(X), 2 - X)
    labels = np.array([3, 0, 1])
    np.testing.assert_array_equal(sk.models.condition(Means(), labels)(X), labels[:, None] - X)


def test_numbers_are_the_condition_of_one_sample_and_rows_of_each():
    one, each = np.array([5.0, 7.0]), X[::-1].copy()
    np.testing.assert_allclose(sk.models.condition(shifted, one)(X, 1.0), (one - X) / 2)
    np.testing.assert_allclose(sk.models.condition(shifted, one)(X[:2], 1.0), (one - X[:2]) / 2)  # n = k too
    np.testing.assert_allclose(sk.models.condition(shifted, each)(X, 1.0), (each - X) / 2)
    np.testing.assert_allclose(sk.models.condition(shifted, 1.5)(X, 1.0), (1.5 - X) / 2)
    scalars = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(sk.models.condition(shifted, scalars, each=True)(X, 1.0), (scalars[:, None] - X) / 2)
    image = np.arange(4.0).reshape(2, 2)
    pixels = np.zeros((3, 2, 2))
    np.testing.assert_allclose(sk.models.condition(shifted, image, each=False)(pixels, 1.0), (image - pixels) / 2)


def test_repeated_samples_have_repeated_conditions():
    """k·n rows, as probes and replicas make them: the condition is repeated as a whole."""
    model = sk.models.condition(shifted, X)
    np.testing.assert_allclose(model(np.tile(X, (2, 1)), 1.0), 0.0)
    with pytest.raises(sk.ShapeError, match="the condition has 3 entries for 4 samples: expected 4, one per sample"):
        model(np.zeros((4, 2)), 1.0)


def test_through_the_views_the_network_is_told():
    scaled = sk.models.Preconditioned(Means(), 1.0, "ncsn")
    np.testing.assert_allclose(sk.models.condition(scaled, 1)(X, 0.5), (1 - X) / 1.25 / 0.5)
    np.testing.assert_allclose(sk.models.condition(sk.models.at(scaled, 0.5), 1)(X), (1 - X) / 1.25 / 0.5)
    energy = sk.models.EnergyModel(lambda x, sigma, c: 0.5 * ((x - c) ** 2).sum(axis=1))
    np.testing.assert_allclose(sk.models.condition(energy, X)(X + 1), -np.ones_like(X))
    denoiser = sk.models.DenoiserModel(lambda x, sigma, c: c)
    np.testing.assert_allclose(sk.models.condition(denoiser, X)(X + 1, 0.5), -np.ones_like(X) / 0.25)
    np.testing.assert_allclose(sk.models.denoise(denoiser, X + 1, 0.5, condition=X), X)


def test_samples_are_those_of_the_class():
    """After the recursion of N(m, 1): the mean tends to the label."""
    samples = sk.samplers.Langevin(0.5, 60).sample(sk.models.condition(Means(), 3), np.zeros((4000, 1)), rng=0)
    assert abs(samples.x.mean() - 3 * (1 - 0.75**60)) < 4.9 * np.sqrt(1 / (1 - 0.125) / 4000)


@pytest.mark.parametrize(
    ("model", "label", "error", "words"),
    [
        (lambda x: x, 0, TypeError, "takes no condition: expected a model s"),
        (lambda x, sigma: x, 0, TypeError, "takes no condition: expected a model s"),
        (sk.models.Preconditioned(lambda x, sigma: x, 1.0), 0, TypeError, "takes no condition"),
        (Means(), 5, ValueError, "class 5: the network has 4 classes, 0 to 3, and 4 means no condition"),
        (Means(), -1, ValueError, "class -1: the network has 4 classes"),
        (Means(), np.array([0, 7]), ValueError, "class 7: the network has 4 classes"),
        (Means(), 1.5, TypeError, "condition is 1.5: the network has 4 classes, so expected an integer"),
        (Means(), np.ones(3), TypeError, "float64: the network has 4 classes"),
        (shifted, np.array([np.nan, 0.0]), ValueError, "NaN or infinity"),
        (shifted, np.nan, TypeError, "expected a finite number"),
        (shifted, "cat", TypeError, "expected a finite number, or an array"),
        (shifted, [1.0, 2.0], TypeError, "c is a list: expected an array"),
        (shifted, True, TypeError, "Write 1"),
    ],
)
def test_what_is_no_condition(model, label, error, words):
    with pytest.raises(error, match=words):
        sk.models.condition(model, label)


def test_labels_for_another_number_of_samples():
    with pytest.raises(sk.ShapeError, match="the condition has 2 entries for 3 samples"):
        sk.models.condition(Means(), np.array([0, 1]))(X)


def test_a_condition_of_another_backend_is_named():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"condition.*frameworks"):
        sk.models.condition(shifted, torch.zeros(3, 2))(X, 1.0)
    objective = sk.objectives.DenoisingScoreMatching(0.5)
    with pytest.raises(TypeError, match=r"condition a torch.*frameworks"):
        objective(shifted, X, rng=0, condition=torch.zeros(3, 2))


@pytest.mark.parametrize(
    ("condition", "error", "words"),
    [
        (None, ValueError, "shifted takes a condition, and was called without one: write sk.models.condition"),
        (np.zeros((2, 2)), ValueError, r"condition has shape \(2, 2\) for 3 samples: expected its first axis to be 3"),
        (np.full((3, 2), np.nan), ValueError, "condition holds NaN"),
    ],
)
def test_an_objective_refuses_a_condition_that_does_not_fit(condition, error, words):
    objective = sk.objectives.DenoisingScoreMatching(0.5)
    with pytest.raises(error, match=words):
        objective(shifted, X, rng=0, condition=condition)


def test_an_objective_refuses_a_condition_that_the_model_does_not_take():
    objective = sk.objectives.DenoisingScoreMatching(0.5)
    with pytest.raises(TypeError, match="a condition was passed, but <lambda> takes none"):
        objective(lambda x, sigma: -x, X, rng=0, condition=np.zeros(3))
