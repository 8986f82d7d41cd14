"""Saved models and folders: the same bits come back, or an error."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import scorekit as sk
from scorekit.storage import read_folder, write_folder
from scorekit_numpy import MLP
from support.manifests import rewrite

X = np.random.default_rng(0).normal(size=(4, 2))


@pytest.mark.parametrize(
    "model",
    [
        MLP(2, hidden=(8,)),
        MLP(2, hidden=(8, 4), dtype="float32", rng=3),
        sk.models.Preconditioned(MLP(2, hidden=(8,)), 0.7, "ncsn"),
        sk.models.DenoiserModel(sk.models.Preconditioned(MLP(2, hidden=(8,)), 0.7)),
    ],
    ids=repr,
)
def test_a_model_comes_back_with_the_same_bits(tmp_path, model):
    sk.save(model, tmp_path / "model")
    again = sk.load(tmp_path / "model")
    x = X.astype(next(iter(model.parameters().values())).dtype)
    assert np.array_equal(again(x, 0.3), model(x, 0.3))
    assert repr(again) == repr(model)


def test_an_existing_folder_is_left_alone(tmp_path):
    with pytest.raises(sk.CheckpointError, match="exists already"):
        sk.save(MLP(2), tmp_path)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda x: -x, "cannot save a function"),
        (sk.models.EnergyModel(lambda x: x), "cannot save a function"),
        (sk.models.at(MLP(2), 0.1), "cannot save a AtLevel: save the inner model"),
    ],
)
def test_what_cannot_be_written_down(tmp_path, model, words):
    with pytest.raises(TypeError, match=words):
        sk.save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_folder_that_holds_something_else(tmp_path):
    with pytest.raises(sk.CheckpointError, match="does not exist"):
        sk.load(tmp_path / "nothing")
    write_folder(tmp_path / "other", {"a": np.ones(2)}, {"kind": "checkpoint"})
    with pytest.raises(sk.CheckpointError, match="contains a checkpoint: expected a model"):
        sk.load(tmp_path / "other")


def test_a_manifest_cannot_name_code(tmp_path):
    """Only networks that the backend exports are made: a name from elsewhere is refused, not imported."""
    description = {"kind": "model", "backend": "numpy", "network": "os", "config": {}, "views": []}
    write_folder(tmp_path / "evil", {"a": np.ones(2)}, description)
    with pytest.raises(sk.CheckpointError, match="has no 'os'"):
        sk.load(tmp_path / "evil")


def test_weights_that_do_not_fit_the_description_are_listed(tmp_path):
    sk.save(MLP(2, hidden=(4,)), tmp_path / "m")
    rewrite(tmp_path / "m", lambda content: content["description"]["config"].update(hidden=[5], dtype="float32"))
    with pytest.raises(
        sk.CheckpointError, match=r"4 tensors differ: .*is \(.*4.*\), the model has \(.*5.*\); .*float64"
    ):
        sk.load(tmp_path / "m")


# ---------------------------------------------------------------- damage

ARRAYS = {
    "weights": np.random.default_rng(0).normal(size=(30, 4)),
    "half": np.linspace(-1, 1, 7, dtype=np.float16),
    "steps": np.asarray(7),
    "mask": np.asarray([True, False, True]),
    "none": np.zeros((0, 3), np.float32),
}
DESCRIPTION = {"kind": "checkpoint", "step": 7, "spent": 0.1 + 0.2, "tiny": 1e-05, "who": "Gauß"}


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "f", ARRAYS, DESCRIPTION)
    return tmp_path / "f"


def test_what_is_written_comes_back_with_type_shape_and_bits(folder):
    arrays, description = read_folder(folder)
    assert description == DESCRIPTION
    assert arrays.keys() == ARRAYS.keys()
    for name, value in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (value.dtype, value.shape)
        assert arrays[name].tobytes() == value.tobytes()


def test_no_bit_flip_is_loaded(folder):
    """1,000 flips anywhere in the two files, each of them refused with the name of the folder."""
    g = np.random.default_rng()
    for file in (folder / "arrays.safetensors", folder / "manifest.json"):
        original = file.read_bytes()
        for _ in range(500):
            place, bit = int(g.integers(len(original))), int(g.integers(8))
            damaged = bytearray(original)
            damaged[place] ^= 1 << bit
            file.write_bytes(damaged)
            with pytest.raises(sk.CheckpointError, match=f"^{folder} "):
                read_folder(folder), f"bit {bit} of byte {place} of {file.name} was flipped"
        file.write_bytes(original)
    read_folder(folder)


def test_no_truncation_is_loaded(folder):
    g = np.random.default_rng()
    for file in (folder / "arrays.safetensors", folder / "manifest.json"):
        original = file.read_bytes()
        for length in [0, 1, 7, 8, 9, len(original) - 1, *g.integers(len(original), size=44)]:
            file.write_bytes(original[:length])
            with pytest.raises(sk.CheckpointError, match=f"^{folder} "):
                read_folder(folder)
        file.write_bytes(original)
    read_folder(folder)


def test_a_number_that_reads_the_same_is_still_another_text(folder):
    """0.30000000000000004 and 0.30000000000000005 are one float, 1e-05 and 1E-05 too: the text is what counts."""
    path = folder / "manifest.json"
    for before, after in ((b"0.30000000000000004", b"0.30000000000000005"), (b"1e-05", b"1E-05"), (b"00df", b"00DF")):
        original = path.read_bytes()
        assert original.count(before) == 1
        path.write_bytes(original.replace(before, after))
        with pytest.raises(sk.CheckpointError, match=r"is damaged: manifest\.json does not match its checksum"):
            read_folder(folder)
        path.write_bytes(original)


# ---------------------------------------------------------------- tampering: every checksum fits


def _header(change):
    """A change of the arrays' header, as of one who rewrites the file."""

    def tamper(folder):
        path = folder / "arrays.safetensors"
        content = path.read_bytes()
        end = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:end])
        change(header)
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
        rewrite(folder, lambda content: None)

    return tamper


def _length(number):
    def tamper(folder):
        path = folder / "arrays.safetensors"
        path.write_bytes(number.to_bytes(8, "little") + path.read_bytes()[8:])

    return tamper


def _extra(header):
    end = max(entry["data_offsets"][1] for entry in header.values())
    header["extra"] = {"dtype": "F32", "shape": [0], "data_offsets": [end, end]}


def _manifest(text):
    return lambda folder: (folder / "manifest.json").write_bytes(text)


class _Trap:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a file was unpickled",)


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (_length(2**64 - 1), "header of 18446744073709551615 bytes does not fit into a file of"),
        (_length(2**40), "header of 1099511627776 bytes does not fit"),
        (_header(lambda h: h["weights"].update(data_offsets=[4, 964])), "not a complete safetensors file"),
        (_header(lambda h: h["weights"].update(shape=[4, 30])), "weights in arrays.safetensors do not match"),
        (_header(lambda h: h["weights"].update(dtype="I64")), "weights in arrays.safetensors do not match"),
        (_header(lambda h: h["weights"].update(dtype="F32")), "not a complete safetensors file"),
        (_header(lambda h: h["weights"].update(dtype="F7")), "not a complete safetensors file"),
        (_header(lambda h: h["half"].update(dtype="BF16")), "arrays.safetensors"),
        (_header(lambda h: h["weights"].update(shape=[2**62, 2**62])), "not a complete safetensors file"),
        (_header(_extra), "extra in arrays.safetensors do not match"),
        (_header(lambda h: h.update(other=h.pop("weights"))), "other, weights in arrays.safetensors do not match"),
        (
            lambda f: (f / "arrays.safetensors").write_bytes(pickle.dumps(_Trap())),
            "not a complete safetensors file|damaged",
        ),
        (_manifest(pickle.dumps(_Trap())), "manifest.json is not JSON text"),
        (_manifest(b"[" * 100_000 + b"]" * 100_000), "manifest.json is not JSON text"),
        (_manifest(b'{"a": ' * 100_000 + b"1" + b"}" * 100_000), "manifest.json is not JSON text"),
        (_manifest(b'{"format": ' + b"9" * 10_000 + b"}"), "manifest.json is not JSON text"),
        (_manifest(b"NaN"), "so scorekit did not write it"),
        (_manifest(b"[1, 2]"), "so scorekit did not write it"),
        (_manifest(b'{"checksum": 3}'), "so scorekit did not write it"),
        (_manifest(b'{"format": 1, "checksum": "0"}'), "does not match its checksum"),
        (_manifest(b"\xff\xfe{}"), "manifest.json is not JSON text"),
        (lambda f: rewrite(f, lambda c: c.update(format=float("nan"))), "no valid format"),
        (lambda f: rewrite(f, lambda c: c.update(format=10**4000)), "no valid format"),
        (lambda f: rewrite(f, lambda c: c.update(format=0)), "no valid format"),
        (lambda f: rewrite(f, lambda c: c.update(format=True)), "no valid format"),
        (lambda f: rewrite(f, lambda c: c.pop("sha256")), "no valid sha256"),
        (lambda f: rewrite(f, lambda c: c.update(sha256=[])), "no valid sha256"),
        (lambda f: rewrite(f, lambda c: c.update(sha256={})), "do not match their SHA-256"),
        (lambda f: rewrite(f, lambda c: c["sha256"].update(mask=None)), "mask in arrays.safetensors do not match"),
        (lambda f: rewrite(f, lambda c: c.update(description="x")), "no valid description"),
        (lambda f: rewrite(f, lambda c: c.update(bfloat16=["weights"])), "bfloat16 that does not match"),
        (lambda f: rewrite(f, lambda c: c.update(bfloat16=[["weights"]])), "bfloat16 that does not match"),
        (lambda f: rewrite(f, lambda c: c.clear()), "no valid format"),
        (lambda f: (f / "manifest.json").unlink(), "has no manifest.json, so scorekit did not write it"),
        (lambda f: (f / "arrays.safetensors").unlink(), "arrays.safetensors.*No such file"),
        (lambda f: [(f / "manifest.json").unlink(), (f / "manifest.json").mkdir()], "manifest.json.*Is a directory"),
        (lambda f: [(f / "arrays.safetensors").unlink(), (f / "arrays.safetensors").mkdir()], "Is a directory|damaged"),
        (lambda f: [shutil.rmtree(f), f.write_text("a file")], "is a file: expected a folder that scorekit wrote"),
    ],
)
def test_what_someone_else_has_written_is_refused(folder, tamper, words):
    tamper(folder)
    with pytest.raises(sk.CheckpointError, match=words) as caught:
        read_folder(folder)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_later_format_names_the_version_and_what_to_do(folder):
    rewrite(folder, lambda content: content.update(format=9, scorekit="7.1"))
    with pytest.raises(
        sk.CheckpointError, match=r"by a newer scorekit \(7\.1, format 9\).*reads format 1\. Install that version"
    ):
        read_folder(folder)


def test_files_hold_no_pickle(tmp_path):
    sk.save(MLP(2, hidden=(4,)), tmp_path / "m")
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["arrays.safetensors", "manifest.json"]
    json.loads((tmp_path / "m" / "manifest.json").read_text())


# ---------------------------------------------------------------- a disk that is full

FULL = textwrap.dedent("""
    import resource, signal, sys
    from pathlib import Path
    import numpy as np, scorekit as sk
    from scorekit.storage import write_folder
    write_folder(Path(sys.argv[1]), {"a": np.zeros(10)}, {})  # all modules are there
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
    for arrays in ({"a": np.zeros(100_000)}, {str(i): np.zeros(1) for i in range(100)}):
        try:
            write_folder(Path(sys.argv[2]), arrays, {})
        except sk.CheckpointError as error:
            print(error)
""")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
def test_a_file_that_finds_no_room_leaves_nothing_behind(tmp_path):
    """The kernel stops the first write in the arrays, the second in the manifest."""
    command = [sys.executable, "-c", FULL, str(tmp_path / "good"), str(tmp_path / "bad"), "7000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    for line in (first, second):
        assert line.startswith(f"cannot write {tmp_path / 'bad'}")
        assert "File too large" in line
    assert [p.name for p in tmp_path.iterdir()] == ["good"]
    read_folder(tmp_path / "good")
