"""``scorekit demo``: experiments on three toy distributions, from data to figures."""

from __future__ import annotations

import time

from scorekit.cli.demo import banana, gmm, swiss_roll
from scorekit.cli.demo.bench import Bench
from scorekit.errors import InvalidValueError

__all__ = ["run"]

_DEMOS = {"gmm": gmm.run, "banana": banana.run, "swiss-roll": swiss_roll.run}
_DEFAULT = ("gmm", "swiss-roll")


def run(name: str | None, *, backend: str, out: str, seed: int, quick: bool) -> None:
    """Run one demo, ``all``, or without a name the two default ones; print tables and the paths of figures."""
    chosen = _choose(name)
    bench = Bench.open(backend, out, seed, quick)
    started = time.perf_counter()
    for each in chosen:
        _DEMOS[each](bench)
    print(f"\n{len(bench.written)} figures in {time.perf_counter() - started:.0f} s:")
    for path in bench.written:
        print(f"  {path}")


def _choose(name: str | None) -> tuple[str, ...]:
    if name is None:
        return _DEFAULT
    if name == "all":
        return tuple(_DEMOS)
    if name not in _DEMOS:
        raise InvalidValueError(f"unknown demo {name!r}: expected one of {', '.join(_DEMOS)}, all.")
    return (name,)
