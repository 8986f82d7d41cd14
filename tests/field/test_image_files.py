"""Image files and data sets as users have them: each case is from a public report, with the right value asserted."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import scorekit as sk
from scorekit import experiments
from scorekit.datasets import ImageData, _pixels
from scorekit.experiments import Parts, read_experiment
from support.image_files import idx, png

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (6, 5, 7, 3), np.uint8)
GRAY = RNG.integers(0, 256, (6, 28, 28), np.uint8)


def encoded(values, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(np.asarray(values)).save(file, kind, **options)
    return file.getvalue()


FILES = [encoded(values) for values in COLOR]


def fill(folder, names, files=FILES):
    for name, content in zip(names, files, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(path, names, files=FILES):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in zip(names, files, strict=False):
            archive.writestr(name, content)
    return path


def last(data):
    """The stored images as (n, h, w, c)."""
    assert data.pixels.dtype == np.uint8
    return np.moveaxis(data.pixels, 1, -1)


def one(folder, content, name="a.png", **options):
    return sk.datasets.image_folder(fill(folder, [name], [content]), **options)


# ---------------------------------------------------------------- memory


def test_bytes_stay_bytes_and_are_the_same_floats(monkeypatch):
    """mila-iqia/atari-representation-learning#49: floats need four times the memory of bytes."""
    stored = RNG.integers(0, 256, (40, 3, 4, 5), np.uint8)
    data = ImageData(stored, np.arange(40) % 2, ("a", "b"))
    assert (data.levels, data.pixels.nbytes) == (256, stored.nbytes)
    np.testing.assert_array_equal(data.images, np.divide(stored, 255, dtype=np.float32))
    first, second = data.split(0.75, rng=1)
    for part in (first, second, data[3:9], data[[5, 2]], data.subset("b", n=4, rng=0)):
        assert np.shares_memory(part.stored, stored)  # a choice of rows, not a copy
        np.testing.assert_array_equal(part.images, np.divide(part.pixels, 255, dtype=np.float32))
        again = pickle.loads(pickle.dumps(part))
        assert again == part
        assert again.stored.nbytes == part.pixels.nbytes  # a pickle has the chosen images only
    assert len(first) + len(second) == 40
    np.testing.assert_array_equal(data[10:20][[1, 3]].pixels, stored[[11, 13]])
    np.testing.assert_array_equal(data.flipped(rng=0).pixels[..., ::1].dtype, np.uint8)
    x, labels = first.batches("numpy", labels=True).take(np.array([4, 0]))  # rows of the part, not of the whole
    np.testing.assert_array_equal(x, first.images[[4, 0]])
    np.testing.assert_array_equal(labels, first.labels[[4, 0]])
    monkeypatch.setattr(_pixels, "_AT_ONCE", 1)  # one image at a time
    np.testing.assert_array_equal(data[[7, 1, 3]].images, np.divide(stored[[7, 1, 3]], 255, dtype=np.float32))
    np.testing.assert_array_equal(ImageData(stored).images, data.images)
    twelve = ImageData(np.array([[[[0, 4095]]]], np.uint16), levels=4096)
    assert twelve.images.ravel().tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="images hold the value 4095, and levels is 256: expected 0 to 255"):
        ImageData(np.array([[[[0, 4095]]]], np.uint16), levels=256)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_training_on_bytes_is_training_on_floats(backend):
    """Bit for bit, with labels, validation and a transform."""
    pytest.importorskip(backend)
    data = sk.datasets.digits()
    network = {"numpy": "scorekit_numpy", "torch": "scorekit_torch"}[backend]
    objective = sk.objectives.DenoisingScoreMatching(0.2)
    results = []
    for given in (
        data.batches(backend, transform=lambda x: 2 * x - 1),
        sk.backend(backend).asarray(2 * data.images - 1),
    ):
        flat = __import__(network).MLP(64, hidden=(8,), rng=0, dtype="float32")
        results.append(sk.fit(flat, objective, given, steps=20, batch_size=100, progress=False, rng=3))
    x = sk.backend(backend).asarray(data.images[:5])
    first, second = (np.asarray(sk.backend(backend).to_numpy(r.model(x, 0.5))) for r in results)
    assert np.array_equal(first, second)
    assert results[0].history.loss.tolist() == results[1].history.loss.tolist()


def test_a_run_resumes_from_bytes_as_from_floats(tmp_path):
    data, objective = sk.datasets.digits(), sk.objectives.DenoisingScoreMatching(0.2)
    from scorekit_numpy import MLP

    options = {"batch_size": 100, "progress": False, "rng": 3, "checkpoint": tmp_path}
    sk.fit(MLP(64, hidden=(8,), rng=0, dtype="float32"), objective, data.images, steps=3, **options)
    more = sk.fit(MLP(64, hidden=(8,), rng=0, dtype="float32"), objective, data.batches("numpy"), steps=5, **options)
    assert more.step == 5


def test_what_an_experiment_needs_is_the_bytes(tmp_path):
    """mila-iqia/atari-representation-learning#49, huggingface/lerobot#1470. As floats these are 240 MB."""
    stored = np.zeros((5000, 3, 64, 64), np.uint8)
    stored[:] = RNG.integers(0, 256, (5000, 1, 1, 1), np.uint8)
    np.save(tmp_path / "images.npy", stored)
    size = stored.nbytes
    del stored
    file = {
        "backend": "numpy",
        "data": {"name": "arrays", "path": str(tmp_path / "images.npy"), "flip": True},
        "network": {"name": "MLP", "hidden": [2]},
        "noise": {"kind": "log-uniform", "sigma_max": 9.0, "sigma_min": 0.1},
    }
    tracemalloc.start()
    parts = Parts(read_experiment(file))
    model, objective, data = parts.network(), parts.objective(), parts.training_data()
    sk.fit(model, objective, data, steps=2, batch_size=16, progress=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.15 * size + 130e6, f"{peak / size:.2f} times the size of the bytes"


# ---------------------------------------------------------------- folders


def test_linked_classes_are_followed_and_cycles_end(tmp_path):
    """huggingface/pytorch-image-models#334, fastai/fastai#2270: a subset of ImageNet is a folder of links."""
    store = fill(tmp_path / "store", ["n01/1.png", "n02/2.png", "n02/3.png"])
    root = fill(tmp_path / "root", ["n03/4.png"], FILES[3:])
    (root / "n01").symlink_to(store / "n01")
    (root / "n02").symlink_to(Path("..", "store", "n02"))
    (root / "again").symlink_to(store / "n02")
    (root / "n03" / "up").symlink_to(root)
    (root / "out").symlink_to(tmp_path)
    (root / "n03" / "gone.png").symlink_to(tmp_path / "nothing.png")
    os.mkfifo(root / "n03" / "pipe.png")
    (root / "n03" / "link.png").symlink_to(store / "n01" / "1.png")
    data = sk.datasets.image_folder(root)
    assert data.classes == ("again", "n01", "n03")  # one of the two links to n02, the first
    assert data.counts.tolist() == [2, 1, 2]
    np.testing.assert_array_equal(last(data), COLOR[[1, 2, 0, 3, 0]])
    notes = "; ".join(data.notes)
    assert "1 passed over, broken links: n03/gone.png" in notes
    assert "3 passed over, links to folders that are read already: n02, n03/up, out" in notes
    assert "1 passed over, not regular files: n03/pipe.png" in notes
    assert "1 images occur again (n03/link.png is n01/1.png)" in notes


def test_a_folder_keeps_its_name_beside_a_link_to_it(tmp_path):
    root = fill(tmp_path, ["cats/1.png", "dogs/2.png"])
    (root / "a-link").symlink_to(root / "cats")
    assert sk.datasets.image_folder(root).classes == ("cats", "dogs")


def test_limit_takes_all_classes(tmp_path):
    """huggingface/datasets#2424 and others: the first n of sorted files are one class."""
    names = [f"{c}/{i}.png" for c in ("ape", "bee", "cat") for i in range(8)]
    root = fill(tmp_path, [*names, "dog/0.png"], [encoded(np.full((2, 2, 3), i, np.uint8)) for i in range(25)])
    data = sk.datasets.image_folder(root, limit=7)
    assert data.counts.tolist() == [2, 2, 2, 1]
    assert data.pixels[:, 0, 0, 0].tolist() == [0, 1, 8, 9, 16, 17, 24]
    assert sk.datasets.image_folder(root, limit=2).counts.sum() == 2
    uneven = np.repeat([0, 1, 2], [12, 6, 2])
    np.savez(tmp_path / "uneven.npz", images=np.zeros((20, 5, 5), np.uint8), labels=uneven)
    assert sk.datasets.arrays(tmp_path / "uneven.npz", limit=10).counts.tolist() == [6, 3, 1]
    assert sk.datasets.arrays(tmp_path / "uneven.npz", limit=3).counts.tolist() == [1, 1, 1]
    assert sk.datasets.image_folder(root, limit=99).counts.tolist() == [8, 8, 8, 1]


def test_parts_of_a_data_set_are_no_classes(tmp_path):
    root = fill(tmp_path, ["train/cat/1.png", "train/dog/2.png", "val/cat/3.png"])
    with pytest.raises(
        sk.InvalidValueError, match=r"the folders train, val of .* not classes: pass one of them, .*train"
    ):
        sk.datasets.image_folder(root)
    assert sk.datasets.image_folder(root / "train").classes == ("cat", "dog")


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_not_endings(tmp_path, packed):
    """fastai/fastai#488, ml4a/ml4a#49: .DS_Store; OpenNeuroOrg/openneuro#2520: ._name.png; endings that lie."""
    files = {
        "a.JPEG": FILES[0],
        "b": FILES[1],
        "c.jpg": FILES[2],
        "d.jpg_large": encoded(COLOR[3], "BMP"),
        "e.png": encoded(COLOR[4], "TIFF"),
        ".DS_Store": b"\0\0\0\1Bud1",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "desktop.ini": b"[x]",
        "__MACOSX/._a.png": b"\0\5\x16\7",
        "._a.JPEG": b"\0\5\x16\7",
        ".ipynb_checkpoints/a.png": FILES[0],
        "photo.dng": encoded(COLOR[0], "TIFF"),
        "labels.csv": b"name,label",
        "BMW": b"BM is a text about cars, and no picture at all",
    }
    place = (
        zipped(tmp_path / "in.zip", files, files.values()) if packed else fill(tmp_path / "in", files, files.values())
    )
    data = sk.datasets.image_folder(place)
    np.testing.assert_array_equal(last(data), COLOR[:5])
    system, others = data.notes
    assert system.startswith("6 passed over, hidden or system files: " if packed else "6 passed over, hidden")
    assert others == "3 passed over, not images: BMW, labels.csv, photo.dng"
    assert "3 passed over, not images" in repr(data)


def test_a_page_in_place_of_an_image_is_named(tmp_path):
    """An error page of a web server that was saved as x.jpg is a damaged image, not another file."""
    root = fill(tmp_path, ["a.png", "x.jpg"], [FILES[0], b"<html>403 Forbidden</html>"])
    with pytest.raises(sk.DatasetError, match=r"1 of 2 images .* cannot be read: x.jpg"):
        sk.datasets.image_folder(root)
    assert "1 skipped (x.jpg" in sk.datasets.image_folder(root, skip_corrupt=True).notes[0]


@pytest.mark.parametrize("packed", [False, True])
def test_dataset_json(tmp_path, packed):
    """NVlabs/stylegan2-ada-pytorch#18: the folders 00000, 00001 are no classes, dataset.json has the labels."""
    names = ["00000/img00000000.png", "00000/img00000001.png", "00001/img00001000.png"]

    def place(labels):
        files = [*FILES[:3], labels if isinstance(labels, bytes) else json.dumps({"labels": labels}).encode()]
        make = zipped if packed else fill
        return make(tmp_path / ("in.zip" if packed else "in"), [*names, "dataset.json"], files)

    data = sk.datasets.image_folder(place([[name, label] for name, label in zip(names, (2, 0, 2), strict=True)]))
    assert (data.labels.tolist(), data.classes, data.notes) == ([2, 0, 2], ("0", "1", "2"), ())
    np.testing.assert_array_equal(last(data), COLOR[:3])
    hot = sk.datasets.image_folder(place([[name, [0, 1, 0]] for name in names]))
    assert hot.labels.tolist() == [1, 1, 1]
    assert sk.datasets.image_folder(place(None)).labels is None  # NVlabs/stylegan3#189
    for wrong, message in [
        ([[names[0], 0]], "has no label for 00000/img00000001.png, 00001/img00001000.png"),
        ([[name, -1] for name in names], "has the label -1 for 00000/img00000000.png: expected a class"),
        ([[name, [0.5, 0.5]] for name in names], r"has the label \[0.5, 0.5\]"),
        ([[name, 10**12] for name in names], "has the label 1000000000000"),
        (b"{", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        ({"a": 1}, "cannot be read"),
    ]:
        with pytest.raises(sk.DatasetError, match=message):
            sk.datasets.image_folder(place(wrong))


# ---------------------------------------------------------------- pixels


def test_opaque_alpha_is_no_alpha_and_a_background_flattens(tmp_path):
    """NVIDIA/DIGITS#85: transparent pixels became black where white was expected."""
    opaque = np.concatenate([COLOR[0], np.full((5, 7, 1), 255, np.uint8)], axis=2)
    np.testing.assert_array_equal(last(one(tmp_path, encoded(opaque)))[0], COLOR[0])
    half = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [100, 200, 40, 51]]], np.uint8)
    for given, background in (("white", 255), ("black", 0), ("#ff8000", (255, 128, 0)), ([1, 2, 3], (1, 2, 3))):
        color, alpha = half[..., :3].astype(float), half[..., 3:] / 255
        expected = np.rint(alpha * color + (1 - alpha) * np.array(background))
        np.testing.assert_array_equal(last(one(tmp_path, encoded(half), background=given))[0], expected)
    assert last(one(tmp_path, encoded(half), channels=1, background="white"))[0, 0, :2, 0].tolist() == [255, 18]
    np.testing.assert_array_equal(last(one(tmp_path, encoded(half), channels=4))[0], half)
    with pytest.raises(sk.DatasetError, match="it has transparent pixels: pass background='white'"):
        one(tmp_path, encoded(half))
    for wrong in ("whitish", (1, 2), 3, (0, 0, 256)):
        with pytest.raises((sk.InvalidValueError, sk.InvalidTypeError), match="background is"):
            one(tmp_path, encoded(half), background=wrong)
    with pytest.raises(sk.InvalidValueError, match="exclude each other"):
        one(tmp_path, encoded(half), background="white", channels=4)


def test_gray_with_alpha_and_colors_that_are_transparent(tmp_path):
    """python-pillow/Pillow#421: a transparent color of an image without alpha (tRNS)."""
    gray = Image.merge("LA", [Image.fromarray(np.array([[9, 200]], np.uint8)) for _ in range(2)])
    file = io.BytesIO()
    gray.save(file, "PNG")
    flat = one(tmp_path, file.getvalue(), background="white")
    assert flat.shape == (1, 1, 1, 2)  # gray on white is gray
    alpha = np.array([9, 200]) / 255
    assert flat.pixels.ravel().tolist() == np.rint(alpha * [9, 200] + (1 - alpha) * 255).tolist()
    assert one(tmp_path, file.getvalue(), background=(255, 0, 0)).shape == (1, 3, 1, 2)
    solid = Image.merge("LA", [Image.fromarray(np.array([[9, v]], np.uint8)) for v in (200, 255)])
    solid.putalpha(255)
    file = io.BytesIO()
    solid.save(file, "PNG")
    assert one(tmp_path, file.getvalue()).pixels.ravel().tolist() == [9, 200]
    key = png([[1, 2, 3, 4, 5, 6]], 8, 2, transparency=struct.pack(">3H", 4, 5, 6))
    assert last(one(tmp_path, key, background=[7, 8, 9]))[0].tolist() == [[[1, 2, 3], [7, 8, 9]]]
    palette = png([[0, 1]], 8, 3, palette=bytes([255, 0, 0, 0, 128, 0]), transparency=bytes([255, 255]))
    assert last(one(tmp_path, palette))[0].tolist() == [[[255, 0, 0], [0, 128, 0]]]


@pytest.mark.parametrize("pages", ["GIF", "TIFF", "WEBP", "PNG"])
def test_several_pages_are_refused(tmp_path, pages):
    frames = [Image.fromarray(COLOR[i]) for i in range(2)]
    file = io.BytesIO()
    frames[0].save(file, pages, save_all=True, append_images=frames[1:])
    with pytest.raises(sk.DatasetError, match="it has 2 frames or pages: expected one image"):
        one(tmp_path, file.getvalue())


def test_sixteen_bits_and_one_bit(tmp_path):
    """python-pillow/Pillow#2574, #3011, #5991: 16-bit gray became white or black."""
    values = np.array([[0, 1, 255, 256], [4095, 40000, 65534, 65535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        data = one(tmp_path, encoded(values, kind))
        assert (data.pixels.dtype, data.levels) == (np.uint16, 65536)
        np.testing.assert_array_equal(data.pixels[0, 0], values)
        np.testing.assert_array_equal(data.images[0, 0], values.astype(np.float32) / np.float32(65535))
    flat = one(tmp_path, encoded(np.full((4, 4), 65535, np.uint16)), size=2)
    assert flat.images.tolist() == np.ones((1, 1, 2, 2)).tolist()
    assert one(tmp_path, encoded(np.array([[True, False]]))).pixels.ravel().tolist() == [255, 0]
    mixed = fill(tmp_path / "mixed", ["a.png", "b.png"], [encoded(values), encoded(values.astype(np.uint8))])
    both = sk.datasets.image_folder(mixed)
    assert (both.pixels.dtype, both.levels) == (np.float32, None)
    np.testing.assert_array_equal(both.images[1, 0] * 255, values.astype(np.uint8))
    marked = png(values.astype(">u2").view(np.uint8), 16, 0, transparency=struct.pack(">H", 1))
    with pytest.raises(sk.DatasetError, match="it has 16 bits per pixel and a transparent gray"):
        one(tmp_path, marked)


def test_cameras_and_printers(tmp_path):
    """kohya-ss/sd-scripts#1316: EXIF rotation; CMYK of a printer. Lossless, so that the values are exact."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise
    np.testing.assert_array_equal(last(one(tmp_path, encoded(COLOR[0], exif=exif)))[0], np.rot90(COLOR[0], -1))
    ink = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    for kind in ("TIFF", "JPEG"):
        file = io.BytesIO()
        ink.save(file, kind)
        np.testing.assert_allclose(last(one(tmp_path, file.getvalue()))[0, 4, 4], [0, 255, 255], atol=3)


# ---------------------------------------------------------------- published files


@pytest.mark.parametrize("load", [sk.datasets.mnist, sk.datasets.fashion_mnist, sk.datasets.kmnist])
@pytest.mark.parametrize(
    "names",
    [
        "{0}-{1}-idx{2}-ubyte",
        "{0}-{1}.idx{2}-ubyte",  # tbennun/cudnn-training#13, flashlight/flashlight#97
        "{0}-{1}.idx{2}-ubyte.gz",
        "{0}-{1}-idx{2}-ubyte/{0}-{1}-idx{2}-ubyte",  # as unpacked on Kaggle
        "raw/{0}-{1}-idx{2}-ubyte/{0}-{1}.idx{2}-ubyte",
    ],
)
def test_mnist_by_any_name(tmp_path, load, names):
    for what, axes, values in (("images", 3, GRAY), ("labels", 1, np.arange(6, dtype=np.uint8))):
        content = idx(values)
        name = names.format("t10k", what, axes)
        fill(tmp_path, [name], [gzip.compress(content) if name.endswith("gz") else content])
    data = load(tmp_path, split="test")
    np.testing.assert_array_equal(data.pixels[:, 0], GRAY)
    assert data.labels.tolist() == list(range(6))


@pytest.mark.parametrize(("part", "labels", "first"), [("letters", [1, 26], "AZ"), ("balanced", [10, 46], "At")])
def test_emnist_is_upright(tmp_path, part, labels, first):
    """tensorflow/datasets#812, pytorch/vision#8783: the files are transposed; the letters begin with 1."""
    images, classes = f"emnist-{part}-train-images-idx3-ubyte.gz", f"emnist-{part}-train-labels-idx1-ubyte.gz"
    content = [gzip.compress(idx(GRAY[:2])), gzip.compress(idx(np.array(labels, np.uint8)))]
    data = sk.datasets.emnist(fill(tmp_path, [f"gzip/{images}", f"gzip/{classes}"], content), part)
    np.testing.assert_array_equal(data.pixels[:, 0], GRAY[:2].transpose(0, 2, 1))
    assert "".join(data.classes[label] for label in data.labels) == first
    (tmp_path / "gzip" / classes).write_bytes(
        gzip.compress(idx(np.array([0 if part == "letters" else 47, 1], np.uint8)))
    )
    with pytest.raises(sk.DatasetError, match=r"holds the label (0: expected 1 to 26|47: expected 0 to 46)"):
        sk.datasets.emnist(tmp_path, part)


@pytest.mark.parametrize("version", ["binary", "python"])
def test_cifar100(tmp_path, monkeypatch, version):
    from scorekit.datasets import _cifar100

    monkeypatch.setattr(_cifar100, "_COUNTS", {"train": 3, "test": 3})
    pixels, fine, coarse = RNG.integers(0, 256, (3, 3072), np.uint8), [99, 0, 5], [19, 4, 0]
    names = {"fine": [f"f{i}" for i in range(100)], "coarse": [f"c{i}" for i in range(20)]}
    place = tmp_path / f"cifar-100-{version}"
    place.mkdir()
    if version == "binary":
        records = np.concatenate([np.array([coarse, fine], np.uint8).T, pixels], axis=1)
        (place / "train.bin").write_bytes(records.tobytes())
        for kind, listed in names.items():
            (place / f"{kind}_label_names.txt").write_text("\n".join(listed) + "\n")
    else:
        batch = {b"data": pixels, b"fine_labels": fine, b"coarse_labels": coarse}
        (place / "train").write_bytes(pickle.dumps(batch, 2))
        meta = {f"{kind}_label_names".encode(): [n.encode() for n in listed] for kind, listed in names.items()}
        (place / "meta").write_bytes(pickle.dumps(meta, 2))
    for kind, expected in (("fine", fine), ("coarse", coarse)):
        data = sk.datasets.cifar100(tmp_path, labels=kind)
        assert (data.labels.tolist(), list(data.classes)) == (expected, names[kind])
        np.testing.assert_array_equal(data.pixels.reshape(3, -1), pixels)


@pytest.mark.parametrize("kind", ["authors", "kaggle"])
def test_celeba_as_it_is_distributed(tmp_path, kind):
    """pytorch/vision#2262: Anno/, Eval/ and Img/; kohpangwei/group_DRO#1: the lists of Kaggle are .csv."""
    faces = {f"00000{i}.jpg": encoded(np.full((218, 178, 3), 50 * i, np.uint8)) for i in (1, 2, 3)}
    marks, parts = {1: "1 -1", 2: "-1 -1", 3: "-1 1"}, {1: 0, 2: 2, 3: 0}
    if kind == "authors":
        (tmp_path / "Img").mkdir()
        zipped(
            tmp_path / "Img" / "img_align_celeba.zip", [f"img_align_celeba/{name}" for name in faces], faces.values()
        )
        lists = {
            "Anno/list_attr_celeba.txt": "3\nSmiling Young \n" + "".join(f"00000{i}.jpg {marks[i]}\n" for i in marks),
            "Eval/list_eval_partition.txt": "".join(f"00000{i}.jpg {parts[i]}\n" for i in parts),
        }
    else:
        fill(tmp_path, [f"img_align_celeba/img_align_celeba/{name}" for name in faces], faces.values())
        rows = "".join(f"00000{i}.jpg,{marks[i].replace(' ', ',')}\n" for i in marks)
        lists = {
            "list_attr_celeba.csv": "image_id,Smiling,Young\n" + rows,
            "list_eval_partition.csv": "image_id,partition\n" + "".join(f"00000{i}.jpg,{parts[i]}\n" for i in parts),
        }
    fill(tmp_path, lists, [text.encode() for text in lists.values()])
    data = sk.datasets.celeba(tmp_path, attribute="Smiling", split="train", size=8)
    assert data.pixels[:, 0, 0, 0].tolist() == [50, 150]
    assert data.labels.tolist() == [1, 0]
    assert sk.datasets.celeba(tmp_path, attribute="Young", size=8).labels.tolist() == [0, 0, 1]
    with pytest.raises(sk.InvalidValueError, match=r"unknown attribute 'Hat': .* has Smiling, Young"):
        sk.datasets.celeba(tmp_path, attribute="Hat")


# ---------------------------------------------------------------- arrays


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_arrays_of_every_layout(tmp_path):
    last_axis = RNG.integers(0, 256, (5, 28, 30, 3), np.uint8)
    np.save(tmp_path / "a.npy", last_axis)
    np.save(tmp_path / "b.npy", last_axis.transpose(0, 3, 1, 2))
    np.save(tmp_path / "c.npy", last_axis[..., 0])
    for name, channels in (("a", 3), ("b", 3), ("c", 1)):
        data = sk.datasets.arrays(tmp_path / f"{name}.npy")
        np.testing.assert_array_equal(data.pixels, last_axis.transpose(0, 3, 1, 2)[:, :channels])
        assert (data.levels, data.labels) == (256, None)
    small = RNG.integers(0, 256, (5, 3, 30, 3), np.uint8)
    np.save(tmp_path / "d.npy", small)
    with pytest.raises(
        sk.InvalidValueError, match=r"channels may be the second or the last axis. Pass layout='nhwc' or 'nchw'"
    ):
        sk.datasets.arrays(tmp_path / "d.npy")
    np.testing.assert_array_equal(sk.datasets.arrays(tmp_path / "d.npy", layout="nchw").pixels, small)
    np.testing.assert_array_equal(
        sk.datasets.arrays(tmp_path / "d.npy", layout="nhwc").pixels, small.transpose(0, 3, 1, 2)
    )
    np.save(tmp_path / "e.npy", last_axis[0])
    with pytest.raises(sk.InvalidValueError, match=r"could be one color image \(h, w, c\).* Save it as image\[None\]"):
        sk.datasets.arrays(tmp_path / "e.npy")
    np.save(tmp_path / "f.npy", last_axis.reshape(5, -1))
    with pytest.raises(sk.DatasetError, match=r"expected .n, h, w., .n, h, w, c. or .n, c, h, w."):
        sk.datasets.arrays(tmp_path / "f.npy")


def test_arrays_of_medmnist_and_keras(tmp_path):
    """The keys of MedMNIST (train_images) and of Keras' mnist.npz (x_train)."""
    labels = np.array([[3], [0], [1], [3], [2], [0]])
    med = saved(
        tmp_path / "med.npz", train_images=GRAY, train_labels=labels, val_images=GRAY[:1], val_labels=labels[:1],
        test_images=255 - GRAY[:2], test_labels=labels[:2],
    )  # fmt: skip
    data = sk.datasets.arrays(med)
    np.testing.assert_array_equal(data.pixels[:, 0], GRAY)
    assert (data.labels.tolist(), data.classes) == ([3, 0, 1, 3, 2, 0], ("0", "1", "2", "3"))
    test = sk.datasets.arrays(med, split="test")
    np.testing.assert_array_equal(test.pixels[:, 0], 255 - GRAY[:2])
    assert test.labels.tolist() == [3, 0]
    assert len(sk.datasets.arrays(med, split="val")) == 1
    assert sk.datasets.arrays(med, label_key="none").labels is None
    assert sk.datasets.arrays(med, limit=4).counts.tolist() == [1, 1, 1, 1]
    keras = saved(tmp_path / "k.npz", x_train=GRAY, y_train=labels[:, 0], x_test=GRAY[:2], y_test=labels[:2, 0])
    np.testing.assert_array_equal(sk.datasets.arrays(keras).pixels[:, 0], GRAY)
    assert sk.datasets.arrays(keras, classes="abcd").classes == tuple("abcd")
    words = saved(tmp_path / "w.npz", images=GRAY[:3], labels=np.array(["dog", "cat", "dog"]))
    assert sk.datasets.arrays(words).classes == ("cat", "dog")
    hot = saved(tmp_path / "h.npz", images=GRAY[:2], labels=np.eye(4)[[2, 0]])
    assert sk.datasets.arrays(hot, label_key="labels").labels.tolist() == [2, 0]


def test_values_of_arrays(tmp_path):
    file = tmp_path / "a.npz"
    data = sk.datasets.arrays(saved(file, x=GRAY.astype(np.int64)))
    np.testing.assert_array_equal(data.pixels[:, 0], GRAY)
    floats = (GRAY / 255).astype(np.float64)
    np.testing.assert_array_equal(sk.datasets.arrays(saved(file, x=floats)).images[:, 0], floats.astype(np.float32))
    assert sk.datasets.arrays(saved(file, x=GRAY > 99)).pixels.max() == 255
    twelve = (GRAY.astype(np.uint16) << 4) | 15
    assert sk.datasets.arrays(saved(file, x=twelve), levels=4096).images.max() == np.float32(twelve.max() / 4095)
    for values, message in [
        (GRAY.astype(np.float32), r"images hold values from 0 to 255: expected \[0, 1\]"),
        (floats * 2 - 1, r"images hold values from -1 to 1"),
        (GRAY.astype(int) - 1, "with values from -1 to 254: expected 0 to 255"),
        (GRAY.astype(int) * 2, "with values from 0 to 510: expected 0 to 255, or 0 to levels"),
    ]:
        with pytest.raises(sk.InvalidValueError, match=message):
            sk.datasets.arrays(saved(file, x=values))
    dark = sk.datasets.arrays(saved(file, x=twelve))
    assert dark.notes == (f"the largest value is {twelve.max()} of 65535: for 12 bits pass levels=4096",)
    with pytest.raises(sk.DatasetError, match="has 2 labels in labels for 6 images in x"):
        sk.datasets.arrays(saved(file, x=GRAY, labels=np.array([0, 1])))
    two = saved(file, x=GRAY, masks=GRAY)
    with pytest.raises(sk.InvalidValueError, match=r"several arrays of images .* pass key='x'"):
        sk.datasets.arrays(two)
    np.testing.assert_array_equal(sk.datasets.arrays(two, key="masks").pixels[:, 0], GRAY)
    for options, message in [
        ({"key": "z"}, "has no array 'z': expected one of x"),
        ({"key": "x", "label_key": "z"}, "has no array 'z'"),
        ({"split": "test"}, "split is 'test', and no array of .* is named so"),
    ]:
        with pytest.raises(sk.InvalidValueError, match=message):
            sk.datasets.arrays(two, **options)


def test_damaged_and_hostile_array_files(tmp_path):
    file = saved(tmp_path / "a.npz", x=GRAY)
    good = file.read_bytes()
    for content in (b"", b"hello", good[:100], good[:-30], good[:200] + b"\0" * 50 + good[250:]):
        file.write_bytes(content)
        with pytest.raises(sk.DatasetError):
            sk.datasets.arrays(file)
    np.save(tmp_path / "o.npy", np.array([{}, {}], object), allow_pickle=True)
    with pytest.raises(sk.DatasetError):
        sk.datasets.arrays(tmp_path / "o.npy")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 999, 999)})
    (tmp_path / "b.npy").write_bytes(header.getvalue() + b"abc")
    with pytest.raises(sk.DatasetError, match="declares"):
        sk.datasets.arrays(tmp_path / "b.npy")
    with pytest.raises(sk.DatasetError, match="without arrays"):
        sk.datasets.arrays(zipped(tmp_path / "c.npz", ["a.png"]))
    with pytest.raises(sk.DatasetError, match="cannot be read"):
        sk.datasets.arrays(tmp_path / "none.npz")


def test_hdf5(tmp_path, monkeypatch):
    file = tmp_path / "a.h5"
    file.write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(sk.MissingBackendError, match="python -m pip install h5py"):
        sk.datasets.arrays(file)
    monkeypatch.undo()
    h5py = pytest.importorskip("h5py")
    with pytest.raises(sk.DatasetError):
        sk.datasets.arrays(file)
    with h5py.File(file, "w") as made:
        made.create_dataset("train/images", data=COLOR.transpose(0, 3, 1, 2))
        made.create_dataset("train/labels", data=np.arange(6) % 2)
        made.create_dataset("test/images", data=COLOR[:1].transpose(0, 3, 1, 2))
    data = sk.datasets.arrays(file, layout="nchw")
    np.testing.assert_array_equal(last(data), COLOR)
    assert data.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert len(sk.datasets.arrays(file, split="test")) == 1


# ---------------------------------------------------------------- tables


def huggingface(schema_names):
    image, label = {"_type": "Image"}, {"names": schema_names, "_type": "ClassLabel"}
    return {b"huggingface": json.dumps({"info": {"features": {"image": image, "label": label}}}).encode()}


def test_parquet_of_the_hub(tmp_path):
    """The Hub stores images as structs of bytes and path; bytes alone are common too."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def write(name, rows, cells, labels):
        table = pa.table({"image": cells, "label": labels, "id": rows}).replace_schema_metadata(huggingface(["a", "b"]))
        (tmp_path / name).parent.mkdir(exist_ok=True)
        parquet.write_table(table, tmp_path / name, row_group_size=1)

    cells = [{"bytes": content, "path": None} for content in FILES]
    write("d/train-00000-of-00002.parquet", [0, 1], cells[:2], [0, 1])
    write("d/train-00001-of-00002.parquet", [2, 3, 4], cells[2:5], [1, 0, 1])
    write("d/test-00000-of-00001.parquet", [5], cells[5:], [-1])
    data = sk.datasets.parquet(tmp_path / "d")
    np.testing.assert_array_equal(last(data), COLOR[:5])
    assert (data.labels.tolist(), data.classes) == ([0, 1, 1, 0, 1], ("a", "b"))
    part = sk.datasets.parquet(tmp_path / "d", limit=3)
    np.testing.assert_array_equal(last(part), COLOR[[0, 1, 2]])
    test = sk.datasets.parquet(tmp_path / "d", split="test")
    assert test.labels is None
    assert test.notes == ("the column label has no labels (−1)",)
    plain = pa.table({"png": [*FILES[:2], None], "y": [1, 0, 1], "z": [1, 2, 3]})
    parquet.write_table(plain, tmp_path / "plain.parquet")
    with pytest.raises(sk.DatasetError, match=r"1 of 3 images in .* cannot be read: 2: it is empty"):
        sk.datasets.parquet(tmp_path / "plain.parquet")
    bare = sk.datasets.parquet(tmp_path / "plain.parquet", skip_corrupt=True)
    assert (bare.labels.tolist(), bare.classes) == ([1, 0], ("0", "1"))
    (tmp_path / "bad.parquet").write_bytes((tmp_path / "plain.parquet").read_bytes()[:-9])
    with pytest.raises(sk.DatasetError, match=r"bad.parquet is damaged, or not Parquet"):
        sk.datasets.parquet(tmp_path / "bad.parquet")
    with pytest.raises(
        sk.InvalidValueError, match=r"image_key is 'z', which is no column of images of .*: expected 'png'"
    ):
        sk.datasets.parquet(tmp_path / "plain.parquet", image_key="z")


class Rows:
    """As much of datasets.Dataset as is used."""

    info, split = SimpleNamespace(license="mit"), None

    def __init__(self, cells, labels):
        names = SimpleNamespace(names=("cat", "dog"))
        self._columns = {"image": cells, "label": labels}
        self.features = {"image": type("Image", (), {})(), "label": type("ClassLabel", (), vars(names))()}

    def __len__(self):
        return len(self._columns["image"])

    def __getitem__(self, key):
        return self._columns[key] if isinstance(key, str) else {k: v[key] for k, v in self._columns.items()}


def test_a_loaded_data_set_and_its_folders(tmp_path, monkeypatch):
    """huggingface/datasets#3705: load_dataset cannot read what save_to_disk wrote."""
    rows = Rows([Image.fromarray(COLOR[0]), {"bytes": FILES[1], "path": None}, FILES[2]], [1, 0, 1])
    data = sk.datasets.hub(rows)
    np.testing.assert_array_equal(last(data), COLOR[:3])
    assert (data.labels.tolist(), data.classes, data.license) == ([1, 0, 1], ("cat", "dog"), "mit")
    assert len(sk.datasets.hub({"train": rows, "test": rows}, split="test")) == 3
    with pytest.raises(sk.InvalidValueError, match="split is 'test', and the data set is not divided"):
        sk.datasets.hub(rows, split="test")
    library, read = ModuleType("datasets"), []
    library.load_dataset = lambda *_, **__: pytest.fail("this is a folder of save_to_disk")
    library.load_from_disk = lambda place: read.append(place) or rows
    monkeypatch.setitem(sys.modules, "datasets", library)
    (tmp_path / "state.json").write_text("{}")
    assert sk.datasets.hub(tmp_path).name == tmp_path.name
    assert read == [str(tmp_path)]


TINY = """
backend = "numpy"

[data]
DATA

[network]
name = "MLP"
hidden = [4]

[noise]
kind = "log-uniform"
sigma_max = 9.0
sigma_min = 0.1

[sampler]
levels = 3

[train]
steps = 2
"""


def run_of(tmp_path, data, *changes):
    (tmp_path / "tiny.toml").write_text(TINY.replace("DATA", data))
    return experiments.train(str(tmp_path / "tiny.toml"), str(tmp_path / "run"), list(changes), progress=False)


def test_an_experiment_on_the_hub(tmp_path, monkeypatch):
    """The key ``name`` of [data] was also an argument of hub(), so no file could use it."""
    calls, library = [], ModuleType("datasets")
    rows = Rows([Image.fromarray(values) for values in COLOR], [0, 1] * 3)

    def load_dataset(name, **options):
        calls.append((name, options))
        return rows

    library.load_dataset = library.load_from_disk = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", library)
    run = run_of(
        tmp_path,
        'name = "hub"\ndataset = "some/pets"\nrevision = "v1"\nheld_out = 0\nlimit = 4\noptions = { data_dir = "x" }',
    )
    assert calls == [("some/pets", {"split": "train", "revision": "v1", "data_dir": "x"})]
    assert experiments.read_samples(experiments.sample(run, 2, progress=False)).shape == (2, 3, 5, 7)


# ---------------------------------------------------------------- experiments


def test_held_out_zero_trains_on_all_images_and_on_one(tmp_path, capsys):
    place = fill(tmp_path / "images", ["a.png"])
    data = f'name = "image_folder"\npath = "{place}"'
    with pytest.raises(sk.InvalidValueError, match=r"held_out is 0.1 of 1 images: .* write held_out = 0"):
        run_of(tmp_path, data)
    run = run_of(tmp_path, data + "\nheld_out = 0")
    assert "1 images of 3×5×7" in capsys.readouterr().err
    assert experiments.read_samples(experiments.sample(run, 2, progress=False)).shape == (2, 3, 5, 7)
    experiments.evaluate(run)
    assert "held_out is 0 and the data have no test set" in capsys.readouterr().out
    with pytest.raises(sk.InvalidValueError, match="held_out is 0, so there are no images to validate on"):
        experiments.train(str(tmp_path / "tiny.toml"), str(tmp_path / "other"), ["train.validate=true"], progress=False)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 5, 8)])
def test_pad_repeats_the_edges(shape):
    x = RNG.random((2, *shape)).astype(np.float32)
    size = (shape[1] + 5, shape[2] + 4)
    for make in (np.asarray, pytest.importorskip("torch").as_tensor):
        wide = np.asarray(sk.datasets.pad(make(x), size))
        np.testing.assert_array_equal(wide, np.pad(x, ((0, 0), (0, 0), (2, 3), (2, 2)), mode="edge"))
    np.testing.assert_array_equal(sk.datasets.pad(x, shape[1:]), x)
    with pytest.raises(sk.InvalidValueError, match=r"size is \(4, 4\) for images of .*: expected at least that"):
        sk.datasets.pad(x, (4, 4))
    with pytest.raises(sk.ShapeError, match=r"expected .n, h, w."):
        sk.datasets.pad(x[0, 0], 40)


def test_a_network_that_needs_other_sizes_names_pad(tmp_path):
    """huggingface/diffusers#3630: 28×28 and a network that halves four times."""
    torch = pytest.importorskip("torch")
    np.save(tmp_path / "gray.npy", GRAY)
    changes = [
        "backend=torch",
        "device=cpu",
        "network={name='UNet', base_channels=8, channel_mult=[1,1,1,1], num_res_blocks=1}",
    ]
    data = f'name = "arrays"\npath = "{tmp_path / "gray.npy"}"\nheld_out = 0'
    with pytest.raises(
        sk.ShapeError, match=r"images of 28x28: expected sides that are multiples of 8 .*pad = 32 in \[data\]"
    ):
        run_of(tmp_path, data, *changes)
    assert not list((tmp_path / "run").glob("checkpoints/step*"))
    run = run_of(tmp_path, data + "\npad = 32\ncentered = true", *changes)
    place = experiments.sample(run, 3, progress=False)
    assert experiments.read_samples(place).shape == (3, 1, 28, 28)
    assert sk.load(run / "model")(torch.zeros(1, 1, 32, 32), 1.0).shape == (1, 1, 32, 32)
    with pytest.raises(sk.InvalidValueError, match="pad is 20, and the images have 28×28 pixels"):
        experiments.train(str(tmp_path / "tiny.toml"), str(tmp_path / "o"), [*changes, "data.pad=20"], progress=False)


class Halving:
    """A network as people write it: it halves images three times, and adds what it had before."""

    def __new__(cls):
        import torch

        class Network(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = torch.nn.Parameter(torch.tensor(0.1))

            def forward(self, x, sigma):
                steps, h = [], x
                for _ in range(3):
                    steps.append(h)
                    h = torch.nn.functional.avg_pool2d(h, 2)
                for before in reversed(steps):
                    h = torch.nn.functional.interpolate(h, scale_factor=2) + before
                return self.scale * h

        return Network()


def test_a_network_of_your_own_names_pad_before_the_first_step():
    """fepegar/unet#28, fastai/fastai2#6: "Sizes of tensors must match" for sides that are no multiples of 2^k."""
    torch = pytest.importorskip("torch")
    x, objective = torch.rand(4, 1, 28, 28), sk.objectives.DenoisingScoreMatching(0.2)
    with pytest.raises(
        sk.InvalidTypeError, match=r"size of tensor.*takes images of 32×32.* sk\.datasets\.pad\(x, 32\)"
    ):
        sk.fit(Halving(), objective, x, steps=1, progress=False)
    padded = sk.datasets.pad(x, 32)
    assert sk.fit(Halving(), objective, padded, steps=1, progress=False).step == 1
    with pytest.raises(sk.InvalidTypeError) as error:  # something else is wrong
        sk.fit(torch.nn.Sequential(torch.nn.Linear(3, 3)), objective, padded, steps=1, progress=False)
    assert "datasets.pad" not in str(error.value)


def test_fit_names_the_batches_of_an_image_data():
    with pytest.raises(sk.InvalidTypeError, match=r"data is an ImageData: pass data\.batches\('torch'\)"):
        sk.fit(lambda x, sigma: -x, sk.objectives.DenoisingScoreMatching(0.2), sk.datasets.digits(), steps=1)


def test_a_padded_experiment_has_padded_moments():
    data = {"name": "digits", "pad": [12, 10], "centered": True, "held_out": 0}
    parts = Parts(read_experiment({"backend": "numpy", "data": data}))
    wide = 2 * np.pad(sk.datasets.digits().images, ((0, 0), (0, 0), (2, 2), (1, 1)), mode="edge").astype(float) - 1
    mean, std = parts.moments
    np.testing.assert_allclose(mean[0], wide.mean(axis=0), atol=1e-6)
    assert std == pytest.approx((wide - wide.mean(axis=0)).std(), rel=1e-5)
    np.testing.assert_allclose(parts.as_images(wide[:3]), sk.datasets.digits().images[:3], atol=1e-6)
    assert parts.facts()["size"] == (8, 8)


def test_the_objective_of_an_experiment_is_named_by_what_it_computes():
    data = {"name": "digits", "flip": True}
    noise = {"kind": "log-uniform", "sigma_max": 9.0, "sigma_min": 0.1}
    objective = Parts(read_experiment({"backend": "numpy", "data": data, "noise": noise})).objective()
    assert repr(objective).startswith("NoiseConditional(")
    assert repr(objective).endswith("on images with dequantize=None, flip=True, centered=False")


# ---------------------------------------------------------------- real files


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="dataset-fashion-mnist not installed"
)
def test_the_files_of_debian():
    data = sk.datasets.fashion_mnist()
    assert (data.shape, data.pixels.dtype) == ((60_000, 1, 28, 28), np.uint8)
    assert data.counts.tolist() == [6000] * 10
    assert data.pixels.mean() == pytest.approx(72.94, abs=0.01)  # 0.2860 of 255, as published for normalization
