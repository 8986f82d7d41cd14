"""Parameters of densities, levels and views that are refused."""

import numpy as np
import pytest

import scorekit as sk


@pytest.mark.parametrize(
    "value", [np.ma.masked_array([0.0, 1.0], [0, 1]), np.ones(2, complex), ["0", "1"], [10**400, 0], [[1], [2, 3]]]
)
def test_what_holds_no_real_numbers(value):
    with pytest.raises(sk.InvalidTypeError, match="mean must hold real numbers"):
        sk.distributions.Gaussian(value, 1.0)


def test_smoothed_checks_what_it_is_made_of():
    for base, sigma in ((None, 1.0), (sk.distributions.Banana(), -1.0), (sk.distributions.Banana(), "1")):
        with pytest.raises(sk.ScorekitError):
            sk.distributions.Smoothed(base, sigma)


@pytest.mark.parametrize("levels", [np.array(2.0), b"ba", np.array([2, 1], complex), ["2", "1"], (10**400, 1.0)])
def test_levels_that_are_refused(levels):
    with pytest.raises(sk.ScorekitError):
        sk.noise.as_levels(levels)
    with pytest.raises(sk.ScorekitError):
        sk.samplers.initial(levels, (3, 2), rng=0)


@pytest.mark.parametrize("mean", [None, "0", [0.0], 1j, np.nan, True])
def test_a_mean_of_log_levels_that_is_no_number(mean):
    with pytest.raises(sk.ScorekitError, match="mean must be"):
        sk.noise.LogNormal(mean, 1.0)


@pytest.mark.parametrize("value", [None, 1.0, (1, 2), [[0.0]]])
def test_an_energy_that_is_no_array(value):
    with pytest.raises(sk.ShapeError, match="energy returned a"):
        sk.models.EnergyModel(lambda x: value)(np.ones((3, 2)))
