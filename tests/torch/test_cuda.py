"""What only a CUDA device can show. Without one everything here is skipped."""

from __future__ import annotations

import pytest

import scorekit as sk
from scorekit.testing.differentiation import _all_objectives

torch = pytest.importorskip("torch")
MLP = pytest.importorskip("scorekit_torch").MLP
SharedNoise = pytest.importorskip("benchmarks.gpu.bench").SharedNoise
SAMPLERS = pytest.importorskip("benchmarks.gpu.chains").SAMPLERS

THERE = torch.cuda.is_available()
OBJECTIVES = _all_objectives()
EACH_OBJECTIVE = pytest.mark.parametrize("objective", OBJECTIVES, ids=[f"{i}" for i in range(len(OBJECTIVES))])


def cuda(test):
    return pytest.mark.cuda(pytest.mark.skipif(not THERE, reason="no CUDA device")(test))


def here(n=64, d=2):
    return sk.backend("torch", dtype="float64").rng(0).normal((n, d))


# ---------------------------------------------------------------- the library, with a device


@cuda
def test_the_seam():
    sk.testing.check_backend(sk.backend("torch", device="cuda"))


@cuda
def test_streams_are_drawn_on_the_device_and_repeat_there():
    like = torch.zeros(1, device="cuda")
    first, second = sk.rng(5, like=like), sk.rng(5, like=like)
    for draw in ("normal", "uniform", "rademacher"):
        one, two = (getattr(stream, draw)((1000,), like=like) for stream in (first, second))
        assert one.device.type == "cuda"
        assert torch.equal(one, two)
    kept = first.state()
    wanted = first.normal((9,), like=like)
    second.restore(kept)
    assert torch.equal(second.normal((9,), like=like), wanted)


@cuda
@EACH_OBJECTIVE
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_every_loss_and_gradient_is_that_of_the_cpu(objective, dtype):
    net, x = MLP(2, hidden=(16, 16)), here()
    exact = _gradient(objective, net, x)
    net.to("cuda", dtype)
    mine = _gradient(objective, net, x.to("cuda", dtype))
    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    for ours, theirs in zip(mine, exact, strict=True):
        torch.testing.assert_close(ours.cpu().double(), theirs, rtol=tolerance, atol=tolerance)


def _gradient(objective, net, x):
    net.zero_grad()
    loss = objective(_with_a_level(net), x, rng=SharedNoise(0))
    loss.backward()
    return loss.detach(), torch.cat([p.grad.reshape(-1) for p in net.parameters()])


def _with_a_level(net):
    return lambda x, sigma: net(x, 0.5 if sigma is None else sigma)


@cuda
def test_the_trace_of_many_directions_is_made_again_on_the_device():
    """The graph of each chunk is made in backward, which on a device runs in a thread of its own."""
    net, x = MLP(200, hidden=(32,), conditional=False), here(8, 200)
    found = []
    for device in ("cpu", "cuda"):
        net.to(device).zero_grad()
        sk.backend("torch").divergence(lambda z: net(z), x.to(device))[1].sum().backward()
        found.append(torch.cat([layer.weight.grad.cpu().reshape(-1) for layer in net.layers]))
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


@cuda
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers(name):
    sampler = SAMPLERS[name](20)

    def model(x, sigma=None):
        return -x / (1.0 if sigma is None else 1.0 + sigma**2)

    on_cpu, on_device = (sampler.sample(model, here().to(d), rng=SharedNoise(1)).x for d in ("cpu", "cuda"))
    assert on_device.device.type == "cuda"
    torch.testing.assert_close(on_device.cpu(), on_cpu, rtol=1e-9, atol=1e-9)


@cuda
def test_training_resumes_on_the_device(tmp_path):
    objective, x = sk.objectives.SlicedScoreMatching(), here(256).float().to("cuda")
    options = {"batch_size": 32, "progress": False, "rng": 3}

    def net():
        return MLP(2, hidden=(16,), conditional=False, dtype="float32").to("cuda")

    whole = sk.fit(net(), objective, x, steps=20, **options).model
    sk.fit(net(), objective, x, steps=10, checkpoint=tmp_path / "run", **options)
    resumed = sk.fit(net(), objective, x, steps=20, checkpoint=tmp_path / "run", **options).model
    for mine, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert mine.device.type == "cuda"
        torch.testing.assert_close(mine, theirs)


@cuda
@EACH_OBJECTIVE
def test_a_network_in_bfloat16(objective):
    model, x = _with_a_level(MLP(2, hidden=(64,), dtype="float32").to("cuda")), here().float().to("cuda")
    plain = objective(model, x, rng=0)
    with torch.autocast("cuda", torch.bfloat16):
        half = objective(model, x, rng=0)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, plain, rtol=0.05, atol=0.05)


@cuda
def test_tensors_on_two_devices_are_refused():
    net, x = MLP(2, hidden=(4,), conditional=False), here()
    with pytest.raises(TypeError, match=r"on cuda:0.*on cpu.*two devices"):
        sk.objectives.SlicedScoreMatching()(net, x.to("cuda"), rng=0)
    with pytest.raises(TypeError, match="two devices"):
        sk.objectives.DenoisingScoreMatching(0.1)(lambda z: z.cpu(), x.to("cuda"), rng=0)
