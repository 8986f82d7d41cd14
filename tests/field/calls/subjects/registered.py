"""Objectives, samplers, noise and densities, read from the catalogue of the library."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

import scorekit as sk
from field.calls import odd
from field.calls.subjects.shared import GAUSSIAN, IMAGES, MIXTURE, Subject, X, any_stream, one_or_more_levels
from scorekit import _catalogue


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


def classes(kit):
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


def methods(kit):
    """The methods of registered classes, on arrays of both frameworks."""
    x, example = kit.array(X), kit.array(np.zeros(1))
    model = {"model": odd.score, "x": x, "rng": 0}
    for entry in _catalogue.OBJECTIVES:
        roles = {"model": odd.model, "x": odd.batch, "rng": odd.rng}
        made, name = entry.examples()[0], f"objectives.{entry.make.__name__}"
        weighed = {"weights": kit.array(np.ones(8))}
        drawn = {"rng": any_stream} if made.draw(X, 0) is None else {"x": odd.called, "rng": odd.rng}
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
        yield Subject(f"{name}.sample", made.sample, drawn, {"n": odd.count, "rng": odd.rng, "like": odd.like})
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
        scored = {"x": odd.batch, "sigma": partial(one_or_more_levels, optional=True)}
        yield Subject(f"{name}.score", exact.score, {"x": x, "sigma": level}, scored)
        yield Subject(f"{name}.smoothed", made.smoothed, {"sigma": level}, {"sigma": odd.positive})
        drawn = {"n": 4, "rng": 0, "like": example}
        yield Subject(f"{name}.sample", made.sample, drawn, {"n": odd.count, "rng": odd.rng, "like": odd.like})
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
