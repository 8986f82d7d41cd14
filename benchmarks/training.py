"""Training: steps per second of ``sk.fit``, and one optimizer step of each objective on NumPy.

``OPENBLAS_NUM_THREADS=1 python benchmarks/training.py`` prints milliseconds per step of the NumPy learner, min / median
/ max of interleaved runs: a 3 x 64 network, 256 samples, float32. torch_steps.py has the steps on tensors.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import scorekit as sk
from benchmarks import cases
from benchmarks.timing import spread, take_turns

DIMENSIONS = (2, 10)
STEPS = 50
OBJECTIVES = {
    "DSM": sk.objectives.DenoisingScoreMatching(0.1),
    "DSM, control": sk.objectives.DenoisingScoreMatching(0.1, "control"),
    "SSM-VR": sk.objectives.SlicedScoreMatching(),
    "ISM, exact": sk.objectives.ImplicitScoreMatching(),
    "ISM, Hutchinson": sk.objectives.ImplicitScoreMatching("hutchinson"),
}


class Fit:
    """asv: steps a second of ``sk.fit``, its start and its end included, on one thread."""

    params = (["DSM", "NCSN", "SSM-VR"], list(cases.BACKENDS), list(cases.DTYPES), [2, 100], [128, 1024])
    param_names = ("objective", "backend", "dtype", "d", "batch")

    def setup(self, objective, backend, dtype, d, batch):
        if batch > 128 and dtype == "float64":
            raise NotImplementedError("float64 is measured at one batch")
        self.data = cases.data(backend, dtype, 4096, d)
        self.net = cases.network(backend, dtype, d, conditional=objective == "NCSN")

    def track_steps_a_second(self, objective, backend, dtype, d, batch):
        def run():
            sk.fit(
                self.net, cases.OBJECTIVES[objective], self.data, steps=STEPS, batch_size=batch, progress=False, rng=0
            )

        return STEPS / float(np.median(take_turns({"fit": run}, 3)["fit"]))

    track_steps_a_second.unit = "steps/s"


def runs(d, steps=STEPS):
    """The learner of each objective as a function that makes so many steps."""
    x = cases.data("numpy", "float32", 256, d)

    def of(objective):
        net = cases.network("numpy", "float32", d, hidden=(64, 64, 64))
        learner = sk.backend("numpy").learner(net, objective)
        return lambda: [learner.step(x, sk.rng(seed)) for seed in range(steps)]

    return {name: of(objective) for name, objective in OBJECTIVES.items()}


def main(repeats=5):
    for d in DIMENSIONS:
        print(f"d = {d}: ms a step, min / median / max of {repeats} x {STEPS} steps")
        for name, spent in take_turns(runs(d), repeats).items():
            print(f"  {name:16s} {spread(spent / STEPS * 1e3, '6.2f')}")


if __name__ == "__main__":
    main()
