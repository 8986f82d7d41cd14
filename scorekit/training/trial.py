"""A copy of a model for computations before the first step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from scorekit._arrays import constant, event_size
from scorekit._conditions import dropped
from scorekit._score import inside, score_function
from scorekit.learning.threads import ThreadLock
from scorekit.learning.views import innermost, trainable, units_of, without_units
from scorekit.objectives._base import CheckedScore
from scorekit.protocols import Array, Learner
from scorekit.registry import array_namespace, backend_of
from scorekit.training.sources import Source

__all__ = ["Trial", "other_conditions", "still_in_training"]

_FILTERS = ThreadLock()  # all threads share the filters of warnings
_STEPS = 4  # with a zero last layer, earlier layers have zero gradients at the first step, and so on
_RATE = 3e-3
_BATCH = 2**22  # entries of the batch on which parameters without a gradient are tried again
_ROWS, _NUMBERS = 16, 2**13  # samples of a trial: at most this many, with at most so many entries


class Trial:
    """A model in evaluation mode that has made a few steps towards arbitrary values, and some samples of the data.

    A new network often ends in zeros: its score, and with it all derivatives, vanish. After the steps they do not.

    Attributes:
        model: the copy.
        x, sigma, condition: what it is called with, standardized if the model has units; sigma has the largest and the
            smallest level of the objective in turn.
        still: the names of the parameters that the steps did not change, because they got no gradient.
    """

    def __init__(self, learner: Learner, objective: Any, source: Source, levels: tuple[float | None, ...]) -> None:
        model: Any = learner.model
        self.owner = source.owner
        x, self.condition = samples(learner, source, _ROWS, _NUMBERS)
        x = getattr(objective, "as_seen", lambda x: x)(x)
        units = units_of(model)
        self.x = x if units is None else units.to_standard(x)
        each = None if levels[0] is None else np.resize(np.asarray(levels, float), self.x.shape[0])
        self.sigma = None if each is None else constant(each, self.x)
        self._loss: Callable[[Any], Array] = self._distance
        trained = self._learner(model, _RATE)
        self.names = list(trainable(model))
        self.still = unmoved(trained, self.names, self.x, self.condition)
        self.model: Any = trained.model

    @cached_property
    def _measured(self) -> Learner:
        return self._learner(self.model, 1e-12)

    def forget(self) -> None:
        """Measure the next gradient with the model as it is now."""
        self.__dict__.pop("_measured", None)

    def _learner(self, model: Any, rate: float) -> Learner:
        objective: Any = lambda model, x, rng, condition=None: self._loss(model)  # noqa: E731
        return self.owner.learner(model, objective, learning_rate=rate, gradient_clip=None, ema=None)

    def _distance(self, model: Any) -> Array:
        """A loss that fits the score to fixed values and depends on every parameter."""
        target = self.owner.rng(("trial", "target")).normal(tuple(self.x.shape), like=self.x)
        s = CheckedScore(model, self.condition)(self.x, self.sigma)
        return array_namespace(s).mean((s - target) ** 2)

    def gradient_norm(self, loss: Callable[[Any], Array]) -> float:
        """The norm of the gradient of ``loss(model)``, a scalar, with respect to all parameters."""
        self._loss = loss
        return self._measured.step(self.x, self.owner.rng(0), condition=self.condition).grad_norm

    def same(self, model: Any, sigma: Any, other: Any = None, conditions: Array | None = None) -> bool:
        """Whether ``model`` has equal outputs at two levels, or with the condition and with ``conditions``."""
        call = score_function(model)
        one = call(self.x, sigma, self.condition)
        two = call(self.x, sigma if other is None else other, self.condition if conditions is None else conditions)
        return np.array_equal(self.owner.to_numpy(one), self.owner.to_numpy(two))

    def host(self, x: Array) -> Any:
        """``x`` on the host, in float64."""
        return self.owner.to_numpy(x).astype(float)

    def parts(self) -> list[Any]:
        """The model and the models inside its views, for standardized samples if it has units."""
        found = [self.model if units_of(self.model) is None else without_units(self.model)]
        while inside(found[-1]) is not None:
            found.append(inside(found[-1]))
        return found


def unmoved(learner: Learner, names: list[str], x: Array, condition: Array | None) -> list[str]:
    """The parameters among ``names`` that a few steps do not change, because they get no gradient."""
    owner = backend_of(x)

    def values() -> dict[str, Any]:
        state = {name.partition(".")[2]: value for name, value in learner.state_dict().items()}
        return {name: owner.to_numpy(state[name]).copy() for name in names if name in state}

    before = values()
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # autograd's, if nothing gets a gradient
        for step in range(_STEPS):
            learner.step(x, owner.rng(("trial", step)), condition=condition)
    after = values()
    return [name for name in names if name in before and np.array_equal(before[name], after[name])]


def still_in_training(learner: Learner, objective: Any, source: Source, names: list[str], null: Any) -> list[str]:
    """The parameters among ``names`` that training leaves as they are: a whole batch, in training mode.

    Half of the conditions are the null condition ``null``, if there is one. Large steps also change weights in half
    precision.
    """
    model: Any = learner.model
    network = innermost(model)
    if hasattr(network, "train"):
        network.train()
    x, condition = samples(learner, source, source.batch_size, _BATCH)
    if null is not None and condition is not None:
        half = array_namespace(x).arange(x.shape[0], dtype=x.dtype) % 2
        condition = dropped(condition, half, 0.5, null)
    trained = source.owner.learner(model, objective, learning_rate=0.1, gradient_clip=None, ema=None)
    return unmoved(trained, names, x, condition)


def samples(learner: Learner, source: Source, rows: int, entries: int) -> tuple[Array, Array | None]:
    """At most ``rows`` random samples with at most so many ``entries``, with their conditions."""
    n, told, take = source.first.shape[0], source.checked_first(), source.owner.xp.take
    size = min(n, max(2, min(rows, entries // event_size(source.first))))
    chosen = source.owner.rng(("trial", "rows")).choice(n, (size,), replace=False)
    x = take(source.first, chosen, axis=0), None if told is None else take(told, chosen, axis=0)
    receive: Any = getattr(learner, "receive", lambda batch: batch)
    return receive(x)  # type: ignore[no-any-return]


def other_conditions(learner: Learner, source: Source, size: int, number: int) -> Array:
    """The conditions of ``size`` random samples; another ``number`` gives others."""
    told = source.checked_first()
    chosen = source.owner.rng(("trial", "conditions", number)).choice(source.first.shape[0], (size,), replace=False)
    receive: Any = getattr(learner, "receive", lambda batch: batch)
    return receive(source.owner.xp.take(told, chosen, axis=0))
