"""Tensors of every type on disk: no change of type, shape or bits."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.learning.host_arrays import from_host, on_host
from scorekit.storage import read_folder, write_folder

torch = pytest.importorskip("torch")
from scorekit_torch import MLP, environment  # noqa: E402

BACKEND = sk.backend("torch")
DATA = torch.tensor(np.random.default_rng(0).normal(size=(64, 2)), dtype=torch.float32)
ALL_BFLOAT16 = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
EDGES = [0.0, -0.0, 1.0, -1.5, float("inf"), -float("inf")]


def same_bits(a, b):
    raw = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[a.element_size()]
    return (a.dtype, a.shape) == (b.dtype, b.shape) and torch.equal(a.contiguous().view(raw), b.contiguous().view(raw))


@pytest.mark.parametrize(
    "value",
    [
        *[torch.tensor(EDGES, dtype=dtype) for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)],
        *[torch.tensor([0, 1, 127], dtype=dtype) for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32)],
        torch.tensor(2**62, dtype=torch.int64),
        torch.tensor([[True, False]]),
        torch.tensor([1 + 2j], dtype=torch.complex64).view(torch.float32),
        torch.tensor(1.5, dtype=torch.bfloat16),
        torch.randn(4, 3, dtype=torch.bfloat16).T,
        torch.zeros(0, 2, dtype=torch.bfloat16),
        torch.zeros(3, dtype=torch.bfloat16, requires_grad=True),
        ALL_BFLOAT16[~ALL_BFLOAT16.isnan()],
    ],
    ids=lambda value: f"{value.dtype}-{tuple(value.shape)}",
)
def test_a_tensor_comes_back_with_the_same_bits(tmp_path, value):
    write_folder(tmp_path / "f", on_host(BACKEND, {"value": value}), {})
    back = from_host(BACKEND, read_folder(tmp_path / "f")[0])["value"]
    assert same_bits(back, value.detach())


def test_not_a_number_stays_not_a_number():
    values = {str(dtype): torch.tensor([1.0, float("nan")], dtype=dtype) for dtype in (torch.bfloat16, torch.float64)}
    back = from_host(BACKEND, on_host(BACKEND, values))
    assert all(back[name].isnan().tolist() == [False, True] for name in values)


def test_a_type_that_cannot_be_written_is_named():
    for dtype in (torch.complex128, torch.float8_e4m3fn):
        with pytest.raises(TypeError, match=rf"w has dtype {str(dtype)[6:]}: expected bfloat16 or one of bool, int8"):
            on_host(BACKEND, {"w": torch.zeros(2, dtype=dtype)})


def test_bfloat16_has_no_place_in_a_backend_without_it(tmp_path):
    host = on_host(BACKEND, {"w": torch.zeros(2, dtype=torch.bfloat16)})
    with pytest.raises(sk.CheckpointError, match="bfloat16, which the numpy backend lacks"):
        from_host(sk.backend("numpy"), host)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    "view", [lambda net: net, lambda net: sk.models.Preconditioned(net, 0.7)], ids=["bare", "view"]
)
def test_a_network_of_half_width_weights_comes_back_as_one(tmp_path, dtype, view):
    net = MLP(2, hidden=(8,), rng=3).to(getattr(torch, dtype))
    sk.save(view(net), tmp_path / "m")
    back = sk.load(tmp_path / "m")
    inside = getattr(back, "inner", back)
    assert repr(inside) == f"MLP(2, hidden=(8,), conditional=True, dtype='{dtype}')"
    assert all(same_bits(inside.state_dict()[name], value) for name, value in net.state_dict().items())


class Mixed(torch.nn.Module):
    """bfloat16 weights, and buffers of integers, booleans and float16, under float32 data."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            self.inner = torch.nn.Linear(2, 2).to(torch.bfloat16)
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("mask", torch.tensor([True, False]))
        self.register_buffer("scale", torch.tensor(1.5, dtype=torch.float16))

    def forward(self, x):
        if self.training:
            self.calls += 1
        return self.inner(x.to(torch.bfloat16)).to(x.dtype) * self.scale.to(x.dtype)


def test_a_run_of_mixed_types_resumes_to_the_same_bits(tmp_path):
    def run(**options):
        objective = sk.objectives.DenoisingScoreMatching(0.3)
        return sk.fit(Mixed(), objective, DATA, steps=12, batch_size=32, progress=False, **options)

    whole = run().model.state_dict()
    run(checkpoint=tmp_path, callbacks=[lambda state: state.step == 5])
    resumed = run(checkpoint=tmp_path).model.state_dict()
    assert whole["inner.weight"].dtype == torch.bfloat16
    assert int(whole["calls"]) > 0
    assert all(same_bits(resumed[name], value) for name, value in whole.items())


def test_what_equal_bits_depend_on_is_recorded_and_named(tmp_path):
    def run(**options):
        objective = sk.objectives.DenoisingScoreMatching(0.3)
        return sk.fit(
            MLP(2, dtype="float32"), objective, DATA, batch_size=32, progress=False, checkpoint=tmp_path, **options
        )

    run(steps=2)
    threads = torch.get_num_threads()
    recorded = read_folder(tmp_path / "step-000000002")[1]["environment"]
    assert recorded.items() >= environment(DATA).items()
    torch.set_num_threads(threads + 1)
    try:
        with pytest.warns(RuntimeWarning, match=f"threads was {threads}, now {threads + 1}. Its weights may differ"):
            run(steps=4)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("name", ["load_ncsn", "TorchBackend", "devices"])
def test_a_manifest_can_name_networks_and_nothing_else(tmp_path, name):
    """What the package exports beside its networks is not called, whatever a file asks for."""
    from scorekit.storage.folders import write_folder

    description = {"kind": "model", "backend": "torch", "network": name, "config": {}, "views": []}
    write_folder(tmp_path / "model", {"w": np.ones(2)}, description)
    with pytest.raises(sk.CheckpointError, match=f"names {name}, which is not a network"):
        sk.load(tmp_path / "model")
