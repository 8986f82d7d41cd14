"""The environment of NumPy: versions, threads, CPU instructions."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np

__all__ = ["devices", "environment"]

Array: TypeAlias = Any

_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def environment(like: Array | None = None) -> dict[str, str]:
    """What bitwise reproducibility depends on: versions, threads and CPU instructions.

    >>> sorted(environment())
    ['autograd', 'instructions', 'numpy', 'threads']
    """
    del like  # all arrays are on the CPU
    return {
        "numpy": np.__version__,
        "autograd": version("autograd"),
        "threads": _threads(),
        "instructions": _instructions(),
    }


def devices() -> list[str]:
    """One line for the only device, the CPU.

    >>> [line.split(":")[0] for line in devices()]
    ['cpu']
    """
    return [f"cpu: {_threads()} threads, instructions {_instructions()}"]


def _threads() -> str:
    """The threads of the linear algebra from the environment variables; otherwise the number of cores."""
    return next((os.environ[name] for name in _THREADS if name in os.environ), str(os.cpu_count()))


def _instructions() -> str:
    """The widest vector instructions that NumPy has detected."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return found[-1] if found else "baseline"
