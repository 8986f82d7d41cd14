"""``scorekit doctor``: check what is installed, what works, and what is missing."""

from __future__ import annotations

import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

from scorekit import __version__
from scorekit.errors import reason_of
from scorekit.registry import backend, backends, offered
from scorekit.testing import check_backend

__all__ = ["Finding", "Package", "examine", "packages", "run"]


class Package(NamedTuple):
    """A package that scorekit requires, its minimum version, and its extras; no extras if it is always required."""

    name: str
    least: str
    extras: tuple[str, ...] = ()


_PURPOSES = {
    "torch": "tensors, GPUs, image networks",
    "images": "images and animations",
    "hub": "data from the Hugging Face Hub",
    "tensorboard": "curves in TensorBoard",
}
_DEVELOPMENT = {"bench", "dev", "docs", "test"}  # extras for developers


class Finding(NamedTuple):
    """One line of the report; ``wrong`` is True if something required does not work."""

    text: str
    wrong: bool = False


def run() -> int:
    """Print the report. Returns 0 if all required parts work, else 1."""
    wrong = []
    for finding in examine():
        print(finding.text, flush=True)
        wrong += [finding.text.strip()] if finding.wrong else []
    print(f"\nProblems: {'; '.join(wrong)}" if wrong else "\nAll required parts work.")
    return 1 if wrong else 0


def examine() -> Iterator[Finding]:
    """The findings in the order of the report."""
    yield Finding(
        f"scorekit {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    yield Finding("\npackages")
    try:
        yield from map(_package, packages())
    except PackageNotFoundError:
        yield Finding("  scorekit is importable but not installed: in its clone, python -m pip install .", wrong=True)
    yield Finding("\nbackends and their devices")
    for name, installed in backends().items():
        yield from _backend(name) if installed else (Finding(f"  {name:17} not installed"),)
    yield Finding("\nfolders")
    yield _temporary()


def packages() -> list[Package]:
    """The packages in the metadata of scorekit, without those of the developer extras."""
    found: dict[str, Package] = {}
    for requirement in requires("scorekit") or ():
        package = _parsed(requirement)
        if package.name == "scorekit" or set(package.extras) & _DEVELOPMENT:
            continue
        known = found.get(package.name, package)
        extras = () if not (known.extras and package.extras) else tuple(dict.fromkeys(known.extras + package.extras))
        found[package.name] = Package(package.name, max(known.least, package.least, key=_numbers), extras)
    return sorted(found.values(), key=lambda package: bool(package.extras))


def _parsed(requirement: str) -> Package:
    """``"torch>=2.5; extra == 'torch'"`` as in package metadata."""
    what, _, condition = requirement.partition(";")
    name = re.match(r"[\w.-]+", what.strip())
    least, extra = re.search(r">=\s*([\w.]+)", what), re.search(r"""extra == ['"]([\w-]+)""", condition)
    return Package(name[0] if name else what, least[1] if least else "0", (extra[1],) if extra else ())


def _package(package: Package) -> Finding:
    needed = not package.extras
    get = f'python -m pip install "{package.name}>={package.least}"'
    try:
        found = version(package.name)
    except PackageNotFoundError:
        purpose = ", ".join(_PURPOSES.get(extra, f"the extra {extra}") for extra in package.extras)
        reason = "required, but missing" if needed else f"not installed; for {purpose}"
        return Finding(f"  {package.name:17} {reason}: {get}", wrong=needed)
    if _numbers(found) < _numbers(package.least):
        return Finding(f"  {package.name:17} {found} is too old: {get}", wrong=needed)
    return Finding(f"  {package.name:17} {found}")


def _numbers(text: str) -> tuple[int, ...]:
    """The release numbers of a version: (2, 13, 0) for ``2.13.0+cpu``."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[^0-9.]", text)[0]))


def _backend(name: str) -> Iterator[Finding]:
    started = time.perf_counter()
    try:
        check_backend(backend(name), quick=True)
        describe = offered(name, "devices")
        devices = [] if describe is None else describe()
    except Exception as error:  # a broken installation can raise anything
        yield Finding(f"  {name:17} does not work ({reason_of(error)})", wrong=True)
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
        return Finding(f"  temporary files   cannot be written ({error}): set TMPDIR to a writable folder", wrong=True)
    return Finding(f"  temporary files   {folder}, {free:.0f} GiB free")
