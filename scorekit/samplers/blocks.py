"""Sampling in blocks: any number of samples with the memory of one block, in any number of processes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np

from scorekit._arrays import as_rng, check_batch
from scorekit._checks import check_arguments, check_count, check_option
from scorekit._progress import progress_bar
from scorekit._score import score_function
from scorekit._tables import displayed
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.models import condition
from scorekit.protocols import Array, Rng, RngLike, ScoreModel
from scorekit.registry import array_namespace, backend_of
from scorekit.samplers._driver import ChainSampler
from scorekit.samplers._log_density import score_model
from scorekit.samplers.state import Samples, State

__all__ = ["Block", "Gathered", "gather", "sample_blocks"]


class Block(NamedTuple):
    """A finished block: its ``number``, its ``rows`` among all samples (a slice), and its ``samples``."""

    number: int
    rows: slice
    samples: Samples


@displayed
class Gathered(NamedTuple):
    """The samples of finished blocks in one array.

    ``x``: the samples, in the order of the blocks. ``rows``: their indices among all samples, an integer array.
    ``interrupted``: whether Ctrl-C stopped the run before the last block.
    """

    x: Array
    rows: Any
    interrupted: bool


def sample_blocks(
    sampler: ChainSampler,
    model: ScoreModel,
    start: Callable[[int, Rng], Array | tuple[Array, Array]],
    n: int,
    rng: RngLike = None,
    *,
    block: int = 100,
    blocks: Iterable[int] | None = None,
    like: Array | None = None,
    progress: bool = False,
) -> Iterator[Block]:
    """Draw ``n`` samples in blocks of ``block``; each block is yielded when it is finished, and not stored.

    Block b holds the samples b · block, …. Its random stream depends on the seed and on b only. It does not depend on
    ``n`` (except for a last block that is not full), or on the selection and order of the blocks. Several processes can
    therefore divide the ``blocks`` between them, with the same seed, and a stopped run can be completed with the
    missing blocks. A different block size gives different samples.

    Args:
        sampler: the sampler; it runs new chains for each block.
        model: the score model.
        start: a function of the number of samples and of the block's random stream. It returns ``x0``, or a pair of
            ``x0`` and an array of conditions, one per sample.
        n: the total number of samples.
        rng: an Rng, a seed or None. To resume a run or to divide it between processes, pass a seed: an Rng gives
            different streams at each call.
        block: number of samples per block, at least 1; one block is in memory at a time.
        blocks: the indices of the blocks to sample, by default all, 0, …, ceil(n / block) − 1. The third of eight
            processes takes ``range(2, math.ceil(n / block), 8)``.
        like: an array whose framework and device the random streams use; NumPy without it.
        progress: show one progress bar on standard error, for the steps of all these blocks.

    Returns:
        An iterator of :class:`Block`. The arguments are checked immediately. Ctrl-C raises ``KeyboardInterrupt``; the
        blocks before it are complete. For one array use :func:`gather`.

    Raises:
        TypeError: ``sampler`` is not a sampler, ``start`` is not a function, or ``blocks`` has no integers.
        ValueError: ``n`` or ``block`` is below 1, ``blocks`` has an index twice or out of range, or the chains of the
            sampler interact and there is more than one block.
        ShapeError: ``start`` returned the wrong number of points. Errors of ``sampler.sample`` are raised as well.

    >>> import numpy as np, scorekit as sk
    >>> levels = sk.noise.Geometric(5.0, 0.1, 20)
    >>> def start(count, rng):
    ...     return sk.samplers.initial(levels, (count, 2), rng, std=1.0)
    >>> def model(x, sigma):
    ...     return -x / (1 + sigma**2)
    >>> sampler = sk.samplers.ConsistentAnnealed(levels)
    >>> [(b.number, b.samples.x.shape) for b in sample_blocks(sampler, model, start, 250, 0)]
    [(0, (100, 2)), (1, (100, 2)), (2, (50, 2))]
    """
    if not isinstance(sampler, ChainSampler):
        raise InvalidTypeError(
            f"sampler is a {describe(sampler)}: expected an instance of one of sk.samplers, for example "
            "Langevin(0.1, steps=100)."
        )
    if not callable(start):
        raise InvalidTypeError(
            f"start is a {describe(start)}: expected a function of a count and an rng, for example "
            "lambda n, rng: sk.samplers.initial(noise, (n, 1, 28, 28), rng)."
        )
    check_arguments(start, "start", ("n", "rng"))
    score_function(score_model(model))
    check_option(progress, "progress", (True, False))
    n, block = check_count(n, "n"), check_count(block, "block")
    count = math.ceil(n / block)
    chosen = _chosen(blocks, count)
    if count > 1 and sampler.schedule().interacts:
        raise InvalidValueError(
            f"the chains of {type(sampler).__name__} interact, and those of {count} blocks of {block} would not "
            f"interact with each other: expected one block, block={n}."
        )
    run = _Run(sampler, model, start, n, block, _streams(rng, like))
    return run.blocks(chosen, progress)


def gather(blocks: Iterable[Block]) -> Gathered:
    """Collect the samples of blocks in one array; after Ctrl-C it holds the finished blocks.

    Args:
        blocks: the iterator from :func:`sample_blocks`, or some of its blocks.

    Returns:
        :class:`Gathered`.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed before the first block was finished.
        ValueError: ``blocks`` is empty.

    >>> import numpy as np, scorekit as sk
    >>> def start(count, rng):
    ...     return rng.normal((count, 2))
    >>> langevin = sk.samplers.Langevin(0.1, 10)
    >>> gather(sample_blocks(langevin, lambda x: -x, start, 30, 0, block=8, blocks=[3, 1])).rows
    array([24, 25, 26, 27, 28, 29,  8,  9, 10, 11, 12, 13, 14, 15])
    """
    kept: list[tuple[Array, Any]] = []
    interrupted = False
    try:
        for made in _iterable(blocks):
            kept.append((made.samples.x, np.arange(made.rows.start, made.rows.stop)))
    except KeyboardInterrupt:
        if not kept:
            raise
        interrupted = True
    if not kept:
        raise InvalidValueError("blocks is empty, there is no block to gather: expected at least one.")
    parts, rows = zip(*kept, strict=True)
    return Gathered(array_namespace(parts[0]).concat(parts, axis=0), np.concatenate(rows), interrupted)


def _iterable(blocks: Any) -> Iterator[Block]:
    if not isinstance(blocks, Iterable):
        raise InvalidTypeError(f"blocks is a {describe(blocks)}: expected the iterator from sample_blocks.")
    for made in blocks:
        if not isinstance(made, Block):
            raise InvalidTypeError(f"blocks contains a {describe(made)}: expected a Block, from sample_blocks.")
        yield made


def _streams(rng: RngLike, like: Array | None) -> Callable[[int], Rng]:
    """A function from a block's number to its random stream, seeded by two numbers drawn from ``rng`` now."""
    drawn = as_rng(rng, like, "sample_blocks").integers(0, 2**62, (2,))
    owner = backend_of(drawn)
    seed = [int(word) for word in owner.to_numpy(drawn)]
    return lambda block: owner.rng(("sample_blocks", *seed, block))


def _chosen(blocks: Iterable[int] | None, count: int) -> Sequence[int]:
    """The blocks, checked; a range is checked by its ends, and stays a range."""
    if blocks is None:
        return range(count)
    if isinstance(blocks, range):
        for b in (blocks[0], blocks[-1]) if blocks else ():
            if not 0 <= b < count:
                raise _no_block(b, count)
        return blocks
    try:
        chosen = [check_count(b, "a block", minimum=0) for b in blocks]
    except TypeError as error:
        raise InvalidTypeError(f"blocks is {blocks!r}: expected integers, for example range(0, {count}, 2).") from error
    for b, times in Counter(chosen).items():
        if b >= count:
            raise _no_block(b, count)
        if times > 1:
            raise InvalidValueError(f"blocks has {b} {times} times: expected each block once, repeats are identical.")
    return chosen


def _no_block(b: int, count: int) -> InvalidValueError:
    return InvalidValueError(f"blocks has {b}: there are {count} blocks, expected an index from 0 to {count - 1}.")


class _Run(NamedTuple):
    """Checked arguments."""

    sampler: ChainSampler
    model: ScoreModel
    start: Callable[[int, Rng], Array | tuple[Array, Array]]
    n: int
    block: int
    stream_of: Callable[[int], Rng]

    def blocks(self, chosen: Sequence[int], progress: bool) -> Iterator[Block]:
        with _bar(self, len(chosen)) if progress else nullcontext() as bar:
            for index in chosen:
                yield self.one(index, None if bar is None else lambda state: bar.update())

    def one(self, index: int, callback: Callable[[State], Any] | None) -> Block:
        rows = slice(index * self.block, min(self.n, (index + 1) * self.block))
        size, stream = rows.stop - rows.start, self.stream_of(index)
        begun, model = self.start(size, stream), self.model
        if isinstance(begun, tuple):
            begun, told = _pair(begun, size)
            model = condition(model, told, each=True)
        x0 = check_batch(begun, "the array that start returned")
        if x0.shape[0] != size:
            raise ShapeError(
                f"start returned shape {tuple(x0.shape)} for {size} samples: expected a first axis of {size}."
            )
        return Block(index, rows, self.sampler.sample(model, x0, rng=stream, callback=callback))


def _pair(begun: tuple[Any, ...], size: int) -> tuple[Array, Array]:
    """The start of a block and its conditions, one per sample."""
    if len(begun) != 2 or not getattr(begun[1], "shape", ()):
        raise InvalidTypeError(
            f"start returned a tuple of {len(begun)}: expected x0, or a pair of x0 and an array of conditions."
        )
    if begun[1].shape[0] != size:
        raise ShapeError(
            f"start returned conditions of shape {tuple(begun[1].shape)} for {size} samples: expected a first axis of "
            f"{size}."
        )
    return begun[0], begun[1]


def _bar(run: _Run, blocks: int) -> Any:
    return progress_bar(blocks * len(run.sampler.schedule()), f"{run.n} samples in blocks of {run.block}")
