"""Langevin on an 8-component mixture in the plane, its score known: beside other libraries and beside loops by hand.

    python -m pip install --no-deps -r benchmarks/peers/requirements.txt    # what is missing is passed over
    OPENBLAS_NUM_THREADS=1 python benchmarks/peers/samplers.py              # about two minutes; --quick for seconds

Each contestant must first make steps of the exact law from 200,000 states, and end where the textbook's loop ends; who
does not is shown with what is off, and is not timed. Then all take turns on one core, 10,000 chains × 1,000 steps, the
last states kept, processor time. blackjax is jitted over the whole run and compiled before the clock starts. azula has
a Langevin step only as the corrector of another sampler, at a noise level; its steps differ as with_azula.py says.
All run in one process: what ``sample`` asks of the allocator of the C library helps the others too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import scorekit as sk
from benchmarks.langevin import STEP, closure_score, library_score, plain_score, tensor_closure
from benchmarks.peers import loops, mixture, with_azula, with_blackjax, with_torchebm
from benchmarks.peers.contest import OURS, Field, admit, announce, one_core, options, publish, race, surroundings

PEERS = ("torchebm", "azula", "blackjax", "jax")
FAST = tensor_closure()
WRITTEN = "its users' score"
SAME = "the same fast score"


def scorekit(score, backend: str = "torch", dtype: str = "float32") -> mixture.Way:
    seam = sk.backend(backend, dtype=dtype)

    def run(x, steps, seed):
        return seam.to_numpy(sk.samplers.Langevin(STEP, steps).sample(score, seam.asarray(x), rng=seed).x)

    return mixture.Way(run)


CASES: dict[str, dict[str, Callable[[], mixture.Way]]] = {
    "float32, the score as each library's users write it": {
        OURS: lambda: scorekit(library_score()),
        "torchebm, gradient of the energy": with_torchebm.sampler,
        "torchebm, textbook's score": lambda: with_torchebm.sampler(mixture.textbook_score),
        "azula, textbook's mean": with_azula.sampler,
        "blackjax, gradient of log p": lambda: with_blackjax.sampler(automatic=True),
        "torch loop, textbook's score": lambda: loops.torch_plain(mixture.textbook_score),
    },
    "float32, one fast score for all": {
        OURS: lambda: scorekit(FAST),
        "torchebm": lambda: with_torchebm.sampler(FAST),
        "azula": lambda: with_azula.sampler(FAST),
        "blackjax": lambda: with_blackjax.sampler(automatic=False),
        "torch loop": lambda: loops.torch_plain(FAST),
        "torch loop, (2, n) buffers": loops.torch_buffered,
    },
    "float64 tensors, one fast score for all": {
        OURS: lambda: scorekit(FAST, dtype="float64"),
        "torchebm": lambda: with_torchebm.sampler(FAST, torch.float64),
        "torch loop": lambda: loops.torch_plain(FAST, torch.float64),
        "torch loop, (2, n) buffers": lambda: loops.torch_buffered(torch.float64),
    },
    "float64 NumPy, the score as users write it": {
        OURS: lambda: scorekit(library_score(), "numpy", "float64"),
        "NumPy loop, textbook's score": lambda: loops.numpy_plain(plain_score),
    },
    "float64 NumPy, one fast score for all": {
        OURS: lambda: scorekit(closure_score, "numpy", "float64"),
        "NumPy loop": lambda: loops.numpy_plain(closure_score),
        "NumPy loop, (2, n) buffers": loops.numpy_buffered,
    },
}


def timed(case: str, field: Field, chains: int, steps: int, rounds: int) -> dict:
    """Nanoseconds for one step of one chain."""
    x = mixture.start(chains)
    runs = {who: lambda way=way: way.run(x, steps, 0) for who, way in field.right.items()}
    spent = race("ns a chain-step", runs, 1e9 / (chains * steps), rounds)
    return {"case": case, "wrong": field.wrong, "absent": field.absent, "spent": spent}


def main(arguments: list[str] | None = None) -> None:
    chosen = options(__doc__, "100 steps, two rounds", 5, arguments)
    chains, steps, rounds = (10_000, 100, 2) if chosen.quick else (10_000, 1000, chosen.rounds)
    one_core()
    torch.set_num_threads(1)
    contests = []
    for case, makers in CASES.items():
        field = admit(makers, mixture.judge)
        announce(f"{case}: min / median / max of {rounds}", field)
        contests.append(timed(case, field, chains, steps, rounds))
    size = {"chains": chains, "steps": steps, "rounds": rounds}
    publish("samplers", {**surroundings(PEERS), **size, "contests": contests}, chosen.out)


if __name__ == "__main__":
    main()
