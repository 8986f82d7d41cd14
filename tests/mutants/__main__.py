"""Show that the tests notice every seeded bug of the catalogue.

From the root of the repository::

    python tests/mutants                  # all of them
    python tests/mutants -k sphere        # those whose name, file or reason has this word
    python tests/mutants --jobs 4         # several at a time
    python tests/mutants --check          # only list those that no longer fit the code

Each mutant is applied, alone, to a copy of the repository in a temporary directory, and the tests that are meant to
notice it run there until one fails. A mutant is killed only by a failing test: one that breaks an import or a
fixture, or runs into the time limit, counts against us. The unmutated copy must pass the same tests first.

Exit status: 0 when all were killed; 1 when one was not; 2 when nothing could be shown, or when a mutant does not apply
because its function has changed.

All of them take some minutes one at a time: a few seconds a mutant, most of them the start of pytest. They run on
demand and weekly, and not in the test suite.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from catalogue import MUTANTS, DoesNotApplyError
from suites import TESTS

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("scorekit", "backends", "benchmarks", "tests")
TIME_LIMIT = 300.0


class Verdict(NamedTuple):
    """How a run ended: ``kind`` is ``"passed"``, ``"test"``, ``"collection"``, ``"setup"``, ``"timeout"``, …"""

    kind: str
    where: str
    seconds: float
    output: str


def tests_for(file):
    """The test files for a mutated file, in the order in which they run, each once."""
    folders = next((paths for start, paths in TESTS.items() if file.startswith(start)), ())
    files = []
    for path in folders:
        here = ROOT / path
        files += [here] if here.is_file() else sorted(here.glob("test_*.py"))
    return tuple(dict.fromkeys(str(f.relative_to(ROOT)) for f in files))


def copy_of(source, target):
    """A copy of what the tests need, bytecode included where ``source`` is a copy itself."""
    for name in COPIED:
        ignore = shutil.ignore_patterns("__pycache__") if source == ROOT else None
        shutil.copytree(source / name, target / name, ignore=ignore)
    shutil.copy2(source / "pyproject.toml", target)
    return target


def run_tests(tree, files, write_bytecode=False):
    """Run test files in the copy ``tree``, up to the first failure."""
    report = tree / "report.json"
    report.unlink(missing_ok=True)
    paths = [str(tree), str(tree / "backends"), str(tree / "tests")]
    environment = os.environ | {
        "CI": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "" if write_bytecode else "1",
        "SCOREKIT_MUTANT_REPORT": str(report),
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "--no-header", "--tb=short"]
    command += ["-p", "no:cacheprovider", "-p", "mutants.watch", "--hypothesis-profile=mutants", *files]
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        return Verdict("timeout", "", time.perf_counter() - start, "")
    seconds, output = time.perf_counter() - start, done.stdout + done.stderr
    if report.exists():
        found = json.loads(report.read_text(encoding="utf-8"))
        return Verdict(found["kind"], found["where"], seconds, output)
    return Verdict("passed" if done.returncode == 0 else f"pytest's exit status {done.returncode}", "", seconds, output)


def run_mutant(mutant, tree):
    """Apply one mutant to the copy ``tree``, run its tests, and take it back."""
    path = tree / mutant.file
    source = path.read_text(encoding="utf-8")
    # bytecode is matched by size and by the second of the last change: an old one could stand in for the mutant
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
    try:
        path.write_text(mutant.apply(source), encoding="utf-8")
        return run_tests(tree, tests_for(mutant.file))
    finally:
        path.write_text(source, encoding="utf-8")


def misfit(mutant):
    """Why a mutant cannot be applied to the code as it stands; None when it can."""
    try:
        mutant.apply((ROOT / mutant.file).read_text(encoding="utf-8"))
        return None if tests_for(mutant.file) else f"no tests are named for {mutant.file}"
    except (DoesNotApplyError, OSError) as error:
        return str(error)


def line(mutant, verdict):
    """What is printed of a mutant."""
    about = f"({verdict.seconds:.1f} s)  {mutant.name} — {mutant.why}"
    if verdict.kind == "test":
        return f"killed by {verdict.where}  {about}"
    if verdict.kind == "passed":
        return f"SURVIVED  {about}"
    return f"NOT SHOWN ({verdict.kind} {verdict.where})  {about}"


def main():
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python tests/mutants", description="Show that every seeded bug is noticed.")
    parser.add_argument("-k", metavar="WORD", default="", help="only mutants with this word in name, file or reason")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="so many at a time (1)")
    parser.add_argument("--check", action="store_true", help="run no test: list the mutants that do not apply")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if options.k.lower() in f"{m.name} {m.file} {m.why}".lower()]
    misfits = [(m, reason) for m in chosen if (reason := misfit(m)) is not None]
    for mutant, reason in misfits:
        print(f"DOES NOT APPLY  {mutant.name}: {reason}")
    fitting = [m for m in chosen if m not in {mutant for mutant, _ in misfits}]
    if options.check:
        print(f"{len(fitting)} of {len(chosen)} mutants apply")
        return 2 if misfits else 0
    if not fitting or options.jobs < 1:
        print(f"nothing to do: -k {options.k!r} picks {len(chosen)} of {len(MUTANTS)} mutants, --jobs {options.jobs}.")
        return 2
    return examine(fitting, options.jobs) or (2 if misfits else 0)


def examine(chosen, jobs):
    """Run the tests of mutants, ``jobs`` at a time; returns the exit status."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="scorekit-mutants-") as folder:
        first = copy_of(ROOT, Path(folder, "0"))
        files = tuple(dict.fromkeys(f for m in chosen for f in tests_for(m.file)))
        clean = run_tests(first, files, write_bytecode=True)
        print(f"without a mutant: {clean.kind} {clean.where} ({clean.seconds:.1f} s)", flush=True)
        if clean.kind != "passed":
            print(clean.output)
            return 2
        trees = queue.SimpleQueue()
        trees.put(first)
        for i in range(1, jobs):
            trees.put(copy_of(first, Path(folder, str(i))))

        def one(mutant):
            tree = trees.get()
            try:
                return run_mutant(mutant, tree)
            finally:
                trees.put(tree)

        failures = 0
        with ThreadPoolExecutor(jobs) as pool:
            for mutant, verdict in zip(chosen, pool.map(one, chosen), strict=True):
                print(line(mutant, verdict), flush=True)
                failures += verdict.kind != "test"
    seconds = time.perf_counter() - start
    print(f"{len(chosen) - failures} of {len(chosen)} mutants killed, {failures} not ({seconds:.0f} s)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
