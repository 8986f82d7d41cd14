"""Imports of packages that are needed for one feature, with errors that tell a missing package from a broken one."""

from __future__ import annotations

import importlib
from typing import Any

from scorekit.errors import MissingBackendError

__all__ = ["failed_import", "installation", "optional"]


def installation(*packages: str) -> str:
    """The command that installs packages of the Python package index."""
    return f"python -m pip install {' '.join(packages)}"


def optional(module: str, needed_by: str, *packages: str) -> Any:
    """Import ``module`` for the feature ``needed_by``; ``packages`` are what to install for it, the first contains it.

    Raises:
        MissingBackendError: a package is not installed, or its import fails. The message says which, and why.

    >>> optional("json", "the report", "json").loads("1")
    1
    >>> optional("no_such_module", "the report", "no-such-package")
    Traceback (most recent call last):
        ...
    scorekit.errors.MissingBackendError: the report needs no-such-package, which is not installed: python -m pip ...
    """
    try:
        importlib.import_module(module.partition(".")[0])
        return importlib.import_module(module)
    except Exception as error:  # a package that does not fit its dependencies raises any type
        raise failed_import(error, module, needed_by, *packages) from error


def failed_import(error: Exception, module: str, needed_by: str, *packages: str) -> MissingBackendError:
    """The error for a failed import of ``module``: its package is missing, lacks another package, or is broken."""
    package, top = packages[0], module.partition(".")[0]
    absent = error.name if isinstance(error, ModuleNotFoundError) else None
    if absent == top:
        return MissingBackendError(f"{needed_by} needs {package}, which is not installed: {installation(*packages)}")
    if absent is not None and absent.partition(".")[0] != top:
        return MissingBackendError(
            f"{needed_by} needs {package}, which is installed but lacks the package {absent.partition('.')[0]}: "
            f"{installation(absent.partition('.')[0])}"
        )
    return MissingBackendError(
        f"{needed_by} needs {package}, which is installed but cannot be imported ({type(error).__name__}: {error}). "
        f"If it does not fit this Python or its other packages: {installation('--force-reinstall', package)}"
    )
