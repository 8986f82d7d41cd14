"""scorekit doctor: it tells what is there, what is missing and how to get it, and whether all is well."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest

import scorekit as sk
from scorekit.cli import doctor, main
from scorekit.testing import check_backend

ROOT = Path(__file__).parents[2]


def test_a_healthy_installation(capsys):
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"scorekit {sk.__version__}, Python {sys.version.split()[0]}, ")
    assert re.search(rf"\n  numpy +{re.escape(version('numpy'))}\n", shown)
    assert re.search(r"\n  numpy +works, checked in \d+\.\d s\n    cpu: \d+ threads", shown)
    assert re.search(r"\n  temporary files +\S+, \d+ GiB free\n", shown)
    assert shown.endswith("\nAll that is needed works.\n")


def test_it_runs_as_a_command():
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, "-m", "scorekit", "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\n  torch +works, checked in \d+\.\d s\n    cpu: \d+ threads", done.stdout)
    assert not done.stderr


def test_the_table_is_what_the_package_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = dict(text.split(">=") for text in project["dependencies"])
    assert {p.name: p.least for p in doctor.PACKAGES if not p.purpose} == asked
    torch = next(p for p in doctor.PACKAGES if p.name == "torch")
    assert f"torch>={torch.least}" in project["optional-dependencies"]["torch"]


def without(monkeypatch, *names, old=()):
    def found(name):
        if name in names:
            raise PackageNotFoundError(name)
        return "0.0.9" if name in old else version(name)

    monkeypatch.setattr(doctor, "version", found)


def test_what_is_missing_comes_with_its_command(monkeypatch, capsys):
    without(monkeypatch, "scipy", "tensorboard", old=("tqdm", "pillow"))
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert re.search(r'\n  scipy +missing, and needed: python -m pip install "scipy>=1\.13"\n', shown)
    assert re.search(r"\n  tensorboard +not installed; for curves .*: python -m pip install \"tensorboard>=", shown)
    assert re.search(r'\n  tqdm +0\.0\.9 is too old: python -m pip install "tqdm>=4\.66"\n', shown)
    last = shown.splitlines()[-1]
    assert last.startswith("Not well: scipy")
    assert "tqdm" in last
    assert "tensorboard" not in last
    assert "pillow" not in last


def test_what_is_optional_may_be_missing(monkeypatch, capsys):
    without(monkeypatch, "torch", "tensorboard", "datasets", "pillow")
    monkeypatch.setattr(doctor, "backends", lambda: {"numpy": True, "torch": False})
    assert main(["doctor"]) == 0
    assert re.search(r"\n  torch +not installed\n", capsys.readouterr().out)


def test_a_backend_that_does_not_load_is_named(monkeypatch, capsys):
    def broken(name):
        raise OSError("libcudart.so.12: cannot open shared object file\nmore")

    monkeypatch.setattr(doctor, "backend", broken)
    monkeypatch.setattr(doctor, "backends", lambda: {"torch": True})
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert re.search(
        r"\n  torch +does not work \(OSError: libcudart\.so\.12: cannot open shared object file\)\n", shown
    )


def test_a_wrong_backend_is_named(monkeypatch, capsys):
    real = type(sk.backend("numpy"))
    monkeypatch.setattr(real, "to_numpy", lambda self, x: 1 + np.asarray(x))
    monkeypatch.setattr(doctor, "backends", lambda: {"numpy": True})
    assert main(["doctor"]) == 1
    assert "does not work (InvalidValueError: backend 'numpy': expected values that survive" in capsys.readouterr().out


def test_a_backend_may_keep_its_devices_to_itself(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "offered", lambda name, what: None)
    monkeypatch.setattr(doctor, "backends", lambda: {"numpy": True})
    assert main(["doctor"]) == 0
    assert "cpu:" not in capsys.readouterr().out


def test_no_place_for_temporary_files(monkeypatch, capsys):
    monkeypatch.setattr(doctor.tempfile, "gettempdir", lambda: os.path.join(os.getcwd(), "no", "such"))
    monkeypatch.setattr(doctor, "backends", dict)
    assert main(["doctor"]) == 1
    assert re.search(r"temporary files +cannot be written \(.*\): set TMPDIR", capsys.readouterr().out)


def test_the_quick_check_still_finds_a_wrong_derivative(monkeypatch):
    backend = sk.backend("numpy")
    real = type(backend).vjp
    monkeypatch.setattr(type(backend), "vjp", lambda self, f, x, v: (real(self, f, x, v)[0], -real(self, f, x, v)[1]))
    with pytest.raises(ValueError, match="expected vjp to return"):
        check_backend(backend, quick=True)
