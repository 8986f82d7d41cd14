"""What arrays are computed with here: versions, threads, instructions."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np

__all__ = ["devices", "environment"]

Array: TypeAlias = Any

_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def environment(like: Array | None = None) -> dict[str, str]:
    """What equal bits depend on: versions, and the threads and instructions of the CPU.

    >>> sorted(environment())
    ['autograd', 'instructions', 'numpy', 'threads']
    """
    del like  # all arrays live in one place
    return {
        "numpy": np.__version__,
        "autograd": version("autograd"),
        "threads": _threads(),
        "instructions": _instructions(),
    }


def devices() -> list[str]:
    """One line for the one device that there is.

    >>> [line.split(":")[0] for line in devices()]
    ['cpu']
    """
    return [f"cpu: {_threads()} threads, instructions {_instructions()}"]


def _threads() -> str:
    """Those of the linear algebra, as far as it is told; else the cores."""
    return next((os.environ[name] for name in _THREADS if name in os.environ), str(os.cpu_count()))


def _instructions() -> str:
    """The widest vector instructions that NumPy has found here."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return found[-1] if found else "baseline"
