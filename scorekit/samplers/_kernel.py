"""What a sampler is made of: rows of a schedule, and kernels that make one step along a row."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, overload

from scorekit.errors import InvalidValueError
from scorekit.protocols import Array

if TYPE_CHECKING:
    from scorekit.samplers._context import Context

__all__ = ["Kernel", "Row", "Rows", "Schedule", "Step"]


class Row(NamedTuple):
    """One row of a schedule: all that one step needs to know, as plain Python numbers.

    ``sigma``: the noise level at which the model is called; None without noise. ``sigma_next``: the level of the chain
    after the step: ``sigma`` itself where the step stays at its level, 0 after a denoising step. ``level``: the index
    of ``sigma`` among the noise levels. ``step_size``: as stats and messages name it; NaN if there is none. ``kernel``:
    the index of the kernel that makes the step. ``numbers``: the kernel's own, a tuple or NamedTuple of floats.

    >>> Row(sigma=2.0, sigma_next=1.0).numbers
    ()
    """

    sigma: float | None = None
    sigma_next: float | None = None
    level: int = 0
    step_size: float = math.nan
    kernel: int = 0
    numbers: Any = ()


class Rows(Sequence[Row]):
    """``count`` rows that are computed when they are asked for: row k is ``make(k)``.

    A schedule of a million steps then takes no memory. A list of rows does as well where steps are few.

    >>> rows = Rows(1_000_000, lambda k: Row(step_size=0.1))
    >>> len(rows), rows[-1].step_size
    (1000000, 0.1)
    """

    def __init__(self, count: int, make: Callable[[int], Row]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        return map(self._make, range(self._count))

    @overload
    def __getitem__(self, k: int) -> Row: ...
    @overload
    def __getitem__(self, k: slice) -> list[Row]: ...
    def __getitem__(self, k: int | slice) -> Row | list[Row]:
        chosen = range(self._count)[k]
        return self._make(chosen) if isinstance(chosen, int) else [self._make(i) for i in chosen]


class Step(NamedTuple):
    """What a kernel's step returns.

    ``x``: the new positions, an array that the kernel made. ``state``: what the kernel wants back at its next step.
    ``score``: the score where the step began, for stats and messages; None if the kernel has none. ``info``: values by
    name, each an array of shape ``(n,)`` or a number, whose means go into the stats; the same names at every step.
    """

    x: Array
    state: Any
    score: Array | None = None
    info: Mapping[str, Any] = {}


class Kernel(ABC):
    """One step of the chains along a row: a frozen dataclass of options, whose ``state`` is passed in and out.

    All arrays have the axes of :meth:`Context.batch_last`. A step changes none of the arrays that it is given. It is a
    pure function of ``x``, ``state``, the row and the draws of the context; logarithms, roots and conditions on numbers
    of the row belong to where the row is made.

    The state is None, an array, a number, or tuples, NamedTuples, lists and dicts of these. It lives for the whole run.
    Arrays keep shape and dtype from :meth:`init` on: a history that fills up begins with zeros.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Ascent(Kernel):
    ...     def step(self, x, state, row, context):
    ...         score = context.score(x, row.sigma)
    ...         return Step(x + row.step_size * score, state, score)
    >>> Ascent().interacts
    False
    """

    interacts: ClassVar[bool] = False
    """Whether the step of a chain depends on the other chains. They are then never split into blocks."""

    def init(self, x: Array, row: Row, context: Context) -> Any:  # noqa: ARG002
        """The first state, once a run, before the kernel's first row; :meth:`enter` follows."""
        return None

    def enter(self, x: Array, state: Any, row: Row, context: Context) -> Any:  # noqa: ARG002
        """The state at a new level: before the first step, and where ``sigma``, ``sigma_next`` or the kernel changed.

        What was computed at the old level or at other positions (a score, a log-density) is computed anew here.
        """
        return state

    @abstractmethod
    def step(self, x: Array, state: Any, row: Row, context: Context) -> Step:
        """One step of all chains from ``x``."""


@dataclass(frozen=True)
class Schedule:
    """The steps of a run: ``rows``, one a step, and the ``kernels`` that they refer to by index.

    Raises:
        ValueError: there is no row.

    >>> from scorekit.samplers.kernels import Linear
    >>> len(Schedule((Linear(),), [Row()] * 5))
    5
    """

    kernels: tuple[Kernel, ...]
    rows: Sequence[Row]

    def __post_init__(self) -> None:
        if not self.rows:
            raise InvalidValueError("the schedule has no rows: expected one for each step, at least one.")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def levels(self) -> int:
        """The number of noise levels."""
        return self.rows[-1].level + 1

    @property
    def interacts(self) -> bool:
        """Whether the chains of any kernel interact."""
        return any(kernel.interacts for kernel in self.kernels)
