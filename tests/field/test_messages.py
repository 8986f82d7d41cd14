"""What a wrong call says: the catalogue of odd calls, and the kinds of messages that have misled users.

The catalogue is ``tests/field/calls``; ``python tests/field/calls`` prints its counts.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scorekit as sk
from field.calls import calls, judge
from field.calls.catalogue import KITS, kit
from field.calls.subjects import subjects
from scorekit._optional import optional
from scorekit.cli import main
from scorekit.errors import readable, reason_of
from support.takers import public_modules

ROOT = Path(__file__).parents[2]
EVERY = 12  # the quick run takes each twelfth call

# public, and not tried: why
EXEMPT = {
    "datasets.ImageBatches": "made by ImageData.batches",
    "datasets.digits": "takes no argument",
    "experiments.Experiment": "made by read_experiment",
    "experiments.Parts": "made by train",
    "experiments.RunFolder": "made by train",
    "noise.Designed": "made by design",
    "training.FitResult": "made by fit",
    "training.TensorBoard": "needs tensorboard; test_a_package_that_is_missing_or_broken",
    "testing.check_backend": "takes a backend of a third party",
    "backends": "takes no argument",
    "devices": "takes no argument",
    "environment": "called by fit",
    "CapturedModel": "needs a CUDA device",
    "ProcessGroup": "needs several processes",
}
TOOLKITS = ("learning.", "storage.")  # for authors of backends, who are called by checked code


def _public(module):
    room = module.__name__.removeprefix("scorekit").removeprefix(".")
    for name in module.__all__:
        thing = getattr(module, name)
        kind = thing if inspect.isclass(thing) else type(None)
        made = (
            issubclass(kind, (Exception, tuple)) or inspect.isabstract(thing) or getattr(thing, "_is_protocol", False)
        )
        if callable(thing) and not inspect.ismodule(thing) and not made:
            yield f"{room}.{name}" if room and not room.startswith("_") else name


def test_every_public_function_and_class_is_in_the_catalogue():
    tried = {subject.name.partition(" of ")[0] for framework in KITS for subject in subjects(kit(framework))}
    tried |= {name.rpartition(".")[0] for name in tried} | {name.rpartition(".")[2] for name in tried}
    public = {name for module in [sk, *public_modules()] for name in _public(module)}
    missing = {
        n for n in public - tried - set(EXEMPT) if n.rpartition(".")[2] not in tried and not n.startswith(TOOLKITS)
    }
    assert missing == set()


@pytest.fixture(scope="module")
def catalogue():
    return calls()


def _faults(chosen):
    verdicts = [(call, judge(call)) for call in chosen]
    return [f"{v.kind}: {call.name}: {v.reason}" for call, v in verdicts if v.kind != "right"]


def test_some_odd_calls_end_as_they_should(catalogue, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert _faults(catalogue[::EVERY]) == []


@pytest.mark.slow
def test_all_odd_calls_end_as_they_should(catalogue, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert _faults(catalogue) == []


def test_the_catalogue_is_large(catalogue):
    assert len(catalogue) > 1000
    assert len({call.name for call in catalogue}) == len(catalogue)


@pytest.mark.parametrize(
    ("kind", "run"),
    [
        ("silent", lambda: sk.rng(0)),
        ("cryptic", lambda: np.ones(2) @ np.ones(3)),
        ("unclear", lambda: sk.noise.LogUniform(1.0, 0.1).sample(-1)),
    ],
)
def test_the_judge_sees_each_kind_of_fault(catalogue, kind, run):
    refused = next(call for call in catalogue if not call.works and call.argument == "x")
    assert judge(refused._replace(run=run)).kind == kind


# ---------------------------------------------------------------- one sentence fits one cause

BROKEN = {
    # pymc-devs/pymc2#90 and espnet/espnet#2374: NumPy was installed, and "does not seem to be installed"
    "raise ImportError('libfoo.so.1: cannot open shared object file')": (
        r"is installed but cannot be imported \(ImportError: libfoo.so.1: cannot open shared object file\)"
    ),
    # twisted/twisted#3043: libgcc_s.so was missing, and the message named the package to install
    "raise OSError('libgcc_s.so.1: no such file')": r"cannot be imported \(OSError: libgcc_s.so.1: no such file\)",
    # a package made for NumPy 1 under NumPy 2: many threads of the field
    "raise AttributeError('np.float_ was removed')": r"cannot be imported \(AttributeError: np.float_ was removed\)",
    "import an_absent_package": r"lacks the package an_absent_package: python -m pip install an_absent_package",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_package_that_is_installed_and_broken(line, monkeypatch, tmp_path):
    (tmp_path / "a_broken_package.py").write_text(line)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(sk.MissingBackendError, match=BROKEN[line]) as caught:
        optional("a_broken_package", "a feature", "a-broken-package")
    assert "not installed" not in str(caught.value)


def test_a_package_that_is_missing():
    with pytest.raises(
        sk.MissingBackendError, match=r"needs absent-one, which is not installed: .*pip install absent-one$"
    ):
        optional("absent_one.part", "a feature", "absent-one")


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("PIL", lambda place: sk.datasets.image_folder(place)),
        ("datasets", lambda place: sk.datasets.hub("mnist")),
        ("tensorboard", lambda place: sk.training.TensorBoard(place)),
    ],
)
@pytest.mark.parametrize("broken", [False, True])
def test_a_package_that_is_missing_or_broken(package, call, broken, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / package).mkdir()
    reason = "ImportError('libbroken.so')" if broken else f"ModuleNotFoundError('none', name={package!r})"
    (tmp_path / package / "__init__.py").write_text(f"raise {reason}")
    monkeypatch.syspath_prepend(tmp_path)
    words = r"cannot be imported \(ImportError: libbroken.so\)" if broken else "which is not installed: python -m pip"
    with pytest.raises(ImportError, match=words):
        call(tmp_path)


def test_no_message_advises_to_install_a_package_of_this_name():
    """None is published: whoever takes the name could be anyone."""
    advised = []
    for file in [*(ROOT / "scorekit").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                advised += re.findall(r"pip install[^\n]*scorekit", node.value)
    assert advised == []


@pytest.mark.parametrize("framework", KITS)
def test_bytes_of_images_are_divided(framework):
    """pytorch/pytorch#14186: bytes into a network; the answer is to divide by 255, not to convert."""
    images = kit(framework).array(np.full((4, 1, 8, 8), 200, np.uint8))
    with pytest.raises(TypeError, match=r"x has dtype .*uint8.* write x / 255, which is in \[0, 1\]"):
        sk.objectives.SlicedScoreMatching()(lambda x: -x, images)


@pytest.mark.parametrize("framework", KITS)
def test_data_of_another_framework_are_converted(framework):
    """MouseLand/cellpose#557: tensors where arrays were expected, and no understandable message."""
    package = importlib.import_module(f"scorekit_{framework}")
    data = kit(framework).other(np.zeros((8, 2)))
    way = r"torch\.as_tensor\(data\)" if framework == "torch" else r"data\.numpy\(\)"
    with pytest.raises(TypeError, match=f"model is a {framework} network.*Convert the data: {way}"):
        sk.fit(package.MLP(2, (4,)), sk.objectives.DenoisingScoreMatching(0.1), data, steps=1)


@pytest.mark.parametrize("rng", [np.random.default_rng(0), np.random.RandomState(0), np.random])
def test_generators_of_numpy_are_not_streams(rng):
    """PythonOT/POT#848: "Cannot cast scalar from dtype('O')"; automl/amltk#41: another seed, silently."""
    with pytest.raises(TypeError, match=r"rng is a .*: expected a scorekit Rng, an int seed or None\. Write rng=0"):
        sk.samplers.Langevin(0.1, 1).sample(lambda x: -x, np.zeros((2, 2)), rng=rng)


def test_small_numpy_integers_are_counts():
    """lyuwenyu/RT-DETR#580: since NumPy 2 small integers overflow where Python's did not."""
    from scorekit_numpy import MLP

    options = {"steps": np.uint8(2), "batch_size": np.uint8(200), "progress": False}
    result = sk.fit(
        MLP(2, (4,)), sk.objectives.NoiseConditional(sk.noise.LogUniform(1.0, 0.1)), np.zeros((400, 2)), **options
    )
    assert result.step == 2
    assert sk.samplers.Langevin(0.1, np.uint8(250)).sample(lambda x: -x, np.zeros((2, 2)), rng=0).x.shape == (2, 2)


# ---------------------------------------------------------------- the text


def test_no_terminal_codes_and_no_screens_of_text():
    """pytorch/pytorch#129705: three paragraphs, with codes for bold type, that come before the reason."""
    text = str(
        sk.InvalidValueError(
            "\x1b[1mx\x1b[0m \x1b]8;;http://a\x07is\x1b]8;;\x07 \x00 " + "y" * 10_000 + ": expected z."
        )
    )
    assert text.startswith("x is \\x00 y")
    assert text.endswith("y: expected z.")
    assert len(text) <= 1500


def test_long_values_are_shortened_in_the_middle():
    with pytest.raises(sk.InvalidValueError, match=r"noise: noise levels must descend.*….*sorted\(levels") as caught:
        sk.samplers.AnnealedLangevin(list(range(1, 100_000)), 1, 0.1)
    assert len(str(caught.value)) < 1000


def test_every_line_of_a_reason_is_kept():
    assert reason_of(ValueError("it failed\n\n   because of this")) == "ValueError: it failed because of this"
    assert reason_of(FileNotFoundError(2, "No such file", "a")) == "FileNotFoundError: No such file"
    assert readable("short") == "short"


def test_an_error_can_be_copied_to_another_process():
    error = pickle.loads(pickle.dumps(sk.ShapeError("x has shape (3,): expected (n, …).")))
    assert str(error) == "x has shape (3,): expected (n, …)."


# ---------------------------------------------------------------- names that are nearly right


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda: sk.objectives.ImplicitScoreMatching("Hutchinson"), "hutchinson"),
        (lambda: sk.objectives.SlicedScoreMatching(distribution="rademaher"), "rademacher"),
        (lambda: sk.datasets.mnist("here", split="tests"), "test"),
        (lambda: sk.backend("tosch"), "torch"),
        # scikit-hep/pyhf#668 and SauersML/gam#647: options with a typo were ignored, or refused without a hint
        (lambda: sk.experiments.train({"data": {"name": "shapes", "sise": 8}}), "size"),
        (lambda: sk.experiments.train({"data": {"name": "shape"}}), "shapes"),
        (lambda: sk.experiments.read_experiment({"trian": {}}), "train"),
    ],
)
def test_a_typo_is_told_the_closest_name(call, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        call()


def test_an_unknown_option_of_a_learner_is_told_the_closest_name():
    import torch

    import scorekit_torch

    with pytest.raises(TypeError, match="accumulate"):
        sk.fit(
            scorekit_torch.MLP(2, (4,)),
            sk.objectives.DenoisingScoreMatching(0.1),
            torch.zeros(4, 2),
            steps=1,
            acumulate=2,
        )


# ---------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demmo"], "Did you mean 'demo'? See scorekit --help."),
        (["train"], "scorekit train: the following arguments are required: FILE.toml. See scorekit train --help."),
        (["train", "a.toml", "--quit"], "unrecognized arguments: --quit. Did you mean '--quiet'? See scorekit train"),
        (
            ["sample", "run", "-n", "many"],
            "scorekit sample: argument -n: invalid int value: 'many'. See scorekit sample",
        ),
        (["evaluate", "run", "--featurs", "a.py:f"], "Did you mean '--features'?"),
        (["demo", "--seed"], "scorekit demo: argument --seed: expected one argument. See"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    out, err = capsys.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "missing.toml"], "cannot read missing.toml (No such file or directory): expected an experiment"),
        (["train", "."], "cannot read . (Is a directory)"),
        (["sample", "missing"], "missing is not a run: expected a folder that scorekit train made"),
        (["sample", "missing", "-n", "0"], "-n must be at least 1, got 0."),
        (["evaluate", "missing"], "missing is not a run"),
        (["demo", "spiral"], "unknown demo 'spiral': expected one of gmm"),
    ],
)
def test_a_failure_is_one_line_and_status_1(arguments, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert words in err


def test_an_error_of_another_library_is_one_line(capsys, monkeypatch):
    def broken(**_):
        raise RuntimeError("a library\nfailed")

    monkeypatch.setattr("scorekit.cli.demo.run", lambda *_, **options: broken(**options))
    assert main(["demo", "gmm"]) == 1
    assert capsys.readouterr().err.startswith(
        "scorekit: RuntimeError: a library failed. For the traceback: python -X dev"
    )


def test_a_reader_that_stops_is_no_error():
    """Backblaze/B2_Command_Line_Tool#1071 and canonical/craft-cli#378: a traceback after ``| head``."""
    command = (
        f"{sys.executable} -u -c 'from scorekit.cli import main; raise SystemExit(main([\"doctor\"]))' | head -n 1"
    )
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (141, "")
    assert done.stdout.startswith("scorekit ")
