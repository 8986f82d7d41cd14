"""Weights and models that would give a wrong loss without a word."""

import copy
import pickle

import numpy as np
import pytest

import scorekit as sk

X = np.random.default_rng(0).normal(size=(6, 2))
GAUSSIAN = sk.distributions.Gaussian([0.0, 0.0], 1.0)
LEVELS = sk.noise.Geometric(1.0, 0.1, 3)


def score(x, sigma=None):
    return -2 * x


def in_place(x, sigma=None):
    x *= -2
    return x


def loss_with(weights):
    return sk.objectives.ExplicitScoreMatching(GAUSSIAN)(score, X, weights=weights)


@pytest.mark.parametrize("weights", [1.0, True, [1.0] * 6, np.ones(6, complex), np.array(["a"] * 6), -np.ones(6)])
def test_weights_that_are_refused(weights):
    with pytest.raises(sk.ScorekitError):
        loss_with(weights)


def test_huge_weights_do_not_overflow():
    assert float(loss_with(np.full(6, 1e308))) == pytest.approx(float(loss_with(None)))


@pytest.mark.parametrize("bad", [lambda s: -s, lambda s: np.nan * s, lambda s: 1j * s, lambda s: np.array(["a"] * 6)])
def test_weightings_that_are_refused(bad):
    with pytest.raises(sk.ScorekitError, match="weighting returned"):
        sk.objectives.NoiseConditional(LEVELS, bad).losses(score, X, rng=0)


def test_a_weighting_of_another_type_keeps_that_of_the_data():
    for weighting in (lambda s: np.ones(6, int), lambda s: np.ones(6)):
        objective = sk.objectives.NoiseConditional(LEVELS, weighting)
        assert objective.losses(score, X.astype(np.float32), rng=0).dtype == np.float32


@pytest.mark.parametrize(
    "measure",
    [
        lambda model, x: sk.objectives.ExplicitScoreMatching(GAUSSIAN)(model, x),
        lambda model, x: sk.objectives.DenoisingScoreMatching(0.5, "control")(model, x, rng=0),
        lambda model, x: sk.metrics.score_error(model, GAUSSIAN, x).esm,
        lambda model, x: sk.models.denoise(model, x, 0.5).sum(),
    ],
)
def test_a_model_that_writes_into_its_input_changes_neither_data_nor_result(measure):
    x = X.copy()
    assert float(measure(in_place, x)) == float(measure(score, X))
    assert np.array_equal(x, X)


@pytest.mark.parametrize("sigma", [None, 0.5, np.full(6, 0.5)])
def test_explicit_score_matching_compares_and_hashes_whatever_its_level(sigma):
    objective = sk.objectives.ExplicitScoreMatching(GAUSSIAN, sigma)
    for other in (copy.deepcopy(objective), pickle.loads(pickle.dumps(objective))):
        assert other == objective
        assert hash(other) == hash(objective)
    assert objective != sk.objectives.ExplicitScoreMatching(GAUSSIAN, 0.7)


def test_a_flag_that_is_no_flag():
    with pytest.raises(sk.InvalidValueError, match="unknown variance_reduced 'no'"):
        sk.objectives.SlicedScoreMatching(variance_reduced="no")
