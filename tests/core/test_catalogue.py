"""The tables of the library hold everything that is exported, and what they hold works."""

from __future__ import annotations

import inspect

import pytest

import scorekit as sk
import scorekit_numpy
from scorekit import _catalogue
from scorekit._catalogue import DATASETS, DENSITIES, NETWORKS, NOISE, OBJECTIVES, SAMPLERS, by_name, examples
from scorekit.distributions import Density, Smoothed
from scorekit.noise import NoiseDistribution
from scorekit.objectives import ScoreObjective
from scorekit.samplers.kernels import ChainSampler

TABLES = {"OBJECTIVES": OBJECTIVES, "SAMPLERS": SAMPLERS, "NOISE": NOISE, "DENSITIES": DENSITIES, "DATASETS": DATASETS}
FAMILIES = [
    (OBJECTIVES, sk.objectives, ScoreObjective, ()),
    (SAMPLERS, sk.samplers, ChainSampler, ()),
    (DENSITIES, sk.distributions, Density, (Smoothed,)),  # what the densities give, not made by hand
    (NOISE, sk.noise, NoiseDistribution, (sk.noise.Designed,)),
]


@pytest.mark.parametrize(
    ("table", "room", "base", "others"), FAMILIES, ids=["objectives", "samplers", "densities", "noise"]
)
def test_every_exported_class_has_its_line(table, room, base, others):
    exported = {getattr(room, name) for name in room.__all__}
    classes = {kind for kind in exported if inspect.isclass(kind) and issubclass(kind, base) and kind is not base}
    assert classes - set(others) == {entry.make for entry in table if inspect.isclass(entry.make)}


def test_every_loader_has_its_line():
    returned = {"ImageData", sk.datasets.ImageData}
    exported = [getattr(sk.datasets, name) for name in sk.datasets.__all__]
    loaders = {f for f in exported if inspect.isfunction(f) and f.__annotations__.get("return") in returned}
    assert loaders == {entry.make for entry in DATASETS}


def test_every_network_has_its_line():
    torch_package = pytest.importorskip("scorekit_torch")
    exported = {
        name
        for package in (scorekit_numpy, torch_package)
        for name in package.__all__
        if hasattr(getattr(package, name), "config")
    }
    assert exported == set(dict(NETWORKS))


@pytest.mark.parametrize("name", TABLES)
def test_names_of_files_are_unique_and_examples_are_of_their_class(name):
    entries = TABLES[name]
    assert len(by_name(entries)) == sum(bool(entry.name) for entry in entries)
    for entry in entries:
        for example in entry.examples():
            assert not inspect.isclass(entry.make) or type(example) is entry.make


@pytest.mark.parametrize("table", [OBJECTIVES, SAMPLERS, NOISE, DENSITIES])
def test_every_line_has_an_example(table):
    assert all(entry.examples() for entry in table)
    assert len(examples(table)) >= len(table)


def test_a_table_is_read_by_experiment_files(monkeypatch):
    entry = _catalogue.Entry(lambda: sk.objectives.ImplicitScoreMatching(), "new")
    monkeypatch.setattr(sk.experiments.parts, "OBJECTIVES", (*OBJECTIVES, entry))
    experiment = {"backend": "numpy", "data": {"name": "shapes", "n": 20}, "objective": {"name": "new"}}
    loss = sk.experiments.Parts(sk.experiments.read_experiment(experiment)).objective()
    assert isinstance(loss.objective, sk.objectives.ImplicitScoreMatching)
