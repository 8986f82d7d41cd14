"""Inpainting: a sampler whose chains agree with the entries that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scorekit._arrays import host
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.registry import backend_of
from scorekit.samplers._clamped import Clamped
from scorekit.samplers._context import Context
from scorekit.samplers._divergence import Diagnosis
from scorekit.samplers._driver import ChainSampler, Observer
from scorekit.samplers._kernel import Schedule

__all__ = ["Inpaint"]


@dataclass(frozen=True, eq=False, repr=False)
class Inpaint(ChainSampler):
    """Any sampler, with known entries clamped: samples of the rest given them.

    Where ``mask`` is True, x is set before each step to values + sigma · z, with one z ~ N(0, I) for all steps at a
    level; after the last step it is ``values``, exactly. Without noise levels (:class:`Langevin`) it is ``values`` all
    along, and the other entries walk on their conditional law.

    At each level annealed Langevin dynamics tends to the law of the unknown entries given the noisy known ones, and
    with many steps a level, down to levels that are small beside the data, to the conditional law. Few steps leave the
    unknown entries behind. :class:`ConsistentAnnealed` makes one step a level, and follows the known entries less than
    it should with arbitrarily many levels too. For two coordinates of variance 1 and correlation 0.9 the slope of the
    one on the other should be 0.9. At 20 levels, Geometric(3, 0.05, 20), it is 0.85 with 20 Langevin steps of 0.2 σ² a
    level, 0.89 with 100, and 0.59 with consistent sampling, which tends to 0.63 as levels become many and wide.

    Args:
        sampler: the sampler that moves the chains.
        mask: booleans, True where an entry is known; any shape that broadcasts to x, so ``(h, w)`` serves all images.
        values: numbers, shaped so that they broadcast to x; looked at where ``mask`` is True only, NaN elsewhere will
            do. Given per sample, they have the first axis of x, and fit no blocks of another size.

    Raises:
        ShapeError, TypeError, ValueError: what came and what was expected; a shape that does not fit x0, when sampling.

    Reference: Song and Ermon, Generative modeling by estimating gradients of the data distribution (2019), Algorithm 2.

    >>> import numpy as np, scorekit as sk
    >>> law = sk.distributions.Gaussian([0.0, 0.0], [[1.0, 0.9], [0.9, 1.0]])
    >>> sampler = sk.samplers.AnnealedLangevin(sk.noise.Geometric(3.0, 0.05, 20), 100, 0.2 * 0.05**2)
    >>> x = Inpaint(sampler, [True, False], [2.0, np.nan]).sample(law.score, np.zeros((500, 2)), rng=0).x
    >>> set(x[:, 0].tolist()), bool(abs(x[:, 1].mean() - 1.8) < 0.1)
    ({2.0}, True)
    """

    sampler: ChainSampler
    mask: Any
    values: Any

    def __post_init__(self) -> None:
        if not isinstance(self.sampler, ChainSampler):
            raise InvalidTypeError(f"sampler is a {describe(self.sampler)}: expected one of sk.samplers, made.")
        mask, values = _as_mask(self.mask), host(_as_numpy(self.values, "values")).copy()
        try:
            where, given = np.broadcast_arrays(mask, values)
        except ValueError as error:
            raise ShapeError(
                f"mask has shape {mask.shape} and values {values.shape}: expected two that broadcast to the shape of x."
            ) from error
        if not np.all(np.isfinite(given[where])):
            raise InvalidValueError(
                "values holds NaN or infinity where mask is True: expected finite numbers there. Where values are "
                "missing write mask = numpy.isfinite(values)."
            )
        for name, array in (("mask", mask), ("values", values)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        return f"Inpaint({self.sampler!r}, mask of shape {self.mask.shape}, {int(self.mask.sum())} of it known)"

    def schedule(self) -> Schedule:
        """The rows of the sampler inside, with its kernels clamped."""
        inside = self.sampler.schedule()
        return Schedule(tuple(Clamped(kernel, self.mask, self.values) for kernel in inside.kernels), inside.rows)

    def advice(self, diagnosis: Diagnosis) -> str:
        """That of the sampler inside."""
        return self.sampler.advice(diagnosis)

    def observer(self, context: Context) -> Observer | None:
        """That of the sampler inside."""
        return self.sampler.observer(context)


def _as_numpy(value: Any, name: str) -> Any:
    """``value`` as a NumPy array of its own kind of numbers: from any framework, or from numbers in lists."""
    try:
        return backend_of(value).to_numpy(value)
    except InvalidTypeError:
        made = np.asarray(value)
    if made.dtype.kind not in "biuf":
        raise InvalidTypeError(f"{name} is a {describe(value)} of dtype {made.dtype}: expected an array of numbers.")
    return made


def _as_mask(mask: Any) -> Any:
    made = _as_numpy(mask, "mask")
    if made.dtype != np.bool_:
        raise InvalidTypeError(
            f"mask has dtype {made.dtype}: expected booleans, True where an entry is known. Write mask != 0."
        )
    return made.copy()
