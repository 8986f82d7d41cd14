"""scorekit train, sample and evaluate, on a network that learns nothing: what is written, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

import scorekit as sk
from scorekit.cli import main
from scorekit.experiments import sample, train
from scorekit.experiments.blocks import write_block
from scorekit.experiments.config import read_experiment
from scorekit.experiments.parts import Parts
from scorekit.storage.sealed import seal

torch = pytest.importorskip("torch")
READY = sorted((Path(__file__).resolve().parents[2] / "docs" / "experiments").glob("*.toml"))

TINY = """
seed = 3
device = "cpu"

[data]
name = "shapes"
n = 120
size = 8
centered = true
flip = true
held_out = 0.25
proportions = { circle = 0.5, square = 0.3, triangle = 0.2, rings = 0.0 }

[network]
name = "MLP"
hidden = [16]

[noise]
kind = "log-uniform"
sigma_max = 10.0
sigma_min = 0.1

[train]
steps = 12
batch_size = 20
preview_every = 6
preview_samples = 4
validate = true
checkpoint_every = 5

[sampler]
name = "consistent"
levels = 6
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run that has been trained."""
    place = tmp_path_factory.mktemp("done")
    (place / "tiny.toml").write_text(TINY)
    return train(str(place / "tiny.toml"), str(place / "run"), progress=False)


@pytest.fixture
def run(done, tmp_path):
    shutil.copytree(done, tmp_path / "run")
    return tmp_path / "run"


def said(capsys, *arguments, status=1):
    assert main([str(a) for a in arguments]) == status
    return capsys.readouterr().err


# ---------------------------------------------------------------- train


def test_what_a_run_leaves_behind(done):
    names = {path.relative_to(done).as_posix() for path in done.rglob("*") if path.is_file()}
    assert {"run.json", "history.jsonl", "history.png", "model/manifest.json"} <= names
    assert {"previews/step-000000006.png", "previews/step-000000012.png"} <= names
    rows = [json.loads(line) for line in (done / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "step" in row] == list(range(1, 13))
    assert sum("validation_loss" in row for row in rows) == 12
    assert json.loads((done / "run.json").read_text())["experiment"]["data"]["size"] == 8


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's compiler looks at it
def test_a_compiled_run_says_why_its_first_step_takes_long(file, tmp_path, monkeypatch, capsys):
    plain, graphs = torch.nn.Module.compile, []
    backend = lambda graph, _: graphs.append(graph) or graph  # noqa: E731
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: plain(self, backend=backend, **options))
    changes = ["train.compile=true", "train.steps=1", "train.preview_every=1"]
    train(str(file), str(tmp_path / "run"), changes, progress=False)
    torch.compiler.reset()
    assert "compile = true: the first step takes minutes\n" in capsys.readouterr().err
    assert graphs


def test_the_model_is_that_of_the_same_call_in_python(done):
    """The file says nothing that sk.fit does not do."""
    experiment = read_experiment(done.parent / "tiny.toml")
    parts = Parts(experiment)
    rate = sk.training.WarmupCosine(1e-3, 12, 1)
    options = {"steps": 12, "batch_size": 20, "learning_rate": rate, "rng": 3, "progress": False}
    result = sk.fit(parts.network(), parts.objective(), parts.training_data(), **options)
    x = torch.zeros(2, 1, 8, 8)
    assert torch.equal(sk.load(done / "model")(x, 1.0), result.model(x, 1.0))


def test_the_same_call_goes_on_where_a_run_was_stopped(file, tmp_path, done, monkeypatch):
    from scorekit.experiments.training import _Previews

    def stop(self, state):
        return state.step == 7

    with monkeypatch.context() as patched:
        patched.setattr(_Previews, "__call__", stop)
        with pytest.raises(KeyboardInterrupt):
            train(str(file), str(tmp_path / "run"), progress=False)
    train(str(file), str(tmp_path / "run"), progress=False)
    x = torch.zeros(2, 1, 8, 8)
    assert torch.equal(sk.load(tmp_path / "run" / "model")(x, 1.0), sk.load(done / "model")(x, 1.0))
    rows = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "step" in row] == list(range(1, 13))


def test_images_are_changed_as_the_file_says():
    """Centered: 2x − 1. Flipped: each image or its mirror. Dequantized: within a level."""
    data = {"name": "digits", "centered": True, "dequantize": "uniform", "flip": True}
    from scorekit.experiments.config import as_experiment

    parts = Parts(
        as_experiment({"data": data, "noise": {"kind": "log-uniform", "sigma_max": 9.0, "sigma_min": 0.1}}, "x", "x")
    )
    objective, images = parts.objective(), torch.tensor(sk.datasets.digits().images[:50])
    changed = objective._changed(images, objective.draw(images, rng=0))
    back = (changed + 1) / 2
    for image, seen in zip(images, back, strict=True):
        off = [float((16 * o - (17 * seen - 0)).abs().max()) for o in (image, image.flip(-1))]
        assert min(off) <= 1.0 + 1e-5  # 17 levels: x' = (16 x + u) / 17
    assert bool((back[:, 0, :, 0] != images[:, 0, :, 0]).any())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("train.lerning_rate=0.1", r"tiny.toml, \[train\]: unknown key 'lerning_rate'. Did you mean 'learning_rate'\?"),
        (
            "network.classes=10",
            r"tiny.toml, \[network\]: classes is not a key of an experiment: write conditional = true",
        ),
        ("data.sise=8", r"\[data\]: unknown key 'sise'. Did you mean 'size'\?"),
        ("network.hiden=[8]", r"\[network\]: unknown key 'hiden'. Did you mean 'hidden'\?"),
        ("sampler.etta=1.0", r"\[sampler\]: unknown key 'etta'. Did you mean 'eta'\?"),
        ("noise.sigma_mox=1.0", r"\[noise\]: unknown key 'sigma_mox'. Did you mean 'sigma_max'"),
        ("trian.steps=3", r"tiny.toml: unknown key 'trian'. Did you mean 'train'\?"),
        ("train.steps='ten'", r"\[train\]: steps must be an integer, got 'ten' \(str\)"),
        ("train.steps=2.5", r"\[train\]: steps must be an integer, got 2.5"),
        ("data.centered=1", r"\[data\]: unknown centered 1"),
        ("data.size=4", r"\[data\]: size must be at least 8"),
        ("data.name=digitz", r"\[data\]: unknown name 'digitz': expected one of 'digits', 'shapes'"),
        ("network.name=Unet", r"\[network\]: unknown name 'Unet'"),
        ("noise.kind=log", r"\[noise\]: unknown kind 'log'"),
        ("sampler.name=anneal", r"\[sampler\]: unknown name 'anneal'"),
        ("sampler.eta=9.0", r"\[sampler\]: eta must lie in"),
        ("noise.sigma_min=20.0", r"\[noise\]: sigma_max must exceed sigma_min"),
        ("train.autocast=half", r"\[train\]: unknown autocast 'half'"),
        ("train.batch_size=5000", r"\[train\]: batch_size must be at most 90, the number of samples"),
        ("objective.name=dsm", r"\[objective\]: unknown name 'dsm'"),
        ("device=gpu", r"no device 'gpu'"),
        ("backend=tensorflow", r"unknown backend 'tensorflow'"),
        ("seed=-1", "seed must be at least 0"),
        ("steps", r"--set 'steps': expected SECTION.KEY=VALUE"),
    ],
)
def test_what_a_file_may_not_say(file, tmp_path, capsys, change, words):
    assert re.search(words, said(capsys, "train", file, "--quiet", "--out", tmp_path / "run", "--set", change))
    assert not (tmp_path / "run" / "checkpoints").exists() or not any((tmp_path / "run" / "checkpoints").glob("step*"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("steps = ", "is not TOML"),
        ("train = 3", r"train is 3: expected a section, \[train\]"),
        ("[data]\nn = 10", r"\[data\]: the key 'name' is missing"),
        ("name = '../up'\n[data]\nname = 'digits'", "name is '../up': expected a name"),
        (b"\xff\xfe", "cannot read"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, capsys, content, words):
    path = tmp_path / "bad.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert re.search(words, said(capsys, "train", path, "--quiet", "--out", tmp_path / "run"))


def test_a_file_that_is_not_there(capsys):
    assert "cannot read nowhere.toml (No such file or directory)" in said(capsys, "train", "nowhere.toml")


def test_another_experiment_is_not_continued(run, file, capsys):
    message = said(capsys, "train", file, "--quiet", "--out", run, "--set", "network.hidden=[8]")
    assert "contains a run of another experiment: [network] hidden was [16], now [8]" in message


@pytest.mark.parametrize(
    ("value", "expected"), [("True", True), (" False ", False), ("true", True), ("'True'", "True"), ("Truer", "Truer")]
)
def test_set_takes_booleans_as_python_writes_them(value, expected):
    """Messages of loaders say skip_corrupt=True."""
    read = read_experiment({}, [f"data.skip_corrupt={value}"])["data"].get("skip_corrupt")
    assert (read, type(read)) == (expected, type(expected))


def test_a_network_with_classes_needs_labels(file, tmp_path, capsys):
    np.save(tmp_path / "gray.npy", np.random.default_rng(0).random((40, 8, 8), np.float32))
    text = f'[data]\nname = "arrays"\npath = "{tmp_path / "gray.npy"}"\n[network]\nconditional = true\n'
    file.write_text(text + "attention = []\nbase_channels = 8\nchannel_mult = [1]\n")
    message = said(capsys, "train", file, "--out", tmp_path / "run", "--quiet")
    assert re.search(r"\[network\]: conditional is true, and the data gray have no labels: .*label_key", message)
    assert "leave conditional out" in message


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (["checkpoints"], "has a model and a history of 12 steps, and no checkpoints"),
        (["checkpoints", "model", "run.json"], "has a history of 12 steps, and no checkpoints"),
    ],
)
def test_a_trained_run_without_checkpoints_is_not_overwritten(run, file, capsys, lost, words):
    for name in lost:
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    message = said(capsys, "train", file, "--quiet", "--out", run)
    assert words in message
    assert "choose another folder with --out, or remove this one" in message
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(run, file):
    shutil.rmtree(run / "model")
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").mkdir()
    assert (train(str(file), str(run), progress=False) / "model").exists()


def test_a_folder_with_other_things_is_left_alone(file, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    assert "contains other files and no run.json" in said(capsys, "train", file, "--out", tmp_path / "mine")


def test_a_file_where_a_run_is_expected(run, file, capsys):
    assert f"--out is {file}, a file: expected a folder" in said(capsys, "train", file, "--quiet", "--out", file)
    assert f"{file} is not a run" in said(capsys, "sample", file)
    (run / "run.json").write_text("{}")
    assert "run.json has no 'format'" in said(capsys, "sample", run)


def test_a_run_of_another_version_is_named(run, capsys):
    about = json.loads((run / "run.json").read_text())
    del about["checksum"]
    (run / "run.json").write_bytes(seal(about | {"format": 9, "scorekit": "7.0"}))
    assert "has format 9, written by scorekit 7.0: this version" in said(capsys, "sample", run)
    (run / "run.json").write_text("{")
    assert "run.json cannot be read" in said(capsys, "evaluate", run)
    assert "is not a run: expected a folder that scorekit train made" in said(capsys, "sample", run / "model")


@pytest.mark.parametrize("path", READY, ids=lambda p: p.stem)
def test_the_ready_files_say_only_what_is_known(path):
    """All their sections are read; those whose data are here make every part."""
    parts = Parts(read_experiment(path, ["device=cpu"]))
    name = parts.experiment["data"].get("name")
    if name not in ("digits", "shapes"):
        fake = sk.datasets.shapes(20, size=64 if name == "celeba" else 32, channels=3 if "cifar" in path.stem else 1)
        parts.__dict__["data"] = fake.split(0.9)
        load = parts._data.choose({name: getattr(sk.datasets, name)})
        import inspect

        parts._data.check_keys(["name", *inspect.signature(load).parameters])
    assert parts.network() is not None
    parts.objective()
    parts.sampler()
    from scorekit.experiments.training import Plan

    assert Plan.of(parts.experiment["train"]).steps > 0
    assert tomllib.loads(path.read_text())["seed"] == 0


# ---------------------------------------------------------------- sample


def test_samples_are_a_function_of_the_seed_and_the_block(run):
    place = sample(str(run), 10, block=4, progress=False)
    images = np.load(place / "samples.npy")
    assert images.shape == (10, 1, 8, 8)
    assert images.min() >= 0
    assert images.max() <= 1
    assert {"samples.png", "way.png", "way.gif", "samples.json"} <= {path.name for path in place.iterdir()}
    other = sample(str(run), 10, block=4, seed=1, progress=False)
    assert not np.array_equal(np.load(other / "samples.npy"), images)
    (place / "block-00001.npy").unlink()  # as if it had been stopped there
    sample(str(run), 10, block=4, progress=False)
    assert np.array_equal(np.load(place / "samples.npy"), images)


def test_ctrl_c_leaves_the_blocks_that_are_done(run, monkeypatch, capsys):
    import scorekit.experiments.sampling as module

    written, real = [], module.write_block

    def write(*arguments):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(real(*arguments))

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_block", write)
        assert main(["sample", str(run), "-n", "10", "--block", "2", "--quiet"]) == 130
    assert "2 of 5 blocks are in" in capsys.readouterr().err
    assert len(np.load(sample(str(run), 10, block=2, progress=False) / "samples.npy")) == 10


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_signals_leave_the_blocks_that_are_done(run, name, status):
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip(f"{name} is ignored here, and so it is in the child")
    number, many = getattr(signal, name), ["-n", "100000", "--block", "4", "--quiet"]
    child = subprocess.Popen(
        [sys.executable, "-m", "scorekit", "sample", str(run), *many], stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.time() + 60
        while len(list(run.glob("samples/*/block-*.npy"))) < 2:
            assert time.time() < deadline
            time.sleep(0.02)
        child.send_signal(number)
        _, message = child.communicate(timeout=60)
    finally:
        child.kill()
    done = len(list(run.glob("samples/*/block-*.npy")))
    assert child.returncode == status
    assert f"stopped by {name}" in message
    assert f"{done} of 25000 blocks are in " in message
    assert "the same call draws the missing ones" in message
    assert not list(run.glob("samples/*/*.partial"))


def test_more_training_makes_other_samples(run, file):
    before = np.load(sample(str(run), 3, progress=False) / "samples.npy")
    train(str(file), str(run), ["train.steps=15"], progress=False)
    after = np.load(sample(str(run), 3, progress=False) / "samples.npy")
    assert not np.array_equal(before, after)


def test_a_damaged_block_is_named(run, capsys):
    place = sample(str(run), 4, block=2, progress=False)
    (place / "block-00001.npy").write_bytes((place / "block-00001.npy").read_bytes()[:90])
    assert "block-00001.npy is damaged" in said(capsys, "evaluate", run)
    (place / "samples.json").write_text("{")
    assert "samples.json cannot be read" in said(capsys, "sample", run, "-n", "4", "--block", "2", "--quiet")


def test_sampling_does_without_the_data(run, tmp_path, monkeypatch):
    monkeypatch.setattr(Parts, "data", property(lambda self: pytest.fail("the data were asked for")))
    monkeypatch.chdir(tmp_path)
    assert np.load(sample(str(run), 3, progress=False, device="cpu") / "samples.npy").shape == (3, 1, 8, 8)


SMALL = ("network.name=UNet", "network.base_channels=8", "network.channel_mult=[1]", "network.num_res_blocks=1")
BY_CLASS = (*SMALL, "network.attention=[]", "network.conditional=true", "train.steps=2", "train.preview_every=2")


def by_class(tmp_path, *more):
    (tmp_path / "by_class.toml").write_text(TINY.replace("hidden = [16]\n", ""))
    return train(str(tmp_path / "by_class.toml"), str(tmp_path / "run"), [*BY_CLASS, *more], progress=False)


def drawn(run, n=2, **options):
    return np.load(sample(str(run), n, progress=False, **options) / "samples.npy")


def test_a_network_with_classes_is_sampled_by_number_by_name_and_all_in_turn(tmp_path, capsys):
    run = by_class(tmp_path)
    assert (run / "previews" / "step-000000002.png").exists()
    assert "was trained with labels only" in said(capsys, "sample", run, "--quiet")
    one, two = drawn(run, label=0), drawn(run, label=1)
    assert not np.array_equal(one, two)
    assert np.array_equal(drawn(run, label="circle", seed=0), one)  # its name is kept in the run
    every = drawn(run, 4, label="all")
    assert np.array_equal(every[0], drawn(run, 4, label="circle")[0])
    assert np.array_equal(every[1], drawn(run, 4, label="square")[1])
    expected = "expected a number from 0 to 3, one of circle, square, triangle, rings, or all"
    for wrong in ("4", "dog", "-1"):
        assert expected in said(capsys, "sample", run, f"--label={wrong}", "--quiet")


def test_a_network_that_learned_with_and_without_classes_is_sampled_without(tmp_path):
    run = by_class(tmp_path, "train.condition_dropout=0.5")
    assert drawn(run).shape == drawn(run, label=1).shape
    assert not np.array_equal(drawn(run), drawn(run, label=1))


def test_a_label_for_a_network_without_classes(run, capsys):
    message = said(capsys, "sample", run, "--label", "1", "--quiet")
    assert "--label is 1, and the network was trained without labels: omit --label" in message


def test_annealed_needs_a_step_size_unless_the_noise_was_designed(run, capsys):
    message = said(capsys, "sample", run, "-n", "2", "--sampler", "annealed", "--quiet")
    assert "needs steps_per_level and step_size" in message
    assert "steps_per_level = 10 and step_size = 0.001" in message
    assert "--steps-per-level and --step-size" in message


def test_sigterm_leaves_a_model(file, tmp_path):
    command = [sys.executable, "-m", "scorekit", "train", str(file), "--out", str(tmp_path / "run"), "--quiet"]
    child = subprocess.Popen([*command, "--set", "train.steps=100000", "--set", "train.preview_every=0"])
    try:
        deadline = time.time() + 60
        while not (tmp_path / "run" / "history.jsonl").exists():
            assert time.time() < deadline
            time.sleep(0.05)
        child.terminate()
        assert child.wait(timeout=60) == 143
    finally:
        child.kill()
    assert np.load(sample(str(tmp_path / "run"), 2, progress=False) / "samples.npy").shape == (2, 1, 8, 8)


def test_a_mistake_that_fit_refuses_can_be_corrected_in_the_same_folder(file, tmp_path, capsys):
    said(capsys, "train", file, "--quiet", "--out", tmp_path / "run", "--set", "train.batch_size=5000")
    assert not (tmp_path / "run" / "run.json").exists()
    assert train(str(file), str(tmp_path / "run"), progress=False).exists()


def test_a_preview_that_fails_does_not_end_the_training(file, tmp_path, monkeypatch):
    from scorekit.experiments.training import _Previews

    def full(self, state):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_Previews, "_draw", full)
    with pytest.warns(RuntimeWarning, match="no preview at step 12: .*No space left on device"):
        run = train(str(file), str(tmp_path / "run"), ["train.preview_every=12"], progress=False)
    assert (run / "model").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"name": "annealed", "steps_per_level": 2, "step_size": 1e-3},
        {"name": "langevin", "steps": 3, "step_size": 1e-3},
        {"eta": 1.0, "levels": 4},
    ],
    ids=lambda o: o.get("name", "consistent"),
)
def test_other_samplers(run, options):
    place = sample(str(run), 3, options=options, progress=False)
    assert np.load(place / "samples.npy").shape == (3, 1, 8, 8)


def test_samples_of_other_options_are_not_mixed(run, capsys):
    place = sample(str(run), 3, progress=False)
    other = sample(str(run), 3, options={"levels": 9}, progress=False)
    assert other != place
    assert not np.array_equal(np.load(other / "samples.npy"), np.load(place / "samples.npy"))
    assert "contains other samples (block was 32, now 2)" in said(
        capsys, "sample", run, "-n", "3", "--block", "2", "--quiet"
    )
    about = json.loads((place / "samples.json").read_text())
    kept = {key: value for key, value in about.items() if key not in ("format", "checksum", "streams")}
    (place / "samples.json").write_text(json.dumps(kept))  # as the first version wrote it
    assert "contains other samples (streams was None, now 2)" in said(capsys, "sample", run, "-n", "3", "--quiet")
    assert "unknown key 'step_size'" in said(capsys, "sample", run, "-n", "3", "--step-size", "1", "--quiet")
    assert "--seed must be at least 0" in said(capsys, "sample", run, "--seed", "-1", "--quiet")
    assert "-n must be at least 1" in said(capsys, "sample", run, "-n", "0", "--quiet")


def test_a_damaged_model_is_written_again_by_train(run, file, capsys):
    arrays = run / "model" / "arrays.safetensors"
    whole = arrays.read_bytes()
    arrays.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "Run scorekit train again with the same experiment file" in said(capsys, "sample", run, "--quiet")
    train(str(file), str(run), progress=False)
    assert arrays.read_bytes() == whole


def test_a_run_without_a_model(run, capsys):
    shutil.rmtree(run / "model")
    assert "has no model yet" in said(capsys, "sample", run, "--quiet")


# ---------------------------------------------------------------- evaluate


def test_the_numbers_of_real_images_are_those_of_real_images(run, capsys):
    """Put held-out images in the place of samples: no copies, and the proportions of the generator."""
    parts = Parts(
        read_experiment(run.parent / "tiny.toml") if (run.parent / "tiny.toml").exists() else _experiment(run)
    )
    place = sample(str(run), 4, block=4, progress=False)
    real = parts.data[1].images
    write_block(place / "block-00000.npy", real)
    recipe = run / "functions.py"
    recipe.write_text(RECIPE)
    assert main(["evaluate", str(run), "--features", f"{recipe}:features"]) == 0
    out = capsys.readouterr().out
    found = json.loads((place / "evaluation.json").read_text())
    assert found["samples"] == len(real)
    assert found["near_p_value"] > 1e-6
    assert found["frechet"] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(found["proportions"], parts.data[1].counts / len(real), atol=0.1)
    assert (place / "neighbors.png").exists()
    assert "unclassified" in out
    assert main(["evaluate", str(run), "--classifier", f"{recipe}:labels"]) == 0
    assert len(json.loads((place / "evaluation.json").read_text())["proportions"]) == 4


RECIPE = """
def labels(x):
    return (x.mean((1, 2, 3)) > 0.5).astype(int)

def features(x):
    return x[:, 0, ::4, ::4].reshape(len(x), -1)
"""


def _experiment(run):
    from scorekit.experiments.folder import RunFolder

    return RunFolder.open(run).experiment


def test_what_evaluate_refuses(run, capsys):
    assert "has no samples yet: run scorekit sample" in said(capsys, "evaluate", run)
    sample(str(run), 3, progress=False)
    capsys.readouterr()
    assert main(["evaluate", str(run), "--features", "nothing"]) == 1
    out, err = capsys.readouterr()
    assert "expected FILE.py:NAME" in err
    assert out == ""  # it is refused before any work
    (run / "f.py").write_text("x = 1")
    (run / "g.py").write_text("def g(x):\n    return x.nothing\n")
    wrong = said(capsys, "evaluate", run, "--classifier", f"{run / 'g.py'}:g")
    assert "g.py:g: AttributeError: 'numpy.ndarray' object has no attribute 'nothing'" in wrong.replace(
        "memmap", "ndarray"
    )
    assert "a function in a Python file" in said(capsys, "evaluate", run, "--features", f"{run / 'run.json'}:g")
    assert "contains no samples" in said(capsys, "evaluate", run, "--samples", run / "model")
    assert "has no function 'g'" in said(capsys, "evaluate", run, "--classifier", f"{run / 'f.py'}:g")


# ---------------------------------------------------------------- several processes


@pytest.mark.slow
def test_two_processes_train_and_sample_what_one_does(done, tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    start = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        port,
        "-m",
        "scorekit",
    ]
    for arguments in (["train", "tiny.toml", "--out", "run"], ["sample", "run", "-n", "9", "--block", "2"]):
        subprocess.run(
            [*start, *arguments, "--quiet"], cwd=tmp_path, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    two = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    one = [json.loads(line) for line in (done / "history.jsonl").read_text().splitlines()]
    for key in ("loss", "validation_loss"):
        np.testing.assert_allclose(*[[row[key] for row in rows if key in row] for rows in (two, one)], rtol=1e-5)
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    shutil.rmtree(tmp_path / "again" / "samples")
    alone = np.load(sample(str(tmp_path / "again"), 9, block=2, progress=False) / "samples.npy")
    assert np.array_equal(np.load(next((tmp_path / "run").glob("samples/*/samples.npy"))), alone)
