"""A file or a folder is replaced whole, or not at all; and which of several processes this is."""

from __future__ import annotations

import os

import pytest

from scorekit.learning.process_group import this_process
from scorekit.storage.files import replacing


def fill(new, kind, text):
    if kind == "folder":
        new.mkdir()
        new = new / "inside"
    new.write_text(text)


def read(path):
    return (path / "inside" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("shared", [False, True])
def test_what_was_there_is_replaced_and_nothing_is_left_beside_it(tmp_path, kind, shared):
    path = tmp_path / "it"
    for text in ("first", "second"):
        with replacing(path, shared=shared) as new:
            fill(new, kind, text)
        assert read(path) == text
        assert os.listdir(tmp_path) == ["it"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_error_leaves_what_was_there(tmp_path, kind):
    def stopped():
        with replacing(path) as new:
            fill(new, kind, "second")
            raise KeyboardInterrupt

    path = tmp_path / "it"
    fill(path, kind, "first")
    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert read(path) == "first"
    assert os.listdir(tmp_path) == ["it"]


def test_what_a_killed_process_left_does_not_get_in(tmp_path):
    for name in ("it.partial", "it.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("")
    fill(tmp_path / "it", "folder", "first")
    with replacing(tmp_path / "it") as new:
        fill(new, "folder", "second")
    assert os.listdir(tmp_path) == ["it"]
    assert os.listdir(tmp_path / "it") == ["inside"]


def test_processes_that_write_one_file_do_not_meet(tmp_path, monkeypatch):
    with replacing(tmp_path / "it", shared=True) as ours:
        ours.write_text("ours")
        with monkeypatch.context() as other:
            other.setattr(os, "getpid", lambda: 12345)
            with replacing(tmp_path / "it", shared=True) as theirs:
                theirs.write_text("theirs")
        assert read(tmp_path / "it") == "theirs"
    assert read(tmp_path / "it") == "ours"


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, (0, 1)),
        ({"RANK": "3", "WORLD_SIZE": "4"}, (3, 4)),
        ({"RANK": "3"}, (0, 1)),
        ({"WORLD_SIZE": "4"}, (0, 1)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, (0, 1)),
    ],
)
def test_which_process_this_is(variables, wanted, monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert this_process() == wanted
