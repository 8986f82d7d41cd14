"""Arguments of the plots that are refused."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import scorekit as sk

POINTS = np.random.default_rng(0).normal(size=(9, 2))
WEIGHTS = sk.metrics.mode_weights(POINTS, sk.distributions.GaussianMixture([1.0], [[0.0, 0.0]], 1.0))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: sk.plot.score_field(lambda x: -x, limits=10**400),
        lambda: sk.plot.score_field(lambda x: -x, limits=np.ones((2, 2), complex)),
        lambda: sk.plot.score_field(lambda x: -x, limits=1.0, colorbar="no"),
        lambda: sk.plot.score_field(lambda x: -x, limits=1.0, like=np.array(["a"])),
        lambda: sk.plot.samples(POINTS, labels="a"),
        lambda: sk.plot.image_grid(np.ones((2, 4, 4)), limits="ab"),
        lambda: sk.plot.mode_proportions({"a": WEIGHTS}, mode=1),
        lambda: sk.plot.mode_proportions({"a": WEIGHTS}, mode=-1),
        lambda: sk.plot.mode_proportions({"a": 3}),
        lambda: sk.plot.error_levels(3),
        lambda: sk.plot.panels(1, size="big"),
        lambda: sk.plot.animate_chains(np.ones((3, 4, 2)), 3),
        lambda: sk.plot.write(3, "a.png"),
        lambda: sk.plot.write(Figure(), None),
        lambda: sk.plot.write(Figure(), "/tmp/a.nonsense"),
        lambda: sk.plot.write(Figure(), "a.png", dpi="high"),
    ],
)
def test_what_cannot_be_drawn(draw):
    with pytest.raises(sk.ScorekitError):
        draw()
