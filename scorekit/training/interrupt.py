"""Signals during a run: a request to stop lets the step finish and is passed on when the run is saved."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

__all__ = ["StopBetweenSteps"]

_STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_SAME = 1.0  # seconds within which signals are one request: torchrun passes on what the terminal sends as well


class StopBetweenSteps:
    """A context in which Ctrl-C, SIGTERM and SIGHUP only set ``requested``, so that the step can finish.

    A second signal, later than one second after the first, has its usual effect. A signal that is ignored stays
    ignored, as for a program that was started with ``nohup`` or in the background. Only the main thread receives
    signals; in other threads this does nothing.

    The death of a child process, for instance of a worker of a ``DataLoader``, is reported only inside
    :meth:`fetching`, because torch raises an error in its signal handler, wherever the program is at that moment.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self._number, self._at = 0, 0.0
        self._before: dict[int, Any] = {}
        self._fetching, self._child_died = False, False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _STOPS:
                if signal.getsignal(number) not in (None, signal.SIG_IGN):  # None: not set from Python
                    self._before[number] = signal.signal(number, self._request)
            if hasattr(signal, "SIGCHLD") and callable(signal.getsignal(signal.SIGCHLD)):
                self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, self._child)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            if signal.getsignal(number) in (self._request, self._child):  # not one that a callback has set
                signal.signal(number, handler)

    def pass_on(self) -> None:
        """Give a requested stop to the caller's own handler. Without one, signals other than Ctrl-C end the program.

        Raises:
            SystemExit: after these, with the exit status of a program that the signal has ended.
        """
        if self.requested is None:
            return
        handler = self._before[self._number]
        if callable(handler) and handler is not signal.default_int_handler:
            handler(self._number, None)
        elif self._number != signal.SIGINT:
            raise SystemExit(128 + self._number)

    def arrives(self) -> bool:
        """Whether a stop is requested now or within a second, because worker processes may get a signal first."""
        end = time.monotonic() + _SAME
        while self._before and self.requested is None and time.monotonic() < end:
            time.sleep(0.01)
        return self.requested is not None

    @contextmanager
    def fetching(self) -> Iterator[None]:
        """A context for reading the data, in which the death of a child process is reported."""
        self._fetching = True
        try:
            if self._child_died:
                self._child(signal.SIGCHLD, None)
            yield
        finally:
            self._fetching = False

    def _request(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if self.requested is None:
            self.requested = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
            self._number, self._at = number, now
        elif now - self._at > _SAME:
            signal.signal(number, self._before[number])
            signal.raise_signal(number)

    def _child(self, number: int, frame: FrameType | None) -> None:
        self._child_died = not self._fetching
        if self._fetching:
            self._before[number](number, frame)
