"""What happened at each step of a run."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from scorekit._checks import check_path
from scorekit.errors import InvalidValueError

__all__ = ["History", "line_of"]

_STEPWISE = ("step", "loss", "grad_norm", "seconds", "applied")
_VALIDATION = ("validation_step", "validation_loss")


class History:
    """Losses, gradient norms and times of a run, as arrays of equal length.

    Attributes:
        step: the steps, from 1.
        loss: the loss on the minibatch of each step.
        grad_norm: the norm of the whole gradient before clipping.
        seconds: time since the start of the run, interruptions left out.
        applied: False where a step was skipped because it was not finite.
        validation_step, validation_loss: the averaged model on held-out data.

    >>> history = History()
    >>> history.append(step=1, loss=0.5, grad_norm=2.0, seconds=0.1, applied=True)
    >>> history.loss.tolist()
    [0.5]
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {name: [] for name in _STEPWISE + _VALIDATION}

    def append(self, **row: float) -> None:
        """Add a row to some of the columns."""
        for name, value in row.items():
            self._columns[name].append(value)

    def __len__(self) -> int:
        return len(self._columns["step"])

    def __getattr__(self, name: str) -> Any:
        columns = self.__dict__.get("_columns", {})
        if name not in columns:
            raise AttributeError(f"a history has no {name!r}: it has {', '.join(_STEPWISE + _VALIDATION)}.")
        kind = {"step": np.int64, "validation_step": np.int64, "applied": np.bool_}.get(name, np.float64)
        return np.asarray(columns[name], dtype=kind)

    def __repr__(self) -> str:
        if not len(self):
            return "History(no steps)"
        return f"History({len(self)} steps, last loss {self._columns['loss'][-1]:.4g})"

    def last(self) -> dict[str, float]:
        """The newest row of the steps."""
        return {name: self._columns[name][-1] for name in _STEPWISE}

    def last_validation(self) -> dict[str, float]:
        """The newest row of the validations."""
        return {name: self._columns[name][-1] for name in _VALIDATION}

    def arrays(self) -> dict[str, Any]:
        """All columns by name."""
        return {name: getattr(self, name) for name in self._columns}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> History:
        """The history that :meth:`arrays` described."""
        history = cls()
        history._columns = {name: np.asarray(arrays[name]).tolist() for name in _STEPWISE + _VALIDATION}
        return history

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write JSON lines: one object a step, and one for each validation; ``ValueError`` when it cannot be done.

        Numbers that are not finite are null.
        """
        rows = [
            dict(zip(group, row, strict=True))
            for group in (_STEPWISE, _VALIDATION)
            for row in zip(*(self._columns[name] for name in group), strict=True)
        ]
        try:
            check_path(path, "path").write_text("".join(map(line_of, rows)))
        except OSError as error:
            raise InvalidValueError(
                f"cannot write {path} ({error.strerror or error}): name a file in a folder that exists."
            ) from error


def line_of(row: Mapping[str, float]) -> str:
    """A row as a line of JSON, which has no NaN and no infinity: they are null.

    >>> line_of({"step": 1, "loss": float("nan")}).strip()
    '{"step": 1, "loss": null}'
    """
    return json.dumps({name: value if math.isfinite(value) else None for name, value in row.items()}) + "\n"
