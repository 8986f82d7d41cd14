"""One optimiser step of each objective with the NumPy backend: a 3 x 64 network, 256 samples, float32.

``OPENBLAS_NUM_THREADS=1 python benchmarks/training.py`` prints milliseconds a step, min / median / max of
interleaved runs.
"""

from __future__ import annotations

import time

import numpy as np

import scorekit as sk
from scorekit_numpy import MLP

DIMENSIONS = (2, 10)
STEPS = 50
OBJECTIVES = {
    "DSM": lambda: sk.objectives.DenoisingScoreMatching(0.1),
    "DSM, control": lambda: sk.objectives.DenoisingScoreMatching(0.1, "control"),
    "SSM-VR": lambda: sk.objectives.SlicedScoreMatching(),
    "ISM, exact": lambda: sk.objectives.ImplicitScoreMatching(),
    "ISM, Hutchinson": lambda: sk.objectives.ImplicitScoreMatching("hutchinson"),
}


def learner(name, d):
    net = MLP(d, hidden=(64, 64, 64), conditional=False, dtype="float32")
    return sk.backend("numpy").learner(net, OBJECTIVES[name]())


def run(trained, x, steps=STEPS):
    """Milliseconds a step."""
    start = time.perf_counter()
    for step in range(steps):
        trained.step(x, sk.rng(step))
    return (time.perf_counter() - start) / steps * 1e3


def data(d):
    return np.random.default_rng(0).standard_normal((256, d)).astype(np.float32)


class Step:
    """asv: milliseconds a step."""

    params = (list(OBJECTIVES), list(DIMENSIONS))
    param_names = ("objective", "d")

    def setup(self, name, d):
        self.learner, self.x = learner(name, d), data(d)
        self.learner.step(self.x, sk.rng(0))

    def time_step(self, name, d):
        self.learner.step(self.x, sk.rng(1))


def main(repeats=5):
    for d in DIMENSIONS:
        learners = {name: learner(name, d) for name in OBJECTIVES}
        times = {name: [] for name in OBJECTIVES}
        for repeat in range(repeats + 1):
            for name, trained in learners.items():
                spent = run(trained, data(d))
                if repeat:
                    times[name].append(spent)
        print(f"d = {d}: ms a step, min / median / max of {repeats} x {STEPS} steps")
        for name, spent in times.items():
            print(f"  {name:16s} {min(spent):6.2f} / {np.median(spent):6.2f} / {max(spent):6.2f}")


if __name__ == "__main__":
    main()
