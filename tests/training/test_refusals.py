"""What fit, save, load and the history refuse."""

import os
import shutil

import numpy as np
import pytest

import scorekit as sk
from scorekit.storage.files import remove
from scorekit_numpy import MLP
from support.manifests import rewrite

DATA = np.random.default_rng(0).normal(size=(32, 2))


def run(objective=None, **options):
    options = {"steps": 4, "batch_size": 16, "progress": False} | options
    return sk.fit(MLP(2, hidden=(4,)), objective or sk.objectives.DenoisingScoreMatching(0.5), DATA, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"keep": "abc"},
        {"keep": 0},
        {"resume": "no"},
        {"progress": np.ones(3)},
        {"callbacks": 3},
        {"callbacks": ("print",)},
        {"ema": "0.9"},
        {"learning_rate": lambda step: None},
        {"learning_rate": lambda step: np.nan},
        {"learning_rate": lambda step: -1.0},
        {"checkpoint": 3},
        {"checkpoint": ""},
        {"objective": lambda model, x, rng: None},
        {"objective": lambda model, x, rng: model(x, 0.5)},
    ],
)
def test_options_that_are_refused(options):
    with pytest.raises(sk.ScorekitError):
        run(**options)


@pytest.mark.filterwarnings("error")
def test_overflow_ends_in_an_error_and_not_in_warnings():
    with pytest.raises(sk.NonFiniteError):
        run(learning_rate=1e120, steps=50)


def test_a_run_with_another_level_is_another_run(tmp_path):
    run(checkpoint=tmp_path)
    with pytest.raises(sk.CheckpointError, match=r"objective was .*0\.5.*now .*0\.7"):
        run(sk.objectives.DenoisingScoreMatching(0.7), checkpoint=tmp_path, steps=6)


def test_a_link_or_a_file_in_the_place_of_a_checkpoint_is_replaced(tmp_path):
    run(checkpoint=tmp_path / "run")
    os.symlink(tmp_path, tmp_path / "run" / "step-000000005")
    (tmp_path / "run" / "step-000000006").write_text("foreign")
    with pytest.warns(RuntimeWarning, match="expected a folder that scorekit wrote"):
        run(checkpoint=tmp_path / "run", steps=6, checkpoint_every=1)
    assert (tmp_path / "run" / "step-000000006").is_dir()


def test_a_checkpoint_that_vanishes_while_it_is_removed(tmp_path, monkeypatch):
    def gone(path):
        raise FileNotFoundError(2, "No such file", str(path))

    run(checkpoint=tmp_path)
    monkeypatch.setattr(shutil, "rmtree", gone)
    with pytest.raises(sk.CheckpointError, match="a separate folder"):
        remove(tmp_path / "step-000000004")


@pytest.mark.parametrize("change", [{"views": [{"view": "os", "fields": {}}]}, {"config": {"bad": 1}}, {"views": None}])
def test_a_description_of_no_model(tmp_path, change):
    sk.save(MLP(2, hidden=(4,)), tmp_path / "model")
    rewrite(tmp_path / "model", lambda content: content["description"].update(change))
    with pytest.raises(sk.CheckpointError, match="is not a model"):
        sk.load(tmp_path / "model")


@pytest.mark.parametrize("name", [None, 3, "", "x" * 300])
def test_names_that_no_file_can_have(tmp_path, name):
    place = tmp_path / name if isinstance(name, str) and name else name
    for use in (lambda: sk.save(MLP(2), place), lambda: sk.load(place), lambda: run().history.save(place)):
        with pytest.raises(sk.ScorekitError):
            use()
