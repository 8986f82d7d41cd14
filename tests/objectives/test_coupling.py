"""The watch on rows that depend on each other: where a trace is taken for all rows at once they must not."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.noise import Geometric
from scorekit.objectives import ImplicitScoreMatching, NoiseConditional, SlicedScoreMatching

X = np.random.default_rng(0).normal(size=(6, 2))


def loss(model, x=X):
    return ImplicitScoreMatching()(model, x)


def rolled(x):
    """Row i depends on row i − 1."""
    return -x + sk.array_namespace(x).roll(x, 1, axis=0)


def cumulated(x):
    """Row i depends on the rows before it: row 0 on itself alone."""
    return -sk.array_namespace(x).cumulative_sum(x, axis=0)


def last_two(x):
    """Rows 4 and 5 depend on each other, and no other rows."""
    xp = sk.array_namespace(x)
    return -xp.concat([x[:4], x[4:5] + x[5:6], x[4:5] - x[5:6]], axis=0)


def every_fourth(x):
    """Row 0 depends on row 4: they differ in one bit of their number."""
    xp = sk.array_namespace(x)
    return -xp.concat([x[:1] + x[4:5], x[1:]], axis=0)


def second_on_first(x):
    """Row 1 depends on row 0, and nothing else."""
    return -sk.array_namespace(x).concat([x[:1], x[1:2] + x[:1], x[2:]], axis=0)


def first_on_second(x):
    """Row 0 depends on row 1, and nothing else."""
    return -sk.array_namespace(x).concat([x[:1] + x[1:2], x[1:]], axis=0)


def faintly(x):
    """Row i depends on row i − 1, a hundred thousand times less than on itself."""
    return -x - 1e-5 * sk.array_namespace(x).roll(x, 1, axis=0)


ROWS = [rolled, cumulated, last_two, every_fourth, second_on_first, first_on_second, faintly]


@pytest.mark.parametrize("model", ROWS)
def test_a_dependence_is_found_wherever_it_is(model):
    with pytest.raises(ValueError, match="changes with the other samples"):
        loss(model)


@pytest.mark.parametrize("model", [lambda x: 0 * x, lambda x: 0 * x + 3.0, lambda x: -x, lambda x: x**3])
def test_rows_that_are_independent_pass(model):
    """A score that is constant reaches nothing: not itself, and not other rows."""
    assert np.isfinite(loss(model))


def test_one_row_decides_nothing():
    """The first call was with one row; the second, with more, still looks."""

    def centered(x):
        return -x + sk.array_namespace(x).mean(x, axis=0)

    loss(centered, X[:1])
    with pytest.raises(ValueError, match="changes with the other samples"):
        loss(centered)


@pytest.mark.parametrize("around", [lambda net: net, lambda net: sk.models.Preconditioned(net, 1.0, "none")])
def test_a_part_that_is_switched_to_training_is_noticed(around):
    """The mode of the whole module stays as it was: the batch normalization inside is switched alone."""
    torch = pytest.importorskip("torch")
    norm = torch.nn.BatchNorm1d(2, dtype=torch.float64)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2, dtype=torch.float64), norm).eval()
    model, x = around(net), torch.tensor(X)
    for _ in range(2):
        assert torch.isfinite(SlicedScoreMatching()(model, x, rng=0))
    norm.train()
    with pytest.raises(ValueError, match="changes with the other samples"):
        SlicedScoreMatching()(model, x, rng=0)
    norm.eval()
    assert torch.isfinite(SlicedScoreMatching()(model, x, rng=0))


def test_two_models_of_one_class_are_told_apart():
    class Mixing:
        def __init__(self, mixes):
            self.mixes = mixes

        def __call__(self, x, sigma=None):
            return -x + (sk.array_namespace(x).mean(x, axis=0) if self.mixes else 0)

    assert np.isfinite(loss(Mixing(False)))
    with pytest.raises(ValueError, match="changes with the other samples"):
        loss(Mixing(True))


def test_a_small_mixture_of_levels_is_found():
    """The score of a row changes by some percent with the levels of the other rows."""

    def mixed(x, sigma):
        return -x / (1 + 0.01 * sk.array_namespace(x).mean(sigma))

    objective = NoiseConditional(Geometric(10.0, 0.1, 5))
    with pytest.raises(ValueError, match="Align sigma with the batch axis"):
        objective(mixed, X, rng=0)
    assert np.isfinite(objective(lambda x, sigma: -x / (1 + 0.01 * sk.expand(sigma, x)), X, rng=0))


def test_rows_that_depend_on_each_other_at_one_level_too_are_not_blamed_on_sigma():
    """Denoising takes no trace: a model of the whole batch is allowed there."""

    def centered(x, sigma):
        return (sk.array_namespace(x).mean(x, axis=0) - x) / sk.expand(sigma, x)

    assert np.isfinite(NoiseConditional(Geometric(10.0, 0.1, 5))(centered, X, rng=0))
