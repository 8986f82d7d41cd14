"""Files: damage is found, links are not followed, reads are bounded, paths mean what a user expects, data may move."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import shutil
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import scorekit as sk
from field import fuzz
from scorekit.cli import main
from scorekit.experiments import RunFolder, evaluate, read_experiment, read_samples, sample, train
from scorekit.experiments.config import data_paths, path_keys
from scorekit.storage.sealed import seal
from scorekit_numpy import MLP
from support.image_files import idx, python2_batch, rgb, write_idx_pair
from support.manifests import rewrite

TINY = {
    "backend": "numpy",
    "device": "cpu",
    "data": {"name": "shapes", "n": 40, "size": 8},
    "network": {"name": "MLP", "hidden": [8]},
    "noise": {"kind": "log-uniform", "sigma_max": 1.0, "sigma_min": 0.1},
    "train": {"steps": 2, "batch_size": 8},
    "sampler": {"levels": 3},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with five samples in three blocks."""
    run = train(TINY, tmp_path_factory.mktemp("trained") / "run", progress=False)
    sample(run, 5, block=2, progress=False)
    return run


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def samples_of(run):
    return next((run / "samples").iterdir())


# ---------------------------------------------------------------- damage
# safetensors/safetensors#220 (damaged weights load without a word), pytorch/torchtitan#4011 (a bit flip on a disk is
# found days later, by metrics that make no sense)

READ_AGAIN = [
    ("run.json", RunFolder.open, "Delete this file and run scorekit train again with the same experiment file"),
    ("samples/*/samples.json", lambda run: sample(run, 5, block=2, progress=False), "delete .* and sample again"),
    (
        "samples/*/block-00001.npy",
        lambda run: read_samples(samples_of(run)),
        "delete it and run scorekit sample again with the same options",
    ),
    ("model/manifest.json", lambda run: sk.load(run / "model"), ""),
    ("model/arrays.safetensors", lambda run: sk.load(run / "model"), ""),
]


@pytest.mark.parametrize(
    ("name", "read", "what_to_do"), READ_AGAIN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_flip_of_a_bit_passes(run, name, read, what_to_do):
    """200 flips of one bit, anywhere in the file: an error that names the file and what to do."""
    file, g = next(run.glob(name)), np.random.default_rng()
    whole = file.read_bytes()
    for _ in range(200):
        place, bit = int(g.integers(len(whole))), int(g.integers(8))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        file.write_bytes(damaged)
        with pytest.raises(sk.CheckpointError, match=f"(?s){file.name}.*{what_to_do}"):
            read(run), f"bit {bit} of byte {place} was flipped"
    file.write_bytes(whole)
    sample(run, 5, block=2, progress=False)


def test_a_deleted_block_is_drawn_again_with_the_same_bits(run):
    place = samples_of(run)
    before = np.array(read_samples(place))
    (place / "block-00001.npy").unlink()
    with pytest.warns(UserWarning, match="has 3 of 5 samples: run scorekit sample again"):
        assert len(read_samples(place)) == 3
    assert np.array_equal(read_samples(sample(run, 5, block=2, progress=False)), before)


def test_a_deleted_run_json_is_written_again(run):
    before = (run / "run.json").read_bytes()
    (run / "run.json").unlink()
    train(TINY, run, progress=False)
    assert (run / "run.json").read_bytes() == before


@pytest.mark.parametrize("length", [0, 1, 60, 127, 128, 200, -1, -40])
def test_a_truncated_block_is_damaged_or_whole(run, length):
    """Cut off at the end of the array, only the checksum is missing: the images are read, with a warning."""
    file = samples_of(run) / "block-00001.npy"
    before, content = np.array(read_samples(samples_of(run))), file.read_bytes()
    file.write_bytes(content[:length])
    if length == -40:
        with pytest.warns(UserWarning, match="1 of 3 blocks in .* have no checksum"):
            assert np.array_equal(read_samples(samples_of(run)), before)
    else:
        with pytest.raises(sk.CheckpointError, match=r"block-00001\.npy is damaged"):
            read_samples(samples_of(run))


def test_files_of_the_first_version_are_read_with_one_note(run):
    about = json.loads((run / "run.json").read_text())
    del about["checksum"]
    about["facts"]["mean"] = np.zeros((1, 1, 8, 8)).tolist()
    (run / "run.json").write_text(json.dumps(about | {"format": 1}))
    with pytest.warns(UserWarning, match="run.json has no checksum, because an earlier version wrote it") as noted:
        sample(run, 2, progress=False)
    assert len(noted) == 1
    assert noted[0].filename == __file__
    (run / "run.json").write_text(json.dumps(about))  # format 2 without a checksum is damage
    with pytest.raises(sk.CheckpointError, match=r"run\.json has no checksum\. Delete this file"):
        sample(run, 2, progress=False)


def test_blocks_of_other_rows_or_sizes_are_not_mixed(run):
    place = samples_of(run)
    shutil.copy(place / "block-00002.npy", place / "block-00001.npy")
    with pytest.raises(sk.CheckpointError, match=r"block-00001\.npy has 1 images, expected 2: delete it"):
        sample(run, 5, block=2, progress=False)
    np.save(place / "block-00001.npy", np.zeros((2, 1, 4, 4), np.float32))
    with pytest.raises(sk.CheckpointError, match=r"has images of shape \(1, 4, 4\), and block-00000.npy of shape"):
        read_samples(place)


# ---------------------------------------------------------------- links
# tox-dev/filelock#461 (a link with the name of a lock file: the file that it points to was truncated)

TARGETS = (
    *("run.json", "history.jsonl", "history.png", "model", "checkpoints/step-000000002", "checkpoints/.lock"),
    *("checkpoints/.holder", "samples/*/block-00001.npy", "samples/*/samples.json", "samples/*/samples.npy"),
    *("samples/*/samples.png", "samples/*/way.png", "samples/*/way.gif", "samples/*/evaluation.json"),
    *("samples/*/neighbors.png", "run.json.partial", "samples/*/samples.png.partial.png", "checkpoints/.write-test"),
)


def outside(tmp_path, *, folder):
    """A file, or a folder with a file, that nobody may change; and a function that asserts it."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "mine").write_text("mine")
    target = place if folder else place / "mine"

    def untouched():
        assert [path.name for path in place.iterdir()] == ["mine"]
        assert (place / "mine").read_text() == "mine"

    return target, untouched


@pytest.mark.filterwarnings("ignore:.*Trying the previous checkpoint:RuntimeWarning")
@pytest.mark.parametrize("name", TARGETS)
def test_a_link_with_the_name_of_a_file_is_replaced(run, tmp_path, name):
    evaluate(run)
    pattern = next(iter(run.glob(name)), None) or samples_of(run) / Path(name).name
    path = pattern if name.startswith("samples") else run / name
    target, untouched = outside(tmp_path, folder=path.is_dir())
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(target)
    try:
        train({**TINY, "train": TINY["train"] | {"steps": 3}}, run, progress=False)
        sample(run, 5, block=2, seed=0, progress=False)
        evaluate(run)
    except sk.ScorekitError as error:
        assert str(run) in str(error)  # noqa: PT017 (some are replaced, others are read before, and refused)
    untouched()


@pytest.mark.parametrize("name", ["checkpoints", "samples"])
def test_a_link_to_a_folder_inside_a_run_is_refused(run, tmp_path, name):
    shutil.rmtree(run / name)
    target, untouched = outside(tmp_path, folder=True)
    (run / name).symlink_to(target)
    with pytest.raises(sk.CheckpointError, match=f"{name} is a symbolic link: nothing is written through links inside"):
        train(TINY, run, progress=False) if name == "checkpoints" else sample(run, 2, progress=False)
    untouched()


def test_a_run_folder_may_be_a_link(tmp_path):
    """People link runs/ to a large disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    run = train(TINY, tmp_path / "runs" / "a", progress=False)
    (tmp_path / "b").symlink_to(tmp_path / "disk" / "a")
    assert evaluate(sample(tmp_path / "b", 3, progress=False).parents[1])["samples"] == 3
    assert (tmp_path / "disk" / "a" / "run.json").exists()
    assert run.exists()


def test_figures_and_histories_of_users_replace_links_too(tmp_path):
    from matplotlib.figure import Figure

    history = sk.training.History()
    for name, write in (("a.png", lambda path: sk.plot.write(Figure(), path)), ("h.jsonl", history.save)):
        (tmp_path / "mine").write_text("mine")
        (tmp_path / name).symlink_to(tmp_path / "mine")
        write(tmp_path / name)
        assert (tmp_path / "mine").read_text() == "mine"
        assert not (tmp_path / name).is_symlink()
    sk.plot.write(Figure(), tmp_path / "without ending")
    assert (tmp_path / "without ending.png").exists()


# ---------------------------------------------------------------- bounded reads
# keras-team/keras#23016 (a header of 2 KB that asks for any amount of memory), ijl/orjson#458 (deep nesting),
# python/cpython#98286 (a member of a zip archive without a name), numpy/numpy#2942


@pytest.fixture
def little_memory():
    """An error for a read that takes more than 160 MB."""
    with suppress(ImportError):
        import scorekit_torch  # noqa: F401 (slow while memory is traced)
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 160 << 20


def endless(path):
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def megabytes(path):
    """JSON text of 60 MB."""
    with path.open("wb") as file:
        file.write(b"[")
        for _ in range(60):
            file.write(b"1," * (1 << 19))
        file.write(b"1]")


SPECIAL = [endless, pipe, megabytes]


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize(
    "name", ["model/manifest.json", "model/arrays.safetensors", "run.json", "samples.json", "block-00001.npy"]
)
def test_files_of_a_run_that_never_end(run, name, special, little_memory):
    path = run / name if (run / name).exists() else samples_of(run) / name
    special(path)
    words = "not a regular file|expected at most|does not fit|damaged|no manifest"
    with pytest.raises(sk.CheckpointError, match=words):
        sample(run, 5, block=2, progress=False)


@pytest.mark.parametrize("special", SPECIAL)
def test_files_of_data_that_never_end(tmp_path, special, little_memory):
    for name in ("e.toml", "mnist_5k.csv.gz", "a.zip", "a.npz", "train-images-idx3-ubyte", "test_batch", "w.pth"):
        special(tmp_path / name)
    write_idx_pair(tmp_path / "folder", b"", b"")
    (tmp_path / "images").mkdir()
    special(tmp_path / "images" / "1.png")
    calls = [
        lambda: read_experiment(tmp_path / "e.toml"),
        lambda: sk.datasets.mnist_5k(tmp_path / "mnist_5k.csv.gz"),
        lambda: sk.datasets.image_folder(tmp_path / "a.zip"),
        lambda: sk.datasets.image_folder(tmp_path / "images"),
        lambda: sk.datasets.arrays(tmp_path / "a.npz"),
        lambda: sk.datasets.mnist(tmp_path),
        lambda: sk.datasets.cifar10(tmp_path, "test"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=re.escape(str(tmp_path))):
            call()


@pytest.mark.parametrize("special", SPECIAL)
def test_weights_that_never_end(tmp_path, special, little_memory):
    torch = pytest.importorskip("scorekit_torch")
    special(tmp_path / "w.pth")
    with pytest.raises(sk.CheckpointError, match=r"w\.pth"):
        torch.load_ncsnv2(tmp_path / "w.pth")


@pytest.mark.parametrize(
    "change",
    [
        {"hidden": [20_000, 20_000]},
        {"hidden": [4_000] * 4_000},
        {"hidden": [2**40]},
        {"dim": 10**9},
        {"classes": 10**9},
        {"hidden": [1] * 10**4},
        {"dim": 10**30},
    ],
    ids=lambda change: str(change)[:30],
)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_small_folder_cannot_ask_for_a_large_network(tmp_path, change, backend, little_memory):
    network = MLP if backend == "numpy" else pytest.importorskip("scorekit_torch").MLP
    sk.save(network(2, hidden=(4,)), tmp_path / "m")
    rewrite(tmp_path / "m", lambda content: content["description"]["config"].update(change))
    with pytest.raises(sk.CheckpointError, match=r"can load: (its settings|dim must be at most|hidden width must be)"):
        sk.load(tmp_path / "m")


@pytest.mark.parametrize(
    "change", [{"num_res_blocks": 10**9}, {"num_res_blocks": 4000, "channel_mult": [1] * 500}, {"base_channels": 8000}]
)
def test_a_small_folder_cannot_ask_for_a_large_image_network(tmp_path, change, little_memory):
    torch = pytest.importorskip("scorekit_torch")
    sk.save(torch.UNet(1, base_channels=8, channel_mult=(1,), num_res_blocks=1, attention=()), tmp_path / "m")
    rewrite(tmp_path / "m", lambda content: content["description"]["config"].update(change))
    with pytest.raises(sk.CheckpointError, match=r"its settings (contain|ask for)|expected at most 1000 blocks"):
        sk.load(tmp_path / "m")


def test_a_large_network_is_loaded(tmp_path):
    """The limit is a function of the file, and no limit for networks that are what they say."""
    net = MLP(2, hidden=(2_000, 700), dtype="float32", rng=3)
    sk.save(net, tmp_path / "m")
    again = sk.load(tmp_path / "m")
    assert all(np.array_equal(value, again.parameters()[name]) for name, value in net.parameters().items())


def test_a_bomb_of_zeros_in_gzip(tmp_path, little_memory):
    """457 kB that decompress to 470 MB, as their header says."""
    n = 600_000
    head, zeros = b"\0\0\x08\x03" + struct.pack(">3I", n, 28, 28), gzip.compress(bytes(1000 * 28 * 28))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head) + zeros * (n // 1000))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(3, np.uint8)))
    assert (tmp_path / "train-images-idx3-ubyte.gz").stat().st_size < 500_000
    with pytest.raises(sk.DatasetError, match="decompression bomb"):
        sk.datasets.mnist(tmp_path)


@pytest.mark.parametrize(
    "shape", ["(1000000000000, 1, 8, 8)", "(-1, 1, 8, 8)", "(2**99, 1)", "(" * 300, "-" * 5000 + "1"]
)
def test_an_npy_header_that_lies(run, tmp_path, shape, little_memory):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(4096)
    (samples_of(run) / "block-00001.npy").write_bytes(content)
    with pytest.raises(sk.CheckpointError, match=r"block-00001\.npy is damaged"):
        read_samples(samples_of(run))
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(sk.DatasetError, match=r"a\.npy is damaged"):
        sk.datasets.arrays(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 100_000, "a." * 100_000 + "b = 1", "a = " + "{b=" * 100_000, "[" * 100_000]
)
def test_deep_nesting_in_an_experiment_file(tmp_path, text):
    (tmp_path / "e.toml").write_text(text)
    with pytest.raises(ValueError, match=r"e\.toml"):
        read_experiment(tmp_path / "e.toml")


@pytest.mark.parametrize("name", ["run.json", "samples.json", "model/manifest.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"a":' * 500 + "1" + "}" * 500])
def test_deep_nesting_in_json(run, name, text):
    (run / name if (run / name).exists() else samples_of(run) / name).write_text(text)
    with pytest.raises(sk.CheckpointError, match=f"{Path(name).name}.*(nests too deeply|not JSON text|no checksum)"):
        sample(run, 5, block=2, progress=False)


def test_deep_nesting_with_a_checksum_that_fits(run):
    about = json.loads((run / "run.json").read_text())
    del about["checksum"]
    for _ in range(150):
        about["experiment"]["data"]["n"] = [about["experiment"]["data"]["n"]]
    (run / "run.json").write_bytes(seal(about))
    with pytest.raises(sk.CheckpointError, match="nests too deeply"):
        sample(run, 2, progress=False)


@pytest.mark.parametrize("name", ["", "/", "//"])
def test_a_zip_member_without_a_name(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.png", rgb(8, 8))
        archive.writestr(zipfile.ZipInfo(name), b"x")
    try:
        assert len(sk.datasets.image_folder(tmp_path / "a.zip")) == 1  # a name of slashes is a folder
    except sk.DatasetError as error:
        assert "without a name" in str(error)  # noqa: PT017
        assert name == ""


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x95" + b"\xff" * 8 + b"}.",  # a frame of 2^64 − 1 bytes
        b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b"}.",
        b"\x80\x04\x8e" + b"\xff" * 8 + b".",  # bytes of that length
        b"\x80\x02" + b"]" * 1_200_000 + b".",
        python2_batch(b"\0" * 3072, 1, [1])[:-3],
    ],
)
def test_a_pickle_that_asks_for_too_much(tmp_path, content, little_memory):
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(sk.DatasetError, match=r"is not an image pickle: .*Nothing in it was executed"):
        sk.datasets.cifar10(tmp_path, "test")


def test_packed_zeros_in_npz(tmp_path, monkeypatch):
    """keras-team/keras#23016: the declared size fits the header, and the member is almost empty."""
    monkeypatch.setattr("scorekit.datasets._array_files._PACKED_AT_MOST", 1 << 20)
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w") as file,
    ):
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (3_000, 32, 32)})
        for _ in range(3):
            file.write(bytes(1000 * 32 * 32))
    with pytest.raises(sk.DatasetError, match="looks like a zip bomb"):
        sk.datasets.arrays(tmp_path / "a.npz")


def test_weights_whose_archive_is_packed(tmp_path, little_memory):
    torch = pytest.importorskip("torch")
    scorekit_torch = pytest.importorskip("scorekit_torch")
    torch.save({"a.b": torch.zeros(10_000)}, tmp_path / "w.pth")
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as old,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(sk.CheckpointError, match="looks like a zip bomb"):
        scorekit_torch.load_ncsnv2(tmp_path / "packed.pth")


# ---------------------------------------------------------------- ~
# ludwig-ai/ludwig#2754, tensorflow/tensorflow#44264

PATHS = {
    "arrays": lambda: sk.datasets.arrays("~/x"),
    "celeba": lambda: sk.datasets.celeba("~/x"),
    "cifar10": lambda: sk.datasets.cifar10("~/x"),
    "cifar100": lambda: sk.datasets.cifar100("~/x"),
    "fashion_mnist": lambda: sk.datasets.fashion_mnist("~/x"),
    "emnist": lambda: sk.datasets.emnist("~/x"),
    "image_folder": lambda: sk.datasets.image_folder("~/x"),
    "kmnist": lambda: sk.datasets.kmnist("~/x"),
    "mnist": lambda: sk.datasets.mnist("~/x"),
    "mnist_5k": lambda: sk.datasets.mnist_5k("~/x"),
    "parquet": lambda: sk.datasets.parquet("~/x"),
    "load": lambda: sk.load("~/x"),
    "read_experiment": lambda: read_experiment("~/x"),
    "read_samples": lambda: read_samples("~/x"),
    "sample": lambda: sample("~/x"),
    "evaluate": lambda: evaluate("~/x"),
    "train": lambda: train("~/x"),
}


@pytest.mark.parametrize("name", PATHS)
def test_a_tilde_is_the_home_folder_where_files_are_read(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if not hasattr(sk.datasets, name) and name in ("emnist", "kmnist"):
        pytest.skip("not a loader of this version")
    with pytest.raises(sk.ScorekitError, match=str(tmp_path / "home" / "x")):
        PATHS[name]()


def test_every_loader_with_a_path_is_tested():
    loaders = {name for name in sk.datasets.__all__ if callable(getattr(sk.datasets, name))}
    with_path = {
        name
        for name in loaders
        if not isinstance(getattr(sk.datasets, name), type) and path_keys(getattr(sk.datasets, name))
    }
    assert with_path <= PATHS.keys()


def test_a_tilde_is_the_home_folder_where_files_are_written(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    sk.save(MLP(2, hidden=(4,)), "~/model")
    sk.plot.write(Figure(), "~/a.png")
    log = sk.training.JsonLines("~/h.jsonl")
    net, objective = MLP(2, hidden=(4,), conditional=False), sk.objectives.SlicedScoreMatching()
    options = {"steps": 1, "rng": 0, "checkpoint": "~/checkpoints", "callbacks": [log], "progress": False}
    sk.fit(net, objective, np.random.default_rng(0).normal(size=(8, 2)), **options)
    train(TINY, "~/run", progress=False)
    for name in ("model", "a.png", "checkpoints", "h.jsonl", "run/run.json"):
        assert (tmp_path / name).exists()
    assert not (tmp_path / "~").exists()
    sk.plot.write(Figure(), "$PLACE.png")  # variables are not expanded
    assert (tmp_path / "$PLACE.png").exists()


# ---------------------------------------------------------------- relative paths
# rakhimov/scram#172, artic-network/rampart#21 (relative to the working folder in place of the file)

FILE = """
name = "faces"
backend = "numpy"
device = "cpu"

[data]
name = "image_folder"
path = "images"

[network]
name = "MLP"
hidden = [8]

[noise]
kind = "log-uniform"
sigma_max = 1.0
sigma_min = 0.1

[train]
steps = 2
batch_size = 8

[sampler]
levels = 3
"""


def write_images(folder, seed=0, n=20):
    folder.mkdir(parents=True)
    for i in range(n):
        (folder / f"{i:02d}.png").write_bytes(rgb(8, 8, seed + i))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An experiment file beside its data; the current folder is another one."""
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project" / "faces.toml").write_text(FILE)
    write_images(tmp_path / "project" / "images")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "project"


def test_paths_in_a_file_are_relative_to_the_file(project, monkeypatch):
    run = train("../project/faces.toml", progress=False)
    assert run == Path("runs/faces")  # the run folder is relative to the current folder
    stored = json.loads((run / "run.json").read_text())["experiment"]["data"]["path"]
    assert stored == str(project / "images")
    monkeypatch.chdir(project.parent)
    place = sample("elsewhere/runs/faces", 3, progress=False)  # from another folder
    assert evaluate("elsewhere/runs/faces")["folder"] == place.name


def test_paths_on_the_command_line_are_relative_to_the_current_folder(project):
    write_images(Path("here"))
    for changes in (["data.path=here"], ['data={name="image_folder", path="here"}']):
        found = read_experiment(project / "faces.toml", changes)
        assert found["data"].get("path") == str(Path.cwd() / "here")
    assert read_experiment(project / "faces.toml", ["data.limit=3"])["data"].get("path") == str(project / "images")


@pytest.mark.parametrize("given", ["images", Path("images"), "~/images"])
def test_paths_in_a_mapping_are_relative_to_the_current_folder(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    mapping = {"data": {"name": "image_folder", "path": given}}
    assert read_experiment(mapping)["data"].get("path") == str(tmp_path / "images")
    assert mapping["data"]["path"] is given


def test_the_keys_that_are_paths_are_found_by_the_signature_of_the_loader():
    found = {
        name: data_paths({"data": {"name": name}}) for name in ("digits", "mnist", "mnist_5k", "celeba", "image_folder")
    }
    assert found == {
        "digits": (),
        "mnist": ("folder",),
        "mnist_5k": ("file",),
        "celeba": ("folder",),
        "image_folder": ("path",),
    }
    for odd in ({}, {"data": 3}, {"data": {"name": ["x"]}}, {"data": {"name": "nothing"}}):
        assert data_paths(odd) == ()


# ---------------------------------------------------------------- moved data
# azavea/raster-vision#756 (a run could not be resumed on another machine, because of an absolute path in its files)


def test_data_that_have_moved(project, capsys):
    run = train(project / "faces.toml", "run", progress=False)
    (project / "images").rename(project / "moved")
    sample(run, 3, progress=False)  # needs no data
    with pytest.raises(
        sk.DatasetError, match=r"run.json, \[data\]: .*images does not exist.* --set data\.path=PATH"
    ) as lost:
        evaluate(run)
    command = re.search(r"elsewhere: (scorekit evaluate run --set data\.path=)PATH$", str(lost.value))
    assert command
    assert main([*command[1].split()[1:-1], f"data.path={project / 'moved'}"]) == 0
    with pytest.raises(sk.DatasetError, match=r"scorekit train .*faces\.toml --out run --set data\.path=PATH$") as lost:
        train(project / "faces.toml", run, progress=False)
    command = str(lost.value).partition("elsewhere: scorekit ")[2].replace("PATH", str(project / "moved"))
    assert main([*shlex.split(command), "--set", "train.steps=4", "--quiet"]) == 0
    capsys.readouterr()
    evaluate(run)  # run.json has the new path
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]


def test_other_data_at_another_path_are_another_run(project):
    run = train(project / "faces.toml", "run", progress=False)
    sample(run, 3, progress=False)
    write_images(project / "other", seed=100)
    write_images(project / "fewer", n=19)
    for name, words in (("other", "the training images were 18×3×8×8 with the hash"), ("fewer", "now 17×3×8×8")):
        for call in (
            lambda name=name: evaluate(run, changes=[f"data.path={project / name}"]),
            lambda name=name: train(project / "faces.toml", run, [f"data.path={project / name}"], progress=False),
        ):
            with pytest.raises(sk.CheckpointError, match=f"are not the data that run was trained on: .*{words}"):
                call()


def test_only_the_path_of_a_run_can_change(project):
    run = train(project / "faces.toml", "run", progress=False)
    for change in ("data.limit=3", "sampler.levels=4", "seed=2", "nonsense"):
        with pytest.raises(sk.InvalidValueError, match=r"only the path of the data can differ .*: data\.path\."):
            evaluate(run, changes=[change])
    digits = train({**TINY, "data": {"name": "digits"}}, "digits", progress=False)
    with pytest.raises(sk.InvalidValueError, match="these data have no path"):
        sample(digits, 2, changes=["data.path=x"], progress=False)


# ---------------------------------------------------------------- images of two values


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_integers_of_two_values_need_levels(tmp_path, dtype):
    """Divided by 255 they would be almost black."""
    pixels = np.random.default_rng(0).integers(0, 2, (5, 8, 8)).astype(dtype)
    np.save(tmp_path / "two.npy", pixels)
    with pytest.raises(sk.InvalidValueError, match=r"two\.npy is uint(8|16) with the values 0 and 1, .* levels=2"):
        sk.datasets.arrays(tmp_path / "two.npy")
    assert np.array_equal(sk.datasets.arrays(tmp_path / "two.npy", levels=2).images[:, 0], pixels)


# ---------------------------------------------------------------- models of other views


def test_views_of_into_are_those_of_the_saved_model(tmp_path):
    """The caller may use ``into`` and not the returned model, so other views would be wrong without a word."""
    views, x = sk.models, np.ones((3, 2))
    net = MLP(2, hidden=(4,))
    saved = views.standardized(views.Preconditioned(net, sigma_data=1.0), np.zeros(2), 3.0)
    sk.save(saved, tmp_path / "model")
    for view, words in (
        (views.standardized(views.Preconditioned(net, 2.0), np.zeros(2), 3.0), "sigma_data=1.0, .* sigma_data=2.0"),
        (views.standardized(views.Preconditioned(net, 1.0), np.ones(2), 3.0), "its Standardized has mean="),
        (views.Preconditioned(net, 1.0), "Standardized, Preconditioned, and those of into are Preconditioned"),
        (views.at(net, 1.0), "Standardized, Preconditioned, and those of into are "),
    ):
        with pytest.raises(sk.CheckpointError, match=words):
            sk.load(tmp_path / "model", into=view)
    for fitting in (net, saved):
        assert np.array_equal(sk.load(tmp_path / "model", into=fitting)(x, 0.5), saved(x, 0.5))


# ---------------------------------------------------------------- every reader


@pytest.mark.parametrize("name", fuzz.READERS)
def test_damaged_files_give_the_right_values_or_an_error_of_scorekit(name):
    """30 damaged files; ``python tests/field/fuzz.py`` tries 2,000 for each reader."""
    if "torch" in name or "ncsn" in name:
        pytest.importorskip("scorekit_torch")
    if fuzz.READERS[name].needs:
        pytest.importorskip(fuzz.READERS[name].needs)
    counts = fuzz.fuzz(name, 30, int(np.random.SeedSequence().generate_state(1)[0]))
    assert counts.faults == []
    assert sum(counts[:3]) == 30


def test_the_fuzz_job_finds_what_it_looks_for(monkeypatch):
    """A reader with a fault of each kind."""
    kept = fuzz.READERS["model"]

    def check(read, words):
        monkeypatch.setitem(fuzz.READERS, "model", kept._replace(read=read))
        faults = fuzz.fuzz("model", 3, 1).faults
        assert len(faults) == 3
        assert all(re.search(words, fault) for fault in faults)

    calls = iter(range(1000))
    check(lambda place: [1 // (next(calls) == 0)], "ZeroDivisionError")
    check(lambda place: next(calls), "another value")
    monkeypatch.setattr(fuzz, "SECONDS", 0.05)
    calls = iter(range(1000))

    def slow(place):
        while True:
            pass

    check(lambda place: None if next(calls) == 0 else slow(place), "more than 0.05 s")
