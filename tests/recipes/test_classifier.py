"""The classifier of docs/recipes, on bars that anybody can tell apart."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from support.scripts import load

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def recipe():
    return load("recipes/classifier.py")


def bars(n, rng, size=8, channels=1):
    """Images of a horizontal (0), vertical (1) or diagonal (2) bar at a random place, with a little noise."""
    labels = rng.integers(3, size=n)
    images = 0.1 * rng.random((n, channels, size, size))
    for image, label, place in zip(images, labels, rng.integers(2, size - 2, size=n), strict=True):
        if label == 2:
            image[:, np.arange(size), np.arange(size)] += 0.9
        else:
            image[(slice(None), place) if label == 0 else (slice(None), slice(None), place)] += 0.9
    images.flags.writeable = labels.flags.writeable = False  # as data sets may be
    return images, labels


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small wait for each other's threads longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trained(recipe):
    images, labels = bars(300, np.random.default_rng(0))
    return recipe.train_classifier(images, labels, steps=150, batch_size=64, width=8, learning_rate=1e-2)


def test_it_tells_held_out_images_apart_and_is_sure_of_them_only(recipe, trained):
    images, labels = bars(200, np.random.default_rng(1))
    assert recipe.accuracy(trained, images, labels) > 0.98
    assert recipe.accuracy(trained, images, (labels + 1) % 3) < 0.02
    noise = np.random.default_rng(2).random(images.shape)
    sure, unsure = recipe.confidence(trained, images), recipe.confidence(trained, noise)
    assert np.median(sure) > 0.9 > np.median(unsure)
    assert np.allclose(recipe.probabilities(trained, images).sum(axis=1), 1, atol=1e-6)


def test_its_features_part_another_law_and_its_shares_are_those_of_the_labels(recipe, trained):
    (first, labels), (second, _) = (bars(400, np.random.default_rng(seed)) for seed in (3, 4))
    features = [recipe.features(trained, x) for x in (first, second, first[labels == 0])]
    assert features[0].shape == (400, 32)
    same = sk.metrics.frechet_distance(features[0], features[1])
    assert sk.metrics.frechet_distance(features[0], features[2]) > 10 * same
    proportions = sk.metrics.class_proportions(first, lambda x: recipe.probabilities(trained, x), confidence=0.5)
    assert np.abs(proportions.proportions - np.bincount(labels) / 400).max() < 0.05


def test_batches_do_not_matter_and_no_image_depends_on_another(recipe, trained):
    images, _ = bars(20, np.random.default_rng(5))
    assert np.allclose(recipe.features(trained, images, batch_size=3), recipe.features(trained, images), atol=1e-5)


def test_a_seed_is_a_network_and_the_global_generator_is_left_alone(recipe):
    images, labels = bars(40, np.random.default_rng(6), size=5, channels=3)
    before = torch.random.get_rng_state()
    first, second, other = (recipe.train_classifier(images, labels, steps=2, width=4, rng=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(recipe.features(first, images), recipe.features(second, images))
    assert not np.array_equal(recipe.features(first, images), recipe.features(other, images))


def test_flat_images_are_refused(recipe):
    with pytest.raises(ValueError, match=r"images have shape \(4, 64\), labels \(4,\): expected \(n, c, h, w\)"):
        recipe.train_classifier(np.ones((4, 64)), np.zeros(4, int))
