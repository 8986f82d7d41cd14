"""CelebA: photographs, the published split, and attributes as labels."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

import scorekit as sk

NAMES = ["Smiling", "Bald", "Young"]
MARKS = {"000001.jpg": (1, -1, 1), "000002.jpg": (-1, -1, 1), "000003.jpg": (1, 1, -1)}
LEVELS = {"000001.jpg": 40, "000002.jpg": 120, "000003.jpg": 200}


def photograph(level: int) -> bytes:
    """218×178: the middle 140×140 of one gray, its surroundings white."""
    pixels = np.full((218, 178, 3), 255, np.uint8)
    pixels[39:179, 19:159] = level
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")  # Pillow looks at the content, not at the ending
    return file.getvalue()


@pytest.fixture(params=["folder", "zip"])
def place(request, tmp_path):
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "img_align_celeba.zip", "w") as archive:
            for name, level in LEVELS.items():
                archive.writestr(f"img_align_celeba/{name}", photograph(level))
    else:
        (tmp_path / "img_align_celeba").mkdir()
        for name, level in LEVELS.items():
            (tmp_path / "img_align_celeba" / name).write_bytes(photograph(level))
    rows = [f"{name} {' '.join(f'{mark:2d}' for mark in marks)}" for name, marks in MARKS.items()]
    (tmp_path / "list_attr_celeba.txt").write_text("\n".join(["3", " ".join(NAMES) + " ", *rows]) + "\n")
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 2\n000003.jpg 0\n")
    return tmp_path


def grays(data):
    assert np.ptp(data.images, axis=(1, 2, 3)).max() == 0
    return np.rint(data.images[:, 0, 0, 0] * 255).tolist()


def test_the_middle_is_cropped_and_scaled(place):
    data = sk.datasets.celeba(place)
    assert data.shape == (3, 3, 64, 64)
    assert grays(data) == [40, 120, 200]
    assert (data.labels, data.license, data.levels) == (None, "non-commercial research only", 256)
    assert sk.datasets.celeba(place, size=32, limit=2).shape == (2, 3, 32, 32)
    assert sk.datasets.celeba(place, size=32, crop=150).images.max() > 0.9  # the white around it shows


def test_the_published_split(place):
    assert grays(sk.datasets.celeba(place, split="train")) == [40, 200]
    assert grays(sk.datasets.celeba(place, split="test")) == [120]
    with pytest.raises(sk.DatasetError, match=r"holds no image of the split 'valid'"):
        sk.datasets.celeba(place, split="valid")
    with pytest.raises(sk.InvalidValueError, match="unknown split 'validation': expected one of 'all', 'train'"):
        sk.datasets.celeba(place, split="validation")


@pytest.mark.parametrize(("attribute", "labels"), [("Smiling", [1, 0, 1]), ("Bald", [0, 0, 1]), ("Young", [1, 1, 0])])
def test_attributes_are_labels(place, attribute, labels):
    data = sk.datasets.celeba(place, attribute=attribute)
    assert data.labels.tolist() == labels
    assert data.classes == (f"not {attribute}", attribute)
    train = sk.datasets.celeba(place, attribute=attribute, split="train")
    assert train.labels.tolist() == [labels[0], labels[2]]


def test_what_is_missing_or_damaged(place):
    with pytest.raises(
        sk.InvalidValueError, match=r"unknown attribute 'Hat': .*list_attr_celeba.txt has Bald, Smiling"
    ):
        sk.datasets.celeba(place, attribute="Hat")
    lines = (place / "list_attr_celeba.txt").read_text().splitlines()
    for wrong, message in [
        ([*lines[:3], "000002.jpg 1 0 1", lines[4]], r"expected 3 values 1 or -1 for 000002"),
        ([*lines[:3], "000002.jpg 1 1", lines[4]], r"expected 3 values 1 or -1 for 000002"),
        (lines[:4], r"000003.jpg of .* is missing from the list of photographs"),
        ([*lines, "é"], r"list_attr_celeba.txt is not text"),
    ]:
        (place / "list_attr_celeba.txt").write_text("\n".join(wrong), "utf-8")
        with pytest.raises(sk.DatasetError, match=message):
            sk.datasets.celeba(place, attribute="Bald")
    for name, options in (
        ("list_attr_celeba.txt", {"attribute": "Bald"}),
        ("list_eval_partition.txt", {"split": "test"}),
    ):
        (place / name).unlink()
        with pytest.raises(sk.DatasetError, match=f"expected {name} or {name[:-4]}.csv. Download img_align"):
            sk.datasets.celeba(place, **options)
    assert len(sk.datasets.celeba(place)) == 3


def test_where_there_is_nothing(tmp_path):
    with pytest.raises(sk.DatasetError, match=r"contains nothing: expected img_align_celeba.zip. Download img_align"):
        sk.datasets.celeba(tmp_path)
    with pytest.raises(TypeError, match=r"folder is None: expected the folder that contains the files. Download"):
        sk.datasets.celeba()
    with pytest.raises(TypeError, match="expected a path"):
        sk.datasets.celeba(3)
    (tmp_path / "img_align_celeba").mkdir()
    (tmp_path / "img_align_celeba" / "000001.jpg").write_bytes(photograph(9)[:-40])
    with pytest.raises(sk.DatasetError, match=r"none of the 1 images .*000001.jpg: it is damaged"):
        sk.datasets.celeba(tmp_path)
