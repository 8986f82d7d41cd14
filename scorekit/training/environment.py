"""What a run was computed with: equal bits are promised only where all of it is equal."""

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
    """Versions, machine and, where the backend's package offers ``environment(like)``, what it adds to them."""
    describe = offered(owner.name, "environment")
    machine = {"scorekit": __version__, "machine": f"{platform.system()} {platform.machine()}"}
    return machine | ({} if describe is None else describe(like))


def warn_of_changes(folder: Path, then: Mapping[str, Any], now: Mapping[str, str]) -> None:
    """Name what has changed since a checkpoint was written."""
    names = [*now, *(name for name in then if name not in now)]
    changed = [f"{k} was {then.get(k)}, now {now.get(k)}" for k in names if then.get(k) != now.get(k)]
    if changed:
        warnings.warn(
            f"the run in {folder} goes on with other things in use: {'; '.join(changed)}. Its weights need not be, "
            "bit for bit, those of a run that was not interrupted.",
            RuntimeWarning,
            stacklevel=2,
        )
