"""Worker processes of data loaders: Ctrl-C in a terminal reaches them as well as the main process."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["has_workers", "shielded"]

_SHIELDED = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]


def has_workers(loader: Any) -> bool:
    """Whether a loader reads its data in other processes, as a ``DataLoader`` with ``num_workers`` does."""
    number = getattr(loader, "num_workers", 0)
    return isinstance(number, int) and number > 0


@contextmanager
def shielded(loader: Any) -> Iterator[None]:
    """A context in which a loader starts its workers, so that Ctrl-C and a closed terminal do not end them.

    A terminal sends these signals to all processes of a program. Workers inherit the signal mask of the thread that
    starts them, by all start methods. SIGTERM still ends a worker, because the main process ends it in this way.
    """
    if not has_workers(loader) or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SHIELDED)
    try:
        method = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
        if method != "fork" or getattr(loader, "multiprocessing_context", None):
            from multiprocessing import resource_tracker

            resource_tracker.ensure_running()  # another process of the program
            signal.pthread_sigmask(signal.SIG_BLOCK, _SHIELDED)  # starting it has changed the mask
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
