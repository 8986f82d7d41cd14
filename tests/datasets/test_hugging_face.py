"""Data sets of the Hub, with a stand-in for the library that fetches them."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import scorekit as sk

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), np.uint8)
KINDS = {"Image": type("Image", (), {}), "Value": type("Value", (), {})}


class ClassLabel:
    names = ("cat", "dog")


class Table:
    """As much of datasets.Dataset as is used."""

    info = SimpleNamespace(license="cc-by-4.0")

    def __init__(self, columns, features):
        self._columns, self.features = columns, features

    def __len__(self):
        return len(next(iter(self._columns.values())))

    def __getitem__(self, key):
        if isinstance(key, str):
            return self._columns[key]
        return {name: column[key] for name, column in self._columns.items()}


def columns(**more):
    images = [Image.fromarray(p) for p in PIXELS]
    return {"image": images, "label": [0, 1, 1, 0], "id": list("abcd")} | more


def features(**more):
    return {"image": KINDS["Image"](), "label": ClassLabel(), "id": KINDS["Value"]()} | more


@pytest.fixture
def library(monkeypatch):
    """Install a stand-in; its calls are listed."""
    calls = []

    def install(table):
        module = ModuleType("datasets")

        def load_dataset(name, **options):
            calls.append((name, options))
            if isinstance(table, Exception):
                raise table
            return table

        module.load_dataset = module.load_from_disk = load_dataset
        monkeypatch.setitem(sys.modules, "datasets", module)
        return calls

    return install


def test_images_labels_and_license(library):
    calls = library(Table(columns(), features()))
    data = sk.datasets.hub("someone/pets", split="test", revision="v1", options={"data_dir": "x"})
    assert calls == [("someone/pets", {"split": "test", "revision": "v1", "data_dir": "x"})]
    np.testing.assert_array_equal(np.rint(data.images * 255), PIXELS.transpose(0, 3, 1, 2))
    assert (data.labels.tolist(), data.classes) == ([0, 1, 1, 0], ("cat", "dog"))
    assert (data.name, data.license, data.levels) == ("someone/pets", "cc-by-4.0", 256)
    assert data.source == "https://huggingface.co/datasets/someone/pets"
    small = sk.datasets.hub("someone/pets", size=4, channels=1, limit=3)
    assert small.shape == (3, 1, 4, 4)
    assert small.labels.tolist() == [0, 1, 0]  # two of the first class, as many as of the second


def test_columns_are_chosen_by_kind_or_by_name(library):
    library(Table({"image": columns()["image"]}, {"image": features()["image"]}))
    assert sk.datasets.hub("a").labels is None
    library(
        Table(columns(other=columns()["image"], fine=[1, 1, 1, 1]), features(other=KINDS["Image"](), fine=ClassLabel()))
    )
    with pytest.raises(
        sk.InvalidValueError, match=r"a has several columns of images, image, other: pass image_key='image' or another"
    ):
        sk.datasets.hub("a")
    with pytest.raises(
        sk.InvalidValueError, match=r"a has several columns of labels, label, fine: pass label_key='label' or another"
    ):
        sk.datasets.hub("a", image_key="other")
    assert sk.datasets.hub("a", image_key="other", label_key="fine").labels.tolist() == [1, 1, 1, 1]
    with pytest.raises(
        sk.InvalidValueError,
        match=r"image_key is 'id', which is no column of images of a: expected 'image' or 'other'; it has image",
    ):
        sk.datasets.hub("a", image_key="id")
    library(Table({"id": [1]}, {"id": KINDS["Value"]()}))
    with pytest.raises(sk.DatasetError, match="a has no column of images: it has id"):
        sk.datasets.hub("a")


def test_damaged_images(library):
    class Broken(Table):
        def __getitem__(self, key):
            if key == 2:
                raise OSError("image file is truncated")
            return super().__getitem__(key)

    library(Broken(columns(), features()))
    with pytest.raises(
        sk.DatasetError,
        match=r"1 of 4 images in a cannot be read: 2: it is damaged or not an image .image file is truncated.",
    ):
        sk.datasets.hub("a")
    data = sk.datasets.hub("a", skip_corrupt=True)
    assert data.labels.tolist() == [0, 1, 0]
    assert data.notes == ("1 skipped (2: it is damaged or not an image (image file is truncated))",)


def test_what_cannot_be_loaded(library, monkeypatch):
    library(ConnectionError("no network"))
    with pytest.raises(
        sk.DatasetError, match=r"datasets cannot load 'a', split 'train' \(ConnectionError: no network\)"
    ):
        sk.datasets.hub("a")
    library({"validation": 1})
    with pytest.raises(sk.InvalidValueError, match="split is 'train': a has validation"):
        sk.datasets.hub("a")
    with pytest.raises(
        sk.InvalidTypeError, match="dataset is a int: expected the name of a data set on the Hub, a folder"
    ):
        sk.datasets.hub(3)
    monkeypatch.setitem(sys.modules, "datasets", ModuleType("datasets"))  # any folder of that name
    with pytest.raises(sk.MissingBackendError, match=r"something else: rename it.* pip install datasets pillow"):
        sk.datasets.hub("a")
