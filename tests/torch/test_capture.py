"""Recorded evaluations: what can be held without a device. test_cuda.py holds the values on one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import scorekit as sk

torch = pytest.importorskip("torch")
scorekit_torch = pytest.importorskip("scorekit_torch")
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from scorekit.samplers import AnnealedLangevin  # noqa: E402
from scorekit_torch import MLP, NCSN, CapturedModel, NCSNv2, UNet, backend, capture  # noqa: E402
from scorekit_torch.networks import levels  # noqa: E402

LEVELS = (5.0, 1.0, 0.1)
NETWORKS = {
    "NCSN": lambda **o: NCSN(3, LEVELS, 4, **o),
    "NCSNv2": lambda **o: NCSNv2(3, 4, **o),
    "UNet": lambda **o: UNet(3, 8, num_res_blocks=1, **o),
    "UNet of levels": lambda **o: UNet(3, 8, num_res_blocks=1, noise=LEVELS, embedding="positional", fir=True, **o),
}
MODELS = NETWORKS | {f"{name}, classes": lambda make=make: make(classes=3) for name, make in NETWORKS.items()}
MODELS["MLP"] = lambda: MLP(3 * 8 * 8, (4,), dtype="float32")


# ---------------------------------------------------------------- what a graph can record


class OnlyOn(TorchDispatchMode):
    """Every tensor of every operation must be on this device: nothing is copied in or read back."""

    def __init__(self, device):
        super().__init__()
        self.device, self.operations = device, 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        for each in tree_leaves((args, kwargs, made)):
            assert not isinstance(each, torch.Tensor) or each.device.type == self.device, operation
        self.operations += 1
        return made


def evaluate_without_values(model, sigma):
    """On the device meta, where no tensor has a value that could be read."""
    module = getattr(model, "net", model) if isinstance(model, sk.models.Preconditioned) else model
    module.to("meta")
    x = torch.empty(2, 3, 8, 8, device="meta")
    told = None if module.classes is None else torch.zeros(2, dtype=torch.int64, device="meta")
    with OnlyOn("meta") as watched, torch.no_grad():
        assert model(x, sigma, told).shape == x.shape
    assert watched.operations > 5


@pytest.mark.parametrize("view", [False, True], ids=["network", "Preconditioned"])
@pytest.mark.parametrize("name", MODELS)
def test_an_evaluation_that_is_recorded_reads_nothing_back_and_copies_nothing_in(name, view, monkeypatch):
    for module in (backend, levels):
        monkeypatch.setattr(module, "readable", lambda x: False)
    monkeypatch.setattr(sk.models.preconditioned, "check_batch", lambda x, finite: x)
    model = MODELS[name]()
    evaluate_without_values(sk.models.Preconditioned(model, 0.5) if view else model, torch.ones(2, device="meta"))


@pytest.mark.parametrize("name", ["NCSN", "UNet of levels", "UNet", "MLP"])
def test_otherwise_the_levels_are_looked_at(name):
    with pytest.raises((RuntimeError, NotImplementedError), match=r"meta tensors"):
        evaluate_without_values(MODELS[name](), torch.ones(2, device="meta"))


@pytest.mark.parametrize("name", ["UNet", "NCSNv2", "MLP"])
def test_a_number_is_filled_in_where_the_images_are(name, monkeypatch):
    """No host-to-device copy in a step of a sampler, which would make the host wait."""
    model = MODELS[name]()
    for maker in ("tensor", "as_tensor", "from_numpy"):
        monkeypatch.setattr(torch, maker, lambda *_a, **_o: pytest.fail("a tensor was made on the host"))
    evaluate_without_values(model, 1.0)


def test_levels_are_the_same_whether_copied_or_filled_in(monkeypatch):
    sigma = torch.tensor([0.1, 5.0, 1.0, 5.0])
    plain = levels.level_index(sigma, LEVELS)
    monkeypatch.setattr(levels, "readable", lambda x: False)
    assert plain.tolist() == levels.level_index(sigma, LEVELS).tolist() == [2, 0, 1, 0]


def test_values_can_be_read_unless_a_stream_is_recorded(monkeypatch):
    readable = sk.backend("torch").readable
    assert readable(torch.zeros(1))
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert readable(torch.zeros(1))  # a graph records its device alone
    assert not readable(SimpleNamespace(is_cuda=True))


def test_no_value_can_be_read_in_what_is_compiled(monkeypatch):
    """The checks of values are left out there: one graph, without a break."""
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: pytest.fail("asked"))
    score = sk.models.Preconditioned(lambda x, sigma: torch.tanh(x), 0.5)
    compiled = torch.compile(score, backend="eager", fullgraph=True)
    x, sigma = torch.arange(6.0).reshape(3, 2), torch.tensor([0.1, 1.0, 2.0])
    torch.testing.assert_close(compiled(x, sigma), score(x, sigma))
    with pytest.raises(ValueError, match="sigma must be positive"):
        score(x, -sigma)


# ---------------------------------------------------------------- the door


def test_only_a_device_that_records_is_taken():
    with pytest.raises(TypeError, match=r"x is on the device cpu: only a CUDA device can record graphs\. Use the mod"):
        CapturedModel(lambda x, sigma: -x, torch.zeros(3, 2), 1.0)
    with pytest.raises(TypeError, match="only a CUDA device"):
        CapturedModel(lambda x, sigma: -x, sk.backend("numpy").asarray([[1.0]]), 1.0)
    with pytest.raises(ValueError, match=r"expected \(n, …\)"):
        CapturedModel(lambda x, sigma: -x, torch.zeros(3), 1.0)


class Graph:
    """Stands in for a recorded graph: what was recorded is run again, into the same tensor."""

    def __init__(self, run):
        self.run, self.score, self.replays = run, run(), 0

    def replay(self):
        self.replays += 1
        self.score.copy_(self.run())


@pytest.fixture
def record(monkeypatch):
    """``record(model, x, sigma)``, the captured model and its graph, on a CPU that is said to record."""
    graphs = []

    def recorded(run, _device):
        graphs.append(Graph(run))
        return graphs[-1], graphs[-1].score

    monkeypatch.setattr(capture, "_recorded", recorded)
    monkeypatch.setattr(capture, "_check_device", lambda x: None)
    return lambda *arguments: (CapturedModel(*arguments), graphs[-1])


def score(x, sigma):
    return -x / (1 + torch.as_tensor(sigma, dtype=x.dtype).reshape(-1, 1) ** 2)


def test_a_known_level_is_replayed_and_a_new_one_asks_the_model(record):
    model, graph = record(score, torch.ones(3, 2), 1.0)
    x = torch.arange(6.0).reshape(3, 2)
    assert torch.equal(model(x, 1.0), score(x, 1.0))
    assert graph.replays == 1
    for replays in (1, 2):
        assert torch.equal(model(x, 2.0), score(x, 2.0))
        assert graph.replays == replays
    mixed = torch.tensor([1.0, 2.0, 2.0])
    assert torch.equal(model(x, mixed), score(x, mixed))
    assert graph.replays == 3
    assert torch.equal(model(x, torch.tensor([1.0, 2.0, 0.5])), score(x, torch.tensor([1.0, 2.0, 0.5])))
    assert graph.replays == 3


def test_a_level_that_the_network_does_not_know_is_refused(record):
    x = torch.zeros(2, 3, 8, 8)
    model, _ = record(NETWORKS["NCSN"](), x, 1.0)
    for _ in range(2):
        with pytest.raises(ValueError, match="sigma 2 is not a noise level of this network"):
            model(x, 2.0)


def test_each_score_is_an_array_of_its_own(record):
    model, _ = record(score, torch.ones(3, 2), 1.0)
    first = model(torch.ones(3, 2), 1.0)
    model(torch.zeros(3, 2), 1.0)
    assert torch.equal(first, torch.full((3, 2), -0.5))


def test_a_sampler_takes_the_same_way(record):
    sampler, start = AnnealedLangevin(LEVELS, 4, 0.01), torch.ones(5, 2, dtype=torch.float64)
    model, graph = record(score, start, 5.0)
    assert torch.equal(sampler.sample(model, start, rng=0).x, sampler.sample(score, start, rng=0).x)
    assert graph.replays == 4 + 3 + 3 + 1


def test_a_model_without_levels(record):
    model, graph = record(lambda x: -x, torch.ones(3, 2))
    assert torch.equal(model(torch.full((3, 2), 2.0)), torch.full((3, 2), -2.0))
    assert graph.replays == 1
    with pytest.raises(ValueError, match=r"sigma is 0\.5: this model was recorded without a noise level"):
        model(torch.ones(3, 2), 0.5)


@pytest.mark.parametrize(
    ("x", "sigma", "message"),
    [
        (
            torch.ones(4, 2),
            1.0,
            r"of shape \(4, 2\) and dtype torch\.float32 on cpu: .*\(3, 2\).*on cpu\. Rec",
        ),
        (torch.ones(3, 2, dtype=torch.float64), 1.0, "float64 on cpu: this model was recorded for a .*float32"),
        (torch.ones(3, 2, device="meta"), 1.0, "on meta: this model was recorded for .* on cpu"),
        (torch.ones(3, 2), None, "sigma is None: this model was recorded with a noise level"),
        (torch.ones(3, 2), -1.0, "sigma must be positive"),
        (torch.ones(3, 2), torch.ones(2), r"sigma has shape \(2,\)"),
        (torch.ones(3, 2, requires_grad=True), 1.0, "x requires a gradient, and a recorded evaluation has none"),
    ],
)
def test_a_call_that_differs_from_the_recorded_one_is_refused(record, x, sigma, message):
    model, graph = record(score, torch.ones(3, 2), 1.0)
    with pytest.raises((ValueError, TypeError), match=message):
        model(x, sigma)
    assert graph.replays == 0


def test_it_says_what_it_was_recorded_for(record):
    model, _ = record(NETWORKS["NCSNv2"](), torch.zeros(2, 3, 8, 8), 1.0)
    assert repr(model).startswith("CapturedModel(NCSNv2(channels=3, base_channels=4")
    assert repr(model).endswith("x of shape (2, 3, 8, 8) on cpu)")
