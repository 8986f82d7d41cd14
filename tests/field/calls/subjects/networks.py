"""Networks, the methods of streams and backends, readers of published weights."""

from __future__ import annotations

from functools import partial

import numpy as np

import scorekit as sk
from field.calls import odd
from field.calls.subjects.shared import (
    HOST,
    LEVELS,
    Subject,
    X,
    any_stream,
    device_name,
    dtype_name,
    one_or_more_levels,
    seed_of_a_stream,
)


def networks(kit):
    package = __import__(f"scorekit_{kit.name}")
    given = {
        "dim": 2,
        "hidden": (8,),
        "conditional": True,
        "condition_dim": None,
        "classes": 3,
        "dtype": "float64",
        "rng": 0,
    }
    roles = {"dim": odd.count, "hidden": _widths, "conditional": odd.flag, "condition_dim": _another_condition,
             "classes": partial(odd.count, optional=True), "dtype": _weight_dtype if kit.name == "torch" else dtype_name,
             "rng": any_stream}  # fmt: skip
    yield Subject("MLP", package.MLP, given, roles)
    network, labels = package.MLP(2, (8,), classes=3, dtype="float64"), kit.array(np.array([0, 1, 2, 3] * 2))
    called = {"x": kit.array(X), "sigma": kit.array(np.ones(8)), "condition": labels}
    roles = {"x": _network_input, "condition": _labels}
    yield Subject("MLP.__call__", network, called, roles)
    made = type(sk.backend(kit.name))
    yield Subject(
        f"{made.__name__}", made, {"device": "cpu", "dtype": "float32"}, {"device": device_name, "dtype": dtype_name}
    )
    yield from streams(kit)
    if kit.name == "torch":
        yield from _image_networks(package)
        yield from _torch_only(package)


def _image_networks(package):
    shared = {"classes": None, "condition_dim": None, "precision": "float32", "rng": 0}
    roles = {"classes": partial(odd.count, optional=True), "condition_dim": partial(odd.count, optional=True),
             "precision": odd.option, "rng": any_stream, "channels": odd.count, "base_channels": _even,
             "rescale": odd.flag}  # fmt: skip
    small = {"channels": 1, "base_channels": 8}
    yield Subject(
        "NCSN",
        package.NCSN,
        small | {"noise": LEVELS, "depth": 4} | shared,
        roles | {"noise": odd.levels, "depth": _depth},
    )
    yield Subject("NCSNv2", package.NCSNv2, small | {"depth": 4} | shared, roles | {"depth": _depth})
    given = {"channel_mult": (1,), "num_res_blocks": 1, "attention": (), "block": "biggan", "fir": False,
             "progressive_input": "none", "progressive_output": "none", "skip_rescale": True, "embedding": "fourier",
             "fourier_scale": 1.0, "dropout": 0.0, "divide_by_sigma": False, "rescale": False, "process": "ve"}  # fmt: skip
    more = {"channel_mult": _widths, "num_res_blocks": odd.count, "block": odd.option, "fir": odd.flag,
            "attention": _stages, "progressive_input": odd.option, "progressive_output": odd.option,
            "skip_rescale": odd.flag, "embedding": odd.option, "fourier_scale": odd.positive,
            "dropout": partial(odd.number, low=-0.1, high=1.0), "process": odd.option, "divide_by_sigma": odd.flag,
            "noise": partial(odd.levels, optional=True)}  # fmt: skip
    yield Subject("UNet", package.UNet, small | given | shared, roles | more)

    import torch

    network = package.NCSNv2(**small)
    images = torch.as_tensor(HOST.uniform(size=(2, 1, 8, 8)), dtype=torch.float32)
    called = {"x": images, "sigma": 0.5}
    yield Subject("NCSNv2.__call__", network, called, {"x": _pictures, "sigma": _level_of_images})


def _pictures(good, kit):
    other = ("half precision", "bfloat16", "no columns", "one column without its axis")
    kept = [o for o in odd.called(good, kit, mixed=True) if o.label not in other]
    rows = [("three axes", good[0]), ("channels last", good.permute(0, 2, 3, 1)), ("two channels", good.repeat(1, 2, 1, 1))]  # fmt: skip
    return [*kept, *(odd.Odd(label, value) for label, value in rows), odd.Odd("odd sides", good[..., :7], ("8x7",))]


def _level_of_images(good, kit):
    return [o for o in one_or_more_levels(good, kit) if o.label not in ("another framework", "zeros")]


def streams(kit):
    """The methods of a random stream, and those of a backend."""
    stream, example, backend = sk.rng(0, like=kit.array(np.zeros(1))), kit.array(np.zeros(1)), sk.backend(kit.name)
    shaped = {"shape": _draw_shape, "like": partial(_example, wide=True)}
    for name in ("normal", "uniform", "rademacher"):
        yield Subject(f"rng().{name}", getattr(stream, name), {"shape": (2,), "like": example}, shaped)
    yield Subject(
        "rng().integers", stream.integers, {"low": 0, "high": 4, "shape": (2,)}, {"shape": _draw_shape, "high": _above}
    )
    yield Subject(
        "rng().choice", stream.choice, {"n": 4, "shape": (2,)}, {"n": _count_only, "shape": _draw_shape, "p": _p}
    )
    yield Subject("rng().spawn", stream.spawn, {"n": 2}, {"n": _count_only})
    roles = {"x": _convertible, "like": _example}
    yield Subject(
        "backend().asarray",
        backend.asarray,
        {"x": [1.0], "like": example},
        roles,
        spoken={"x": "(?:array|tensor)", "like": "(?:like|samples)"},
    )


def _example(good, kit, *, wide=False):
    kept = [o for o in odd.like(good, kit) if not hasattr(o.value, "shape") or isinstance(o.value, type)]
    return kept + ([odd.Odd("another framework", kit.other(np.zeros(1)), ("framework",))] if wide else [])


def _draw_shape(good, kit):
    rows = [
        ("text", "a"),
        ("None", None),
        ("negative", (-2,)),
        ("fractions", (2.5,)),
        ("texts", ("a",)),
        ("a dict", {"a": 1}),
    ]
    return [odd.Odd(label, value) for label, value in rows]


def _count_only(good, kit):
    rows = [("text", "a"), ("None", None), ("a fraction", 2.5), ("negative", -2), ("a list", [2]), ("a flag", True)]
    return [odd.Odd(label, value) for label, value in rows]


def _above(good, kit):
    return [
        odd.Odd(label, value)
        for label, value in (("below low", -1), ("text", "a"), ("a fraction", 2.5), ("None", None))
    ]


def _p(good, kit):
    rows = [
        ("too few", [1.0]),
        ("not one in sum", [0.5] * 4),
        ("negative", [-0.5, 1.5, 0, 0]),
        ("text", "a"),
        ("a number", 0.5),
    ]
    return [odd.Odd(label, value) for label, value in rows]


def _convertible(good, kit):
    rows = [("text", "a"), ("None", None), ("a dict", {"a": 1}), ("ragged", [[1.0], [1.0, 2.0]]), ("a class", float),
            ("a function", odd.score), ("a set", {1.0}), ("complex", np.ones(2, complex))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _torch_only(package):
    import torch

    file = partial(odd.path, must_exist=True)
    for name in ("load_ncsn", "load_ncsnv2", "load_ncsnpp"):
        given = {"path": "weights.pth"}
        given |= {"load_ncsn": {"noise": LEVELS}, "load_ncsnpp": {"config": "ve/cifar10_ncsnpp_continuous"}}.get(
            name, {}
        )
        levels = {"noise": partial(odd.levels, optional=True)} if name == "load_ncsn" else {}
        roles = {"path": file, "precision": odd.option} | levels
        roles |= {} if name == "load_ncsnpp" else {"rescale": odd.flag}
        roles |= {} if name == "load_ncsn" else {"averaged": odd.flag}
        yield Subject(name, getattr(package, name), given, roles, runs=False)
    yield Subject(
        "from_diffusers", package.from_diffusers, {"unet": None, "scheduler": None}, {"unet": _no_unet}, runs=False
    )
    generator = torch.Generator()
    yield Subject(
        "seed_generator",
        package.seed_generator,
        {"generator": generator, "seed": 0},
        {"generator": odd.thing, "seed": seed_of_a_stream},
    )
    yield Subject("seeded", _entered(package.seeded), {"seed": 0}, {"seed": seed_of_a_stream})


def _no_unet(good, kit):
    rows = [("None", None), ("text", "unet"), ("a number", 3), ("a function", odd.score)]
    return [odd.Odd(label, value) for label, value in rows]


def _entered(manager):
    def enter(**options):
        with manager(**options):
            return

    return enter


def _weight_dtype(good, kit):
    return [o for o in dtype_name(good, kit) if o.label != "half"]


def _network_input(good, kit):
    """A network may be called in half precision."""
    other = ("half precision", "bfloat16", "big-endian")
    return [o for o in odd.called(good, kit, mixed=True) if o.label not in other]


def _even(good, kit):
    return odd.count(good, kit)


def _depth(good, kit):
    return [odd.Odd("too small", 0), odd.Odd("unknown", 77), odd.Odd("text", "4"), odd.Odd("a fraction", 4.5),
            odd.Odd("None", None), odd.Odd("a flag", True)]  # fmt: skip


def _widths(good, kit):
    rows = [("a number", 8), ("text", "8"), ("None", None), ("zero", (0,)), ("negative", (-3,)),
            ("fractions", (8.5,)), ("texts", ("a",)), ("a dict", {"a": 1}), ("flags", (True,)),
            ("whole floats", (8.0,)), ("nested", ((8,),))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows] + [odd.Odd("a list", list(good), works=True)]


def _stages(good, kit):
    rows = [("a number", 1), ("text", "1"), ("None", None), ("out of range", (9,)), ("negative", (-1,)),
            ("fractions", (0.5,)), ("texts", ("a",)), ("flags", (True,))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _another_condition(good, kit):
    return [odd.Odd("both kinds", 2)]


def _labels(good, kit):
    rows = [("None", None), ("fractions", kit.array(np.full(8, 0.5))), ("too few", kit.array(np.zeros(3, int))),
            ("one-hot", kit.array(np.eye(8, 3))), ("out of range", kit.array(np.full(8, 4))), ("text", "cat"),
            ("negative", kit.array(np.full(8, -1))), ("a list", [0] * 8), ("a number", 1),
            ("another framework", kit.other(np.zeros(8, int)))]  # fmt: skip
    same = [odd.Odd(kind, kit.array(odd._plain(good).astype(kind)), works=True) for kind in ("int32", "uint8")]
    return [odd.Odd(label, value) for label, value in rows] + same
