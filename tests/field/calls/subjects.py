"""Every public function and class, with arguments that work and the role of each.

A new public function needs one line here: ``test_messages.py`` fails until it has one. Objectives, samplers, noise and
densities are read from ``scorekit._catalogue``: a new class is covered as soon as it is registered there.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
from field.calls import odd
from scorekit import _catalogue

_HOST = np.random.default_rng(5)
X, Y, Z = _HOST.normal(size=(3, 8, 2))
IMAGES = (np.round(_HOST.uniform(size=(4, 1, 8, 8)) * 255) / 255).astype(np.float32)
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
    spoken: dict[str, str] = {}


def subjects(kit):
    """All subjects on the arrays of a framework."""
    made = [*_classes(kit), *_methods(kit), *_models(kit), *_metrics(kit), *_training(kit), *_networks(kit)]
    if kit.name == "numpy":
        made += [*_datasets(kit), *_plots(kit), *_noise(kit), *_storage(kit), *_experiments(kit)]
    return made


# ---------------------------------------------------------------- from the catalogue


def _target(good, kit):
    """A target that has a method ``score`` is a density, and what it returns is checked when it is called."""
    return [o for o in odd.model(good, kit, densities=True) if not o.label.startswith("returns")]


def _unknown_values(good, kit):
    """Values under a mask without a True: none of them is used, so that NaN works."""
    return [o for o in odd.values(good, kit) if o.label not in ("NaN", "no entries")]


def _cloud(good, kit):
    """Samples that are converted, so that lists and whole numbers work."""
    kept = (
        "None",
        "text",
        "a dict",
        "a class",
        "a function",
        "complex",
        "NaN",
        "infinity",
        "no rows",
        "texts",
        "masked",
    )
    return [o for o in odd.batch(good, kit) if o.label in kept or o.works]


_NUMBERS = {
    "covariance": odd.values,
    "covariances": odd.values,
    "curvature": odd.number,
    "data": _cloud,
    "denoise": odd.flag,
    "distribution": odd.option,
    "eta": partial(odd.number, low=-0.1, high=1.1, optional=True),
    "levels": odd.count,
    "mean": odd.values,
    "means": odd.values,
    "positions": odd.count,
    "probes": odd.count,
    "projections": odd.count,
    "radii": odd.values,
    "sampler": odd.thing,
    "scale": odd.positive,
    "sigma": odd.positive,
    "sigma_max": odd.positive,
    "sigma_min": odd.positive,
    "size": odd.positive,
    "std": odd.positive,
    "step_size": odd.positive,
    "steps": odd.count,
    "steps_per_level": odd.count,
    "target": _target,
    "trace": odd.option,
    "values": odd.levels,
    "variance_reduced": odd.flag,
    "variance_reduction": partial(odd.option, optional=True),
    "weighting": odd.option,
    "weights": odd.values,
}
_BY_CLASS = {
    "Banana.dim": partial(odd.count, least=2),
    "Checkerboard.cells": partial(odd.count, least=2),
    "ConsistentAnnealed.noise": odd.levels,
    "AnnealedLangevin.noise": odd.levels,
    "ExplicitScoreMatching.sigma": partial(odd.positive, optional=True),
    "Funnel.dim": partial(odd.count, least=2),
    "LogNormal.mean": odd.number,
    "NoiseConditional.noise": partial(odd.levels, distributions=True),
    "Rings.noise": partial(odd.number, low=-0.1),
    "Inpaint.values": _unknown_values,
    "Rings.weights": odd.values,
    "SwissRoll.noise": partial(odd.number, low=-0.1),
    "TwoMoons.noise": partial(odd.number, low=-0.1),
    "ShapesImages.radii": odd.count,
    "ShapesImages.size": partial(odd.count, least=8),
    "ImplicitScoreMatching.probes": odd.count,
}


def _role(holder, field):
    return _BY_CLASS.get(f"{holder}.{field}") or _NUMBERS.get(field)


def _classes(kit):
    """The constructors of registered classes: their fields are the arguments, an example has values that work."""
    if kit.name != "numpy":
        return
    tables = {"objectives": _catalogue.OBJECTIVES, "samplers": _catalogue.SAMPLERS}
    tables |= {"noise": _catalogue.NOISE, "distributions": _catalogue.DENSITIES}
    for room, entries in tables.items():
        for entry in entries:
            if not dataclasses.is_dataclass(entry.make):
                continue
            name, made = entry.make.__name__, max(entry.examples(), key=_filled)
            arguments = {f.name: getattr(made, f.name) for f in dataclasses.fields(made) if f.init}
            roles = {
                key: _role(name, key) for key, value in arguments.items() if value is not None and _role(name, key)
            }
            yield Subject(f"{room}.{name}", entry.make, arguments, roles)


def _filled(made):
    return sum(getattr(made, f.name) is not None for f in dataclasses.fields(made) if f.init)


def _methods(kit):
    """The methods of registered classes, on arrays of both frameworks."""
    x, example = kit.array(X), kit.array(np.zeros(1))
    model = {"model": odd.score, "x": x, "rng": 0}
    for entry in _catalogue.OBJECTIVES:
        roles = {"model": odd.model, "x": odd.batch, "rng": odd.rng}
        made, name = entry.examples()[0], f"objectives.{entry.make.__name__}"
        weighed = {"weights": kit.array(np.ones(8))}
        drawn = {"rng": _host_rng} if made.draw(X, 0) is None else {"x": odd.called, "rng": odd.rng}
        roles["rng"] = drawn["rng"]
        yield Subject(f"{name}.__call__", made.__call__, model | weighed, roles | {"weights": _weights})
        yield Subject(f"{name}.losses", made.losses, model, roles)
        yield Subject(f"{name}.draw", made.draw, {"x": x, "rng": 0}, drawn)
    for entry in _catalogue.SAMPLERS:
        made, name = entry.examples()[0], f"samplers.{entry.make.__name__}"
        begun, roles = (
            {"model": odd.score, "x0": x, "rng": 0},
            {"model": partial(odd.model, densities=True), "x0": odd.batch, "rng": odd.rng},
        )
        more = {"keep_every": 1, "progress": False, "callback": _seen}
        more_roles = {"keep_every": odd.count, "progress": odd.flag, "callback": odd.function}
        yield Subject(
            f"{name}.sample", made.sample, begun | more, roles | _optional(more_roles, "keep_every", "callback")
        )
        yield Subject(f"{name}.iterate", partial(_last, made), begun, roles)
    for entry in _catalogue.NOISE:
        made = entry.examples()[0]
        name = f"noise.{type(made).__name__}"
        drawn = {"n": 4, "rng": 0, "like": example}
        yield Subject(f"{name}.sample", made.sample, drawn, {"n": odd.count, "rng": odd.rng, "like": _like})
        u = kit.array(np.linspace(0.1, 0.9, 4))
        yield Subject(f"{name}.icdf", made.icdf, {"u": u}, {"u": partial(_vector, low=-0.1, high=1.1)})
        yield Subject(f"{name}.pdf", made.pdf, {"sigma": made.icdf(u)}, {"sigma": _vector})
    for entry in _catalogue.DENSITIES:
        made, name = entry.examples()[0], f"distributions.{entry.make.__name__}"
        images = entry.make is sk.distributions.ShapesImages
        x, level = kit.array(IMAGES[:, :, :8, :8] if images else X), 0.5
        exact = (
            made
            if entry.make not in (sk.distributions.Empirical, sk.distributions.ShapesImages)
            else made.smoothed(0.3)
        )
        yield Subject(f"{name}.log_prob", exact.log_prob, {"x": x}, {"x": odd.batch})
        scored = {"x": odd.batch, "sigma": partial(_sigma, optional=True)}
        yield Subject(f"{name}.score", exact.score, {"x": x, "sigma": level}, scored)
        yield Subject(f"{name}.smoothed", made.smoothed, {"sigma": level}, {"sigma": odd.positive})
        drawn = {"n": 4, "rng": 0, "like": example}
        yield Subject(f"{name}.sample", made.sample, drawn, {"n": odd.count, "rng": odd.rng, "like": _like})
    yield Subject(
        "distributions.GaussianMixture.responsibilities",
        MIXTURE.responsibilities,
        {"x": kit.array(X)},
        {"x": odd.batch},
    )
    yield Subject(
        "distributions.Smoothed",
        sk.distributions.Smoothed,
        {"base": GAUSSIAN, "sigma": 0.5},
        {"base": odd.thing, "sigma": odd.positive},
    )


def _seen(state):
    return None


def _last(sampler, model, x0, rng):
    return list(sampler.iterate(model, x0, rng))[-1].x


def _optional(roles, *names):
    return {key: partial(role, optional=True) if key in names else role for key, role in roles.items()}


def _like(good, kit):
    return odd.like(good, kit)


def _weights(good, kit):
    """One weight per sample, finite and not negative."""
    v = np.ones(8)
    rows = [
        ("None is a list", [1.0] * 8), ("text", "a"), ("too short", kit.array(v[:5])), ("a column", kit.array(v[:, None])),
        ("negative", kit.array(-v)), ("zero", kit.array(0 * v)), ("NaN", kit.array(np.nan * v)),
        ("complex", kit.array(v.astype(complex))), ("another framework", kit.other(v)), ("a number", 2.0),
    ]  # fmt: skip
    same = [odd.Odd(f"{kind}", kit.array(v.astype(kind)), works=True) for kind in ("float32", "int64", "uint8", "bool")]
    return [*(odd.Odd(label, value) for label, value in rows), *same]


def _vector(good, kit, *, low=-1.0, high=None):
    """Numbers of any shape in a range."""
    v = odd._plain(good)
    edges = [("below the range", low)] + ([] if high is None else [("above the range", high)])
    rows = [
        ("text", "a"), ("a list", v.tolist()), ("None", None), ("a dict", {"u": 1.0}), ("a class", float),
        ("whole numbers", kit.array((v * 0 + 1).astype(int))), ("complex", kit.array(v.astype(complex))),
        ("NaN", kit.array(v * np.nan)),
    ]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows] + [
        odd.Odd(label, kit.array(v * 0 + value)) for label, value in edges
    ]


def _sigma(good, kit, *, optional=False):
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


# ---------------------------------------------------------------- models


def _models(kit):
    x, models = kit.array(X), sk.models
    called = {"x": odd.called, "sigma": partial(_sigma, optional=True)}
    f = odd.function
    yield Subject(
        "expand", sk.expand, {"value": kit.array(np.ones(8)), "x": x}, {"value": _per_row, "x": odd.arraylike}
    )
    yield Subject("models.EnergyModel", models.EnergyModel, {"energy": _energy}, {"energy": f})
    energy = models.EnergyModel(_energy)
    yield Subject("models.EnergyModel.__call__", energy, {"x": x, "sigma": 0.5}, called)
    yield Subject("models.EnergyModel.log_prob", energy.log_prob, {"x": x, "sigma": 0.5}, called)
    yield Subject("models.DenoiserModel", models.DenoiserModel, {"denoise": odd.score}, {"denoise": f})
    denoiser = models.DenoiserModel(_half)
    yield Subject("models.DenoiserModel.__call__", denoiser, {"x": x, "sigma": 0.5}, _required(called))
    given = {"net": _half, "sigma_data": 1.0, "kind": "edm"}
    roles = {"net": f, "sigma_data": odd.positive, "kind": odd.option}
    yield Subject("models.Preconditioned", models.Preconditioned, given, roles)
    scaled = models.Preconditioned(_half, 1.0)
    yield Subject("models.Preconditioned.__call__", scaled, {"x": x, "sigma": 0.5}, _required(called))
    yield Subject(
        "models.at", models.at, {"model": odd.score, "sigma": 0.5}, {"model": _callables, "sigma": odd.positive}
    )
    given = {"model": odd.score, "mean": [0.0, 1.0], "scale": 2.0}
    roles = {"model": _callables, "mean": odd.values, "scale": odd.values}
    yield Subject("models.standardized", models.standardized, given, roles)
    moved = models.standardized(odd.score, [0.0, 1.0], 2.0)
    yield Subject("models.standardized.__call__", moved, {"x": x, "sigma": 0.5}, called)
    given = {"model": _told, "c": 1, "each": None}
    yield Subject("models.condition", models.condition, given, {"model": _callables, "c": _label})
    given = {"model": odd.score, "x": x, "sigma": 0.5}
    yield Subject("models.denoise", models.denoise, given, {"model": odd.model} | _required(called))
    yield Subject("models.per_sample", models.per_sample, {"f": odd.score}, {"f": f})
    check = sk.testing.check_score_model
    yield Subject("testing.check_score_model", check, given, {"model": _callables, "x": odd.batch})
    law = {"sampler": sk.samplers.Langevin(0.1, 2), "model": odd.score, "mean": np.zeros(2), "covariance": np.eye(2)}
    roles = {"sampler": odd.thing, "model": _affine, "mean": odd.values, "covariance": odd.values}
    yield Subject("testing.impulse_law", sk.testing.impulse_law, law, roles)


def _energy(x, sigma=None):
    return (x * x).sum(1) / 2


def _half(x, sigma=None):
    return x / 2


def _told(x, sigma, condition):
    return -x


def _required(roles):
    return roles | {"sigma": _sigma}


def _callables(good, kit):
    """Models that no call is needed to refuse."""
    return [o for o in odd.model(good, kit) if not o.label.startswith("returns")]


def _affine(good, kit):
    return [o for o in _callables(good, kit) if o.label != "a distribution"]


def _per_row(good, kit):
    rows = [("too short", np.ones(5)), ("a column", np.ones((8, 1)))]
    return [odd.Odd(label, kit.array(value)) for label, value in rows]


def _label(good, kit):
    rows = [("None", None), ("text", "cat"), ("a dict", {}), ("NaN", float("nan")), ("complex", 1j), ("a class", int)]
    return [odd.Odd(label, value) for label, value in rows]


# ---------------------------------------------------------------- metrics


def _metrics(kit):
    x, y, z, metrics = kit.array(X), kit.array(Y), kit.array(Z), sk.metrics
    two = {"a": odd.paired, "b": odd.paired}
    pair = {"a": x, "b": y}
    yield Subject(
        "metrics.c2st",
        metrics.c2st,
        pair | {"neighbors": 1, "rng": 0},
        two | {"neighbors": partial(odd.count, optional=True), "rng": _host_rng},
    )
    yield Subject(
        "metrics.mmd",
        metrics.mmd,
        pair | {"bandwidth": 1.0, "permutations": 9, "rng": 0},
        two | {"bandwidth": partial(odd.positive, optional=True), "permutations": odd.count, "rng": _host_rng},
    )
    yield Subject(
        "metrics.sliced_wasserstein",
        metrics.sliced_wasserstein,
        pair | {"projections": 8, "order": 2, "rng": 0},
        two | {"projections": odd.count, "order": _order, "rng": _host_rng},
    )
    yield Subject("metrics.wasserstein", metrics.wasserstein, pair | {"order": 2}, two | {"order": _order})
    features = {"features_a": x, "features_b": y}
    roles = {"features_a": odd.paired, "features_b": odd.paired}
    yield Subject("metrics.frechet_distance", metrics.frechet_distance, features, roles)
    many = {"features_a": kit.array(np.tile(X, (3, 1)) + 0.0), "features_b": kit.array(np.tile(Y, (3, 1)) + 0.0)}
    yield Subject(
        "metrics.frechet_distance_corrected",
        metrics.frechet_distance_corrected,
        many | {"groups": 2},
        roles | {"groups": partial(odd.count, least=2)},
    )
    yield Subject("metrics.kernel_distance", metrics.kernel_distance, features, roles)
    yield Subject(
        "metrics.precision_recall",
        metrics.precision_recall,
        {"features_real": x, "features_generated": y, "neighbors": 2},
        {"features_real": odd.paired, "features_generated": odd.paired, "neighbors": odd.count},
    )
    yield Subject(
        "metrics.nearest_neighbors",
        metrics.nearest_neighbors,
        {"samples": x, "training": y, "k": 2},
        {"samples": odd.paired, "training": odd.paired, "k": partial(odd.count, most=8)},
    )
    yield Subject(
        "metrics.memorization",
        metrics.memorization,
        {"samples": x, "training": y, "held_out": z, "quantile": 0.5, "level": 0.9},
        {"samples": odd.paired, "training": odd.paired, "held_out": odd.paired, "quantile": _open, "level": _open},
    )
    yield Subject(
        "metrics.mode_weights",
        metrics.mode_weights,
        {"samples": x, "mixture": MIXTURE, "level": 0.9, "far_distance": 5.0},
        {
            "samples": odd.batch,
            "mixture": odd.thing,
            "level": _open,
            "far_distance": partial(odd.positive, optional=True),
        },
    )
    yield Subject(
        "metrics.kernel_stein_discrepancy",
        metrics.kernel_stein_discrepancy,
        {"score": odd.score, "x": x, "kernel": "imq", "bandwidth": 1.0, "bootstraps": 9, "rng": 0},
        {
            "score": odd.model,
            "x": odd.batch,
            "kernel": odd.option,
            "bandwidth": partial(odd.positive, optional=True),
            "bootstraps": odd.count,
            "rng": _host_rng,
        },
    )
    yield Subject(
        "metrics.class_proportions",
        metrics.class_proportions,
        {
            "samples": x,
            "classify": _classify,
            "truth": [0.5, 0.5],
            "classes": 2,
            "confidence": 0.0,
            "level": 0.9,
            "batch_size": 4,
            "rng": 0,
        },
        {
            "samples": odd.batch,
            "classify": _classifier,
            "truth": _truth,
            "classes": partial(odd.count, optional=True),
            "confidence": partial(odd.number, low=-0.1, high=1.1),
            "level": _open,
            "batch_size": odd.count,
            "rng": _host_rng,
        },
    )
    yield Subject(
        "metrics.score_error",
        metrics.score_error,
        {"model": odd.score, "distribution": GAUSSIAN, "x": x, "sigma": 0.5},
        {"model": odd.model, "distribution": odd.thing, "x": odd.batch, "sigma": partial(_sigma, optional=True)},
    )
    yield Subject(
        "metrics.score_error_report",
        metrics.score_error_report,
        {
            "model": odd.score,
            "distribution": GAUSSIAN,
            "noise": LEVELS,
            "n": 8,
            "rng": 0,
            "regions": (0.5,),
            "like": kit.array(np.zeros(1)),
        },
        {
            "model": odd.model,
            "distribution": odd.thing,
            "noise": odd.levels,
            "n": partial(odd.count, least=2),
            "rng": _host_rng,
            "regions": _cuts,
            "like": _like,
        },
    )


_open = partial(odd.number, low=0.0, high=1.0)
_order = partial(odd.number, low=0.5, high=1e9)


def _classify(x):
    return np.asarray(odd._plain(x)[:, 0] > 0, int)


def _classifier(good, kit):
    wrong = {
        "returns None": lambda x: None, "returns text": lambda x: "a", "returns one number": lambda x: np.array(1),
        "returns too few": lambda x: np.zeros(1, int), "returns fractions": lambda x: np.full(len(x), 0.5),
        "returns NaN": lambda x: np.full((len(x), 2), np.nan), "returns too much": lambda x: np.full((len(x), 2), 0.9),
        "returns labels below −1": lambda x: np.full(len(x), -5), "returns a list": lambda x: [0] * len(x),
    }  # fmt: skip
    return odd.function(good, kit) + [odd.Odd(label, value, ("returned",)) for label, value in wrong.items()]


def _truth(good, kit):
    rows = [("text", "a"), ("a number", 0.5), ("not one in sum", [0.5, 0.4]), ("negative", [1.5, -0.5]), ("a dict", {}),
            ("NaN", [float("nan"), 1.0]), ("three", [0.3, 0.3, 0.4]), ("none", []), ("two axes", [[0.5, 0.5]])]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _cuts(good, kit):
    rows = [("text", "a"), ("a number", 0.5), ("above one", (1.5,)), ("zero", (0.0,)), ("NaN", (float("nan"),)),
            ("descending", (0.5, 0.1)), ("texts", ("a",)), ("a dict", {"a": 1})]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


# ---------------------------------------------------------------- training and random streams


def _training(kit):
    objective = sk.objectives.NoiseConditional(LEVELS)
    data = kit.array(X)
    given = {
        "model": odd._network(kit), "objective": objective, "data": data, "steps": 1, "batch_size": 4,
        "learning_rate": 1e-3, "optimizer": "adam", "gradient_clip": 1.0, "ema": 0.9, "rng": 0,
        "validation": kit.array(Y), "condition_dropout": 0.0, "progress": False, "callbacks": (),
        "on_nonfinite": "raise", "checkpoint_every": 1, "keep": 1, "resume": True,
    }  # fmt: skip
    roles = {
        "model": _trainable, "objective": _loss, "data": _fit_data, "steps": odd.count,
        "batch_size": partial(odd.count, most=8, optional=True), "learning_rate": _rate,
        "optimizer": _optimizer, "gradient_clip": partial(odd.positive, optional=True),
        "ema": partial(odd.number, low=-0.1, high=1.0, optional=True), "rng": _host_rng, "validation": _validation,
        "condition_dropout": partial(odd.number, low=-0.1, high=1.0), "progress": odd.flag, "callbacks": _callbacks,
        "on_nonfinite": odd.option, "checkpoint": partial(odd.path, optional=True), "checkpoint_every": odd.count,
        "keep": odd.count, "resume": odd.flag,
    }  # fmt: skip
    yield Subject("fit", _fit, given | {"checkpoint": None}, roles)
    yield Subject("rng", sk.rng, {"seed": 0, "like": data}, {"seed": _seed, "like": _like_any})
    yield Subject(
        "samplers.initial",
        sk.samplers.initial,
        {"noise": LEVELS, "shape": (4, 2), "rng": 0, "like": data, "mean": 0.0, "std": 1.0},
        {
            "noise": partial(odd.levels, distributions=True),
            "shape": _shape,
            "rng": odd.rng,
            "like": _like,
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
            "like": _like,
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
        {"name": odd.option, "device": _device, "dtype": _dtype},
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


def _trainable(good, kit):
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


def _seed(good, kit):
    rows = [("a fraction", 0.5), ("negative", -1), ("a flag", True), ("a dict", {}), ("a class", int),
            ("numpy.random.Generator", np.random.default_rng(0)), ("negative inside", (0, -1)), ("fraction inside", (0, 0.5)),
            ("text", "seed"), ("a stream", sk.rng(0)), ("an array of fractions", np.array([0.5]))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows] + [odd.Odd("a NumPy integer", np.int64(0), works=True)]


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


def _device(good, kit):
    rows = [("unknown", "cpux"), ("missing", "cuda:77"), ("a number", 3.5), ("a list", ["cpu"])]
    return [odd.Odd(label, value) for label, value in rows]


def _dtype(good, kit):
    rows = [("unknown", "float31"), ("whole", "int64"), ("half", "float16"), ("a number", 32), ("a list", ["float32"])]
    return [odd.Odd(label, value) for label, value in rows]


# ---------------------------------------------------------------- networks


def _networks(kit):
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
             "classes": partial(odd.count, optional=True), "dtype": _weight_dtype if kit.name == "torch" else _dtype,
             "rng": _host_rng}  # fmt: skip
    yield Subject("MLP", package.MLP, given, roles)
    network, labels = package.MLP(2, (8,), classes=3, dtype="float64"), kit.array(np.array([0, 1, 2, 3] * 2))
    called = {"x": kit.array(X), "sigma": kit.array(np.ones(8)), "condition": labels}
    roles = {"x": _network_input, "condition": _labels}
    yield Subject("MLP.__call__", network, called, roles)
    made = type(sk.backend(kit.name))
    yield Subject(f"{made.__name__}", made, {"device": "cpu", "dtype": "float32"}, {"device": _device, "dtype": _dtype})
    yield from _streams(kit)
    if kit.name == "torch":
        yield from _image_networks(package)
        yield from _torch_only(package)


def _image_networks(package):
    shared = {"classes": None, "condition_dim": None, "precision": "float32", "rng": 0}
    roles = {"classes": partial(odd.count, optional=True), "condition_dim": partial(odd.count, optional=True),
             "precision": odd.option, "rng": _host_rng, "channels": odd.count, "base_channels": _even,
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
    images = torch.as_tensor(_HOST.uniform(size=(2, 1, 8, 8)), dtype=torch.float32)
    called = {"x": images, "sigma": 0.5}
    yield Subject("NCSNv2.__call__", network, called, {"x": _pictures, "sigma": _level_of_images})


def _pictures(good, kit):
    other = ("half precision", "bfloat16", "no columns", "one column without its axis")
    kept = [o for o in odd.called(good, kit, mixed=True) if o.label not in other]
    rows = [("three axes", good[0]), ("channels last", good.permute(0, 2, 3, 1)), ("two channels", good.repeat(1, 2, 1, 1))]  # fmt: skip
    return [*kept, *(odd.Odd(label, value) for label, value in rows), odd.Odd("odd sides", good[..., :7], ("8x7",))]


def _level_of_images(good, kit):
    return [o for o in _sigma(good, kit) if o.label not in ("another framework", "zeros")]


def _streams(kit):
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
    generator = torch.Generator()
    yield Subject(
        "seed_generator",
        package.seed_generator,
        {"generator": generator, "seed": 0},
        {"generator": odd.thing, "seed": _seed},
    )
    yield Subject("seeded", _entered(package.seeded), {"seed": 0}, {"seed": _seed})


def _entered(manager):
    def enter(**options):
        with manager(**options):
            return

    return enter


def _weight_dtype(good, kit):
    return [o for o in _dtype(good, kit) if o.label != "half"]


def _network_input(good, kit):
    """A network may be called in half precision."""
    other = ("half precision", "bfloat16", "big-endian")
    return [o for o in odd.called(good, kit, mixed=True) if o.label not in other]


def _host_rng(good, kit):
    return [o for o in odd.rng(good, kit) if o.label != "a stream of another framework"]


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


# ---------------------------------------------------------------- data sets


def _datasets(kit):
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
        {"kind": odd.option, "rng": _host_rng},
    )
    yield Subject(
        "datasets.ImageData.dequantized by noise",
        data.dequantized,
        {"kind": "gaussian", "rng": 0, "std": 0.1},
        {"std": odd.positive},
    )
    yield Subject("datasets.ImageData.flipped", data.flipped, {"rng": 0}, {"rng": _host_rng})
    yield Subject(
        "datasets.ImageData.split", data.split, {"proportion": 0.5, "rng": 0}, {"proportion": _open, "rng": _host_rng}
    )
    yield Subject(
        "datasets.ImageData.subset",
        data.subset,
        {"classes": ("a",), "n": 2, "rng": 0},
        {"classes": _chosen, "n": partial(odd.count, most=4, optional=True), "rng": _host_rng},
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
            "rng": _host_rng,
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
    yield Subject("datasets.hub", sets.hub, {"name": "mnist"}, roles | {"name": _text}, runs=False)


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


# ---------------------------------------------------------------- plots


def _plots(kit):
    plot, path = sk.plot, np.cumsum(np.ones((3, 4, 2)), axis=0)
    states, pictures = np.stack([IMAGES, IMAGES]), IMAGES
    box = ((-1.0, 1.0), (-1.0, 1.0))
    count, positive = partial(odd.count, optional=True), partial(odd.positive, optional=True)
    yield Subject(
        "plot.samples",
        plot.samples,
        {"x": X, "ax": None, "reference": Y, "limits": box, "labels": ("a", "b"), "size": 2.0},
        {"x": odd.batch, "ax": _axes, "reference": _reference, "limits": _box, "labels": _pair, "size": positive},
    )
    yield Subject(
        "plot.chains",
        plot.chains,
        {"trajectory": path, "limits": box, "most": 2},
        {"trajectory": _trajectory, "ax": _axes, "limits": _box, "most": odd.count},
    )
    gif = {"path": None, "fps": 12, "every": 1, "dpi": 40}
    roles = {"path": _gif, "fps": odd.positive, "every": count, "dpi": odd.count, "ax": _axes}
    yield Subject(
        "plot.animate_chains",
        plot.animate_chains,
        {"trajectory": path, "limits": box} | gif,
        roles | {"trajectory": _trajectory, "limits": _box},
    )
    yield Subject(
        "plot.animate_images",
        plot.animate_images,
        {"trajectory": states, "columns": 2, "gap": 1} | gif,
        roles
        | {
            "trajectory": _trajectory,
            "columns": count,
            "gap": partial(odd.count, least=0),
            "limits": _shades,
            "labels": _state_labels,
        },
    )
    yield Subject(
        "plot.image_grid",
        plot.image_grid,
        {"images": pictures, "columns": 2, "limits": (0.0, 1.0), "gap": 1},
        {"images": odd.batch, "ax": _axes, "columns": count, "limits": _shades, "gap": partial(odd.count, least=0)},
    )
    yield Subject(
        "plot.image_strip",
        plot.image_strip,
        {"trajectory": states, "rows": 2, "columns": 2, "gap": 1},
        {
            "trajectory": _trajectory,
            "ax": _axes,
            "rows": odd.count,
            "columns": odd.count,
            "limits": _shades,
            "gap": partial(odd.count, least=0),
            "labels": _state_labels,
        },
    )
    yield Subject(
        "plot.nearest_neighbors",
        plot.nearest_neighbors,
        {"samples": pictures, "training": pictures, "k": 1},
        {
            "samples": odd.paired,
            "training": odd.paired,
            "k": partial(odd.count, most=4),
            "columns": odd.count,
            "limits": _shades,
            "ax": _axes,
        },
    )
    yield Subject(
        "plot.noise_levels",
        plot.noise_levels,
        {"noise": LEVELS, "dim": 2},
        {"noise": partial(odd.levels, distributions=True), "dim": count, "ax": _axes},
    )
    history = sk.training.History()
    for step in (1, 2):
        history.append(step=step, loss=1.0, grad_norm=1.0, seconds=0.1, applied=True)
    yield Subject(
        "plot.history",
        plot.history,
        {"history": history, "smoothing": 1},
        {"history": odd.thing, "smoothing": count, "ax": _axes},
    )
    report = sk.metrics.score_error_report(odd.score, GAUSSIAN, LEVELS, n=40, rng=0)
    yield Subject(
        "metrics.ScoreErrorReport.region", report.region, {"name": "all"}, {"name": _region}, spoken={"name": "region"}
    )
    yield Subject("plot.error_levels", plot.error_levels, {"report": report}, {"report": odd.thing, "ax": _axes})
    weights = sk.metrics.mode_weights(X, MIXTURE)
    yield Subject(
        "plot.mode_proportions",
        plot.mode_proportions,
        {"results": {"a": weights}, "mode": 0},
        {"results": odd.thing, "mode": partial(odd.count, least=0, most=1), "ax": _axes},
    )
    yield Subject(
        "plot.score_field",
        plot.score_field,
        {"model": odd.score, "limits": box, "grid": 4, "sigma": 0.5, "colorbar": False},
        {
            "model": odd.model,
            "limits": _box,
            "grid": partial(odd.count, least=2),
            "sigma": positive,
            "density": _density,
            "scale_by": _scale_by,
            "colorbar": odd.flag,
            "ax": _axes,
            "like": _like,
        },
    )
    yield Subject(
        "plot.score_error",
        plot.score_error,
        {
            "model": odd.score,
            "distribution": GAUSSIAN,
            "limits": box,
            "grid": 4,
            "sigma": 0.5,
            "vmax": 1.0,
            "relative": False,
            "scale": "linear",
            "contours": False,
            "colorbar": False,
        },
        {
            "model": odd.model,
            "distribution": odd.thing,
            "limits": _box,
            "grid": partial(odd.count, least=2),
            "sigma": positive,
            "vmax": positive,
            "relative": odd.flag,
            "scale": odd.option,
            "contours": odd.flag,
            "colorbar": odd.flag,
            "ax": _axes,
            "like": _like,
        },
    )
    yield Subject(
        "plot.panels",
        plot.panels,
        {"columns": 2, "rows": 1, "size": 2.0, "title": "t"},
        {"columns": odd.count, "rows": odd.count, "size": odd.positive, "title": _title},
    )
    figure = _figure()
    yield Subject(
        "plot.write",
        plot.write,
        {"figure": figure, "path": tempfile.gettempdir() + "/a.png", "dpi": 20},
        {"figure": odd.thing, "path": odd.path, "dpi": odd.count, "close": odd.flag},
    )


def _region(good, kit):
    return [odd.Odd(label, value) for label, value in (("unknown", "everywhere"), ("None", None), ("a number", 0.1))]


@lru_cache
def _figure():
    from matplotlib.figure import Figure

    return Figure((1, 1))


def _axes(good, kit):
    rows = [("a figure", _figure()), ("a number", 3), ("text", "axes"), ("an array of axes", np.array([None, None]))]
    return [odd.Odd(label, value) for label, value in rows]


def _box(good, kit):
    rows = [("a negative number", -3.0), ("text", "a"), ("one pair reversed", (1.0, -1.0)), ("NaN", (float("nan"), 1.0)),
            ("three", (1.0, 2.0, 3.0)), ("empty", ()), ("equal", (1.0, 1.0)), ("texts", ("a", "b")), ("a dict", {}),
            ("infinity", (0.0, float("inf")))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _shades(good, kit):
    return [o for o in _box(good, kit) if o.label != "equal"]


def _pair(good, kit):
    rows = [("a number", 3), ("text", "ab"), ("one", ("a",)), ("numbers", (1, 2)), ("None", None)]
    return [odd.Odd(label, value) for label, value in rows]


def _reference(good, kit):
    return [o for o in odd.batch(good, kit, mixed=False) if o.label != "None"]


def _trajectory(good, kit):
    rows = [("None", None), ("text", "a"), ("a number", 3.0), ("one state", np.asarray(good)[0, 0]), ("a list", np.asarray(good).tolist()),
            ("NaN", np.asarray(good) * np.nan), ("whole numbers", np.asarray(good).astype(int)), ("a dict", {}),
            ("samples without a trajectory", sk.samplers.Samples(X, None, {}))]  # fmt: skip
    return [odd.Odd(label, value) for label, value in rows]


def _gif(good, kit):
    return odd.path("a.gif", kit, optional=True) + [odd.Odd("another kind of file", "a.mp4")]


def _state_labels(good, kit):
    rows = [("a number", 3), ("too few", ("a",)), ("text", "ab"), ("too many", ("a",) * 9)]
    return [odd.Odd(label, value) for label, value in rows]


def _density(good, kit):
    rows = [
        ("a number", 3),
        ("text", "a"),
        ("a function", odd.score),
        ("three dimensions", sk.distributions.Funnel(dim=3)),
    ]
    return [odd.Odd(label, value) for label, value in rows]


def _scale_by(good, kit):
    return [odd.Odd("a number", 3), odd.Odd("text", "a"), odd.Odd("a distribution", GAUSSIAN)]


def _title(good, kit):
    return [odd.Odd("a number", 3), odd.Odd("a list", ["a"])]


# ---------------------------------------------------------------- noise, storage, experiments


def _noise(kit):
    yield Subject(
        "noise.design",
        sk.noise.design,
        {"data": X, "sigma_max": 2.0, "sigma_min": 0.5, "levels": 3, "steps_per_level": 2, "subset": 8},
        {
            "data": odd.batch,
            "sigma_max": partial(odd.positive, optional=True),
            "sigma_min": partial(odd.positive, optional=True),
            "levels": partial(odd.count, least=2, optional=True),
            "steps_per_level": odd.count,
            "subset": partial(odd.count, least=2),
        },
    )
    yield Subject("noise.location_scale", sk.noise.location_scale, {"data": X}, {"data": odd.batch})
    yield Subject("noise.as_levels", sk.noise.as_levels, {"noise": LEVELS}, {"noise": odd.levels})
    yield Subject(
        "noise.overlaps", sk.noise.overlaps, {"noise": LEVELS, "dim": 2}, {"noise": odd.levels, "dim": odd.count}
    )
    yield Subject(
        "noise.variance_ratio",
        sk.noise.variance_ratio,
        {"gamma": 1.5, "steps": 2, "u": 0.5},
        {"gamma": partial(odd.number, low=0.5), "steps": odd.count, "u": partial(odd.number, low=0.0, high=2.5)},
    )
    yield Subject("noise.widest_ratio", sk.noise.widest_ratio, {"dim": 2}, {"dim": odd.count})


def _storage(kit):
    place = tempfile.gettempdir()
    yield Subject(
        "save",
        sk.save,
        {"model": odd._network(kit), "folder": place + "/scorekit odd calls"},
        {"model": _savable, "folder": odd.path},
        spoken={"model": "save"},
    )
    yield Subject("load", sk.load, {"folder": place}, {"folder": partial(odd.path, must_exist=True)}, runs=False)


def _savable(good, kit):
    return [o for o in _trainable(good, kit) if "another framework" not in o.label]


def _experiments(kit):
    e = sk.experiments
    tiny = {
        "backend": "numpy", "data": {"name": "shapes", "n": 8, "size": 8}, "network": {"name": "MLP", "hidden": [8]},
        "noise": {"kind": "log-uniform", "sigma_max": 1.0, "sigma_min": 0.1}, "train": {"steps": 1, "batch_size": 4},
        "sampler": {"levels": 2},
    }  # fmt: skip
    yield Subject(
        "experiments.read_experiment",
        e.read_experiment,
        {"source": tiny, "changes": ()},
        {"source": _no_files, "changes": _no_changes},
        spoken={"changes": "(?:changes|experiment)"},
    )
    missing = {"run": "/nowhere/at all"}
    run = {"run": partial(odd.path, must_exist=True)}
    yield Subject("experiments.sample", e.sample, missing, run, runs=False)
    yield Subject("experiments.evaluate", e.evaluate, missing, run, runs=False)
    yield Subject(
        "experiments.read_samples",
        e.read_samples,
        {"place": "x"},
        {"place": partial(odd.path, must_exist=True)},
        runs=False,
    )
    yield Subject(
        "experiments.train",
        e.train,
        {"source": tiny, "out": None, "changes": ()},
        {"source": partial(_sources, tiny), "changes": _changes},
        runs=False,
        spoken={"source": "(?:source|experiment|backend)", "changes": "(?:changes|experiment)"},
    )


def _sources(tiny, good, kit):
    def other(section, **entries):
        return tiny | {section: tiny.get(section, {}) | entries}

    wrong = [
        odd.Odd("None", None), odd.Odd("a number", 3), odd.Odd("missing file", "/nowhere/at all.toml", ("/nowhere/at all",)),
        odd.Odd("a list", []), odd.Odd("an empty dict", {}),
    ]  # fmt: skip
    named = {
        "an unknown section": (tiny | {"trian": {}}, "trian"), "a typo in train": (other("train", stesp=3), "stesp"),
        "a typo in data": (other("data", sise=8), "sise"), "an unknown backend": (tiny | {"backend": "numpi"}, "numpi"),
        "an unknown data set": (other("data", name="shape"), "shape"), "an unknown network": (other("network", name="MPL"), "MPL"),
        "a typo in network": (other("network", hiden=[8]), "hiden"), "a typo in noise": (other("noise", sigma_mx=1.0), "sigma_mx"),
        "an unknown noise": (other("noise", kind="log_uniform"), "log_uniform"), "text as steps": (other("train", steps="many"), "steps"),
        "an unknown sampler": (other("sampler", name="anealed"), "anealed"), "a section that is no table": (tiny | {"train": 3}, "train"),
        "negative steps": (other("train", steps=-1), "steps"), "an unknown objective": (other("objective", name="denoise"), "denoise"),
    }  # fmt: skip
    return wrong + [odd.Odd(label, value, (word,)) for label, (value, word) in named.items()]


def _no_files(good, kit):
    return [o for o in _sources({}, good, kit) if isinstance(o.value, (str, int, list, type(None)))]


def _no_changes(good, kit):
    return [o for o in _changes(good, kit) if o.label not in ("an unknown key", "no value")]


def _changes(good, kit):
    named = {"without =": (["train.steps"], "train.steps"), "an unknown key": (["train.stesp=3"], "stesp"),
             "an unknown section": (["trian.steps=3"], "trian"), "without a dot": (["steps=3"], "steps"),
             "no value": (["train.steps="], "steps")}  # fmt: skip
    rows = [odd.Odd(label, value) for label, value in (("text", "train.steps=3"), ("a number", 3), ("None", None))]
    return rows + [odd.Odd(label, value, (word,)) for label, (value, word) in named.items()]
