"""Random numbers on NumPy: a :class:`scorekit.protocols.Rng` over ``numpy.random.Generator``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from scorekit.errors import InvalidTypeError, InvalidValueError, describe
from scorekit.learning import as_shape, check_bounds, check_count, restored_sequence, seed_sequence, sequence_state
from scorekit.protocols import Seed, Shape

__all__ = ["NumpyRng", "as_dtype"]

Array: TypeAlias = Any


class NumpyRng:
    """A stream of random numbers.

    The bit generator is SFC64, NumPy's fastest one that passes the statistical test batteries. Equal seeds give equal
    streams, different seeds independent streams. A seed may be a sequence of ints and strings, for example
    ``("noise", seed, step)`` (:func:`scorekit.learning.seed_sequence`).

    >>> rng = NumpyRng(0)
    >>> rng.normal((2, 3)).shape
    (2, 3)
    """

    def __init__(self, seed: Seed | np.random.SeedSequence = None, dtype: Any = np.float64) -> None:
        self._dtype = np.dtype(dtype)
        self._open(seed_sequence(seed))

    def _open(self, seed: np.random.SeedSequence) -> None:
        self._seed = seed
        self._generator = np.random.Generator(np.random.SFC64(seed))

    def __repr__(self) -> str:
        return f"NumpyRng(entropy={self._seed.entropy}, spawn_key={self._seed.spawn_key})"

    def _type(self, like: Array | None) -> Any:
        dtype = self._dtype if like is None else getattr(like, "dtype", None)
        if not isinstance(dtype, np.dtype):
            raise InvalidTypeError(
                f"rng is a numpy stream (NumpyRng), and the samples are a {describe(like)}: expected a stream of "
                "their framework. Write sk.rng(seed, like=x), or pass an int seed."
            )
        return dtype if dtype.kind == "f" else np.dtype(np.float64)

    def _draw(self, draw: Callable[..., Array], shape: Shape, like: Array | None) -> Array:
        """Draw in the dtype of ``like``; dtypes other than float32 and float64 are converted from float64."""
        dtype, shape = self._type(like), as_shape(shape)
        return draw(shape, dtype=dtype) if dtype in (np.float32, np.float64) else draw(shape).astype(dtype)

    def normal(self, shape: Shape, like: Array | None = None) -> Array:
        """Independent standard normals, with the floating dtype of ``like``."""
        return self._draw(self._generator.standard_normal, shape, like)

    def uniform(self, shape: Shape, like: Array | None = None) -> Array:
        """Uniform on [0, 1)."""
        return self._draw(self._generator.random, shape, like)

    def rademacher(self, shape: Shape, like: Array | None = None) -> Array:
        """-1.0 or 1.0, each with probability one half."""
        signs = 2 * self._generator.integers(0, 2, size=as_shape(shape), dtype=np.int8) - 1
        return signs.astype(self._type(like))

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """Integers in [low, high)."""
        check_bounds(low, high)
        return self._generator.integers(low, high, size=as_shape(shape))

    def choice(self, n: int, shape: Shape, p: Any = None, replace: bool = True) -> Array:
        """Indices in [0, n), with probabilities ``p``, or uniform if None."""
        n, shape = check_count(n, "n"), as_shape(shape)
        try:
            return self._generator.choice(n, size=shape, replace=replace, p=p)
        except (TypeError, ValueError) as error:
            raise InvalidValueError(
                f"cannot draw {math.prod(shape)} indices from n = {n} with p = {p!r} and replace = {replace} "
                f"({error}): expected p with {n} probabilities of sum 1, and with replace=False at most n indices. "
                "Write p / p.sum()."
            ) from error

    def state(self) -> dict[str, Any]:
        """The state of the stream, with that of later spawned streams, as plain JSON types."""
        bits = self._generator.bit_generator.state
        return {
            "kind": "numpy.SFC64",
            "words": [int(word) for word in bits["state"]["state"]],
            "has_uint32": int(bits["has_uint32"]),
            "uinteger": int(bits["uinteger"]),
            **sequence_state(self._seed),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that :meth:`state` returned; a state of another class raises ``ValueError``."""
        if state.get("kind") != "numpy.SFC64":
            raise InvalidValueError(f"the state is of a {state.get('kind')!r} stream: expected 'numpy.SFC64'.")
        self._open(restored_sequence(state))
        self._generator.bit_generator.state = {
            "bit_generator": "SFC64",
            "state": {"state": np.asarray(state["words"], dtype=np.uint64)},
            "has_uint32": state["has_uint32"],
            "uinteger": state["uinteger"],
        }

    def spawn(self, n: int) -> list[NumpyRng]:
        """``n`` independent streams; each call returns new streams."""
        return [NumpyRng(child, self._dtype) for child in self._seed.spawn(check_count(n, "n", minimum=0))]


def as_dtype(dtype: Any) -> Any:
    """float32 or float64 as a NumPy dtype, from any of its spellings."""
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"dtype is {dtype!r}: the numpy backend expects 'float32' or 'float64'.") from error
    if dtype is None or found not in (np.float32, np.float64):
        raise InvalidValueError(f"dtype is {dtype!r}: the numpy backend expects 'float32' or 'float64'.")
    return found
