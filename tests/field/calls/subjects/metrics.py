"""Metrics."""

from __future__ import annotations

from functools import partial

import numpy as np

import scorekit as sk
from field.calls import odd
from field.calls.subjects.shared import (
    GAUSSIAN,
    LEVELS,
    MIXTURE,
    Subject,
    X,
    Y,
    Z,
    any_stream,
    one_or_more_levels,
    proportion,
)


def metrics(kit):
    x, y, z, metrics = kit.array(X), kit.array(Y), kit.array(Z), sk.metrics
    two = {"a": odd.paired, "b": odd.paired}
    pair = {"a": x, "b": y}
    yield Subject(
        "metrics.c2st",
        metrics.c2st,
        pair | {"neighbors": 1, "rng": 0, "classifier": "knn"},
        two | {"neighbors": partial(odd.count, optional=True), "rng": any_stream, "classifier": odd.option},
    )
    yield Subject(
        "metrics.mmd",
        metrics.mmd,
        pair | {"bandwidth": 1.0, "permutations": 19, "rng": 0},
        two | {"bandwidth": partial(odd.positive, optional=True), "permutations": odd.count, "rng": any_stream},
    )
    yield Subject(
        "metrics.sliced_wasserstein",
        metrics.sliced_wasserstein,
        pair | {"projections": 8, "order": 2, "rng": 0},
        two | {"projections": odd.count, "order": _order, "rng": any_stream},
    )
    yield Subject("metrics.wasserstein", metrics.wasserstein, pair | {"order": 2}, two | {"order": _order})
    features = {"features_a": x, "features_b": y}
    roles = {"features_a": odd.paired, "features_b": odd.paired}
    more = np.random.default_rng(0).normal(size=(2, 60, 2))
    many = {"features_a": kit.array(more[0]), "features_b": kit.array(more[1])}
    yield Subject("metrics.frechet_distance", metrics.frechet_distance, many, roles)
    yield Subject("metrics.moments", metrics.moments, {"features": many["features_a"]}, {"features": _features})
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
        {"features_real": many["features_a"], "features_generated": many["features_b"], "neighbors": 2},
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
        {
            "samples": odd.paired,
            "training": odd.paired,
            "held_out": odd.paired,
            "quantile": proportion,
            "level": proportion,
        },
    )
    yield Subject(
        "metrics.mode_weights",
        metrics.mode_weights,
        {"samples": x, "mixture": MIXTURE, "level": 0.9, "far_distance": 5.0},
        {
            "samples": odd.batch,
            "mixture": odd.thing,
            "level": proportion,
            "far_distance": partial(odd.positive, optional=True),
        },
    )
    yield Subject(
        "metrics.kernel_stein_discrepancy",
        metrics.kernel_stein_discrepancy,
        {"score": odd.score, "x": x, "kernel": "imq", "bandwidth": 1.0, "bootstraps": 19, "rng": 0},
        {
            "score": odd.model,
            "x": odd.batch,
            "kernel": odd.option,
            "bandwidth": partial(odd.positive, optional=True),
            "bootstraps": odd.count,
            "rng": any_stream,
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
            "level": proportion,
            "batch_size": odd.count,
            "rng": any_stream,
        },
    )
    yield Subject(
        "metrics.score_error",
        metrics.score_error,
        {"model": odd.score, "distribution": GAUSSIAN, "x": x, "sigma": 0.5},
        {
            "model": odd.model,
            "distribution": odd.thing,
            "x": odd.batch,
            "sigma": partial(one_or_more_levels, optional=True),
        },
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
            "rng": any_stream,
            "regions": _cuts,
            "like": odd.like,
        },
    )


_order = partial(odd.number, low=0.5, high=1e9)


def _features(good, kit):
    """An array, or batches of one: a list of rows is a list of wrong batches."""
    return [o for o in odd.batch(good, kit) if o.label not in ("a list of rows", "a generator")]


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
