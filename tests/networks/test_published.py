"""Checkpoints of the authors: the same images give the same output, and files that do not fit are refused."""

from __future__ import annotations

import pickle

import pytest

import scorekit as sk

torch = pytest.importorskip("torch")
from scorekit_torch import NCSN, NCSNv2, UNet, load_ncsn, load_ncsnpp, load_ncsnv2  # noqa: E402
from scorekit_torch.networks import NCSNPP_CONFIGS  # noqa: E402
from support import published  # noqa: E402

EVERY = pytest.mark.parametrize("name", published.CASES)


def loaded(case, path, **options):
    if case["kind"] == "ncsn":
        return load_ncsn(path, case["noise"])
    if case["kind"] == "ncsnv2":
        return load_ncsnv2(path, **options)
    return load_ncsnpp(path, case["arguments"], **options)


@pytest.fixture
def saved(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "checkpoint.pth")
        return tmp_path / "checkpoint.pth"

    return save


def off(case, network):
    """The largest difference to what the authors' network gave, in units of the root mean square of its output."""
    with torch.no_grad():
        output = network(published.images(case), torch.tensor(case["sigma"]))
    size = case["output"]["norm"] / output.numel() ** 0.5
    here, there = published.summary(output), case["output"]
    gaps = [(torch.tensor(here[k]) - torch.tensor(there[k])).abs().max() for k in ("first", "mean")]
    return max(*map(float, gaps), abs(here["norm"] - there["norm"]) / output.numel() ** 0.5) / size


@EVERY
def test_the_output_is_that_of_the_authors_network(name, saved):
    case = published.CASES[name]
    network = loaded(case, saved(published.checkpoint(case)))
    assert not network.training
    assert off(case, network) < 1e-5


@pytest.mark.parametrize("name", [n for n, case in published.CASES.items() if case["kind"] != "ncsn"])
def test_the_last_weights_in_place_of_the_averages(name, saved):
    case = published.CASES[name]
    path = saved(published.checkpoint(case, averages=False))
    assert off(case, loaded(case, path, averaged=False)) < 1e-5
    with pytest.raises(sk.CheckpointError, match="averaged=False"):
        loaded(case, path)


@EVERY
def test_what_is_missing_left_over_or_of_another_shape_is_named(name, saved):
    case = published.CASES[name]
    options = {} if case["kind"] == "ncsn" else {"averaged": False}
    whole = published.checkpoint(case)
    weights = whole["model"] if case["kind"] == "ncsnpp" else whole[0]
    key = next(k for k in weights if k.endswith(("end_conv.weight", "all_modules.3.weight", "all_modules.2.weight")))
    value = weights.pop(key)
    weights["module.stranger"] = torch.zeros(1)
    plain = key.removeprefix("module.")  # the wrapper's prefix is that of every name
    with pytest.raises(sk.CheckpointError, match=f"missing are {plain}; left over are stranger. Nothing was loaded"):
        loaded(case, saved(whole), **options)
    del weights["module.stranger"]
    weights[key] = value[..., :1]
    with pytest.raises(sk.CheckpointError, match=r"is \(.*, 1\), the network has \(.*, (3|32)\)\. Nothing was loaded"):
        loaded(case, saved(whole), **options)


class Hostile:
    def __reduce__(self):
        return (print, ("executed",))


def test_files_that_are_no_checkpoints(tmp_path, saved, capsys):
    with pytest.raises(sk.CheckpointError, match="does not exist"):
        load_ncsnv2(tmp_path / "nothing.pth")
    (tmp_path / "text.pth").write_text("text")
    with pytest.raises(sk.CheckpointError, match=r"expected a file that torch\.save wrote"):
        load_ncsnv2(tmp_path / "text.pth")
    (tmp_path / "hostile.pth").write_bytes(pickle.dumps([Hostile()]))
    with pytest.raises(sk.CheckpointError, match=r"is a pickle that torch\.save did not write"):
        load_ncsnv2(tmp_path / "hostile.pth")
    with pytest.raises(sk.CheckpointError, match="holds a list of 1 items"):
        load_ncsnv2(saved([Hostile()]))
    assert "executed" not in capsys.readouterr().out
    for content, words in (
        ({"model": {}}, "holds a dict with model: expected tensors by name"),
        ([{"a": 1}], "holds a list of 1 items: expected tensors by name"),
        ({"a.b": torch.zeros(1), "c": torch.zeros(1)}, "has no begin_conv.weight"),
    ):
        with pytest.raises(sk.CheckpointError, match=words):
            load_ncsnv2(saved(content))
    with pytest.raises(sk.CheckpointError, match="holds a list of 0 items"):
        load_ncsnpp(saved([]), {"channels": 1})


def test_options_of_the_loaders(saved):
    with pytest.raises(ValueError, match="unknown config 'cifar': expected one of 've/cifar10_ncsnpp_continuous'"):
        load_ncsnpp("x.pth", "cifar")
    case = published.CASES["ncsn++ residual"]
    with pytest.raises(ValueError, match="block='ddpm' and fir=True cannot be loaded"):
        load_ncsnpp(saved(published.checkpoint(case)), case["arguments"] | {"block": "ddpm"})
    averages = published.checkpoint(case)
    averages["ema"]["shadow_params"].pop()
    with pytest.raises(sk.CheckpointError, match="averaged weights that do not fit its"):
        load_ncsnpp(saved(averages), case["arguments"])


# counted in the authors' networks with their own settings
PUBLISHED = {
    "NCSN, CIFAR-10": (lambda: NCSN(3, sk.noise.Geometric(1.0, 0.01, 10), 128), 30117635),
    "NCSN, MNIST": (lambda: NCSN(1, sk.noise.Geometric(1.0, 0.01, 10), 64), 7638657),
    "NCSNv2": (lambda: NCSNv2(3, 128), 29694083),
    "NCSNv2, deeper": (lambda: NCSNv2(3, 128, 5), 83445379),
    "NCSNv2, deepest": (lambda: NCSNv2(3, 128, 6), 94132611),
    "NCSN++, CIFAR-10": (lambda: UNet(**NCSNPP_CONFIGS["ve/cifar10_ncsnpp_continuous"]), 62758915),
    "NCSN++, deep": (lambda: UNet(**NCSNPP_CONFIGS["ve/cifar10_ncsnpp_deep_continuous"]), 107587075),
    "NCSN++, 256x256": (lambda: UNet(**NCSNPP_CONFIGS["ve/church_ncsnpp_continuous"]), 65574549),
    "NCSN++, 1024x1024": (lambda: UNet(**NCSNPP_CONFIGS["ve/ffhq_ncsnpp_continuous"]), 105785896),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name, monkeypatch):
    make, expected = PUBLISHED[name]
    monkeypatch.setattr("scorekit_torch.networks._image.start", lambda network, draws: None)  # counting needs no values
    assert sum(p.numel() for p in make().parameters()) == expected
