"""The draws of a batch that is worked on in parts are those of the whole, row by row."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit._streams import Draws, strata
from scorekit.testing.differentiation import _all_objectives

N, CUTS = 7, [(0, 3), (3, 4), (4, 7)]
X = np.random.default_rng(0).normal(size=(N, 2))
OBJECTIVES = _all_objectives()


def model(x, sigma=None):
    return -x / (1.0 if sigma is None else 1.0 + np.reshape(sigma, (-1, 1)) ** 2) + 0.1 * x**2


@pytest.mark.parametrize("objective", OBJECTIVES, ids=[f"{i}" for i in range(len(OBJECTIVES))])
def test_the_losses_of_the_parts_are_those_of_the_whole(objective):
    """Also when a part has one sample, and whichever part comes first."""
    whole = objective.losses(model, X, rng=sk.rng(3))
    draws, parts = Draws(sk.rng(3), N), {}
    for start, stop in reversed(CUTS):
        parts[start] = objective.losses(model, X[start:stop], rng=draws.part(start, stop))
    np.testing.assert_allclose(np.concatenate([parts[start] for start, _ in CUTS]), whole, rtol=1e-14)


def test_the_strata_of_the_parts_cover_the_whole():
    draws = Draws(sk.rng(1), N)
    parts = np.concatenate([strata(draws.part(*cut), cut[1] - cut[0]) for cut in CUTS])
    np.testing.assert_array_equal(parts, strata(sk.rng(1), N))
    assert sorted(np.floor(parts * N)) == list(range(N))


@pytest.mark.parametrize(
    ("draw", "axis"),
    [
        (lambda rng, n: rng.normal((n, 5)), 0),
        (lambda rng, n: rng.normal((3, n, 2), like=X[:n]), 1),
        (lambda rng, n: rng.rademacher((n, n, 2), like=X[:n]), 1),
        (lambda rng, n: rng.uniform((n,)), 0),
        (lambda rng, n: rng.integers(0, 1000, (n,)), 0),
        (lambda rng, n: rng.choice(1000, (n, 2)), 0),
        (lambda rng, n: rng.spawn(2)[1].normal((n, 2)), 0),
    ],
)
def test_rows_are_cut_along_the_axis_of_the_samples(draw, axis):
    draws = Draws(sk.rng(5), 12)
    part = draws.part(2, 6)
    if axis == 1 and draw(sk.rng(5), 4).shape[0] == 4:  # (n, n, 2): of the two axes the one before the event
        whole = sk.rng(5).rademacher((4, 12, 2), like=X)
    else:
        whole = draw(sk.rng(5), 12)
    np.testing.assert_array_equal(draw(part, 4), np.take(whole, range(2, 6), axis=axis))


def test_what_belongs_to_no_sample_is_shared():
    draws = Draws(sk.rng(0), 10)
    one, two = draws.part(0, 4), draws.part(4, 10)
    np.testing.assert_array_equal(one.uniform((1,)), two.uniform((1,)))
    np.testing.assert_array_equal(one.choice(5, (3,), replace=False), two.choice(5, (3,), replace=False))
    np.testing.assert_array_equal(one.normal((3,)), two.normal((3,)))


def test_a_part_of_a_part():
    draws = Draws(sk.rng(0), 10)
    np.testing.assert_array_equal(draws.part(4, 10).part(1, 3).normal((2, 3)), sk.rng(0).normal((10, 3))[5:7])


def test_parts_that_draw_different_things_are_refused():
    draws = Draws(sk.rng(0), 4)
    draws.part(0, 2).normal((2, 3))
    with pytest.raises(ValueError, match=r"parts of one batch draw different things.*needs like=x"):
        draws.part(2, 4).uniform((2, 3))
    with pytest.raises(ValueError, match="a part of 2 samples asked for the draws of 3"):
        strata(draws.part(2, 4), 3)
    with pytest.raises(TypeError, match="no state"):
        draws.part(0, 2).state()


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, x: rng.normal(x.shape, like=x),
        lambda rng, x: rng.normal((3, *x.shape), like=x),
        lambda rng, x: rng.uniform((len(x),), like=x[:, 0]),
        lambda rng, x: sk.datasets.flip(np.stack([x, x], axis=1), rng)[:, 0],
        lambda rng, x: sk.datasets.dequantise(np.clip(x, 0, 1), rng=rng),
        lambda rng, x: sk.datasets.dequantise(x, "gaussian", rng=rng),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_draws_beside_an_array_are_those_of_the_whole_for_parts_of_any_size(draw, size):
    """Also where a part is as long as a sample, which has two entries."""
    x = np.random.default_rng(1).normal(size=(8, 2))
    draws = Draws(sk.rng(2), 8, (2,))
    parts = [draw(draws.part(k, k + size), x[k : k + size]) for k in range(0, 8, size)]
    whole = draw(sk.rng(2), x)
    np.testing.assert_array_equal(np.concatenate(parts, axis=whole.shape.index(8)), whole)


@pytest.mark.parametrize(
    ("size", "draw"),
    [
        (1, lambda rng, x: rng.uniform((1,), like=x)),  # one for all, or one for the one sample
        (1, lambda rng, x: rng.uniform((1, 3))),
        (2, lambda rng, x: rng.normal((2,))),  # a direction in the plane, or a number for each of two samples
        (2, lambda rng, x: rng.normal((2,), like=x)),
        (4, lambda rng, x: rng.normal((3, 4))),
        (4, lambda rng, x: rng.normal((4, 4))),
        (4, lambda rng, x: rng.normal((4, 5), like=x)),
        (1, lambda rng, x: rng.integers(0, 5, (1,))),
    ],
)
def test_a_draw_that_may_be_of_the_samples_or_shared_is_refused(size, draw):
    x = np.zeros((size, 2))
    with pytest.raises(ValueError, match=rf"in a part of {size} of the 8 samples of a batch.*write .*like="):
        draw(Draws(sk.rng(2), 8, (2,)).part(0, size), x)


def test_what_broadcasts_beside_the_samples_is_theirs_and_a_number_alone_is_shared():
    x, draws = np.zeros((8, 2)), Draws(sk.rng(2), 8, (2,))
    parts = [draws.part(k, k + 4) for k in (0, 4)]
    rows = [part.uniform((4, 1), like=x[:4]) for part in parts]
    np.testing.assert_array_equal(np.concatenate(rows), sk.rng(2).uniform((8, 1)))
    np.testing.assert_array_equal(*[part.uniform(()) for part in parts])
