"""Logs hold each number once, outlive a full disk, and do not mix runs."""

from __future__ import annotations

import errno
import json
import sys
import types

import numpy as np
import pytest

import scorekit as sk
from scorekit.training import JsonLines, TensorBoard
from scorekit.training.history import line_of
from scorekit_numpy import MLP

DATA = np.random.default_rng(0).normal(size=(16, 2))


def run(log, steps=3, **options):
    network = MLP(2, hidden=(4,), conditional=False)
    options = {"objective": sk.objectives.DenoisingScoreMatching(0.3), "data": DATA} | options
    return sk.fit(network, steps=steps, progress=False, callbacks=[log], **options)


def rows(path):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def steps_in(path):
    return [row["step"] for row in rows(path) if "step" in row]


def test_another_run_begins_the_file_anew(tmp_path):
    log = JsonLines(tmp_path / "h.jsonl")
    run(log, validation=DATA)
    assert len(rows(tmp_path / "h.jsonl")) == 6
    run(log, steps=2)
    assert steps_in(tmp_path / "h.jsonl") == [1, 2]


def test_what_is_not_finite_is_null(tmp_path):
    calls = []

    def failing(model, x, rng=None):
        calls.append(x)
        return (model(x) ** 2).mean() * (np.nan if len(calls) in (1, 3) else 1.0)

    result = run(JsonLines(tmp_path / "h.jsonl"), objective=failing, on_nonfinite="skip")
    result.history.save(tmp_path / "saved.jsonl")
    for name in ("h.jsonl", "saved.jsonl"):
        assert [row["loss"] is None for row in rows(tmp_path / name)] == [True, False, True]


@pytest.mark.parametrize("full_from", [1, 3])
def test_a_full_disk_costs_no_run_and_the_history_is_written_when_there_is_room(tmp_path, full_from, monkeypatch):
    path, log, full = tmp_path / "h.jsonl", JsonLines(tmp_path / "h.jsonl"), []

    def line(row):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return line_of(row)

    monkeypatch.setattr("scorekit.training.logs.line_of", line)
    monkeypatch.setattr("scorekit.training.history.line_of", line)

    def disk(state):
        if state.step in (full_from, 150):
            full[:] = [] if full else [True]
        log(state)

    with pytest.warns(RuntimeWarning, match=f"step {full_from} of 205: cannot write .*No space left") as warned:
        run(disk, steps=205)
    assert len([w for w in warned if w.category is RuntimeWarning]) == 1
    assert steps_in(path) == list(range(1, 206))


def test_a_file_that_cannot_be_begun_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="choose a file in an existing folder"):
        run(JsonLines(tmp_path / "missing" / "h.jsonl"))


@pytest.fixture
def board(monkeypatch):
    """A stand-in for TensorBoard's writer: what it was told."""
    told = []

    class Writer:
        def __init__(self, folder):
            told.append(("open", folder))

        def add_scalar(self, name, value, step):
            told.append((name, step))

        def flush(self):
            told.append(("flush",))

    summary = types.ModuleType("tensorboard.summary")
    summary.Writer = Writer
    monkeypatch.setitem(sys.modules, "tensorboard", types.ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "tensorboard.summary", summary)
    monkeypatch.setattr(TensorBoard, "installed", staticmethod(lambda: True))
    return told


def test_tensorboard_has_each_validation_once_and_at_its_step(tmp_path, board):
    """Also after a resume between two validations; and what was written before a stop is on the disk."""

    def both(log, last):
        return lambda state: log(state) or state.step == last

    options = {"steps": 200, "validation": DATA, "checkpoint": tmp_path / "c"}
    run(both(TensorBoard(tmp_path / "b"), 13), **options)
    assert [entry for entry in board if entry[0] == "validation_loss"] == [("validation_loss", 10)]
    assert board.index(("flush",)) > board.index(("validation_loss", 10))
    board.clear()
    run(both(TensorBoard(tmp_path / "b"), 25), **options)
    assert [entry for entry in board if entry[0] == "validation_loss"] == [("validation_loss", 20)]
    assert [step for name, *step in board if name == "loss"] == [[step] for step in range(14, 26)]


def test_tensorboard_flushes_on_its_way(tmp_path, board):
    run(TensorBoard(tmp_path / "b"), steps=120)
    assert [board[k - 1] for k, entry in enumerate(board) if entry == ("flush",)] == [
        ("grad_norm", 100),
        ("grad_norm", 120),
    ]


def test_a_tensorboard_that_cannot_be_imported_is_refused_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(ImportError, match=r"TensorBoard needs tensorboard.*python -m pip install.* tensorboard"):
        TensorBoard(tmp_path)
