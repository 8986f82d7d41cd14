"""scorekit doctor: it tells what is there, what is missing and how to get it, and whether all is well."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

import scorekit as sk
from scorekit.cli import doctor, main
from scorekit.testing import check_backend


def test_a_healthy_installation(capsys):
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"scorekit {sk.__version__}, Python {sys.version.split()[0]}, ")
    assert re.search(rf"\n  numpy +{re.escape(version('numpy'))}\n", shown)
    assert re.search(r"\n  numpy +works, checked in \d+\.\d s\n    cpu: \d+ threads", shown)
    assert re.search(r"\n  temporary files +\S+, \d+ GiB free\n", shown)
    assert shown.endswith("\nAll required parts work.\n")


def test_it_runs_as_a_command():
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, "-m", "scorekit", "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\n  torch +works, checked in \d+\.\d s\n    cpu: \d+ threads", done.stdout)
    assert not done.stderr


REQUIRED = [
    "numpy>=2.1",
    "scipy>=1.13",
    "tqdm>=4.66",
    "torch>=2.5; extra == 'torch'",
    "pillow>=10.1; extra == 'hub'",
    "pillow>=10.2; extra == 'images'",
    "tensorboard>=2.15; extra == 'tensorboard'",
    "joblib; python_version >= '3.11' and extra == \"forests\"",
    "scorekit[images]; extra == 'hub'",
    "pytest>=8.3; extra == 'test'",
    "torch>=2.5; extra == 'dev'",
]


def test_the_packages_are_those_that_the_metadata_require(monkeypatch):
    monkeypatch.setattr(doctor, "requires", lambda name: REQUIRED if name == "scorekit" else None)
    assert doctor.packages() == [
        ("numpy", "2.1", ()),
        ("scipy", "1.13", ()),
        ("tqdm", "4.66", ()),
        ("torch", "2.5", ("torch",)),
        ("pillow", "10.2", ("hub", "images")),
        ("tensorboard", "2.15", ("tensorboard",)),
        ("joblib", "0", ("forests",)),
    ]


def test_a_package_that_is_needed_and_in_an_extra_is_needed(monkeypatch):
    monkeypatch.setattr(doctor, "requires", lambda name: ["scipy>=1.13", "scipy>=1.15; extra == 'docking'"])
    assert doctor.packages() == [("scipy", "1.15", ())]


def test_a_scorekit_that_is_only_imported(monkeypatch, capsys):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", missing)
    monkeypatch.setattr(doctor, "backends", dict)
    assert main(["doctor"]) == 1
    assert "scorekit is importable but not installed: in its clone, python -m pip install ." in capsys.readouterr().out


def without(monkeypatch, *names, old=()):
    def found(name):
        if name in names:
            raise PackageNotFoundError(name)
        return "0.0.9" if name in old else version(name)

    monkeypatch.setattr(doctor, "version", found)


def test_what_is_missing_comes_with_its_command(monkeypatch, capsys):
    without(monkeypatch, "scipy", "tensorboard", "joblib", old=("tqdm", "pillow"))
    monkeypatch.setattr(doctor, "requires", lambda name: REQUIRED)
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert re.search(r'\n  scipy +required, but missing: python -m pip install "scipy>=1\.13"\n', shown)
    assert re.search(r"\n  joblib +not installed; for the extra forests: python", shown)
    assert re.search(r"\n  tensorboard +not installed; for curves .*: python -m pip install \"tensorboard>=", shown)
    assert re.search(r'\n  tqdm +0\.0\.9 is too old: python -m pip install "tqdm>=4\.66"\n', shown)
    last = shown.splitlines()[-1]
    assert last.startswith("Problems: scipy")
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
        r"\n  torch +does not work \(OSError: libcudart\.so\.12: cannot open shared object file more\)\n", shown
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
