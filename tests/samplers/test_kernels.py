"""Kernels of a user's own: what the driver calls, when, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import Custom, Gaussian
from scorekit.samplers import Inpaint, Langevin, gather, sample_blocks
from scorekit.samplers.kernels import (
    Kernel,
    Linear,
    Row,
    Rows,
    Step,
    denoising_row,
    langevin_row,
    linear_row,
    linear_schedule,
)


def run(kernel, rows, x0=None, model=lambda x, sigma: -x, **options):
    x0 = np.ones((5, 2)) if x0 is None else x0
    return Custom((kernel,), rows).sample(model, x0, rng=0, **options)


@dataclass(frozen=True, eq=False)
class Telling(Kernel):
    """Writes down its calls; counts steps in its state."""

    name: str
    calls: list = field(default_factory=list)

    def init(self, x, row, context):
        self.calls.append((self.name, "init", row.sigma))
        return np.zeros(2)

    def enter(self, x, state, row, context):
        self.calls.append((self.name, "enter", row.sigma))
        return state + np.array([0, 1])

    def step(self, x, state, row, context):
        self.calls.append((self.name, "step", row.sigma))
        return Step(
            x + 1.0, state + np.array([1, 0]), info={"steps": state[0] + 1, "levels": state[1] * np.ones(len(x))}
        )


class TestCalls:
    def test_init_once_and_enter_at_each_level(self):
        kernel = Telling("a")
        rows = [Row(2.0, 2.0), Row(2.0, 2.0), Row(2.0, 1.0), Row(1.0, 1.0, 1), Row(1.0, 1.0, 1)]
        stats = run(kernel, rows, keep_every=1).stats
        expected = ["init", "enter", "step", "step", "enter", "step", "enter", "step", "step"]
        assert [what for _, what, _ in kernel.calls] == expected
        assert [sigma for _, what, sigma in kernel.calls if what == "enter"] == [2.0, 2.0, 1.0]
        assert stats["steps"].tolist() == [1, 2, 3, 4, 5]  # the state lives for the whole run
        assert stats["levels"].tolist() == [1, 1, 2, 3, 3]
        assert np.isnan(stats["score_norm"]).all()

    def test_without_levels_it_is_entered_once(self):
        kernel = Telling("a")
        run(kernel, Rows(3, lambda k: Row()))
        assert [what for _, what, _ in kernel.calls] == ["init", "enter", "step", "step", "step"]

    def test_each_kernel_keeps_its_state_while_others_move(self):
        calls = []
        kernels = (Telling("a", calls), Telling("b", calls))
        stats = Custom(kernels, [Row(kernel=k) for k in (0, 1, 1, 0)]).sample(Gaussian(), np.ones((5, 2)), rng=0).stats
        assert [name + what[0] for name, what, _ in calls] == ["ai", "ae", "as", "bi", "be", "bs", "bs", "ae", "as"]
        assert stats["steps"].tolist() == [1, 1, 2, 2]

    def test_the_first_init_is_called_at_once_by_iterate(self):
        kernel = Telling("a")
        states = Custom((kernel,), [Row(sigma=3.0)]).iterate(lambda x, sigma: -x, np.ones((5, 2)))
        assert kernel.calls == [("a", "init", 3.0)]
        assert len(list(states)) == 1

    def test_a_kernel_sees_rows_of_plain_numbers(self):
        for sampler in (
            Langevin(0.1, 3),
            sk.samplers.AnnealedLangevin(np.array([2.0, 1.0], np.float32), 2, np.float64(0.1)),
            sk.samplers.ConsistentAnnealed(np.array([2.0, 1.0], np.float32), np.float32(0.75)),
        ):
            for row in sampler.schedule().rows:
                assert {type(row.sigma), type(row.sigma_next)} <= {float, type(None)}
                assert {type(v) for v in (row.step_size, *row.numbers)} == {float}
                assert type(row.level) is type(row.kernel) is int

    def test_levels_that_follow(self):
        rows = sk.samplers.ConsistentAnnealed([4.0, 2.0, 1.0], steps_per_level=2).schedule().rows
        assert [row.sigma_next for row in rows[:-1]] == [row.sigma for row in rows[1:]]
        assert rows[-1].sigma_next == 0.0
        assert {row.sigma_next for row in sk.samplers.AnnealedLangevin([2.0], 3, 0.1, False).schedule().rows} == {2.0}


def test_a_schedule_without_rows():
    with pytest.raises(sk.ScorekitError, match="the schedule has no rows: expected one for each step"):
        run(Attraction(), [])


class TestRows:
    def test_they_are_a_sequence(self):
        rows = Rows(5, lambda k: Row(level=k))
        assert [row.level for row in rows] == [row.level for row in rows[:]] == list(range(5))
        assert rows[-1].level == 4
        assert [row.level for row in rows[1:4:2]] == [1, 3]
        with pytest.raises(IndexError):
            rows[5]

    @pytest.mark.parametrize(
        "sampler",
        [
            Langevin(0.1, 10**9),
            sk.samplers.AnnealedLangevin([2.0, 1.0], 10**9, 0.1),
            sk.samplers.ConsistentAnnealed([2.0, 1.0], steps_per_level=10**9),
            Inpaint(Langevin(0.1, 10**9), True, 0.0),
        ],
    )
    def test_a_billion_steps_are_no_list(self, sampler):
        schedule = sampler.schedule()
        assert len(schedule) >= 10**9
        assert isinstance(schedule.rows[-2], Row)
        assert np.isfinite(next(sampler.iterate(Gaussian(), np.ones((2, 2)), rng=0)).x).all()


class TestLinear:
    @pytest.mark.parametrize("shape", [(5, 2), (4, 3, 8, 8)])
    def test_the_three_numbers(self, shape):
        x0 = np.random.default_rng(0).normal(size=shape)
        sampler = Custom((Linear(), Linear(noise=False)), [linear_row(0.5, 0.25, 2.0), linear_row(-0.5, 3.0, 0.0)])
        rng = sk.rng(3)
        x = sampler.sample(lambda x: 1.0 - x, x0, rng=sk.rng(3)).x
        small = np.prod(shape[1:]) <= 16
        z = np.moveaxis(rng.normal((*shape[1:], shape[0])), -1, 0) if small else rng.normal(shape)
        expected = 0.5 * x0 + 0.25 * (1.0 - x0) + 2.0 * z
        expected = -0.5 * expected + 3.0 * (1.0 - expected)
        assert np.allclose(x, expected, rtol=0, atol=1e-14)

    def test_no_noise_is_drawn_without_need(self):
        used, twin = sk.rng(3), sk.rng(3)
        rows = [denoising_row(0.5), linear_row(1.0, 0.1, 0.0, 0.5)]
        sampler = Custom(linear_schedule(rows).kernels, rows)
        sampler.sample(Gaussian(), np.ones((5, 2)), rng=used)
        assert used.state() == twin.state()


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclass(frozen=True, eq=False)
class Scripted(Kernel):
    """States and positions that are handed in, one after the other."""

    states: Any
    positions: Any = None
    at: list = field(default_factory=lambda: [0])

    def init(self, x, row, context):
        return self.states[0]

    def step(self, x, state, row, context):
        self.at[0] += 1
        return Step(x if self.positions is None else self.positions(x), self.states[self.at[0]], None)


class Entering(Scripted):
    def enter(self, x, state, row, context):
        return self.states[1]


Z = np.zeros


@pytest.mark.parametrize(
    ("kernel", "error", "words"),
    [
        (
            Scripted([Z(2), Z(3)]),
            ValueError,
            r"the state of Scripted had shape \(2,\) before a step and \(3,\) after it",
        ),
        (Scripted([Z(2), Z(2), Z(1)]), ValueError, r"shape \(2,\) before a step and \(1,\)"),
        (Scripted([*[Z(2)] * 5, Z(1)]), ValueError, r"shape \(2,\) before a step and \(1,\)"),
        (Scripted([Z(2), Z(2, np.float32)]), TypeError, "dtype float64 before a step and float32 after it"),
        (Scripted([None, Z(2)]), TypeError, "were none before a step and the state after it.*Make all of them in init"),
        (Scripted([Pair(Z(2), 1), Pair(Z(4), 1)]), ValueError, r"the state\['a'\] of Scripted had shape \(2,\)"),
        (Scripted([{"h": [Z(2)]}, {"h": [Z(2), Z(2)]}]), TypeError, r"\['h'\]\[0\], the state\['h'\]\[1\] after"),
        (Entering([Z(2), Z(3), Z(3)]), ValueError, r"the state of Entering had shape \(2,\)"),
        (
            Scripted([0, 0], lambda x: x[:1]),
            ValueError,
            r"step of Scripted returned x of shape \(1, 5\): expected \(2, 5\)",
        ),
        (
            Scripted([0, 0], lambda x: x.astype(np.float32)),
            TypeError,
            "returned x of dtype float32: expected .* float64",
        ),
    ],
)
def test_a_state_that_changes_its_shape(kernel, error, words):
    with pytest.raises(error, match=words) as caught:
        run(kernel, [Row()] * 6)
    assert isinstance(caught.value, sk.ScorekitError)


@dataclass(frozen=True)
class Result(Kernel):
    """Returns what ``make(x)`` returns."""

    make: Any

    def step(self, x, state, row, context):
        return self.make(x)


def test_a_step_returns_a_step():
    with pytest.raises(TypeError, match=r"a step of Result returned a numpy.ndarray .*expected a Step\(x, state\)"):
        run(Result(lambda x: x), [Row()])


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_what_a_step_tells_may_be_booleans_and_integers(framework):
    x0 = np.ones((4, 2))
    if framework == "torch":
        x0 = pytest.importorskip("torch").tensor(x0)

    def make(x):
        xp = sk.array_namespace(x)
        return Step(
            x, None, info={"accepted": xp.asarray([True, True, True, False]), "tries": xp.asarray([1, 2, 2, 5])}
        )

    stats = run(Result(make), [Row()], x0).stats
    assert (stats["accepted"].item(), stats["tries"].item()) == (0.75, 2.5)


def test_what_a_step_tells_has_names_of_its_own():
    with pytest.raises(ValueError, match="info of a step has 'sigma', which the driver records itself"):
        run(Result(lambda x: Step(x, None, info={"sigma": 1.0})), [Row()])


def test_inpainting_refuses_a_kernel_that_remembers():
    class Remembering(Telling):
        pass

    sampler = Inpaint(Custom((Remembering("a"),), [Row()]), False, 0.0)
    with pytest.raises(TypeError, match=r"Remembering keeps a state.*expected a kernel without one"):
        sampler.sample(lambda x, sigma: -x, np.ones((5, 2)))


def test_states_that_may_change():
    for states in (
        [0, 1, 2.5],
        [Pair(Z(2), None), Pair(Z(2) + 1, 3), Pair(Z(2), np.float64(2))],
        [np.float64(1), 2, 3],
    ):
        run(Scripted(states), [Row()] * 2)


def test_a_divergence_without_advice_of_its_own():
    with pytest.raises(sk.DivergedError, match=r"too far away at step 8 of 9 \(5 of 5 chains\).*Check that the score"):
        run(Scripted([None] * 99, lambda x: 10 * x), [Row()] * 9)


@pytest.mark.parametrize(("sigma", "step_size", "scale"), [(None, np.nan, 1e-2), (3.0, 0.04, 6.0), (0.5, 25.0, 10.0)])
def test_the_scale_of_a_run_is_that_of_start_first_step_or_noise(sigma, step_size, scale):
    """From norms of 1e-3, multiplied by 10 each step, in 4 dimensions: sigma · 2, sqrt(step size) · 2, or 1e-2."""
    row, x0 = Row(sigma, sigma, step_size=step_size), np.full((5, 4), 0.5e-3)
    sampler = Custom((Scripted([None] * 99, lambda x: 10 * x),), [row] * 50)
    steps = int(np.floor(np.log10(1e6 * scale / 1e-3) + 1e-9)) + 1  # the first one beyond
    with pytest.raises(sk.DivergedError, match=f"too far away at step {steps} of 50"):
        sampler.sample(lambda x, sigma: -x, x0)


@dataclass(frozen=True)
class Attraction(Kernel):
    """Each chain moves to the mean of all."""

    interacts = True

    def step(self, x, state, row, context):
        points = context.batch_first(x)
        mean = context.xp.mean(points, axis=0, keepdims=True)
        return Step(context.batch_last(points + 0.5 * (mean - points)), state)


class TestInteraction:
    def test_the_kernel_is_handed_all_chains(self):
        x0 = np.random.default_rng(0).normal(size=(6, 2))
        x = run(Attraction(), [Row()] * 40, x0).x
        assert np.allclose(x, x0.mean(axis=0))

    def test_blocks_would_be_other_samples(self):
        sampler = Inpaint(Custom((Attraction(),), [Row()]), False, 0.0)

        def start(n, rng):
            return rng.normal((n, 2))

        with pytest.raises(ValueError, match=r"chains of Inpaint interact, .*expected one block, block=25"):
            sample_blocks(sampler, lambda x: -x, start, 25, 0, block=10)
        assert gather(sample_blocks(sampler, lambda x: -x, start, 25, 0, block=25)).x.shape == (25, 2)


def test_langevin_rows_are_the_ones_of_langevin():
    sampler = Custom((Linear(),), [langevin_row(0.1)] * 5)
    x0 = np.ones((5, 2))
    ways = [each.sample(Gaussian(), x0, rng=sk.rng(1)).x for each in (sampler, Langevin(0.1, 5))]
    assert np.array_equal(*ways)
