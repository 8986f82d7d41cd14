"""A run for benchmarks/processes.py that leaves a mark each time, and one that fails."""

from pathlib import Path

import scorekit._allocator


def marks(path):
    def run():
        with Path(path).open("a") as file:
            file.write(f"{scorekit._allocator.keep_freed_blocks.__name__}\n")

    return run


def failing():
    return lambda: 1 / 0
