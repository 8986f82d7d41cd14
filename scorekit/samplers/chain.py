"""The driver: walks a plan of stages, keeps what was asked for, stops when a chain diverges."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

from scorekit._allocator import reuse_freed_memory
from scorekit._arrays import as_rng, check_batch, check_count, check_option
from scorekit._score import check_conditional
from scorekit.errors import DivergedError, InvalidTypeError
from scorekit.protocols import Array, RngLike, ScoreModel
from scorekit.registry import describe as kind_of
from scorekit.samplers.divergence import Autopsy, count_lost, describe, examine, is_finite
from scorekit.samplers.kernels import Stage
from scorekit.samplers.records import Recorder, Tick
from scorekit.samplers.state import Samples, State
from scorekit.samplers.walk import Walk

__all__ = ["ChainSampler"]


class ChainSampler(ABC):
    """What every sampler can do, given its plan.

    >>> import scorekit as sk
    >>> sampler = sk.samplers.Langevin(0.1, steps=10)
    >>> isinstance(sampler, ChainSampler), [stage.steps for stage in sampler.plan()]
    (True, [10])
    """

    @abstractmethod
    def plan(self) -> tuple[Stage, ...]:
        """The stages of a run, in order."""

    @abstractmethod
    def advice(self, autopsy: Autopsy) -> str:
        """What the user should change after a divergence, as a sentence."""

    def stages(self, walk: Walk) -> tuple[Stage, ...]:  # noqa: ARG002
        """The plan of one run, for a sampler that has to know its arrays; by default :meth:`plan`."""
        return self.plan()

    def sample(
        self,
        model: ScoreModel,
        x0: Array,
        rng: RngLike = None,
        keep_every: int | None = None,
        progress: bool = False,
        callback: Callable[[State], Any] | None = None,
    ) -> Samples:
        """Run the chains to the end of the plan.

        Args:
            model: the score model s(x, sigma).
            x0: the start, shape ``(n, *event)``, one chain a row; never changed.
            rng: an Rng, a seed or None for fresh entropy. The same seed gives the same chains, bit for bit.
            keep_every: k >= 1 to keep the states after steps k, 2k, … and the last one; None to keep none.
            progress: show a bar on standard error.
            callback: called with a :class:`State` after every step.

        Returns:
            :class:`Samples`: ``x`` like ``x0``, ``trajectory`` of shape ``(kept, n, *event)`` or None, ``stats``.

        Raises:
            DivergedError: a chain has left the finite numbers (its squared norm is NaN or infinite).
            ShapeError, TypeError, ValueError: an argument, or what the model returned, is not as described.
        """
        keep_every = None if keep_every is None else check_count(keep_every, "keep_every")
        check_option(progress, "progress", (True, False))
        if callback is not None and not callable(callback):
            raise InvalidTypeError(f"callback is a {kind_of(callback)}: expected a function of a State, or None.")
        walk, plan = self._begin(model, x0, rng)
        recorder = Recorder(walk, _length(plan), keep_every)
        x = x0
        with closing(self._ticks(walk, plan)) as ticks:
            for tick in _with_bar(ticks, type(self).__name__, _length(plan)) if progress else ticks:
                if recorder.wants(tick.step):
                    with walk.quiet():
                        recorder.record(tick)
                x = tick.moved.x
                if callback is not None:
                    callback(_state(tick, walk))
        return Samples(walk.layout.leave(x), recorder.trajectory, recorder.stats())

    def iterate(self, model: ScoreModel, x0: Array, rng: RngLike = None) -> Iterator[State]:
        """The chains of :meth:`sample` as a generator: a :class:`State` after each step.

        The same seed gives the same states, bit for bit. The arguments are checked at once, not at the first step.
        """
        walk, plan = self._begin(model, x0, rng)
        return (_state(tick, walk) for tick in self._ticks(walk, plan))

    def _begin(self, model: ScoreModel, x0: Array, rng: RngLike) -> tuple[Walk, tuple[Stage, ...]]:
        reuse_freed_memory()
        walk = Walk(model, check_batch(x0, "x0"), as_rng(rng, x0, f"{type(self).__name__}.sample"))
        plan = self.stages(walk)
        if any(stage.sigma is not None for stage in plan):
            check_conditional(
                model,
                f"{type(self).__name__} asks it for the score at each noise level",
                "For a score without noise, or of one level (sk.models.at), use Langevin.",
            )
        return walk, plan

    def _ticks(self, walk: Walk, plan: tuple[Stage, ...]) -> Generator[Tick, None, None]:
        step, x = 0, walk.layout.enter(walk.x0)
        for stage in plan:
            with walk.quiet():
                carry = stage.kernel.init(x, stage.sigma, walk)
            for step in range(step + 1, step + stage.steps + 1):  # noqa: B020
                with walk.quiet():
                    tick = Tick(step, stage, stage.kernel.step(x, carry, stage.sigma, walk))
                    if not is_finite(tick.moved.x, walk):
                        self._raise_if_lost(walk, plan, tick, x)
                x, carry = tick.moved.x, tick.moved.carry
                yield tick

    def _raise_if_lost(self, walk: Walk, plan: tuple[Stage, ...], tick: Tick, before: Array) -> None:
        """A sum over all chains may overflow while each chain is well: count before raising."""
        lost = count_lost(tick.moved.x, walk)
        if lost:
            autopsy = examine(walk, tick, before, lost)
            raise DivergedError(f"{describe(tick, plan, autopsy, walk)} {self.advice(autopsy)}")


def _length(plan: tuple[Stage, ...]) -> int:
    return sum(stage.steps for stage in plan)


def _state(tick: Tick, walk: Walk) -> State:
    stage = tick.stage
    return State(walk.layout.leave(tick.moved.x), tick.step, stage.level, stage.sigma, stage.kernel.step_size)


def _with_bar(ticks: Iterable[Tick], name: str, total: int) -> Iterator[Tick]:
    from tqdm import tqdm

    with tqdm(ticks, desc=name, total=total, unit="step") as bar:
        for tick in bar:
            if tick.stage.sigma is not None:
                bar.set_postfix(sigma=f"{tick.stage.sigma:.4g}", refresh=False)
            yield tick
