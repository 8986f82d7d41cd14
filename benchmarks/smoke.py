"""Runs one short round of every benchmark and checks no times."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def suites():
    """The classes of all modules here that asv would find."""
    for found in pkgutil.iter_modules([str(HERE)]):
        if found.name == "smoke":
            continue
        module = importlib.import_module(f"benchmarks.{found.name}")
        yield from (c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__)


def run(suite):
    """All its methods, with the smallest parameters."""
    first = [values[0] for values in getattr(suite, "params", [])]
    for name, method in inspect.getmembers(suite, inspect.isfunction):
        if name.startswith(("time_", "timeraw_", "track_", "peakmem_")):
            case = suite()
            if hasattr(case, "setup"):
                case.setup(*first)
            found = method(case, *first)
            if name.startswith("timeraw_"):
                subprocess.run([sys.executable, "-c", found], check=True)
            print(f"{suite.__name__}.{name}{tuple(first)}: ran")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    for each in suites():
        run(each)
