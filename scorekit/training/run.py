"""A training run: its steps, its history, and how it stops and resumes."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from scorekit._arrays import host
from scorekit._conditions import dropped
from scorekit.errors import CheckpointError, NonFiniteError
from scorekit.learning import draw_for, loss_of, rows_of
from scorekit.learning.host_arrays import from_host, on_host
from scorekit.learning.process_group import process_group_of
from scorekit.learning.seeding import STREAMS
from scorekit.protocols import Array, Backend, Learner, Objective, Rng, ScoreModel, StepInfo
from scorekit.training.checkpoints import Checkpoints
from scorekit.training.environment import environment, warn_of_changes
from scorekit.training.history import History
from scorekit.training.interrupt import StopBetweenSteps
from scorekit.training.sources import Batch, Source
from scorekit.training.summary import summary_lines

__all__ = ["Dropout", "FitResult", "FitState", "Run", "Store", "name_of"]

_VALIDATIONS = 20  # evaluations of the held-out loss per run
_SKIPS_IN_A_ROW = 100


class FitState(NamedTuple):
    """The argument of callbacks after each step."""

    step: int
    steps: int
    info: StepInfo
    learner: Learner
    history: History


@dataclass(frozen=True, repr=False)
class FitResult:
    """The result of a run. ``print(result)`` says in three lines how the run went, and what to do next.

    Attributes:
        model: a score model with the EMA weights.
        history: losses, gradient norms and times (:class:`~scorekit.training.History`).
        step: the number of completed steps.
        interrupted: True if Ctrl-C or a callback stopped the run before the last step.
        saved: the step of the newest checkpoint, None without one. Less than ``step`` if the last checkpoint
            could not be written.

    >>> import numpy as np, scorekit as sk
    >>> from scorekit_numpy import MLP
    >>> result = sk.fit(MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1), np.ones((8, 2)), steps=3,
    ...                 progress=False)
    >>> result.step, result.interrupted, result.model(np.ones((5, 2)), 0.1).shape
    (3, False, (5, 2))
    """

    model: ScoreModel
    history: History
    step: int
    interrupted: bool
    saved: int | None = None

    def __repr__(self) -> str:
        verdict = self.history.trend().verdict
        return f"FitResult(step={self.step}, loss {verdict}, interrupted={self.interrupted}, saved={self.saved})"

    def __str__(self) -> str:
        return "\n".join(summary_lines(self.history, self.step, self.interrupted, self.saved))


class Store(NamedTuple):
    """Where and how often checkpoints are written."""

    checkpoints: Checkpoints
    every: int
    resume: bool
    named: bool


class Dropout(NamedTuple):
    """Conditions are replaced by ``null`` with probability ``p``."""

    p: float
    null: Any

    def identity(self) -> dict[str, Any]:
        """Both as plain JSON types."""
        return {"condition_dropout": self.p, "null_condition": host(self.null).tolist()}


@dataclass
class Run:
    """A training run: its settings and its state."""

    source: Source
    objective: Objective
    validation: tuple[Array, Array | None] | None
    dropout: Dropout | None
    steps: int
    seed: int
    skip: bool
    learner: Learner
    options: dict[str, Any]
    callbacks: tuple[Callable[[FitState], bool | None], ...]
    history: History = field(default_factory=History)
    step: int = 0
    spent: float = 0.0
    skipped: int = 0
    saved: int | None = None

    def __post_init__(self) -> None:
        self.owner: Backend = self.source.owner
        self.processes = process_group_of(self.learner)
        self._receive: Callable[[Any], Any] = getattr(self.learner, "receive", lambda batch: batch)

    def go(self, store: Store | None, progress: bool) -> FitResult:
        """Run the remaining steps, and write checkpoints."""
        self.processes.check_same("the seed", self.seed)  # a barrier: the files of an earlier run are complete
        if store is not None:
            self._resume(store)
        self.processes.check_same("the step to resume from", self.step)
        started = time.perf_counter() - self.spent
        first = self.processes.rank == 0
        with StopBetweenSteps() as stop, _bar(self.steps, self.step, progress and first) as bar:
            for info in self._infos():
                self.spent = time.perf_counter() - started
                done = self.processes.any(self._record(info) or stop.requested is not None)
                bar.set_postfix(loss=f"{info.loss:.4g}", samples=self._rate(bar), refresh=False)
                bar.update()
                if store is not None and first and (self.step % store.every == 0 or done):
                    self._keep(store)
                if done:
                    break
            if stop.requested and first:
                bar.write(self._stopped(stop.requested, store), file=sys.stderr)
        if stop.requested == "SIGTERM":
            raise SystemExit(143)
        return FitResult(self.learner.model, self.history, self.step, self.step < self.steps, self.saved)

    def _rate(self, bar: Any) -> str:
        """Samples per second, from the steps per second of the bar."""
        rate = bar.format_dict["rate"] or 0.0
        return f"{rate * self.source.batch_size:.3g}/s"

    def _infos(self) -> Iterator[StepInfo]:
        while self.step < self.steps:
            batch = self.source.batch(self.step, self.processes.rank, self.processes.size)
            rng = self._rng("noise", self.step)
            x, condition = self._receive((batch.x, self._dropped(batch)))
            info = self.learner.step(x, rng, condition=condition, start=batch.start, total=batch.total)
            self.step += 1
            self._check(info)
            yield info

    def _dropped(self, batch: Batch) -> Array | None:
        """The conditions of a batch, some replaced by the null condition. The draws are those of the whole batch."""
        if self.dropout is None or batch.condition is None:
            return batch.condition
        uniform = self._rng("dropout", self.step).uniform((batch.total,), like=batch.x)
        return dropped(batch.condition, uniform[batch.start : batch.stop], *self.dropout)

    def _check(self, info: StepInfo) -> None:
        self.skipped = 0 if info.applied else self.skipped + 1
        if info.applied or (self.skip and self.skipped < _SKIPS_IN_A_ROW):
            return
        often = f" ({self.skipped} steps in a row)" if self.skip else ""
        if info.reason:
            way = "" if self.skip else ', or pass on_nonfinite="skip"'
            raise NonFiniteError(
                f"step {self.step} of {self.steps}{often}: {info.reason}{way}. Weights, buffers, EMA and optimizer are "
                "those before this step."
            )
        advice = "lower learning_rate or gradient_clip" + ("" if self.skip else ', or pass on_nonfinite="skip"')
        raise NonFiniteError(
            f"loss {info.loss} and gradient norm {info.grad_norm} at step {self.step} of {self.steps}{often}. Weights, "
            f"EMA and optimizer are those before this step. Check the model at large inputs, {advice}."
        )

    def _record(self, info: StepInfo) -> bool:
        """Record the step and call the callbacks. True if the run is done."""
        self.history.append(
            step=self.step, loss=info.loss, grad_norm=info.grad_norm, seconds=self.spent, applied=info.applied
        )
        if self.validation is not None and (self.step % max(1, self.steps // _VALIDATIONS) == 0 or self._last):
            self.history.append(validation_step=self.step, validation_loss=self._validate())
        state = FitState(self.step, self.steps, info, self.learner, self.history)
        asked = [callback(state) is True for callback in self.callbacks]
        return self._last or any(asked)

    @property
    def _last(self) -> bool:
        return self.step >= self.steps

    def _validate(self) -> float:
        """The loss of the EMA model on the held-out data, in batches of at most the batch size of the run."""
        assert self.validation is not None
        frozen = getattr(self.learner, "frozen", None)  # a model that records no gradients, if available
        model, (held_out, told) = self.learner.model if frozen is None else frozen(), self.validation
        n, total = held_out.shape[0], 0.0
        noise, pieces = draw_for(self.objective, held_out, self._rng("validation")), -(-n // self.source.batch_size)
        for k in range(pieces):  # equal parts: the last one is not a single sample
            start, stop = n * k // pieces, n * (k + 1) // pieces
            part = (held_out[start:stop], rows_of(noise, start, stop), None if told is None else told[start:stop])
            x, its_noise, condition = self._receive(part)
            loss = self.owner.to_numpy(loss_of(self.objective, model, x, its_noise, condition))
            total += float(loss) * (stop - start) / n
        return total

    def _rng(self, *place: int | str) -> Rng:
        """A random number stream of this run."""
        return self.owner.rng(("fit", self.seed, *place))

    # -------------------------------------------------------- stopping and resuming

    def _stopped(self, by: str, store: Store | None) -> str:
        if store is None:
            where = "there is no checkpoint folder"
        elif self.saved is None:
            where = f"no checkpoint could be written to {store.checkpoints.folder}"
        else:
            late = "" if self.saved == self.step else f", from its step {self.saved}"
            where = f"resume with checkpoint={str(store.checkpoints.folder)!r}{late}"
        return f"fit: stopped by {by} after step {self.step} of {self.steps}; {where}."

    def _identity(self) -> dict[str, Any]:
        """The properties that must be equal in a checkpoint for a resume."""
        return {
            "backend": self.owner.name,
            "objective": name_of(self.objective),
            "seed": self.seed,
            "streams": STREAMS,
            **self.options,
            **({} if self.dropout is None else self.dropout.identity()),
            **self.source.identity(),
        }

    def _keep(self, store: Store) -> None:
        """Write a checkpoint. If this fails, for instance because the disk is full, warn and continue."""
        learned = self.learner.state_dict()
        state = {f"learner.{key}": value for key, value in on_host(self.owner, learned).items()}
        state |= {f"history.{key}": value for key, value in self.history.arrays().items()}
        description = {
            "identity": self._identity(),
            "environment": self._environment(next(iter(learned.values()))),
            "skipped": self.skipped,
            "spent": self.spent,
        }
        try:
            store.checkpoints.write(self.step, state, description)
            self.saved = self.step
            store.checkpoints.prune(self.step)
        except CheckpointError as error:
            warnings.warn(
                f"fit, step {self.step} of {self.steps}: {error} {self._on_disk}", RuntimeWarning, stacklevel=4
            )

    def _environment(self, like: Array) -> dict[str, str]:
        """The environment that can change results slightly; a difference does not prevent a resume."""
        settings: dict[str, str] = getattr(self.learner, "settings", {})
        return environment(self.owner, like) | {"processes": str(self.processes.size)} | settings

    @property
    def _on_disk(self) -> str:
        saved = "There is no checkpoint" if self.saved is None else f"The newest checkpoint is of step {self.saved}"
        if self._last:
            return f"{saved}. The weights are in the result: save them with sk.save(result.model, another_folder)."
        return f"{saved}. Training continues, and the next checkpoint will be tried."

    def _resume(self, store: Store) -> None:
        folder = store.checkpoints.folder
        if not store.checkpoints.steps():
            on_host(self.owner, self.learner.state_dict())  # raises before the first step if the state cannot be saved
            return
        if not store.resume or not store.named:
            reason = "resume is False" if not store.resume else "rng is None, so the seed differs"
            raise CheckpointError(f"{folder} already contains a run and {reason}: choose another folder, or remove it.")
        found = store.checkpoints.newest()
        assert found is not None
        state, description = found
        self._check_identity(folder, description["identity"])
        learned = {key.removeprefix("learner."): v for key, v in state.items() if key.startswith("learner.")}
        try:
            self.learner.load_state_dict(from_host(self.owner, learned))
        except CheckpointError as error:
            raise CheckpointError(f"the run in {folder} has another model: {error}") from error
        now = self._environment(next(iter(self.learner.state_dict().values())))
        warn_of_changes(folder, description["environment"], now)
        past = {key.removeprefix("history."): v for key, v in state.items() if key.startswith("history.")}
        self.history = History.from_arrays(past)
        if description["step"] > self.steps:
            raise CheckpointError(
                f"the run in {folder} has completed {description['step']} steps: steps must be at least that, "
                f"got {self.steps}."
            )
        self.step, self.skipped, self.spent = description["step"], description["skipped"], description["spent"]
        self.saved = self.step

    def _check_identity(self, folder: Any, theirs: dict[str, Any]) -> None:
        mine = self._identity()
        if theirs.get("streams") != STREAMS:
            raise CheckpointError(
                f"the run in {folder} was made by a version of scorekit that maps seeds to other random numbers. Use "
                "that version to resume it, or start again in another folder."
            )
        keys = [*mine, *(key for key in theirs if key not in mine)]
        wrong = [
            f"{key} was {theirs.get(key)}, now {mine.get(key)}" for key in keys if theirs.get(key) != mine.get(key)
        ]
        if wrong:
            raise CheckpointError(
                f"the run in {folder} has other settings: {'; '.join(wrong)}. Use equal arguments, or another folder."
            )


def _bar(total: int, start: int, shown: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=start, disable=not shown, desc="fit", unit="step", dynamic_ncols=True)


def name_of(thing: Any) -> str:
    """The repr of an objective or optimizer; its type name if the repr contains an address."""
    if isinstance(thing, type):
        return thing.__name__.lower()  # torch.optim.Adam is "adam"
    text = thing if isinstance(thing, str) else repr(thing)
    return type(thing).__name__ if " at 0x" in text else text
