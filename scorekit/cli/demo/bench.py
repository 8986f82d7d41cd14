"""The setup of all demos: backend, seed, folder, progress bar, and the training of a small network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import scorekit as sk
from scorekit._progress import progress_bar
from scorekit.errors import InvalidValueError
from scorekit.protocols import Array, Backend, Objective, Rng
from scorekit.registry import provided
from scorekit.storage import writable_folder
from scorekit.training import WarmupCosine

__all__ = ["Bench", "table"]


@dataclass
class Bench:
    """The backend, folder, seed and progress bar of a demo."""

    backend: Backend
    folder: Path
    seed: int
    quick: bool
    written: list[Path] = field(default_factory=list)
    _bar: Any = None

    @classmethod
    def open(cls, backend: str, out: str, seed: int, quick: bool) -> Bench:
        """Check all command line options before any computation."""
        if seed < 0:
            raise InvalidValueError(f"--seed must not be negative, got {seed}.")
        folder = writable_folder(out, "choose another folder with --out.")
        return cls(sk.backend(backend, dtype="float32"), folder, seed, quick)

    def rng(self, *stream: int) -> Rng:
        """A separate random number stream for each use, a function of the seed."""
        return self.backend.rng(("demo", self.seed, *stream))

    def pick(self, full: int, quick: int) -> int:
        """The size for the full demo, or for ``--quick``."""
        return quick if self.quick else full

    def draw(self, distribution: Any, n: int, *stream: int) -> Array:
        """Samples of a distribution, float32 on the backend."""
        return distribution.sample(n, rng=self.rng(*stream), like=self.like)

    @property
    def like(self) -> Array:
        """An array with the framework and dtype of the demo."""
        return self.backend.asarray([[0.0, 0.0]])

    @contextmanager
    def stage(self, title: str, steps: int) -> Iterator[None]:
        """A context with one progress bar for all optimizer and sampler steps of a demo."""
        with progress_bar(steps, title) as self._bar:
            yield

    def tick(self, _: Any = None) -> None:
        """A callback that advances the progress bar by one step."""
        self._bar.update()

    def network(self, *, conditional: bool) -> Any:
        """An MLP with three hidden layers of 64 units; its weights depend on the seed."""
        make = provided(self.backend.name, "MLP")
        return make(2, hidden=(64, 64, 64), conditional=conditional, dtype="float32", rng=self.rng(0))

    def train(self, model: Any, objective: Objective, data: Array, steps: int, rate: float, batch: int) -> Any:
        """Train with the settings of all demos: Adam, linear warmup, cosine decay, EMA weights."""
        schedule = WarmupCosine(rate, steps, warmup=steps // 15)
        fitted = sk.fit(
            model,
            objective,
            data,
            steps=steps,
            batch_size=batch,
            learning_rate=schedule,
            rng=self.seed,
            progress=False,
            callbacks=[self.tick],
        )
        if fitted.interrupted:
            raise KeyboardInterrupt
        return fitted

    def write(self, figure: Any, name: str) -> None:
        """Write a figure to the folder and record its path."""
        path = self.folder / name
        sk.plot.write(figure, path, dpi=self.pick(150, 70))
        self.written.append(path)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table. The first column is left-aligned, the others are right-aligned."""
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    print(f"\n{title}")
    for line in (header, ["-" * width for width in widths], *rows):
        cells = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())
