"""The checkpoints of a run. The newest complete one is used; damaged ones are skipped with a warning."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorekit._checks import check_count, check_path
from scorekit.errors import CheckpointError
from scorekit.storage.files import remove
from scorekit.storage.folders import NewerFormatError, read_folder, writable_folder, write_folder
from scorekit.training.lock import lock

__all__ = ["Checkpoints"]

_NAME = re.compile(r"step-(\d{9})")


@dataclass(frozen=True)
class Checkpoints:
    """A folder with the last ``keep`` checkpoints of a run."""

    folder: Path
    keep: int

    @classmethod
    def open(cls, folder: str | os.PathLike[str], keep: int, *, writes: bool = True) -> Checkpoints:
        """Open the folder. The process that ``writes`` creates it if needed; an error is raised if it cannot."""
        check_count(keep, "keep")
        if not writes:
            return cls(check_path(folder, "checkpoint"), keep)
        return cls(writable_folder(check_path(folder, "checkpoint"), "choose a folder that you may write to."), keep)

    def locked(self) -> AbstractContextManager[None]:
        """A context in which only this process may write here; ``CheckpointError`` if another process does."""
        return lock(self.folder)

    def steps(self) -> list[int]:
        """The sorted steps that have a checkpoint."""
        names = (_NAME.fullmatch(entry.name) for entry in self.folder.iterdir())
        return sorted(int(name.group(1)) for name in names if name)

    def path(self, step: int) -> Path:
        """The path of the checkpoint of a step."""
        return self.folder / f"step-{step:09d}"

    def write(self, step: int, arrays: Mapping[str, Any], description: Mapping[str, Any]) -> None:
        """Write the checkpoint of ``step``. If this fails, the existing checkpoints remain."""
        write_folder(self.path(step), arrays, {"kind": "checkpoint", "step": step, **description})

    def prune(self, step: int) -> None:
        """Remove incomplete files of killed runs, and all but the last ``keep`` checkpoints up to ``step``.

        Checkpoints after ``step`` are damaged ones that the run has skipped. It replaces them later.
        """
        for left in (*self.folder.glob("step-*.partial"), *self.folder.glob("step-*.old")):
            remove(left)
        for old in [s for s in self.steps() if s <= step][: -self.keep]:
            remove(self.path(old))

    def newest(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Arrays and description of the newest complete checkpoint; None if there are no checkpoints.

        Raises:
            CheckpointError: all checkpoints are damaged, or a newer version of scorekit wrote one.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self._read(step)
            except NewerFormatError:
                raise
            except CheckpointError as error:
                warnings.warn(f"{error} Trying the previous checkpoint.", RuntimeWarning, stacklevel=2)
        if steps:
            raise CheckpointError(f"all {len(steps)} checkpoints in {self.folder} are damaged: start in a new folder.")
        return None

    def _read(self, step: int) -> tuple[dict[str, Any], dict[str, Any]]:
        arrays, description = read_folder(self.path(step))
        wrong = [name for name, right in _PARTS.items() if not right(description.get(name))]
        if description.get("kind") != "checkpoint" or description.get("step") != step or wrong:
            what = f"no valid {wrong[0]}" if wrong else f"step {description.get('step')!r}"
            raise CheckpointError(f"{self.path(step)} is not a checkpoint of step {step}: its manifest has {what}.")
        return arrays, description


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_PARTS: dict[str, Callable[[Any], bool]] = {
    "step": _count,
    "skipped": _count,
    "spent": lambda value: isinstance(value, float) and 0 <= value < math.inf,
    "identity": lambda value: isinstance(value, dict),
    "environment": lambda value: isinstance(value, dict),
}
"""The entries in the description of a checkpoint, and the check of each."""
