"""Views of models, and checks of models."""

from __future__ import annotations

from functools import partial

import numpy as np

import scorekit as sk
from field.calls import odd
from field.calls.subjects.shared import Subject, X, one_or_more_levels


def models(kit):
    x, models = kit.array(X), sk.models
    called = {"x": odd.called, "sigma": partial(one_or_more_levels, optional=True)}
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
    return roles | {"sigma": one_or_more_levels}


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
