"""``scorekit doctor``: what is installed, what works, what is missing and how to get it."""

from __future__ import annotations

import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from scorekit import __version__
from scorekit.registry import backend, backends, offered
from scorekit.testing import check_backend

__all__ = ["PACKAGES", "Finding", "Package", "examine", "run"]


class Package(NamedTuple):
    """A package that scorekit uses; ``purpose`` is empty for one that it cannot do without."""

    name: str
    least: str
    purpose: str = ""


PACKAGES = (
    Package("numpy", "2.1"),
    Package("scipy", "1.13"),
    Package("autograd", "1.8"),
    Package("array-api-compat", "1.11"),
    Package("matplotlib", "3.9"),
    Package("safetensors", "0.5"),
    Package("filelock", "3.30"),
    Package("tqdm", "4.66"),
    Package("torch", "2.5", "tensors, GPUs, image networks"),
    Package("pillow", "10", "images and animations"),
    Package("tensorboard", "2.10", "curves in TensorBoard"),
    Package("datasets", "2.14", "data from the hub"),
)


class Finding(NamedTuple):
    """One line of the report; ``wrong`` when something that is needed does not work."""

    text: str
    wrong: bool = False


def run() -> int:
    """Print the report; 0 when all that is needed works, else 1."""
    wrong = []
    for finding in examine():
        print(finding.text, flush=True)
        wrong += [finding.text.strip()] if finding.wrong else []
    print(f"\nNot well: {'; '.join(wrong)}" if wrong else "\nAll that is needed works.")
    return 1 if wrong else 0


def examine() -> Iterator[Finding]:
    """All findings, in the order of the report."""
    yield Finding(
        f"scorekit {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    yield Finding("\npackages")
    yield from map(_package, PACKAGES)
    yield Finding("\nbackends and their devices")
    for name, installed in backends().items():
        yield from _backend(name) if installed else (Finding(f"  {name:17} not installed"),)
    yield Finding("\nplaces")
    yield _temporary()


def _package(package: Package) -> Finding:
    needed = not package.purpose
    get = f'python -m pip install "{package.name}>={package.least}"'
    try:
        found = version(package.name)
    except PackageNotFoundError:
        reason = "missing, and needed" if needed else f"not installed; for {package.purpose}"
        return Finding(f"  {package.name:17} {reason}: {get}", wrong=needed)
    if _numbers(found) < _numbers(package.least):
        return Finding(f"  {package.name:17} {found} is too old: {get}", wrong=needed)
    return Finding(f"  {package.name:17} {found}")


def _numbers(text: str) -> tuple[int, ...]:
    """The release of a version: ``2.13.0+cpu`` is (2, 13, 0)."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[^0-9.]", text)[0]))


def _backend(name: str) -> Iterator[Finding]:
    started = time.perf_counter()
    try:
        check_backend(backend(name), quick=True)
        describe = offered(name, "devices")
        devices = [] if describe is None else describe()
    except Exception as error:  # whatever a broken installation raises
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        yield Finding(f"  {name:17} does not work ({reason})", wrong=True)
        return
    yield Finding(f"  {name:17} works, checked in {time.perf_counter() - started:.1f} s")
    yield from (Finding(f"    {device}") for device in devices)


def _temporary() -> Finding:
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1024))
        free = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        return Finding(f"  temporary files   cannot be written ({error}): set TMPDIR to a folder that can", wrong=True)
    return Finding(f"  temporary files   {folder}, {free:.0f} GiB free")
