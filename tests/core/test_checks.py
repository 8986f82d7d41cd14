"""The checks at the door that every room shares: what is no number, name, path or weight."""

import functools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import scorekit as sk
from scorekit import _arrays, _checks
from scorekit._score import score_function


@pytest.mark.parametrize("value", ["0.5", b"1", True, np.True_, None, [1.0, 2.0], 1j, {}, np.ones(3)])
def test_what_is_no_number(value):
    with pytest.raises(sk.InvalidTypeError, match="width must be a positive number"):
        _checks.check_positive(value, "width")


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, 10**400, -(10**400), 1e-320, 1e308])
def test_numbers_out_of_range(value):
    with pytest.raises(sk.InvalidValueError, match="width must be positive and finite"):
        _checks.check_positive(value, "width")


@pytest.mark.parametrize("value", [2, 0.5, np.float32(0.5), np.array(2.0), Fraction(1, 3), np.int64(3)])
def test_numbers_of_every_kind(value):
    assert _checks.check_positive(value, "width") == float(value)


def test_counts_that_no_array_can_have():
    with pytest.raises(sk.InvalidValueError, match="n must be at most"):
        sk.distributions.Gaussian([0.0], 1.0).sample(10**30)


@pytest.mark.parametrize("value", [np.ones(3), np.zeros(2, dtype=[("a", float)]), ["exact"], 1, {}])
def test_an_option_that_is_no_name(value):
    with pytest.raises(sk.InvalidValueError, match="unknown trace"):
        sk.objectives.ImplicitScoreMatching(trace=value)


@pytest.mark.parametrize("value", [None, 3, [], b"x", ""])
def test_what_is_no_path(value):
    with pytest.raises(sk.ScorekitError, match="out is"):
        _checks.check_path(value, "out")
    assert _checks.check_path("a/b", "out") == Path("a/b")


@pytest.mark.parametrize("sigma", [np.ones(4, complex), np.array(["a"] * 4), np.ones(4, object)])
def test_levels_that_are_no_numbers(sigma):
    with pytest.raises(sk.InvalidTypeError, match="sigma has dtype"):
        _arrays.as_sigma(sigma, np.ones((4, 2)))


@pytest.mark.parametrize("like", [np.ones(2, int), np.ones(2, complex), np.array(["a"])])
def test_draws_like_what_holds_no_floats(like):
    with pytest.raises(sk.InvalidTypeError, match="expected a real floating dtype"):
        sk.distributions.Gaussian([0.0], 1.0).sample(3, rng=0, like=like)


def test_a_class_and_a_function_of_nothing_are_no_models():
    for model, said in ((dict, "the class dict"), (lambda: 0, "takes no argument")):
        with pytest.raises(sk.InvalidTypeError, match=said):
            sk.objectives.DenoisingScoreMatching(0.5)(model, np.ones((3, 2)), rng=0)


@pytest.mark.parametrize("seed", ["abc", 1.5, -1, object(), {}])
def test_what_is_no_seed(seed):
    with pytest.raises(sk.ScorekitError, match="the seed is"):
        sk.rng(seed)


@pytest.mark.parametrize("name", [[], {}, np.ones(3), None])
def test_what_is_no_name_of_a_backend(name):
    with pytest.raises(sk.InvalidValueError, match="unknown backend"):
        sk.backend(name)


@pytest.mark.parametrize("wrap", [functools.lru_cache, functools.partial], ids=["lru_cache", "partial"])
def test_wrappers_of_one_class_take_sigma_where_what_they_wrap_does(wrap):
    """The place of sigma is remembered for a class of objects, but not where each wraps a function of its own."""
    alone, leveled = (
        score_function(wrap(lambda x: 2 * x)),
        score_function(wrap(lambda x, sigma: sigma * x)),
    )
    assert alone(3.0, 5.0) == 6.0
    assert leveled(3.0, 5.0) == 15.0


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 2])
def test_one_level_among_many_that_is_none_is_refused(wrong, place):
    sigma = np.array([0.1, 1.0, 10.0])
    assert _arrays.as_sigma(sigma, np.ones((3, 2))) is sigma
    sigma[place] = wrong
    with pytest.raises(sk.InvalidValueError, match=f"positive and finite, got values from .*{wrong}"):
        _arrays.as_sigma(sigma, np.ones((3, 2)))
