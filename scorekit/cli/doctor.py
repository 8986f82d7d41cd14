"""``scorekit doctor``: what is installed, what works, what is missing and how to get it."""

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
from scorekit.registry import backend, backends, offered
from scorekit.testing import check_backend

__all__ = ["Finding", "Package", "examine", "packages", "run"]


class Package(NamedTuple):
    """A package that scorekit requires, from which version on, and for which extras; no extras when it is needed."""

    name: str
    least: str
    extras: tuple[str, ...] = ()


_PURPOSES = {
    "torch": "tensors, GPUs, image networks",
    "images": "images and animations",
    "hub": "data from the hub",
    "tensorboard": "curves in TensorBoard",
}
_DEVELOPMENT = {"bench", "dev", "docs", "test"}  # extras that a user does not need


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
    try:
        yield from map(_package, packages())
    except PackageNotFoundError:
        yield Finding("  scorekit is not installed, only imported: python -m pip install scorekit", wrong=True)
    yield Finding("\nbackends and their devices")
    for name, installed in backends().items():
        yield from _backend(name) if installed else (Finding(f"  {name:17} not installed"),)
    yield Finding("\nplaces")
    yield _temporary()


def packages() -> list[Package]:
    """The packages that the metadata of scorekit name; those of the extras for development are left out."""
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
    """``"torch>=2.5; extra == 'torch'"`` as the metadata of a distribution have it."""
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
        reason = "missing, and needed" if needed else f"not installed; for {purpose}"
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
