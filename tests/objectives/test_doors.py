"""What an objective refuses, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit._catalogue import OBJECTIVES
from scorekit.noise import Geometric
from scorekit.objectives import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    ImplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)

X = np.random.default_rng(0).normal(size=(6, 2))
EVERY = [entry.examples()[0] for entry in OBJECTIVES]


def score(x, sigma=None):
    return -x


@pytest.mark.parametrize("objective", EVERY, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (X[:, 0], sk.ShapeError, r"x has shape \(6,\): expected \(n, …\).*x\[:, None\]"),
        (np.array(1.0), sk.ShapeError, r"x has shape \(\)"),
        (np.float64(1.0), TypeError, r"x is np.float64\(1.0\): expected at least one array"),
        (X[:0], sk.ShapeError, "at least one sample"),
        (np.ones((3, 2), int), TypeError, r"x has dtype int64: expected a real floating.*astype\(float\)"),
        (np.ones((3, 2), complex), TypeError, "complex128"),
        (np.where(X > 1, np.nan, X), ValueError, r"NaN or infinity in \d of 6 rows"),
        (np.where(X > 1, np.inf, X), ValueError, "NaN or infinity"),
        (X.tolist(), TypeError, "is a list.*numpy.asarray"),
        (np.ma.masked_array(X), TypeError, "MaskedArray"),
        (None, TypeError, "x is None: expected"),
    ],
    ids=["1-D", "0-D", "scalar", "empty", "integers", "complex", "nan", "inf", "list", "masked", "none"],
)
def test_bad_data(objective, x, error, words):
    with pytest.raises(error, match=words) as caught:
        objective(score, x, rng=0)
    assert isinstance(caught.value, sk.ScorekitError)


@pytest.mark.parametrize("objective", EVERY, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (lambda x, s=None: x.sum(axis=1), sk.ShapeError, r"model returned shape \(6,\) for x.*EnergyModel"),
        (lambda x, s=None: x[:, :1], sk.ShapeError, r"shape \(6, 1\)"),
        (lambda x, s=None: x.astype(np.float32), TypeError, "model returned dtype float32 for x of dtype float64"),
        (lambda x, s=None: None, TypeError, "model returned a NoneType"),
        (3.0, TypeError, "model is a float: expected a function"),
    ],
    ids=["energy", "column", "float32", "none", "number"],
)
def test_bad_models(objective, model, error, words):
    with pytest.raises(error, match=words):
        objective(model, X, rng=0)


@pytest.mark.parametrize("objective", EVERY, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.ones(5), r"weights have shape \(5,\) for 6 samples"),
        (np.ones((6, 1)), r"weights have shape \(6, 1\)"),
        (np.array([1, 1, 1, 1, 1, -0.1]), "not negative, the smallest is -0.1"),
        (np.full(6, np.nan), "finite"),
        (np.zeros(6), "weights sum to zero"),
    ],
    ids=["short", "column", "negative", "nan", "zero"],
)
def test_bad_weights(objective, weights, words):
    with pytest.raises(ValueError, match=words):
        objective(score, X, rng=0, weights=weights)


@pytest.mark.parametrize("rng", ["0", 1.5, True, np.random.default_rng(0)])
def test_bad_randomness(rng):
    with pytest.raises(TypeError, match="expected a scorekit Rng, an int seed or None"):
        SlicedScoreMatching()(score, X, rng=rng)


def test_a_negative_seed():
    with pytest.raises(ValueError, match="non-negative seed, got -1"):
        SlicedScoreMatching()(score, X, rng=-1)


@pytest.mark.parametrize("objective", [ImplicitScoreMatching(), SlicedScoreMatching()], ids=["ism", "ssm"])
@pytest.mark.parametrize("centered", ["mean", "std"])
def test_models_that_couple_the_batch_are_refused_where_a_trace_is_taken(objective, centered):
    def batch_norm(x):
        xp = sk.array_namespace(x)
        return x - xp.mean(x, axis=0) if centered == "mean" else x / xp.std(x, axis=0)

    with pytest.raises(ValueError, match=r"rows that are independent.*Batch normalization"):
        objective(batch_norm, X, rng=0)
    with pytest.raises(ValueError, match=r"independent"):  # a second time too
        objective(batch_norm, X, rng=0)
    assert np.isfinite(DenoisingScoreMatching(0.1)(batch_norm, X, rng=0))


def test_a_model_that_starts_to_couple_rows_is_noticed_by_its_mode():
    class Switching:
        training = False

        def __call__(self, x, sigma=None):
            return -x + (sk.array_namespace(x).mean(x, axis=0) if self.training else 0)

    model = Switching()
    ImplicitScoreMatching()(model, X)
    model.training = True
    with pytest.raises(ValueError, match="independent"):
        ImplicitScoreMatching()(model, X)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DenoisingScoreMatching(0.0), "sigma must be positive and finite, got 0.0. For noiseless data use"),
        (lambda: DenoisingScoreMatching(-1.0), "sigma must be positive"),
        (lambda: DenoisingScoreMatching(float("nan")), "sigma must be positive and finite, got nan"),
        (lambda: DenoisingScoreMatching(0.1, "controlled"), "unknown variance_reduction 'controlled'.*'antithetic'"),
        (lambda: ImplicitScoreMatching("Exact"), "unknown trace 'Exact': expected one of 'exact', 'hutchinson'"),
        (lambda: ImplicitScoreMatching("hutchinson", 0), "probes must be at least 1, got 0"),
        (lambda: SlicedScoreMatching(projections=-2), "projections must be at least 1"),
        (lambda: SlicedScoreMatching(distribution="normal"), "unknown distribution 'normal'.*'gaussian'"),
        (lambda: NoiseConditional(Geometric(1.0, 0.1, 3), "sigma"), "unknown weighting 'sigma'.*'sigma2'"),
        (lambda: NoiseConditional(Geometric(1.0, 0.1, 3), "edm"), "needs sigma_data"),
        (lambda: NoiseConditional(Geometric(1.0, 0.1, 3), sigma_data=1.0), 'used by weighting "edm" only'),
    ],
)
def test_bad_options(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DenoisingScoreMatching("small"), "sigma must be a positive number"),
        (lambda: ImplicitScoreMatching("hutchinson", 1.5), "probes must be an integer"),
        (lambda: NoiseConditional([1.0, 0.1]), "noise is a list: expected noise levels or a distribution of them"),
        (lambda: ExplicitScoreMatching(3.0), "target is a float: expected a distribution"),
    ],
)
def test_options_of_the_wrong_kind(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_a_weighting_that_returns_the_wrong_shape():
    objective = NoiseConditional(Geometric(1.0, 0.1, 3), weighting=lambda s: 1.0)
    with pytest.raises(sk.ShapeError, match="weighting returned a float"):
        objective(score, X, rng=0)


def test_sigma_of_an_explicit_objective():
    with pytest.raises(sk.ShapeError, match=r"sigma has shape \(3,\) for x of shape \(6, 2\)"):
        ExplicitScoreMatching(score, sigma=np.ones(3))(score, X)
    with pytest.raises(ValueError, match=r"sigma must be positive and finite, got values from 0\.0 to 1\.0"):
        ExplicitScoreMatching(score, sigma=np.linspace(0, 1, 6))(score, X)


def test_objectives_are_values():
    assert DenoisingScoreMatching(0.1, "control") == DenoisingScoreMatching(0.1, "control")
    assert repr(SlicedScoreMatching()) == (
        "SlicedScoreMatching(projections=1, distribution='rademacher', variance_reduced=True)"
    )
    with pytest.raises(AttributeError):
        DenoisingScoreMatching(0.1).sigma = 0.2
    for objective in EVERY:
        assert isinstance(objective, sk.Objective)


@pytest.mark.parametrize("objective", EVERY, ids=lambda o: type(o).__name__)
def test_float32_stays_float32(objective):
    losses = objective.losses(score, X.astype(np.float32), rng=0)
    assert losses.dtype == np.float32
    assert objective(score, X.astype(np.float32), rng=0).dtype == np.float32


def test_a_result_in_the_place_of_what_it_holds():
    samples = sk.samplers.Langevin(0.1, 2).sample(score, X, rng=0)
    with pytest.raises(TypeError, match=r"is a scorekit\.Samples.*Pass the array in it: samples\.x"):
        SlicedScoreMatching()(score, samples)
    with pytest.raises(TypeError, match=r"model is a scorekit\.Gaussian.*Pass its \.score"):
        SlicedScoreMatching()(sk.distributions.Gaussian([0.0, 0.0], 1.0), X)


def test_a_bound_default_is_not_a_place_for_sigma():
    scale = 2.0
    bound = DenoisingScoreMatching(0.3)(lambda x, a=scale: -a * x, X, rng=0)
    assert bound == DenoisingScoreMatching(0.3)(lambda x, sigma: -2.0 * x, X, rng=0)


def test_models_of_x_alone_and_with_keyword_sigma_are_called_as_they_are_written():
    seen = []

    def keyword(x, *, sigma):
        seen.append(sigma)
        return -x

    plain = DenoisingScoreMatching(0.3)(lambda x: -x, X, rng=0)
    assert DenoisingScoreMatching(0.3)(keyword, X, rng=0) == plain
    assert seen == [0.3]


@pytest.mark.parametrize("model", [lambda x: -x, lambda x, a=2.0: -a * x])
def test_levels_need_a_model_that_takes_sigma(model):
    with pytest.raises(TypeError, match=r"x alone, and NoiseConditional.*DenoisingScoreMatching\(sigma\)") as caught:
        NoiseConditional(Geometric(1.0, 0.1, 3))(model, X, rng=0)
    assert isinstance(caught.value, sk.ScorekitError)


class ColumnLosses(DenoisingScoreMatching):
    """Returns a column of losses."""

    def _losses(self, score, x, noise):
        return super()._losses(score, x, noise)[:, None]


def test_losses_of_another_shape():
    with pytest.raises(
        sk.ShapeError, match=r"ColumnLosses\._losses returned .*for 6 samples: expected \(6,\), one loss"
    ):
        ColumnLosses(0.5)(score, X, rng=0)
