"""Runs each implementation in its own process, so that they do not share a memory allocator; the runs are interleaved.

As a script this is the worker: it builds the run named by its arguments and executes it once for each line of input.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 3


@contextmanager
def process(maker: str, *arguments: str, ours: bool = True) -> Iterator[Callable[[], None]]:
    """``module:function(*arguments)``, which makes a run, in a process of its own: a function that does the run there.

    With ``ours`` the C library treats freed memory there as ``fit`` and ``sample`` ask it to, else as it does anyway.
    """
    command = [sys.executable, __file__, maker, json.dumps(arguments), json.dumps(ours)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
        asked, answers = other.stdin, other.stdout
        assert asked is not None
        assert answers is not None

        def run() -> None:
            with suppress(BrokenPipeError):  # it has ended, as the missing answer says
                asked.write("run\n")
                asked.flush()
            if answers.readline() != "done\n":
                raise RuntimeError(f"{maker}{arguments} ended; what it printed stands above.")

        try:
            yield run
        finally:
            with suppress(BrokenPipeError):
                asked.close()


def serve(maker: str, arguments: list[str], ours: bool) -> None:
    """Do the run once for each line that comes in."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    if ours:
        importlib.import_module("scorekit._allocator").reuse_freed_memory()
    module, _, name = maker.partition(":")
    run = getattr(importlib.import_module(module), name)(*arguments)
    for _ in range(WARM_UP):
        run()
    for _ in sys.stdin:
        run()
        print("done", flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], *(json.loads(given) for given in sys.argv[2:]))
