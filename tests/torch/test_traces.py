"""The exact trace in bounded memory: a graph that is made again in backward is the graph that was thrown away."""

from __future__ import annotations

import pytest

import scorekit as sk

torch = pytest.importorskip("torch")
derivatives = pytest.importorskip("scorekit_torch.derivatives")
peak_bytes = pytest.importorskip("benchmarks.memory").peak_bytes

BACKEND = sk.backend("torch")


def f(weight):
    return lambda z: torch.tanh(z @ weight.T) @ weight


def inputs(d=5, n=3):
    draw = torch.Generator().manual_seed(0)
    weight = 0.4 * torch.randn(d, d, dtype=torch.float64, generator=draw)
    return weight.requires_grad_(), torch.randn(n, d, dtype=torch.float64, generator=draw)


@pytest.fixture
def made_again(monkeypatch):
    """Even small graphs are thrown away, in chunks of two directions."""
    monkeypatch.setattr(derivatives, "_KEPT", 0)
    monkeypatch.setattr(derivatives, "_CHUNK", 2)


def test_it_is_the_graph_that_would_have_been_kept(monkeypatch):
    weight, x = inputs(d=7)
    found = []
    for kept in (7, 0):
        monkeypatch.setattr(derivatives, "_KEPT", kept)
        monkeypatch.setattr(derivatives, "_CHUNK", 3)
        value, trace = BACKEND.divergence(f(weight), x)
        found.append((value, trace, *torch.autograd.grad((trace + value[:, 0] ** 2).sum(), weight)))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


def test_its_derivatives_are_right_and_have_right_derivatives(made_again):
    """A graph made again by a function that forgets what it used passes the first of these and fails the second."""
    weight, x = inputs()
    both = (weight, x.requires_grad_())
    assert torch.autograd.gradcheck(lambda w, z: BACKEND.divergence(f(w), z), both)
    assert torch.autograd.gradgradcheck(lambda w, z: BACKEND.divergence(f(w), z), both)


@pytest.mark.parametrize("later", ["value", "trace"])
def test_value_and_trace_share_a_graph_whichever_comes_first(made_again, later):
    weight, x = inputs()
    value, trace = BACKEND.divergence(f(weight), x)
    terms = [trace.sum(), (value**2).sum()] if later == "value" else [(value**2).sum(), trace.sum()]
    (terms[0] + terms[1]).backward(retain_graph=True)
    once = weight.grad.clone()
    (terms[1] + terms[0]).backward()
    torch.testing.assert_close(weight.grad, 2 * once)


ORDERS = {
    "value first": lambda place, of_value: 10**9 * of_value + place,
    "value last": lambda place, of_value: 10**6 * (1 - of_value) + place,
    "reversed": lambda place, of_value: 10**6 - place,
    "mixed": lambda place, of_value: place * 7919 % 10007,
}


@pytest.mark.parametrize("order", ORDERS)
def test_it_does_not_depend_on_the_order_of_independent_nodes(made_again, order):
    """autograd takes the node with the highest number first, and counts separately in each thread.

    On CUDA the nodes of a derivative are made in the thread of the device, so their numbers say nothing about those
    of the main thread. The graph of the value was then freed before the graphs of the trace were recomputed:
    "Trying to backward through the graph a second time". pytorch/pytorch#18566 shows the two threads.
    """
    weight, x = inputs()
    inner = (0.3 * torch.ones_like(weight)).requires_grad_()

    def loss():
        value, trace = BACKEND.divergence(lambda z: f(weight)(torch.tanh(z @ inner)), x)
        return value, (trace + 0.5 * (value**2).sum(dim=1)).mean()

    wanted = torch.autograd.grad(loss()[1], (weight, inner))
    value, total = loss()
    of_value = set(derivatives._nodes(value))
    for node in derivatives._nodes(total):
        node._set_sequence_nr(ORDERS[order](node._sequence_nr() % 10**5, node in of_value))
    for mine, theirs in zip(torch.autograd.grad(total, (weight, inner)), wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


def test_value_and_trace_see_the_same_mask(made_again):
    """The graph of the trace is made by a second evaluation; dropout draws what it drew for the value, once."""
    x, weight = torch.ones(4, 6, dtype=torch.float64), torch.ones(6, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(0)
    value, trace = BACKEND.divergence(lambda z: torch.nn.functional.dropout(weight * z), x)
    after = torch.rand(3)
    torch.testing.assert_close(trace, value.sum(dim=1))
    torch.manual_seed(0)
    torch.nn.functional.dropout(x)
    assert torch.equal(after, torch.rand(3))


def network(d):
    return torch.nn.Sequential(
        torch.nn.Linear(d, 128), torch.nn.Softplus(), torch.nn.Linear(128, 128), torch.nn.Softplus(),
        torch.nn.Linear(128, 128), torch.nn.Softplus(), torch.nn.Linear(128, d),
    )  # fmt: skip


@pytest.mark.parametrize(("d", "multiple"), [(784, 40), (129, 40), (128, 144)])
def test_memory_is_a_multiple_of_one_forward_pass(d, multiple):
    """What the docstring states. Graphs that are kept need 800 forward passes at d = 784."""
    net, x = network(d), torch.randn(32, d, generator=torch.Generator().manual_seed(0))
    objective = sk.objectives.ImplicitScoreMatching()
    objective(net, x[:2]).backward()  # the gradients' own memory, and the look at rows, are not part of it
    peak = peak_bytes(lambda: objective(net, x).backward())
    forward = peak_bytes(lambda: net(x))
    assert peak < multiple * forward
    with torch.no_grad():
        assert peak_bytes(lambda: objective(net, x)) < 40 * forward


def test_a_large_batch_has_smaller_chunks():
    """100,000 samples of 16 numbers: at most 2^21 numbers of directions at a time, and the right trace."""
    x = torch.randn(100_000, 16, generator=torch.Generator().manual_seed(0))
    scale = torch.ones(16, requires_grad=True)
    peak = peak_bytes(lambda: BACKEND.divergence(lambda z: -0.5 * scale * z**2, x)[1].sum().backward())
    assert peak < 12 * x.numel() * 4
    torch.testing.assert_close(BACKEND.divergence(lambda z: -0.5 * scale * z**2, x)[1], -x.sum(dim=1))
