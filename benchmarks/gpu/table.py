"""What all cases share: where they run, a row of the table, and noise that is the same everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch

import scorekit as sk


class Row(NamedTuple):
    """One line of the table; what was not measured is None."""

    case: str
    variant: str
    error: float | None = None
    allowed: float | None = None
    step_ms: float | None = None
    samples_a_second: float | None = None
    peak_mib: float | None = None
    share: float | None = None

    @property
    def wrong(self) -> bool:
        return self.error is not None and not self.error <= self.allowed


@dataclass(frozen=True)
class Bench:
    """Where it runs and how large it is."""

    device: torch.device
    quick: bool

    @property
    def variants(self):
        return ("fp32", "bf16") if self.quick else ("fp32", "bf16", "compile")

    @property
    def dim(self):
        return 8 if self.quick else 64

    @property
    def batch(self):
        return 32 if self.quick else 1024

    @property
    def chains(self):
        return 100 if self.quick else 100_000

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def matrix_rate(self, dtype: torch.dtype) -> float:
        """Floating-point operations a second in a large product, as measured here."""
        return _matrix_rate(self, dtype)

    def milliseconds(self, run: Callable[[], object]) -> float:
        """The median of single runs, after some that do not count."""
        spent = []
        for _ in range(3 if self.quick else 60):
            self.wait()
            begin = time.perf_counter()
            run()
            self.wait()
            spent.append((time.perf_counter() - begin) * 1e3)
        late = sorted(spent[len(spent) // 3 :])
        return late[len(late) // 2]


@lru_cache
def _matrix_rate(bench: Bench, dtype: torch.dtype) -> float:
    n = 256 if bench.quick else 8192
    noise = torch.Generator(bench.device).manual_seed(0)  # of ones the product takes less power, and is faster
    a = torch.randn(n, n, generator=noise, dtype=dtype, device=bench.device)
    return 2.0 * n**3 / (bench.milliseconds(lambda: a @ a) * 1e-3)


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


def relative(mine: torch.Tensor, exact: torch.Tensor) -> float:
    return float((mine.detach().cpu().double() - exact.detach()).norm() / exact.detach().norm())


HEADER = (
    f"{'case':32s} {'variant':18s} {'error':>9s} {'':5s} {'ms a step':>10s} {'samples/s':>12s} {'peak MiB':>10s} "
    f"{'of rate':>8s}"
)


def line(row: Row) -> str:
    def shown(value, form, width):
        return f"{'-' if value is None else format(value, form):>{width}s}"

    verdict = "" if row.error is None else "WRONG" if row.wrong else "ok"
    return (
        f"{row.case:32s} {row.variant:18s} {shown(row.error, '.1e', 9)} {verdict:5s} {shown(row.step_ms, '.3f', 10)} "
        f"{shown(row.samples_a_second, ',.0f', 12)} {shown(row.peak_mib, '.1f', 10)} {shown(row.share, '.1%', 8)}"
    )
