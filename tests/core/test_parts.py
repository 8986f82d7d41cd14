"""The noise of a batch is drawn for the whole of it; the losses of its parts are those of the whole, row by row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import scorekit as sk
from scorekit._catalogue import OBJECTIVES, examples
from scorekit.learning import draw_for, loss_of, rows_of
from scorekit.noise._strata import strata

N, CUTS = 7, [(0, 3), (3, 4), (4, 7)]
X = np.random.default_rng(0).normal(size=(N, 2))
LOSSES = examples(OBJECTIVES)


def model(x, sigma=None):
    return -x / (1.0 if sigma is None else 1.0 + np.reshape(sigma, (-1, 1)) ** 2) + 0.1 * x**2


@pytest.mark.parametrize("objective", LOSSES, ids=[f"{i}" for i in range(len(LOSSES))])
def test_the_losses_of_the_parts_are_those_of_the_whole(objective):
    """A part of one sample too, each part from a view of its own first row."""
    whole = objective.losses(model, X, rng=sk.rng(3))
    for start, stop in CUTS:
        part = X[start:stop]
        noise = rows_of(draw_for(objective, part, sk.rng(3), total=N), start, stop)
        np.testing.assert_allclose(objective.losses(model, part, noise=noise), whole[start:stop], rtol=1e-12)


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
@pytest.mark.parametrize("objective", LOSSES, ids=[f"{i}" for i in range(len(LOSSES))])
def test_the_mean_over_any_number_of_parts_is_the_loss_of_the_whole(objective, pieces):
    noise, total = draw_for(objective, X, sk.rng(4)), 0.0
    for k in range(pieces):
        start, stop = N * k // pieces, N * (k + 1) // pieces
        loss = loss_of(objective, model, X[start:stop], rows_of(noise, start, stop))
        total += float(loss) * (stop - start) / N
    np.testing.assert_allclose(total, objective(model, X, rng=sk.rng(4)), rtol=1e-12)


@pytest.mark.parametrize("objective", LOSSES, ids=[f"{i}" for i in range(len(LOSSES))])
def test_a_draw_looks_at_no_value_and_has_the_samples_first(objective):
    noise = objective.draw(np.full((N, 2), np.nan), rng=0)
    again = objective.draw(np.zeros((N, 2)), rng=0)
    for one, other in zip(noise or (), again or (), strict=True):
        assert one.shape[0] == N
        np.testing.assert_array_equal(one, other)


def test_strata_are_one_in_each_interval():
    assert sorted(np.floor(strata(sk.rng(1), N) * N)) == list(range(N))


def test_a_plain_function_has_a_seed_for_each_sample():
    def objective(model, x, rng):
        return np.mean(model(x + rng.normal(x.shape)))

    noise = draw_for(objective, X, sk.rng(0))
    assert loss_of(objective, model, X, noise) == loss_of(objective, model, X, noise)
    assert len(set(noise.values.tolist())) == N
    assert loss_of(objective, model, X[2:], rows_of(noise, 2, N)) != loss_of(objective, model, X[2:], noise)


def test_a_plain_function_that_takes_no_condition_says_how_to_write_it():
    objective = lambda model, x, rng: np.mean(model(x))  # noqa: E731
    with pytest.raises(TypeError, match=r"takes none.*objective\(model, x, rng, condition=None\)"):
        loss_of(objective, model, X, draw_for(objective, X, sk.rng(0)), condition=np.zeros(N))


class Short(NamedTuple):
    z: object


class ShortNoise(sk.objectives.ScoreObjective):
    """Draws for one sample too few."""

    def draw(self, x, rng=None):
        return Short(np.zeros((len(x) - 1, 2)))

    def _losses(self, score, x, noise):
        return score(x).sum(axis=1)


def test_noise_of_another_number_of_samples_is_refused():
    with pytest.raises(sk.ShapeError, match=r"ShortNoise.draw returned .*\(6, 2\).* for 7 samples: expected arrays"):
        ShortNoise()(model, X, rng=0)
    objective = sk.objectives.DenoisingScoreMatching(0.1)
    with pytest.raises(sk.ShapeError, match=r"noise has .*\(7, 2\).* for 3 samples"):
        objective(model, X[:3], noise=objective.draw(X, rng=0))
    with pytest.raises(TypeError, match="expected a NamedTuple"):
        objective(model, X, noise=np.zeros_like(X))
    with pytest.raises(ValueError, match="both rng and noise"):
        objective(model, X, rng=0, noise=objective.draw(X, rng=0))
