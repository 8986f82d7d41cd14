"""The catalogue fits the code as it stands. Whether the tests notice the bugs is the command's business."""

from __future__ import annotations

import ast
import runpy
from collections import Counter
from pathlib import Path

import pytest

from mutants.catalogue import DATA, METRICS, MODELS, MUTANTS, NOISE, OBJECTIVES, SAMPLERS, TENSORS, Mutant

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_mutant_is_one_edit_that_compiles(mutant):
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert source.count(mutant.before) == 1
    mutated = mutant.apply(source)
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
    compile(mutated, mutant.file, "exec")


def test_the_command_knows_which_tests_look_for_each(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "mutants"))
    command = runpy.run_path(str(ROOT / "tests" / "mutants" / "__main__.py"))
    for mutant in MUTANTS:
        assert command["tests_for"](mutant.file), mutant.name


def test_names_are_unique_and_say_why():
    assert [name for name, count in Counter(m.name for m in MUTANTS).items() if count > 1] == []
    assert all(m.name == m.name.lower() and " " not in m.name and m.why for m in MUTANTS)


def test_there_are_enough_and_each_stands_in_its_room():
    assert len(OBJECTIVES) >= 20
    assert len(SAMPLERS) >= 14
    assert all(m.file.startswith(("scorekit/objectives/", "scorekit/_arrays")) for m in OBJECTIVES)
    assert all(m.file.startswith("scorekit/samplers/") for m in SAMPLERS)
    assert all(m.file.startswith("scorekit/models/") for m in MODELS)
    assert all(m.file.startswith(("scorekit/noise/", "scorekit/_streams")) for m in NOISE)
    assert all(m.file.startswith("scorekit/metrics/") for m in METRICS)
    assert all(m.file.startswith(("backends/scorekit_torch/", "scorekit/_allocator")) for m in TENSORS)
    assert all(m.file.startswith(("scorekit/datasets/", "scorekit/_shapes", "scorekit/distr")) for m in DATA)


@pytest.mark.parametrize("source", ["a = 1", "a = 2 + 2"])
def test_a_snippet_that_is_not_there_exactly_once_is_refused(source):
    with pytest.raises(ValueError, match="expected once"):
        Mutant("two", "a.py", "2", "3", "why").apply(source)
