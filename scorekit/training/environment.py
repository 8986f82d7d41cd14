"""The environment of a run. Results are bitwise equal only if all of it is equal."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scorekit._version import __version__
from scorekit.protocols import Array, Backend
from scorekit.registry import offered

__all__ = ["environment", "warn_of_changes"]


def environment(owner: Backend, like: Array) -> dict[str, str]:
    """Versions and machine, and the entries of ``environment(like)`` if the package of the backend exports it."""
    describe = offered(owner.name, "environment")
    machine = {"scorekit": __version__, "machine": f"{platform.system()} {platform.machine()}"}
    return machine | ({} if describe is None else describe(like))


def warn_of_changes(folder: Path, then: Mapping[str, Any], now: Mapping[str, str]) -> None:
    """Warn with a list of what has changed since a checkpoint was written."""
    names = [*now, *(name for name in then if name not in now)]
    changed = [f"{k} was {then.get(k)}, now {now.get(k)}" for k in names if then.get(k) != now.get(k)]
    if changed:
        warnings.warn(
            f"the run in {folder} resumes in a different environment: {'; '.join(changed)}. Its weights may differ "
            "slightly from those of an uninterrupted run.",
            RuntimeWarning,
            stacklevel=2,
        )
