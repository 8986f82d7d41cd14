"""The parts of a sampler: the rows of a schedule, and the kernels that make one step per row."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, overload

from scorekit._tables import displayed
from scorekit.errors import InvalidValueError
from scorekit.protocols import Array

if TYPE_CHECKING:
    from scorekit.samplers._context import Context

__all__ = ["Extremes", "Kernel", "Row", "Rows", "Schedule", "Step"]

_LOOKED_AT = 20_000  # rows of a schedule whose levels are compared


class Row(NamedTuple):
    """One row of a schedule: the parameters of one step, as plain Python numbers.

    ``sigma``: the noise level at which the model is called; None without noise. ``sigma_next``: the noise level of the
    chain after the step: ``sigma`` if the level stays the same, 0 after a denoising step. ``level``: the index of
    ``sigma`` among the noise levels. ``step_size``: the value for stats and messages; NaN if there is none. ``kernel``:
    the index of the kernel of the step. ``numbers``: further parameters of the kernel, a tuple of floats.

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
    """A lazy sequence of ``count`` rows; row k is ``make(k)``.

    A schedule of a million steps takes no memory in this form. For few steps use a list of rows.

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


@displayed
class Step(NamedTuple):
    """The result of a kernel's step.

    ``x``: the new positions, in a new array. ``state``: the kernel's state for its next step. ``score``: the score at
    the old positions, for stats and messages; None if there is none. ``info``: diagnostics by name, each a number or an
    array of shape ``(n,)``, whose mean goes into the stats; the same names at every step.
    """

    x: Array
    state: Any
    score: Array | None = None
    info: Mapping[str, Any] = {}


class Kernel(ABC):
    """Base class of kernels: a frozen dataclass that makes one step of all chains; its state is passed in and out.

    All arrays have the layout of :meth:`Context.batch_last`. A step must not modify its arguments in place. It is a
    pure function of ``x``, ``state``, the row and the draws of the context. Compute logarithms, roots and conditions
    on numbers of the row where the row is made, not in the step.

    The state is None, an array, a number, or tuples, NamedTuples, lists and dicts of these. It lasts for the whole run.
    Its arrays keep the shape and dtype from :meth:`init`. A buffer that fills up starts with zeros.

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
    """Whether the step of a chain depends on the other chains. If True, chains are never split into blocks."""

    def init(self, x: Array, row: Row, context: Context) -> Any:  # noqa: ARG002
        """The initial state; called once per run before the kernel's first row, and followed by :meth:`enter`."""
        return None

    def enter(self, x: Array, state: Any, row: Row, context: Context) -> Any:  # noqa: ARG002
        """The state at a new level: before the first step, and when ``sigma``, ``sigma_next`` or the kernel changes.

        Recompute cached values of the old level or old positions here, such as a score or a log-density.
        """
        return state

    @abstractmethod
    def step(self, x: Array, state: Any, row: Row, context: Context) -> Step:
        """One step of all chains from ``x``."""


class Extremes(NamedTuple):
    """The largest and smallest noise level of a schedule, None without levels, and its largest step size, or 0."""

    sigma_max: float | None
    sigma_min: float | None
    step_size: float


def _spread(rows: Sequence[Row]) -> list[Row]:
    """Evenly spaced rows, with the first and the last one."""
    last = len(rows) - 1
    return [rows[last * k // (_LOOKED_AT - 1)] for k in range(_LOOKED_AT)]


@dataclass(frozen=True)
class Schedule:
    """The steps of a run: ``rows``, one per step, and the ``kernels`` to which they refer by index.

    Raises:
        ValueError: ``rows`` is empty.

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

    @cached_property
    def extremes(self) -> Extremes:
        """The largest and smallest noise level and the largest step size; of 20,000 rows if there are more."""
        rows = self.rows if len(self) <= _LOOKED_AT else _spread(self.rows)
        sigmas = [row.sigma for row in rows if row.sigma is not None]
        steps = [row.step_size for row in rows if not math.isnan(row.step_size)]
        return Extremes(max(sigmas, default=None), min(sigmas, default=None), max(steps, default=0.0))

    @property
    def interacts(self) -> bool:
        """Whether the chains of any kernel interact."""
        return any(kernel.interacts for kernel in self.kernels)
