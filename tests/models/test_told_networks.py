"""Perceptrons with conditions: their own traces are those of their Jacobians, and both backends agree."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
import scorekit_numpy

torch = pytest.importorskip("torch")
import scorekit_torch  # noqa: E402

N, D = 5, 3
X = np.random.default_rng(0).normal(size=(N, D))
SIGMA = np.random.default_rng(1).uniform(0.2, 2.0, N)
TOLD = {
    "vectors": ({"condition_dim": 2}, np.random.default_rng(2).normal(size=(N, 2))),
    "labels": ({"classes": 3}, np.array([0, 2, 1, 3, 0])),  # 3 stands for none
}
EACH = pytest.mark.parametrize(("options", "condition"), TOLD.values(), ids=TOLD)
HIDDEN = pytest.mark.parametrize("hidden", [(), (2,), (8,), (8, 6)], ids=str)


def pair(options, hidden):
    """The same network on both backends."""
    ours = scorekit_numpy.MLP(D, hidden, **options)
    other = scorekit_torch.MLP(D, hidden, dtype="float64", **options)
    other.load_state_dict({name: torch.tensor(value) for name, value in ours.parameters().items()})
    return (ours, lambda a: a), (other, torch.tensor)


@EACH
@HIDDEN
def test_the_traces_of_a_network_are_those_of_its_jacobian(options, condition, hidden):
    probes = np.random.default_rng(3).choice([-1.0, 1.0], size=(2, N, D))
    outputs = []
    for net, to in pair(options, hidden):
        x, sigma, told, v = to(X), to(SIGMA), to(condition), to(probes)
        owner = sk.backend_of(x)
        for name, more in (("divergence", ()), ("probed_divergence", (v,))):
            s, trace = getattr(net, name)(x, sigma, *more, condition=told)
            wanted, exact = owner.divergence(lambda y: net(y, sigma, told), x, *more)  # noqa: B023
            np.testing.assert_allclose(owner.to_numpy(trace), owner.to_numpy(exact), atol=1e-12)
            np.testing.assert_allclose(owner.to_numpy(s), owner.to_numpy(wanted), atol=1e-12)
        outputs.append(owner.to_numpy(net(x, sigma, told)))
    np.testing.assert_allclose(*outputs, atol=1e-12)


@EACH
def test_objectives_with_traces_pass_the_condition_on(options, condition):
    losses = []
    for net, to in pair(options | {"conditional": False}, (8,)):
        for objective in (sk.objectives.ImplicitScoreMatching(), sk.objectives.DenoisingScoreMatching(0.3)):
            noise = objective.draw(X, rng=0)
            moved = None if noise is None else type(noise)(*map(to, noise))
            loss = objective.losses(net, to(X), noise=moved, condition=to(condition))
            losses.append(sk.backend_of(to(X)).to_numpy(loss))
    np.testing.assert_allclose(losses[0], losses[2], atol=1e-12)
    np.testing.assert_allclose(losses[1], losses[3], atol=1e-12)


@EACH
def test_a_condition_changes_the_score_of_its_own_sample(options, condition):
    for net, to in pair(options, (8,)):
        other = condition.copy()
        other[0] = 1 if condition.dtype.kind == "i" else other[0] + 1
        here, there = (sk.backend_of(to(X)).to_numpy(net(to(X), 0.5, to(c))) for c in (condition, other))
        assert np.abs(here - there)[0].max() > 1e-6
        np.testing.assert_array_equal(here[1:], there[1:])


@EACH
def test_what_a_network_was_made_for_is_kept(options, condition, tmp_path):
    for k, (net, to) in enumerate(pair(options, (8,))):
        sk.save(sk.models.Preconditioned(net, 2.0), tmp_path / str(k))
        again = sk.load(tmp_path / str(k))
        told = to(condition)
        x = to(X)
        assert bool((again(x, 0.5, told) == sk.models.Preconditioned(net, 2.0)(x, 0.5, told)).all())
        assert again.net.null_condition == net.null_condition


@pytest.mark.parametrize("make", [scorekit_numpy.MLP, scorekit_torch.MLP], ids=["numpy", "torch"])
def test_a_network_for_labels_and_vectors_at_once_is_refused(make):
    with pytest.raises(ValueError, match="classes is 3 and condition_dim 2: expected one of them"):
        make(2, classes=3, condition_dim=2)
    with pytest.raises(ValueError, match="condition_dim must be at least 1"):
        make(2, condition_dim=0)
