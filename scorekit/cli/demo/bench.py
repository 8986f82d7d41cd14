"""What the demos share: a backend, a seed, a folder, one bar, and how a network is trained on a toy."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import scorekit as sk
from scorekit.errors import InvalidValueError
from scorekit.protocols import Array, Backend, Objective, Rng
from scorekit.registry import provided
from scorekit.storage import writable_folder
from scorekit.training import WarmupCosine

__all__ = ["Bench", "table"]


@dataclass
class Bench:
    """Where a demo works."""

    backend: Backend
    folder: Path
    seed: int
    quick: bool
    written: list[Path] = field(default_factory=list)
    _bar: Any = None

    @classmethod
    def open(cls, backend: str, out: str, seed: int, quick: bool) -> Bench:
        """Check everything that the command line said before any work is done."""
        if seed < 0:
            raise InvalidValueError(f"--seed must not be negative, got {seed}.")
        folder = writable_folder(out, "choose another folder with --out.")
        return cls(sk.backend(backend, dtype="float32"), folder, seed, quick)

    def rng(self, *stream: int) -> Rng:
        """A stream of random numbers of its own for each use, a function of the seed."""
        return self.backend.rng(("demo", self.seed, *stream))

    def pick(self, full: int, quick: int) -> int:
        """A size for the real thing, or for ``--quick``."""
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
        """One bar over all the optimizer steps and sampler steps of a demo."""
        from tqdm import tqdm

        pause = 0.1 if sys.stderr.isatty() else 10.0  # a log file wants few lines
        with tqdm(total=steps, desc=title, unit="step", dynamic_ncols=True, mininterval=pause) as self._bar:
            yield

    def tick(self, _: Any = None) -> None:
        """A callback that moves the bar one step."""
        self._bar.update()

    def network(self, *, conditional: bool) -> Any:
        """Three hidden layers of 64, with weights from the seed."""
        make = provided(self.backend.name, "MLP")
        return make(2, hidden=(64, 64, 64), conditional=conditional, dtype="float32", rng=self.rng(0))

    def train(self, model: Any, objective: Objective, data: Array, steps: int, rate: float, batch: int) -> Any:
        """The recipe of all demos: Adam, warm-up and half a cosine, averaged weights."""
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
        """Write a figure to the folder and remember its path."""
        path = self.folder / name
        sk.plot.write(figure, path, dpi=self.pick(150, 70))
        self.written.append(path)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with aligned columns, the first one to the left."""
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    print(f"\n{title}")
    for line in (header, ["-" * width for width in widths], *rows):
        cells = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())
