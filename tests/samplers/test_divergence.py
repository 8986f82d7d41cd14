"""A chain that leaves the finite numbers stops, and the message tells what happened and what to change."""

from __future__ import annotations

import re

import numpy as np
import pytest

import scorekit as sk
from scorekit.samplers import AnnealedLangevin, Langevin


def _message(sampler, model, x0, rng=0):
    with pytest.raises(sk.DivergedError) as caught:
        sampler.sample(model, x0, rng=rng)
    return str(caught.value)


def _suggested(message):
    return float(re.search(r"try step_size=([\d.e+-]+)\.", message).group(1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(30, 2), (1, 2), (6, 3, 8, 8)])
@pytest.mark.parametrize("v", [0.01, 1.0, 25.0])
def test_the_limit_is_four_over_the_curvature(dtype, shape, v):
    """x + e/2 s with s = -x/v multiplies by 1 - e/(2v): stable below e = 4v, where L = 1/v."""
    x0 = np.random.default_rng(0).normal(size=shape).astype(dtype)
    message = _message(Langevin(12 * v, 1000), lambda x: -x / v, x0)
    assert re.match(r"too far away at step \d+ of 1000 \(step size [\d.]+, \d+ of \d+ chains, largest score ", message)
    curvature = float(
        re.search(r"below 4/L, L the largest curvature \(about ([\d.e+]+) at the start\)", message).group(1)
    )
    assert curvature == pytest.approx(1 / v, rel=0.02)
    suggested = _suggested(message)
    assert 0.3 * v < suggested < 0.7 * v
    assert np.isfinite(Langevin(suggested, 2000).sample(lambda x: -x / v, x0, rng=0).x).all()


def test_the_curvature_is_the_largest_one():
    scales = np.array([1.0, 4.0, 100.0])
    message = _message(Langevin(1.0, 1000), lambda x: -scales * x, np.zeros((4, 3)))
    assert "about 100 at the start" in message
    assert _suggested(message) == pytest.approx(0.005)


def test_the_curvature_is_that_of_the_steepest_chain():
    def two_wells(x):  # of curvature 1 around 0 and 9 around 10
        return np.where(x < 5, -x, -9 * (x - 10))

    assert "about 9 at the start" in _message(Langevin(8.0, 1000), two_wells, np.array([[0.0], [10.0], [0.1]]))


def test_just_below_the_limit_is_stable_and_just_above_is_not():
    x0 = np.ones((10, 2))
    assert np.isfinite(Langevin(3.7, 5000).sample(lambda x: -x, x0, rng=0).x).all()
    assert "of 20000" in _message(Langevin(4.3, 20000), lambda x: -x, x0)


def _norms(sampler, score, x0):
    """The largest norm at the start and after each step until the driver stops, and its message."""
    norms = [np.linalg.norm(x0, axis=1).max()]
    try:
        for state in sampler.iterate(score, x0, rng=0):
            norms.append(np.linalg.norm(state.x, axis=1).max())
    except sk.DivergedError as error:
        return norms, str(error)
    return norms, ""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(("step_size", "sign", "factor"), [(4.2, -1, 1.1), (0.1, 1, 1.05)])
def test_a_chain_that_is_finite_and_far_away_is_stopped_at_once(dtype, unit, step_size, sign, factor):
    """A step multiplies by ``factor``: the last state before the error is within that factor of 10⁶ times the scale."""
    x0 = unit * np.random.default_rng(0).normal(size=(20, 2)).astype(dtype)
    norms, message = _norms(Langevin(step_size * unit**2, 3000), lambda x: sign * x / unit**2, x0)
    assert f"too far away at step {len(norms)} of 3000 (step size " in message
    scale = max(norms[0], norms[1], np.sqrt(2 * step_size) * unit)
    assert 1e6 / factor / 1.01 < norms[-1] / scale < 1e6 * 1.0001
    growth = float(re.search(r"norms have grown to ([\d.e+]+) times the scale of start and noise", message).group(1))
    assert 1e6 <= growth <= 1e6 * factor * 1.01


def test_a_score_of_the_wrong_sign_is_named():
    message = _message(Langevin(0.1, 2000), lambda x: x, np.ones((5, 2)))
    assert message.startswith("too far away at step ")
    assert (
        "the score points outward, away from high density, and grows by 1 per unit of length: check its sign" in message
    )


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("mean", [0.0, 1e9])
def test_good_runs_that_travel_far_are_left_alone(scale, mean):
    """A start at 0, and data that are far away or wide, in any unit."""
    x = Langevin(0.5 * scale**2, 100).sample(lambda x: (mean * scale - x) / scale**2, np.zeros((20, 2)), rng=0).x
    assert np.allclose(x, mean * scale, rtol=0, atol=max(8 * scale, 1e-9 * mean * scale))
    levels = sk.noise.Geometric(1e8, 1e-3, 400)
    x0 = sk.samplers.initial(levels, (20, 2), rng=0)
    assert abs(sk.samplers.ConsistentAnnealed(levels).sample(lambda x, s: -x / s**2, x0, rng=0).x).max() < 1e-6


def test_growth_of_one_chain_among_many_is_seen():
    x0 = np.ones((1000, 2))
    x0[17] = 1e3  # beyond 500, the score pushes outwards
    message = _message(Langevin(0.1, 2000), lambda x: np.where(abs(x) > 500, x, -x), x0)
    assert ", 1 of 1000 chains," in message


class TestJustBelowTheLimit:
    @pytest.mark.parametrize("share", [0.955, 0.97, 0.99])
    @pytest.mark.parametrize("scales", [[1.0], [1.0, 25.0], [9.0, 0.1, 2.0]])
    def test_warns_once_with_the_excess_variance(self, share, scales):
        precision, chains = np.array(scales), np.zeros((200, len(scales)))
        step_size = 4 * share / precision.max()
        with pytest.warns(RuntimeWarning) as caught:
            x = Langevin(step_size, 3000).sample(lambda x: -precision * x, chains, rng=0).x
        [warning] = caught
        words = str(warning.message)
        assert warning.filename == __file__
        assert f"is {share:.1%} of 4/L, L the largest curvature (about {precision.max():.3g})" in words
        excess = float(re.search(r"= ([\d.e+]+) times that of the density", words).group(1))
        assert excess == pytest.approx(1 / (1 - share), rel=0.01)
        # 200 chains: 9.65 sqrt(2/200) is 97 %, the excess itself is a factor of 22 and more
        assert excess / 2.5 < x[:, precision.argmax()].var() * precision.max() < 2.5 * excess
        offered, factor = re.search(r"with step_size=([\d.e+-]+) it is ([\d.]+) times", words).groups()
        assert float(factor) == pytest.approx(1 / (1 - float(offered) * precision.max() / 4), rel=0.01)

    @pytest.mark.parametrize("unit", [1e-60, 1e-20, 1e20, 1e60])
    def test_in_any_unit(self, unit):
        with pytest.warns(RuntimeWarning, match=r"is 97\.0% of 4/L"):
            Langevin(3.88 * unit**2, 3000).sample(lambda x: -x / unit / unit, np.zeros((200, 2)), rng=0)

    @pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.94])
    def test_other_steps_do_not_warn(self, share):  # warnings are errors in this suite
        Langevin(4 * share, 1000).sample(lambda x: -x, np.zeros((200, 1)), rng=0)
        Langevin(4 * share, 1000).sample(lambda x: -x, np.zeros((1, 3)), rng=0)

    def test_without_the_suspicion_the_model_is_not_asked(self):
        stats = Langevin(0.1, 500).sample(lambda x: 5.0 - x, np.zeros((20, 192)), rng=0).stats
        assert stats["evaluations"].tolist() == stats["step"].tolist()

    def test_a_score_that_points_outward_somewhere_is_no_reason(self):
        """Between two far wells the largest eigenvalue is positive, 97 % of 4 / step_size; the chains stay bounded."""
        asked = []

        def wells(x):
            asked.append(None)
            return np.where(abs(x) < 10, 3.88 * x, -x)

        x = Langevin(1.0, 100).sample(wells, np.linspace(-9, 9, 50)[:, None], rng=0).x
        assert abs(x).max() < 40
        assert len(asked) == 113  # it was suspected, and asked


def test_the_step_is_the_first_one_and_the_chains_are_counted():
    def model(x):  # chain 1 and 3 are pushed over the edge at their third evaluation
        model.calls += 1
        s = -x
        if model.calls == 3:
            s[[1, 3]] = np.inf
        return s

    model.calls = 0
    message = _message(Langevin(0.1, 7), model, np.ones((5, 2)))
    assert message.startswith("non-finite at step 3 of 7 (step size 0.1, 2 of 5 chains, largest score ")
    assert "The model returned NaN or infinity for 2 chains at finite points" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(5, 2), (5, 3, 8, 8)])
def test_a_single_bad_entry_stops_the_run(bad, shape):
    def model(x):
        s = -x
        s.reshape(-1)[3] = bad  # a copy for a strided answer: so write by index as well
        s[2, ..., 1] = bad
        return s

    for run in (Langevin(0.1, 7).sample, lambda *a, **k: list(Langevin(0.1, 7).iterate(*a, **k))):
        with pytest.raises(sk.DivergedError, match="non-finite at step 1 of 7"):
            run(model, np.ones(shape), rng=0)


def test_a_divergence_in_the_last_denoising_step_is_seen():
    calls = []

    def model(x, sigma):
        calls.append(sigma)
        return -x if len(calls) < 3 else np.full_like(x, np.nan)

    message = _message(AnnealedLangevin([2.0, 1.0], 1, 0.1), model, np.ones((5, 2)))
    assert message.startswith("non-finite at step 3 of 3 (level 2 of 2, sigma 1, 5 of 5 chains")


@pytest.mark.parametrize("bad_level", [0, 1, 2])
def test_an_annealed_chain_names_its_level(bad_level):
    sigmas = [4.0, 1.0, 0.25]
    steep = {sigma: 60.0 if i == bad_level else 1.0 for i, sigma in enumerate(sigmas)}
    step_size = 0.2 * 0.25**2  # at each level the step is 0.2 sigma², the curvature 1/sigma², or 60 times that

    def model(x, sigma):
        return -x * steep[sigma] / sigma**2

    sampler = AnnealedLangevin(sigmas, 600, step_size)
    message = _message(sampler, model, np.ones((5, 2)))
    first = 1 + 600 * bad_level
    step = int(re.match(r"too far away at step (\d+) of 1801", message).group(1))
    assert first < step < first + 600
    assert f"(level {bad_level + 1} of 3, sigma {sigmas[bad_level]:g}, step size " in message
    # the advice is about the sampler's own step_size, so it is the same at every level: 4/60 sigma² / 8
    assert _suggested(message) == pytest.approx(0.25**2 * 4 / 60 / 8, rel=0.3)
    assert np.isfinite(AnnealedLangevin(sigmas, 600, _suggested(message)).sample(model, np.ones((5, 2)), rng=0).x).all()


def test_a_score_that_grows_faster_than_linearly():
    """The curvature at the start promises stability, and the message says that it is not enough."""

    def model(x):  # x³ beyond 1.9, but bounded so that it does not overflow before the position does
        return -x * np.where(np.abs(x) > 1.9, np.minimum(9 * x**2, 1e30), 1.0)

    message = _message(Langevin(0.5, 1000), model, np.zeros((50, 2)))
    assert "The step is below 4/L, L the largest curvature (about 1 at the start)" in message
    assert _suggested(message) == 0.05
    message = _message(Langevin(0.5, 1000), lambda x: -(x**3), 5 * np.ones((5, 2)))
    assert "(about 75 at the start): try step_size=0.007." in message  # 4 / 75 / 8
    message = _message(Langevin(0.5, 1000), lambda x: -x * np.exp(x**2), np.ones((5, 2)))  # overflows in the score
    assert re.search(r"The model returned NaN or infinity for \d chains? at finite points|stable below 4/L", message)
    assert "try " in message


@pytest.mark.parametrize("step_size", [100.0, 10.0])
def test_when_the_chain_exploded_before_the_model_overflowed_the_step_is_to_blame(step_size):
    """U = 2 (x² - 1)² + y²/2: the score overflows at points that the chain was thrown to; L is 8 at the modes."""

    def well(x):
        return np.stack([-8 * x[:, 0] * (x[:, 0] ** 2 - 1), -x[:, 1]], axis=1)

    start = np.tile([1.1, 0.0], (50, 1))
    message = _message(Langevin(step_size, 1000), well, start)
    assert "Langevin is stable below 4/L" in message
    assert np.isfinite(Langevin(_suggested(message), 1000).sample(well, start, rng=0).x).all()


def test_a_large_but_finite_batch_is_not_a_divergence():
    """The sum of squares over all chains overflows in float32 although each chain is well."""
    x0 = np.full((1000, 2), 1e18, np.float32)
    x = Langevin(0.1, 3).sample(np.zeros_like, x0, rng=0).x
    assert (x == x0).all()


def test_the_advice_survives_a_model_that_refuses_to_be_asked_again():
    def model(x):
        model.calls += 1
        if model.calls > 4:
            raise RuntimeError("no more")
        return -x if model.calls < 4 else x * np.inf

    model.calls = 0
    assert "try 0.01" in _message(Langevin(0.1, 7), model, np.ones((5, 2)))


def test_overflow_does_not_warn_before_it_raises():
    # warnings are errors in this suite: numpy's own would come first
    _message(Langevin(0.5, 50), lambda x: -np.exp(x * x), np.ones((5, 2), np.float32))


def test_the_post_mortem_leaves_the_callers_stream_alone():
    rng, twin = sk.rng(0), sk.rng(0)
    with pytest.raises(sk.DivergedError):
        Langevin(9.0, 1000).sample(lambda x: np.where(x > 1e3, np.nan, -x), np.ones((5, 2)), rng=rng)
    draws = 0
    while twin.state() != rng.state():
        twin.normal((2, 5))
        draws += 1
        assert draws < 1000


def test_the_error_is_a_scorekit_error_and_a_runtime_error():
    assert issubclass(sk.DivergedError, sk.ScorekitError)
    assert issubclass(sk.DivergedError, RuntimeError)
