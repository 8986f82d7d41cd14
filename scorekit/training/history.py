"""The history of a run: losses, gradient norms and times."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from scorekit._checks import check_option, check_path
from scorekit.errors import InvalidValueError, describe
from scorekit.storage.files import replacing
from scorekit.training.trend import Trend, trend_of

__all__ = ["History", "line_of"]

_STEPWISE = ("step", "loss", "grad_norm", "seconds", "applied")
_VALIDATION = ("validation_step", "validation_loss")


class History:
    """Losses, gradient norms and times of the steps of a run, as arrays of equal length.

    Attributes:
        step: the steps, from 1.
        loss: the minibatch loss of each step.
        grad_norm: the norm of the gradient of all parameters, before clipping.
        seconds: time since the start of the run, without interruptions.
        applied: False if a step was skipped because its loss or gradient was not finite.
        validation_step, validation_loss: steps and losses of the EMA model on held-out data.

    >>> history = History()
    >>> history.append(step=1, loss=0.5, grad_norm=2.0, seconds=0.1, applied=True)
    >>> history.loss.tolist()
    [0.5]
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {name: [] for name in _STEPWISE + _VALIDATION}

    def append(self, **row: float) -> None:
        """Add a row to some of the columns. An unknown name raises ``ValueError``."""
        for name in row:
            check_option(name, "column", _STEPWISE + _VALIDATION)
        for name, value in row.items():
            self._columns[name].append(value)

    def __len__(self) -> int:
        return len(self._columns["step"])

    def __getattr__(self, name: str) -> Any:
        columns = self.__dict__.get("_columns", {})
        if name not in columns:
            raise AttributeError(f"a History has no {name!r}: expected one of {', '.join(_STEPWISE + _VALIDATION)}.")
        kind = {"step": np.int64, "validation_step": np.int64, "applied": np.bool_}.get(name, np.float64)
        return np.asarray(columns[name], dtype=kind)

    def __repr__(self) -> str:
        if not len(self):
            return "History(no steps)"
        return f"History({len(self)} steps, last loss {self._columns['loss'][-1]:.4g})"

    def last(self) -> dict[str, float]:
        """The values of the last step."""
        return {name: self._columns[name][-1] for name in _STEPWISE}

    def last_validation(self) -> dict[str, float]:
        """The values of the last validation."""
        return {name: self._columns[name][-1] for name in _VALIDATION}

    def trend(self) -> Trend:
        """The loss at the start and at the end, and whether it still falls or has diverged.

        >>> history = History()
        >>> for step in range(1, 201):
        ...     history.append(step=step, loss=1 / step, grad_norm=1.0, seconds=0.1, applied=True)
        >>> history.trend().verdict
        'falling'
        """
        return trend_of(self.loss)

    def arrays(self) -> dict[str, Any]:
        """All columns by name."""
        return {name: getattr(self, name) for name in self._columns}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> History:
        """The history with the arrays from :meth:`arrays`. A missing column raises ``ValueError``."""
        missing = [name for name in _STEPWISE + _VALIDATION if not isinstance(arrays, Mapping) or name not in arrays]
        if missing:
            raise InvalidValueError(
                f"arrays is a {describe(arrays)} without {', '.join(missing)}: expected the result of history.arrays()."
            )
        history = cls()
        history._columns = {name: np.asarray(arrays[name]).tolist() for name in _STEPWISE + _VALIDATION}
        return history

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write JSON lines: one object per step and one per validation. Values that are not finite become null.

        Raises:
            ValueError: the file cannot be written.
        """
        rows = [
            dict(zip(group, row, strict=True))
            for group in (_STEPWISE, _VALIDATION)
            for row in zip(*(self._columns[name] for name in group), strict=True)
        ]
        try:
            with replacing(check_path(path, "path")) as new:
                new.write_text("".join(map(line_of, rows)))
        except OSError as error:
            raise InvalidValueError(
                f"cannot write {path} ({error.strerror or error}): choose a file in an existing folder."
            ) from error


def line_of(row: Mapping[str, float]) -> str:
    """A row as a line of JSON. JSON has no NaN and no infinity; they become null.

    >>> line_of({"step": 1, "loss": float("nan")}).strip()
    '{"step": 1, "loss": null}'
    """
    return json.dumps({name: value if math.isfinite(value) else None for name, value in row.items()}) + "\n"
