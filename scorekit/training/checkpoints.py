"""The checkpoints of a run: the newest complete one is found, a damaged one is named and passed over."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorekit._arrays import check_count, check_path
from scorekit.errors import CheckpointError
from scorekit.storage import read_folder, writable_folder, write_folder

__all__ = ["Checkpoints"]

_NAME = re.compile(r"step-(\d{9})")


@dataclass(frozen=True)
class Checkpoints:
    """A folder of checkpoints, of which the last ``keep`` are kept."""

    folder: Path
    keep: int

    @classmethod
    def open(cls, folder: str | os.PathLike[str], keep: int, *, writes: bool = True) -> Checkpoints:
        """Make the folder when it is missing; refuse one that cannot be written, by the process that ``writes``."""
        check_count(keep, "keep")
        if not writes:
            return cls(check_path(folder, "the folder"), keep)
        return cls(writable_folder(folder, "choose a folder that you may write to."), keep)

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, in order."""
        names = (_NAME.fullmatch(entry.name) for entry in self.folder.iterdir())
        return sorted(int(name.group(1)) for name in names if name)

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step lies."""
        return self.folder / f"step-{step:09d}"

    def write(self, step: int, arrays: Mapping[str, Any], description: Mapping[str, Any]) -> None:
        """Write the checkpoint of ``step`` and drop those beyond the last ``keep``."""
        self._remove(step)  # written before by the run that this one continues
        write_folder(self.path(step), arrays, {"kind": "checkpoint", "step": step, **description})
        for old in self.steps()[: -self.keep]:
            self._remove(old)

    def _remove(self, step: int) -> None:
        path = self.path(step)
        try:
            if path.is_symlink() or path.is_file():
                path.unlink()
            elif path.exists():
                shutil.rmtree(path)
        except OSError as error:
            raise CheckpointError(
                f"cannot remove {path} ({error.strerror or error}): give each run a folder of its own, and one in "
                "which nothing else writes."
            ) from error

    def newest(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Arrays and description of the newest checkpoint that is whole; None when there is none at all.

        Raises:
            CheckpointError: there are checkpoints, and all of them are damaged.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return read_folder(self.path(step))
            except CheckpointError as error:
                warnings.warn(f"{error} Trying the checkpoint before it.", RuntimeWarning, stacklevel=2)
        if steps:
            raise CheckpointError(f"all {len(steps)} checkpoints in {self.folder} are damaged: start in a new folder.")
        return None
