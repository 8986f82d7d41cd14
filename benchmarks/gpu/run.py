"""Everything on a GPU in one table: right to float64 on the CPU, and how fast, in how much memory.

``python benchmarks/gpu/run.py`` takes less than eight minutes on a CUDA device and needs nothing but scorekit[torch].
Without a device it says so and exits with 2; ``--device cpu --quick`` runs the same code anywhere in seconds. The exit
status is 1 when a number is wrong or a case failed.

``--json FILE`` keeps the table, written again after every row: whatever ends the run, what was measured is there.
``python -m benchmarks.gpu.report FILE`` writes it into docs/performance.md.

A new row is a new case of one of the ``GROUPS``: functions of a :class:`Bench` that yield cases. A group that needs
less than its time leaves the rest to the next one; a case that may take longer than what is left is not begun.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.gpu.bench import Bench, Case
from benchmarks.gpu.chains import chains
from benchmarks.gpu.images import images
from benchmarks.gpu.perceptrons import perceptrons
from benchmarks.gpu.sampling import sampling
from benchmarks.gpu.table import HEADER, Row, line


class Group(NamedTuple):
    """Cases of one kind, and their part of the whole time."""

    name: str
    cases: Callable[[Bench], Iterator[Case]]
    share: float


GROUPS = [
    Group("objectives", perceptrons, 0.22),
    Group("chains", chains, 0.08),
    Group("annealed Langevin with networks", sampling, 0.15),
    Group("image networks", images, 0.55),
]
SECONDS = 460.0
"""Of the whole run; the alarm comes then, whatever is under way."""


def measured(bench: Bench, seconds: float) -> Iterator[tuple[str, Row]]:
    """All rows, each with the name of its group."""
    begin, until = time.perf_counter(), 0.0
    for group in GROUPS:
        until += group.share * seconds
        for case in group.cases(bench):
            spent = time.perf_counter() - begin
            print(f"{spent:5.0f} s  {group.name}: {case.name}, {case.variant}", file=sys.stderr, flush=True)
            yield group.name, _row(bench, case) if spent + case.seconds < until else _left_out(case)


def _row(bench: Bench, case: Case) -> Row:
    try:
        return case.run()
    except Exception as error:  # one case that fails must not take the others with it
        reason = str(error).strip().partition("\n")[0]
        return Row(case.name, case.variant, note=f"{type(error).__name__}: {reason}", failed=True)
    finally:
        bench.clear()


def _left_out(case: Case) -> Row:
    return Row(case.name, case.variant, note="left out, no time")


def described(bench: Bench) -> dict[str, Any]:
    """What the figures depend on."""
    cuda = bench.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(bench.device) if cuda else f"CPU, {platform.machine()}",
        "memory GiB": round(torch.cuda.get_device_properties(bench.device).total_memory / 2**30, 1) if cuda else None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if cuda else None,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "quick": bench.quick,
    }


def keep(path: Path | None, facts: dict[str, Any], rows: list[tuple[str, Row]]) -> None:
    """The table as a file, which is never half written."""
    if path is None:
        return
    entries = [{"group": group, **row._asdict()} for group, row in rows]
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(json.dumps(facts | {"rows": entries}, indent=1) + "\n", encoding="utf-8")
    os.replace(beside, path)


class OutOfTime(KeyboardInterrupt):
    """The alarm. Not an Exception: the compiler turns those into errors of its own."""


@contextmanager
def _search() -> Iterator[None]:
    """Inside, the fastest convolution is looked for, which is worth it where shapes stay the same."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Inside, the run ends after ``seconds``, in the middle of a case if need be."""

    def ring(*_: Any) -> None:
        raise OutOfTime("the time is over")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def table(bench: Bench, path: Path | None, seconds: float) -> int:
    """Measures, prints and keeps; the exit status."""
    facts, rows = described(bench), []
    print(f"{facts['device']}, torch {facts['torch']}; error: relative, against float64 on the CPU")
    print(HEADER)
    try:
        with _alarm(seconds), _search():
            for group, row in measured(bench, seconds):
                rows.append((group, row))
                print(line(row), flush=True)
                keep(path, facts, rows)
    except KeyboardInterrupt as stop:
        reason = str(stop) or "interrupted"
        print(f"stopped after {len(rows)} rows: {reason}", file=sys.stderr)
        return 1
    return int(any(row.wrong for _, row in rows))


def options(arguments: list[str] | None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda (the default), cuda:1, cpu")
    parser.add_argument("--quick", action="store_true", help="small sizes, no torch.compile: does it run?")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="keep the table in this file")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of the whole run (default %(default).0f)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: all is right; 1: not all; 2: no device."""
    given = options(arguments)
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        print("no CUDA device here: nothing was measured. --device cpu --quick runs the same code on the CPU.")
        return 2
    device = torch.device(given.device)
    if device.type == "cuda":
        torch.cuda.set_device(torch.cuda.current_device() if device.index is None else device)
    return table(Bench(device, given.quick), given.json, given.seconds)


if __name__ == "__main__":
    sys.exit(main())
