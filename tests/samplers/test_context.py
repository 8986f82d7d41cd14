"""What the context gives a kernel: scores, log-densities, random numbers, sums and orders of axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import CHAINS, SEED, Custom, assert_law
from scorekit.samplers import Langevin
from scorekit.samplers.kernels import Context, Kernel, Row, Step


@dataclass(frozen=True)
class Metropolis(Kernel):
    """A random walk that accepts with probability min(1, p(x') / p(x))."""

    def init(self, x, row, context):
        return context.event_sum(0.0 * x)

    def enter(self, x, state, row, context):
        return context.log_prob(x, row.sigma)

    def step(self, x, state, row, context):
        proposal = x + row.step_size**0.5 * context.normal()
        there = context.log_prob(proposal, row.sigma)
        accepted = context.xp.log(1.0 - context.uniform()) < there - state
        where = context.xp.where
        x = where(context.align(accepted), proposal, x)
        return Step(x, where(accepted, there, state), info={"acceptance": context.xp.astype(accepted, x.dtype)})


class TestContext:
    @pytest.mark.parametrize("event", [(2,), (3, 6)])
    @pytest.mark.parametrize("sigma", [None, 1.5])
    def test_an_exact_kernel_leaves_the_law_of_a_density_alone(self, event, sigma):
        """Started from the target, each step is from the target: log_prob, uniform, align and enter are right."""
        d, v = int(np.prod(event)), 0.5

        def energy(x, sigma):
            return 0.5 * ((x - 1.0) ** 2).sum(axis=(1, 2)) / (v + (0.0 if sigma is None else sigma**2))

        model = sk.models.EnergyModel(energy)
        if event == (2,):
            model = sk.distributions.Gaussian(np.full(d, 1.0), v * np.eye(d))
        variance = v + (0.0 if sigma is None else sigma**2)
        n = CHAINS if d == 2 else 2 * CHAINS // d
        x0 = 1.0 + np.sqrt(variance) * sk.rng([SEED, 8]).normal((n, *event))
        row = Row(sigma, sigma, step_size=2.0 * variance / d)
        samples = Custom((Metropolis(),), [row] * 6).sample(model, x0, rng=SEED)
        assert_law(samples.x.reshape(n, -1), 1.0, variance)
        assert 0.2 < samples.stats["acceptance"].mean() < 0.8
        assert np.mean(samples.x == x0) < 0.5

    def test_a_density_is_sampled_as_its_score(self):
        density, x0 = sk.distributions.Gaussian([0.0, 1.0], [[1.0, 0.5], [0.5, 2.0]]), np.ones((5, 2))
        for sampler in (Langevin(0.1, 5), sk.samplers.AnnealedLangevin([2.0, 1.0], 2, 0.1)):
            assert np.array_equal(sampler.sample(density, x0, rng=0).x, sampler.sample(density.score, x0, rng=0).x)

    def test_a_model_without_a_density(self):
        sampler = Custom((Metropolis(),), [Row(step_size=0.1)])
        sampler.sample(sk.models.EnergyModel(lambda x: (x**2).sum(axis=1)), np.ones((5, 2)), rng=0)
        with pytest.raises(TypeError, match=r"model is a function without log_prob.*EnergyModel\(U\)") as caught:
            sampler.sample(lambda x: -x, np.ones((5, 2)), rng=0)
        assert isinstance(caught.value, sk.ScorekitError)

    def test_log_prob_is_checked(self):
        class Model:
            def __call__(self, x, sigma=None):
                return -x

            def log_prob(self, x):
                return x

        context = Context(Model(), np.ones((5, 2)), 0)
        with pytest.raises(ValueError, match=r"log_prob returned \(5, 2\).*expected \(5,\)"):
            context.log_prob(context.copy_in(context.x0))
        with pytest.raises(TypeError, match="function of x alone, and the sampler needs its log-density at a noise"):
            context.log_prob(context.copy_in(context.x0), 0.5)

    def test_calls_are_counted(self):
        stats = (
            Custom((Metropolis(),), [Row(step_size=0.1)] * 3)
            .sample(sk.distributions.Gaussian([0.0], [[1.0]]), np.ones((5, 1)), rng=0)
            .stats
        )
        assert stats["evaluations"].tolist() == [2, 3, 4]

    @pytest.mark.parametrize("shape", [(5, 2), (4, 3, 8, 8)])
    def test_orders_of_axes(self, shape):
        x0 = np.random.default_rng(0).normal(size=shape)
        context = Context(lambda x: -x, x0, 0)
        x = context.batch_last(x0)
        assert np.array_equal(context.batch_first(x), x0)
        assert x.shape == ((2, 5) if shape == (5, 2) else shape)
        assert np.allclose(context.event_sum(x), x0.reshape(len(x0), -1).sum(axis=1))
        first = np.arange(float(len(x0)))
        assert np.array_equal(
            context.batch_first(context.align(first) * x), first.reshape(-1, *[1] * (x0.ndim - 1)) * x0
        )
        assert context.normal().shape == x.shape
        assert context.uniform().shape == (len(x0),)

    def test_spawned_streams_are_the_callers(self):
        streams = Context(lambda x: -x, np.ones((5, 2)), sk.rng(3)).spawn(2)
        assert [s.state() for s in streams] == [s.state() for s in sk.rng(3).spawn(2)]
