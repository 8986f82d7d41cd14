"""Which backend owns an array, and what is said when none does."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import autograd
import numpy as np
import pytest

import scorekit as sk
from scorekit import registry
from scorekit.protocols import Backend
from scorekit.testing.backends import MEMBERS


@pytest.fixture
def clean_registry(monkeypatch):
    """A registry of its own for each test."""
    monkeypatch.setattr(registry, "_table", dict(registry._table))
    monkeypatch.setattr(registry, "_defaults", {})
    monkeypatch.setattr(registry, "_owner_of_type", {})


def test_numpy_arrays_and_boxes_are_numpys():
    assert sk.backend_of(np.ones(2)).name == "numpy"
    seen = []
    autograd.grad(lambda x: seen.append(sk.backend_of(x).name) or x**2)(1.0 * np.ones(()))
    assert seen == ["numpy"]


def test_the_seam_has_twelve_members_and_the_protocol_says_the_same():
    declared = {name for name in vars(Backend) if not name.startswith("_")} | set(Backend.__annotations__)
    assert declared == set(MEMBERS)
    assert len(MEMBERS) == 12


def test_what_is_known_and_installed():
    assert sk.backends()["numpy"] is True


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown backend 'cupy': expected one of 'numpy'"):
        sk.backend("cupy")


@pytest.mark.parametrize("x", [[1.0, 2.0], (1.0,), "text", None, object()])
def test_what_nobody_owns(x):
    with pytest.raises(TypeError, match=r"is a .*: expected an array of numpy"):
        sk.backend_of(x)


def test_other_peoples_arrays_have_a_namespace_if_they_keep_the_standard_but_no_backend():
    strict = pytest.importorskip("array_api_strict")
    assert sk.array_namespace(strict.asarray([1.0])) is strict
    with pytest.raises(TypeError, match="is a array_api_strict"):
        sk.backend_of(strict.asarray([1.0]))


def test_a_mixture_of_frameworks_names_both_arguments():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(
        TypeError, match=r"x is a numpy.ndarray of shape \(2,\).*sigma a array_api_strict.*two frameworks"
    ):
        sk.array_namespace(x=np.ones(2), sigma=strict.asarray([1.0]))


def test_a_mixture_of_devices_names_both():
    strict = pytest.importorskip("array_api_strict")
    there = strict.asarray([1.0], device=strict.Device("device1"))
    with pytest.raises(TypeError, match="two devices"):
        sk.array_namespace(strict.asarray([1.0]), there)


@pytest.mark.parametrize("options", [{"device": "cuda"}, {"dtype": "int64"}, {"dtype": "float16"}])
def test_bad_defaults_of_the_numpy_backend(options):
    with pytest.raises(ValueError, match=r"the numpy backend (has no device|expects)"):
        sk.backend("numpy", **options)


def test_defaults_of_a_backend():
    be = sk.backend("numpy", dtype="float32")
    assert be.asarray([1.0]).dtype == np.float32
    assert be.rng(0).normal((2,)).dtype == np.float32
    assert sk.backend("numpy") is sk.backend("numpy")


class _Theirs:
    """An array type of another package."""


class _TheirBackend:
    name = "theirs"

    def __init__(self, device=None, dtype=None):
        self.device = device

    def owns(self, x):
        return isinstance(x, _Theirs)


@pytest.mark.usefixtures("clean_registry")
def test_another_package_registers_a_backend():
    registry.register("theirs", _TheirBackend)
    assert sk.backends()["theirs"] is True
    assert sk.backend_of(_Theirs()).name == "theirs"
    assert sk.backend("theirs", device="there").device == "there"
    assert sk.backend_of(np.ones(1)).name == "numpy"


@pytest.mark.usefixtures("clean_registry")
def test_a_name_that_is_taken_raises():
    with pytest.raises(ValueError, match="two backends are called 'numpy'"):
        registry.register("numpy", _TheirBackend)


@pytest.mark.usefixtures("clean_registry")
def test_entry_points_are_read_at_first_need_and_loaded_when_their_array_arrives(monkeypatch):
    point = EntryPoint("theirs", f"{__name__}:_TheirBackend", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "_entry_points_read", False)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    monkeypatch.setattr(EntryPoint, "load", lambda self: _TheirBackend)
    assert sk.backend_of(_Theirs()).name == "theirs"


@pytest.mark.usefixtures("clean_registry")
def test_a_missing_framework_is_named_with_the_command_that_installs_it(monkeypatch):
    def load():
        raise ModuleNotFoundError("No module named 'absent'", name="absent")

    entry = registry._Entry(load, "absent", "absent", frozenset({"absent"}))
    monkeypatch.setitem(registry._table, "absent", entry)
    assert sk.backends()["absent"] is False
    with pytest.raises(
        sk.MissingBackendError,
        match=r"the absent backend needs absent, which is not installed: python -m pip install absent$",
    ):
        sk.backend("absent")
    with pytest.raises(ImportError):
        sk.backend("absent")


def _fresh(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_scorekit_imports_no_framework_and_no_plotting():
    loaded = _fresh(
        "import sys, scorekit; print([m for m in ('autograd', 'torch', 'jax', 'matplotlib', 'scipy', 'tqdm') "
        "if m in sys.modules])"
    )
    assert loaded == "[]"


def test_importing_scorekit_is_quick():
    """Under 0.25 s beyond NumPy itself; the least of five, since the machine may be busy."""
    code = "import time, numpy; t = time.perf_counter(); import scorekit; print(time.perf_counter() - t)"
    assert min(float(_fresh(code)) for _ in range(5)) < 0.25


def test_every_public_name_is_reachable_as_written():
    code = "import scorekit as sk; print(all(getattr(sk, name) is not None for name in sk.__all__))"
    assert _fresh(code) == "True"
    assert dir(sk) == sorted(sk.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        sk.nothing  # noqa: B018


@pytest.mark.parametrize(
    "error", ["ShapeError", "MissingBackendError", "DivergedError", "NonFiniteError", "CheckpointError"]
)
def test_every_error_is_a_scorekit_error(error):
    assert issubclass(getattr(sk, error), sk.ScorekitError)
    assert issubclass(sk.ShapeError, ValueError)
    assert issubclass(sk.MissingBackendError, ImportError)
    assert issubclass(sk.DivergedError, RuntimeError)
