"""A run in a checkpoint folder: what is written, and what is compared when the run resumes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scorekit.errors import CheckpointError
from scorekit.learning.host_arrays import from_host, on_host
from scorekit.learning.seeding import STREAMS
from scorekit.training.checkpoints import Checkpoints
from scorekit.training.environment import environment, warn_of_changes
from scorekit.training.history import History
from scorekit.training.probe import differences, not_compared, probe, text_of

if TYPE_CHECKING:
    from scorekit.protocols import Array
    from scorekit.training.run import Run

__all__ = ["Store"]


@dataclass(frozen=True)
class Store:
    """The checkpoints of a run, how often they are written, and whether a run found there may resume.

    ``named``: whether an equal call of ``fit`` has the same seed.
    """

    checkpoints: Checkpoints
    every: int
    resume: bool
    named: bool

    def write(self, run: Run) -> None:
        """Write a checkpoint of the current step.

        Raises:
            CheckpointError: it cannot be written, for instance because the disk is full.
        """
        learned = run.learner.state_dict()
        state = {f"learner.{key}": value for key, value in on_host(run.owner, learned).items()}
        state |= {f"history.{key}": value for key, value in run.history.arrays().items()}
        state |= {f"probe.{key}": value for key, value in probe(run).items()}
        description = {
            "identity": _identity(run),
            "environment": _environment(run, next(iter(learned.values()))),
            "skipped": run.skipped,
            "spent": run.spent,
        }
        self.checkpoints.write(run.step, state, description)
        run.saved = run.step
        self.checkpoints.prune(run.step)

    def restore(self, run: Run) -> None:
        """Set a run to the newest checkpoint, if there is one.

        Raises:
            CheckpointError: it is that of another run, or may not resume.
        """
        folder = self.checkpoints.folder
        if not self.checkpoints.steps():
            on_host(run.owner, run.learner.state_dict())  # raises before the first step if the state cannot be saved
            return
        if not self.resume or not self.named:
            reason = "resume is False" if not self.resume else "rng is None, so the seed differs"
            raise CheckpointError(f"{folder} already contains a run and {reason}: choose another folder, or remove it.")
        found = self.checkpoints.newest()
        assert found is not None
        state, description = found
        self._check_identity(_identity(run), description["identity"], type(run.objective).__name__)
        try:
            run.learner.load_state_dict(from_host(run.owner, _part(state, "learner")))
        except CheckpointError as error:
            raise CheckpointError(f"the run in {folder} has another model: {error}") from error
        now = _environment(run, next(iter(run.learner.state_dict().values())))
        exact = description["environment"] == now and now.get("device", "cpu") == "cpu"  # not on all other devices
        self._check_probe(_part(state, "probe"), probe(run), exact=exact)
        warn_of_changes(folder, description["environment"], now)
        if description["step"] > run.steps:
            raise CheckpointError(
                f"the run in {folder} has completed {description['step']} steps: steps must be at least that, "
                f"got {run.steps}."
            )
        run.history = History.from_arrays(_part(state, "history"))
        run.step, run.skipped, run.spent = description["step"], description["skipped"], description["spent"]
        run.saved = run.step

    def _check_identity(self, mine: dict[str, Any], theirs: dict[str, Any], objective: str) -> None:
        if theirs.get("streams") != STREAMS:
            raise CheckpointError(
                f"the run in {self.checkpoints.folder} was made by a version of scorekit that maps seeds to other "
                "random numbers. Use that version to resume it, or start again in another folder."
            )
        if theirs.get("objective") == objective:  # earlier versions wrote only this of objectives with functions
            mine = mine | {"objective": objective}
        keys = [*mine, *(key for key in theirs if key not in mine)]
        wrong = [
            f"{key} was {theirs.get(key)}, now {mine.get(key)}" for key in keys if theirs.get(key) != mine.get(key)
        ]
        if wrong:
            raise CheckpointError(
                f"the run in {self.checkpoints.folder} has other settings: {'; '.join(wrong)}. Use equal arguments, or "
                "another folder."
            )

    def _check_probe(self, then: Mapping[str, Any], now: Mapping[str, Any], *, exact: bool) -> None:
        differ = differences(then, now, exact=exact)
        if differ is not None:
            raise CheckpointError(
                f"the run in {self.checkpoints.folder} is another run: {differ}. Use the same one, or another folder."
            )
        unknown = not_compared(then, now)
        if unknown:
            warnings.warn(
                f"the run in {self.checkpoints.folder} resumes, and {unknown} could not be compared with the earlier "
                "one: make sure that its options and functions are the same.",
                RuntimeWarning,
                stacklevel=5,
            )


def _part(state: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}


def _identity(run: Run) -> dict[str, Any]:
    """The properties that must be equal in a checkpoint for a resume."""
    return {
        "backend": run.owner.name,
        "objective": text_of(run.objective),
        "seed": run.seed,
        "streams": STREAMS,
        **run.options,
        **({} if run.dropout is None else run.dropout.identity()),
        **run.source.identity(),
    }


def _environment(run: Run, like: Array) -> dict[str, str]:
    """The environment that can change results slightly; a difference does not prevent a resume."""
    settings: dict[str, str] = getattr(run.learner, "settings", {})
    return environment(run.owner, like) | {"processes": str(run.processes.size)} | settings
