"""CIFAR-10 in both published versions, and pickles that would rather do something else."""

from __future__ import annotations

import os
import pickle
import struct

import numpy as np
import pytest

import scorekit as sk
from scorekit.datasets import _cifar10 as cifar
from support.image_files import python2_batch

N = 3
NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    monkeypatch.setattr(cifar, "_IN_A_FILE", N)


def batches():
    rng = np.random.default_rng(0)
    return {name: (rng.integers(0, 256, (N, 3072), np.uint8), rng.integers(0, 10, N).tolist()) for name in NAMES}


def write_binary(folder, content):
    folder.mkdir(exist_ok=True)
    for name, (pixels, labels) in content.items():
        records = np.concatenate([np.array(labels, np.uint8)[:, None], pixels], axis=1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())


def write_python(folder, content, protocol):
    folder.mkdir(exist_ok=True)
    for name, (pixels, labels) in content.items():
        batch = {b"data": pixels, b"labels": labels, b"filenames": [b"a.png"] * N}
        made = python2_batch(pixels.tobytes(), N, labels) if protocol is None else pickle.dumps(batch, protocol)
        (folder / name).write_bytes(made)


@pytest.mark.parametrize("version", ["binary", "Python 2", 2, 3, 4])
@pytest.mark.parametrize("inside", [True, False])
def test_what_was_written_is_read(tmp_path, version, inside):
    content = batches()
    if version == "binary":
        write_binary(tmp_path / "cifar-10-batches-bin", content)
    else:
        write_python(tmp_path / "cifar-10-batches-py", content, None if version == "Python 2" else version)
    given = tmp_path if inside else next(tmp_path.iterdir())
    train, test = sk.datasets.cifar10(given), sk.datasets.cifar10(given, split="test")
    assert train.shape == (5 * N, 3, 32, 32)
    pixels = np.concatenate([content[name][0] for name in NAMES[:5]])
    np.testing.assert_array_equal(np.rint(train.images * 255).reshape(5 * N, -1), pixels)
    assert train.labels.tolist() == [label for name in NAMES[:5] for label in content[name][1]]
    np.testing.assert_array_equal(np.rint(test.images * 255).reshape(N, -1), content["test_batch"][0])
    assert test.labels.tolist() == content["test_batch"][1]
    assert (train.classes[0], train.classes[9], train.levels) == ("airplane", "truck", 256)


def test_a_pixel_stands_where_it_should(tmp_path):
    """A record is 1,024 red values row by row, then green, then blue."""
    content = batches()
    content["test_batch"][0][:] = 0
    content["test_batch"][0][1, 1024 + 32 * 5 + 7] = 255
    write_binary(tmp_path, content)
    assert np.argwhere(sk.datasets.cifar10(tmp_path, split="test").images).tolist() == [[1, 1, 5, 7]]


def test_damaged_files(tmp_path):
    content = batches()
    write_binary(tmp_path, content)
    file = tmp_path / "data_batch_3.bin"
    good = file.read_bytes()
    for wrong, message in [
        (good[:-1], r"data_batch_3.bin has 9,218 bytes: expected 9,219, 3 records of 3,073"),
        (good[: 2 * 3073], "has 6,146 bytes: expected 9,219"),
        (b"\x0a" + good[1:], "data_batch_3.bin holds labels from . to 10: expected 0 to 9"),
    ]:
        file.write_bytes(wrong)
        with pytest.raises(sk.DatasetError, match=message):
            sk.datasets.cifar10(tmp_path)
    file.unlink()
    with pytest.raises(sk.DatasetError, match=r"expected data_batch_3.bin or data_batch_3\. Download cifar-10-binary"):
        sk.datasets.cifar10(tmp_path)
    assert len(sk.datasets.cifar10(tmp_path, split="test")) == N
    with pytest.raises(
        sk.InvalidTypeError, match=r"folder is None: expected the folder that contains the files. Download cifar"
    ):
        sk.datasets.cifar10()
    with pytest.raises(sk.InvalidValueError, match="unknown split"):
        sk.datasets.cifar10(tmp_path, split="all")


GOOD = {b"data": np.zeros((N, 3072), np.uint8), b"labels": [0] * N}


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([1], "a list, expected a dict"),
        ({1: 2}, "it has the key 1, expected text"),
        (GOOD | {b"data": 3}, r"has data of shape None: expected \(3, 3072\)"),
        (GOOD | {b"data": np.zeros((2, 3072), np.uint8)}, r"has data of shape \(2, 3072\)"),
        (GOOD | {b"data": np.zeros((N, 3072))}, "an array of dtype 'f8', expected bytes"),
        (GOOD | {b"data": np.array([[None] * 3072] * N)}, "an array of dtype 'O8', expected bytes"),
        (GOOD | {b"labels": [0, 1]}, "has 2 labels for 3 images"),
        (GOOD | {b"labels": [0, 1, 11]}, "holds labels from 0 to 11"),
        (GOOD | {b"labels": [0, 1, True]}, "no list of integers named labels"),
        ({b"data": GOOD[b"data"]}, "no list of integers named labels"),
    ],
)
def test_pickles_of_something_else(tmp_path, batch, message):
    (tmp_path / "test_batch").write_bytes(pickle.dumps(batch, 2))
    with pytest.raises(sk.DatasetError, match=message):
        sk.datasets.cifar10(tmp_path, split="test")


class Calls:
    """A pickle of it calls a function when it is read."""

    def __init__(self, call, *arguments):
        self.way = (call, arguments)

    def __reduce__(self):
        return self.way


def global_call(module: bytes, name: bytes, argument: bytes) -> bytes:
    return b"\x80\x02c" + module + b"\n" + name + b"\n" + argument + b"\x85R."


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n"

ATTACKS = {
    "os.system": (pickle.dumps(Calls(os.system, "echo > ran"), 2), "it names posix.system"),
    "protocol 4": (pickle.dumps(Calls(os.system, "echo > ran"), 4), "it names posix.system"),
    "protocol 0": (pickle.dumps(Calls(os.system, "echo > ran"), 0), "it contains the opcode"),
    "inside of a good file": (
        pickle.dumps(GOOD | {b"labels": Calls(exec, "open('ran', 'w').close()")}, 2),
        r"it names (__builtin__|builtins).exec",
    ),
    "INST": (b"(S'echo > ran'\nios\nsystem\n.", "it contains the opcode STRING|it contains the opcode INST"),
    "OBJ": (b"(cos\nsystem\nU\x02lso.", "it contains the opcode OBJ"),
    "NEWOBJ": (b"\x80\x02cnumpy\nndarray\n)\x81.", "it contains the opcode NEWOBJ"),
    "an extension": (b"\x80\x02\x82\x01.", "it contains the opcode EXT1"),
    "a persistent id": (b"Pname\n.", "it contains the opcode PERSID"),
    "another of numpy": (global_call(b"numpy", b"load", b"U\x01a"), "it names numpy.load"),
    "a name in a name": (global_call(b"numpy", b"ndarray.__class__", b"U\x01a"), "it names numpy.ndarray.__class__"),
    "another codec": (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.", "encoding 'zip'"),
    "an array of a list": (b"\x80\x02" + ARRAY + b"U\x04listK\x00\x86R.", "an array of kind b'list'"),
    "a changed function": (b"\x80\x02" + ARRAY + b"}(U\x01aK\x01ub.", "it modifies a function that it may only call"),
    "a changed class": (b"\x80\x02cnumpy\nndarray\n}(U\x01aK\x01ub.", "."),
    "a far place": (b"\x80\x02Kar" + struct.pack("<I", 0xFFFFFFFF) + b".", "memo index 4294967295 in 10 bytes"),
    "tuples in tuples": (b"\x80\x02}K\x01" + b"\x85" * 100_000 + b"K\x01s.", "it contains 100000 tuples"),
    "lists in lists": (
        b"\x80\x02cnumpy\ndtype\n" + b"]" * 100_000 + b"a" * 99_999 + b"\x85R.",
        r"an array of dtype \[\[\[\[\[\[...",
    ),
    "a name of megabytes": (
        b"\x80\x02cnumpy\ndtype\nX" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"\x85R.",
        r"an array of dtype 'aaaaaaaaaaaa\.\.\.aaaaaaaaaaaaa', expected bytes",
    ),
    "more bytes than there are": (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"a.", "."),
    "cut": (pickle.dumps(GOOD, 2)[:-9], "."),
    "text": (b"hello", "."),
    "nothing": (b"", "."),
    "an array of a wrong size": (python2_batch(bytes(3072), 3, [0]), r"an array of shape \(3, 3072\) with 3072 bytes"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_pickle_is_executed(tmp_path, monkeypatch, attack):
    content, message = ATTACKS[attack]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(sk.DatasetError, match=f"test_batch is not an image pickle: .*({message})"):
        sk.datasets.cifar10(tmp_path, split="test")
    assert not (tmp_path / "ran").exists()


def test_the_attacks_are_real(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("os.system", "protocol 4", "inside of a good file"):
        pickle.loads(ATTACKS[name][0])
        (tmp_path / "ran").unlink()
