"""The base class of image networks: argument checks, precision, initial weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, TypeAlias

import torch
from torch import nn

from scorekit.errors import InvalidValueError, ShapeError
from scorekit.learning import (
    Conditional,
    Conditions,
    as_sigma,
    check_batch,
    check_count,
    check_option,
    refuse_other_framework,
)
from scorekit.protocols import RngLike
from scorekit.registry import array_namespace
from scorekit_torch.conversion import as_dtype
from scorekit_torch.networks.initial import Draws, start
from scorekit_torch.networks.levels import Condition, as_row, level_index

__all__ = ["ImageNetwork"]

Array: TypeAlias = Any

_CHANNELS = 4  # at most: gray or color, with or without a mask
PRECISIONS = ("float32", "float64", "bfloat16")
_SHOWN = 6  # entries of a list that a repr writes out


class ImageNetwork(Conditional, nn.Module, ABC):
    """A module ``forward(x, sigma, condition)`` on images ``(n, c, h, w)``.

    A network sets ``divisor`` (what h and w must be multiples of), makes its layers in ``_lay_out`` and computes in
    ``_output``, with everything checked and the images in the memory format that convolutions are fastest in.
    Its arguments are attributes of the same name; ``_arguments`` lists them. One with a ``noise`` knows
    the levels of that alone.
    """

    per_sample = False  # sigma may be a number or an array (n,)
    _arguments: ClassVar[tuple[str, ...]]
    divisor: int
    noise: tuple[float, ...] | None = None
    trained_levels: tuple[float, float] | None = None  # the smallest and the largest level of its training
    #: how activations lie in memory; ``torch.channels_last`` may be faster, above all on CUDA
    memory_format: torch.memory_format = torch.contiguous_format
    _is_time = False  # what _place gives is a time, and not an index
    _compiled: Callable[..., Array] | None = None

    def __init__(
        self, channels: int, classes: int | None, condition_dim: int | None, rescale: bool, precision: str
    ) -> None:
        super().__init__()
        self.channels = check_count(channels, "channels")
        if self.channels > _CHANNELS:
            raise InvalidValueError(f"channels is {channels}: expected 1 to {_CHANNELS}. Images are (n, c, h, w).")
        self._conditions = Conditions(classes, condition_dim)
        check_option(rescale, "rescale", (True, False))
        check_option(precision, "precision", PRECISIONS)
        self.rescale, self._half = bool(rescale), precision == "bfloat16"
        self._first_dtype = as_dtype("float64" if precision == "float64" else "float32")

    @property
    def precision(self) -> str:
        """``"float64"`` for such weights; else ``"bfloat16"`` if it was made for autocast, or ``"float32"``."""
        if next(self.parameters()).dtype == torch.float64:
            return "float64"
        return "bfloat16" if self._half else "float32"

    @abstractmethod
    def _lay_out(self) -> None:
        """Make the layers."""

    @abstractmethod
    def _output(self, h: Array, sigma: Any, at: Condition) -> Array:
        """The output for checked arguments; ``at.told`` is None exactly when the network takes no condition."""

    def _place(self, level: Any) -> Any:
        """What the layers are told of the level beside its value: its index for a network with ``noise``, else 0."""
        return 0 if self.noise is None else level_index(level, self.noise)

    def _scaled(self, h: Array, _sigma: Any) -> Array:
        """The images as the layers see them at this level."""
        return h

    def _build(self, rng: RngLike) -> None:
        """Make the layers without asking torch's global generator, and fill them from ``rng``."""
        with torch.device("meta"):
            self._lay_out()
        draws = Draws(rng, self._first_dtype, type(self).__name__)
        draws.reserve(self)
        self.to(self._first_dtype).to_empty(device="cpu")
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload]
        start(self, draws)

    def config(self) -> dict[str, Any]:
        """The constructor arguments, except ``rng``, as plain JSON types."""
        values = {name: getattr(self, name) for name in self._arguments}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={_shown(v)}' for k, v in self.config().items())})"

    def forward(self, x: Array, sigma: Any = None, condition: Array | None = None) -> Array:
        """The network's output at the images ``x``, shaped like ``x``.

        Args:
            x: images ``(n, c, h, w)``; ``h`` and ``w`` are multiples of ``divisor``, and at least twice that.
            sigma: the noise level, a scalar or ``(n,)``, > 0.
            condition: integers ``(n,)`` in ``[0, classes)``, ``classes`` for none; or vectors ``(n, condition_dim)``,
                zeros for none.

        Raises:
            ShapeError: the images, or the number of levels or conditions, do not fit.
            ValueError: no sigma, or no condition for a network that was made for one.
            TypeError: a condition for a network that takes none.
        """
        if not isinstance(x, torch.Tensor):
            check_batch(x, finite=False)  # says what is wrong
            refuse_other_framework(self, x, "x")
        array_namespace(x=x, weights=next(self.parameters()))
        self._check_images(x)
        level = as_sigma(self._required(sigma), x)
        at = Condition(self._place(level), self._conditions.checked(condition, x))
        if self._compiled is None:
            return self._computed(x, level, at)
        # rows: a graph that was compiled for a number is no use for another
        kind = torch.float64 if self._is_time else torch.long
        return self._compiled(x, as_row(level, x, x.dtype), at._replace(level=as_row(at.level, x, kind)))

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Run all but the checks through ``torch.compile(…, *arguments, **options)`` from now on.

        The checks look at values, which no graph can hold: behind them the whole network is one. What torch compiled
        it cannot differentiate twice, so that traces and sliced losses refuse to train it. A copy is not compiled.
        """
        self._compiled = torch.compile(self._computed, *arguments, **options)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "_compiled"}

    def _computed(self, x: Array, sigma: Any, at: Condition) -> Array:
        wide = next(self.parameters()).dtype
        h = self._scaled(x.to(wide, memory_format=self.memory_format), sigma)
        with self._context(x.device.type):
            output = self._output(2 * h - 1 if self.rescale else h, sigma, at)
        return output.to(wide, memory_format=torch.contiguous_format)

    def _context(self, device: str) -> AbstractContextManager[Any]:
        return torch.autocast(device, torch.bfloat16) if self.precision == "bfloat16" else nullcontext()

    def _check_images(self, x: Array) -> None:
        if x.ndim < 2 or not x.is_floating_point():
            check_batch(x, finite=False)  # says what is wrong
        shape = tuple(x.shape)
        if len(shape) != 4 or not shape[0]:
            raise ShapeError(f"x has shape {shape}: expected images (n, c, h, w), at least one.")
        if shape[1] != self.channels:
            last = " The channels come second: x.permute(0, 3, 1, 2)." if shape[3] == self.channels else ""
            raise ShapeError(f"x has shape {shape}: expected {self.channels} channels, those of this network.{last}")
        if any(side % self.divisor or side < 2 * self.divisor for side in shape[2:]):
            fitting = tuple(max(2, -(-side // self.divisor)) * self.divisor for side in shape[2:])
            size = fitting[0] if fitting[0] == fitting[1] else fitting
            raise ShapeError(
                f"x has images of {shape[2]}x{shape[3]}: expected sides that are multiples of {self.divisor} and at "
                f"least {2 * self.divisor}. Write sk.datasets.pad(x, {size}); in an experiment file pad = "
                f"{size if isinstance(size, int) else list(size)} in [data]."
            )

    def _required(self, sigma: Any) -> Any:
        if sigma is None:
            raise InvalidValueError(
                "this network is conditional on sigma, got None: call model(x, sigma), or fix a level with "
                "sk.models.at(model, sigma)."
            )
        return sigma


def _shown(value: Any) -> str:
    if isinstance(value, list) and len(value) > _SHOWN:
        return f"[{value[0]!r}, …, {value[-1]!r}] of {len(value)}"
    return repr(value)
