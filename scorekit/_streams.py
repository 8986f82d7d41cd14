"""Random numbers of a batch that is worked on in parts.

A batch may be cut over processes, or passed through a network in pieces to save memory. Neither may change what is
learned: the noise of a sample is the one that it has in the whole batch. So the draws are made for the whole, once,
and each part is handed the rows of its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scorekit._arrays import constant
from scorekit.errors import InvalidTypeError, InvalidValueError
from scorekit.protocols import Array, Rng, Shape

__all__ = ["Draws", "PartRng", "aside", "strata"]


def strata(rng: Rng, n: int, like: Array | None = None) -> Array:
    """``n`` uniforms on [0, 1), one in each n-th of it, in random order: each is uniform, all together are even."""
    if isinstance(rng, PartRng):
        return rng.strata(n, like)
    shift = rng.uniform((1,), like)
    order = constant(rng.choice(n, (n,), replace=False), shift)  # integers come from the host
    return (order + shift) / n


def aside(rng: Rng) -> Rng:
    """A child of ``rng`` whose making leaves no trace there: all that is drawn and spawned later stays the same.

    >>> import scorekit as sk
    >>> rng = sk.rng(0)
    >>> child = aside(rng)
    >>> bool((rng.spawn(1)[0].normal((2,)) == sk.rng(0).spawn(1)[0].normal((2,))).all())
    True
    """
    if isinstance(rng, PartRng):
        return rng.aside()
    state = rng.state()
    child = rng.spawn(1)[0]
    rng.restore(state)
    return child


class Draws:
    """The draws of a batch of ``total`` samples, in the order in which they were first asked for.

    ``event``: the shape of a sample, where it is known; an axis of a draw may be one of these instead of the samples'.

    >>> import scorekit as sk
    >>> whole = sk.rng(0).normal((4, 3))
    >>> draws = Draws(sk.rng(0), 4)
    >>> bool((draws.part(1, 3).normal((2, 3)) == whole[1:3]).all())
    True
    """

    def __init__(self, rng: Rng, total: int, event: Shape = ()) -> None:
        self.total, self.event = total, tuple(event)
        self._rng = rng
        self._made: list[tuple[Any, Any]] = []
        self._aside: Draws | None = None

    def part(self, start: int, stop: int) -> PartRng:
        """The stream of the samples ``start`` to ``stop``, from its beginning."""
        return PartRng(self, start, stop)

    def draw(self, index: int, what: tuple[Any, ...], make: Callable[[Rng], Any]) -> Any:
        """The draw number ``index``; made now when no part has asked for it yet."""
        if index == len(self._made):
            self._made.append((what, make(self._rng)))
        asked, value = self._made[index]
        if asked != what:
            raise InvalidValueError(
                f"the parts of one batch draw different things: one asked for {asked}, another for {what}. An "
                "objective draws the same kinds of numbers in the same order whatever its samples are; what it draws "
                "for each of them needs like=x, or an array whose first axis is theirs, to be told from what all share."
            )
        return value

    def aside(self) -> Draws:
        """The draws of a child that :func:`aside` makes, the same one for all parts."""
        if self._aside is None:
            self._aside = Draws(aside(self._rng), self.total, self.event)
        return self._aside


class PartRng:
    """An :class:`~scorekit.protocols.Rng` that hands the samples of one part their rows of the draws of the whole.

    The rows are looked for along the axis where ``shape`` continues as ``like`` does, as in ``normal(x.shape, like=x)``
    and ``normal((m, *x.shape), like=x)``; else along the first, when it is as long as the part and nothing else is.
    What has no axis as long as the part is shared by all parts, and what could be either is refused.

    Args:
        draws: those of the whole batch.
        start, stop: the samples of this part.
    """

    def __init__(self, draws: Draws, start: int, stop: int) -> None:
        self.start, self.stop = start, stop
        self._draws, self._next = draws, 0

    @property
    def total(self) -> int:
        """The samples of the whole batch."""
        return self._draws.total

    def part(self, start: int, stop: int) -> PartRng:
        """A part of this part, from the beginning of the stream."""
        return PartRng(self._draws, self.start + start, self.start + stop)

    def aside(self) -> PartRng:
        """The same part of a child that leaves no trace, see :func:`aside`."""
        return self._draws.aside().part(self.start, self.stop)

    def strata(self, n: int, like: Array | None) -> Array:
        """The uniforms that these samples have in the whole batch."""
        self._expect(n)
        whole = self._take(("strata",), lambda rng: strata(rng, self.total, like))
        return whole[self.start : self.stop]

    def normal(self, shape: Shape, like: Array | None = None) -> Array:
        """Independent standard normals."""
        return self._rows("normal", shape, like, lambda rng, whole: rng.normal(whole, like))

    def uniform(self, shape: Shape, like: Array | None = None) -> Array:
        """Uniform on [0, 1)."""
        return self._rows("uniform", shape, like, lambda rng, whole: rng.uniform(whole, like))

    def rademacher(self, shape: Shape, like: Array | None = None) -> Array:
        """-1.0 or 1.0."""
        return self._rows("rademacher", shape, like, lambda rng, whole: rng.rademacher(whole, like))

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """Integers in [low, high)."""
        return self._rows("integers", shape, None, lambda rng, whole: rng.integers(low, high, whole))

    def choice(self, n: int, shape: Shape, p: Any = None, replace: bool = True) -> Array:
        """Indices in [0, n); without replacement they belong to no sample, and all parts share them."""
        if not replace:
            return self._take(("choice", n, tuple(shape)), lambda rng: rng.choice(n, shape, p, replace=False))
        return self._rows("choice", shape, None, lambda rng, whole: rng.choice(n, whole, p))

    def spawn(self, n: int) -> Sequence[PartRng]:
        """``n`` independent streams, each with the rows of this part."""
        children = self._take(
            ("spawn", n), lambda rng: [Draws(child, self.total, self._draws.event) for child in rng.spawn(n)]
        )
        return [PartRng(child, self.start, self.stop) for child in children]

    def state(self) -> dict[str, Any]:
        """Refused: the stream of a part lasts for one step."""
        raise InvalidTypeError("the stream of a part of a batch has no state: save that of the run.")

    def restore(self, state: Mapping[str, Any]) -> None:
        """Refused, as :meth:`state`."""
        del state
        self.state()

    def _expect(self, n: int) -> None:
        if n != self.stop - self.start:
            raise InvalidValueError(f"a part of {self.stop - self.start} samples asked for the draws of {n}.")

    def _take(self, what: tuple[Any, ...], make: Callable[[Rng], Any]) -> Any:
        self._next += 1
        return self._draws.draw(self._next - 1, what, make)

    def _rows(self, name: str, shape: Shape, like: Array | None, make: Callable[[Rng, Shape], Array]) -> Array:
        axis = self._axis(name, tuple(shape), like)
        if axis is None:
            return self._take((name, tuple(shape)), lambda rng: make(rng, tuple(shape)))
        whole = (*shape[:axis], self.total, *shape[axis + 1 :])
        value = self._take((name, whole), lambda rng: make(rng, whole))
        return value[(slice(None),) * axis + (slice(self.start, self.stop),)]

    def _axis(self, name: str, shape: Shape, like: Array | None) -> int | None:
        """The axis of the samples; None when there is none."""
        n, given = self.stop - self.start, () if like is None else tuple(like.shape)
        if given and given[0] == n and shape[-len(given) :] == given:
            return len(shape) - len(given)
        if n not in shape:
            return None
        if shape[0] == n and self._is_clear(shape, given):
            return 0
        raise InvalidValueError(
            f"{name}({shape}) in a part of {n} of the {self.total} samples of a batch: the axis of length {n} may be "
            f"its samples, or what all parts share. For numbers of the samples write {name}(shape, like=…) with an "
            "array that the shape ends with: x for x.shape, x[:, 0] of flat x for (n,). For one number that all share "
            f"draw the shape (). Else take parts of another size than {n}: other batch_size, accumulate, processes."
        )

    def _is_clear(self, shape: Shape, like: Shape) -> bool:
        """Is the first axis, as long as the part, that of the samples? Not where something else is as long."""
        n = self.stop - self.start
        event = like[1:] if like[:1] == (n,) else self._draws.event
        beside = len(shape) == 1 or not like or _broadcasts(shape, like)
        return n > 1 and shape.count(n) == 1 and n not in event and beside


def _broadcasts(shape: Shape, like: Shape) -> bool:
    return len(shape) == len(like) and all(a in (1, b) for a, b in zip(shape, like, strict=True))
