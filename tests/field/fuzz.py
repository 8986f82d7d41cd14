"""Damage files at random, and check that every reader gives the right values or an error of scorekit.

From the root of the repository::

    python tests/field/fuzz.py                           # 2,000 damaged files for each reader, and a table
    python tests/field/fuzz.py --mutations 100 -k IDX    # for the readers whose name contains IDX
    python tests/field/fuzz.py -k IDX --seed 7 --only 31 # one damaged file again, with the traceback

A reader may raise a ``ScorekitError`` or return the right values. A format without checksums may also return other
values of the right kind. A fault is any other exception, a wrong value from a format with checksums, more than
``SECONDS`` of time, more than ``MEGABYTES`` of additional memory, or a change of any file outside the folder.

Exit status: 1 if there is a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import multiprocessing
import os
import resource
import secrets
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script

import numpy as np

from field.mutations import damaged, damaged_json
from field.readers import READERS, Reader
from scorekit.errors import ScorekitError
from scorekit.storage.sealed import seal

SECONDS, MEGABYTES = 20, 600
_ADDRESS_SPACE = 16 << 30


class Counts(NamedTuple):
    """How many damaged files gave an error, the right values, other values; and the faults."""

    errors: int
    right: int
    other: int
    faults: list[str]


class _TookTooLongError(BaseException):
    """The alarm of the timer; not an Exception, so that no reader catches it."""


def fuzz(name: str, mutations: int, seed: int, only: int | None = None) -> Counts:
    """Damage the files of one reader ``mutations`` times."""
    reader, found, faults = READERS[name], {"errors": 0, "right": 0, "other": 0}, []
    with tempfile.TemporaryDirectory() as place, _quiet(), _timer():
        whole, inside = Path(place, "whole"), Path(place, "inside")
        whole.mkdir()
        reader.make(whole)
        files = sorted(
            path.relative_to(whole) for pattern in reader.files for path in whole.glob(pattern) if path.is_file()
        )
        shutil.copytree(whole, inside)
        right = reader.read(inside)
        before, outside = _memory(), _names(Path(place), inside)
        for i in range(mutations) if only is None else [only]:
            g = np.random.default_rng((seed, zlib.crc32(name.encode()), i))
            shutil.rmtree(inside)
            shutil.copytree(whole, inside)
            _damage(inside / files[int(g.integers(len(files)))], reader, g)
            kind, fault = _outcome(reader, inside, right, verbose=only is not None)
            found[kind] += 1
            grown = _memory() - before
            if grown > MEGABYTES:
                fault, before = f"{grown:.0f} MB of memory", before + grown
            if _names(Path(place), inside) != outside:
                fault, outside = "a file outside the folder", _names(Path(place), inside)
            if fault:
                faults.append(f"{name}, --seed {seed} --only {i}: {fault}")
    return Counts(found["errors"], found["right"], found["other"], faults)


def _damage(file: Path, reader: Reader, g: np.random.Generator) -> None:
    content = file.read_bytes()
    if not reader.json:
        file.write_bytes(damaged(content, g))
        return
    value = json.loads(content)
    del value["checksum"]
    file.write_bytes(seal(damaged_json(value, g)))


def _outcome(reader: Reader, place: Path, right: Any, *, verbose: bool) -> tuple[str, str]:
    try:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        value = reader.read(place)
    except ScorekitError:
        if verbose:
            traceback.print_exc(file=sys.__stderr__)
        return "errors", ""
    except BaseException as error:
        if verbose:
            traceback.print_exc(file=sys.__stderr__)
        if isinstance(error, KeyboardInterrupt):
            raise
        return "errors", f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if _equal(value, right):
        return "right", ""
    return "other", "another value" if reader.sealed else ""


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and bool(a == b)


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings and no progress: what readers say about damaged files is not the question here."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _timer() -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise _TookTooLongError(f"more than {SECONDS} s")

    kept = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, kept)


def _memory() -> float:
    """The largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _names(place: Path, inside: Path) -> list[tuple[str, int, int]]:
    """The files outside the folder that is read, with their sizes and times."""
    every = (path for path in sorted(place.rglob("*")) if inside not in (path, *path.parents) and path.is_file())
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in every]


def _alone(arguments: tuple[str, int, int, int | None]) -> Counts:
    """In a process of its own, whose memory is limited."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    return fuzz(*arguments)


def main() -> int:
    """Print a table of all readers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=2000, help="damaged files for each reader")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="default: another one in each call")
    parser.add_argument("--only", type=int, default=None, help="the index of one damaged file")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("-k", default="", help="part of the name of a reader")
    given = parser.parse_args()
    found = [name for name in READERS if given.k in name]
    names = [name for name in found if not READERS[name].needs or importlib.util.find_spec(READERS[name].needs)]
    print(f"--seed {given.seed}, {given.mutations} damaged files for each reader\n")
    print(f"{'reader':30} {'errors':>8} {'right':>8} {'other':>8} {'faults':>8}")
    faults: list[str] = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=spawn, max_tasks_per_child=1) as pool:
        tasks = [(name, given.mutations, given.seed, given.only) for name in names]
        for name, counts in zip(names, pool.map(_alone, tasks), strict=True):
            print(f"{name:30} {counts.errors:8} {counts.right:8} {counts.other:8} {len(counts.faults):8}", flush=True)
            faults += counts.faults
    missing = {READERS[name].needs for name in found} - {READERS[name].needs for name in names}
    print(f"\nnot installed, so not tried: {', '.join(sorted(missing))}" if missing else "")
    print("".join(f"\n{fault}" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
