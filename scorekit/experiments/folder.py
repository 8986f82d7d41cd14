"""The folder of a training run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scorekit as sk
from scorekit._checks import check_path
from scorekit._reading import read_bytes
from scorekit.errors import CheckpointError, InvalidValueError
from scorekit.experiments.config import SECTIONS, Experiment, as_experiment, changed, data_paths
from scorekit.experiments.content import differences
from scorekit.experiments.facts import packed, unpacked
from scorekit.learning.process_group import this_process
from scorekit.storage import writable_folder
from scorekit.storage.files import replacing
from scorekit.storage.sealed import read_sealed, seal

__all__ = ["RunFolder"]

_FORMAT, _UNSEALED = 2, 1  # files of format 1 have no checksum
_HISTORY_AT_MOST = 1 << 30  # bytes
_OURS = {
    *("checkpoints", "history.jsonl", "history.png", "model", "model.old", "model.partial", "previews", "samples"),
    *("run.json.partial", "tensorboard"),
}
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

    The folder may be a symbolic link. Links inside it are not followed when files are written.

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
        facts: Mapping[str, Any] = {}
        if folder.exists() and not folder.is_dir():
            raise InvalidValueError(f"--out is {folder}, a file: expected a folder.")
        _check_checkpoints(folder)
        if (folder / "run.json").exists():
            there = cls.open(folder)
            _check_same(there.experiment, experiment, folder)
            facts = there.facts
        elif this_process().rank == 0 and folder.exists() and {entry.name for entry in folder.iterdir()} - _OURS:
            raise InvalidValueError(f"{folder} contains other files and no run.json: choose a new folder with --out.")
        if this_process().rank == 0:
            writable_folder(folder, "choose another folder with --out.")
        return cls(folder, experiment, facts)

    def accept(self, facts: Mapping[str, Any]) -> None:
        """Write ``run.json`` after the first step. Until then the experiment may change."""
        experiment = self.experiment.plain()
        about = {"format": _FORMAT, "scorekit": sk.__version__, "experiment": experiment, "facts": packed(facts)}
        with replacing(self.path / "run.json") as new:
            new.write_bytes(seal(about))

    def check_data(self, content: Mapping[str, Any]) -> None:
        """Raise ``CheckpointError`` if the run was trained on data with another content (:func:`content_of`)."""
        wrong = differences(self.facts.get("data", content), content)
        if wrong:
            raise CheckpointError(
                f"these are not the data that {self.path} was trained on: {wrong}. Give the path of those data, or "
                "train in another folder with --out."
            )

    @classmethod
    def open(
        cls, path: Any, device: str | None = None, changes: Sequence[str] = (), command: str = "scorekit evaluate"
    ) -> RunFolder:
        """The folder of an existing run.

        Args:
            path: the folder.
            device: replaces the device of the experiment.
            changes: other paths of the data, such as ``"data.path=/new/place"``.
            command: the command that takes such changes, for messages.

        Raises:
            ValueError: the folder is not a run; a change is not about a path of the data.
            CheckpointError: ``run.json`` is damaged, or of another version.
        """
        folder = check_path(path, "run")
        file = folder / "run.json"
        about = _read(file)
        try:
            content, facts = dict(about["experiment"]), unpacked(about.get("facts", {}))
        except KeyError as error:
            raise CheckpointError(f"{file} has no {error}. {_AGAIN}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{file} cannot be read ({type(error).__name__}: {error}). {_AGAIN}") from error
        _check_changes(content, changes, folder)
        content = changed(content, changes) | ({} if device is None else {"device": device})
        return cls(folder, as_experiment(content, str(file), folder.name, f"{command} {folder}"), facts)

    def save_model(self, model: Any) -> None:
        """Write the model, and replace an existing one."""
        with replacing(self.path / "model") as new:
            sk.save(model, new)

    def model(self) -> Any:
        """The model with EMA weights."""
        path = self.model_path()
        try:
            return sk.load(path)
        except CheckpointError as error:
            raise CheckpointError(
                f"{error} Run scorekit train again with the same experiment file: it writes the model from the newest "
                "checkpoint."
            ) from error

    def model_path(self) -> Path:
        """The path of the model; ``model.old`` if a run was killed while it replaced the model."""
        for name in ("model", "model.old"):
            if (self.path / name).exists():
                return self.path / name
        raise InvalidValueError(
            f"{self.path} has no model yet: it is written when training ends, is interrupted, or makes a preview. Run "
            "scorekit train again; it resumes from the newest checkpoint."
        )


_AGAIN = (
    "Delete this file and run scorekit train again with the same experiment file: that writes it anew, and resumes "
    "from the checkpoints."
)


def _read(file: Path) -> dict[str, Any]:
    """The content of ``run.json``, verified; with a warning if it was written without a checksum."""
    try:
        about, sealed = read_sealed(file)
        version = about["format"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidValueError(
            f"{file.parent} is not a run: expected a folder that scorekit train made, with its run.json."
        ) from error
    except CheckpointError as error:
        raise CheckpointError(f"{error} {_AGAIN}") from error
    except KeyError as error:
        raise CheckpointError(f"{file} has no {error}. {_AGAIN}") from error
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}). {_AGAIN}") from error
    if version not in (_FORMAT, _UNSEALED):
        raise CheckpointError(
            f"{file.parent} has format {version}, written by scorekit {about.get('scorekit')}: this version "
            f"({sk.__version__}) reads format {_FORMAT}. Use that version, or train again."
        )
    if not sealed and version == _FORMAT:
        raise CheckpointError(f"{file.parent} is damaged: run.json has no checksum. {_AGAIN}")
    if not sealed:
        warnings.warn(
            f"{file} has no checksum, because an earlier version wrote it: it is read unverified. The next scorekit "
            "train in this folder writes a checksum.",
            UserWarning,
            stacklevel=4,
        )
    return dict(about)


def _check_checkpoints(folder: Path) -> None:
    """Raise ``CheckpointError`` for a trained run without checkpoints, which would start anew and be overwritten."""
    checkpoints = folder / "checkpoints"
    if checkpoints.is_symlink() or any(checkpoints.glob("step-*")):  # own_folder refuses a link
        return
    kept = ["a model"] if any(os.path.lexists(folder / name) for name in ("model", "model.old")) else []
    if (folder / "history.jsonl").is_file() and (kept or not checkpoints.exists()):
        with suppress(OSError):
            steps = read_bytes(folder / "history.jsonl", _HISTORY_AT_MOST).count(b'"step"')
            kept.append(f"a history of {steps} steps")
    if kept:
        raise CheckpointError(
            f"{folder} has {' and '.join(kept)}, and no checkpoints, so training would begin at step 0 and overwrite "
            "them: choose another folder with --out, or remove this one."
        )


def _check_changes(content: Mapping[str, Any], changes: Sequence[str], folder: Path) -> None:
    allowed = [f"data.{key}" for key in data_paths(content)]
    for change in changes:
        if change.partition("=")[0].strip() not in allowed:
            raise InvalidValueError(
                f"--set {change!r}: only the path of the data can differ from {folder / 'run.json'}: "
                f"{', '.join(allowed) or 'these data have no path'}."
            )


def _check_same(there: Experiment, now: Experiment, folder: Path) -> None:
    before, after = there.plain(), now.plain()
    paths = data_paths(after)  # the content is compared instead
    wrong = [
        f"{key} was {before[key]!r}, now {after[key]!r}" for key in ("seed", "backend") if before[key] != after[key]
    ]
    for name in SECTIONS:
        if name in _FREE:
            continue
        for key in sorted(before[name].keys() | after[name].keys()):
            free = _FREE_KEYS if name == "train" else paths if name == "data" else ()
            if before[name].get(key) != after[name].get(key) and key not in free:
                wrong.append(f"[{name}] {key} was {before[name].get(key)!r}, now {after[name].get(key)!r}")
    if wrong:
        raise CheckpointError(
            f"{folder} contains a run of another experiment: {'; '.join(wrong)}. Choose a new folder with --out, or "
            "remove this one."
        )
