"""The progress bars of the library: a bar in a terminal or notebook, lines of text in a log file."""

from __future__ import annotations

import importlib
import os
import sys
import time
from contextlib import suppress
from typing import Any, Self

__all__ = ["progress_bar", "say"]

_PAUSE = 10.0  # seconds between the lines in a log file


def progress_bar(total: int, title: str, unit: str = "step", *, initial: int = 0, shown: bool = True) -> Any:
    """A progress bar with the methods ``update``, ``set_postfix`` and ``close``, and a context manager.

    In a terminal it is the bar of ``tqdm``, in a notebook that of ``tqdm.auto``. If standard error is a file or a pipe,
    it is one line at the first step, one every ten seconds and one at the end, without control characters. The
    environment variable ``TQDM_DISABLE`` turns all of them off.

    Args:
        total: the number of steps.
        title: the words before the numbers.
        unit: what is counted.
        initial: the number of steps that were done before.
        shown: False for a bar that shows nothing.

    >>> with progress_bar(2, "fit", shown=False) as bar:
    ...     bar.update()
    """
    shown = shown and sys.stderr is not None  # a program without a console has none
    if shown and os.environ.get("TQDM_DISABLE", "") in ("", "0") and not _redraws():
        return _Lines(total, title, unit, initial)
    bars: Any = importlib.import_module("tqdm.auto" if "IPython" in sys.modules else "tqdm")
    options = {} if shown else {"disable": True}  # only then, so that TQDM_DISABLE applies
    return bars.tqdm(total=total, initial=initial, desc=title, unit=unit, dynamic_ncols=True, **options)


def say(text: str) -> None:
    """Write a line to standard error, if it is still there: a closed pipe or terminal does not end a run.

    >>> say("")
    """
    with suppress(OSError, ValueError):  # ValueError: the file is closed
        print(text, file=sys.stderr, flush=True)


def _redraws() -> bool:
    """Whether standard error is a terminal or the output of a notebook, where a line can be redrawn."""
    if sys.stderr.isatty():
        return True
    shell = sys.modules.get("IPython")
    running: Any = shell.get_ipython() if shell is not None else None
    return running is not None and hasattr(running, "kernel")


class _Lines:
    """The lines of a log file."""

    def __init__(self, total: int, title: str, unit: str, initial: int) -> None:
        self._total, self._title, self._unit = total, title, unit
        self._initial = self._done = self._shown = initial
        self._started = time.monotonic()
        self._next = self._started
        self._words = ""

    def update(self, n: int = 1) -> None:
        """Count ``n`` more steps, and write a line if it is time."""
        self._done += n
        if time.monotonic() >= self._next:
            self._line()

    def set_postfix(self, *, refresh: bool = False, **values: str) -> None:
        """Set the values at the end of the line, by name."""
        del refresh
        self._words = "".join(f", {name}={value}" for name, value in values.items())

    @property
    def format_dict(self) -> dict[str, float | None]:
        """``rate``: the steps per second, None before the first step."""
        spent = time.monotonic() - self._started
        made = self._done - self._initial
        return {"rate": made / spent if made and spent > 0 else None}

    def _line(self) -> None:
        self._shown, self._next = self._done, time.monotonic() + _PAUSE
        rate, spent = self.format_dict["rate"], _clock(time.monotonic() - self._started)
        left = f", {_clock((self._total - self._done) / rate)} left" if rate and self._done < self._total else ""
        speed = f", {rate:.3g} {self._unit}s/s" if rate else ""
        part = f" ({100 * self._done // self._total} %)" if self._total else ""
        say(f"{self._title}: {self._done}/{self._total} {self._unit}s{part}, {spent}{left}{speed}{self._words}")

    def close(self) -> None:
        """Write the last line, unless it has been written."""
        if self._done > self._shown:
            self._line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _clock(seconds: float) -> str:
    """Minutes and seconds, with hours if there are any.

    >>> _clock(75), _clock(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
