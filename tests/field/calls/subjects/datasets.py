"""Data sets and their transforms."""

from __future__ import annotations

import tempfile
from functools import partial

import numpy as np

import scorekit as sk
from field.calls import odd
from field.calls.subjects.shared import IMAGES, Subject, any_stream, proportion


def datasets(kit):
    sets = sk.datasets
    labels = np.array([0, 1, 0, 1])
    given = {"stored": IMAGES, "labels": labels, "classes": ("a", "b"), "name": "mine", "levels": 256, "noise": 0.0}
    yield Subject(
        "datasets.ImageData",
        sets.ImageData,
        given,
        {
            "stored": _pixels,
            "labels": _image_labels,
            "classes": _class_names,
            "levels": partial(odd.count, least=2, optional=True),
            "noise": partial(odd.number, low=-0.1),
        },
        spoken={"stored": "images"},
    )
    data = sets.ImageData(**given)
    yield Subject(
        "datasets.ImageData.dequantized",
        data.dequantized,
        {"kind": "uniform", "rng": 0, "std": 0.1},
        {"kind": odd.option, "rng": any_stream},
    )
    yield Subject(
        "datasets.ImageData.dequantized by noise",
        data.dequantized,
        {"kind": "gaussian", "rng": 0, "std": 0.1},
        {"std": odd.positive},
    )
    yield Subject("datasets.ImageData.flipped", data.flipped, {"rng": 0}, {"rng": any_stream})
    yield Subject(
        "datasets.ImageData.split",
        data.split,
        {"proportion": 0.5, "rng": 0},
        {"proportion": proportion, "rng": any_stream},
    )
    yield Subject(
        "datasets.ImageData.subset",
        data.subset,
        {"classes": ("a",), "n": 2, "rng": 0},
        {"classes": _chosen, "n": partial(odd.count, most=4, optional=True), "rng": any_stream},
    )
    yield Subject(
        "datasets.ImageData.batches",
        data.batches,
        {"backend": "numpy", "labels": True, "transform": None},
        {"backend": odd.option, "labels": odd.flag, "transform": partial(odd.function, optional=True)},
    )
    for kind in ("numpy", "torch"):
        other = kit if kind == "numpy" else kit._replace(name="torch", array=kit.other, other=kit.array)
        pixels = other.array(IMAGES)
        yield Subject(
            f"datasets.dequantize of {kind}",
            sets.dequantize,
            {"images": pixels, "kind": "uniform", "levels": 256, "rng": 0},
            {
                "images": partial(_batch_of, other),
                "kind": odd.option,
                "levels": partial(odd.count, least=2),
                "rng": partial(_rng_of, other),
            },
        )
        yield Subject(
            f"datasets.pad of {kind}",
            sets.pad,
            {"images": pixels, "size": 10},
            {"images": partial(_batch_of, other), "size": _wider},
        )
        yield Subject(
            f"datasets.flip of {kind}",
            sets.flip,
            {"images": pixels, "rng": 0},
            {"images": partial(_batch_of, other), "rng": partial(_rng_of, other)},
        )
    kinds = ("circle", "square", "triangle", "rings")
    yield Subject(
        "datasets.shapes",
        sets.shapes,
        {"n": 4, "size": 8, "channels": 1, "proportions": None, "kinds": kinds, "rng": 0},
        {
            "n": odd.count,
            "size": partial(odd.count, least=8),
            "channels": odd.count,
            "proportions": _proportions,
            "kinds": _kinds,
            "rng": any_stream,
        },
    )
    yield Subject(
        "datasets.classify_shapes",
        sets.classify_shapes,
        {"images": IMAGES, "kinds": kinds},
        {"images": partial(odd.batch, integers=True, mixed=False), "kinds": _kinds},
    )
    folder = partial(odd.path, must_exist=True)
    for name in ("mnist", "fashion_mnist", "kmnist", "emnist", "cifar10", "cifar100", "celeba"):
        roles = {"folder": _optional_path(folder), "split": odd.option}
        given = {"folder": tempfile.gettempdir(), "split": "train"}
        roles |= {"emnist": {"part": odd.option}, "cifar100": {"labels": odd.option}}.get(name, {})
        if name == "celeba":
            optional = partial(odd.count, optional=True)
            roles |= {
                "size": optional,
                "crop": optional,
                "limit": partial(odd.count, optional=True),
                "progress": odd.flag,
            }
        yield Subject(f"datasets.{name}", getattr(sets, name), given, roles, runs=False)
    yield Subject("datasets.mnist_5k", sets.mnist_5k, {"file": "x"}, {"file": _optional_path(folder)}, runs=False)
    optional = partial(odd.count, optional=True)
    yield Subject("datasets.arrays", sets.arrays, {"path": "x"}, {"path": folder}, runs=False)
    roles = {"size": _side, "crop": _side, "channels": optional, "limit": optional, "skip_corrupt": odd.flag,
             "progress": odd.flag}  # fmt: skip
    yield Subject(
        "datasets.image_folder",
        sets.image_folder,
        {"path": tempfile.gettempdir()},
        roles | {"path": folder},
        runs=False,
    )
    yield Subject("datasets.hub", sets.hub, {"dataset": "mnist"}, roles | {"dataset": _text}, runs=False)
    yield Subject(
        "datasets.parquet", sets.parquet, {"path": tempfile.gettempdir()}, roles | {"path": folder}, runs=False
    )


def _optional_path(role):
    return partial(role, optional=True)


def _batch_of(kit, good, _):
    return [o for o in odd.batch(good, kit, mixed=False) if o.label != "no columns"]


def _rng_of(kit, good, _):
    return odd.rng(good, kit)


def _pixels(good, kit):
    v = np.asarray(good)
    rows = [("None", None), ("a number", 1.5), ("text", "a"), ("one image", v[0, 0]), ("channels last", np.ones((4, 8, 8, 3))),
            ("above one", 255 * v), ("below zero", v - 1.0), ("NaN", v * np.nan), ("complex", v.astype(complex)),
            ("texts", v.astype(str)), ("none", v[:0]), ("a dict", {}), ("a table", odd.Frame(v[:, 0, 0])),
            ("objects", v.astype(object)), ("a class", np.ndarray)]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _image_labels(good, kit):
    rows = [("too few", np.zeros(3, int)), ("fractions", np.full(4, 0.5)), ("out of range", np.full(4, 7)), ("text", "a"),
            ("negative", np.full(4, -1)), ("two axes", np.zeros((4, 1), int)), ("a number", 1), ("texts", ["a"] * 4)]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _class_names(good, kit):
    rows = [("a number", 2), ("text", "ab"), ("too few", ("a",)), ("numbers", (0, 1)), ("twice the same", ("a", "a")),
            ("None", None), ("a dict", {"a": 0})]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _chosen(good, kit):
    rows = [("unknown", ("z",)), ("text", "a, b"), ("a number", 7), ("out of range", (9,)), ("none", ()), ("fraction", (0.5,)),
            ("a dict", {}), ("flag", (True,))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _proportions(good, kit):
    rows = [("text", "a"), ("a number", 0.25), ("three", (0.3, 0.3, 0.4)), ("not one in sum", (0.1, 0.1, 0.1, 0.1)),
            ("negative", (1.5, -0.5, 0, 0)), ("a dict of others", {"star": 1.0}), ("texts", ("a",) * 4),
            ("NaN", (float("nan"),) * 4)]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _kinds(good, kit):
    rows = [("text", "circle"), ("a typo", ("circel",)), ("none", ()), ("twice the same", ("circle", "circle")), ("None", None),
            ("numbers", (1, 2)), ("a dict", {"circle": 1}), ("a number", 3)]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _side(good, kit):
    rows = [("text", "64"), ("zero", 0), ("a fraction", 64.5), ("three", (1, 2, 3)), ("negative", (-1, 2)), ("a flag", True),
            ("a list of texts", ["a", "b"]), ("a dict", {})]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _wider(good, kit):
    return [*_side(good, kit), odd.Odd("smaller", 4), odd.Odd("None", None), odd.Odd("a list", [10, 10], works=True)]


def _text(good, kit):
    rows = [("None", None), ("a number", 3), ("a list", ["a"]), ("a class", str)]
    return [odd.Odd(label, value) for label, value in rows]
