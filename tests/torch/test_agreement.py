"""Tensors and NumPy arrays give the same numbers: losses and their gradients, densities, samplers, networks."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
import scorekit_numpy
from scorekit._catalogue import DENSITIES, OBJECTIVES, examples
from support import FAMILIES, parameter_gradient
from support.twins import TensorRng

torch = pytest.importorskip("torch")

X = np.random.default_rng(0).normal(size=(7, 2))
LOSSES = examples(OBJECTIVES)
EACH_OBJECTIVE = pytest.mark.parametrize("objective", LOSSES, ids=[f"{i}" for i in range(len(LOSSES))])
EACH_DENSITY = pytest.mark.parametrize("density", examples(DENSITIES), ids=lambda d: type(d).__name__)


def tensor(x, **options):
    return torch.tensor(np.asarray(x), **options)


@EACH_OBJECTIVE
@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_every_loss_to_1e_10_and_its_parameter_gradient_to_1e_9(objective, family):
    values = np.random.default_rng(1).uniform(-0.6, 0.6, family.size(2))
    there = objective.losses(family.model(values, 2), X, rng=sk.rng(3))
    theta = tensor(values, requires_grad=True)
    here = objective.losses(family.model(theta, 2), tensor(X), rng=TensorRng(3))
    np.testing.assert_allclose(here.detach().numpy(), there, rtol=1e-10, atol=1e-10)
    here.mean().backward()
    wanted = parameter_gradient(objective, family, values, X, rng=lambda: sk.rng(3))
    np.testing.assert_allclose(theta.grad.numpy(), wanted, rtol=1e-9, atol=1e-9)


@EACH_DENSITY
@pytest.mark.parametrize("sigma", [None, 0.4, np.linspace(0.2, 1, 6)], ids=["none", "scalar", "each"])
def test_every_score(density, sigma):
    x = density.sample(6, rng=1)
    level = tensor(sigma) if isinstance(sigma, np.ndarray) else sigma
    try:
        wanted = density.score(x, sigma)
    except sk.ScorekitError as error:
        with pytest.raises(type(error)):
            density.score(tensor(x), level)
        return
    np.testing.assert_allclose(density.score(tensor(x), level).numpy(), wanted, rtol=1e-9, atol=1e-10)


@EACH_DENSITY
def test_every_log_density_and_every_sample(density):
    like = torch.zeros(1, dtype=torch.float64)
    drawn = density.sample(6, rng=TensorRng(2), like=like)
    assert isinstance(drawn, torch.Tensor)
    np.testing.assert_allclose(drawn.numpy(), density.sample(6, rng=sk.rng(2)), rtol=1e-12, atol=1e-12)
    smooth = density.smoothed(0.3)
    np.testing.assert_allclose(smooth.log_prob(drawn).numpy(), smooth.log_prob(drawn.numpy()), rtol=1e-10, atol=1e-10)
    assert density.sample(4, rng=0, like=like.float()).dtype == torch.float32
    assert torch.equal(density.sample(4, rng=0, like=like), density.sample(4, rng=0, like=like))


@pytest.mark.parametrize(
    "sampler",
    [
        sk.samplers.Langevin(0.1, 20),
        sk.samplers.AnnealedLangevin([2.0, 0.5], 10, 0.1),
        sk.samplers.AnnealedLangevin([2.0, 0.5], 10, 0.1, denoise=False),
        sk.samplers.ConsistentAnnealed([2.0, 1.0, 0.5], steps_per_level=5),
    ],
    ids=["langevin", "annealed", "annealed, noisy", "consistent"],
)
@pytest.mark.parametrize("shape", [(5, 2), (4, 2, 3)])
@pytest.mark.parametrize("clamp", [False, True])
def test_every_sampler(sampler, shape, clamp):
    if clamp:
        values = np.where(np.arange(shape[-1]) == 0, 0.7, np.nan)
        sampler = sk.samplers.Inpaint(sampler, tensor(values).isfinite(), tensor(values))
    x0 = np.random.default_rng(4).normal(size=shape)

    def model(x, sigma=None):
        return -x / (1.0 if sigma is None else 1.0 + sigma**2)

    there = sampler.sample(model, x0, rng=sk.rng(5), keep_every=5)
    here = sampler.sample(model, tensor(x0), rng=TensorRng(5), keep_every=5)
    assert isinstance(here.x, torch.Tensor)
    np.testing.assert_allclose(here.x.numpy(), there.x, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(here.trajectory.numpy(), there.trajectory, rtol=1e-10, atol=1e-12)


def test_an_energy_is_sampled_without_a_graph_though_its_score_is_a_derivative():
    weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
    energy = sk.models.EnergyModel(lambda x: 0.5 * (x**2 * weight).sum(1))
    samples = sk.samplers.Langevin(0.1, 5).sample(energy, tensor(X), rng=0)
    assert not samples.x.requires_grad
    assert energy(tensor(X)).requires_grad


VIEWS = {
    "EnergyModel": lambda xp: sk.models.EnergyModel(lambda z: xp.sum(xp.log1p(z**2), axis=1)),
    "DenoiserModel": lambda xp: sk.models.DenoiserModel(lambda z, sigma: xp.tanh(z)),
    "Preconditioned": lambda xp: sk.models.Preconditioned(lambda z, sigma: xp.tanh(z), 0.5),
}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view(view):
    there, here = (VIEWS[view](sk.backend(name).xp) for name in ("numpy", "torch"))
    np.testing.assert_allclose(here(tensor(X), 0.3).numpy(), there(X, 0.3), rtol=1e-12)


def test_the_error_of_a_field_is_the_same():
    truth = sk.distributions.GaussianMixture([0.5, 0.5], [[1.0, 0.0], [-1.0, 0.5]], np.stack([np.eye(2)] * 2))
    errors = [sk.metrics.score_error(lambda y, s=None: -y, truth, x) for x in (X, tensor(X))]
    np.testing.assert_allclose(np.array(errors[1], dtype=float), np.array(errors[0], dtype=float), rtol=1e-10)


# ---------------------------------------------------------------- the network


def _pair(dtype="float64", **options):
    from scorekit_torch import MLP

    there = scorekit_numpy.MLP(3, hidden=(16, 8), dtype=dtype, rng=2, **options)
    here = MLP(3, hidden=(16, 8), dtype=dtype, rng=5, **options)
    here.load_state_dict({name: torch.tensor(value) for name, value in there.parameters().items()})
    return there, here


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("conditional", [True, False])
def test_weights_carry_over_by_name(dtype, tolerance, conditional):
    there, here = _pair(dtype, conditional=conditional)
    x = np.random.default_rng(0).normal(size=(9, 3)).astype(dtype)
    for sigma in (0.3, np.linspace(0.01, 50, 9).astype(dtype)):
        level = tensor(sigma) if isinstance(sigma, np.ndarray) else sigma
        with torch.no_grad():
            got = here(tensor(x), level).numpy(), here.divergence(tensor(x), level)[1].numpy()
        np.testing.assert_allclose(got[0], there(x, sigma), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(got[1], there.divergence(x, sigma)[1], rtol=10 * tolerance, atol=tolerance)
        for m in (1, 3):
            v = np.random.default_rng(1).normal(size=(m, 9, 3)).astype(dtype)
            with torch.no_grad():
                estimate = here.probed_divergence(tensor(x), level, tensor(v))[1].numpy()
            wanted = there.probed_divergence(x, sigma, v)[1]
            np.testing.assert_allclose(estimate, wanted, rtol=10 * tolerance, atol=tolerance)


def test_a_step_of_the_learners_is_the_same_step():
    there, here = _pair(conditional=False)
    x = np.random.default_rng(0).normal(size=(30, 3))
    objective = sk.objectives.SlicedScoreMatching()
    one = sk.backend("numpy").learner(there, objective, gradient_clip=0.5, ema=0.9)
    two = sk.backend("torch").learner(here, objective, gradient_clip=0.5, ema=0.9)
    for step in range(20):
        infos = one.step(x, sk.rng(step)), two.step(tensor(x), TensorRng(step))
        assert infos[1].loss == pytest.approx(infos[0].loss, rel=1e-9)
        assert infos[1].grad_norm == pytest.approx(infos[0].grad_norm, rel=1e-9)
    for name, value in one.model.parameters().items():
        np.testing.assert_allclose(two.model.state_dict()[name].numpy(), value, rtol=1e-7, atol=1e-9)
