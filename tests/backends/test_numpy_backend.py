"""The NumPy backend: what the conformance suite does not look at."""

from __future__ import annotations

import json
import tracemalloc

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.test_util import check_grads

import scorekit as sk
from scorekit.objectives import ImplicitScoreMatching, NoiseConditional, SlicedScoreMatching
from scorekit_numpy import MLP, namespace
from scorekit_numpy.layers import gelu, linear

X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.mark.parametrize("objective", [ImplicitScoreMatching(), SlicedScoreMatching()], ids=["ism", "ssm"])
def test_the_parameter_gradient_of_a_trace_through_a_network_is_right_to_1e_6(objective):
    """A third-order use: the gradient of a trace of a derivative, against central differences in float64."""
    net = MLP(3, hidden=(7, 5), conditional=False, rng=1)
    names, values = zip(*net.parameters().items(), strict=True)

    def loss(*parameters):
        return objective(net.with_parameters(dict(zip(names, parameters, strict=True))), X, rng=2)

    gradients = autograd.grad(loss, argnum=tuple(range(len(values))))(*values)
    step = 1e-5
    for i, (name, gradient) in enumerate(zip(names, gradients, strict=True)):
        for place in np.ndindex(values[i].shape):
            ends = []
            for sign in (1, -1):
                moved = [v.copy() for v in values]
                moved[i][place] += sign * step
                ends.append(loss(*moved))
            central = (ends[0] - ends[1]) / (2 * step)
            assert gradient[place] == pytest.approx(central, rel=1e-6, abs=1e-6), (name, place)


def test_gelu_has_derivatives_of_every_order():
    check_grads(gelu, modes=["rev", "fwd"], order=2)(np.linspace(-3, 3, 7))
    check_grads(autograd.elementwise_grad(autograd.elementwise_grad(gelu)), modes=["rev", "fwd"], order=2)(X[0])


def test_a_linear_layer_has_all_its_derivatives():
    g = np.random.default_rng(1)
    check_grads(linear, modes=["rev", "fwd"], order=2)(X, g.normal(size=(4, 3)), g.normal(size=4))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: namespace.take_along_axis(x, np.argsort(X, axis=1), axis=1),
        lambda x: namespace.stack(namespace.unstack(x, axis=1)),
        lambda x: namespace.cumulative_sum(x, axis=1, include_initial=True),
        lambda x: namespace.concat([x, x**2], axis=None),
        lambda x: namespace.hypot(x, X[0]),
        lambda x: namespace.copysign(x, X[::-1].copy()),
        lambda x: namespace.linalg.solve(namespace.matmul(x.T, x) + np.eye(3), X.T),
        lambda x: namespace.linalg.cholesky(namespace.matmul(x.T, x) + np.eye(3)),
        lambda x: namespace.linalg.inv(namespace.matmul(x.T, x) + np.eye(3)),
        lambda x: namespace.linalg.trace(namespace.matmul(x.T, x), offset=1),
        lambda x: namespace.linalg.diagonal(namespace.matmul(x.T, x), offset=-1),
        lambda x: namespace.linalg.vector_norm(x, axis=1, ord=3),
        lambda x: namespace.asarray([x, 2 * x]),
        lambda x: namespace.linalg.solve(namespace.matmul(x.T, x) + np.eye(3), x[0]),
        lambda x: namespace.astype(x, np.float64) * 2,
        lambda x: namespace.positive(x),
        lambda x: namespace.broadcast_to(x[None], (2, 5, 3)),
    ],
)
def test_supplied_rules(f):
    check_grads(f, modes=["rev", "fwd"], order=1)(X)
    check_grads(f, modes=["rev"], order=2)(X)


@pytest.mark.parametrize(
    "cubic",
    [lambda x: x.astype(float) ** 3, lambda x: anp.hypot(x, 0.0) ** 3, lambda x: (x * x) * x],
    ids=["a method", "a function of autograd", "both modes"],
)
def test_a_probed_trace_of_a_function_without_a_forward_rule(cubic):
    """autograd has rules for reverse mode alone for some; vᵀ J v is the same number either way."""
    x, probes = np.abs(X), np.random.default_rng(1).normal(size=(2, *X.shape))
    y, trace = sk.backend("numpy").divergence(cubic, x, probes)
    np.testing.assert_allclose(y, x**3, rtol=1e-14)
    np.testing.assert_allclose(trace, (3 * x**2 * probes**2).sum(axis=2).mean(axis=0), rtol=1e-13)
    own = np.array([[1.1]])
    slope = autograd.grad(lambda a: sk.backend("numpy").divergence(lambda z: a * cubic(z), x, probes)[1].sum())(own)
    np.testing.assert_allclose(slope, trace.sum(), rtol=1e-13)


def test_values_of_the_namespace_are_numpys():
    assert np.array_equal(namespace.cumulative_sum(X, axis=0), np.cumulative_sum(X, axis=0))
    np.testing.assert_allclose(namespace.var(X, axis=0, correction=1), np.var(X, axis=0, ddof=1))
    np.testing.assert_allclose(namespace.std(X, axis=1), np.std(X, axis=1))
    np.testing.assert_allclose(namespace.linalg.vector_norm(X, axis=1, ord=np.inf), np.abs(X).max(1))
    np.testing.assert_allclose(namespace.linalg.vector_norm(X, axis=1, ord=1), np.abs(X).sum(1))
    assert namespace.linalg.trace(X[:3], offset=1) == np.trace(X[:3], offset=1)
    assert namespace.int64 is np.int64


def test_objects_are_no_numbers():
    with pytest.raises(TypeError, match="cannot make an array from a list of Python objects: expected numbers"):
        sk.backend("numpy").asarray([None, object()])


def test_the_trace_needs_no_more_memory_for_more_directions():
    """One graph and one pass at a time: ten times the directions take ten times the columns of x, no more."""
    weights = np.random.default_rng(0).normal(size=(200, 200)) / 15

    def peak(d):
        x, w = np.ones((50, d)), weights[:d, :d]
        tracemalloc.start()
        sk.backend("numpy").divergence(lambda y: namespace.tanh(namespace.matmul(y, w)), x)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(200) < 15 * peak(20)


# ---------------------------------------------------------------- random streams


def test_a_stream_continues_from_its_state_through_json_and_spawns_the_same_children():
    stream = sk.rng(3)
    stream.normal((5,))
    stream.spawn(2)
    state = json.loads(json.dumps(stream.state()))
    other = sk.rng(99)
    other.restore(state)
    assert np.array_equal(stream.normal((4,)), other.normal((4,)))
    assert np.array_equal(stream.spawn(1)[0].normal((4,)), other.spawn(1)[0].normal((4,)))


def test_a_state_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"'torch' stream: expected 'numpy\.SFC64'"):
        sk.rng(0).restore({"kind": "torch"})


def test_draws_take_the_dtype_of_like():
    like = np.ones(1, np.float32)
    stream = sk.rng(0, like=like)
    for draw in (stream.normal, stream.uniform, stream.rademacher):
        assert draw((2,), like=like).dtype == np.float32
        assert draw((2,)).dtype == np.float64


def test_nothing_touches_numpys_global_state():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    net = MLP(2)
    NoiseConditional(sk.noise.Geometric(1.0, 0.1, 3))(net, X[:, :2], rng=None)
    sk.rng().normal((3,))
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


# ---------------------------------------------------------------- the network


def test_the_network_written_out():
    net = MLP(2, hidden=(4, 3), rng=0)
    p, x, sigma = net.parameters(), X[:, :2], np.linspace(0.1, 2, 5)
    h = np.concatenate([x, np.log(sigma)[:, None] / 4], axis=1)
    for i in range(3):
        h = h @ p[f"layers.{i}.weight"].T + p[f"layers.{i}.bias"]
        if i < 2:
            h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
    np.testing.assert_allclose(net(x, sigma), h, rtol=1e-12)
    np.testing.assert_allclose(net(x, 0.3), net(x, np.full(5, 0.3)), rtol=1e-12)


@pytest.mark.parametrize("hidden", [(), (6,), (5, 7, 4), (2,), (2, 7), (2, 4, 5)])
@pytest.mark.parametrize("conditional", [True, False])
def test_the_networks_own_divergence_is_the_generic_one(hidden, conditional):
    net = MLP(3, hidden=hidden, conditional=conditional, rng=4)
    for sigma in (0.3, np.linspace(0.1, 1, 5)):
        s, trace = net.divergence(X, sigma)
        expected = sk.backend("numpy").divergence(lambda x, at=sigma: net(x, at), X)
        np.testing.assert_allclose(s, expected[0], rtol=1e-12)
        np.testing.assert_allclose(trace, expected[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("hidden", [(), (6,), (5, 7, 4)])
@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("probes", [1, 3])
def test_the_networks_own_probed_divergence_is_the_generic_one(hidden, conditional, probes):
    net, v = MLP(3, hidden=hidden, conditional=conditional, rng=4), sk.rng(1).normal((probes, *X.shape))
    for sigma in (0.3, np.linspace(0.1, 1, 5)):
        s, estimate = net.probed_divergence(X, sigma, v)
        expected = sk.backend("numpy").divergence(lambda x, at=sigma: net(x, at), X, v)
        np.testing.assert_allclose(s, expected[0], rtol=1e-12)
        np.testing.assert_allclose(estimate, expected[1], rtol=1e-10, atol=1e-12)


def test_a_model_is_asked_for_the_probed_divergence_that_it_knows():
    class Knowing:
        def __call__(self, x, sigma=None):
            return -x

        def probed_divergence(self, x, sigma, probes):
            assert sigma is None
            return -x, np.full(len(x), 100.0 * len(probes))

    x = np.zeros((2, 3))
    assert SlicedScoreMatching(projections=2).losses(Knowing(), x, rng=0).tolist() == [200.0, 200.0]
    assert ImplicitScoreMatching("hutchinson", probes=3).losses(Knowing(), x, rng=0).tolist() == [300.0, 300.0]
    assert ImplicitScoreMatching().losses(Knowing(), x).tolist() == [-3.0, -3.0]  # the exact trace is another thing


def test_implicit_matching_asks_a_model_that_knows_its_divergence():
    class Knowing:
        def __call__(self, x, sigma=None):
            return -x

        def divergence(self, x, sigma=None):
            return -x, np.full(len(x), 100.0)

    assert ImplicitScoreMatching().losses(Knowing(), np.zeros((2, 3))).tolist() == [100.0, 100.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sigma", [0.3, np.linspace(0.1, 1, 5)], ids=["scalar", "each"])
def test_a_network_is_a_score_model(dtype, sigma):
    sk.testing.check_score_model(MLP(3, hidden=(8,), dtype=dtype), X.astype(dtype), sigma)


def test_an_unconditional_network_takes_no_notice_of_sigma():
    net = MLP(3, conditional=False)
    assert np.array_equal(net(X), net(X, 0.5))


def test_events_are_flattened():
    net = MLP(4, conditional=False)
    x = np.arange(24.0).reshape(6, 2, 2)
    assert np.array_equal(net(x).reshape(6, 4), net(x.reshape(6, 4)))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: MLP(0), ValueError, "dim must be at least 1"),
        (lambda: MLP(2, hidden=(0,)), ValueError, "hidden width must be at least 1"),
        (lambda: MLP(2, dtype="float16"), ValueError, "dtype is 'float16'.*'float32' or 'float64'"),
        (lambda: MLP(2)(X), ValueError, r"x has shape \(5, 3\): this network expects samples of dimension 2"),
        (lambda: MLP(3)(X), ValueError, "conditional on sigma, got None"),
        (lambda: MLP(3)(X, -1.0), ValueError, "sigma must be positive"),
        (lambda: MLP(3).with_parameters({}), ValueError, "parameters differ.*Nothing was changed"),
    ],
)
def test_what_the_network_refuses(make, error, words):
    with pytest.raises(error, match=words):
        make()
