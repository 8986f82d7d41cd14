"""The folder of a training run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scorekit as sk
from scorekit._checks import check_path
from scorekit.errors import CheckpointError, InvalidValueError
from scorekit.experiments.config import SECTIONS, Experiment, as_experiment
from scorekit.learning.process_group import this_process
from scorekit.storage import writable_folder
from scorekit.storage.files import replacing

__all__ = ["RunFolder"]

_FORMAT = 1
_OURS = {"checkpoints", "history.jsonl", "previews", "run.json.partial", "tensorboard"}  # before the first step
_FREE = ("sampler",)  # sections that may change when a run resumes; in [train], the keys below
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


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run, its experiment, and the properties of its data that sampling needs (:meth:`Parts.facts`).

    >>> import tempfile
    >>> from scorekit.experiments import read_experiment
    >>> with tempfile.TemporaryDirectory() as place:
    ...     RunFolder.begin(place + "/run", read_experiment({"name": "tiny"})).accept({})
    ...     RunFolder.open(place + "/run").experiment.name
    'tiny'
    """

    path: Path
    experiment: Experiment
    facts: Mapping[str, Any]

    @classmethod
    def begin(cls, path: Any, experiment: Experiment) -> RunFolder:
        """A new folder, or the folder of the same experiment to resume. Only the folder itself is created."""
        folder = check_path(path, "--out")
        if (folder / "run.json").exists():
            _check_same(cls.open(folder).experiment, experiment, folder)
        elif this_process().rank == 0 and folder.exists() and {entry.name for entry in folder.iterdir()} - _OURS:
            raise InvalidValueError(f"{folder} contains other files and no run.json: choose a new folder with --out.")
        if this_process().rank == 0:
            writable_folder(folder, "choose another folder with --out.")
        return cls(folder, experiment, {})

    def accept(self, facts: Mapping[str, Any]) -> None:
        """Write ``run.json`` after the first step. Until then the experiment may change."""
        about = {"format": _FORMAT, "scorekit": sk.__version__, "experiment": self.experiment.plain(), "facts": facts}
        with replacing(self.path / "run.json") as new:
            new.write_text(json.dumps(about))

    @classmethod
    def open(cls, path: Any, device: str | None = None) -> RunFolder:
        """The folder of an existing run. ``device`` replaces the device of the experiment."""
        folder = check_path(path, "run")
        try:
            about = json.loads((folder / "run.json").read_text())
            version, experiment, facts = about["format"], about["experiment"], about.get("facts", {})
        except FileNotFoundError as error:
            raise InvalidValueError(
                f"{folder} is not a run: expected a folder that scorekit train made, with its run.json."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{folder / 'run.json'} cannot be read ({error}).") from error
        if version != _FORMAT:
            raise CheckpointError(
                f"{folder} has format {version}, written by scorekit {about.get('scorekit')}: this version "
                f"({sk.__version__}) reads format {_FORMAT}. Use that version, or train again."
            )
        if device is not None and isinstance(experiment, dict):
            experiment = experiment | {"device": device}
        return cls(folder, as_experiment(experiment, str(folder / "run.json"), folder.name), facts)

    def save_model(self, model: Any) -> None:
        """Write the model, and replace an existing one."""
        with replacing(self.path / "model") as new:
            sk.save(model, new)

    def model(self) -> Any:
        """The model with EMA weights."""
        return sk.load(self.model_path())

    def model_path(self) -> Path:
        """The path of the model; ``model.old`` if a run was killed while it replaced the model."""
        for name in ("model", "model.old"):
            if (self.path / name).exists():
                return self.path / name
        raise InvalidValueError(
            f"{self.path} has no model yet: it is written when training ends, is interrupted, or makes a preview. Run "
            "scorekit train again; it resumes from the newest checkpoint."
        )


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
            f"{folder} contains a run of another experiment: {'; '.join(wrong)}. Choose a new folder with --out, or "
            "remove this one."
        )
