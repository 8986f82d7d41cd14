"""Stop a run between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopBetweenSteps"]


class StopBetweenSteps:
    """A context in which Ctrl-C and SIGTERM only set ``requested``, so that the step can finish.

    A second signal has its usual effect. Only the main thread receives signals; in other threads this does nothing.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _request(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.requested = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        self._restore()
