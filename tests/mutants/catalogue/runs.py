"""Seeded bugs of training runs: what is kept, what is compared at a resume, and what threads share."""

from __future__ import annotations

from .base import seeded

__all__ = ["RUNS"]

RUN = "scorekit/training/run.py"
FAILURE = "scorekit/training/failure.py"
INTERRUPT = "scorekit/training/interrupt.py"
PROBE = "scorekit/training/probe.py"
SEEDING = "scorekit/training/sources/seeding.py"
THREADS = "scorekit/learning/threads.py"
NUMPY_LEARNER = "backends/scorekit_numpy/learner.py"
TORCH_LEARNER = "backends/scorekit_torch/learner.py"
PROGRESS = "scorekit/_progress.py"

RUNS = (
    *seeded(
        RUN,
        "Run._count",
        ("failed-step-counted", "self.step + 1, skipped", "self.step + 2, skipped", "a checkpoint of a step not made"),
    ),
    *seeded(
        RUN,
        "Run._fetch",
        (
            "dead-workers-lose-the-run",
            "stop.requested or (self.source.has_workers and stop.arrives())",
            "False",
            "a worker that dies of the signal ends the run with an error",
        ),
        ("nan-in-data-not-seen", "batch.fault is not None and not self.skip", "False", "the sample is not named"),
    ),
    *seeded(
        FAILURE,
        "_checkpoint",
        ("error-loses-the-run", "run.saved != run.step", "False", "no checkpoint after an error"),
    ),
    *seeded(
        INTERRUPT,
        "StopBetweenSteps.__enter__",
        ("ignored-signal-taken", "(None, signal.SIG_IGN)", "(None,)", "nohup does not hold"),
    ),
    *seeded(
        INTERRUPT,
        "StopBetweenSteps._request",
        ("second-signal-lost", "now - self._at > _SAME", "False", "a run that hangs cannot be stopped"),
    ),
    *seeded(
        INTERRUPT,
        "StopBetweenSteps.pass_on",
        ("own-handler-lost", "handler(self._number, None)", "pass", "the handler of the program is not called"),
    ),
    *seeded(
        PROBE,
        "_far",
        ("probe-compares-nothing", "difference > tolerance * scale", "False", "another model goes on"),
        ("probe-too-wide", "float(np.sqrt(np.finfo(now.dtype).eps)) if exact else far", "far", "1 % is not seen"),
    ),
    *seeded(
        PROBE,
        "differences",
        (
            "probe-without-levels",
            "np.array_equal(levels, now['levels'], equal_nan=True)",
            "True",
            "other noise levels go on",
        ),
    ),
    *seeded(
        SEEDING,
        "_restored",
        ("numpy-generator-moved", "np.random.set_state(numpy)", "pass", "the generator of the program moves"),
        ("python-generator-moved", "random.setstate(python)", "pass", "the generator of the program moves"),
    ),
    *seeded(
        THREADS,
        "ThreadLock.__enter__",
        (
            "threads-share-generators",
            "self._lock.acquire()",
            "self._lock = threading.RLock(); self._lock.acquire()",
            "each fit has a lock of its own",
        ),
    ),
    *seeded(
        NUMPY_LEARNER,
        "NumpyLearner.step",
        ("half-a-step-is-kept", "self._complete = False", "pass", "the optimizer and the EMA are of two steps"),
    ),
    *seeded(
        TORCH_LEARNER,
        "TorchLearner.step",
        ("half-a-step-is-kept-torch", "self._complete = False", "pass", "the optimizer and the EMA are of two steps"),
    ),
    *seeded(
        PROGRESS,
        "_Lines._line",
        ("a-line-each-step", "time.monotonic() + _PAUSE", "0.0", "log files grow with the number of steps"),
    ),
)
