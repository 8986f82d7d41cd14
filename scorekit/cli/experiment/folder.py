"""The folder of a run."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scorekit as sk
from scorekit._arrays import check_path
from scorekit.cli.experiment.config import SECTIONS, Experiment, as_experiment
from scorekit.errors import CheckpointError, InvalidValueError
from scorekit.storage import writable_folder

__all__ = ["RunFolder", "rank"]

_FORMAT = 1
_FREE = ("sampler",)  # sections that may change between two calls; of train, the keys below may
_FREE_KEYS = {
    "steps",
    "preview_every",
    "preview_samples",
    "checkpoint_every",
    "keep",
    "learning_rate",
    "warmup",
    "decay",
}


def rank() -> int:
    """The number of this process among those that torchrun started; 0 alone."""
    return int(os.environ.get("RANK", "0"))


@dataclass(frozen=True)
class RunFolder:
    """Where a run is kept, and the experiment that it is of."""

    path: Path
    experiment: Experiment

    @classmethod
    def begin(cls, path: Any, experiment: Experiment) -> RunFolder:
        """A new folder, or the one in which the same experiment goes on."""
        folder = check_path(path, "--out")
        if (folder / "run.json").exists():
            _check_same(cls.open(folder).experiment, experiment, folder)
        elif rank() == 0 and folder.exists() and any(folder.iterdir()):
            raise InvalidValueError(f"{folder} holds other things and no run.json: choose a new folder with --out.")
        if rank() == 0:
            writable_folder(folder, "choose another folder with --out.")
            about = {"format": _FORMAT, "scorekit": sk.__version__, "experiment": experiment.plain()}
            partial = folder / "run.json.partial"
            partial.write_text(json.dumps(about, indent=1))
            partial.replace(folder / "run.json")
        return cls(folder, experiment)

    @classmethod
    def open(cls, path: Any) -> RunFolder:
        """The folder of a run that ``scorekit train`` began."""
        folder = check_path(path, "RUN")
        try:
            about = json.loads((folder / "run.json").read_text())
            version, experiment = about["format"], about["experiment"]
        except FileNotFoundError as error:
            raise InvalidValueError(
                f"{folder} is no run: expected the folder that scorekit train made, with its run.json."
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder / 'run.json'} cannot be read ({error}).") from error
        if version != _FORMAT:
            raise CheckpointError(
                f"{folder} has format {version}, written by scorekit {about.get('scorekit')}: this version "
                f"({sk.__version__}) reads format {_FORMAT}. Use the version that wrote it, or train again."
            )
        return cls(folder, as_experiment(experiment, str(folder / "run.json"), folder.name))

    def save_model(self, model: Any) -> None:
        """Put the model in the place of the one that is there."""
        new, old = self.path / "model.new", self.path / "model.old"
        for place in (new, old):
            shutil.rmtree(place, ignore_errors=True)
        sk.save(model, new)
        if (self.path / "model").exists():
            (self.path / "model").rename(old)
        new.rename(self.path / "model")
        shutil.rmtree(old, ignore_errors=True)

    def model(self) -> Any:
        """The averaged model."""
        if not (self.path / "model").exists():
            raise InvalidValueError(
                f"{self.path} has no model yet: it is written when training ends, is stopped, or makes a preview. Call "
                "scorekit train again, it goes on from the newest checkpoint."
            )
        return sk.load(self.path / "model")


def _check_same(there: Experiment, now: Experiment, folder: Path) -> None:
    before, after = there.plain(), now.plain()
    wrong = [
        f"{key} was {before[key]!r}, now {after[key]!r}" for key in ("seed", "backend") if before[key] != after[key]
    ]
    for name in SECTIONS:
        if name in _FREE:
            continue
        for key in sorted(before[name].keys() | after[name].keys()):
            if before[name].get(key) != after[name].get(key) and not (name == "train" and key in _FREE_KEYS):
                wrong.append(f"[{name}] {key} was {before[name].get(key)!r}, now {after[name].get(key)!r}")
    if wrong:
        raise CheckpointError(
            f"{folder} holds a run of another experiment: {'; '.join(wrong)}. Choose a new folder with --out, or "
            "remove that one."
        )
