"""The value that holds images: what it knows, how it is cut, and what it refuses."""

from __future__ import annotations

import importlib.resources
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import scorekit as sk
from scorekit.datasets import ImageData

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 1, 4, 5)).astype(np.float32) / 255
LABELS = np.arange(60) % 3
DATA = ImageData(IMAGES, LABELS, ("a", "b", "c"), "letters", "here", "MIT", levels=256)


def test_digits_are_the_published_ones():
    data = sk.datasets.digits()
    assert data.shape == (1797, 1, 8, 8)
    assert data.labels[:10].tolist() == list(range(10))
    zero = "0 0 5 13 9 1 0 0  0 0 13 15 10 15 5 0  0 3 15 2 0 11 8 0  0 4 12 0 0 8 8 0  0 5 8 0 0 9 8 0  "
    zero += "0 4 11 0 1 12 7 0  0 2 14 5 10 12 0 0  0 0 6 13 10 0 0 0"
    np.testing.assert_array_equal(data.images[0, 0].ravel() * 16, [int(v) for v in zero.split()])
    np.testing.assert_array_equal(np.unique(data.images * 16), np.arange(17))
    assert round(float(data.images.sum(dtype=float) * 16)) == 561718
    assert (data.name, data.license, data.levels, data.value_range) == ("digits", "CC BY 4.0", 17, (0.0, 1.0))
    assert "archive.ics.uci.edu" in data.source
    assert (importlib.resources.files("scorekit.datasets") / "digits.npz").is_file()


def test_it_says_what_it_is():
    assert repr(DATA) == "ImageData('letters', 60 images of 1×4×5 in [0, 1], 3 classes, license MIT)"
    assert len(DATA) == 60
    assert DATA.counts.tolist() == [20, 20, 20]
    assert repr(replace(DATA, labels=None, notes=("2 skipped",))) == (
        "ImageData('letters', 60 images of 1×4×5 in [0, 1], license MIT, 2 skipped)"
    )


def test_it_is_frozen_and_the_array_of_the_caller_is_not():
    mine = IMAGES.copy()
    data = ImageData(mine)
    mine[0] = 0.0
    for copy in (data, pickle.loads(pickle.dumps(data)), data[:3], replace(data, name="x")):
        with pytest.raises(ValueError, match="read-only"):
            copy.images[0] = 1.0
    with pytest.raises(AttributeError):
        data.name = "b"


def test_equality_is_of_everything():
    again = pickle.loads(pickle.dumps(DATA))
    assert again == DATA
    assert hash(again) == hash(DATA)
    others = [
        replace(DATA, stored=1 - IMAGES),
        replace(DATA, labels=2 - LABELS),
        replace(DATA, labels=None),
        replace(DATA, license="CC0"),
        replace(DATA, levels=None),
        DATA[:59],
        "data",
    ]
    assert all(other != DATA for other in others)


def test_it_is_indexed_as_an_array():
    for index in (slice(3, 9), [5, 2, 2, -1], np.array([7]), LABELS == 1, np.int64(4), 4):
        part, places = DATA[index], np.atleast_1d(np.arange(60)[index])
        np.testing.assert_array_equal(part.images, IMAGES[places])
        np.testing.assert_array_equal(part.labels, LABELS[places])
        assert (part.classes, part.license) == (DATA.classes, "MIT")
    assert replace(DATA, labels=None)[2:4].labels is None
    assert len(list(DATA)) == 60
    for wrong in ("a", 1.5, [[1]], np.ones(59, bool), (1, 2.5), None):
        with pytest.raises(sk.InvalidTypeError, match="cannot index 60 images with"):
            DATA[wrong]
    with pytest.raises(IndexError, match="indices 60 to 60: expected -60 to 59 for 60 images"):
        DATA[60]
    with pytest.raises(sk.ScorekitError):
        DATA[[0, -61]]
    for empty in (slice(0, 0), np.zeros(60, bool)):
        with pytest.raises(ValueError, match="selects none of the 60 images"):
            DATA[empty]


def test_subsets_by_class_and_by_number():
    for classes in ("b", 1, ["b"], [1], ("b", 1)):
        part = DATA.subset(classes=classes)
        np.testing.assert_array_equal(part.images, IMAGES[LABELS == 1])
    assert DATA.subset(["a", "c"]).counts.tolist() == [20, 0, 20]
    few = DATA.subset(n=10, rng=3)
    assert len(np.unique(few.images.reshape(10, -1), axis=0)) == 10
    assert few == DATA.subset(n=10, rng=3)
    assert DATA.subset(n=10, rng=sk.rng(3)) == DATA.subset(n=10, rng=sk.rng(3))
    assert few != DATA.subset(n=10, rng=4)
    assert DATA.subset(["a"], n=20, rng=0).counts.tolist() == [20, 0, 0]
    with pytest.raises(ValueError, match="n is 21: these classes have only 20 images"):
        DATA.subset(["a"], n=21)
    for wrong in ("d", 3, -1, True, None, 1.0):
        with pytest.raises(ValueError, match=r"unknown class .*: expected one of 'a', 'b', 'c', or its index"):
            DATA.subset([wrong])
    with pytest.raises(ValueError, match="letters has no labels"):
        replace(DATA, labels=None).subset(["a"])


def test_a_draw_takes_each_image_equally_often():
    """Of 3 in 60, 4,000 times: each image 200 times, sd 13.8; 7 sd is passed with a chance below 60 · 2.6e-12."""
    stream = sk.rng(0)
    place = np.concatenate([DATA.subset(n=3, rng=stream).images for _ in range(4000)]).reshape(-1, 20)
    counts = (place[:, None] == IMAGES.reshape(1, 60, 20)).all(axis=2).sum(axis=0)
    assert counts.sum() == 12_000
    assert abs(counts - 200).max() < 7 * 13.8


def test_two_parts_are_all_of_it():
    first, second = DATA.split(0.75, rng=1)
    assert (len(first), len(second)) == (45, 15)
    both = np.concatenate([first.images, second.images]).reshape(60, -1)
    np.testing.assert_array_equal(np.unique(both, axis=0), np.unique(IMAGES.reshape(60, -1), axis=0))
    np.testing.assert_array_equal(DATA.split(0.75, rng=1)[0].images, first.images)
    assert DATA.split(0.75, rng=2)[0] != first
    for wrong in (0, 1, 1.5, 0.001):
        with pytest.raises(ValueError, match=r"proportion is .* for 60 images: expected a number in \(0, 1\)"):
            DATA.split(wrong)
    with pytest.raises(TypeError, match="proportion must be a number"):
        DATA.split("train")


def test_noise_and_mirrors_keep_what_is_known():
    noisy = DATA.dequantized(rng=sk.rng(0))
    assert (noisy.levels, noisy.noise, noisy.license) == (None, 0.0, "MIT")
    np.testing.assert_array_equal(noisy.images, sk.datasets.dequantize(IMAGES, levels=256, rng=sk.rng(0)))
    gaussian = DATA.dequantized("gaussian", rng=sk.rng(0), std=0.05)
    np.testing.assert_array_equal(gaussian.images, sk.datasets.dequantize(IMAGES, "gaussian", std=0.05, rng=sk.rng(0)))
    assert gaussian.noise == 0.05
    assert "noise 0.05" in repr(gaussian)
    assert gaussian.images.min() < 0
    np.testing.assert_array_equal(DATA.flipped(rng=sk.rng(0)).images, sk.datasets.flip(IMAGES, rng=sk.rng(0)))
    assert DATA.flipped(rng=0).levels == 256
    for done in (noisy, gaussian, sk.datasets.shapes(3)):
        with pytest.raises(ValueError, match="cannot be dequantized: its pixel values are continuous already"):
            done.dequantized()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((IMAGES.astype(float),), TypeError, "images are a .*float64: expected a NumPy array of uint8 or uint16"),
        ((IMAGES.tolist(),), TypeError, "images are a list: expected a NumPy array of uint8 or uint16"),
        ((IMAGES[:, 0],), sk.ShapeError, r"images have shape \(60, 4, 5\): expected \(n, c, h, w\)"),
        ((IMAGES[:0],), sk.ShapeError, "not empty"),
        ((np.zeros((2, 5, 4, 4), np.float32),), sk.ShapeError, "1 to 4 channels"),
        (
            (IMAGES * 255,),
            ValueError,
            r"values from 0 to 255: expected \[0, 1\]. For 8-bit pixels pass them as uint8, or write images / 255",
        ),
        ((IMAGES - 1,), ValueError, "values from -1 to 0"),
        ((np.where(IMAGES == 1, np.float32(np.nan), IMAGES),), ValueError, "images hold NaN or infinity"),
        ((IMAGES, LABELS.tolist()), TypeError, "labels are a list: expected a NumPy array of int64, or None"),
        ((IMAGES, LABELS.astype(np.int32)), TypeError, "labels are a .*int32"),
        (
            (IMAGES, LABELS[:9], tuple("abc")),
            sk.ShapeError,
            r"labels have shape \(9,\) for 60 images: expected \(60,\)",
        ),
        ((IMAGES, LABELS, ("a", "b")), ValueError, "labels are from 0 to 2 for 2 classes: expected 0 to 1"),
        ((IMAGES, LABELS - 1, ("a", "b", "c")), ValueError, "labels are from -1 to 1 for 3 classes"),
    ],
)
def test_what_is_no_image_data(arguments, error, message):
    with pytest.raises(error, match=message):
        ImageData(*arguments)


def test_pixels_without_labels_have_no_counts():
    with pytest.raises(ValueError, match="images has no labels"):
        _ = ImageData(IMAGES).counts


def test_streams_of_another_backend_serve_as_well():
    pytest.importorskip("torch")
    draws = [
        lambda rng: DATA.dequantized(rng=rng),
        lambda rng: DATA.flipped(rng=rng),
        lambda rng: DATA.subset(n=9, rng=rng),
        lambda rng: DATA.split(rng=rng)[0],
        lambda rng: sk.datasets.shapes(9, rng=rng),
    ]
    for draw in draws:
        stream = sk.backend("torch").rng(0)
        first = draw(stream)
        assert first == draw(sk.backend("torch").rng(0))
        assert first != draw(stream)


def test_the_room_needs_numpy_alone():
    """Pillow, a framework or matplotlib come in when they are used."""
    code = (
        "import sys, scorekit as sk; sk.datasets.digits(); "
        "print([m for m in ('PIL', 'torch', 'autograd', 'matplotlib', 'datasets', 'tqdm') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_given_where_an_array_is_expected_it_says_which():
    with pytest.raises(TypeError, match=r"is a .*ImageData.* Pass the array in it: data\.images\."):
        sk.array_namespace(DATA)
