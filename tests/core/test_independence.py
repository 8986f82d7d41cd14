"""Equal int seeds in two public functions give independent numbers."""

from __future__ import annotations

import itertools
import types

import numpy as np
import pytest

import scorekit as sk
from support.takers import CALLS, WITHOUT_DRAWS, by_design, public_modules, takers

_DRAWS = 2000
_LIMIT = 5.0  # a pair fails by chance with probability 6e-7: with fresh seeds 0.2 % of runs of some 3,000 pairs
_TABLE = "tests/support/takers.py, CALLS"


@pytest.fixture
def opened(monkeypatch):
    """The streams that backends opened, each as it was at the start."""
    found = []
    for name in (name for name, installed in sk.backends().items() if installed):
        kind = type(sk.backend(name))

        def rng(self, seed=None, _rng=kind.rng):
            stream = _rng(self, seed)
            copy = _rng(self, 0)
            copy.restore(stream.state())
            found.append((self, copy))
            return stream

        monkeypatch.setattr(kind, "rng", rng)
    return found


def _available():
    installed = {f"scorekit_{name}" for name, there in sk.backends().items() if there}
    return [name for name in CALLS if not name.startswith("scorekit_") or name.partition(".")[0] in installed]


def test_every_public_function_that_takes_rng_is_tested():
    missing = takers(public_modules()) - set(CALLS) - WITHOUT_DRAWS
    assert not missing, f"add a line to {_TABLE}, for each of {sorted(missing)}: how to call it with rng=0."


def test_every_line_of_the_table_is_a_public_function():
    assert {*_available(), *WITHOUT_DRAWS} - takers(public_modules()) == {"rng"}  # the argument of sk.rng is a seed


def test_the_search_finds_functions_classes_and_methods():
    class Takes:
        def __init__(self, rng=None):
            pass

        def draw(self, rng):
            pass

        def look(self):
            pass

    module = types.SimpleNamespace(__name__="scorekit.room", __all__=["Takes", "f", "g"])
    module.Takes, module.f, module.g = Takes, lambda n, *, rng=0: n, lambda n: n
    assert takers([module]) == {"room.Takes", "room.Takes.draw", "room.f"}


def _same_source(one, other):
    return one != other and by_design(one) == by_design(other)


def _dependent(named):
    """The pairs of (name, numbers) whose correlation is too large, each with its z-score."""
    found = []
    for (one, a), (other, b) in itertools.combinations(named, 2):
        n = min(len(a), len(b))
        z = np.corrcoef(a[:n], b[:n])[0, 1] * n**0.5
        if abs(z) >= _LIMIT and not _same_source(one, other):
            found.append((one, other, round(float(z), 1)))
    return found


def test_streams_of_equal_ints_in_different_functions_are_independent(opened):
    named = []
    for name in _available():
        opened.clear()
        CALLS[name](0)
        assert opened, f"{name} made no stream of rng=0: is its line in {_TABLE} right?"
        starts = {str(stream): (owner, stream) for owner, stream in opened}  # validation opens its own again and again
        named += [(name, owner.to_numpy(stream.normal((_DRAWS,)))) for owner, stream in list(starts.values())]
    assert _dependent(named) == []


def _standardized(numbers):
    """Without the means and scales of their columns, which are the law's and not the draws'; one after the other."""
    rows = np.asarray(numbers, dtype=float).reshape(len(numbers), -1)
    rows = rows[:, rows.std(axis=0) > 0]
    return ((rows - rows.mean(axis=0)) / rows.std(axis=0)).ravel()


def test_results_of_equal_ints_in_different_functions_are_uncorrelated():
    results = [(name, CALLS[name](0)) for name in _available()]
    named = [(name, _standardized(numbers)) for name, numbers in results if numbers is not None]
    assert min(len(numbers) for _, numbers in named) >= 200
    assert _dependent(named) == []


def test_the_check_finds_two_functions_that_share_their_draws():
    a, b = (sk.distributions.Gaussian(np.zeros(2), scale * np.eye(2)).sample(200, rng=0).ravel() for scale in (1, 2))
    assert [pair[:2] for pair in _dependent([("a", a), ("b", b)])] == [("a", "b")]


# ---------------------------------------------------------------- what sharing did


def _z(values, expected):
    """The z-score of the mean of independent values."""
    return (np.mean(values) - expected) / (np.std(values) / len(values) ** 0.5)


def test_the_denoising_loss_of_data_with_the_same_seed_is_that_of_independent_noise():
    """The best model of N(0, I₄) at sigma = ½ leaves E ½|−.8 x + 1.6 z|² = 2 (.64 + 2.56) = 6.4; z = x gives 1.28."""
    x = sk.rng(0).normal((20_000, 4)), sk.distributions.Gaussian(np.zeros(4), np.eye(4)).sample(20_000, rng=0)
    objective = sk.objectives.DenoisingScoreMatching(0.5)
    for data in x:
        assert abs(_z(objective.losses(lambda x, sigma: -x / (1 + sigma**2), data, rng=0), 6.4)) < _LIMIT


def test_a_start_and_a_chain_of_the_same_seed_are_independent():
    """From N(0, 10²) one step of 6 on N(0, 15 I) leaves .8² · 100 + 6 = 70; with one z for both (8 + √6)² = 109."""
    start = sk.samplers.initial([10.0], (4000, 1, 5, 5), rng=0)
    x = sk.samplers.Langevin(6.0, 1).sample(lambda x: -x / 15, start, rng=0).x
    assert abs(_z(x.ravel() ** 2, 70.0)) < _LIMIT


@pytest.mark.parametrize("name", sorted(name for name, installed in sk.backends().items() if installed))
def test_the_weights_of_a_network_are_not_the_data_of_its_seed(name):
    from scorekit.registry import provided

    backend, width = sk.backend(name), 2000
    network = provided(name, "MLP")(2, hidden=(width,), conditional=False, dtype="float64", rng=0)
    first = network.parameters()
    weights = first["layers.0.weight"] if isinstance(first, dict) else next(iter(first))
    data = sk.rng(0, like=backend.asarray(np.zeros(1))).normal((width, 2))
    pair = [("weights", backend.to_numpy(weights).ravel()), ("data", backend.to_numpy(data).ravel())]
    assert _dependent(pair) == []
