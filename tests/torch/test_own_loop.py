"""Objectives inside a loop that the user wrote: backward, torch.compile, autocast, both precisions, frozen models."""

from __future__ import annotations

import copy
import shutil

import pytest

import scorekit as sk
from scorekit.objectives import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    ImplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)

torch = pytest.importorskip("torch")

LEVELS = sk.noise.Geometric(2.0, 0.1, 4)
OBJECTIVES = {
    "esm": ExplicitScoreMatching(lambda x: -x),
    "ism": ImplicitScoreMatching(),
    "ism, hutchinson": ImplicitScoreMatching("hutchinson"),
    "ssm": SlicedScoreMatching(variance_reduced=False),
    "ssm-vr": SlicedScoreMatching(),
    "dsm": DenoisingScoreMatching(0.3),
    "ncsn": NoiseConditional(LEVELS),
}
COMPILED = {"dsm": OBJECTIVES["dsm"], "ncsn": OBJECTIVES["ncsn"]}
EACH = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)


class Score(torch.nn.Module):
    """A score network with a buffer, dropout and a normalization."""

    def __init__(self, dtype=torch.float64):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.random.manual_seed(0)  # fork_rng puts the global stream back
            self.body = torch.nn.Sequential(
                torch.nn.Linear(4, 16, dtype=dtype), torch.nn.LayerNorm(16, dtype=dtype), torch.nn.Tanh(),
                torch.nn.Linear(16, 3, dtype=dtype),
            )  # fmt: skip
        self.register_buffer("scale", torch.tensor(0.5, dtype=dtype))

    def forward(self, x, sigma=None):
        level = torch.zeros_like(x[:, :1]) if sigma is None else torch.as_tensor(sigma, dtype=x.dtype).reshape(-1, 1)
        return self.scale * self.body(torch.cat([x, level.expand(len(x), 1)], dim=1))


def data(dtype=torch.float64, n=32):
    return torch.randn(n, 3, dtype=dtype, generator=torch.Generator().manual_seed(1))


@EACH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_plain_loop_lowers_the_loss(objective, dtype):
    net, x = Score(dtype), data(dtype)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    losses = []
    for _ in range(5):
        loss = objective(net, x, rng=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert loss.dtype == dtype
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


@EACH
def test_backward_is_the_central_difference(objective):
    net, x = Score(), data(n=6)
    objective(net, x, rng=0).backward()
    gradient = torch.cat([p.grad.reshape(-1) for p in net.parameters()])
    direction = torch.randn(gradient.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    ends = []
    for h in (1e-5, -1e-5):
        moved = copy.deepcopy(net)
        vector = torch.nn.utils.parameters_to_vector(moved.parameters()) + h * direction
        torch.nn.utils.vector_to_parameters(vector.detach(), moved.parameters())
        ends.append(objective(moved, x, rng=0).item())
    assert float(gradient @ direction) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-8)


@EACH
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_model_and_data_are_left_as_they_were(objective, frozen, training):
    net, x = Score().train(training).requires_grad_(not frozen), data()
    net.body[0].weight.requires_grad_(False)
    flags = [p.requires_grad for p in net.parameters()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    versions = {name: value._version for name, value in net.state_dict().items()}
    before, version = x.clone(), x._version
    loss = objective(net, x, rng=0)
    assert all(p.grad is None for p in net.parameters())
    assert loss.requires_grad != frozen
    if not frozen:
        loss.backward()
        assert [p.grad is not None for p in net.parameters()] == flags
    assert flags == [p.requires_grad for p in net.parameters()]
    assert all(module.training == training for module in net.modules())
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert versions == {name: value._version for name, value in net.state_dict().items()}
    assert torch.equal(x, before)
    assert (x._version, x.requires_grad, x.grad) == (version, False, None)


# ---------------------------------------------------------------- autocast


class Half(Score):
    """A network under autocast, whose input and output stay float32."""

    def __init__(self):
        super().__init__(torch.float32)
        self.seen = []

    def forward(self, x, sigma=None):
        self.seen.append(x.detach())
        with torch.autocast("cpu", torch.bfloat16):
            s = super().forward(x, sigma)
        assert s.dtype in (torch.float32, torch.bfloat16)
        return s.float()


@EACH
def test_a_network_in_bfloat16_agrees_to_its_precision(objective):
    half = Half()
    plain = Score(torch.float32)
    with_half = [p.grad for p in _backward(objective, half, data(torch.float32)).parameters()]
    without = [p.grad for p in _backward(objective, plain, data(torch.float32)).parameters()]
    for mine, theirs in zip(with_half, without, strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, theirs, rtol=0.05, atol=0.05 * float(theirs.abs().max()))
    assert any(not torch.equal(mine, theirs) for mine, theirs in zip(with_half, without, strict=True))


def _backward(objective, net, x):
    loss = objective(net, x, rng=0)
    assert loss.dtype == torch.float32
    loss.backward()
    return net


@pytest.mark.parametrize("objective", COMPILED.values(), ids=COMPILED)
def test_noise_is_added_in_float32_inside_autocast_too(objective):
    """At x = 1000 bfloat16 cannot see a noise of 0.3: the network must get both, unrounded."""
    half, x = Half(), data(torch.float32) + 1000
    with torch.autocast("cpu", torch.bfloat16):
        loss = objective(half, x, rng=0)
    seen = half.seen[-1]  # before it, row 0 was compared with row 0 alone
    assert seen.dtype == loss.dtype == torch.float32
    exact = []
    objective(lambda y, sigma: exact.append(y) or 0 * y, x, rng=0)
    assert torch.equal(seen, exact[-1])
    assert (seen - seen.bfloat16().float()).abs().max() > 0.1


@EACH
def test_a_loss_inside_autocast_is_that_of_float32(objective):
    net, x = Half(), data(torch.float32)
    outside = objective(net, x, rng=0)
    with torch.autocast("cpu", torch.bfloat16):
        inside = objective(net, x, rng=0)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, outside, rtol=1e-2, atol=1e-2)


class AnswersInHalf(Score):
    """What a module under autocast gives when its last layer is linear."""

    def forward(self, x, sigma=None):
        return self.body(torch.cat([x, x[:, :1]], dim=1))


@EACH
def test_a_module_that_answers_in_bfloat16_is_widened(objective):
    net, x = AnswersInHalf(torch.float32), data(torch.float32)
    outside = objective(net, x, rng=0)
    with torch.autocast("cpu", torch.bfloat16):
        assert net(x).dtype == torch.bfloat16
        inside = objective(net, x, rng=0)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, outside, rtol=2e-2, atol=2e-2)
    inside.backward()
    assert all(p.grad.dtype == torch.float32 for p in net.parameters())


def test_a_sampler_keeps_float32_around_a_network_in_bfloat16():
    net, x = AnswersInHalf(torch.float32), data(torch.float32)
    sampler = sk.samplers.Langevin(0.1, 10)
    with torch.autocast("cpu", torch.bfloat16):
        inside = sampler.sample(net, x, rng=0).x
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, sampler.sample(net, x, rng=0).x, rtol=2e-2, atol=2e-2)


# ---------------------------------------------------------------- torch.compile


def graphs(net):
    """All that torch.compile does but the writing of machine code, which takes a minute and a C++ compiler."""
    return torch.compile(net, backend="aot_eager")


def _loss_and_gradients(call, net, x):
    net.zero_grad()
    loss = call(x, sk.rng(0, like=x))
    loss.backward()
    return loss, [p.grad.clone() for p in net.parameters()]


@pytest.mark.parametrize("objective", COMPILED.values(), ids=COMPILED)
@pytest.mark.parametrize("by", [graphs, pytest.param(torch.compile, marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", ["the network", "the whole loss"])
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # its own code
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's compiler looks at it
def test_denoising_losses_compile_to_the_same_values(objective, by, what):
    if by is torch.compile and shutil.which("c++") is None:
        pytest.skip("torch.compile needs a C++ compiler on the CPU")
    torch.compiler.reset()
    net, x = Score(torch.float32), data(torch.float32)
    plain = _loss_and_gradients(lambda x, rng: objective(net, x, rng), net, x)
    compiled = by(net) if what == "the network" else by(lambda x, rng: objective(net, x, rng))
    call = (lambda x, rng: objective(compiled, x, rng)) if what == "the network" else compiled
    torch.testing.assert_close(_loss_and_gradients(call, net, x), plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("objective", [OBJECTIVES["ism"], OBJECTIVES["ssm-vr"]], ids=["ism", "ssm-vr"])
def test_a_compiled_network_is_refused_where_it_would_be_differentiated_twice(objective):
    net, x = Score(torch.float32), data(torch.float32)
    compiled = graphs(net)
    with pytest.raises(TypeError, match=r"cannot be differentiated twice: expected the module itself"):
        objective(compiled, x, rng=0)


def test_a_compiled_network_that_is_not_trained_is_differentiated_once():
    net, x = Score(torch.float32).requires_grad_(False), data(torch.float32)
    objective = OBJECTIVES["ssm-vr"]
    torch.testing.assert_close(objective(graphs(net), x, rng=0), objective(net, x, rng=0))
