"""Weights as they come: files of other programs, of other processes and wrappers, and networks of users."""

from __future__ import annotations

import argparse
import collections
import copy
import math
import os
import pathlib
import pickle
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

import scorekit as sk
import scorekit_numpy
from scorekit.training import FitState

torch = pytest.importorskip("torch")
from scorekit_torch import MLP, NCSNv2, UNet, from_diffusers, load_ncsn, load_ncsnpp, load_ncsnv2  # noqa: E402
from scorekit_torch.networks import NCSNPP_CONFIGS  # noqa: E402
from support import published  # noqa: E402

V2, PP, INDEXED = (published.CASES[name] for name in ("ncsnv2", "ncsn++ residual", "ncsn++ positional"))


@pytest.fixture
def saved(tmp_path):
    def save(content, name="checkpoint.pth", **options):
        torch.save(content, tmp_path / name, **options)
        return tmp_path / name

    return save


def same_output(case, network):
    with torch.no_grad():
        output = network(published.images(case), torch.tensor(case["sigma"]))
    return float(output.double().norm()) == pytest.approx(case["output"]["norm"], rel=1e-5)


# ---------------------------------------------------------------- files: what else is in them


class EasyDict(dict):
    """A dict with attributes, as many training programs save."""


class ListConfig(list):
    """A list of a class of its own."""


OBJECTS = {
    "NumPy scalar": np.float64(0.5),  # nerfstudio-project/nerfstudio#3702, deepmodeling/deepmd-kit#4147
    "NumPy array": np.arange(3.0),  # facebookresearch/fairseq#5603
    "Namespace": argparse.Namespace(lr=1e-3, net=argparse.Namespace(width=8)),  # ROCm/Megatron-LM#56
    "dict of a class": EasyDict(lr=1e-3),
    "list of a class": ListConfig([1, 2]),  # open-retina/open-retina#186
    "path": pathlib.PurePosixPath("runs/first"),
    "function": math.sqrt,
    "set": {1, 2},
    "counter": collections.Counter("aab"),
    "default dict": collections.defaultdict(list, a=[1]),
    "class": FitState,
    "dtype and device": (torch.float16, torch.device("cuda:3"), torch.Size([2])),
    "bytes": b"\x00\xff",
    "complex": 1 + 2j,
}


@pytest.mark.parametrize("name", [*OBJECTS, "all of them, before 1.6"])
def test_objects_beside_the_weights_do_not_matter(name, saved):
    content = published.checkpoint(V2)
    content.insert(2, OBJECTS.get(name, OBJECTS))
    assert same_output(V2, load_ncsnv2(saved(content, _use_new_zipfile_serialization=name in OBJECTS)))


class Hostile:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize("old_format", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("place", ["first", "beside"])
def test_nothing_in_a_file_is_executed(place, old_format, saved, tmp_path):
    mark = tmp_path / "executed"
    calls = [
        Hostile(os.system, f"touch {mark}"),
        Hostile(eval, f"open({str(mark)!r}, 'w')"),
        Hostile(exec, f"open({str(mark)!r}, 'w')"),
        Hostile(pathlib.Path.touch, mark),
        Hostile(np.save, str(mark), np.ones(1)),
        Hostile(torch.save, {}, str(mark)),
        Hostile(shutil.rmtree, str(tmp_path)),
    ]
    whole = published.checkpoint(V2)
    content = [calls, *whole] if place == "first" else [*whole[:2], calls, *whole[2:]]
    path = saved(content, _use_new_zipfile_serialization=not old_format)
    if place == "first":
        with pytest.raises(sk.CheckpointError, match="holds a list of 6 items: expected tensors by name"):
            load_ncsnv2(path)
    else:
        assert same_output(V2, load_ncsnv2(path))
    assert not mark.exists()
    assert path.exists()


# karpathy/nanoGPT#325, huggingface/pytorch-image-models#2003, FareedKhan-dev/train-llm-from-scratch#36
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod.", "net."])
def test_prefixes_of_wrappers(prefix, saved):
    assert same_output(V2, load_ncsnv2(saved(published.state(V2, prefix)), averaged=True))


def averaged_layouts():
    weights = published.state(PP)
    fixed = ("module.sigmas", "module.all_modules.0.W")
    trained = {name.removeprefix("module."): v for name, v in weights.items() if name not in fixed}
    return {
        "in order": {"decay": 0.999, "shadow_params": list(trained.values())},
        "in order, alone": list(trained.values()),
        "by name": trained,
        "by name, all": weights,
        "shadow": {"mu": 0.999, "shadow": trained},
        "a list of one": [weights],
        "an object": argparse.Namespace(decay=0.999, shadow_params=list(trained.values())),
    }


@pytest.mark.parametrize("name", averaged_layouts())
@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_layouts_of_averages(name, key, saved):
    content = published.checkpoint(PP) | {"ema": averaged_layouts()[name]}
    content[key] = content.pop("model")
    assert same_output(PP, load_ncsnpp(saved(content), PP["arguments"]))


@pytest.mark.parametrize(
    ("averages", "words"),
    [
        ([published.state(PP)] * 2, r"holds 2 sets of averaged weights\. Save the one that you want alone"),
        ({"shadow_params": []}, r"holds no averaged weights\. Load the last ones: averaged=False"),
        ({"shadow": {"a": torch.zeros(1)}}, "holds 1 averaged weights that do not fit its 156 weights"),
        (None, "holds no averaged weights"),
    ],
)
def test_averages_that_are_no_averages(averages, words, saved):
    with pytest.raises(sk.CheckpointError, match=words):
        load_ncsnpp(saved(published.checkpoint(PP) | {"ema": averages}), PP["arguments"])


def test_tensors_alone_and_safetensors(saved, tmp_path):
    from safetensors.torch import save_file

    weights = published.state(PP, "")
    assert same_output(PP, load_ncsnpp(saved(weights), PP["arguments"]))
    save_file({name: value.contiguous() for name, value in weights.items()}, tmp_path / "model.safetensors")
    assert same_output(PP, load_ncsnpp(tmp_path / "model.safetensors", PP["arguments"]))
    averaged = {"n_averaged": torch.tensor(3)} | published.state(PP, "module.")  # torch.optim.swa_utils.AveragedModel
    assert same_output(PP, load_ncsnpp(saved(averaged), PP["arguments"]))
    with pytest.raises(
        sk.CheckpointError, match=r"holds NaN or infinity in net\.first\.weight: the training had diverged"
    ):
        load_ncsnv2(saved(published.state(V2) | {"module.begin_conv.weight": torch.full((4, 3, 3, 3), torch.nan)}))


def test_a_file_of_averages_alone(saved):
    path = saved({"ema": published.state(V2)})
    assert same_output(V2, load_ncsnv2(path))
    with pytest.raises(sk.CheckpointError, match=r"holds averaged weights only: load them, averaged=True\."):
        load_ncsnv2(path, averaged=False)


def script():
    module = torch.jit.script(torch.nn.Linear(2, 2))
    return lambda path: module.save(str(path))


OTHERS = {
    "page": (lambda p: p.write_bytes(b"\n<!DOCTYPE html><html>quota</html>"), "is an HTML page, as servers send"),
    "pointer": (  # zifuwan/Sigma#48: "invalid load key, 'v'"
        lambda p: p.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        r"is a Git LFS pointer, not the file itself\. Run git lfs pull",
    ),
    "empty": (lambda p: p.touch(), "is an empty file"),
    "text": (lambda p: p.write_text("weights"), "is of no known kind"),
    "npz": (lambda p: np.savez(p.with_suffix(".npz"), a=np.ones(1)) or p.with_suffix(".npz").rename(p), r"\(\.npz\)"),
    "npy": (
        lambda p: np.save(p.with_suffix(".npy"), np.ones(1)) or p.with_suffix(".npy").rename(p),
        r"is a NumPy array \(\.npy\)",
    ),
    "pickle": (lambda p: p.write_bytes(pickle.dumps({"a": 1})), r"is a pickle that torch\.save did not write"),
    "folder": (lambda p: p.mkdir(), "is a folder"),
    "half": (lambda p: p.write_bytes(_bytes_of(published.state(V2))[:2000]), "is a damaged zip archive"),
    "program": (lambda p: script()(p), "is a TorchScript archive, which holds a program"),
}


def _bytes_of(content):
    import io

    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of torch.jit
def test_a_file_of_another_kind_is_named(name, tmp_path):
    write, words = OTHERS[name]
    write(tmp_path / "file")
    with pytest.raises(sk.CheckpointError, match=words) as caught:
        load_ncsnv2(tmp_path / "file")
    assert "expected a file that torch.save wrote, or a safetensors file" in str(caught.value)
    with pytest.raises(sk.CheckpointError, match=words) as caught:
        sk.load(tmp_path / "file")
    assert "expected a folder that sk.save wrote" in str(caught.value)


def test_damaged_files_raise_our_error_and_no_other(saved):
    g = np.random.default_rng()
    for old_format in (False, True):
        whole = saved({"a": {"b": [torch.ones(3)]}, "c": np.float64(1)}, _use_new_zipfile_serialization=not old_format)
        original = whole.read_bytes()
        for _ in range(60):
            damaged = bytearray(original)
            for place in g.integers(len(original), size=g.integers(1, 4)):
                damaged[place] = g.integers(256)
            whole.write_bytes(damaged[: g.integers(1, len(damaged)) if g.random() < 0.3 else None])
            with pytest.raises(sk.CheckpointError):
                load_ncsnv2(whole)


# ---------------------------------------------------------------- levels of the file and of the arguments


def test_the_levels_of_the_file_are_those_of_the_network(saved):
    """The score of a network that is told an index was 38 % off when the file's sigmas were dropped."""
    wider = [1.8 * level for level in INDEXED["arguments"]["noise"]]
    content = published.checkpoint(INDEXED)
    content["model"]["module.sigmas"] = torch.tensor(wider, dtype=torch.float64)
    with pytest.raises(
        sk.CheckpointError, match=r"10 levels from 50 to 0\.01, but .* with 10 levels from 90 to 0\.018"
    ):
        load_ncsnpp(saved(content), INDEXED["arguments"])
    network = load_ncsnpp(saved(content), INDEXED["arguments"] | {"noise": wider})
    x = published.images(INDEXED)
    expected = load_ncsnpp(saved(published.checkpoint(INDEXED)), INDEXED["arguments"])
    assert network.noise == pytest.approx(wider)
    assert network.trained_levels == pytest.approx((0.018, 90.0))
    with torch.no_grad():  # the same index, and the output is divided by a level 1.8 times as large
        torch.testing.assert_close(network(x, wider[1]) * 1.8, expected(x, INDEXED["arguments"]["noise"][1]))


def test_a_config_by_name_takes_the_levels_of_the_file(saved, monkeypatch):
    monkeypatch.setitem(NCSNPP_CONFIGS, "ve/small", INDEXED["arguments"] | {"noise": sk.noise.Geometric(90.0, 0.01, 7)})
    network = load_ncsnpp(saved(published.checkpoint(INDEXED)), "ve/small")
    assert network.noise == pytest.approx(INDEXED["arguments"]["noise"])
    assert same_output(INDEXED, network)


def test_levels_of_ncsn(saved):
    case = published.CASES["ncsn grey"]
    plain, levels = published.checkpoint(case), case["noise"]
    with_levels = [plain[0] | {"module.sigmas": torch.tensor(levels)}, *plain[1:]]  # as of ermongroup/ncsnv2
    network = load_ncsn(saved(with_levels))
    assert network.noise == pytest.approx(levels)
    assert network.trained_levels == pytest.approx((0.1, 1.0))
    assert same_output(case, load_ncsn(saved(with_levels), levels))
    for content, noise, words in (
        (plain, None, r"does not hold its 3 noise levels: pass noise=…"),
        (plain, sk.noise.Geometric(1.0, 0.01, 10), "10 levels from 1 to 0.01, but .* has weights for 3 levels"),
        (with_levels, [1.0, 0.3, 0.1], r"but .* was trained with 3 levels from 1 to 0\.1: leave noise out"),
        ([plain[0] | {"module.sigmas": -torch.ones(3)}], None, "holds sigmas that are no noise levels: a noise level"),
    ):
        with pytest.raises(sk.CheckpointError, match=words):
            load_ncsn(saved(content), noise)


def test_a_network_of_another_paper_is_named(saved):
    with pytest.raises(sk.CheckpointError, match=r"use load_ncsnpp\."):
        load_ncsnv2(saved(published.checkpoint(PP)))
    with pytest.raises(sk.CheckpointError, match=r"it is not NCSN\. For NCSNv2 use load_ncsnv2"):
        load_ncsn(saved(published.checkpoint(V2)), [1.0, 0.1])
    with pytest.raises(sk.CheckpointError, match="It has no all_modules, so it is not of score_sde_pytorch"):
        load_ncsnpp(saved(published.checkpoint(V2)), PP["arguments"])
    with pytest.raises(sk.CheckpointError, match=r"The file has Fourier .* BigGAN blocks, with a residual input"):
        load_ncsnpp(saved(published.checkpoint(PP)), published.CASES["ddpm++ subvp"]["arguments"])


TRAINED = {
    "ncsn++ residual": (0.01, 50.0),
    "ncsnv2": (0.01, 50.0),
    # t from 1e-5 to 1: sigma² = e^B − 1 with B = 0.1 t + 9.95 t²; sub-VP: 2 sinh(B/2)
    "ddpm++ vp continuous": (math.sqrt(math.expm1(1e-6 + 9.95e-10)), math.sqrt(math.expm1(10.05))),
    "ddpm++ subvp": (2 * math.sinh((1e-6 + 9.95e-10) / 2), 2 * math.sinh(5.025)),
    "ddpm++ vp discrete": (
        math.sqrt(1 / (1 - 1e-4) - 1),
        math.sqrt(1 / np.prod(1 - np.linspace(1e-4, 0.02, 1000)) - 1),
    ),
}


@pytest.mark.parametrize("name", TRAINED)
def test_loaders_say_on_which_levels_a_network_was_trained(name, saved, tmp_path):
    case = published.CASES[name]
    path = saved(published.checkpoint(case))
    network = load_ncsnv2(path) if case["kind"] == "ncsnv2" else load_ncsnpp(path, case["arguments"])
    assert network.trained_levels == pytest.approx(TRAINED[name], rel=1e-6)
    sk.save(network, tmp_path / "model")
    again = sk.load(tmp_path / "model")
    assert again.trained_levels == network.trained_levels
    assert same_output(case, again)
    assert copy.deepcopy(network).trained_levels == network.trained_levels


# ---------------------------------------------------------------- variance-preserving networks


def at_time(process, t):
    """a(t) and std(t) by the definition of each process, for t in [0, 1]; DDPM's for a step i = 999 t."""
    if process == "ddpm":
        kept = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))[round(999 * t)]
        return math.sqrt(kept), math.sqrt(1 - kept)
    a = math.exp(-0.25 * t * t * 19.9 - 0.5 * t * 0.1)
    return a, (1 - a * a) if process == "subvp" else math.sqrt(1 - a * a)


@pytest.mark.parametrize("by_row", [False, True], ids=["float", "array"])
@pytest.mark.parametrize("process", ["vp", "subvp", "ddpm"])
def test_layers_that_predict_the_noise_of_gaussian_data_give_its_score(process, by_row):
    """For data N(0, v): ε(x, t) = std x/(a² v + std²), and the score of x̄ is −x̄/(v + sigma²)."""
    v, net = 0.7, UNet(1, 8, (1,), 1, (), embedding="positional", process=process, precision="float64")
    seen = {}
    net.embed = torch.nn.Module()
    net.embed.forward = lambda time, told: seen.update(time=time) or torch.zeros(1, 32, dtype=torch.float64)
    net.first.register_forward_pre_hook(lambda _module, inputs: seen.update(x=inputs[0]))

    def noise(_h):
        constants = [at_time(process, float(time) / 999) for time in seen["time"].expand(len(seen["x"]))]
        factors = torch.tensor([std / (a * a * v + std * std) for a, std in constants], dtype=torch.float64)
        return factors[:, None, None, None] * seen["x"]

    net.head = torch.nn.Module()
    net.head.forward = noise
    x = torch.randn(3, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for t in (0.01, 0.3, 0.7, 1.0):
        a, std = at_time(process, round(999 * t) / 999)
        sigma = std / a
        given = torch.full((3,), sigma, dtype=torch.float64) if by_row else sigma
        torch.testing.assert_close(net(x, given), -x / (v + sigma**2), rtol=1e-9, atol=1e-12)
    levels = torch.tensor([0.1, 2.0, 30.0], dtype=torch.float64)
    if process != "ddpm":  # whose steps between two integers have no definition of their own
        expected = -x / (v + levels[:, None, None, None] ** 2)
        torch.testing.assert_close(net(x, levels), expected, rtol=1e-9, atol=1e-12)


def test_a_level_that_no_time_has_is_refused():
    net = UNet(1, 8, (1,), 1, (), embedding="positional", process="ddpm")
    x = torch.zeros(2, 1, 4, 4)
    for sigma in (0.001, torch.tensor([1.0, 500.0])):
        with pytest.raises(ValueError, match=r"outside of the levels of this network, 0\.01 to 157\.4: its times end"):
            net(x, sigma)
    net(x, 0.0100005)


def test_options_of_a_process():
    with pytest.raises(ValueError, match="expected embedding='positional', and neither noise nor divide_by_sigma"):
        UNet(1, 8, (1,), 1, (), process="vp")
    with pytest.raises(ValueError, match="unknown process 'VP': expected one of 've', 'vp', 'subvp', 'ddpm'"):
        UNet(1, 8, (1,), 1, (), process="VP")
    with pytest.raises(TypeError, match="betas is 20: expected two numbers"):
        UNet(1, 8, (1,), 1, (), embedding="positional", process="vp", betas=20)


VP = published.CASES["ddpm++ vp continuous"]


def namespace(**entries):
    return argparse.Namespace(**{k: namespace(**v) if isinstance(v, dict) else v for k, v in entries.items()})


@pytest.mark.parametrize(
    "make", [lambda **e: e, namespace, lambda **e: EasyDict(_fields=e)], ids=["dict", "names", "fields"]
)
def test_settings_in_the_file_are_compared(make, saved):
    content = published.checkpoint(VP) | {"config": make(training={"sde": "subvpsde", "continuous": True})}
    with pytest.raises(
        sk.CheckpointError, match=r"was trained with subvpsde, but config has the process 'vp'.*'subvp/"
    ):
        load_ncsnpp(saved(content), VP["arguments"])
    content["config"] = make(training={"sde": "vpsde", "continuous": True})
    assert same_output(VP, load_ncsnpp(saved(content), VP["arguments"]))


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        (
            None,
            TypeError,
            "config is None: expected the authors' name of the checkpoint, one of ve/cifar10_ncsnpp_cont",
        ),
        ("cifar10_ncsnpp", ValueError, r"did you mean 've/cifar10_ncsnpp' or 'vp/cifar10_ncsnpp'\?"),
        (
            {"channel": 3},
            TypeError,
            "config has channel: expected arguments of UNet, which are channels, base_channels",
        ),
        (
            VP["arguments"] | {"channel_mult": [1, 1, 1]},
            sk.CheckpointError,
            r"positional features and \d+ BigGAN blocks, without a .*vp/cifar10_ddpmpp,",
        ),
    ],
)
def test_a_config_that_is_none(config, error, words, saved):
    with pytest.raises(error, match=words):
        load_ncsnpp(saved(published.checkpoint(VP)), config)


def test_a_vp_network_in_half_precision():
    net = UNet(1, 8, (1,), 1, (), embedding="positional", process="vp")
    x, sigma = torch.randn(2, 1, 8, 8), torch.tensor([0.5, 100.0])
    exact, half = net(x, sigma).detach(), copy.deepcopy(net).half()(x.half(), sigma.half())
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), exact, rtol=0.05, atol=0.02 * float(exact.abs().max()))


def test_positional_features_alone_do_not_tell_the_process(saved):
    arguments = {key: value for key, value in VP["arguments"].items() if key != "process"}
    with pytest.raises(ValueError, match="which networks of every process have: add process='vp', 'subvp' or 'ddpm'"):
        load_ncsnpp(saved(published.checkpoint(VP)), arguments)


def test_a_vp_file_is_never_taken_for_a_ve_one(saved):
    """A trained network: the same tensors, read as VE, give a score that points away from the data."""
    from scorekit_torch.networks.ncsnpp import ncsnpp_names

    shape = {"channels": 1, "base_channels": 8, "channel_mult": (1,), "num_res_blocks": 1, "embedding": "positional"}
    net = UNet(**shape, attention=(), process="vp")
    x = torch.randn(64, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    levels = sk.objectives.NoiseConditional(sk.noise.LogUniform(100.0, 0.05))
    net = sk.fit(net, levels, x, steps=40, batch_size=16, learning_rate=5e-3, ema=None, progress=False).model
    names = ncsnpp_names(net)
    state = {
        names[name]: value[:, :, 0, 0].T if names[name].endswith(".W") else value
        for name, value in net.state_dict().items()
    }
    path = saved(state | {"sigmas": torch.tensor(np.geomspace(50, 0.01, 1000))})
    as_itself = load_ncsnpp(path, shape | {"attention": (), "process": "vp"})
    torch.testing.assert_close(as_itself(x[:2], 3.0), net(x[:2], 3.0))
    as_ve = shape | {"attention": (), "noise": sk.noise.Geometric(50.0, 0.01, 1000), "divide_by_sigma": True}
    with pytest.raises(
        sk.CheckpointError, match=r"is not of the process 've': at the largest level, 50, its score points"
    ):
        load_ncsnpp(path, as_ve)


# ---------------------------------------------------------------- sk.save and sk.load of any network


class Tied(torch.nn.Module):
    """Two layers with one weight, buffers of all kinds, and one that is not saved."""

    def __init__(self, width=4, seed=0):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.first, self.last = torch.nn.Linear(width, width), torch.nn.Linear(width, width)
            self.last.weight = self.first.weight
            self.normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(width, width))
            self.register_buffer("phase", torch.randn(width, dtype=torch.complex64))
        self.register_buffer("mask", torch.full((width,), -torch.inf))  # infinite, as masks of attention are
        self.register_buffer("grid", torch.arange(width), persistent=False)
        self.register_buffer("none", None)

    def forward(self, x, sigma):
        return self.normed(self.last(self.first(x))) * self.phase.real + self.grid


class Net(torch.nn.Module):
    def __init__(self, width=4, seed=0):
        super().__init__()
        self.width = width
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.layer = torch.nn.Linear(width, width)

    def config(self):
        return {"width": self.width}

    def forward(self, x, sigma):
        return self.layer(x)


POINTS = torch.linspace(-1, 1, 12).reshape(3, 4)
WRAPPERS = {
    "bare": lambda net: net,
    "compiled": lambda net: torch.compile(net, backend="eager"),
    "data parallel": torch.nn.DataParallel,
    "both": lambda net: torch.compile(torch.nn.DataParallel(net), backend="eager"),
    "view": lambda net: sk.models.Preconditioned(net, 0.7, "none"),
    "view of compiled": lambda net: sk.models.Preconditioned(torch.compile(net, backend="eager"), 0.7, "none"),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_any_module_in_any_wrapper_comes_back(wrapper, tmp_path):
    """pytorch/pytorch#101107"""
    net, wrap = Tied(), WRAPPERS[wrapper]
    sk.save(wrap(net), tmp_path / "model")
    for into in (Tied(seed=1), wrap(Tied(seed=1))):
        again = sk.load(tmp_path / "model", into=into)
        assert torch.equal(sk.models.denoise(again, POINTS, 1.0), sk.models.denoise(net, POINTS, 1.0))


def test_a_network_that_no_backend_makes_says_how(tmp_path):
    sk.save(Net(6), tmp_path / "model")
    with pytest.raises(
        sk.CheckpointError, match=r"a \S+test_foreign_weights\.Net, .* Net\(width=6\), and write sk\.load\(fo"
    ):
        sk.load(tmp_path / "model")
    with pytest.raises(sk.CheckpointError, match=r"layer\.weight is \(6, 6\), the model has \(4, 4\)"):
        sk.load(tmp_path / "model", into=Net(4))
    with pytest.raises(sk.CheckpointError, match=r"layer\.weight is float32, the model has float64"):
        sk.load(tmp_path / "model", into=Net(6).double())
    with pytest.raises(
        TypeError, match=r"into is the class Net: expected an instance, made as the saved one, Net\(…\)"
    ):
        sk.load(tmp_path / "model", into=Net)
    with pytest.raises(TypeError, match="into is a str: expected a network of the class of the saved one"):
        sk.load(tmp_path / "model", into="cpu")


class Other(Net):
    """The same tensors, and another formula."""


def test_weights_of_another_class_are_loaded_with_a_warning(tmp_path):
    sk.save(Net(), tmp_path / "model")
    with pytest.warns(UserWarning, match=r"weights of a \S+test_foreign_weights\.Net, and into is a Other") as caught:
        sk.load(tmp_path / "model", into=Other())
    assert caught[0].filename == __file__


class Extra(Net):
    def get_extra_state(self):
        return {"steps": 3}

    def set_extra_state(self, state):
        pass


def _broken(value, name="weight"):
    net = Net()
    getattr(net.layer, name).data[0] = value
    return net


def _buffer(value):
    net = Net()
    net.register_buffer("mean", torch.tensor([1.0, value]))
    return net


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Net, TypeError, "cannot save the class Net: expected a network with parameters"),
        (lambda: SimpleNamespace(model=Net()), TypeError, r"cannot save a .*SimpleNamespace.*Pass its \.model\."),
        (Extra, TypeError, "_extra_state of this Extra is a dict: expected arrays only"),
        (lambda: torch.nn.LazyLinear(3), TypeError, "weight of this LazyLinear has no values yet: call a lazy network"),
        (lambda: Net().to("meta"), TypeError, r"layer\.weight of this Net has no values yet"),
        (torch.nn.Identity, ValueError, "this Identity has no parameters and no buffers: there is nothing to save"),
        (
            lambda: _broken(torch.nan),
            sk.NonFiniteError,
            r"layer\.weight of this Net holds 4 values that are NaN or inf",
        ),
        (lambda: _broken(torch.inf).bfloat16(), sk.NonFiniteError, r"layer\.weight of this Net holds 4 values"),
        (lambda: _buffer(torch.nan), sk.NonFiniteError, "mean of this Net holds 1 values"),
        (lambda: Net().to(torch.complex128), TypeError, r"layer\.weight has dtype complex128"),
    ],
)
@pytest.mark.filterwarnings("ignore:Complex modules")
def test_what_cannot_be_saved_says_why_and_writes_nothing(make, error, words, tmp_path):
    with pytest.raises(error, match=words):
        sk.save(make(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


class Linear:
    """A network of NumPy arrays that a user wrote."""

    def __init__(self, weight):
        self.weight = weight

    def parameters(self):
        return {"weight": self.weight}

    def with_parameters(self, parameters):
        return Linear(parameters["weight"])

    def __call__(self, x, sigma):
        return x @ self.weight


def test_a_numpy_network_of_a_user(tmp_path):
    net, x = Linear(np.random.default_rng(0).normal(size=(4, 4))), POINTS.double().numpy()
    sk.save(sk.models.Preconditioned(net, 0.7), tmp_path / "model")
    again = sk.load(tmp_path / "model", into=Linear(np.zeros((4, 4))))
    assert np.array_equal(again(x, 1.0), sk.models.Preconditioned(net, 0.7)(x, 1.0))
    with pytest.raises(sk.NonFiniteError, match="weight of this Linear holds 1 values"):
        sk.save(Linear(np.array([[np.inf]])), tmp_path / "other")


def test_a_network_of_ours_in_half_precision_comes_back_as_one(tmp_path):
    net = NCSNv2(1, 4).half()
    sk.save(net, tmp_path / "model")
    again = sk.load(tmp_path / "model")
    assert {p.dtype for p in again.parameters()} == {torch.float16}
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), net.parameters(), strict=True))


def test_folders_of_other_programs_and_other_parts_of_this_one(tmp_path):
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "config.json").write_text("{}")
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "model_index.json").write_text("{}")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    data = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    sk.fit(Net(), sk.objectives.DenoisingScoreMatching(0.1), data, steps=1, progress=False, checkpoint=tmp_path / "fit")
    sk.save(Net(), tmp_path / "model")
    for place, words in (
        ("nowhere", "does not exist: expected a folder that sk.save wrote"),
        ("hub", r"layout of the Hugging Face Hub: .* scorekit_torch\.from_diffusers makes a UNet a score model"),
        (
            "pipeline",
            r"is a pipeline of diffusers: .*scorekit_torch\.from_diffusers\(pipeline\.unet, pipeline\.scheduler\)",
        ),
        ("run", r"is the folder of a run of scorekit train: .* sk\.load\(\".*/run/model\"\)"),
        ("fit", r"is the checkpoint folder of a fit: .* sk\.fit with checkpoint=\".*/fit\""),
        ("fit/step-000000001", "contains a checkpoint: expected a model written by sk.save"),
        (
            "model/arrays.safetensors",
            r"is a part of a folder that scorekit wrote: expected the folder, sk\.load\('.*/model'",
        ),
        (".", r"is a folder: expected a folder that sk\.save wrote\. For this one: it has no manifest\.json"),
    ):
        with pytest.raises(sk.CheckpointError, match=words):
            sk.load(tmp_path / place)


# ---------------------------------------------------------------- the dtype of the data


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("make", [lambda: MLP(4, hidden=(8,)), Net, lambda: Net().double()])
def test_fit_trains_a_copy_in_the_dtype_of_the_data(make, dtype, tmp_path):
    """pytorch/pytorch#2138: "expected Double tensor (got Float tensor)" """
    net, data = make(), torch.randn(16, 4, dtype=dtype, generator=torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    result = sk.fit(net, sk.objectives.DenoisingScoreMatching(0.1), data, steps=3, progress=False, optimizer="adagrad")
    assert {p.dtype for p in result.model.parameters()} == {dtype}
    assert result.model(data, 0.1).dtype == dtype
    assert all(
        value.dtype == before[n].dtype and torch.equal(value, before[n]) for n, value in net.state_dict().items()
    )


def test_images_in_float64_and_a_network_of_numpy(tmp_path):
    images = torch.rand(4, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    net = NCSNv2(1, 4)
    made = sk.fit(net, sk.objectives.NoiseConditional(sk.noise.LogUniform(1.0, 0.1)), images, steps=1, progress=False)
    assert made.model.precision == "float64"
    sk.save(made.model, tmp_path / "model")
    assert torch.equal(sk.load(tmp_path / "model")(images, 0.5), made.model(images, 0.5))
    data = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    ours = scorekit_numpy.MLP(4, hidden=(8,))
    made = sk.fit(ours, sk.objectives.DenoisingScoreMatching(0.1), data, steps=2, progress=False)
    assert (made.model.dtype, ours.dtype) == ("float32", "float64")
    assert made.model(data, 0.1).dtype == np.float32


class HalfInside(torch.nn.Module):
    """Weights of two dtypes, which converts by itself: it is left as it is."""

    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4).bfloat16()
        self.register_buffer("steps", torch.tensor(3))

    def forward(self, x):
        return self.last(self.first(x.float()).bfloat16()).to(x.dtype)


def test_a_module_of_several_dtypes_is_left_alone():
    data = torch.randn(16, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    made = sk.fit(HalfInside(), sk.objectives.DenoisingScoreMatching(0.1), data, steps=2, progress=False).model
    assert (made.first.weight.dtype, made.last.weight.dtype) == (torch.float32, torch.bfloat16)
    assert made.steps.dtype == torch.int64


def test_outside_of_fit_nothing_is_converted():
    with pytest.raises(
        TypeError, match=r"float32 for x of dtype torch\.float64: .*Convert the model's parameters or x"
    ):
        sk.models.denoise(MLP(4, hidden=(8,)), POINTS.double(), 0.5)


# ---------------------------------------------------------------- diffusers


class Exact(torch.nn.Module):
    """The prediction that is right for data N(0, v), of each kind, at any step between two of the scheduler's."""

    def __init__(self, kept, prediction, v, config=None):
        super().__init__()
        self.kept, self.prediction, self.v = kept.double(), prediction, v
        if config is not None:
            self.config = config

    def forward(self, x, step, class_labels=None):
        self.seen = step
        low = step.floor().long().clamp(max=len(self.kept) - 2)
        logs = (1 / self.kept - 1).sqrt().log()
        sigma = torch.lerp(logs[low], logs[low + 1], step.double() - low).exp()[:, None, None, None]
        a = (1 + sigma**2) ** -0.5
        clean = a * self.v * x / (a**2 * self.v + a**2 * sigma**2)
        noise = (x - a * clean) / (a * sigma)
        made = {"sample": clean, "epsilon": noise, "v_prediction": a * noise - a * sigma * clean}[self.prediction]
        made = made if class_labels is None else made * class_labels[:, None, None, None]
        return SimpleNamespace(sample=made.to(x.dtype))


def schedule(name, steps=1000):
    """ᾱ of diffusers' beta schedules, from their definitions."""
    if name == "squaredcos_cap_v2":
        t = np.linspace(0, 1, steps + 1)
        bar = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.minimum(1 - bar[1:] / bar[:-1], 0.999)
    else:
        root = 0.5 if name == "scaled_linear" else 1.0
        betas = np.linspace(1e-4**root, 0.02**root, steps) ** (1 / root)
    return torch.tensor(np.cumprod(1 - betas))


def scheduler(kept, prediction, **settings):
    return SimpleNamespace(alphas_cumprod=kept, config=SimpleNamespace(prediction_type=prediction, **settings))


PICTURES = torch.randn(3, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
PREDICTIONS = pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])


@PREDICTIONS
@pytest.mark.parametrize("name", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_an_exact_unet_gives_the_exact_score(prediction, name):
    """huggingface/diffusers#1421 has the signs of v; pals-ttic/sjc#13 the sigma that belongs to a score −ε/sigma."""
    v, kept = 0.7, schedule(name)
    model = from_diffusers(Exact(kept, prediction, v), scheduler(kept, prediction))
    low, high = model.trained_levels
    assert (low, high) == pytest.approx((math.sqrt(1 / kept[0] - 1), math.sqrt(1 / kept[-1] - 1)))
    for sigma in (low, 0.3, 1.0, 7.7, 0.9 * high, torch.tensor([0.1, 2.0, 30.0], dtype=torch.float64)):
        level = sk.expand(sigma, PICTURES)
        # a step of float32 is known to 1e-4 at 1,000, which is 1e-6 of log sigma and more where sigma jumps
        torch.testing.assert_close(model(PICTURES, sigma), -PICTURES / (v + level**2), rtol=2e-3, atol=1e-9)


def test_levels_and_conditions_of_a_unet():
    kept = schedule("linear")
    unet = Exact(kept, "epsilon", 1.0, SimpleNamespace(num_class_embeds=4))
    model = from_diffusers(unet, scheduler(kept, "epsilon"))
    assert (model.classes, model.takes_condition, unet.training) == (4, True, False)
    with pytest.raises(
        ValueError, match=r"takes class_labels, and no condition was passed: write sk\.models\.condition"
    ):
        model(PICTURES, 1.0)
    three = sk.models.condition(model, 3)(PICTURES, 1.0)
    torch.testing.assert_close(three, 3 * sk.models.condition(model, 1)(PICTURES, 1.0))
    sigma = math.sqrt(1 / kept[500] - 1)
    sk.models.condition(model, 1)(PICTURES, sigma)
    torch.testing.assert_close(unet.seen, torch.full((3,), 500.0))
    for wrong in (1e-3, 1e3):
        with pytest.raises(
            ValueError, match=f"sigma {wrong:g} is outside of the levels of this network, 0.01 to 157.4"
        ):
            sk.models.condition(model, 1)(PICTURES, wrong)
    plain = from_diffusers(Exact(kept, "epsilon", 1.0, SimpleNamespace()), scheduler(kept, "epsilon"))
    with pytest.raises(TypeError, match="takes none"):
        sk.models.denoise(plain, PICTURES, 1.0, torch.tensor([0, 1, 2]))


def test_zero_terminal_noise_and_learned_variances():
    kept = torch.cat([schedule("linear"), torch.zeros(1)])  # rescale_betas_zero_snr
    model = from_diffusers(Exact(kept[:-1], "sample", 1.0), scheduler(kept, "sample"))
    assert model.trained_levels[1] == pytest.approx(157.4, abs=0.05)

    class Both(torch.nn.Module):  # andreas128/RePaint#57: twice the channels, the second half is the variance
        def forward(self, x, step):
            return SimpleNamespace(sample=torch.cat([x, 100 + x], dim=1))

    model = from_diffusers(Both(), scheduler(kept, "epsilon", variance_type="learned_range"))
    torch.testing.assert_close(model(PICTURES, 1.0), -PICTURES / math.sqrt(2))


def test_what_from_diffusers_refuses():
    kept = schedule("linear")
    unet = Exact(kept, "epsilon", 1.0)
    pipeline = SimpleNamespace(unet=unet, scheduler=None)
    with pytest.raises(TypeError, match=r"Write from_diffusers\(pipeline\.unet, pipeline\.scheduler\)"):
        from_diffusers(pipeline, None)
    with pytest.raises(
        TypeError, match=r"without alphas_cumprod: expected a variance-preserving one, as DDPMScheduler"
    ):
        from_diffusers(unet, SimpleNamespace(config=None))
    with pytest.raises(
        ValueError, match="unknown prediction_type 'flow_prediction': expected one of 'epsilon', 'v_pred"
    ):
        from_diffusers(unet, scheduler(kept, "flow_prediction"))
    with pytest.raises(ValueError, match="do not descend strictly"):
        from_diffusers(unet, scheduler(kept.flip(0), "epsilon"))


@PREDICTIONS
@pytest.mark.filterwarnings("ignore")  # of the other library
def test_the_denoised_image_is_that_of_diffusers(prediction):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D")}
    unet = diffusers.UNet2DModel(
        8, 1, 1, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, num_class_embeds=3, **blocks
    ).eval()
    x = torch.randn(2, 1, 8, 8)
    for schedule_name in ("scaled_linear", "squaredcos_cap_v2"):
        for kind in (diffusers.DDPMScheduler, diffusers.DDIMScheduler):
            steps = kind(beta_schedule=schedule_name, prediction_type=prediction, clip_sample=False)
            steps.set_timesteps(1000)
            model = sk.models.condition(from_diffusers(unet, steps), 2)
            for t in (1, 700):
                kept = float(steps.alphas_cumprod[t])
                with torch.no_grad():
                    output = unet(x, t, class_labels=torch.tensor([2, 2])).sample
                    wanted = steps.step(output, t, x).pred_original_sample
                    mine = sk.models.denoise(model, x / math.sqrt(kept), math.sqrt(1 / kept - 1))
                assert float((mine - wanted).abs().max() / wanted.abs().max()) < 1e-5
