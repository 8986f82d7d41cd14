"""The PyTorch backend: what the conformance suite does not look at."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import scorekit as sk
from scorekit.objectives import (
    DenoisingScoreMatching,
    ImplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)
from support.twins import TensorRng

torch = pytest.importorskip("torch")
BACKEND = sk.backend("torch")
V = np.random.default_rng(0).normal(size=(5, 3))
OBJECTIVES = [
    DenoisingScoreMatching(0.3),
    NoiseConditional(sk.noise.LogUniform(1.0, 0.1)),
    SlicedScoreMatching(),
    ImplicitScoreMatching(),
]
EACH_OBJECTIVE = pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)


def x():
    return torch.tensor(V)


class Net(torch.nn.Module):
    """forward(x): no place for sigma."""

    def __init__(self, *inside):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(3, 8), *inside, torch.nn.Softplus(), torch.nn.Linear(8, 3))
        self.double()

    def forward(self, x):
        return self.body(x)


class Conditional(Net):
    def forward(self, x, sigma=None):
        return self.body(x) / torch.as_tensor(1.0 if sigma is None else sigma, dtype=x.dtype).reshape(-1, 1)


# ---------------------------------------------------------------- arrays


def test_import_scorekit_leaves_torch_alone():
    code = "import sys, scorekit as sk; sk.backends(); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert sk.backends()["torch"] is True


def test_tensors_and_parameters_are_owned_and_sparse_ones_are_not():
    assert sk.backend_of(x()).name == "torch"
    assert sk.backend_of(torch.nn.Parameter(x())).name == "torch"
    assert not BACKEND.owns(x().to_sparse())
    assert not BACKEND.owns(V)


def test_a_read_only_array_is_copied_and_a_writable_one_shared():
    frozen = V.copy()
    frozen.flags.writeable = False
    made = BACKEND.asarray(frozen)
    made.zero_()
    assert np.array_equal(frozen, V)
    shared = V.copy()
    assert np.shares_memory(BACKEND.asarray(shared).numpy(), shared)


@pytest.mark.parametrize("values", [V[::-1], V.astype(">f8"), V.T, V[:, ::2], V.tolist(), np.float64(1.5), 3])
def test_whatever_holds_numbers_becomes_a_tensor(values):
    like = torch.zeros(1, dtype=torch.float64)
    np.testing.assert_array_equal(BACKEND.asarray(values, like=like).numpy(), np.asarray(values, dtype=float))


def test_a_tensor_stays_in_its_graph_on_the_way_in_and_leaves_it_on_the_way_out():
    leaf = x().requires_grad_()
    assert BACKEND.asarray(2 * leaf, like=torch.zeros(1)).requires_grad
    assert BACKEND.xp.asarray([leaf[0], 2 * leaf[0]]).requires_grad
    assert type(BACKEND.to_numpy(2 * leaf)) is np.ndarray
    assert BACKEND.to_numpy(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32


@pytest.mark.parametrize("values", [[None, object()], np.array([object()]), "text", np.ma.array([1.0], mask=[True])])
def test_objects_are_no_numbers(values):
    with pytest.raises(TypeError, match="cannot make a tensor"):
        BACKEND.asarray(values)


@pytest.mark.parametrize("values", [np.ones(2, complex), torch.ones(2, dtype=torch.complex64)])
def test_a_complex_number_is_not_cut(values):
    with pytest.raises(TypeError, match="real numbers from complex numbers"):
        BACKEND.asarray(values, like=x())


@pytest.mark.parametrize("options", [{"device": "nowhere"}, {"dtype": "int64"}, {"dtype": "float16"}])
def test_bad_defaults(options):
    with pytest.raises(ValueError, match=r"the torch backend has no device|dtype must be"):
        sk.backend("torch", **options)


def test_defaults():
    narrow = sk.backend("torch", dtype="float32", device="cpu")
    assert narrow.asarray(V).dtype == narrow.rng(0).normal((2,)).dtype == torch.float32
    assert repr(narrow) == "TorchBackend(device='cpu', dtype='float32')"
    assert BACKEND.asarray(V).dtype == torch.float64


# ---------------------------------------------------------------- derivatives


def _untouched(tensor, version, values=V):
    return (
        not tensor.requires_grad
        and tensor.grad is None
        and tensor._version == version
        and torch.equal(tensor, torch.tensor(values))
    )


@EACH_OBJECTIVE
def test_the_callers_tensors_and_module_are_left_as_they_were(objective):
    data, net = x(), Conditional().eval()
    version = data._version
    objective(net, data, rng=0).backward()
    assert _untouched(data, version)
    assert not net.training
    assert all(p.grad is not None for p in net.parameters())


@EACH_OBJECTIVE
def test_a_frozen_model_stays_frozen_and_keeps_no_graph(objective):
    net = Conditional().requires_grad_(False)
    loss = objective(net, x(), rng=0)
    assert not loss.requires_grad
    assert not any(p.requires_grad for p in net.parameters())


@EACH_OBJECTIVE
def test_losses_can_be_taken_without_a_graph(objective):
    net = Conditional()
    with torch.no_grad():
        loss = objective(net, x(), rng=0)
    assert not loss.requires_grad
    assert float(loss) == pytest.approx(objective(net, x(), rng=0).item())


@EACH_OBJECTIVE
def test_float32_agrees_with_float64(objective):
    net = Conditional()
    wide = objective(net, x(), rng=TensorRng(0)).item()
    narrow = objective(net.float(), x().float(), rng=TensorRng(0))
    assert narrow.dtype == torch.float32
    assert narrow.item() == pytest.approx(wide, rel=1e-4, abs=1e-5)  # terms of order one may cancel


def test_derivatives_with_respect_to_a_tensor_of_an_outer_graph_reach_it():
    leaf = x().requires_grad_()
    y, pulled = BACKEND.vjp(lambda z: z**3, 2 * leaf, torch.ones_like(leaf))
    (y.sum() + pulled.sum()).backward()
    torch.testing.assert_close(leaf.grad, 24 * leaf.detach() ** 2 + 24 * leaf.detach())
    leaf.grad = None
    total = BACKEND.divergence(lambda z: z**3, leaf)[1]
    total.sum().backward()
    torch.testing.assert_close(leaf.grad, 6 * leaf.detach())


def test_a_derivative_with_respect_to_the_direction():
    v = torch.ones(5, 3, dtype=torch.float64, requires_grad=True)
    BACKEND.vjp(lambda z: z**2, x(), v)[1].sum().backward()
    torch.testing.assert_close(v.grad, 2 * x())


@pytest.mark.parametrize("f", [lambda z: torch.ones_like(z), lambda z: 3 * torch.ones_like(z) * W])
def test_a_function_that_ignores_x_has_derivatives_of_zero(f):
    for made in (
        BACKEND.vjp(f, x(), x())[1],
        BACKEND.divergence(f, x())[1],
        BACKEND.divergence(f, x(), torch.stack([x(), x()]))[1],
        BACKEND.grad(lambda z: f(z).sum(1), x())[1],
    ):
        assert not made.any()


W = torch.ones(3, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("event", [(1,), (2,), (3,), (64,), (65,), (130,), (3, 5, 9)])
@pytest.mark.parametrize("graph", [True, False])
def test_the_trace_in_chunks_is_the_trace_of_the_jacobian(event, graph):
    d = int(np.prod(event))
    matrix = torch.randn(d, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_(graph)
    data = torch.randn(4, *event, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def f(z):
        return torch.sin(z.flatten(1) @ matrix.T).reshape(z.shape)

    value, trace = BACKEND.divergence(f, data)
    wanted = (torch.cos(data.flatten(1) @ matrix.T) * matrix.diagonal()).sum(1)
    torch.testing.assert_close(trace, wanted)
    assert value.requires_grad == trace.requires_grad == graph
    if graph:
        (mine,), (theirs,) = (torch.autograd.grad(t.sum(), matrix) for t in (trace, wanted))
        torch.testing.assert_close(mine, theirs)


def test_the_hessian_of_an_energy_has_its_trace():
    energy = sk.models.EnergyModel(lambda z: (z**4).sum(1) / 12)
    torch.testing.assert_close(BACKEND.divergence(energy, x())[1], -(x() ** 2).sum(1))


# ---------------------------------------------------------------- modules as score models


@pytest.mark.parametrize("module", [Net, Conditional])
def test_a_module_is_a_score_model_as_it_stands(module):
    net = module()
    sk.testing.check_score_model(net, x(), 0.5)
    sk.testing.check_score_model(sk.models.Preconditioned(net, 1.0), x(), 0.5)
    annealed, plain = sk.samplers.AnnealedLangevin([1.0, 0.1], 2, 0.01), sk.samplers.Langevin(0.1, 2)
    samples = (plain if module is Net else annealed).sample(net, x(), rng=0)
    assert samples.x.shape == (5, 3)


def test_a_module_of_x_alone_is_refused_where_there_are_levels():
    for use in (
        sk.samplers.AnnealedLangevin([1.0, 0.1], 2, 0.01).sample,
        NoiseConditional(sk.noise.LogUniform(1.0, 0.1)),
    ):
        with pytest.raises(TypeError, match="model is a function of x alone"):
            use(Net(), x(), rng=0)


@pytest.mark.parametrize("objective", [ImplicitScoreMatching(), SlicedScoreMatching()], ids=["ism", "ssm"])
def test_batch_normalization_in_training_mode_is_refused_where_a_trace_is_taken(objective):
    net = Net(torch.nn.BatchNorm1d(8, dtype=torch.float64))
    net.eval()
    objective(net, x(), rng=0)
    net.train()
    with pytest.raises(ValueError, match="Batch normalization in training mode"):
        objective(net, x(), rng=0)
    assert net.training
    with pytest.raises(ValueError, match="Batch normalization in training mode"):
        sk.testing.check_score_model(net, x())


def test_a_view_of_a_module_is_looked_at_again_when_its_mode_changes():
    net = Net(torch.nn.BatchNorm1d(8, dtype=torch.float64)).eval()
    view = sk.models.Preconditioned(net, 1.0, "none")
    SlicedScoreMatching()(view, x(), rng=0)
    net.train()
    with pytest.raises(ValueError, match="Batch normalization in training mode"):
        SlicedScoreMatching()(view, x(), rng=0)


class InPlace(Net):
    def forward(self, x):
        return -x.mul_(0.5)


class Cut(Net):
    def forward(self, x):
        return self.body(x.detach())


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (InPlace(), "changed x"),
        (Cut(), "cut from the graph"),
        (Net().float(), r"model|dtype"),
        (Net(torch.nn.Dropout(0.5)), "Dropout"),
        (torch.nn.Linear(3, 2, dtype=torch.float64), r"model returned shape \(5, 2\)"),
    ],
)
def test_check_score_model_names_the_fault(net, words):
    with pytest.raises((sk.ScorekitError, RuntimeError), match=words):
        sk.testing.check_score_model(net, x())


def test_mixed_frameworks_are_named():
    from scorekit_torch import MLP

    net = MLP(3, hidden=(4,), conditional=False, dtype="float64")
    with pytest.raises(TypeError, match=r"model is a torch network.*numpy.ndarray.*expected one framework"):
        DenoisingScoreMatching(0.1)(net, V, rng=0)
    with pytest.raises(TypeError, match=r"x is a numpy.ndarray.*score a torch.Tensor.*two frameworks"):
        DenoisingScoreMatching(0.1)(lambda z: torch.tensor(z), V, rng=0)
    with pytest.raises(TypeError, match=r"x is a torch.Tensor.*score a numpy.ndarray.*two frameworks"):
        DenoisingScoreMatching(0.1)(lambda z: V, x(), rng=0)


# ---------------------------------------------------------------- random streams


def test_a_stream_continues_from_its_state_through_json_and_spawns_the_same_children():
    stream = BACKEND.rng(3)
    stream.normal((5,))
    stream.spawn(2)
    state = json.loads(json.dumps(stream.state()))
    other = BACKEND.rng(99)
    other.restore(state)
    assert torch.equal(stream.normal((4,)), other.normal((4,)))
    assert torch.equal(stream.spawn(1)[0].normal((4,)), other.spawn(1)[0].normal((4,)))


def test_an_unused_stream_can_be_kept_too():
    stream, other = BACKEND.rng((1, 2)), BACKEND.rng(0)
    other.restore(stream.state())
    assert torch.equal(stream.normal((4,)), other.normal((4,)))


def test_a_state_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"'numpy\.SFC64' stream: expected 'torch\.Generator'"):
        BACKEND.rng(0).restore(sk.rng(0).state())


@pytest.mark.parametrize("seed", [-1, "seed", (1, -2), 1.5])
def test_a_bad_seed(seed):
    with pytest.raises((TypeError, ValueError), match="the seed is"):
        BACKEND.rng(seed)


def test_large_seeds_and_sequences_are_told_apart():
    seeds = [0, 2**40, 2**80, (0, 1), (1, 0), (2**63, 5)]
    assert len({float(BACKEND.rng(s).uniform((1,), like=x())) for s in seeds}) == len(seeds)


def test_draws_take_the_dtype_of_like():
    stream = BACKEND.rng(0)
    for draw in (stream.normal, stream.uniform, stream.rademacher):
        assert draw((2,), like=x()).dtype == torch.float64
        assert draw((2,)).dtype == torch.float32
    assert stream.integers(3, 6, (100,)).unique().tolist() == [3, 4, 5]
    assert stream.integers(0, 2, (1,)).dtype == torch.int64


def test_choice_has_the_given_probabilities():
    """Counts of 100,000 draws within 5.3 standard errors: a false alarm has probability 1e-6 or so."""
    p, n = np.array([0.1, 0.0, 0.6, 0.3]), 100_000
    counts = np.bincount(BACKEND.rng(None).choice(4, (n,), p=p).numpy(), minlength=4)
    assert counts[1] == 0
    assert np.all(np.abs(counts - n * p) <= 5.3 * np.sqrt(n * p * (1 - p)))


def test_choice_without_replacement_is_drawing_one_after_the_other():
    p, n = [0.5, 0.3, 0.2, 0.0], 20_000
    stream = BACKEND.rng(None)
    pairs = torch.stack([stream.choice(4, (2,), p=p, replace=False) for _ in range(n)]).numpy()
    assert np.all(pairs[:, 0] != pairs[:, 1])
    for (i, j), probability in {(0, 1): 0.5 * 0.3 / 0.5, (1, 0): 0.3 * 0.5 / 0.7, (2, 1): 0.2 * 0.3 / 0.8}.items():
        seen = np.sum((pairs == (i, j)).all(1))
        assert abs(seen - n * probability) <= 5.3 * np.sqrt(n * probability * (1 - probability))
    assert sorted(stream.choice(9, (9,), replace=False).tolist()) == list(range(9))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 3, "shape": (4,), "replace": False}, "cannot draw 4 different indices: only 3"),
        ({"n": 3, "shape": (2,), "replace": False, "p": [1.0, 0.0, 0.0]}, "only 1"),
        ({"n": 3, "shape": (2,), "p": [0.5, 0.6, 0.0]}, "sums to 1.1"),
        ({"n": 3, "shape": (2,), "p": [0.5, 0.5]}, r"p has shape \(2,\)"),
        ({"n": 2, "shape": (2,), "p": [1.5, -0.5]}, "none of them negative"),
    ],
)
def test_bad_choices(options, words):
    with pytest.raises(ValueError, match=words):
        BACKEND.rng(0).choice(**options)


def test_nothing_touches_torchs_global_state():
    from scorekit_torch import MLP

    dropping = Net(torch.nn.Dropout(0.5))
    before = torch.get_rng_state()
    net = MLP(3, dtype="float64")
    NoiseConditional(sk.noise.Geometric(1.0, 0.1, 3))(net, x(), rng=None)
    sk.fit(net, NoiseConditional(sk.noise.Geometric(1.0, 0.1, 3)), x(), steps=2, progress=False)
    sk.fit(dropping, DenoisingScoreMatching(0.1), x(), steps=2, progress=False)
    assert torch.equal(before, torch.get_rng_state())


# ---------------------------------------------------------------- the network


@pytest.mark.parametrize("hidden", [(), (6,), (5, 7, 4)])
@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("probes", [1, 3])
def test_the_networks_own_probed_divergence_is_the_generic_one(hidden, conditional, probes):
    from scorekit_torch import MLP

    net = MLP(3, hidden=hidden, conditional=conditional, rng=4, dtype="float64")
    v = sk.rng(1, like=x()).normal((probes, *x().shape), like=x())
    for sigma in (0.3, torch.linspace(0.1, 1, 5, dtype=torch.float64)):
        s, estimate = net.probed_divergence(x(), sigma, v)
        expected = BACKEND.divergence(lambda z, at=sigma: net(z, at), x(), v)
        torch.testing.assert_close(s, expected[0])
        torch.testing.assert_close(estimate, expected[1])
        made, wanted = (torch.autograd.grad(e.sum(), net._weight(0))[0] for e in (estimate, expected[1]))
        torch.testing.assert_close(made, wanted)


@pytest.mark.parametrize("hidden", [(), (6,), (5, 7, 4), (2,), (2, 7), (2, 4, 5)])
@pytest.mark.parametrize("conditional", [True, False])
def test_the_networks_own_divergence_is_the_generic_one(hidden, conditional):
    from scorekit_torch import MLP

    net = MLP(3, hidden=hidden, conditional=conditional, rng=4, dtype="float64")
    for sigma in (0.3, torch.linspace(0.1, 1, 5, dtype=torch.float64)):
        s, trace = net.divergence(x(), sigma)
        expected = BACKEND.divergence(lambda z, at=sigma: net(z, at), x())
        torch.testing.assert_close(s, expected[0])
        torch.testing.assert_close(trace, expected[1], rtol=1e-10, atol=1e-12)
        for mine, theirs in zip(
            torch.autograd.grad(trace.sum(), list(net.parameters()), materialize_grads=True, allow_unused=True),
            torch.autograd.grad(expected[1].sum(), list(net.parameters()), materialize_grads=True, allow_unused=True),
            strict=True,
        ):
            torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("each", [False, True])
def test_a_network_is_a_score_model(dtype, each):
    from scorekit_torch import MLP

    data = x().to(getattr(torch, dtype))
    sigma = torch.linspace(0.1, 1, 5, dtype=data.dtype) if each else 0.3
    sk.testing.check_score_model(MLP(3, hidden=(8,), dtype=dtype), data, sigma)


def test_the_start_follows_the_rng_and_events_are_flattened():
    from scorekit_torch import MLP

    assert torch.equal(MLP(4, rng=1).layers[0].weight, MLP(4, rng=1).layers[0].weight)
    assert not torch.equal(MLP(4, rng=1).layers[0].weight, MLP(4, rng=2).layers[0].weight)
    MLP(4, rng=sk.rng(0))
    net, data = MLP(4, conditional=False), torch.arange(24.0).reshape(6, 2, 2)
    assert torch.equal(net(data).reshape(6, 4), net(data.reshape(6, 4)))
    assert repr(MLP(2, hidden=(8,))) == "MLP(2, hidden=(8,), conditional=True, dtype='float32')"


def _made(*arguments, **options):
    from scorekit_torch import MLP

    return MLP(*arguments, **options)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: _made(0), ValueError, "dim must be at least 1"),
        (lambda: _made(2, hidden=(0,)), ValueError, "hidden width must be at least 1"),
        (lambda: _made(2, hidden=8), TypeError, "hidden is 8: expected a sequence of widths"),
        (lambda: _made(2, dtype="int8"), ValueError, "'float32' or 'float64' or 'float16' or 'bfloat16', got 'int8'"),
        (lambda: _made(2, conditional=3), ValueError, "unknown conditional 3"),
        (lambda: _made(2)(x()), ValueError, r"x has shape \(5, 3\): this network expects samples of dimension 2"),
        (lambda: _made(3)(x()[0]), ValueError, r"x has shape \(3,\)"),
        (lambda: _made(3)(x()), ValueError, "conditional on sigma, got None"),
        (lambda: _made(3)(x(), -1.0), ValueError, "sigma must be positive"),
    ],
)
def test_what_the_network_refuses(make, error, words):
    with pytest.raises(error, match=words):
        make()
