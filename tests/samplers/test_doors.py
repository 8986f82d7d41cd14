"""What is refused at the door, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.samplers import AnnealedLangevin, ConsistentAnnealed, Inpaint, Langevin

GOOD = np.zeros((4, 2))


def score(x, sigma=None):
    return -x


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Langevin(0.1, 0), ValueError, "steps must be at least 1, got 0"),
        (lambda: Langevin(0.1, -3), ValueError, "steps must be at least 1, got -3"),
        (lambda: Langevin(0.1, 2.0), TypeError, "steps must be an integer, got 2.0"),
        (lambda: Langevin(0.1, True), TypeError, "steps must be an integer"),
        (lambda: Langevin(0.0, 1), ValueError, "step_size must be positive and finite, got 0.0"),
        (lambda: Langevin(-0.1, 1), ValueError, "step_size must be positive and finite, got -0.1"),
        (lambda: Langevin(float("nan"), 1), ValueError, "step_size must be positive and finite, got nan"),
        (lambda: Langevin(float("inf"), 1), ValueError, "step_size must be positive and finite, got inf"),
        (lambda: Langevin("fast", 1), TypeError, "step_size must be a positive number"),
        (lambda: AnnealedLangevin([1.0, 2.0], 1, 0.1), ValueError, "levels must descend.*sorted"),
        (lambda: AnnealedLangevin([1.0, 1.0], 1, 0.1), ValueError, "levels must descend"),
        (lambda: AnnealedLangevin([1.0, 0.0], 1, 0.1), ValueError, "noise level must be positive"),
        (lambda: AnnealedLangevin([], 1, 0.1), ValueError, "at least one level"),
        (lambda: AnnealedLangevin(3.0, 1, 0.1), TypeError, r"noise is 3.0: expected noise levels.*Geometric"),
        (lambda: AnnealedLangevin(sk.noise.LogUniform(2.0, 1.0), 1, 0.1), TypeError, "expected noise levels"),
        (lambda: AnnealedLangevin([2.0, 1.0], 0, 0.1), ValueError, "steps_per_level must be at least 1"),
        (lambda: AnnealedLangevin([2.0, 1.0], 1.5, 0.1), TypeError, "steps_per_level must be an integer"),
        (lambda: AnnealedLangevin([2.0, 1.0], 1, 0.0), ValueError, "step_size must be positive"),
        (lambda: AnnealedLangevin([2.0, 1.0], 1, float("nan")), ValueError, "step_size must be positive"),
        (lambda: AnnealedLangevin([2.0, 1.0], 1, 0.1, denoise="no"), ValueError, "denoise 'no': expected one of True"),
    ],
)
def test_bad_configuration(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert isinstance(caught.value, sk.ScorekitError)


CALLS = [
    ({"x0": np.zeros(4)}, ValueError, r"x0 has shape \(4,\).*x0\[:, None\]"),
    ({"x0": np.zeros((4, 2), int)}, TypeError, "x0 has dtype int64"),
    ({"x0": np.zeros((4, 2), complex)}, TypeError, "x0 has dtype complex128"),
    ({"x0": np.zeros((0, 2))}, ValueError, "x0 has shape .*at least one sample"),
    ({"x0": np.zeros((4, 0))}, ValueError, "x0 has shape .*at least one sample"),
    ({"x0": np.array([[0.0, np.nan], [1.0, 1.0]])}, ValueError, "x0 holds NaN or infinity in 1 of 2 rows"),
    ({"x0": np.array([[0.0, np.inf], [np.nan, 1.0]])}, ValueError, "in 2 of 2 rows"),
    ({"x0": [[0.0, 1.0]]}, TypeError, "is a list"),
    ({"model": 5}, TypeError, "model is a int: expected a function"),
    ({"model": None}, TypeError, "model is a NoneType: expected a function"),
    ({"rng": -1}, ValueError, "rng must be a non-negative seed, got -1"),
    ({"rng": 0.5}, TypeError, "rng is .*expected a scorekit Rng"),
    ({"rng": True}, TypeError, "rng is .*expected a scorekit Rng"),
    ({"rng": np.random.default_rng(0)}, TypeError, "rng is .*expected a scorekit Rng"),
]


@pytest.mark.parametrize("sampler", [Langevin(0.1, 3), AnnealedLangevin([2.0, 1.0], 1, 0.1)])
@pytest.mark.parametrize(("bad", "error", "words"), CALLS)
def test_bad_arguments_of_sample_and_iterate(sampler, bad, error, words):
    arguments = {"model": score, "x0": GOOD, "rng": 0, **bad}
    for run in (sampler.sample, sampler.iterate):  # iterate refuses at once, not at its first step
        with pytest.raises(error, match=words) as caught:
            run(**arguments)
        assert isinstance(caught.value, sk.ScorekitError)


LEVELS = [AnnealedLangevin([2.0, 1.0], 1, 0.1), ConsistentAnnealed([2.0, 1.0])]


@pytest.mark.parametrize("sampler", [*LEVELS, Inpaint(LEVELS[0], True, 0.0)])
@pytest.mark.parametrize("model", [lambda x: -x, lambda x, scale=2.0: -x, lambda x, *, scale=2.0: -x])
def test_levels_need_a_model_that_takes_sigma(sampler, model):
    words = f"function of x alone, and {type(sampler).__name__} needs.*use Langevin.*lambda x, sigma: model"
    for run in (sampler.sample, sampler.iterate):
        with pytest.raises(TypeError, match=words) as caught:
            run(model, GOOD, rng=0)
        assert isinstance(caught.value, sk.ScorekitError)


@pytest.mark.parametrize("sampler", LEVELS)
@pytest.mark.parametrize(
    "model",
    [score, lambda x, s: -x, lambda x, *, sigma: -x, lambda x, **rest: -x, lambda *args: -args[0]],
)
def test_every_way_to_take_sigma_is_one(sampler, model):
    assert np.array_equal(sampler.sample(model, GOOD, rng=0).x, sampler.sample(score, GOOD, rng=0).x)


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ({"keep_every": 0}, ValueError, "keep_every must be at least 1, got 0"),
        ({"keep_every": -1}, ValueError, "keep_every must be at least 1"),
        ({"keep_every": 1.5}, TypeError, "keep_every must be an integer"),
        ({"callback": 3}, TypeError, "callback is a int: expected a function"),
    ],
)
def test_bad_options_of_sample(bad, error, words):
    with pytest.raises(error, match=words):
        Langevin(0.1, 3).sample(score, GOOD, rng=0, **bad)


@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 8, 8)])
@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (lambda x: x[:, 0], ValueError, "a score has one entry per entry of x.*EnergyModel"),
        (lambda x: x[:1], ValueError, "model returned shape"),
        (lambda x: x[None], ValueError, "model returned shape"),
        (lambda x: x.astype(np.float32), TypeError, "model returned dtype float32 for x of dtype float64"),
        (lambda x: x.astype(int), TypeError, "model returned dtype int64"),
        (lambda x: None, TypeError, "model returned a NoneType"),
        (lambda x: x.tolist(), TypeError, "model returned a list"),
        (lambda x: 0.0, TypeError, "model returned a float"),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_bad_score_is_refused_at_whatever_step_it_comes(shape, answer, error, words, after):
    calls = []

    def model(x):
        calls.append(None)
        return -x if len(calls) <= after else answer(x)

    with pytest.raises(error, match=words):
        Langevin(0.1, 6).sample(model, np.ones(shape), rng=0)
    assert len(calls) == after + 1


@pytest.mark.parametrize(
    ("normal", "error", "words"),
    [
        (lambda shape: np.zeros((9, 9)), ValueError, r"rng.normal returned shape \(9, 9\)"),
        (lambda shape: np.zeros(shape, np.float32), TypeError, "rng.normal returned dtype float32"),
        (lambda shape: [0.0], TypeError, "is a list"),
    ],
)
@pytest.mark.parametrize("after", [0, 2])
def test_a_bad_draw_is_refused(normal, error, words, after):
    class Rng:
        calls = 0
        rademacher = None

        def normal(self, shape, like=None):
            self.calls += 1
            return np.zeros(shape) if self.calls <= after else normal(shape)

    with pytest.raises(error, match=words):
        Langevin(0.1, 6).sample(score, GOOD, rng=Rng())
