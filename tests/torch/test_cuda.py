"""What only a CUDA device can show. Without one everything here is skipped."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import scorekit as sk
from scorekit._catalogue import DENSITIES, OBJECTIVES, examples

torch = pytest.importorskip("torch")
pytest.importorskip("scorekit_torch")
from benchmarks.gpu.bench import SharedNoise, products  # noqa: E402
from benchmarks.gpu.chains import SAMPLERS  # noqa: E402
from benchmarks.gpu.images import LEVELS, NETWORKS, inputs, module_of, moved, stirred  # noqa: E402
from scorekit_torch import MLP, CapturedModel, UNet  # noqa: E402

THERE = torch.cuda.is_available()
LOSSES = examples(OBJECTIVES)
EACH_OBJECTIVE = pytest.mark.parametrize("objective", LOSSES, ids=[f"{i}" for i in range(len(LOSSES))])


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
    net, x = MLP(2, hidden=(16, 16), dtype="float64"), here()
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
    net, x = MLP(200, hidden=(32,), conditional=False, dtype="float64"), here(8, 200)
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
    net, x = MLP(2, hidden=(4,), conditional=False, dtype="float64"), here()
    with pytest.raises(TypeError, match=r"on cuda:0.*on cpu.*two devices"):
        sk.objectives.SlicedScoreMatching()(net, x.to("cuda"), rng=0)
    with pytest.raises(TypeError, match="two devices"):
        sk.objectives.DenoisingScoreMatching(0.1)(lambda z: z.cpu(), x.to("cuda"), rng=0)


@cuda
def test_one_stream_a_device_however_it_is_called():
    stream = sk.backend("torch", device="cuda").rng(0)
    like = torch.zeros(1, device="cuda:0")
    assert not torch.equal(stream.normal((9,)).float(), stream.normal((9,), like=like))


@cuda
@pytest.mark.parametrize("density", examples(DENSITIES), ids=lambda density: type(density).__name__)
def test_densities_are_sampled_on_the_device(density):
    x = density.sample(50, rng=0, like=torch.zeros(1, device="cuda", dtype=torch.float64))
    assert x.device.type == "cuda"
    torch.testing.assert_close(density.score(x, 0.5).cpu(), density.score(x.cpu(), 0.5), rtol=1e-7, atol=1e-7)


# ---------------------------------------------------------------- images on the device


@pytest.fixture
def exact_products():
    """Convolutions round to TF32 unless they are told not to."""
    with products(tf32=False):
        yield


@cuda
@pytest.mark.parametrize("name", NETWORKS)
def test_image_networks_are_those_of_the_cpu(name, exact_products):
    at = inputs(2, 16).to(torch.device("cpu"), torch.float64, 2)
    model = moved(stirred(NETWORKS[name](16)), torch.device("cpu"), torch.float64)
    exact = model(at.x, at.sigma)
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
        there = at.to(torch.device("cuda"), dtype, 2)
        mine = moved(model, torch.device("cuda"), dtype)(there.x, there.sigma).cpu().double()
        torch.testing.assert_close(mine, exact, rtol=tolerance, atol=tolerance)
        model = moved(model, torch.device("cpu"), torch.float64)


@cuda
@pytest.mark.parametrize(
    "options",
    [{}, {"autocast": "bfloat16", "channels_last": True}, {"autocast": "float16"}],
    ids=["fp32", "bf16", "fp16"],
)
@pytest.mark.parametrize("law", [LEVELS, sk.noise.LogNormal(-1.0, 1.0)], ids=["levels", "log-normal"])
def test_an_image_network_learns_from_arrays_of_the_host(law, options):
    net = UNet(3, 8, num_res_blocks=1).to("cuda")
    objective, x = sk.objectives.NoiseConditional(law), inputs(32, 8).x.float()
    found = sk.fit(net, objective, x, steps=3, batch_size=16, rng=0, progress=False, **options)
    assert next(found.model.parameters()).device.type == "cuda"


@cuda
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_recorded_network_answers_as_itself(name, precision, exact_products):
    model = moved(stirred(NETWORKS[name](16, precision=precision)), torch.device("cuda"), torch.float32)
    there = inputs(4, 16).to(torch.device("cuda"), torch.float32, 4)
    recorded = CapturedModel(model, there.x, there.sigma)
    tolerance = 1e-4 if precision == "float32" else 5e-2
    with torch.no_grad():
        for sigma in (there.sigma, float(LEVELS.sigmas[0]), float(LEVELS.sigmas[-1])):
            for x in (there.x, 1 - there.x):
                recorded(x, sigma)  # a new level goes through the model; the second call is a replay
                torch.testing.assert_close(recorded(x, sigma), model(x, sigma), rtol=tolerance, atol=tolerance)
        module_of(model).get_parameter(next(n for n, _ in module_of(model).named_parameters())).mul_(1.1)
        torch.testing.assert_close(
            recorded(there.x, there.sigma), model(there.x, there.sigma), rtol=tolerance, atol=tolerance
        )


@cuda
def test_a_sampler_takes_the_same_way_with_a_recorded_network(exact_products):
    model = NETWORKS["NCSNv2"](8).to("cuda")
    x = sk.samplers.initial(LEVELS, (4, 3, 16, 16), rng=0, like=torch.zeros(1, device="cuda"))
    sampler = sk.samplers.AnnealedLangevin(LEVELS, 3, 1e-8)
    ways = [sampler.sample(m, x, rng=1).x for m in (model, CapturedModel(model, x, LEVELS.sigmas[0]))]
    torch.testing.assert_close(*ways, rtol=1e-3, atol=1e-3)


REFUSED = """
import torch, scorekit_torch
try:
    scorekit_torch.CapturedModel(lambda x, sigma: x * float(x.sum()), torch.ones(3, 2, device="cuda"), 1.0)
except TypeError as error:
    print(error)
"""


@cuda
def test_a_model_that_reads_values_back_is_refused():
    """In a process of its own: a recording that fails may leave the device in a bad state."""
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    made = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, text=True, timeout=100, env=paths)
    assert "the model cannot be recorded" in made.stdout, made.stderr
