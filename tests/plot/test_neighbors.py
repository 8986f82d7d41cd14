"""Samples beside their nearest training images, and the proportions of classes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import scorekit as sk

TRAINING = np.random.default_rng(0).random((10, 1, 4, 6))


def axes():
    return Figure().subplots()


def test_each_sample_is_followed_by_its_neighbors_in_order():
    samples = TRAINING[[7, 2, 5]] + 1e-3
    found = sk.metrics.nearest_neighbors(samples, TRAINING, 2)
    ax = sk.plot.nearest_neighbors(samples, TRAINING, axes(), k=2, columns=2, limits=(0, 1))
    tiles = np.asarray(ax.images[0].get_array())
    assert tiles.shape == (2 * 4 + 2, 6 * 6 + 5 * 2, 4)
    expected = [TRAINING[j, 0] for row in found.indices for j in row]
    drawn = [
        tiles[row : row + 4, column : column + 6, 0] for row, column in [(0, 8), (0, 16), (0, 32), (0, 40), (6, 8)]
    ]
    assert np.allclose(drawn, expected[:5])
    assert np.allclose(tiles[:4, :6, 0], np.clip(samples[0, 0], 0, 1))
    assert found.indices[:, 0].tolist() == [7, 2, 5]


def test_the_frames_stand_around_the_samples():
    ax = sk.plot.nearest_neighbors(TRAINING[:3], TRAINING, axes(), columns=2)
    boxes = [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in ax.patches]
    assert boxes == [(-1, -1, 7, 5), (15, -1, 7, 5), (-1, 5, 7, 5)]


def test_shapes_that_differ_and_counts_are_refused():
    with pytest.raises(sk.ShapeError, match="training of shape"):
        sk.plot.nearest_neighbors(TRAINING, TRAINING[..., :5], axes())
    with pytest.raises(ValueError, match="k must be at most 10"):
        sk.plot.nearest_neighbors(TRAINING, TRAINING, axes(), k=11)
    with pytest.raises(TypeError, match="is a list"):
        sk.plot.nearest_neighbors([1.0], TRAINING, axes())
    with pytest.raises(ValueError, match="columns must be at least 1"):
        sk.plot.nearest_neighbors(TRAINING, TRAINING, axes(), columns=0)


@pytest.mark.parametrize("truth", [None, [0.25, 0.75]])
def test_the_share_of_a_class_with_and_without_a_truth(truth):
    x = np.array([[0.0], [1.0], [1.0], [0.0]])
    proportions = sk.metrics.class_proportions(x, lambda x: x[:, 0].astype(int), truth, ["circle", "square"])
    ax = sk.plot.mode_proportions({"annealed": proportions}, axes(), mode=1)
    assert ax.get_xlabel() == "proportion of class square"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == (
        ["95% interval"] if truth is None else ["truth, 0.75", "95% interval"]
    )
