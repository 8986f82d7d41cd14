"""Locks for state that all threads of a process share."""

from __future__ import annotations

import os
import threading

__all__ = ["ThreadLock", "generators_locked"]


class ThreadLock:
    """A reentrant lock between the threads of a process, a context manager. It is free in a forked child.

    >>> lock = ThreadLock()
    >>> with lock, lock:
    ...     pass
    """

    def __init__(self) -> None:
        self._lock, self._process = threading.RLock(), os.getpid()

    def __enter__(self) -> None:
        if self._process != os.getpid():  # the thread that held it is not in this process
            self._lock, self._process = threading.RLock(), os.getpid()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


_GENERATORS = ThreadLock()


def generators_locked() -> ThreadLock:
    """A context in which the global generators of Python, NumPy or a framework are seeded and then restored.

    Only one thread at a time is in such a context.

    >>> with generators_locked():
    ...     pass
    """
    return _GENERATORS
