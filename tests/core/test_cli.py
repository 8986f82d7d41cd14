"""The command line: what it runs, writes, prints and refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from scorekit.cli import main


def command(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "scorekit", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The whole of ``scorekit demo all --quick``, run once, in an empty folder."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, command("demo", "all", "--quick", folder=folder)


def test_the_demo_prints_tables_and_the_paths_of_its_figures(quick):
    folder, done = quick
    assert done.returncode == 0, done.stderr
    paths = [line.strip() for line in done.stdout.splitlines() if line.startswith("  scorekit-demo")]
    names = {"gmm-fields.png", "gmm-measurements.png", "gmm-samples.png", "gmm-langevin.gif", "gmm-annealed.gif"}
    assert {os.path.basename(p) for p in paths} == names | {"banana.png", "swiss-roll.png"}
    for path in paths:
        with Image.open(folder / path) as picture:
            assert min(picture.size) > 200
            assert len(np.unique(np.asarray(picture.convert("L")))) > 5  # not blank
    with Image.open(folder / "scorekit-demo" / "gmm-annealed.gif") as film:
        assert film.n_frames > 5


def test_the_demo_prints_all_four_shares_with_their_intervals(quick):
    _, done = quick
    proportions = {}
    for line in done.stdout.splitlines():
        for name in ("Langevin, exact", "Langevin, learned", "annealed, exact", "annealed, learned"):
            if line.strip().startswith(name):
                proportions[name] = float(line.split("[")[0].split()[-1])
    assert len(proportions) == 4
    assert abs(proportions["Langevin, exact"] - 0.5) < 0.1  # the start's proportion is kept
    assert abs(proportions["annealed, exact"] - 0.8) < 0.1  # few steps a level in this quick version
    assert abs(proportions["annealed, learned"] - 0.8) < 0.1


def test_the_demo_compares_the_objectives_with_the_floor(quick):
    _, done = quick
    rows = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert {"ISM", "SSM", "DSM", "NCSN"} <= rows
    assert "two held-out halves" in done.stdout


def test_the_demo_shows_progress_and_no_warnings(quick):
    _, done = quick
    assert "steps/s" in done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.slow
def test_equal_seeds_give_equal_tables(tmp_path):
    one, two, other = (
        command("demo", "banana", "--quick", "--seed", seed, "--out", str(tmp_path / seed), folder=tmp_path)
        for seed in ("0", "0", "1")
    )
    table = [done.stdout.partition("figures in")[0].rpartition("\n")[0] for done in (one, two, other)]
    assert table[0] == table[1] != table[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "spiral"], "unknown demo 'spiral': expected one of gmm, banana, swiss-roll, all."),
        (["demo", "gmm", "--backend", "cupy"], "unknown backend 'cupy': expected one of 'numpy'"),
        (["demo", "gmm", "--seed", "-1"], "--seed must not be negative, got -1"),
    ],
)
def test_what_the_demo_refuses(arguments, words, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 1
    assert words in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "gmm", "--out", str(tmp_path / "file")]) == 1
    assert "choose another folder with --out" in capsys.readouterr().err


def test_no_command_shows_the_help_and_where_to_begin(capsys):
    assert main([]) == 2
    assert "To start: scorekit demo" in capsys.readouterr().err


def test_unknown_options_name_the_help(capsys):
    for arguments in (["demo", "--fast"], ["teach"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert f"{arguments[-1]}" in (said := capsys.readouterr().err)
        assert "--help" in said
        assert said.count("\n") == 1


def test_ctrl_c_while_a_network_is_trained_stops_the_demo(tmp_path):
    """Nothing is drawn from a network that is half trained."""
    child = subprocess.Popen(
        [sys.executable, "-m", "scorekit", "demo", "gmm", "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stderr is not None
    shown = ""
    while "gmm:" not in shown and child.poll() is None:
        shown += child.stderr.read(1)
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    try:
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130
    assert "stopped by Ctrl-C" in err
    assert "proportion" not in out
    assert not list((tmp_path / "out").glob("*.png"))
