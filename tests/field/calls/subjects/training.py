"""``fit``, random streams, starts and blocks of chains, backends."""

from __future__ import annotations

from functools import partial

import numpy as np

import scorekit as sk
from field.calls import odd
from field.calls.subjects.shared import (
    LEVELS,
    Subject,
    X,
    Y,
    any_stream,
    device_name,
    dtype_name,
    seed_of_a_stream,
    trainable,
)


def training(kit):
    objective = sk.objectives.NoiseConditional(LEVELS)
    data = kit.array(X)
    given = {
        "model": odd._network(kit), "objective": objective, "data": data, "steps": 1, "batch_size": 4,
        "learning_rate": 1e-3, "optimizer": "adam", "gradient_clip": 1.0, "ema": 0.9, "rng": 0,
        "validation": kit.array(Y), "condition_dropout": 0.0, "progress": False, "callbacks": (),
        "on_nonfinite": "raise", "checkpoint_every": 1, "keep": 1, "resume": True,
    }  # fmt: skip
    roles = {
        "model": trainable, "objective": _loss, "data": _fit_data, "steps": odd.count,
        "batch_size": partial(odd.count, most=8, optional=True), "learning_rate": _rate,
        "optimizer": _optimizer, "gradient_clip": partial(odd.positive, optional=True),
        "ema": partial(odd.number, low=-0.1, high=1.0, optional=True), "rng": any_stream, "validation": _validation,
        "condition_dropout": partial(odd.number, low=-0.1, high=1.0), "progress": odd.flag, "callbacks": _callbacks,
        "on_nonfinite": odd.option, "checkpoint": partial(odd.path, optional=True), "checkpoint_every": odd.count,
        "keep": odd.count, "resume": odd.flag,
    }  # fmt: skip
    yield Subject("fit", _fit, given | {"checkpoint": None}, roles)
    yield Subject("rng", sk.rng, {"seed": 0, "like": data}, {"seed": seed_of_a_stream, "like": _like_any})
    yield Subject(
        "samplers.initial",
        sk.samplers.initial,
        {"noise": LEVELS, "shape": (4, 2), "rng": 0, "like": data, "mean": 0.0, "std": 1.0},
        {
            "noise": partial(odd.levels, distributions=True),
            "shape": _shape,
            "rng": odd.rng,
            "like": odd.like,
            "mean": _number_or_array,
            "std": _number_or_array,
        },
    )
    yield Subject(
        "samplers.sample_blocks",
        _all_blocks,
        {
            "sampler": sk.samplers.Langevin(0.1, 2),
            "model": odd.score,
            "start": partial(_start, kit),
            "n": 4,
            "rng": 0,
            "block": 2,
            "like": data,
        },
        {
            "sampler": odd.thing,
            "model": partial(odd.model, densities=True),
            "start": _starts,
            "n": odd.count,
            "rng": odd.rng,
            "block": odd.count,
            "like": odd.like,
        },
    )
    made = list(
        sk.samplers.sample_blocks(
            sk.samplers.Langevin(0.1, 2), odd.score, partial(_start, kit), 4, 0, block=2, like=data
        )
    )
    yield Subject("samplers.gather", sk.samplers.gather, {"blocks": made}, {"blocks": _blocks})
    yield Subject("backend_of", sk.backend_of, {"x": data}, {"x": _array})
    yield Subject("array_namespace", sk.array_namespace, {"x": data}, {"x": _array})
    yield Subject(
        "backend",
        sk.backend,
        {"name": kit.name, "device": "cpu", "dtype": "float32"},
        {"name": odd.option, "device": device_name, "dtype": dtype_name},
        spoken={"name": "backend"},
    )
    if kit.name == "numpy":
        yield Subject(
            "training.WarmupCosine",
            sk.training.WarmupCosine,
            {"peak": 0.1, "steps": 10, "warmup": 2},
            {"peak": odd.positive, "steps": odd.count, "warmup": partial(odd.count, least=0, most=9)},
        )
        yield Subject(
            "training.History.from_arrays",
            sk.training.History.from_arrays,
            {"arrays": sk.training.History().arrays()},
            {"arrays": odd.thing},
        )
        yield Subject("training.JsonLines", sk.training.JsonLines, {"path": "log.jsonl"}, {"path": odd.path})


def _rate(good, kit):
    return [o for o in odd.positive(good, kit) if o.label not in ("a function", "a class")]


def _number_or_array(good, kit):
    rows = [("text", "a"), ("a dict", {}), ("a class", float), ("NaN", float("nan")), ("negative deviation", -1.0)]
    return [odd.Odd(label, value) for label, value in rows if label != "negative deviation" or good == 1.0]


def _fit(**options):
    return sk.fit(**options).model


def _start(kit, n, rng):
    return kit.array(np.zeros((n, 2)))


def _all_blocks(**options):
    return sk.samplers.gather(sk.samplers.sample_blocks(**options)).x


def _blocks(good, kit):
    rows = [
        ("None", None),
        ("a number", 3),
        ("text", "a"),
        ("no blocks", []),
        ("samples", [good[0].samples]),
        ("a dict", {"a": 1}),
    ]
    return [odd.Odd(label, value) for label, value in rows]


def _starts(good, kit):
    wrong = {
        "returns None": lambda n, rng: None, "returns a list": lambda n, rng: [[0.0, 0.0]] * n,
        "returns too few rows": lambda n, rng: kit.array(np.zeros((1, 2))),
        "returns one axis": lambda n, rng: kit.array(np.zeros(n)),
        "returns whole numbers": lambda n, rng: kit.array(np.zeros((n, 2), int)),
        "returns NaN": lambda n, rng: kit.array(np.full((n, 2), np.nan)),
    }  # fmt: skip
    needs = [
        odd.Odd("takes one argument", lambda n: None),
        odd.Odd("the points themselves", kit.array(np.zeros((4, 2)))),
    ]
    return odd.function(good, kit) + needs + [odd.Odd(label, f, ("returned",)) for label, f in wrong.items()]


def _loss(good, kit):
    kept = {"None": None, "a number": 3.0, "text": "denoising", "a list": [good], "a dict": {}, "a class": type(good),
            "a sampler": sk.samplers.Langevin(0.1, 2), "a noise": LEVELS, "a density": sk.distributions.Banana(),
            "an array": kit.array(X), "a network": odd._network(kit), "a result of fit": odd._result(),
            "a function without rng": lambda model, x: 0.0, "a function of one argument": lambda model: 0.0,
            "a loss without a graph": lambda model, x, rng: 0.0, "returns None": lambda model, x, rng: None,
            "a score": odd.score}  # fmt: skip
    return [odd.Odd(label, value) for label, value in kept.items()]


def _fit_data(good, kit):
    x = kit.array(X)
    more = {"a loader without length": iter([x]), "empty list": [], "a pair with too few labels":
            (x, np.zeros(3, int)), "three parts": (x, np.zeros(8, int), 3), "a pair for a model without conditions":
            (x, np.zeros(8, int)), "texts as labels": (x, ["a"] * 8)}  # fmt: skip
    kept = [o for o in odd.batch(good, kit) if o.label not in ("a list of rows", "a table")]
    return kept + [odd.Odd(label, value) for label, value in more.items()]


def _validation(good, kit):
    return [o for o in odd.batch(good, kit) if o.label != "None"] + [
        odd.Odd("another width", kit.array(np.ones((8, 3))))
    ]


def _optimizer(good, kit):
    return [o for o in odd.option(good, kit) if o.label != "a dict"]


def _callbacks(good, kit):
    rows = [("a function", odd.score), ("text", "log"), ("None", None), ("a list of numbers", [3]), ("a dict", {"a": print}),
            ("takes no argument", (lambda: None,)), ("takes two", (lambda a, b: None,))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _like_any(good, kit):
    return [o for o in odd.like(good, kit) if not hasattr(o.value, "shape")]


def _shape(good, kit):
    rows = [("text", "a"), ("None", None), ("a number", 4), ("one axis", (4,)), ("zero", (0, 2)), ("negative", (4, -2)),
            ("fractions", (4.5, 2)), ("texts", ("a", "b")), ("a dict", {}), ("flags", (True, 2)), ("none", ())]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _array(good, kit):
    kept = {"None": None, "a number": 1.5, "text": "a", "a list": [1.0], "a dict": {}, "a class": np.ndarray,
            "a table": odd.Frame(X), "an array of another library": odd.Untouchable(), "a function": odd.score,
            "a set of images": sk.datasets.digits(), "a noise": LEVELS}  # fmt: skip
    return [odd.Odd(label, value) for label, value in kept.items()]
