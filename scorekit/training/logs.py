"""Log files of a run: JSON lines and TensorBoard."""

from __future__ import annotations

import errno
import importlib.util
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorekit._checks import check_path
from scorekit._optional import optional
from scorekit.errors import InvalidValueError
from scorekit.training.history import History, line_of

if TYPE_CHECKING:
    from scorekit.training.run import FitState

__all__ = ["JsonLines", "TensorBoard"]

_OFTEN = 100  # steps between flushes, or between attempts to write after a failure
_FULL = (errno.ENOSPC, errno.EDQUOT)


class JsonLines:
    """A callback of ``fit`` that writes one JSON object per step: step, loss, grad_norm, seconds, applied.

    An existing file is replaced by the history of this run, so after a resume it contains each step once. Values that
    are not finite become null. If the disk is full, training continues with a ``RuntimeWarning``, and the whole history
    is written when there is space again.

    Args:
        path: the file, in an existing folder.

    Raises:
        ValueError: at the first step, the file cannot be written.

    >>> import tempfile, pathlib, numpy as np, scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> with tempfile.TemporaryDirectory() as place:
    ...     log = JsonLines(place + "/history.jsonl")
    ...     _ = sk.fit(MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1), np.ones((8, 2)), steps=3,
    ...                progress=False, callbacks=[log])
    ...     len(pathlib.Path(place + "/history.jsonl").read_text().splitlines())
    3
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = check_path(path, "path")
        self._history: History | None = None
        self._whole, self._warned, self._validations = False, False, 0

    def __call__(self, state: FitState) -> None:
        """Write the line of this step, and of its validation if there was one."""
        begun = self._history is state.history
        if not begun:
            self._whole = self._warned = False
        if self._whole or not begun or state.step % _OFTEN == 0 or state.step == state.steps:
            self._write(state, begun)
        self._history = state.history

    def _write(self, state: FitState, begun: bool) -> None:
        try:
            if self._whole:
                self._append(state)
            else:
                state.history.save(self._path)
            self._whole, self._validations = True, len(state.history.validation_step)
        except (OSError, InvalidValueError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if not begun and getattr(cause, "errno", None) not in _FULL:
                raise
            self._whole = False
            self._warn(state, cause)

    def _append(self, state: FitState) -> None:
        rows = [state.history.last()]
        if len(state.history.validation_step) > self._validations:
            rows.append(state.history.last_validation())
        with open(self._path, "a", opener=_not_through_a_link) as file:
            file.write("".join(map(line_of, rows)))

    def _warn(self, state: FitState, cause: Any) -> None:
        if not self._warned:
            warnings.warn(
                f"fit, step {state.step} of {state.steps}: cannot write {self._path} "
                f"({getattr(cause, 'strerror', None) or cause}). Training continues. The whole history is "
                f"written when there is space again; this is tried every {_OFTEN} steps and at the last step.",
                RuntimeWarning,
                stacklevel=5,
            )
        self._warned = True


def _not_through_a_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


class TensorBoard:
    """A callback of ``fit`` that writes loss, gradient norm and held-out loss for TensorBoard.

    Args:
        folder: the folder for the event files.

    Raises:
        MissingBackendError: tensorboard, or a package that it needs, is not installed.

    >>> logs = [TensorBoard("runs/first")] if TensorBoard.installed() else []  # fit(…, callbacks=logs)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder: Path = check_path(folder, "folder")
        self._open: Any = optional("tensorboard.summary", "TensorBoard", "tensorboard").Writer
        self._writer: Any = None
        self._history: History | None = None
        self._validations = 0

    @staticmethod
    def installed() -> bool:
        """Whether tensorboard is installed."""
        return importlib.util.find_spec("tensorboard") is not None

    def __call__(self, state: FitState) -> None:
        """Write the values of this step."""
        if self._writer is None:
            self._writer = self._open(str(self._folder))
        self._writer.add_scalar("loss", state.info.loss, state.step)
        self._writer.add_scalar("grad_norm", state.info.grad_norm, state.step)
        validated = self._validated(state.history, state.step)
        if validated or state.step % _OFTEN == 0 or state.step >= state.steps:
            self._writer.flush()

    def _validated(self, history: History, step: int) -> bool:
        """Write the held-out loss if this step has one. Earlier ones are in the files of an earlier process."""
        if history is not self._history:
            self._history, self._validations = history, int((history.validation_step < step).sum())
        if len(history.validation_step) == self._validations:
            return False
        newest = history.last_validation()
        self._writer.add_scalar("validation_loss", newest["validation_loss"], newest["validation_step"])
        self._validations = len(history.validation_step)
        return True
