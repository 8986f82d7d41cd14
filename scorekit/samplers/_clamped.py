"""The kernel of inpainting: another kernel with known entries fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import constant
from scorekit._tables import displayed
from scorekit.errors import InvalidTypeError, ShapeError, describe
from scorekit.protocols import Array
from scorekit.samplers._context import Context
from scorekit.samplers._kernel import Kernel, Row, Step
from scorekit.samplers._linear import Linear

__all__ = ["Clamped", "ClampedState"]


@displayed
class ClampedState(NamedTuple):
    """``mask`` and ``values`` in the shape of x, the ``known`` entries at this level, the state of ``kernel``."""

    mask: Array
    values: Array
    known: Array
    kernel: Any


@dataclass(frozen=True, eq=False)
class Clamped(Kernel):
    """A step of ``kernel`` with known entries set to values + sigma · z before the step, and to ``values`` after it.

    The noise z is drawn once per level. ``mask`` and ``values`` are NumPy arrays that broadcast to x0.

    >>> import numpy as np
    >>> from scorekit.samplers.kernels import Context, Linear, langevin_row
    >>> context, row = Context(lambda x: -x, np.zeros((3, 2)), rng=0), langevin_row(0.1)
    >>> kernel = Clamped(Linear(), mask=np.array([True, False]), values=np.array([5.0, 0.0]))
    >>> x = context.copy_in(context.x0)
    >>> state = kernel.enter(x, kernel.init(x, row, context), row, context)
    >>> kernel.step(x, state, row, context).x[0].tolist()
    [5.0, 5.0, 5.0]
    """

    kernel: Kernel
    mask: Any
    values: Any

    @property
    def interacts(self) -> bool:  # type: ignore[override]
        """Whether the chains of the inner kernel interact."""
        return self.kernel.interacts

    def init(self, x: Array, row: Row, context: Context) -> ClampedState:
        """Mask and values as arrays like x, and the state of the inner kernel."""
        mask, values = (_like_start(getattr(self, name), name, context) for name in ("mask", "values"))
        known = context.copy_in(mask) != 0
        if context.units is not None:
            values = context.units.to_standard(values)
        values = context.copy_in(values)
        inside = self.kernel.init(context.xp.where(known, values, x), row, context)
        if inside is not None and not isinstance(self.kernel, (Linear, Clamped)):
            raise InvalidTypeError(
                f"{type(self.kernel).__name__} keeps a state, a {describe(inside)}: expected a kernel without one, or "
                "the steps of Langevin. Inpainting moves the known entries between steps, so a log-density or a "
                "position in the state would be that of another point."
            )
        return ClampedState(known, values, values, inside)

    def enter(self, x: Array, state: ClampedState, row: Row, context: Context) -> ClampedState:
        """Draw new noise for the known entries."""
        known = state.values if row.sigma is None else state.values + row.sigma * context.normal()
        inside = self.kernel.enter(context.xp.where(state.mask, known, x), state.kernel, row, context)
        return state._replace(known=known, kernel=inside)

    def step(self, x: Array, state: ClampedState, row: Row, context: Context) -> Step:
        """One step of all chains."""
        where = context.xp.where
        step = self.kernel.step(where(state.mask, state.known, x), state.kernel, row, context)
        return step._replace(x=where(state.mask, state.values, step.x), state=state._replace(kernel=step.state))


def _like_start(value: Any, name: str, context: Context) -> Array:
    """``value`` broadcast to the shape of x0, with its framework and dtype."""
    shape = context.shape
    try:
        whole = np.broadcast_to(value, shape)
    except ValueError as error:
        raise ShapeError(
            f"{name} has shape {value.shape}: expected one that broadcasts to that of x0, {shape}."
        ) from error
    return constant(np.array(whole, dtype=np.float64), context.x0)
