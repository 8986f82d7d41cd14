"""Shapes: drawn as said, in the proportions that were asked for, and told apart by their own templates."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scorekit as sk
from scorekit import _shapes
from scorekit.datasets import classify_shapes, shapes

KINDS = ("circle", "square", "triangle", "rings")


# ---------------------------------------------------------------- how they are drawn


AREAS = {
    "circle": math.pi,
    "square": math.pi,
    "triangle": 3 * math.sqrt(3) / 4 * 1.3**2,
    "rings": math.pi * (1 - 0.7**2 + 0.5**2 - 0.2**2),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [12.0, 20.3])
def test_the_covered_area_is_that_of_the_shape(kind, radius):
    """Wherever the center lies between pixels. Along a straight edge the proportion is right but for slanted ones."""
    for x, y in ((32.0, 32.0), (31.7, 32.4), (32.25, 31.9)):
        area = float(_shapes.coverage(kind, 64, [x], [y], [radius]).sum())
        assert area == pytest.approx(AREAS[kind] * radius**2, rel=0.006)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_far_from_the_edge_are_full_or_empty(kind):
    """Against the shape sampled 8 times finer in each direction, from its definition and not its distance."""
    fine = (np.arange(8 * 32) + 0.5) / 8
    x, y = fine[None, :] - 15.3, fine[:, None] - 17.1
    r, radius = np.hypot(x, y), 9.0
    inside = {
        "circle": r < radius,
        "square": np.maximum(abs(x), abs(y)) < math.sqrt(math.pi) / 2 * radius,
        "triangle": (y < 0.65 * radius) & (y > math.sqrt(3) * abs(x) - 1.3 * radius),
        "rings": ((r > 0.7 * radius) & (r < radius)) | ((r > 0.2 * radius) & (r < 0.5 * radius)),
    }[kind]
    exact = inside.reshape(32, 8, 32, 8).mean(axis=(1, 3))
    drawn = _shapes.coverage(kind, 32, [15.3], [17.1], [radius])[0]
    assert abs(drawn - exact).max() < 0.3  # at a corner of the triangle
    assert abs(drawn - exact).mean() < 0.006
    settled = (exact == 0) | (exact == 1)
    assert abs(drawn - exact)[settled].max() < 0.15


def test_moving_by_a_pixel_moves_the_picture():
    for kind in KINDS:
        here, there = _shapes.coverage(kind, 24, [11.2, 13.2], [12.4, 11.4], [6.0, 6.0])
        np.testing.assert_allclose(np.roll(here, (-1, 2), axis=(0, 1)), there, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_place_and_size_are_as_said(channels):
    data = shapes(3000, size=20, channels=channels, rng=1)
    ground = data.images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].min(axis=2)
    paint = data.images.max(axis=(2, 3))
    assert ground.min() >= 0
    assert 0.2 < ground.max() <= 0.25
    assert paint.max() <= 1
    assert paint.min() > {1: 0.6, 3: 0.3}[channels]
    edge = data.images[:, :, 0, :].max(axis=(1, 2))  # the shape lies inside, but may touch the edge
    assert (edge > 0.3).mean() < 0.15
    if channels == 3:
        assert np.std(paint, axis=1).mean() > 0.1


def test_the_law_of_radii_and_centers():
    """Circles: area/πr² gives r, uniform on [4.4, 7.2] with mean 5.8 and sd 0.808; the center's mean is the middle."""
    data = shapes(4000, size=20, kinds=("circle",), rng=2)
    x = data.images[:, 0].astype(float)
    x = (x - x.min(axis=(1, 2), keepdims=True)) / np.ptp(x, axis=(1, 2), keepdims=True)
    mass = x.sum(axis=(1, 2))
    radius = np.sqrt(mass / np.pi)
    assert abs(radius.mean() - 5.8) < 6 * 0.808 / np.sqrt(4000) + 0.02
    assert radius.min() > 4.3
    assert radius.max() < 7.3
    assert abs(radius.std() - 0.808) < 0.05
    column = (x.sum(axis=1) * (np.arange(20) + 0.5)).sum(axis=1) / mass
    room = 20 - 2 * radius
    assert abs(((column - radius) / room).mean() - 0.5) < 6 / np.sqrt(12 * 4000)
    assert abs(((column - radius) / room).std() - 1 / np.sqrt(12)) < 0.02


# ---------------------------------------------------------------- proportions, seeds, doors


@pytest.mark.parametrize(
    ("n", "proportions", "counts"),
    [
        (100, None, [25, 25, 25, 25]),
        (10, None, [3, 3, 2, 2]),
        (100, (0.7, 0.1, 0.1, 0.1), [70, 10, 10, 10]),
        (7, (0.29, 0.29, 0.21, 0.21), [2, 2, 2, 1]),
        (100, [29, 1, 0, 70], [29, 1, 0, 70]),
        (100, np.array([0.0, 0.0, 1.0, 0.0]), [0, 0, 100, 0]),
        (50, {"rings": 0.5, "circle": 0.3, "square": 0.1, "triangle": 0.1}, [15, 5, 5, 25]),
        (1, None, [1, 0, 0, 0]),
    ],
)
def test_proportions_are_exact_counts(n, proportions, counts):
    data = shapes(n, proportions=proportions)
    assert data.counts.tolist() == counts
    assert data.classes == KINDS


def test_classes_come_in_random_order():
    labels = shapes(4000, 8, proportions=(0.5, 0.5), kinds=("rings", "square")).labels
    switches = (labels[1:] != labels[:-1]).sum()
    assert abs(switches - 2000) < 6 * 31.7


def test_equal_seeds_give_equal_images():
    assert shapes(5000, 8, rng=sk.rng(3)) == shapes(5000, 8, rng=sk.rng(3))
    assert shapes(50) == shapes(50, rng=0)
    assert not np.array_equal(shapes(50, rng=1).images, shapes(50).images)
    assert not np.array_equal(shapes(50, rng=None).images, shapes(50, rng=None).images)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be at least 1"),
        ({"size": 7}, ValueError, "size must be at least 8, got 7"),
        ({"channels": 2}, ValueError, r"channels must be 1 \(gray\) or 3 \(colored\), got 2"),
        ({"kinds": "circle"}, TypeError, "kinds is 'circle': expected a tuple of some of 'circle', 'square'"),
        ({"kinds": ()}, TypeError, r"kinds is \(\)"),
        ({"kinds": ("star",)}, ValueError, "unknown kind 'star': expected one of 'circle', 'square'"),
        ({"kinds": ("circle", "circle")}, ValueError, "expected each kind once"),
        ({"proportions": (0.5, 0.5)}, TypeError, "expected 4 numbers, one for each of circle, square, triangle, rings"),
        ({"proportions": 0.5}, TypeError, "proportions is 0.5: expected 4 numbers"),
        ({"proportions": (0.5, 0.5, 0.5, 0)}, ValueError, "sum to 1.5: .* or whole numbers that sum to n = 10"),
        ({"proportions": (1.5, -0.5, 0, 0)}, ValueError, r"\[1.5, -0.5, 0.0, 0.0\] sum to 1: expected non-negative"),
        ({"proportions": (3, 3, 3, 2)}, ValueError, "sum to 11"),
        ({"proportions": ("a", 0, 0, 1)}, TypeError, "proportions must be a number"),
        ({"proportions": (float("nan"), 0, 0, 1)}, ValueError, "sum to nan"),
        ({"proportions": {"circle": 1}}, ValueError, r"proportions name \['circle'\]: expected each of"),
        ({"rng": -1}, ValueError, "rng must be a non-negative seed"),
    ],
)
def test_what_cannot_be_drawn(arguments, error, message):
    with pytest.raises(error, match=message):
        shapes(**({"n": 10} | arguments))


# ---------------------------------------------------------------- the classifier


@pytest.mark.parametrize(("size", "channels"), [(12, 1), (16, 1), (16, 3), (28, 1)])
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_it_knows_more_than_99_percent(size, channels, noise):
    """At a true error of 0.1 % more than 13 errors in 1,200 have a chance of 4e-10; 1 % is 12."""
    data = shapes(1200, size, channels, rng=None)
    x = data.images + noise * sk.rng(None).normal(data.shape)
    found = classify_shapes(x)
    assert (found.labels != data.labels).sum() <= 13
    assert found.labels.dtype == np.int64
    assert found.confidence.mean() > 0.99


def test_its_confidence_is_calibrated_where_it_is_hard():
    """On 8 pixels with noise 0.1 it errs on 2 %: as often as its confidence says, to 6 sd of the count."""
    data = shapes(4000, 8, rng=None)
    found = classify_shapes(data.images + 0.1 * sk.rng(None).normal(data.shape))
    wrong = (found.labels != data.labels).mean()
    assert wrong < 0.04
    assert abs(wrong - (1 - found.confidence).mean()) < 0.015
    assert found.confidence[found.labels != data.labels].mean() < 0.8


def test_shares_of_imbalanced_classes_are_counted():
    data = shapes(2000, proportions=(0.85, 0.1, 0.04, 0.01), rng=5)
    found = np.bincount(classify_shapes(data.images).labels, minlength=4)
    np.testing.assert_allclose(found, [1700, 200, 80, 20], atol=2)


def test_brightness_and_scale_do_not_matter():
    data = shapes(100, rng=6)
    found = classify_shapes(data.images)
    again = classify_shapes(40 * data.images.astype(np.float64) - 7)
    np.testing.assert_array_equal(found.labels, again.labels)


def test_dark_shapes_on_bright_ground_are_none():
    data = shapes(300, rng=8)
    inverted = classify_shapes(1 - data.images)
    assert (inverted.labels == data.labels).mean() < 0.7


def test_of_nothing_it_is_not_sure():
    blank = classify_shapes(np.full((3, 1, 16, 16), 0.3))
    np.testing.assert_allclose(blank.confidence, 0.25)
    noise = classify_shapes(sk.rng(0).normal((200, 1, 16, 16)))
    assert np.median(noise.confidence) < 0.7


def test_kinds_flat_batches_and_tensors():
    data = shapes(60, kinds=("rings", "triangle"), rng=7)
    expected = classify_shapes(data.images, kinds=("rings", "triangle"))
    np.testing.assert_array_equal(expected.labels, data.labels)
    np.testing.assert_array_equal(classify_shapes(data.images[:, 0], ("rings", "triangle")).labels, data.labels)
    torch = pytest.importorskip("torch")
    tensor = classify_shapes(torch.tensor(data.images), ("rings", "triangle"))
    np.testing.assert_array_equal(tensor.labels, data.labels)
    np.testing.assert_array_equal(classify_shapes(data.images).labels, np.where(data.labels == 0, 3, 2))


@pytest.mark.parametrize("shape", [(3, 64), (3, 1, 8, 9), (3, 1, 7, 7), (3, 1, 1, 8, 8)])
def test_what_it_refuses(shape):
    with pytest.raises(sk.ShapeError, match="expected square images"):
        classify_shapes(np.zeros(shape))
    with pytest.raises(ValueError, match="unknown kind"):
        classify_shapes(np.zeros((1, 8, 8)), kinds=("star",))
