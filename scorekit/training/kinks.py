"""Scores whose trace autodiff cannot differentiate, because a derivative of the score jumps (ReLU).

Let g be the derivative of v·s with respect to the parameters. Along a segment from a to b, g(b) − g(a) is the integral
of the derivative that autodiff computes, plus the jumps of g. Autodiff misses the jumps, in the expectation of a trace
as on a segment. A segment is halved towards the largest change. On a very short segment only the jumps are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from scorekit._arrays import constant, event_sum, expand
from scorekit.learning.views import trainable
from scorekit.objectives._base import CheckedScore
from scorekit.protocols import Array
from scorekit.registry import array_namespace
from scorekit.training.trial import Trial

__all__ = ["Segments", "derivatives_jump", "is_cut", "score_jumps", "segments_of"]

_HALVINGS = 18
_COARSE = 4  # halvings of a segment that is long compared with rounding errors, and short compared with the data
_RELATIVE = 1e-5  # the smallest jump that counts, relative to the whole; more in float32
_CUT = 0.3  # the largest proportion of a change that the trapezoid rule may miss over a coarse part
_LATER, _SHRINKS = 9, 32  # a smooth change shrinks by more in the last halvings, jumps at most by their number's root
_CLEAR = 10  # a jump is larger than the changes of equally short segments elsewhere by this factor


class Segments:
    """Segments from rows ``a`` to rows ``b``, and what a model does between their ends."""

    def __init__(self, trial: Trial, a: Array, b: Array, rows: slice) -> None:
        self.trial, self.a, self.b, self.rows = trial, a, b, rows
        self.condition = None if trial.condition is None else trial.condition[rows]
        self.sigma = None if trial.sigma is None else trial.sigma[rows]
        self.v = trial.owner.rng(("trial", "direction")).normal(tuple(a.shape), like=a)
        precision = float(np.finfo(str(a.dtype).rpartition(".")[2]).eps)
        self.halvings = self._resolved(precision)
        self.smallest = max(_RELATIVE, 1e3 * precision)

    @cached_property
    def rough(self) -> list[tuple[Array, Array]]:
        """The parts found by halving towards the larger change of s and ∇(v·s), the shortest last."""
        return list(self._halved())

    def score(self, model: Any, x: Array) -> Array:
        """The score at points of the segments."""
        return CheckedScore(model, self.condition)(x, self.sigma)

    def both(self, x: Array) -> tuple[Any, Any]:
        """The score and ∇(v·s) at ``x``, on the host, one row per segment."""
        found = self.trial.owner.vjp(lambda y: self.score(self.trial.model, y), x, self.v)
        return self._flat(found[0]), self._flat(found[1])

    def _flat(self, x: Array) -> Any:
        return self.trial.host(x).reshape(x.shape[0], -1)

    def change(self, model: Any, a: Array, b: Array) -> Array:
        """v·(s(b) − s(a)) of each segment."""
        return event_sum(self.v * (self.score(model, b) - self.score(model, a)))

    def predicted(self, model: Any, a: Array, b: Array) -> Array:
        """The same by the derivatives at both ends, the trapezoid rule."""
        pulled = [self.trial.owner.vjp(lambda y: self.score(model, y), x, self.v)[1] for x in (a, b)]
        return 0.5 * event_sum((b - a) * (pulled[0] + pulled[1]))

    def missed(self, a: Array, b: Array) -> float:
        """The norm of the derivative of (change − predicted) with respect to the parameters."""
        xp = array_namespace(a)
        return self.trial.gradient_norm(lambda m: xp.sum(self.change(m, a, b) - self.predicted(m, a, b)))

    def part(self, halvings: int) -> tuple[Array, Array]:
        """A part of each segment, of length 2^−halvings, at a place that depends on nothing."""
        start = 0.3 * self.a + 0.7 * self.b
        return start, start + (self.b - self.a) * 2.0**-halvings

    def _resolved(self, precision: float) -> int:
        """The number of halvings after which the ends are still distinct numbers."""
        a, b = self._flat(self.a), self._flat(self.b)
        lengths = np.median(np.abs(b - a).max(axis=1)) / (precision * np.abs(a).max() + 1e-300)
        return int(np.clip(np.log2(max(lengths, 1.0)) - 5, 0, _HALVINGS))

    def _halved(self) -> Iterator[tuple[Array, Array]]:
        a, b = self.a, self.b
        at_a, at_b = self.both(a), self.both(b)
        size, slope = (max(float(np.median(np.linalg.norm(part, axis=1))), 1e-300) for part in at_a)
        length = np.median(np.linalg.norm(self._flat(b) - self._flat(a), axis=1))
        scales = size, max(slope, 1e-3 * size / length)  # a score of constant pieces has a slope of rounding errors

        def rough(one: Any, two: Any) -> Any:
            parts = zip(one, two, scales, strict=True)
            return sum(np.linalg.norm(p - q, axis=1) / scale for p, q, scale in parts)

        for _ in range(self.halvings):
            middle = 0.5 * (a + b)
            at_middle = self.both(middle)
            left = rough(at_a, at_middle) >= rough(at_middle, at_b)
            chosen = expand(constant(left.astype(float), a), a)
            a, b = chosen * a + (1 - chosen) * middle, chosen * middle + (1 - chosen) * b
            at_a = _either(left, at_a, at_middle)
            at_b = _either(left, at_middle, at_b)
            yield a, b


def _either(left: Any, one: Any, two: Any) -> Any:
    return tuple(np.where(left[:, None], p, q) for p, q in zip(one, two, strict=True))


def segments_of(trial: Trial) -> Segments | None:
    """Segments between the samples of a trial; None if no two samples are distinct, or weights have half precision.

    Weights in half precision round x, so that every score consists of steps.
    """
    half = any(getattr(value.dtype, "itemsize", 4) < 4 for value in trainable(trial.model).values())
    lines = 0 if half else trial.x.shape[0] // 2
    segments = Segments(trial, trial.x[:lines], trial.x[lines : 2 * lines], slice(lines)) if lines else None
    return segments if segments is not None and segments.halvings > _LATER else None


def derivatives_jump(segments: Segments) -> bool:
    """Whether autodiff misses jumps of the derivative of the score with respect to the parameters."""
    xp, norm = array_namespace(segments.a), segments.trial.gradient_norm
    whole = norm(lambda model: xp.sum(event_sum(segments.v * segments.score(model, segments.a))))
    jump, usual = segments.missed(*segments.rough[-1]), segments.missed(*segments.part(segments.halvings))
    longer = segments.missed(*segments.rough[-_LATER])
    if jump <= max(segments.smallest * whole, longer / _SHRINKS):
        return False
    if jump > _CLEAR * usual:
        return True
    coarse = segments.part(_COARSE)  # a network with so many kinks that the shortest segments contain some
    return segments.missed(*coarse) > 0.5 * norm(lambda model: xp.sum(segments.change(model, *coarse)))


def score_jumps(segments: Segments) -> bool:
    """Whether the score itself jumps."""
    model = segments.trial.model
    jump, usual, whole = (
        float(np.linalg.norm(segments.trial.host(part)))
        for part in (
            segments.change(model, *segments.rough[-1]),
            segments.change(model, *segments.part(segments.halvings)),
            event_sum(segments.v * segments.score(model, segments.a)),
        )
    )
    return jump > segments.smallest * whole and jump > _CLEAR * usual


def is_cut(segments: Segments) -> bool:
    """Whether the derivative of the score with respect to x misses much of its change over most segments."""
    model, flat = segments.trial.model, segments.trial.host
    level = np.abs(flat(event_sum(segments.v * segments.score(model, segments.a))))

    def misses(halvings: int) -> bool:
        change, predicted = (flat(f(model, *segments.part(halvings))) for f in (segments.change, segments.predicted))
        return bool(np.median(np.abs(change - predicted) - _CUT * np.abs(change) - segments.smallest * level) > 0)

    return misses(_COARSE) and misses(2 * _COARSE)  # a steep score needs the shorter ones
