"""The driver: runs the steps of a schedule, records results, and stops if a chain diverges."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from scorekit._allocator import reuse_freed_memory
from scorekit._arrays import as_rng, check_batch
from scorekit._checks import check_arguments, check_count, check_option
from scorekit._progress import progress_bar
from scorekit._score import check_conditional
from scorekit.errors import DivergedError, InvalidTypeError, ShapeError
from scorekit.errors import describe as kind_of
from scorekit.protocols import Array, RngLike, ScoreModel
from scorekit.samplers._context import Context
from scorekit.samplers._divergence import Diagnosis, Growth, describe, examine
from scorekit.samplers._kernel import Kernel, Row, Schedule, Step
from scorekit.samplers._level_check import compare_levels, compare_start
from scorekit.samplers._log_density import score_model
from scorekit.samplers._recorder import Recorder, Taken
from scorekit.samplers._resolution import Resolution
from scorekit.samplers._state_check import check_state
from scorekit.samplers.state import Samples, State

__all__ = ["ChainSampler"]

Observer = Callable[[Taken, Mapping[str, float]], None]


class ChainSampler(ABC):
    """Base class of samplers. A subclass defines :meth:`schedule`.

    >>> import scorekit as sk
    >>> sampler = sk.samplers.Langevin(0.1, steps=10)
    >>> isinstance(sampler, ChainSampler), len(sampler.schedule())
    (True, 10)
    """

    @abstractmethod
    def schedule(self) -> Schedule:
        """The rows of a run, one per step, and their kernels."""

    def advice(self, diagnosis: Diagnosis) -> str:  # noqa: ARG002
        """A sentence that tells the user how to fix a divergence."""
        return "Check that the score points toward high density there, take smaller steps, or start nearer to the data."

    def observer(self, context: Context) -> Observer | None:  # noqa: ARG002
        """A function that is called with each recorded step and its statistics, to warn; None by default."""
        return None

    def sample(
        self,
        model: ScoreModel,
        x0: Array,
        rng: RngLike = None,
        keep_every: int | None = None,
        progress: bool = False,
        callback: Callable[[State], Any] | None = None,
    ) -> Samples:
        """Run the chains to the end of the schedule.

        Args:
            model: the score model s(x, sigma), or a density of :mod:`scorekit.distributions`.
            x0: the initial points, shape ``(n, *event)``, one row per chain; never changed.
            rng: an Rng, a seed or None for fresh entropy. The same seed gives the same chains, bit for bit.
            keep_every: k >= 1 to keep the positions after steps k, 2k, … and the last one; None to keep none.
            progress: show a progress bar on standard error.
            callback: called with a :class:`State` after every step.

        Returns:
            :class:`Samples`: ``x`` like ``x0``, ``trajectory`` of shape ``(kept, n, *event)`` or None, ``stats``.

        Raises:
            DivergedError: the squared norm of a chain is NaN or infinite, or its norm exceeds 10⁶ times the scale of
                the run. The scale is the largest of the norms of the chains before and after the first step,
                sigma · sqrt(d) at the largest level, and sqrt(step size · d) at the largest step.
            ShapeError: ``x0`` has no batch axis, or the model or a kernel returned the wrong shape.
            TypeError: ``model`` or ``callback`` is not a function, the model takes no sigma but the sampler has noise
                levels, or the model or a kernel returned the wrong dtype.
            ValueError: ``x0`` is not finite, ``keep_every`` is below 1, or the trajectory does not fit into memory.

        Warns:
            RuntimeWarning: once per run each, if the noise levels are outside of those on which the network was trained
                (by more than a factor of 1.5), or if steps are lost to rounding in the dtype of ``x0``.
        """
        keep_every = None if keep_every is None else check_count(keep_every, "keep_every")
        check_option(progress, "progress", (True, False))
        if callback is not None:
            check_arguments(callback, "callback", ("state",))
        run = self._begin(model, x0, rng)
        recorder = Recorder(run.context, run.total, keep_every)
        recorder.check_memory()
        with closing(self._recorded(run, recorder)) as steps:
            for taken in _with_bar(steps, type(self).__name__, run.total) if progress else steps:
                if callback is not None:
                    callback(_state(taken, run.context))
        return Samples(run.context.result(taken.step.x), recorder.trajectory(), recorder.stats())

    def iterate(self, model: ScoreModel, x0: Array, rng: RngLike = None) -> Iterator[State]:
        """Run the chains of :meth:`sample` as a generator that yields a :class:`State` after each step.

        The same seed gives the same states, bit for bit. The arguments are checked immediately.
        """
        run = self._begin(model, x0, rng)
        return (_state(taken, run.context) for taken in self._recorded(run, Recorder(run.context, run.total, None)))

    def _recorded(self, run: _Run, recorder: Recorder) -> Generator[Taken, None, None]:
        """The steps of a run, after they are recorded and observed."""
        observe = self.observer(run.context)
        for taken in run.steps():
            if recorder.wants(taken.number):
                with run.context.quiet():
                    record = recorder.record(taken)
                    if observe is not None:
                        observe(taken, record)
            yield taken

    def _begin(self, model: ScoreModel, x0: Array, rng: RngLike) -> _Run:
        reuse_freed_memory()
        stream = as_rng(rng, check_batch(x0, "x0"), f"{type(self).__name__}.sample")
        context, schedule = Context(model, x0, stream), self.schedule()
        if schedule.rows[0].sigma is not None:
            check_conditional(
                score_model(model),
                f"{type(self).__name__} needs the score at each noise level",
                "For a score without noise, or at one level (sk.models.at), use Langevin.",
            )
        compare_levels(model, schedule.extremes)
        compare_start(context, schedule.extremes)
        return _Run(context, schedule, self.advice)


class _Run:
    """One run: the positions and the state of each kernel."""

    def __init__(self, context: Context, schedule: Schedule, advice: Callable[[Diagnosis], str]) -> None:
        self.context, self.total = context, len(schedule)
        self._schedule, self._advice = schedule, advice
        self._states: dict[int, Any] = {}
        self._x = context.copy_in(context.x0)
        self._init(schedule.rows[0])

    def _init(self, row: Row) -> None:
        with self.context.quiet():
            self._states[row.kernel] = self._schedule.kernels[row.kernel].init(self._x, row, self.context)

    def steps(self) -> Generator[Taken, None, None]:
        before: Row | None = None
        with self.context.quiet():
            growth = Growth(self._x, self._schedule.extremes, self.context)
            resolution = Resolution(self._x, self.context)
        for number, row in enumerate(self._schedule.rows, start=1):
            kernel = self._schedule.kernels[row.kernel]
            entered = row is not before and (before is None or row[:2] != before[:2] or row.kernel != before.kernel)
            if entered:
                self._enter(kernel, row)
            with self.context.quiet():
                step = kernel.step(self._x, self._states[row.kernel], row, self.context)
                self._check(step, kernel, row)
                taken = Taken(number, row, step)
                if not growth.is_well(step.x):
                    self._raise(taken, growth)
                if number == 1:
                    growth.follow_first(step.x)
                resolution.check(row, growth.root_mean_square, number)
            self._x, self._states[row.kernel], before = step.x, step.state, row
            yield taken

    def _enter(self, kernel: Kernel, row: Row) -> None:
        if row.kernel not in self._states:
            self._init(row)
        with self.context.quiet():
            state = kernel.enter(self._x, self._states[row.kernel], row, self.context)
        check_state(self._states[row.kernel], state, kernel)
        self._states[row.kernel] = state

    def _check(self, step: Step, kernel: Kernel, row: Row) -> None:
        if not isinstance(step, Step):
            raise InvalidTypeError(
                f"a step of {type(kernel).__name__} returned a {kind_of(step)}: expected a Step(x, state)."
            )
        if tuple(step.x.shape) != tuple(self._x.shape):
            raise ShapeError(
                f"a step of {type(kernel).__name__} returned x of shape {tuple(step.x.shape)}: expected "
                f"{tuple(self._x.shape)}, the shape of its input."
            )
        if step.x.dtype != self._x.dtype:
            raise InvalidTypeError(
                f"a step of {type(kernel).__name__} returned x of dtype {step.x.dtype}: expected that of x0, "
                f"{self._x.dtype}."
            )
        if step.state is not None or self._states[row.kernel] is not None:
            check_state(self._states[row.kernel], step.state, kernel)

    def _raise(self, taken: Taken, growth: Growth) -> None:
        diagnosis = examine(taken, self._x, growth, self.context)
        happened = describe(taken, self._schedule, diagnosis, self.context)
        raise DivergedError(f"{happened} {self._advice(diagnosis)}")


def _state(taken: Taken, context: Context) -> State:
    row = taken.row
    return State(context.result(taken.step.x), taken.number, row.level, row.sigma, row.step_size)


def _with_bar(steps: Iterable[Taken], name: str, total: int) -> Iterator[Taken]:
    with progress_bar(total, name) as bar:
        for taken in steps:
            if taken.row.sigma is not None:
                bar.set_postfix(sigma=f"{taken.row.sigma:.4g}", refresh=False)
            bar.update()
            yield taken
