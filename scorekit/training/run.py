"""A training run: its steps and its history."""

from __future__ import annotations

import math
import pickle
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from scorekit._arrays import host
from scorekit._conditions import dropped
from scorekit._progress import progress_bar, say
from scorekit._tables import html_text
from scorekit.errors import CheckpointError, NonFiniteError, RunError
from scorekit.learning import draw_for, loss_of, rows_of
from scorekit.learning.process_group import process_group_of
from scorekit.learning.trained_levels import set_trained_levels
from scorekit.protocols import Array, Backend, Learner, Objective, Rng, ScoreModel, StepInfo
from scorekit.training.failure import keep_result
from scorekit.training.history import History
from scorekit.training.interrupt import StopBetweenSteps
from scorekit.training.sources import Batch, Source
from scorekit.training.sources.seeding import GlobalDraws, seeded
from scorekit.training.store import Store
from scorekit.training.summary import summary_lines

__all__ = ["Dropout", "FitResult", "FitState", "Run"]

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
        interrupted: True if a signal, a callback or an error stopped the run before the last step.
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

    def _repr_html_(self) -> str:
        return html_text(str(self))


class KeptResult(FitResult):
    """The result at an error. Where it cannot be pickled, None is, so that the error itself reaches another process."""

    def __reduce__(self) -> Any:
        """As of any object, if its parts can be pickled."""
        try:
            return FitResult, tuple(pickle.loads(pickle.dumps([getattr(self, f.name) for f in fields(self)])))
        except Exception:  # pickle raises many kinds
            return type(None), ()


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
        self._draws = GlobalDraws()

    def go(self, store: Store | None, progress: bool) -> FitResult:
        """Run the remaining steps, and write checkpoints. Errors leave with the result so far."""
        self.processes.check_same("the seed", self.seed)  # a barrier: the files of an earlier run are complete
        if store is not None:
            store.restore(self)
        self.processes.check_same("the step to resume from", self.step)
        first = self.processes.rank == 0
        store = store if first else None
        try:
            with (
                progress_bar(self.steps, "fit", initial=self.step, shown=progress and first) as bar,
                StopBetweenSteps() as stop,
            ):
                self._train(stop, store, bar)
                if store is not None and self.saved != self.step:
                    self._keep(store)
            if stop.requested and first:
                say(self._stopped(stop.requested, store))
            stop.pass_on()
        except BaseException as error:
            keep_result(error, self, store, KeptResult)
            raise
        return self.result()

    def result(self, kind: type[FitResult] = FitResult) -> FitResult:
        """The result so far."""
        model = self.learner.model
        set_trained_levels(model, getattr(self.objective, "sampling_levels", None))
        return kind(model, self.history, self.step, self.step < self.steps, self.saved)

    def _train(self, stop: StopBetweenSteps, store: Store | None, bar: Any) -> None:
        """Make steps until the last one, or until one of the processes is asked to stop or has an error."""
        started, done = time.perf_counter() - self.spent, False
        error: Exception | None = None
        while not self._last:
            batch = None
            try:
                if not (done or error or stop.requested):
                    batch = self._fetch(stop)
            except Exception as caught:
                if self.processes.size == 1:
                    raise
                error = caught  # raised when all processes know of it
            held = self.processes.any(batch is None or batch.fault is not None)
            if held and self._ends(batch, error):
                return
            info = StepInfo(math.nan, math.nan, applied=False) if held or batch is None else self._step(batch)
            self._count(info)
            self.spent = time.perf_counter() - started
            try:
                done = self._record(info)
            except Exception as caught:
                if self.processes.size == 1:
                    raise
                error = caught  # raised when all processes know of it
            bar.set_postfix(loss=f"{info.loss:.4g}", samples=self._rate(bar), refresh=False)
            bar.update()
            if store is not None and self.step % store.every == 0 and not (self._last or done or stop.requested):
                self._keep(store)
        if error is not None:
            raise error

    def _fetch(self, stop: StopBetweenSteps) -> Batch | None:
        """The next batch; None if a signal to stop has also ended the processes that read the data."""
        try:
            with stop.fetching():
                batch = self.source.batch(self.step, self.processes.rank, self.processes.size)
        except Exception:
            if stop.requested or (self.source.has_workers and stop.arrives()):
                return None
            raise
        if batch.fault is not None and not self.skip:
            raise NonFiniteError(
                f"{batch.fault}, read for step {self.step + 1} of {self.steps}. Weights, EMA and optimizer are those "
                'before this step. Correct or remove these samples, or pass on_nonfinite="skip".'
            )
        return batch

    def _ends(self, batch: Batch | None, error: Exception | None) -> bool:
        """Whether the run ends before this step, in all processes; False if the step is skipped.

        Raises:
            Exception: the error of this process, or one that says that another process has an error.
        """
        if self.processes.any(error is not None):
            raise error or RunError(
                "another process of this run has an error, which it reports: this one stops as well."
            )
        return self.processes.any(batch is None)

    def _step(self, batch: Batch) -> StepInfo:
        rng = self._rng("noise", self.step)
        x, condition = self._receive((batch.x, self._dropped(batch)))
        with self._draws(("fit", self.seed, "layers", self.step)):
            return self.learner.step(x, rng, condition=condition, start=batch.start, total=batch.total)

    def _dropped(self, batch: Batch) -> Array | None:
        """The conditions of a batch, some replaced by the null condition. The draws are those of the whole batch."""
        if self.dropout is None or batch.condition is None:
            return batch.condition
        uniform = self._rng("dropout", self.step).uniform((batch.total,), like=batch.x)
        return dropped(batch.condition, uniform[batch.start : batch.stop], *self.dropout)

    def _count(self, info: StepInfo) -> None:
        """Count a step; an error if it was not applied and may not be skipped."""
        skipped = 0 if info.applied else self.skipped + 1
        if skipped and not (self.skip and skipped < _SKIPS_IN_A_ROW):
            raise NonFiniteError(self._not_applied(info, skipped))
        self.step, self.skipped = self.step + 1, skipped

    def _not_applied(self, info: StepInfo, skipped: int) -> str:
        often = f" ({skipped} steps in a row)" if self.skip else ""
        way = "" if self.skip else ', or pass on_nonfinite="skip"'
        place = f"step {self.step + 1} of {self.steps}{often}"
        if info.reason:
            return f"{place}: {info.reason}{way}. Weights, buffers, EMA and optimizer are those before this step."
        return (
            f"loss {info.loss} and gradient norm {info.grad_norm} at {place}. Weights, EMA and optimizer are those "
            f"before this step. Check the model at large inputs, lower learning_rate or gradient_clip{way}."
        )

    def _record(self, info: StepInfo) -> bool:
        """Record the step and call the callbacks. True if one of them ends the run."""
        self.history.append(
            step=self.step, loss=info.loss, grad_norm=info.grad_norm, seconds=self.spent, applied=info.applied
        )
        if self.validation is not None and (self.step % max(1, self.steps // _VALIDATIONS) == 0 or self._last):
            self.history.append(validation_step=self.step, validation_loss=self._validate())
        state = FitState(self.step, self.steps, info, self.learner, self.history)
        asked = [callback(state) is True for callback in self.callbacks]
        return any(asked)

    def _rate(self, bar: Any) -> str:
        """Samples per second, from the steps per second of the bar."""
        rate = bar.format_dict["rate"] or 0.0
        return f"{rate * self.source.batch_size:.3g}/s"

    @property
    def _last(self) -> bool:
        return self.step >= self.steps

    def _validate(self) -> float:
        """The loss of the EMA model on the held-out data, in batches of at most the batch size of the run."""
        assert self.validation is not None
        with seeded(self.owner.name, ("fit", self.seed, "validation")):
            return self._held_out_loss(*self.validation)

    def _held_out_loss(self, held_out: Array, told: Array | None) -> float:
        frozen = getattr(self.learner, "frozen", None)  # a model that records no gradients, if available
        model = self.learner.model if frozen is None else frozen()
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

    # -------------------------------------------------------- stopping

    def _keep(self, store: Store) -> None:
        """Write a checkpoint. If this fails, for instance because the disk is full, warn and continue."""
        try:
            store.write(self)
        except CheckpointError as error:
            warnings.warn(
                f"fit, step {self.step} of {self.steps}: {error} {self._on_disk}", RuntimeWarning, stacklevel=5
            )

    @property
    def _on_disk(self) -> str:
        saved = "There is no checkpoint" if self.saved is None else f"The newest checkpoint is of step {self.saved}"
        if self._last:
            return f"{saved}. The weights are in the result: save them with sk.save(result.model, another_folder)."
        return f"{saved}. Training continues, and the next checkpoint will be tried."

    def _stopped(self, by: str, store: Store | None) -> str:
        if store is None:
            where = "there is no checkpoint folder"
        elif self.saved is None:
            where = f"no checkpoint could be written to {store.checkpoints.folder}"
        else:
            late = "" if self.saved == self.step else f", from its step {self.saved}"
            where = f"resume with checkpoint={str(store.checkpoints.folder)!r}{late}"
        return f"fit: stopped by {by} after step {self.step} of {self.steps}; {where}."
