"""What the driver promises for every sampler, whatever its kernel."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import Gaussian
from scorekit.protocols import Sampler
from scorekit.samplers import AnnealedLangevin, ConsistentAnnealed, Inpaint, Langevin, Samples, State

SAMPLERS = [
    pytest.param(Langevin(0.1, 7), id="langevin"),
    pytest.param(AnnealedLangevin([2.0, 0.5], 3, 0.1), id="annealed"),
    pytest.param(AnnealedLangevin([2.0, 1.0, 0.5], 1, 0.1, denoise=False), id="one step a level"),
    pytest.param(ConsistentAnnealed([2.0, 1.0, 0.5], steps_per_level=2), id="consistent"),
    pytest.param(Inpaint(AnnealedLangevin([2.0, 0.5], 3, 0.1), False, 0.0), id="inpaint"),
]
TOTAL = {7: 7, 3: 7, 1: 3, 2: 5}
SHAPES = [(6, 1), (6, 2), (1, 3), (6, 17), (4, 3, 8, 8)]


def _total(sampler):
    inner = getattr(sampler, "sampler", sampler)
    return TOTAL[getattr(inner, "steps", None) or inner.steps_per_level]


def _start(shape, dtype=float):
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestArrays:
    def test_the_result_is_like_the_start(self, sampler, shape, dtype):
        x0 = _start(shape, dtype)
        samples = sampler.sample(Gaussian(), x0, rng=0, keep_every=2)
        assert isinstance(samples, Samples)
        assert samples.x.shape == shape
        assert samples.x.dtype == samples.trajectory.dtype == dtype
        assert type(samples.x) is np.ndarray
        assert samples.x.flags.c_contiguous
        assert samples.trajectory.flags.c_contiguous

    def test_the_start_is_neither_changed_nor_shared(self, sampler, shape, dtype):
        x0 = _start(shape, dtype)
        kept = x0.copy()
        x0.flags.writeable = False
        samples = sampler.sample(Gaussian(), x0, rng=0)
        assert np.array_equal(x0, kept)
        assert not np.shares_memory(samples.x, x0)

    def test_the_same_seed_is_the_same_chain(self, sampler, shape, dtype):
        x0 = _start(shape, dtype)
        runs = [sampler.sample(Gaussian(), x0, rng=r).x for r in (3, np.int64(3), 4, sk.rng(3), sk.rng(3))]
        assert np.array_equal(runs[0], runs[1])
        assert np.array_equal(runs[3], runs[4])
        assert not np.any((runs[0] == runs[2]) | (runs[0] == runs[3]))

    def test_iterate_is_sample(self, sampler, shape, dtype):
        x0 = _start(shape, dtype)
        samples = sampler.sample(Gaussian(), x0, rng=3, keep_every=1)
        states = list(sampler.iterate(Gaussian(), x0, rng=3))
        assert len(states) == _total(sampler)
        assert np.array_equal(np.stack([state.x for state in states]), samples.trajectory)
        assert [state.step for state in states] == samples.stats["step"].tolist()
        assert [state.level for state in states] == samples.stats["level"].tolist()

    def test_a_state_belongs_to_whoever_got_it(self, sampler, shape, dtype):
        x0 = _start(shape, dtype)
        expected = sampler.sample(Gaussian(), x0, rng=3).x
        for state in sampler.iterate(Gaussian(), x0, rng=3):
            last = state.x.copy()
            state.x[...] = np.nan
        assert np.array_equal(last, expected)

    def test_memory_order_of_the_start_does_not_matter(self, sampler, shape, dtype):
        x0 = _start(shape, dtype)
        expected = sampler.sample(Gaussian(), x0, rng=3).x
        for other in (np.asfortranarray(x0), np.repeat(x0, 2, axis=0)[::2], x0[::-1].copy()[::-1]):
            assert np.array_equal(sampler.sample(Gaussian(), other, rng=3).x, expected)


@pytest.mark.parametrize("sampler", SAMPLERS)
class TestSeparation:
    def test_a_chain_does_not_see_the_others(self, sampler):
        x0 = _start((6, 2))
        others = x0.copy()
        others[1:] = 100.0 * others[1:] + 7.0
        a, b = (sampler.sample(Gaussian(), start, rng=3).x for start in (x0, others))
        assert np.array_equal(a[0], b[0])
        assert not np.any(a[1:] == b[1:])

    @pytest.mark.parametrize("shape", [(6, 2), (6, 3, 8, 8)])
    def test_chains_with_their_noise_may_be_permuted(self, sampler, shape):
        order = np.array([3, 0, 5, 1, 4, 2])

        class Permuted:
            def __init__(self):
                self.inner = sk.rng(3)

            def normal(self, size, like=None):
                z = self.inner.normal(size, like)
                return z[order] if size[0] == 6 else z[..., order]

            rademacher = None

        x0 = _start(shape)
        straight = sampler.sample(Gaussian(), x0, rng=sk.rng(3)).x
        assert np.array_equal(sampler.sample(Gaussian(), x0[order], rng=Permuted()).x, straight[order])

    @pytest.mark.parametrize(("flat", "event"), [((6, 4), (6, 2, 2)), ((6, 192), (6, 3, 8, 8)), ((6, 16), (6, 1, 16))])
    def test_the_shape_of_an_event_does_not_matter(self, sampler, flat, event):
        x0 = _start(flat)
        a = sampler.sample(Gaussian(1.0, 0.3), x0, rng=3, keep_every=2)
        b = sampler.sample(Gaussian(1.0, 0.3), x0.reshape(event), rng=3, keep_every=2)
        assert np.array_equal(a.x, b.x.reshape(flat))
        assert np.array_equal(a.trajectory, b.trajectory.reshape(a.trajectory.shape))
        assert np.allclose(a.stats["score_norm"], b.stats["score_norm"])

    def test_global_random_state_is_left_alone(self, sampler):
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        sampler.sample(Gaussian(), np.zeros((3, 2)))
        assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002

    def test_without_a_seed_runs_differ(self, sampler):
        a, b = (sampler.sample(Gaussian(), np.zeros((3, 2))).x for _ in range(2))
        assert not np.any(a == b)


class TestModels:
    @pytest.mark.parametrize(
        "model",
        [
            lambda x: -x,
            lambda x, sigma: -x,
            lambda x, *, sigma=None: -x,
            lambda x, **rest: -x,
            lambda x: -np.ascontiguousarray(x),
            lambda x: -np.asfortranarray(x),
        ],
    )
    def test_any_signature_and_any_memory_order(self, model):
        x0 = _start((6, 2))
        expected = Langevin(0.1, 5).sample(Gaussian(), x0, rng=3).x
        assert np.allclose(Langevin(0.1, 5).sample(model, x0, rng=3).x, expected, rtol=0, atol=1e-14)

    @pytest.mark.parametrize("shape", [(6, 2), (1, 2), (4, 3, 8, 8)])
    def test_a_model_that_returns_its_input_or_its_own_buffer(self, shape):
        x0, buffer = _start(shape), np.empty(shape)

        def own_buffer(x):
            np.negative(x, out=buffer)
            return buffer

        expected = Langevin(0.1, 5).sample(lambda x: -x, x0, rng=3).x
        assert np.array_equal(Langevin(0.1, 5).sample(own_buffer, x0, rng=3).x, expected)
        expected = Langevin(0.1, 5).sample(lambda x: 1.0 * x, x0, rng=3).x
        assert np.array_equal(Langevin(0.1, 5).sample(lambda x: x, x0, rng=3).x, expected)

    @pytest.mark.parametrize("shape", [(6, 2), (1, 2), (4, 3, 8, 8)])
    def test_a_score_is_never_written_to(self, shape):
        constant = np.ones(shape)
        constant.flags.writeable = False
        Langevin(0.1, 5).sample(lambda x: constant, _start(shape), rng=0)

    def test_a_model_that_scribbles_on_its_input_is_refused_and_cannot_reach_the_start(self):
        for shape in ((1, 2), (6, 2), (4, 3, 8, 8)):
            x0 = np.zeros(shape)

            def scribble(x):
                x[...] = 5.0
                return -x

            with pytest.raises(sk.ScorekitError, match="the model changed x"):
                Langevin(0.1, 2).sample(scribble, x0, rng=0)
            assert not x0.any()

    def test_runs_without_a_tape_and_without_touching_numpys_settings(self):
        seen = []
        sampler = Langevin(0.1, 2)
        with np.errstate(over="raise"):
            for _ in sampler.iterate(lambda x: seen.append(np.geterr()["over"]) or -x, np.ones((2, 2)), rng=0):
                assert np.geterr()["over"] == "raise"
        assert seen == ["ignore"] * 2


class TestRecords:
    @pytest.mark.parametrize(
        ("every", "steps"),
        [(1, [1, 2, 3, 4, 5, 6, 7]), (2, [2, 4, 6, 7]), (3, [3, 6, 7]), (7, [7]), (np.int64(50), [7])],
    )
    @pytest.mark.parametrize("shape", [(6, 2), (3, 17), (3, 2, 2)])
    def test_what_is_kept(self, every, steps, shape):
        full = Langevin(0.1, 7).sample(Gaussian(), _start(shape), rng=0, keep_every=1)
        kept = Langevin(0.1, 7).sample(Gaussian(), _start(shape), rng=0, keep_every=every)
        assert kept.stats["step"].tolist() == steps
        assert kept.trajectory.shape == (len(steps), *shape)
        assert np.array_equal(kept.trajectory, full.trajectory[np.array(steps) - 1])
        assert np.array_equal(kept.trajectory[-1], kept.x)

    def test_nothing_is_kept_unless_asked(self):
        samples = Langevin(0.1, 5).sample(Gaussian(), _start((6, 2)), rng=0)
        assert samples.trajectory is None
        assert samples.stats["step"].tolist() == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("steps", [1, 7, 99, 100, 101, 150, 199, 250, 1000, 1001])
    def test_a_hundred_records_a_run_evenly_spaced(self, steps):
        stats = Langevin(0.1, steps).sample(Gaussian(), _start((2, 2)), rng=0).stats
        assert len(stats["step"]) == min(steps, 100)
        assert stats["step"][-1] == steps
        assert np.ptp(np.diff(stats["step"], prepend=0)) <= 1

    def test_statistics_of_an_annealed_run(self):
        x0 = _start((6, 2))
        model = Gaussian(1.0, 0.3)
        samples = AnnealedLangevin([2.0, 0.5], 2, 0.1).sample(model, x0, rng=0, keep_every=1)
        stats = samples.stats
        assert stats["step"].tolist() == stats["evaluations"].tolist() == [1, 2, 3, 4, 5]
        assert stats["level"].tolist() == [0, 0, 1, 1, 1]
        assert stats["sigma"].tolist() == [2.0, 2.0, 0.5, 0.5, 0.5]
        assert np.allclose(stats["step_size"], [1.6, 1.6, 0.1, 0.1, np.nan], equal_nan=True)
        where = np.concatenate([x0[None], samples.trajectory[:-1]])
        scores = (1.0 - where) / (0.3 + stats["sigma"][:, None, None] ** 2)
        assert np.allclose(stats["score_norm"], np.linalg.norm(scores, axis=-1).mean(axis=1))

    def test_statistics_of_a_plain_run(self):
        stats = Langevin(0.25, 3).sample(Gaussian(), np.ones((4, 3, 8, 8)), rng=0).stats
        assert np.isnan(stats["sigma"]).all()
        assert stats["step_size"].tolist() == [0.25] * 3
        assert stats["level"].tolist() == [0, 0, 0]
        assert stats["score_norm"][0] == pytest.approx(np.sqrt(192))
        assert set(stats) == {"step", "level", "sigma", "step_size", "score_norm", "evaluations"}

    @pytest.mark.parametrize("keep_every", [None, 3])
    def test_keeping_changes_nothing(self, keep_every):
        plain = Langevin(0.1, 7).sample(Gaussian(), _start((6, 2)), rng=0)
        kept = Langevin(0.1, 7).sample(
            Gaussian(), _start((6, 2)), rng=0, keep_every=keep_every, progress=True, callback=lambda state: None
        )
        assert np.array_equal(plain.x, kept.x)


class TestWatching:
    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_the_callback_sees_every_state(self, sampler):
        seen = []
        samples = sampler.sample(Gaussian(), _start((6, 2)), rng=3, callback=seen.append)
        assert all(isinstance(state, State) for state in seen)
        expected = list(sampler.iterate(Gaussian(), _start((6, 2)), rng=3))
        assert len(seen) == len(expected)
        for a, b in zip(seen, expected, strict=True):
            assert np.array_equal(a.x, b.x)
            assert a[1:4] == b[1:4]
        assert np.array_equal(seen[-1].x, samples.x)

    def test_an_error_in_the_callback_comes_out(self):
        def stop(state):
            if state.step == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Langevin(0.1, 7).sample(Gaussian(), _start((6, 2)), callback=stop, progress=True)

    def test_progress(self, capsys):
        AnnealedLangevin([2.0, 0.5], 3, 0.1).sample(Gaussian(), _start((6, 2)), rng=0, progress=True)
        out, err = capsys.readouterr()
        assert out == ""
        assert "AnnealedLangevin: 7/7 steps (100 %)" in err
        assert "sigma=0.5" in err

    def test_silence(self, capsys):
        Langevin(0.1, 3).sample(Gaussian(), _start((6, 2)), rng=0)
        assert capsys.readouterr() == ("", "")

    def test_a_generator_may_be_left(self):
        states = Langevin(0.1, 10**9).iterate(Gaussian(), _start((6, 2)), rng=0)
        assert [next(states).step for _ in range(3)] == [1, 2, 3]
        states.close()


def test_samplers_are_values():
    assert Langevin(0.1, 7) == Langevin(np.float64(0.1), np.int64(7))
    assert repr(Langevin(np.float64(0.1), 7)) == "Langevin(step_size=0.1, steps=7)"
    assert isinstance(Langevin(0.1, 7), Sampler)
    assert hash(AnnealedLangevin([2.0, 0.5], 3, 0.1)) == hash(AnnealedLangevin((2.0, 0.5), 3, 0.1))
    with pytest.raises(AttributeError):
        Langevin(0.1, 7).steps = 8


def test_a_numpy_number_for_a_step_size_does_not_widen_float32():
    for number in (np.float64(0.1), np.float32(0.1), np.array(0.1)):
        assert Langevin(number, 2).sample(Gaussian(), _start((6, 2), np.float32), rng=0).x.dtype == np.float32


def test_every_public_name_is_there():
    assert all(hasattr(sk.samplers, name) for name in sk.samplers.__all__)
    for module in [m for name, m in sys.modules.items() if name.startswith("scorekit.samplers.")]:
        assert all(hasattr(module, name) for name in module.__all__)


def test_samples_print_their_shapes():
    samples = Langevin(0.1, 4).sample(lambda x: -x, np.zeros((5, 2)), rng=0, keep_every=2)
    shown = repr(samples)
    assert shown.startswith("Samples(x of shape (5, 2), trajectory of shape (2, 5, 2), stats of step, level")
    assert len(shown) < 200
