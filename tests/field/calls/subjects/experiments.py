"""Noise from data, saved models, experiments."""

from __future__ import annotations

import tempfile
from functools import partial

import scorekit as sk
from field.calls import odd
from field.calls.subjects.shared import LEVELS, Subject, X, trainable


def noise(kit):
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


def storage(kit):
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
    return [o for o in trainable(good, kit) if "another framework" not in o.label]


def experiments(kit):
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
    two = {"a": "/nowhere/at all", "b": "/nowhere/at all"}
    roles = {"a": partial(odd.path, must_exist=True), "neighbors": odd.count}
    yield Subject("experiments.compare", e.compare, two, roles, runs=False)
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
