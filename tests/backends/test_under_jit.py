"""The library's mathematics inside ``jax.jit``, where no value can be looked at: equal to what it is outside."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit import _catalogue as catalogue
from scorekit._catalogue import examples
from scorekit.samplers.kernels import Context, Linear, denoising_row, langevin_row, linear_row

jax = pytest.importorskip("jax", reason="jax is not installed: python -m pip install jax")
from support.jax_backend import JaxBackend, JaxRng, registered  # noqa: E402

BACKEND = JaxBackend()
DENSITIES = {type(density).__name__: density for density in examples(catalogue.DENSITIES)[:-1]}  # points, not images
LEVELS = np.linspace(0.4, 0.8, 5)
OPTIONS = {"xla_backend_optimization_level": 0}  # compiling is what takes time here


@pytest.fixture(autouse=True, scope="module")
def known():
    with registered():
        yield


def jitted(f, *arguments):
    """The values of ``f`` of JAX arrays, traced and compiled."""
    arrays = jax.tree.map(BACKEND.asarray, arguments)
    return jax.tree.map(np.asarray, jax.jit(f).lower(*arrays).compile(OPTIONS)(*arrays))


def same(found, wanted):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), found, wanted)


# ---------------------------------------------------------------- densities


def points(density):
    """Near the mass, and far enough out for a search of nodes to take many rounds."""
    return np.array([[1.0]] * 4 + [[30.0]]) * 0.7 * np.random.default_rng(19).normal(size=(5, density.dim))


@pytest.mark.parametrize("name", DENSITIES)
def test_a_density_and_its_score(name):
    """At levels that are traced too; and the log-density without noise, where there is one."""
    density = DENSITIES[name]

    def everything(x, sigma):
        noisy = density.score(x, sigma), density._log_prob(*density._enter(x, sigma))
        return noisy if name == "Empirical" else (*noisy, density.log_prob(x))

    x = points(density)
    same(jitted(everything, x, LEVELS), everything(x, LEVELS))


@pytest.mark.parametrize("name", ["GaussianMixture", "Rings", "Checkerboard"])
def test_a_score_at_a_number(name):
    """One level for all: a mixture takes another way then."""
    density, x = DENSITIES[name], points(DENSITIES[name])
    same(jitted(lambda x: density.score(x, 0.5), x), density.score(x, 0.5))


def test_nodes_that_depend_on_the_value_of_sigma_are_refused():
    density = sk.distributions.SwissRoll(noise=0.0)
    with pytest.raises(TypeError, match="depend on sigma, whose value cannot be read under a tracer: give sigma as a"):
        jitted(density.score, points(density), LEVELS)
    same(jitted(lambda x: density.score(x, 0.5), points(density)), density.score(points(density), 0.5))


# ---------------------------------------------------------------- objectives

X = np.random.default_rng(16).normal(size=(6, 2))
THETA = np.random.default_rng(15).uniform(-1, 1, (2, 4))
OBJECTIVES = examples(catalogue.OBJECTIVES)


def network(theta):
    """A score with the parameters ``theta``, (2, 4)."""

    def score(x, sigma=None):
        xp = sk.array_namespace(x)
        s = xp.matmul(xp.tanh(xp.matmul(x, theta)), xp.permute_dims(theta, (1, 0))) - x
        return s if sigma is None else s / sk.expand(1 + sigma**2, x)

    return score


def noise_of(objective, x):
    """What ``objective`` draws for ``x``, a tree of arrays."""
    return objective.draw(x, sk.rng(17))


def losses(objective, model, x, noise):
    return objective.losses(model, x, noise=noise)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=[f"{i}" for i in range(len(OBJECTIVES))])
def test_the_losses_of_an_objective(objective):
    """Parameters, data and noise are traced."""

    def values(theta, x, noise):
        return losses(objective, network(theta), x, noise)

    arguments = THETA, X, noise_of(objective, X)
    same(jitted(values, *arguments), values(*arguments))


def test_the_gradient_of_a_trace():
    """The data are there and the parameters are traced: whether rows are coupled cannot be seen then either."""
    objective = sk.objectives.ImplicitScoreMatching()
    found = jitted(jax.grad(lambda theta: objective(network(theta), BACKEND.asarray(X))), THETA)
    numpy = sk.backend("numpy")
    wanted = numpy.grad(lambda t: sk.array_namespace(t).reshape(objective(network(t), X), (1,)), THETA)[1]
    same(found, wanted)


def test_a_weighted_loss():
    objective, w = sk.objectives.ImplicitScoreMatching(), np.arange(6.0)

    def loss(theta, x, weights):
        return objective(network(theta), x, weights=weights)

    same(jitted(loss, THETA, X, w), loss(THETA, X, w))


def test_the_weighting_of_a_user():
    objective = sk.objectives.NoiseConditional(sk.noise.LogUniform(1.0, 0.1), weighting=lambda sigma: sigma**2 + 1)
    noise = noise_of(objective, X)
    found = jitted(lambda x, noise: losses(objective, network(THETA), x, noise), X, noise)
    same(found, losses(objective, network(THETA), X, noise))


# ---------------------------------------------------------------- models


VIEWS = {
    "EnergyModel": sk.models.EnergyModel(lambda x: ((1 + x**2) ** 0.5).sum(axis=1)),
    "DenoiserModel": sk.models.DenoiserModel(lambda x, sigma: x / (1 + sk.expand(sigma, x) ** 2)),
    "Preconditioned": sk.models.Preconditioned(network(THETA), 0.5),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_of_a_model(name):
    x, sigma = X[:5], LEVELS
    same(jitted(VIEWS[name], x, sigma), VIEWS[name](x, sigma))


def test_one_level_and_the_denoiser_that_belongs_to_it():
    model = sk.models.at(network(THETA), 0.5)
    same(jitted(lambda x, sigma: model(x, sigma), X[:5], np.full(5, 0.5)), model(X[:5], 0.5))
    found = jitted(lambda x, sigma: sk.models.denoise(network(THETA), x, sigma), X[:5], LEVELS)
    same(found, sk.models.denoise(network(THETA), X[:5], LEVELS))


# ---------------------------------------------------------------- steps of samplers

STEPS = {
    "Langevin": langevin_row(0.1),
    "annealed Langevin": langevin_row(0.1, sigma=0.5),
    "consistent": linear_row(1.0, 0.3 * 0.25, 0.2, sigma=0.5, sigma_next=0.4),
    "denoising": denoising_row(0.5),
}


class Handed:
    """A stream that hands out one array of normals."""

    def __init__(self, z):
        self._z = z

    def normal(self, shape, like=None):
        return self._z

    rademacher = uniform = normal


@pytest.mark.parametrize("name", STEPS)
def test_a_step_of_a_sampler(name):
    row = STEPS[name]
    kernel = Linear(noise=name != "denoising")

    def step(theta, x, z):
        context = Context(network(theta), x, Handed(z))
        inner = context.copy_in(x)
        return context.copy_out(kernel.step(inner, kernel.init(inner, row, context), row, context).x)

    arguments = THETA, X, np.random.default_rng(3).normal(size=(2, 6))
    same(jitted(step, *arguments), step(*arguments))


# ---------------------------------------------------------------- the backend of the tests itself


def test_a_stream_lives_inside_a_traced_function():
    """Its key is functional: the draws are those that it makes outside."""

    def draws(key, like):
        stream = JaxRng(key)
        return stream.normal((3,), like), stream.uniform((3,)), stream.rademacher((3,), like)

    key = jax.random.key(3)
    jax.tree.map(np.testing.assert_array_equal, jax.jit(draws)(key, BACKEND.asarray(X)), draws(key, BACKEND.asarray(X)))


def test_a_value_is_there_outside_and_not_inside():
    x = BACKEND.asarray(X)
    seen = []
    jax.jit(lambda x: seen.append(BACKEND.readable(x)) or x)(x)
    assert seen == [False]
    assert BACKEND.readable(x)
    with pytest.raises(ValueError, match="NaN or infinity in 1 of 6 rows"):
        sk.objectives.ImplicitScoreMatching()(network(THETA), x.at[2].set(np.nan))
