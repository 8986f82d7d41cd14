"""Where the numbers of a run go while it runs: JSON lines, TensorBoard."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorekit._arrays import check_path
from scorekit.errors import InvalidValueError, MissingBackendError

if TYPE_CHECKING:
    from scorekit.training.run import FitState

__all__ = ["JsonLines", "TensorBoard"]


class JsonLines:
    """A callback of ``fit`` that writes one JSON object a step: step, loss, grad_norm, seconds, applied.

    A file that is there is begun anew with what the run has done so far: after a resume it holds each step once.

    Args:
        path: the file, in a folder that exists.

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
        self._validations = -1

    def __call__(self, state: FitState) -> None:
        """Add the line of this step, and one for a validation that came with it."""
        if self._validations < 0:
            state.history.save(self._path)
        else:
            self._append(state)
        self._validations = len(state.history.validation_step)

    def _append(self, state: FitState) -> None:
        lines = [state.history.last()]
        if len(state.history.validation_step) > self._validations:
            lines.append(state.history.last_validation())
        try:
            with self._path.open("a") as file:
                file.write("".join(json.dumps(line) + "\n" for line in lines))
        except OSError as error:
            raise InvalidValueError(f"cannot write {self._path} ({error.strerror or error}).") from error


class TensorBoard:
    """A callback of ``fit`` that writes loss, gradient norm and held-out loss for TensorBoard.

    Args:
        folder: where its event files go.

    Raises:
        ImportError: tensorboard is not installed.

    >>> logs = [TensorBoard("runs/first")] if TensorBoard.installed() else []  # fit(…, callbacks=logs)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if not self.installed():
            raise MissingBackendError("TensorBoard logs need tensorboard: python -m pip install tensorboard")
        self._folder: Path = check_path(folder, "folder")
        self._writer: Any = None
        self._validations = 0

    @staticmethod
    def installed() -> bool:
        """Is tensorboard there?"""
        return importlib.util.find_spec("tensorboard") is not None

    def __call__(self, state: FitState) -> None:
        """Add the numbers of this step."""
        if self._writer is None:
            from tensorboard.summary import Writer

            self._writer = Writer(str(self._folder))
        self._writer.add_scalar("loss", state.info.loss, state.step)
        self._writer.add_scalar("grad_norm", state.info.grad_norm, state.step)
        if len(state.history.validation_step) > self._validations:
            self._writer.add_scalar("validation_loss", state.history.last_validation()["validation_loss"], state.step)
            self._validations = len(state.history.validation_step)
        if state.step >= state.steps:
            self._writer.flush()
