"""Contests: those who are installed enter, those whose numbers are right race, and what came out goes into one file."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.timing import spread, take_turns

RESULTS = Path(__file__).with_name("results.json")
OURS = "scorekit"


def options(about: str, quick: str, rounds: int, arguments: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line: ``quick``, ``rounds`` and ``out``."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--out", type=Path, default=RESULTS, help="another file than results.json")
    return parser.parse_args(arguments)


class Field(NamedTuple):
    """Who may race, who is wrong and how, and who is not installed."""

    right: dict[str, Any]
    wrong: dict[str, str]
    absent: list[str]


def admit(makers: Mapping[str, Callable[[], Any]], judge: Callable[[Any], str | None]) -> Field:
    """Make each contestant and judge it: ``judge`` gives None or what is wrong. If ours is wrong, nothing is raced."""
    field = Field({}, {}, [])
    for who, make in makers.items():
        try:
            entrant = make()
        except ImportError:
            field.absent.append(who)
            continue
        fault = judge(entrant)
        if fault is None:
            field.right[who] = entrant
        elif who == OURS:
            raise ArithmeticError(f"{who}: {fault}")
        else:
            field.wrong[who] = fault
    return field


def race(title: str, runs: Mapping[str, Callable[[], object]], scale: float, rounds: int) -> dict[str, list[float]]:
    """Processor time of each run in each round, times ``scale``, to four figures; printed as it comes."""
    spent = {who: [float(f"{s * scale:.4g}") for s in times] for who, times in take_turns(runs, rounds).items()}
    print(f"  {title}")
    for who, times in spent.items():
        print(f"    {who:44} {spread(times, '8.3g')}", flush=True)
    return spent


def announce(case: str, field: Field) -> None:
    print(case)
    for who, fault in field.wrong.items():
        print(f"  {who}: {fault}; not timed")
    for who in field.absent:
        print(f"  {who}: not installed, passed over", flush=True)


def one_core() -> None:
    """Keep this process, and the threads that it will start, on one core: some libraries cannot be told otherwise."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def surroundings(peers: tuple[str, ...]) -> dict[str, Any]:
    """The kind of machine, and the versions of what took part."""
    versions = {"python": platform.python_version()}
    for name in ("numpy", "torch", *peers):
        try:
            versions[name] = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return {"processor": _processor(), "cores": os.cpu_count(), "versions": versions}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def publish(section: str, found: Mapping[str, Any], path: Path = RESULTS) -> None:
    """Put ``found`` in its section of the file, and leave the other sections as they are."""
    everything = json.loads(path.read_text()) if path.exists() else {}
    everything[section] = dict(found)
    path.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n")
    print(f"written to {path}: python benchmarks/peers/report.py puts it on the page")
