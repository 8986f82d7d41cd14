"""Runs that would be lost: signals, errors, NaN in the data, another model at a resume, threads, progress in log files.

Each case has its source: a thread of a public tracker (owner/repo#number), or the situation in words.
"""

from __future__ import annotations

import itertools
import json
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

import scorekit as sk
from scorekit.objectives import DenoisingScoreMatching, ImplicitScoreMatching, NoiseConditional, SlicedScoreMatching
from scorekit_numpy import MLP
from support.manifests import rewrite

DATA = np.random.default_rng(0).normal(size=(64, 2))
POSIX = pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups of POSIX")


def run(folder=None, **options):
    options = {"steps": 20, "batch_size": 16, "progress": False, "checkpoint": folder} | options
    model = options.pop("model", None) or MLP(2, hidden=(8,), conditional=False)
    return sk.fit(model, options.pop("objective", SlicedScoreMatching()), options.pop("data", DATA), **options)


def weights(result):
    model = result.model
    while not hasattr(model, "parameters"):
        model = model.inner
    return np.concatenate([v.ravel() for v in model.parameters().values()])


def kept(folder):
    return sorted(int(p.name[5:]) for p in folder.glob("step-*"))


class At:
    """A callback that calls a function after one step."""

    def __init__(self, step, function):
        self.step, self.function = step, function

    def __call__(self, state):
        if state.step == self.step:
            self.function()


def throw(error):
    raise error


# ---------------------------------------------------------------- signals to a program with workers

LOADER = textwrap.dedent("""
    import json, sys, time, warnings
    import torch, scorekit as sk
    from torch.utils.data import DataLoader, Dataset
    from scorekit_torch import MLP

    warnings.filterwarnings("ignore", message=".*pin_memory.*")

    class Slow(Dataset):
        def __len__(self):
            return 40
        def __getitem__(self, i):
            time.sleep(0.005)
            return torch.full((2,), i / 40, dtype=torch.float64)

    if __name__ == "__main__":
        torch.set_num_threads(1)
        options = json.loads(sys.argv[2])
        started = options.pop("started", False)
        loader = DataLoader(Slow(), batch_size=4, shuffle=True, **options)
        if started:
            next(iter(loader))  # workers that fit has not started
        result = sk.fit(MLP(2, hidden=(4,), conditional=False), sk.objectives.SlicedScoreMatching(), loader,
                        steps=100_000, progress=False, checkpoint=sys.argv[1],
                        callbacks=[lambda state: print("step", state.step, flush=True)])
        print("returned", result.step, result.interrupted, result.saved, flush=True)
""")
STATUS = {"SIGINT": 0, "SIGTERM": 143, "SIGHUP": 129}


@contextmanager
def killed_after(seconds, group):
    """A limit for a process group that hangs."""
    hangs = threading.Timer(seconds, os.killpg, (group, signal.SIGKILL))
    hangs.start()
    try:
        yield
    finally:
        hangs.cancel()


def stopped_by(number, options, tmp_path):
    """Start the program in a session of its own, and send the signal to its whole group at a random moment."""
    program = tmp_path / "program.py"
    program.write_text(LOADER)
    command = [sys.executable, str(program), str(tmp_path / "run"), json.dumps(options)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as child, killed_after(120, child.pid):
        lines = []
        while lines[-1:] != ["step 3"]:
            lines.append(child.stdout.readline().strip())
            assert lines[-1], child.stderr.read()
        time.sleep(random.uniform(0, 0.2))
        os.killpg(child.pid, number)
        lines += child.stdout.read().splitlines()
        said = child.stderr.read()
    return child.returncode, lines, said


def check_stopped(name, options, tmp_path):
    status, lines, said = stopped_by(getattr(signal, name), options, tmp_path)
    steps = [int(line.split()[1]) for line in lines if line.startswith("step")]
    last = max(steps, default=3)
    assert status == STATUS[name], said
    assert kept(tmp_path / "run") == [last]
    assert f"after step {last} of 100000; resume with checkpoint=" in said
    if name == "SIGINT":
        assert lines[-1] == f"returned {last} True {last}"


METHODS = [
    {"num_workers": workers, "persistent_workers": persistent, "multiprocessing_context": method}
    for (method, workers), persistent in itertools.product(
        (("fork", 1), ("fork", 4), ("spawn", 2), ("forkserver", 2)), (False, True)
    )
]
ALSO = [
    {"num_workers": 2, "pin_memory": True},
    {"num_workers": 2, "persistent_workers": True, "started": True},
    {"num_workers": 0},
]


@POSIX
@pytest.mark.parametrize(
    ("name", "options"),
    [("SIGTERM", {"num_workers": 2, "persistent_workers": True}), ("SIGINT", {"num_workers": 2})],
    ids=["SIGTERM", "SIGINT"],
)
def test_a_signal_to_all_processes_of_a_program_with_workers(tmp_path, name, options):
    """A terminal (Ctrl-C) and a scheduler (SIGTERM) signal the whole process group; workers died, and then the run."""
    pytest.importorskip("torch")
    check_stopped(name, options, tmp_path)


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("name", list(STATUS))
@pytest.mark.parametrize("options", METHODS + ALSO, ids=lambda options: "-".join(map(str, options.values())))
def test_a_signal_to_all_processes_for_each_way_to_start_workers(tmp_path, name, options):
    """The same for fork, spawn and forkserver, and for workers that were started before ``fit``."""
    pytest.importorskip("torch")
    check_stopped(name, options, tmp_path)


# ---------------------------------------------------------------- signals to one process


@POSIX
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_programs_saves_and_ends(tmp_path, name, capsys):
    """SIGHUP: the terminal or the ssh connection was closed."""
    number = getattr(signal, name)
    with pytest.raises(SystemExit) as caught:
        run(tmp_path, callbacks=[At(7, lambda: os.kill(os.getpid(), number))])
    assert caught.value.code == 128 + number
    assert (caught.value.result.step, caught.value.result.saved, caught.value.result.interrupted) == (7, 7, True)
    assert f"stopped by {name} after step 7 of 20; resume with checkpoint='{tmp_path}'" in capsys.readouterr().err
    assert np.array_equal(weights(run(tmp_path)), weights(run()))


TERMINAL = textwrap.dedent("""
    import sys, time, numpy as np, scorekit as sk
    from scorekit_numpy import MLP
    sk.fit(MLP(2, hidden=(4,), conditional=False), sk.objectives.SlicedScoreMatching(),
           np.random.default_rng(0).normal(size=(64, 2)), steps=10**6, checkpoint=sys.argv[1],
           callbacks=[lambda state: time.sleep(0.001)])
""")


@POSIX
@pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")  # of JAX, if a test before imported it
def test_a_terminal_that_is_closed(tmp_path):
    """A window or an ssh connection is closed: SIGHUP comes, and each write to the terminal fails."""
    import pty
    import termios

    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-W", "ignore", "-c", TERMINAL, str(tmp_path / "run")])
    with killed_after(60, child):
        termios.tcsetwinsize(terminal, (24, 80))
        seen = b""
        while b"loss=" not in seen:
            seen += os.read(terminal, 1000)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 129
    assert len(kept(tmp_path / "run")) == 1


@POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_ignored_signal_stays_ignored(tmp_path, name):
    """``nohup python train.py``, and a program that a script starts in the background with ``&``."""
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_IGN)
    try:
        result = run(tmp_path, callbacks=[At(7, lambda: os.kill(os.getpid(), number))])
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)
    assert (result.step, result.interrupted) == (20, False)


@POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_handler_of_the_program_is_called_when_the_run_is_saved(tmp_path, name):
    """A program that asks its scheduler for a new job in the handler, as submitit and Lightning do on SLURM."""
    seen, number = [], getattr(signal, name)

    def handler(received, frame):
        seen.append((received, kept(tmp_path)))

    before = signal.signal(number, handler)
    try:
        result = run(tmp_path, callbacks=[At(7, lambda: os.kill(os.getpid(), number))])
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)
    assert seen == [(number, [7])]
    assert (result.step, result.interrupted) == (7, True)


@POSIX
def test_a_handler_that_a_callback_sets_stays():
    before = signal.getsignal(signal.SIGTERM)
    try:
        run(callbacks=[At(7, lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))])
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


@POSIX
def test_two_signals_at_once_are_one_and_a_later_one_has_its_usual_effect(tmp_path):
    """Under torchrun, Ctrl-C comes from the terminal and from the agent. A second one of the user must not wait."""

    def twice():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    assert run(tmp_path, callbacks=[At(7, twice)]).saved == 7

    def impatient():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1.1)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        run(tmp_path, callbacks=[At(12, impatient)])
    assert caught.value.result.saved == 12
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@POSIX
def test_a_signal_that_stops_an_inner_fit_stops_the_outer_one(tmp_path):
    def inner():
        run(callbacks=[At(3, lambda: os.kill(os.getpid(), signal.SIGINT))])

    assert run(tmp_path, callbacks=[At(5, inner)]).saved == 5


def test_a_fit_in_a_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGINT)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run).result().step == 20
    assert signal.getsignal(signal.SIGINT) is before


# ---------------------------------------------------------------- errors

ERRORS = [
    KeyboardInterrupt(),
    MemoryError("no room"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    OSError(5, "Input/output error"),
    GeneratorExit(),
    SystemExit(3),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_a_callback_keeps_the_run(tmp_path, error):
    """A preview or a logger fails in the night: huggingface/transformers and Lightning users lose the epoch."""
    with pytest.raises(type(error)) as caught:
        run(tmp_path, callbacks=[At(13, lambda: throw(error))])
    assert caught.value is error
    assert traceback.extract_tb(error.__traceback__)[-1].name == "throw"
    assert error.result.step == error.result.saved == len(error.result.history) == 13
    assert "after step 13 of 20. The checkpoint of step 13 is kept" in error.__notes__[0]
    assert f"checkpoint='{tmp_path}'" in error.__notes__[0]
    assert np.array_equal(weights(run(tmp_path)), weights(run()))


def test_without_a_folder_the_result_is_at_the_error():
    with pytest.raises(ValueError, match="mine") as caught:
        run(callbacks=[At(13, lambda: throw(ValueError("mine")))])
    half = run(callbacks=[lambda state: state.step == 13])
    assert np.array_equal(weights(caught.value.result), weights(half))
    assert caught.value.result.history.loss.tolist() == half.history.loss.tolist()
    assert "sk.save(error.result.model, folder)" in caught.value.__notes__[0]


def test_an_error_reaches_another_process_whatever_its_result_holds():
    """concurrent.futures and joblib pickle exceptions; with a local class in it, theirs hid the error of the run."""

    class Local(MLP):
        pass

    for model, kept_there in ((MLP(2, hidden=(4,), conditional=False), True), (Local(2, conditional=False), False)):
        with pytest.raises(ValueError, match="mine") as caught:
            run(model=model, callbacks=[At(3, lambda: throw(ValueError("mine")))])
        assert caught.value.result.step == 3
        there = pickle.loads(pickle.dumps(caught.value))
        assert str(there) == "mine"
        assert (there.result is not None) == kept_there
        assert not kept_there or np.array_equal(weights(there.result), weights(caught.value.result))


class Items:
    """A dataset of rows, with one that fails or is replaced."""

    def __init__(self, rows=DATA, **wrong):
        self.rows, self.wrong = rows, {int(k[1:]): v for k, v in wrong.items()}

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        found = self.wrong.get(i, self.rows[i])
        if isinstance(found, Exception):
            raise found
        return found


def test_an_error_of_the_data_keeps_the_run(tmp_path):
    """A truncated image in the middle of an epoch: pytorch/vision users meet OSError of PIL after hours."""
    with pytest.raises(OSError, match="truncated") as caught:
        run(tmp_path, data=Items(i50=OSError("image file is truncated")), steps=8)
    assert "This error is of dataset[50]." in caught.value.__notes__
    step = caught.value.result.step
    assert caught.value.result.saved == step
    assert kept(tmp_path) == [step] if step else not kept(tmp_path)
    repaired = run(tmp_path, data=Items(), steps=8)
    assert np.array_equal(weights(repaired), weights(run(data=Items(), steps=8)))


def test_an_error_inside_a_step_keeps_the_last_complete_one(tmp_path):
    calls = []

    def objective(model, x, rng=None):
        calls.append(0)
        if len(calls) == 6:
            raise MemoryError
        return sk.array_namespace(x).mean(model(x) ** 2)

    with pytest.raises(MemoryError) as caught:
        run(tmp_path, objective=objective)
    assert (caught.value.result.step, kept(tmp_path)) == (5, [5])


def test_a_nan_keeps_the_run_and_it_goes_on_with_skip(tmp_path):
    class Bad(SlicedScoreMatching):
        def draw(self, x, rng=None):
            drawn = super().draw(x, rng)
            return drawn._replace(v=drawn.v * np.nan) if Bad.broken and x[0, 0] == DATA[BAD, 0] else drawn

    BAD = int(sk.rng(("fit", 0, "order", 1)).choice(64, (64,), replace=False)[32])  # the first row of step 7
    Bad.broken = True
    with pytest.raises(sk.NonFiniteError, match="at step 7 of 20") as caught:
        run(tmp_path, objective=Bad())
    assert (caught.value.result.step, kept(tmp_path)) == (6, [6])
    result = run(tmp_path, objective=Bad(), on_nonfinite="skip")
    assert np.flatnonzero(~result.history.applied)[0] == 6
    assert np.isfinite(weights(result)).all()


def test_an_error_before_the_first_step_is_as_it_was(tmp_path):
    with pytest.raises(OSError, match="no disk") as caught:
        run(tmp_path, data=Items(i0=OSError("no disk")))
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(ZeroDivisionError) as caught:
        run(tmp_path, objective=lambda model, x, rng=None: 1 / 0)
    assert (caught.value.result.step, caught.value.result.saved, kept(tmp_path)) == (0, None, [])


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_step_that_ends_inside_its_update_is_no_checkpoint(tmp_path, monkeypatch, backend):
    """The second Ctrl-C between the optimizer and the EMA: weights of one step, an average of another."""
    learner = type(sk.backend(backend).learner(*model_and_objective(backend)))

    def interrupt():
        monkeypatch.setattr(learner, "_follow", lambda self: throw(KeyboardInterrupt()))

    model, objective = model_and_objective(backend)
    options = {"model": model, "objective": objective, "data": data_of(backend), "checkpoint_every": 5}
    with pytest.raises(KeyboardInterrupt) as caught:
        run(tmp_path, **options, callbacks=[At(7, interrupt)])
    assert kept(tmp_path) == [5]
    assert caught.value.result.step == 7
    assert "while it changed the weights" in caught.value.__notes__[0]
    assert "The checkpoint of step 5 is kept" in caught.value.__notes__[0]


def model_and_objective(backend):
    make = MLP if backend == "numpy" else pytest.importorskip("scorekit_torch").MLP
    return make(2, hidden=(4,), conditional=False, dtype="float64"), SlicedScoreMatching()


def data_of(backend):
    return sk.backend(backend).asarray(DATA)


def test_no_memory_for_a_copy_of_the_model_is_no_reason_to_lose_the_checkpoint(tmp_path, monkeypatch):
    """After an error of no memory a copy may need more than there is."""
    learner = type(sk.backend("numpy").learner(*model_and_objective("numpy")))

    def fail():
        monkeypatch.setattr(learner, "model", property(lambda self: throw(MemoryError("no room"))))
        raise MemoryError("first")

    with pytest.raises(MemoryError, match="first") as caught:
        run(tmp_path, callbacks=[At(13, fail)])
    assert caught.value.result is None
    assert kept(tmp_path) == [13]
    assert "The model could not be copied (MemoryError: no room)" in caught.value.__notes__[0]
    monkeypatch.undo()
    with pytest.warns(RuntimeWarning, match="the model and the objective could not be compared"):
        assert np.array_equal(weights(run(tmp_path)), weights(run()))


def test_a_full_disk_and_an_error_at_once(tmp_path, monkeypatch):
    def fill_and_fail():
        monkeypatch.setattr(os, "fsync", lambda handle: throw(OSError(28, "No space left on device")))
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        run(tmp_path, callbacks=[At(13, fill_and_fail)], checkpoint_every=10)
    assert caught.value.result.saved == 10
    assert re.search("could not be written .*No space left.*checkpoint of step 10 is kept", caught.value.__notes__[0])


# ---------------------------------------------------------------- NaN in the data


def loader_of(rows, **options):
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, TensorDataset

    parts = rows if isinstance(rows, tuple) else (rows,)
    return DataLoader(TensorDataset(*(torch.as_tensor(p) for p in parts)), **{"batch_size": 16} | options)


def with_nan(row, value=np.nan):
    rows = DATA.copy()
    rows[row, 1] = value
    return rows


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("row", [0, 1, 50])
@pytest.mark.parametrize("kind", ["dataset", "loader"])
def test_skip_holds_for_samples_of_datasets_and_loaders(kind, row, value):
    """One damaged sample in a million: a NaN in a dataset ended the run in spite of ``on_nonfinite="skip"``."""
    data = Items(with_nan(row, value)) if kind == "dataset" else loader_of(with_nan(row, value))
    model = MLP(2, hidden=(8,), conditional=False) if kind == "dataset" else model_and_objective("torch")[0]
    size = {} if kind == "dataset" else {"batch_size": None}
    result = run(data=data, model=model, steps=8, on_nonfinite="skip", **size)
    assert result.step == 8
    assert (~result.history.applied).sum() == 2  # once an epoch of 4 steps
    assert np.isnan(result.history.loss[~result.history.applied]).all()
    assert np.isfinite(result.history.loss[result.history.applied]).all()


def test_without_skip_the_error_names_step_and_sample(tmp_path):
    order = sk.rng(("fit", 0, "order", 0)).choice(64, (64,), replace=False)
    row, step = int(order[40]), 3  # 40 is in the third batch of 16
    assert row > 2  # else it is seen before the first step
    with pytest.raises(sk.NonFiniteError, match=rf"NaN or infinity in dataset\[{row}\], read for step {step} of") as e:
        run(tmp_path, data=Items(with_nan(row)))
    assert (e.value.result.step, kept(tmp_path)) == (step - 1, [step - 1])
    resumed = run(tmp_path, data=Items(with_nan(row)), on_nonfinite="skip")
    assert resumed.step == 20
    rows = "row 8 of batch 2 of the loader in epoch 0, all counted from 0, read for step 3 of 20"
    with pytest.raises(sk.NonFiniteError, match=rows):
        run(data=loader_of(with_nan(40)), model=model_and_objective("torch")[0], batch_size=None)


def test_samples_that_are_wrong_at_the_start_are_named_before_any_work():
    with pytest.raises(ValueError, match=r"NaN or infinity in 1 of 64 rows \(50\)"):
        run(data=with_nan(50))
    with pytest.raises(ValueError, match=r"the first items of the dataset holds NaN or infinity in 1 of 3 rows \(1\)"):
        run(data=Items(with_nan(1)))


def test_nan_in_a_condition_is_skipped_as_well():
    conditions = np.where(np.arange(64)[:, None] == 33, np.nan, DATA[:, :1])

    class Pairs(Items):
        def __getitem__(self, i):
            return self.rows[i], conditions[i]

    net = MLP(2, hidden=(8,), conditional=False, condition_dim=1)
    assert (~run(data=Pairs(), model=net, steps=4, on_nonfinite="skip").history.applied).sum() == 1
    with pytest.raises(sk.NonFiniteError, match=r"dataset\[33\]"):
        run(data=Pairs(), model=net)


# ---------------------------------------------------------------- which run a folder holds


def conditional(sigma_data=1.0, **options):
    return sk.models.Preconditioned(MLP(2, hidden=(8,), **options), sigma_data)


class Leaky:
    """A network whose option changes no shape."""

    def __init__(self, slope, inner=None):
        self.slope, self.inner = slope, inner or MLP(2, hidden=(4,), conditional=False)

    def parameters(self):
        return self.inner.parameters()

    def with_parameters(self, parameters):
        return Leaky(self.slope, self.inner.with_parameters(parameters))

    def __call__(self, x, sigma=None):
        return self.inner(x) - self.slope * x


class Mine(DenoisingScoreMatching):
    """An objective with a function inside, whose repr tells nothing."""

    factor = 1.0

    def __repr__(self):
        return "Mine()"

    def _losses(self, score, x, noise):
        return self.factor * super()._losses(score, x, noise)


class Twice(Mine):
    factor = 2.0


LEVELS = sk.noise.LogUniform(3.0, 0.1)


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (
            {"model": conditional(1.0), "objective": NoiseConditional(LEVELS)},
            {"model": conditional(0.5)},
            "the model gives other scores than then .relative difference .* sigma_data or an activation",
        ),
        (
            {"model": conditional(1.0), "objective": NoiseConditional(LEVELS)},
            {"model": conditional(1.003)},
            "the model gives other scores than then",
        ),
        ({"model": Leaky(0.1)}, {"model": Leaky(0.11)}, "the model gives other scores than then"),
        (
            {"model": conditional(), "objective": NoiseConditional(LEVELS, weighting=lambda sigma: sigma**2)},
            {"objective": NoiseConditional(sk.noise.LogUniform(3.0, 0.2), weighting=lambda sigma: sigma**2)},
            "objective was NoiseConditional.*0.1.*now NoiseConditional.*0.2",
        ),
        (
            {"model": conditional(), "objective": NoiseConditional(LEVELS, weighting=lambda sigma: sigma**2)},
            {"objective": NoiseConditional(LEVELS, weighting=lambda sigma: sigma)},
            "the objective gives other losses than then .relative difference .*another weighting",
        ),
        ({"objective": Mine(0.3)}, {"objective": Twice(0.3)}, "the objective gives other losses"),
        ({"objective": Mine(0.3)}, {"objective": Mine(0.4)}, r"noise levels .* were \[0\.3\], now \[0\.4\]"),
    ],
    ids=["sigma_data", "sigma_data by 0.3 %", "option", "levels", "weighting", "function", "level"],
)
def test_another_model_or_objective_with_equal_shapes_is_another_run(tmp_path, was, now, words):
    """The same folder after an edit of the script: weights load, and training goes on with another function."""
    first = run(tmp_path, steps=6, **was)
    with pytest.raises(sk.CheckpointError, match=words):
        run(tmp_path, steps=8, **was | now)
    again = run(tmp_path, steps=8, **was)  # a warning would be an error
    assert np.array_equal(weights(again), weights(run(steps=8, **was)))
    assert first.step == 6


def test_an_activation_of_torch_is_seen(tmp_path):
    torch = pytest.importorskip("torch")

    def net(activation):
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(2, 8), activation, torch.nn.Linear(8, 2)).double()

    data = torch.as_tensor(DATA)
    run(tmp_path, steps=6, model=net(torch.nn.Tanh()), data=data)
    with pytest.raises(sk.CheckpointError, match="the model gives other scores"):
        run(tmp_path, steps=8, model=net(torch.nn.SiLU()), data=data)
    assert run(tmp_path, steps=8, model=net(torch.nn.Tanh()), data=data).step == 8


def test_what_cannot_be_compared_is_said_once(tmp_path):
    def objective(model, x, rng=None):
        return sk.array_namespace(x).mean(model(x) ** 2)

    run(tmp_path, objective=objective, steps=6)
    with pytest.warns(
        RuntimeWarning, match="resumes, and the objective could not be compared with the earlier one"
    ) as caught:
        run(tmp_path, objective=objective, steps=8)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_checkpoint_of_an_earlier_version_resumes(tmp_path):
    """It has no probe, and only the class of an objective with a function inside."""
    whole = {"model": conditional(), "objective": NoiseConditional(LEVELS, weighting=lambda sigma: sigma**2)}
    run(tmp_path, steps=6, **whole)
    remove_probe(tmp_path / "step-000000006")
    with pytest.warns(RuntimeWarning, match="resumes, and the model and the objective could not be compared"):
        resumed = run(tmp_path, steps=8, **whole)
    assert np.array_equal(weights(resumed), weights(run(steps=8, **whole)))


def remove_probe(checkpoint):
    from scorekit.storage.folders import read_folder, write_folder

    arrays, description = read_folder(checkpoint)
    description["identity"]["objective"] = "NoiseConditional"
    write_folder(checkpoint, {k: v for k, v in arrays.items() if not k.startswith("probe.")}, description)


def test_another_environment_is_a_reason_for_a_small_difference(tmp_path):
    """Rounding of another device is not another model; another sigma_data is, there as well."""
    run(tmp_path, steps=6, model=Leaky(0.1))
    rewrite(tmp_path / "step-000000006", lambda content: content["description"]["environment"].update(numpy="1.0"))
    with pytest.warns(RuntimeWarning, match="different environment"):
        run(tmp_path, steps=7, model=Leaky(0.1 + 1e-6))
    rewrite(tmp_path / "step-000000007", lambda content: content["description"]["environment"].update(numpy="1.0"))
    with pytest.raises(sk.CheckpointError, match="the model gives other scores"):
        run(tmp_path, steps=8, model=Leaky(0.5))


# ---------------------------------------------------------------- threads and global generators


def places():
    torch = sys.modules.get("torch")
    own = torch.random.get_rng_state().tolist() if torch is not None else None
    return random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2], own  # noqa: NPY002


class Noisy(Items):
    """Items with noise from the global generators, as random transforms have it."""

    def __getitem__(self, i):
        return self.rows[i] + 0.01 * random.random() + 0.01 * np.random.random_sample(2)  # noqa: NPY002


def cases(backend):
    if backend == "numpy":
        return [
            {"objective": ImplicitScoreMatching()},
            {"objective": DenoisingScoreMatching(0.3), "data": Noisy()},
            {"objective": drawing_of_its_own},
        ]
    torch = pytest.importorskip("torch")

    def dropped():
        torch.manual_seed(0)
        layers = [torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Dropout(0.3), torch.nn.Linear(8, 2)]
        return torch.nn.Sequential(*layers).double()

    data = torch.as_tensor(DATA)
    return [
        {"model": dropped(), "data": data},
        {"model": dropped(), "data": data, "objective": DenoisingScoreMatching(0.5)},
        {"model": dropped(), "data": loader_of(DATA, shuffle=True), "batch_size": None},
    ]


def drawing_of_its_own(model, x, rng=None):
    """An objective that draws from the global generator of NumPy."""
    noise = np.random.standard_normal(x.shape)  # noqa: NPY002
    return sk.array_namespace(x).mean((model(x + 0.1 * noise) + 10 * noise) ** 2)


def bits(result):
    model = result.model
    if hasattr(model, "state_dict"):
        return np.concatenate([v.numpy().ravel() for v in model.state_dict().values()])
    return weights(result)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_fits_in_threads_give_what_each_gives_alone(backend):
    """A sweep over settings in a ThreadPoolExecutor: one thread restored the generator that another had seeded."""
    settings = cases(backend)
    alone = [bits(run(**options, steps=40)) for options in settings]
    before, filters = places(), list(warnings.filters)
    with ThreadPoolExecutor(6) as pool:
        together = [pool.submit(run, **options, steps=40) for options in settings * 2]
        for found, wanted in zip(together, alone * 2, strict=True):
            assert np.array_equal(bits(found.result()), wanted)
    assert places() == before
    assert warnings.filters == filters


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_generators_of_the_program_are_where_they_were_also_after_an_error(backend):
    for options in cases(backend):
        before = places()
        run(**options, validation=options.get("data", DATA) if hasattr(options.get("data", DATA), "shape") else None)
        assert places() == before
        with pytest.raises(ValueError, match="mine"):
            run(**options, callbacks=[At(3, lambda: throw(ValueError("mine")))])
        assert places() == before


def test_an_error_inside_a_seeded_part_restores_the_generators():
    before = places()
    with pytest.raises(OSError, match="bad"):
        run(data=Items(i50=OSError("bad")))

    def failing(model, x, rng=None):
        np.random.random_sample()  # noqa: NPY002
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run(objective=failing)
    assert places() == before


def test_derivatives_in_threads_do_not_mix():
    """autograd numbers nested traces in one counter of the process.

    The first thread ends its trace between the outer and the inner trace of the second: both had one number then, and
    the second derivative was wrong.
    """
    x, backend = np.random.default_rng(1).normal(size=(8, 3)), sk.backend("numpy")
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def waits(y):
        first_in.set()
        second_in.wait(0.3)
        return sk.array_namespace(y).sum(y, axis=1)

    def norm_of_gradient(y):
        second_in.set()
        first_out.wait(0.3)
        inner = backend.grad(lambda z: sk.array_namespace(z).sum(z**3 * y, axis=1), y)[1]
        return sk.array_namespace(y).sum(inner**2, axis=1)  # 9 |y³|², whose gradient is 54 y⁵

    def first():
        backend.grad(waits, x)
        first_out.set()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(first)
        first_in.wait(5)
        np.testing.assert_allclose(backend.grad(norm_of_gradient, x)[1], 54 * x**5)
        other.result()


# ---------------------------------------------------------------- progress in log files

BARS = textwrap.dedent("""
    import numpy as np, scorekit as sk
    from scorekit_numpy import MLP
    data = np.random.default_rng(0).normal(size=(64, 2))
    sk.fit(MLP(2, hidden=(4,), conditional=False), sk.objectives.SlicedScoreMatching(), data, steps=30)
    law = sk.distributions.Gaussian([0.0, 0.0], np.eye(2))
    sampler = sk.samplers.Langevin(step_size=0.1, steps=20)
    sampler.sample(law.score, np.zeros((5, 2)), rng=0, progress=True)
    start = lambda n, rng: rng.normal((n, 2))
    list(sk.samplers.sample_blocks(sampler, law.score, start, 12, block=5, rng=0, progress=True))
""")


def test_progress_in_a_log_file_is_lines(tmp_path):
    """CI and SLURM write standard error to a file, where a redrawn bar is one line of a megabyte: tqdm/tqdm#506."""
    with (tmp_path / "log").open("w") as log:
        subprocess.run([sys.executable, "-c", BARS], stderr=log, check=True)
    text = (tmp_path / "log").read_text()
    lines = text.splitlines()
    assert not set(re.findall(r"[\x00-\x09\x0b-\x1f]", text))
    assert re.fullmatch(r"fit: 1/30 steps \(3 %\), 0:00, 0:\d\d left, .* steps/s, loss=.*, samples=.*/s", lines[0])
    assert re.fullmatch(r"fit: 30/30 steps \(100 %\), 0:\d\d, .* steps/s, loss=.*, samples=.*/s", lines[1])
    assert [line.split(" (")[0] for line in lines[2:]] == [
        "Langevin: 1/20 steps",
        "Langevin: 20/20 steps",
        "12 samples in blocks of 5: 1/60 steps",
        "12 samples in blocks of 5: 60/60 steps",
    ]


@POSIX
@pytest.mark.parametrize("gone", ["pipe", "disk", "nothing"])
def test_a_log_that_is_gone_does_not_end_a_run(tmp_path, gone):
    """``python train.py 2>&1 | head``, a full disk of the log, and a closed standard error."""
    program = BARS + "print('done')\n"
    if gone == "pipe":
        read, write = os.pipe()
        os.close(read)
    else:
        write = os.open("/dev/full" if gone == "disk" else os.devnull, os.O_WRONLY)
    command = [sys.executable, "-c", program]
    if gone == "nothing":
        command = ["sh", "-c", 'exec "$0" "$@" 2>&-', *command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=write, text=True)
    os.close(write)
    assert done.stdout == "done\n"


def test_progress_can_be_turned_off_from_outside(tmp_path):
    environment = os.environ | {"TQDM_DISABLE": "1"}
    done = subprocess.run([sys.executable, "-c", BARS], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""


def test_a_line_every_ten_seconds(monkeypatch, capsys):
    from scorekit import _progress

    now = itertools.count(step=0.5)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(now))
    with _progress.progress_bar(200, "fit", initial=100) as bar:
        for _ in range(100):
            bar.update()
    shown = [int(line.split("/")[0][5:]) for line in capsys.readouterr().err.splitlines()]
    assert shown[0] == 101
    assert shown[-1] == 200
    assert 5 <= len(shown) <= 8


# ---------------------------------------------------------------- arguments under other names


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": 1e-3}, "fit has no argument 'lr': did you mean learning_rate"),
        (
            {"epochs": 10},
            "it counts steps, not epochs. One epoch of these data is 4 steps of 16 samples. For 10 epochs pass .*40",
        ),
        ({"num_epochs": 3}, "pass steps=12"),
        ({"seed": 0}, "did you mean rng"),
        ({"device": "cuda"}, r"move both, as model\.to"),
        ({"lr_scheduler": None}, "WarmupCosine"),
        ({"shuffle": True}, "always shuffled"),
        ({"val_data": DATA}, "did you mean validation"),
        ({"verbose": 0}, "did you mean progress"),
        ({"weight_decay": 0.1}, "part of it"),
        ({"num_workers": 2}, "DataLoader"),
        ({"labels": [0]}, r"pair \(x, condition\)"),
        ({"sigma": 0.1}, "belong to the objective"),
        ({"patience": 3}, "callback that returns True"),
        ({"max_steps": 3}, "did you mean steps"),
        ({"learning_rat": 1e-3}, "did you mean learning_rate"),
        ({"checkpoints": "x"}, "did you mean checkpoint"),
        ({"frobnicate": 3}, "no training option 'frobnicate'"),
        ({"steps": None}, "fit needs steps, .*One epoch of these data is 4 steps"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_arguments_of_other_libraries_are_named(options, words):
    """The first call of people who come from Keras, scikit-learn or Lightning."""
    with pytest.raises(TypeError, match=words):
        run(**options)


@pytest.mark.parametrize(
    ("key", "right"), [("lr", "learning_rate"), ("epochs", "steps"), ("grad_clip", "gradient_clip")]
)
def test_keys_of_experiment_files_are_translated_as_well(key, right):
    from scorekit.experiments.config import Section
    from scorekit.experiments.training import Plan

    with pytest.raises(ValueError, match=f"unknown key '{key}'. Did you mean '{right}'"):
        Plan.of(Section("file, [train]", {key: 1}))


def test_no_advice_is_against_an_argument_that_exists():
    """An option of ``fit`` or of a learner is never said to be another."""
    from scorekit.training import arguments
    from scorekit.training.loop import _ARGUMENTS

    torch_learner = pytest.importorskip("scorekit_torch.learner").TorchLearner
    existing = {*_ARGUMENTS, *torch_learner.__init__.__annotations__}
    others = ", ".join([*arguments._CALLED.values(), *arguments._INSTEAD, arguments._COUNTED, arguments._STEPS])
    names = others.split(", ")
    assert not existing & set(names)
    assert len(names) == len(set(names))
    assert set(arguments._CALLED) <= set(_ARGUMENTS)


@pytest.mark.parametrize("name", ["lbfgs", "sparseadam"])
def test_an_optimizer_that_cannot_work_is_not_listed(name):
    """pytorch/pytorch: L-BFGS needs a closure. It is refused with what to do, and no message offers it."""
    model, objective = model_and_objective("torch")
    for given in (name, {"name": name}):
        with pytest.raises(ValueError, match=r'cannot train with fit: .*"adam"'):
            run(model=model, objective=objective, data=data_of("torch"), optimizer=given)
    with pytest.raises(ValueError, match="unknown optimizer 'adamm'") as caught:
        run(model=model, objective=objective, data=data_of("torch"), optimizer="adamm")
    assert name not in str(caught.value)
    assert "'adamw', " in str(caught.value)
