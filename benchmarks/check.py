"""Regression test of speed: ratios of our time to plain code in interleaved runs, compared with the committed ratios.

``OPENBLAS_NUM_THREADS=1 python benchmarks/check.py`` prints a table and exits with 1 if a ratio is above 1.25 times
the committed one, or if a case is missing on one side. ``--update`` writes the measured ratios. A case that is too
slow is measured once more, and the smaller ratio counts, because other work on the machine can slow down one run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import images, langevin, sampling, torch_steps, traces
from benchmarks.timing import paired_ratio, take_turns

COMMITTED = Path(__file__).parent / "results" / "ratios.json"
ALLOWED = 1.25


class Verdict(NamedTuple):
    """One line of the table; ``fault`` is empty when all is well."""

    case: str
    measured: float | None
    committed: float | None
    fault: str


def judged(case: str, measured: float | None, committed: float | None) -> Verdict:
    if committed is None:
        return Verdict(case, measured, committed, "is not among the committed ratios: --update writes it")
    if measured is None:
        return Verdict(case, measured, committed, "is committed and no longer measured: --update removes it")
    slower = measured / committed
    fault = "" if slower <= ALLOWED else f"is {slower:.2f} times the committed ratio, above {ALLOWED}"
    return Verdict(case, measured, committed, fault)


def compare(measured: Mapping[str, float], committed: Mapping[str, float]) -> list[Verdict]:
    """Every case of either side, in the order of the measurement."""
    return [judged(case, measured.get(case), committed.get(case)) for case in dict.fromkeys((*measured, *committed))]


def table(verdicts: list[Verdict]) -> str:
    """One line a case, then each fault by name."""

    def shown(ratio):
        return "–" if ratio is None else f"{ratio:.3f}"

    lines = [f"{'ours / theirs':52s} {'now':>8s} {'committed':>10s}"]
    lines += [
        f"{v.case:52s} {shown(v.measured):>8s} {shown(v.committed):>10s}  {'FAILS' * bool(v.fault)}" for v in verdicts
    ]
    return "\n".join([*lines, *(f"{v.case} {v.fault}" for v in verdicts if v.fault)])


# ---------------------------------------------------------------- the cases: a name and a function that measures


def cases() -> Iterator[tuple[str, Callable[[], float]]]:
    textbook, plain = "plain (n, 2) loop, textbook score", "plain (n, 2) loop, closure score"
    narrow = "plain (n, 2) loop on float32 tensors, closure score"
    for ours, theirs in (
        ("scorekit, GaussianMixture", textbook),
        ("scorekit, closure score", plain),
        ("scorekit, float32 tensors, closure score", narrow),
    ):
        yield f"Langevin: {ours}", lambda ours=ours, theirs=theirs: _langevin(ours, theirs)
    for d in torch_steps.DIMENSIONS:
        for name in torch_steps.OBJECTIVES:
            yield f"optimizer step: {name}, d = {d}, by hand", lambda name=name, d=d: _step(name, d)
    for d in (10, 100):
        yield f"exact trace: d = {d}, loop of reverse passes", lambda d=d: _trace(d)
    for name in sampling.NETWORKS:
        yield f"annealed Langevin: {name}, bare network", lambda name=name: _annealed(name)
    for name in images.NETWORKS:
        for variant in ("float32", "bfloat16"):
            yield f"image step: {name}, {variant}, plain network", lambda name=name, v=variant: _image(name, v)


def _langevin(ours, theirs):
    return paired_ratio(take_turns(langevin.runs(10_000, 50, (ours, theirs)), 5), ours, theirs)


def _step(name, d):
    spent = take_turns(torch_steps.runs(name, d, 5 if d == 100 else 20), 9)
    return paired_ratio(spent, "scorekit", "by hand")


def _trace(d):
    return paired_ratio(take_turns(traces.runs(d, ("scorekit", "loop")), 7), "scorekit", "loop")


def _annealed(name):
    case = sampling.OnNetwork.named(name)
    return paired_ratio(take_turns({"annealed": case.annealed, "bare": case.bare}, 9), "annealed", "bare")


def _image(name, variant):
    torch.set_num_threads(2)
    steps = {each: images.training_step(name, "28x28x1", each) for each in (variant, "plain")}
    return paired_ratio(take_turns(steps, 5), variant, "plain")


def measure(committed: Mapping[str, float]) -> dict[str, float]:
    found = {}
    for case, run in cases():
        found[case] = run()
        if judged(case, found[case], committed.get(case, found[case])).fault:
            found[case] = min(found[case], run())
        print(f"{case}: {found[case]:.3f}", file=sys.stderr, flush=True)
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare ratios of times with the committed ones.")
    parser.add_argument(
        "--update", action="store_true", help="write the measured ratios in place of the committed ones"
    )
    update = parser.parse_args(arguments).update
    committed = json.loads(COMMITTED.read_text()) if COMMITTED.exists() and not update else {}
    found = measure(committed)
    if update:
        COMMITTED.write_text(json.dumps({case: round(ratio, 3) for case, ratio in found.items()}, indent=1) + "\n")
        print(f"wrote {len(found)} ratios to {COMMITTED.name}")
        return 0
    verdicts = compare(found, committed)
    print(table(verdicts))
    return int(any(verdict.fault for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
