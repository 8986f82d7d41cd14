"""Plots."""

from __future__ import annotations

import tempfile
from functools import lru_cache, partial

import numpy as np

import scorekit as sk
from field.calls import odd
from field.calls.subjects.shared import GAUSSIAN, IMAGES, LEVELS, MIXTURE, Subject, X, Y


def plots(kit):
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
            "like": odd.like,
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
            "like": odd.like,
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
    return [*odd.path("a.gif", kit, optional=True), odd.Odd("another kind of file", "a.mp4")]


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
