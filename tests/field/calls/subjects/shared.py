"""The form of a subject, and the values and roles that several files use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
from field.calls import odd

HOST = np.random.default_rng(5)


X, Y, Z = HOST.normal(size=(3, 8, 2))


IMAGES = (np.round(HOST.uniform(size=(4, 1, 8, 8)) * 255) / 255).astype(np.float32)


LEVELS = sk.noise.Geometric(2.0, 0.5, 3)


GAUSSIAN = sk.distributions.Gaussian(np.zeros(2), np.eye(2))


MIXTURE = sk.distributions.GaussianMixture([0.5, 0.5], [[-2.0, 0.0], [2.0, 0.0]], 0.25)


OPTIONAL = ("None",)


class Subject(NamedTuple):
    """A public callable. ``roles`` names the arguments that are tried; ``runs`` is False if the call needs files."""

    name: str
    call: Callable[..., Any]
    arguments: dict[str, Any]
    roles: dict[str, Any]
    runs: bool = True
    spoken: Any = MappingProxyType({})


def one_or_more_levels(good, kit, *, optional=False):
    """A level: a positive number, or one per sample."""
    n = 4
    rows = [
        ("text", "0.1"), ("a list", [0.1] * n), ("a dict", {}), ("a flag", True), ("zero", 0.0), ("negative", -1.0),
        ("NaN", float("nan")), ("infinity", float("inf")), ("too many", kit.array(np.ones(77))), ("complex", 1j),
        ("another framework", kit.other(np.ones(8))), ("a class", float), ("a function", odd.score),
        ("zeros", kit.array(np.zeros(8))),
    ]  # fmt: skip
    works = [odd.Odd("a NumPy float", np.float64(good), works=True), odd.Odd("a 0-d array", np.array(good), works=True)]
    return [*(odd.Odd(label, value) for label, value in rows), *works] + ([] if optional else [odd.Odd("None", None)])


proportion = partial(odd.number, low=0.0, high=1.0)


def trainable(good, kit):
    kept = {"None": None, "a number": 3.0, "text": "mlp", "a list": [1.0], "a dict": {}, "a function": odd.score,
            "a class": odd._network_class(kit), "an objective": sk.objectives.DenoisingScoreMatching(0.1),
            "a sampler": sk.samplers.Langevin(0.1, 2), "a noise": sk.noise.LogUniform(1.0, 0.5),
            "a density": sk.distributions.Banana(), "an array": kit.array(X)}  # fmt: skip
    other = "numpy" if kit.name == "torch" else "torch"
    stranger = odd._network(kit._replace(name=other))
    way = r"torch\.as_tensor\(data\)" if other == "torch" else r"numpy\(\)"
    return [
        *(odd.Odd(label, value) for label, value in kept.items()),
        odd.Odd("a network of another framework", stranger, (way,)),
        odd.Odd("a result of fit", odd._result(), (r"\.model",)),
    ]


def seed_of_a_stream(good, kit):
    rows = [("a fraction", 0.5), ("negative", -1), ("a flag", True), ("a dict", {}), ("a class", int),
            ("numpy.random.Generator", np.random.default_rng(0)), ("negative inside", (0, -1)), ("fraction inside", (0, 0.5)),
            ("text", "seed"), ("a stream", sk.rng(0)), ("an array of fractions", np.array([0.5]))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows] + [odd.Odd("a NumPy integer", np.int64(0), works=True)]


def device_name(good, kit):
    rows = [("unknown", "cpux"), ("missing", "cuda:77"), ("a number", 3.5), ("a list", ["cpu"])]
    return [odd.Odd(label, value) for label, value in rows]


def dtype_name(good, kit):
    rows = [("unknown", "float31"), ("whole", "int64"), ("half", "float16"), ("a number", 32), ("a list", ["float32"])]
    return [odd.Odd(label, value) for label, value in rows]


def any_stream(good, kit):
    return [o for o in odd.rng(good, kit) if o.label != "a stream of another framework"]
