"""A run in progress: its steps, its record, and how it stops and resumes."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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

__all__ = ["Dropout", "FitResult", "FitState", "Run", "Store", "name_of"]

_VALIDATIONS = 20  # evaluations of the held-out loss a run
_SKIPS_IN_A_ROW = 100


class FitState(NamedTuple):
    """What a callback gets after each step."""

    step: int
    steps: int
    info: StepInfo
    learner: Learner
    history: History


@dataclass(frozen=True)
class FitResult:
    """What a run has learned.

    Attributes:
        model: a score model with the averaged weights.
        history: losses, gradient norms and times (:class:`~scorekit.training.History`).
        step: the steps done.
        interrupted: stopped before the last step, by Ctrl-C or by a callback.
        saved: the step of the newest checkpoint, None without one. Less than ``step``: the last could not be written.

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


class Store(NamedTuple):
    """Where and how often a run is kept."""

    checkpoints: Checkpoints
    every: int
    resume: bool
    named: bool


class Dropout(NamedTuple):
    """Conditions are replaced by ``null`` with probability ``p``."""

    p: float
    null: Any


@dataclass
class Run:
    """A run in progress: what was asked for, and where it stands."""

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
        """All steps that are left, then the last checkpoint."""
        self.processes.check_same("the seed", self.seed)  # all are here: what an earlier run wrote is written
        if store is not None:
            self._resume(store)
        self.processes.check_same("the step to go on from", self.step)
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
        """Samples a second, as the bar knows its steps."""
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
        """The conditions of a batch, some of them replaced by the null one; which ones the whole batch decides."""
        if self.dropout is None or batch.condition is None:
            return batch.condition
        uniform = self._rng("dropout", self.step).uniform((batch.total,), like=batch.x)
        return dropped(batch.condition, uniform[batch.start : batch.stop], *self.dropout)

    def _check(self, info: StepInfo) -> None:
        self.skipped = 0 if info.applied else self.skipped + 1
        if info.applied or (self.skip and self.skipped < _SKIPS_IN_A_ROW):
            return
        often = f", as in {self.skipped} steps in a row" if self.skip else ""
        advice = "lower learning_rate or gradient_clip" + ("" if self.skip else ', or pass on_nonfinite="skip"')
        raise NonFiniteError(
            f"loss {info.loss} and gradient norm {info.grad_norm} at step {self.step} of {self.steps}{often}. Weights, "
            f"average and optimizer are as they were before this step. Look at the model at large inputs, {advice}."
        )

    def _record(self, info: StepInfo) -> bool:
        """Write the step down and call the callbacks; is the run done?"""
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
        """The loss of the averaged model on the held-out data, passed through in batches of at most the run's size."""
        assert self.validation is not None
        frozen = getattr(self.learner, "frozen", None)  # a model without graphs, where there is one
        model, (held_out, told) = self.learner.model if frozen is None else frozen(), self.validation
        n, total = held_out.shape[0], 0.0
        noise, pieces = draw_for(self.objective, held_out, self._rng("validation")), -(-n // self.source.batch_size)
        for k in range(pieces):  # even ones: no rest of a single sample
            start, stop = n * k // pieces, n * (k + 1) // pieces
            part = (held_out[start:stop], rows_of(noise, start, stop), None if told is None else told[start:stop])
            x, its_noise, condition = self._receive(part)
            loss = self.owner.to_numpy(loss_of(self.objective, model, x, its_noise, condition))
            total += float(loss) * (stop - start) / n
        return total

    def _rng(self, *place: int | str) -> Rng:
        """A stream of this run."""
        return self.owner.rng(("fit", self.seed, *place))

    # -------------------------------------------------------- stopping and resuming

    def _stopped(self, by: str, store: Store | None) -> str:
        if store is None:
            where = "no checkpoint folder was given"
        elif self.saved is None:
            where = f"no checkpoint could be written to {store.checkpoints.folder}"
        else:
            late = "" if self.saved == self.step else f", from its step {self.saved}"
            where = f"resume with checkpoint={str(store.checkpoints.folder)!r}{late}"
        return f"fit: stopped by {by} after step {self.step} of {self.steps}; {where}."

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with for its continuation to be the same run."""
        return {
            "backend": self.owner.name,
            "objective": name_of(self.objective),
            "seed": self.seed,
            "streams": STREAMS,
            **self.options,
            **({} if self.dropout is None else {"condition_dropout": self.dropout.p}),
            **self.source.identity(),
        }

    def _keep(self, store: Store) -> None:
        """Write a checkpoint. Training outlives a disk that is full: the run goes on, and the next one is tried."""
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
        """All that the bits of a run depend on beside what makes it another run."""
        settings: dict[str, str] = getattr(self.learner, "settings", {})
        return environment(self.owner, like) | {"processes": str(self.processes.size)} | settings

    @property
    def _on_disk(self) -> str:
        saved = "No checkpoint has been written" if self.saved is None else f"The newest one is of step {self.saved}"
        if self._last:
            return f"{saved}. What was learned is in the result: sk.save(result.model, another folder) keeps it."
        return f"{saved}; training goes on and tries again at the next."

    def _resume(self, store: Store) -> None:
        folder = store.checkpoints.folder
        if not store.checkpoints.steps():
            on_host(self.owner, self.learner.state_dict())  # what cannot be written is refused before the first step
            return
        if not store.resume or not store.named:
            reason = "resume is False" if not store.resume else "rng is None, so that no run can be the same"
            raise CheckpointError(f"{folder} holds a run already and {reason}: choose another folder, or remove it.")
        found = store.checkpoints.newest()
        assert found is not None
        state, description = found
        self._check_identity(folder, description["identity"])
        learned = {key.removeprefix("learner."): v for key, v in state.items() if key.startswith("learner.")}
        try:
            self.learner.load_state_dict(from_host(self.owner, learned))
        except CheckpointError as error:
            raise CheckpointError(f"the run in {folder} is that of another model: {error}") from error
        now = self._environment(next(iter(self.learner.state_dict().values())))
        warn_of_changes(folder, description["environment"], now)
        past = {key.removeprefix("history."): v for key, v in state.items() if key.startswith("history.")}
        self.history = History.from_arrays(past)
        if description["step"] > self.steps:
            raise CheckpointError(
                f"the run in {folder} has done {description['step']} steps already: steps must be at least that, "
                f"got {self.steps}."
            )
        self.step, self.skipped, self.spent = description["step"], description["skipped"], description["spent"]
        self.saved = self.step

    def _check_identity(self, folder: Any, theirs: dict[str, Any]) -> None:
        mine = self._identity()
        if theirs.get("streams") != STREAMS:
            raise CheckpointError(
                f"the run in {folder} was made by a version of scorekit that maps seeds to other random numbers: its "
                "noise cannot be continued. Use that version, or start again in another folder."
            )
        wrong = [f"{key} was {theirs.get(key)}, now {mine[key]}" for key in mine if theirs.get(key) != mine[key]]
        if wrong:
            raise CheckpointError(
                f"the run in {folder} is another one: {'; '.join(wrong)}. Use the same arguments, or another folder."
            )


def _bar(total: int, start: int, shown: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=start, disable=not shown, desc="fit", unit="step", dynamic_ncols=True)


def name_of(thing: Any) -> str:
    """An objective or an optimizer with its options, where its text says the same in every process; else its kind."""
    if isinstance(thing, type):
        return thing.__name__.lower()  # torch.optim.Adam is "adam"
    text = thing if isinstance(thing, str) else repr(thing)
    return type(thing).__name__ if " at 0x" in text else text
