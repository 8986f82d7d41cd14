"""Interleaved timing: implementations run in turns, so that other work on the machine slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from scorekit._allocator import reuse_freed_memory


def repeated(run: Callable[[], object], at_least: float = 0.02) -> tuple[Callable[[], None], int]:
    """``run`` as often as it takes to last ``at_least`` seconds, and how often that is."""
    run()
    begin = time.process_time()
    run()
    times = max(1, round(at_least / max(time.process_time() - begin, 1e-7)))

    def many():
        for _ in range(times):
            run()

    return many, times


def take_turns(runs: Mapping[str, Callable[[], object]], repeats: int, clock=time.process_time) -> dict:
    """Seconds of each run in each of ``repeats`` rounds, after one round that does not count.

    The processor's own time is counted: other people's work on the machine disturbs it less than the wall's. Every
    other round goes backwards. Steps that stand alone find the C library as they would inside ``fit`` and ``sample``.
    """
    reuse_freed_memory()
    spent = {name: np.empty(repeats) for name in runs}
    for repeat in range(-1, repeats):
        for name in list(runs)[:: 1 if repeat % 2 else -1]:
            begin = clock()
            runs[name]()
            if repeat >= 0:
                spent[name][repeat] = clock() - begin
    return spent


def paired_ratio(spent: Mapping[str, np.ndarray], ours: str, theirs: str) -> float:
    """The median over the rounds of ours over theirs."""
    return float(np.median(spent[ours] / spent[theirs]))


def spread(values, form: str) -> str:
    """Minimum, median and maximum, each in the given form."""
    return " / ".join(format(float(value), form) for value in (np.min(values), np.median(values), np.max(values)))
