"""What the numpy backend and its network refuse, and the rarer float types."""

import numpy as np
import pytest

import scorekit as sk
from scorekit_numpy import MLP


@pytest.mark.parametrize("value", ["abc", {}, [[1], [2, 3]], 1j, np.ones(2, complex), np.ma.masked_array([1.0], [1])])
def test_what_is_no_array_of_numbers(value):
    with pytest.raises(sk.InvalidTypeError, match="cannot make an array"):
        sk.backend("numpy").asarray(value, like=np.ones(2))


def test_like_must_be_an_array():
    with pytest.raises(sk.InvalidTypeError, match="like is a str"):
        sk.backend("numpy").asarray(1.0, like="abc")


@pytest.mark.parametrize(
    "options", [{"hidden": None}, {"hidden": 3}, {"hidden": "ab"}, {"conditional": "no"}, {"dtype": "abc"}]
)
def test_networks_that_are_refused(options):
    with pytest.raises(sk.ScorekitError):
        MLP(2, **options)


@pytest.mark.parametrize("x", [None, 1.0, np.ones(2), np.empty((0, 2)), np.ones((3, 5))])
def test_inputs_of_a_network_that_are_refused(x):
    network = MLP(2, hidden=(4,))
    for use in (network, network.divergence):
        with pytest.raises(sk.ScorekitError):
            use(x, 0.5)


@pytest.mark.parametrize("parameters", [None, [], {"a": 1}])
def test_parameters_that_are_refused(parameters):
    with pytest.raises(sk.ScorekitError):
        MLP(2, hidden=(4,)).with_parameters(parameters)


def test_draws_keep_the_rarer_float_types():
    dtype = np.longdouble
    x0 = np.ones((4, 2), dtype)
    assert sk.samplers.Langevin(0.1, 2).sample(lambda x: -x, x0, rng=0).x.dtype == dtype
    assert sk.objectives.DenoisingScoreMatching(0.5).losses(lambda x, sigma: -x, x0, rng=0).dtype == dtype
