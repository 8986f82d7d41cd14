"""Random numbers on tensors: a :class:`scorekit.protocols.Rng` over ``torch.Generator``."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from scorekit.errors import InvalidTypeError, InvalidValueError, MissingBackendError, describe
from scorekit.learning import as_shape, check_bounds, check_count, restored_sequence, seed_sequence, sequence_state
from scorekit.protocols import Seed, Shape

__all__ = ["TorchRng", "seed_generator"]

Array: TypeAlias = Any

_KIND = "torch.Generator"


class TorchRng:
    """A stream of random numbers on any device.

    Equal seeds give equal streams on the same type of device, different seeds independent streams. A seed may be a
    sequence of ints and strings, for example ``("noise", seed, step)`` (:func:`scorekit.learning.seed_sequence`). Each
    device has one generator, created at the first draw. Torch's global generators are not used.

    Args:
        seed: a nonnegative int, a sequence of ints and strings, or None for fresh entropy.
        device: device of draws without ``like``.
        dtype: dtype of draws without ``like``; None for torch's default.

    >>> TorchRng(0).normal((2, 3)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, seed: Seed | np.random.SeedSequence = None, device: Any = "cpu", dtype: torch.dtype | None = None
    ) -> None:
        # with its number, as the tensors on it have it: cuda and cuda:0 would be two generators of one seed
        self._device, self._dtype = torch.empty(0, device=device).device, dtype
        self._open(seed_sequence(seed))

    def _open(self, seed: np.random.SeedSequence) -> None:
        self._seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def __repr__(self) -> str:
        return f"TorchRng(entropy={self._seed.entropy}, spawn_key={self._seed.spawn_key}, device={str(self._device)!r})"

    def _generator(self, device: torch.device) -> torch.Generator:
        found = self._generators.get(device)
        if found is None:
            found = self._generators[device] = torch.Generator(device)
            seed_generator(found, self._seed)
        return found

    def _options(self, like: Array | None) -> dict[str, Any]:
        if like is not None and not isinstance(like, Tensor):
            raise InvalidTypeError(
                f"rng is a torch stream (TorchRng), and the samples are a {describe(like)}: expected a stream of "
                "their framework. Write sk.rng(seed, like=x), or pass an int seed."
            )
        device = self._device if like is None else like.device
        dtype = self._dtype if like is None or not like.dtype.is_floating_point else like.dtype
        return {"device": device, "dtype": dtype or torch.get_default_dtype(), "generator": self._generator(device)}

    def normal(self, shape: Shape, like: Array | None = None) -> Array:
        """Independent standard normals, with dtype and device of ``like``."""
        return torch.randn(_counts(shape), **self._options(like))

    def uniform(self, shape: Shape, like: Array | None = None) -> Array:
        """Uniform on [0, 1)."""
        return torch.rand(_counts(shape), **self._options(like))

    def rademacher(self, shape: Shape, like: Array | None = None) -> Array:
        """-1.0 or 1.0, each with probability one half."""
        signs = torch.randint(0, 2, _counts(shape), **self._options(like))  # bernoulli_ is 4 times slower
        return signs.mul_(2).sub_(1)

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """Integers in [low, high), as int64."""
        check_bounds(low, high)
        return torch.randint(low, high, _counts(shape), generator=self._generator(self._device), device=self._device)

    def choice(self, n: int, shape: Shape, p: Any = None, replace: bool = True) -> Array:
        """Indices in [0, n), with probabilities ``p`` when given; distinct ones without ``replace``."""
        n, shape = check_count(n, "n"), _counts(shape)
        count = math.prod(shape)
        weights = None if p is None else self._probabilities(p, n)
        reachable = n if weights is None else int((weights > 0).sum())
        if not replace and count > reachable:
            raise InvalidValueError(f"cannot draw {count} different indices: only {reachable} have a probability > 0.")
        if weights is None:
            return self.integers(0, n, shape) if replace else self._permutation(n)[:count].reshape(shape)
        return (self._weighted(weights, count) if replace else self._distinct(weights, count)).reshape(shape)

    def _probabilities(self, p: Any, n: int) -> Array:
        try:
            weights = torch.as_tensor(p if isinstance(p, torch.Tensor) else np.array(p, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise InvalidTypeError(f"p is a {describe(p)}: expected {n} probabilities with sum 1.") from error
        weights = weights.detach().to(self._device, torch.float64)
        if tuple(weights.shape) != (n,) or not bool((weights >= 0).all()) or abs(float(weights.sum()) - 1) > 1e-6:
            raise InvalidValueError(
                f"p has shape {tuple(weights.shape)} and sums to {float(weights.sum()):.6g}: expected {n} "
                "probabilities, none of them negative, with sum 1. Write p / p.sum()."
            )
        return weights

    def _permutation(self, n: int) -> Array:
        return torch.randperm(n, generator=self._generator(self._device), device=self._device)

    def _wide(self) -> dict[str, Any]:
        return self._options(None) | {"dtype": torch.float64}

    def _weighted(self, weights: Array, count: int) -> Array:
        """By inversion: the first index whose cumulative weight exceeds a uniform."""
        rising = weights.cumsum(0)
        places = torch.searchsorted(rising, torch.rand(count, **self._wide()) * rising[-1], right=True)
        return places.clamp(max=int(torch.nonzero(weights)[-1]))

    def _distinct(self, weights: Array, count: int) -> Array:
        """Weighted sampling without replacement by exponential keys (Efraimidis, Spirakis, 2006).

        doi:10.1016/j.ipl.2005.11.003
        """
        waits = -torch.log1p(-torch.rand(weights.shape[0], **self._wide())) / weights
        return torch.topk(waits, count, largest=False).indices

    def state(self) -> dict[str, Any]:
        """The state of the stream, with that of later spawned streams, as plain JSON types."""
        generators = {str(device): generator.get_state() for device, generator in self._generators.items()}
        return {
            "kind": _KIND,
            "generators": {d: base64.b64encode(s.numpy().tobytes()).decode() for d, s in generators.items()},
            **sequence_state(self._seed),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that :meth:`state` returned; a state of another class raises ``ValueError``."""
        if state.get("kind") != _KIND:
            raise InvalidValueError(f"the state is of a {state.get('kind')!r} stream: expected {_KIND!r}.")
        self._open(restored_sequence(state))
        for device, content in state["generators"].items():
            packed = np.frombuffer(base64.b64decode(content), dtype=np.uint8)
            self._generator(torch.device(device)).set_state(torch.from_numpy(packed.copy()))

    def spawn(self, n: int) -> list[TorchRng]:
        """``n`` independent streams; each call returns new streams."""
        count = check_count(n, "n", minimum=0)
        return [TorchRng(child, self._device, self._dtype) for child in self._seed.spawn(count)]


def _counts(shape: Shape) -> tuple[int, ...]:
    """The checked shape of a draw; in a graph its entries may be symbols."""
    return tuple(shape) if torch.compiler.is_compiling() else as_shape(shape)


def seed_generator(generator: torch.Generator, seed: Seed | np.random.SeedSequence) -> None:
    """Seed ``generator`` with ``seed``.

    The CPU generator is a Mersenne Twister, and its ``manual_seed`` uses only 32 bits: among 77,000 seeds two are
    likely equal. Its 624 words are therefore filled from ``seed``. Generators of other devices use 64 bits.

    >>> generator = torch.Generator()
    >>> seed_generator(generator, 7)
    >>> bool(torch.rand(1, generator=generator) == TorchRng(7).uniform((1,)))
    True
    """
    sequence = seed_sequence(seed)
    if not isinstance(generator, torch.Generator):
        raise InvalidTypeError(f"generator is a {describe(generator)}: expected a torch.Generator.")
    if generator.device.type != "cpu":
        generator.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
        return
    fill = _fill
    if torch.compiler.is_compiling():  # NumPy's calls belong in no graph
        fill = torch.compiler.disable(_fill)  # type: ignore[no-untyped-call]
    fill(generator, sequence)


def _fill(generator: torch.Generator, sequence: np.random.SeedSequence) -> None:
    start, place, words = _fresh_state()
    state = start.copy()
    bits = np.random.PCG64DXSM(sequence).random_raw(words // 2)  # sequence.generate_state(words) takes longer
    state[place : place + words] = bits.view(np.uint32)
    generator.set_state(torch.from_numpy(state.view(np.uint8)))


@cache
def _fresh_state() -> tuple[Any, int, int]:
    """The state of a newly seeded generator of the CPU, the place of its words there, and how many these are.

    The place is where the words stand that NumPy's Mersenne Twister has after the same seed.
    """
    state = torch.Generator().manual_seed(0).get_state().numpy().view(np.uint64)
    words: Any = np.random.RandomState(0).get_state(legacy=False)["state"]["key"]
    place = next((i for i in range(len(state)) if np.array_equal(state[i : i + len(words)], words)), None)
    if place is None:
        raise MissingBackendError(
            f"torch {torch.__version__} keeps the state of its generator in a way that is not known here: expected "
            "the words of a Mersenne Twister. Use another version of torch."
        )
    return state, place, len(words)
