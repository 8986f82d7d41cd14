"""What all cases share: where they run, how runs are timed, and noise that is the same everywhere."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar

import torch

import scorekit as sk
from benchmarks.gpu.table import Row, Times
from benchmarks.memory import peak_bytes

T = TypeVar("T")


class Case(NamedTuple):
    """What makes one row. ``seconds``: how long it may take, so that it is not begun when less time is left."""

    name: str
    variant: str
    run: Callable[[], Row]
    seconds: float = 10.0


@dataclass(frozen=True)
class Bench:
    """Where it runs and how large it is."""

    device: torch.device
    quick: bool

    @property
    def records(self) -> bool:
        """Can the device record graphs?"""
        return self.device.type == "cuda"

    def wait(self) -> None:
        """Until the device has done all that it was told."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def milliseconds(self, run: Callable[[], object], *, seconds: float = 3.0, idle: int = 3, fewest: int = 5) -> Times:
        """Of single runs, until ``seconds`` are over; the first ``idle`` ones choose kernels and do not count."""
        idle, fewest, most = (0, 1, 1) if self.quick else (idle, fewest, 50)
        for _ in range(idle):
            run()
        self.wait()
        spent, end = [], time.perf_counter() + seconds
        while len(spent) < fewest or (len(spent) < most and time.perf_counter() < end):
            begin = time.perf_counter()
            run()
            self.wait()
            spent.append((time.perf_counter() - begin) * 1e3)
        spent.sort()
        return Times(spent[0], spent[len(spent) // 2], spent[-1])

    def peak_mib(self, run: Callable[[], object]) -> float | None:
        """Memory of a run above what is held before it; not asked on the CPU, where it takes a profiler."""
        return peak_bytes(run, self.device) / 2**20 if self.device.type == "cuda" else None

    def matrix_rate(self, dtype: torch.dtype, *, tf32: bool = False) -> float:
        """Floating-point operations a second in a large product, as measured here."""
        return _matrix_rate(self, dtype, tf32)

    def clear(self) -> None:
        """Give back the device's memory of what is no longer used."""
        if self.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()

    def fitting(self, batch: int, run: Callable[[int], T]) -> tuple[T, str]:
        """``run(batch)``, with half the batch whenever memory runs out; and a note that says so."""
        tried = batch
        while True:
            try:
                return run(tried), "" if tried == batch else f"batch {tried}, memory ran out at {2 * tried}"
            except torch.OutOfMemoryError:
                if tried == 1:
                    raise
            self.clear()  # not above: there the error still holds the frames, and with them their tensors
            tried //= 2


@contextmanager
def products(tf32: bool) -> Iterator[None]:
    """Inside, float32 products and convolutions on the device round to TF32, or do not: said, never left to chance."""
    switches = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [switch.allow_tf32 for switch in switches]
    try:
        for switch in switches:
            switch.allow_tf32 = tf32
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.allow_tf32 = value


@lru_cache
def _matrix_rate(bench: Bench, dtype: torch.dtype, tf32: bool) -> float:
    n = 256 if bench.quick else 8192
    noise = torch.Generator(bench.device).manual_seed(0)  # of ones the product takes less power, and is faster
    a = torch.randn(n, n, generator=noise, dtype=dtype, device=bench.device)
    with products(tf32):
        return 2.0 * n**3 / (bench.milliseconds(lambda: a @ a, seconds=1.0).median * 1e-3)


class SharedNoise:
    """The same noise on every device and in every precision: drawn on the CPU in float64, and rounded."""

    def __init__(self, seed):
        self._rng = sk.backend("torch", dtype="float64").rng(seed)

    def normal(self, shape, like=None):
        return self._rng.normal(shape).to(like)

    def uniform(self, shape, like=None):
        return self._rng.uniform(shape).to(like)

    def rademacher(self, shape, like=None):
        return self._rng.rademacher(shape).to(like)

    def __getattr__(self, name):
        return getattr(self._rng, name)


def exact_noise(shape: tuple[int, ...], seed: int, draw: str = "normal") -> torch.Tensor:
    """Float64 on the CPU."""
    return getattr(SharedNoise(seed), draw)(shape, torch.zeros((), dtype=torch.float64))


def relative(mine: torch.Tensor, exact: torch.Tensor) -> float:
    """The norm of the difference, in units of the exact norm."""
    return float((mine.detach().cpu().double() - exact.detach()).norm() / exact.detach().norm())
