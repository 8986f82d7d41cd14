"""Real processes under torchrun, over gloo: they learn what one process learns, and none of them is left hanging."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import scorekit as sk

torch = pytest.importorskip("torch")
if not torch.distributed.is_available():
    pytest.skip("this build of torch has no torch.distributed", allow_module_level=True)

SETTING = textwrap.dedent("""
    import json, os, sys, signal
    import numpy as np, torch, scorekit as sk
    from torch.utils.data import DataLoader, DistributedSampler, TensorDataset
    from scorekit.objectives import *
    from scorekit_torch import MLP

    torch.set_num_threads(1)
    RANK = int(os.environ.get("RANK", "0"))
    DATA = torch.tensor(np.random.default_rng(0).normal(size=(60, 2)))
    WHERE = sys.argv[1]

    def net(**options):
        return MLP(2, hidden=(8,), **{"conditional": False} | options)

    class Energy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Softplus(), torch.nn.Linear(8, 1)).double()
            for k, p in enumerate(self.net.parameters()):
                torch.nn.init.constant_(p, 0.1 * (k + 1)) if p.ndim == 1 else p.data.copy_(
                    torch.linspace(-1, 1, p.numel()).reshape(p.shape))
        def forward(self, x, sigma=None):
            return self.net(x)[:, 0]

    def loader(shuffle=True):
        return DataLoader(TensorDataset(DATA, torch.arange(60)), batch_size=20, shuffle=shuffle)

    CASES = {
        "ism": (net, ImplicitScoreMatching(), DATA, {}),
        "ssm": (net, SlicedScoreMatching(projections=2), DATA, {}),
        "dsm": (net, DenoisingScoreMatching(0.3, "control"), DATA, {}),
        "ncsn": (lambda: sk.models.Preconditioned(net(conditional=True), 1.0),
                 NoiseConditional(sk.noise.LogUniform(3.0, 0.1)), DATA, {"accumulate": 3}),
        "energy": (lambda: sk.models.EnergyModel(Energy()), SlicedScoreMatching(), DATA, {}),
        "loader": (lambda: net(classes=60), SlicedScoreMatching(), loader(), {"batch_size": None}),
        "dropped": (lambda: net(condition_dim=2), SlicedScoreMatching(), (DATA, 2 * DATA), {"condition_dropout": 0.3}),
    }

    def run(name, **more):
        make, objective, data, options = CASES[name]
        options = {"steps": 7, "batch_size": 19, "progress": False, "ema": 0.9} | options | more
        told = {"loader": torch.arange(25), "dropped": 2 * DATA[:25]}.get(name)
        options["validation"] = DATA[:25] if told is None else (DATA[:25], told)
        result = sk.fit(make(), objective, data, **options)
        model = result.model
        while not isinstance(model, torch.nn.Module):
            model = model.inner
        weights = torch.cat([v.flatten() for v in model.state_dict().values()]).tolist()
        return {"loss": result.history.loss.tolist(), "norm": result.history.grad_norm.tolist(), "weights": weights,
                "validation": result.history.validation_loss.tolist()}
""")


def torchrun(script, *arguments, processes=2, **options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command = [*launcher, "--master-port", str(port), str(script), *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **options)


def script(tmp_path, body):
    path = tmp_path / "program.py"
    path.write_text(SETTING + textwrap.dedent(body))
    return path


def test_two_processes_learn_what_one_learns(tmp_path):
    """Loss curve, gradient norms, held-out loss and averaged weights to 1e-10; the issue asks for 1e-6."""
    program = script(
        tmp_path,
        """
        results = {name: run(name) for name in CASES}
        results["own noise"] = run("dsm", noise="per_process")
        results["resumed"] = (run("ism", steps=4, checkpoint=WHERE + "/run"), run("ism", checkpoint=WHERE + "/run"))[1]
        if RANK == 0:
            json.dump(results, open(WHERE + "/two.json", "w"))
        """,
    )
    assert torchrun(program, tmp_path).wait(timeout=120) == 0
    two, one = json.loads((tmp_path / "two.json").read_text()), {"sys": sys, "__name__": "one"}
    exec(SETTING.replace("sys.argv[1]", "''"), one)  # the same program in this process
    own, shared = two.pop("own noise")["loss"], two["dsm"]["loss"]
    assert np.isfinite(own).all()
    assert not set(own) & set(shared)
    for name, found in two.items():
        wanted = one["run"]("ism" if name == "resumed" else name)
        for key, values in wanted.items():
            np.testing.assert_allclose(found[key], values, rtol=1e-10, atol=1e-10, err_msg=f"{name}: {key}")


@pytest.mark.slow
def test_a_process_that_dies_ends_the_run(tmp_path):
    program = script(
        tmp_path,
        """
        run("ism", steps=100_000, callbacks=[lambda state: os._exit(3) if RANK == 1 and state.step == 5 else None])
        """,
    )
    child = torchrun(program, tmp_path, stderr=subprocess.PIPE, text=True)
    _, said = child.communicate(timeout=60)
    assert child.returncode != 0
    assert "exitcode  : 3" in said


def test_sigterm_stops_all_processes_after_one_step_and_one_of_them_writes(tmp_path):
    program = script(
        tmp_path,
        """
        def once(state):
            if RANK == 1 and state.step == 6:
                os.kill(os.getpid(), signal.SIGTERM)
        run("ism", steps=100_000, checkpoint=WHERE + "/run", callbacks=[once])
        print("stopped", RANK, flush=True)
        """,
    )
    child = torchrun(program, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, said = child.communicate(timeout=60)
    assert "exitcode  : 143" in said
    assert "stopped 0" in out
    assert [p.name for p in (tmp_path / "run").glob("step-*")] == ["step-000000006"]


@pytest.mark.slow
def test_an_error_in_one_process_ends_all_of_them_and_the_run_is_kept(tmp_path):
    """An error of a callback or of the data in one process: the others do not wait for it, and one checkpoint is kept.

    A NaN in the rows of one process is skipped by all. The processes go on after each error, so none is out of step.
    """
    program = script(
        tmp_path,
        """
        from scorekit.errors import RunError
        BAD = 1

        class Items:
            def __init__(self, error):
                self.error = error
            def __len__(self):
                return 60
            def __getitem__(self, i):
                if i == 50 and RANK == BAD and self.error:
                    raise OSError("truncated")
                return DATA[i] * (float("nan") if i == 50 and not self.error else 1.0)

        def fails(state):
            if RANK == 0 and state.step == 6:
                raise ValueError("mine")

        def tried(name, data, **options):
            try:
                result = sk.fit(net(), SlicedScoreMatching(), data, steps=12, batch_size=20, progress=False,
                                checkpoint=f"{WHERE}/{name}", **options)
                return ["-", result.step, int((~result.history.applied).sum())]
            except Exception as error:
                return [type(error).__name__, error.result.step, error.result.saved]

        found = [tried("callback", DATA, callbacks=[fails]), tried("data", Items(True)),
                 tried("nan", Items(False)), tried("skipped", Items(False), on_nonfinite="skip")]
        json.dump(found, open(f"{WHERE}/found-{RANK}.json", "w"))
        """,
    )
    assert torchrun(program, tmp_path).wait(timeout=120) == 0
    one, two = (json.loads((tmp_path / f"found-{rank}.json").read_text()) for rank in (0, 1))
    assert (one[0], two[0]) == (["ValueError", 6, 6], ["RunError", 6, None])
    step = one[1][1]
    assert {one[1][0], two[1][0]} <= {"OSError", "RunError"}
    assert (one[1][2] or 0, two[1][1:]) == (step, [step, None])
    assert {one[2][0], two[2][0]} == {"NonFiniteError", "RunError"}
    assert one[3] == two[3] == ["-", 12, 4]
    assert [p.name for p in (tmp_path / "callback").glob("step-*")] == ["step-000000006"]


def test_arrays_of_numpy_are_not_trained_in_several_processes(monkeypatch):
    import scorekit_numpy

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ValueError, match="runs in 2 processes, and NumpyLearner trains in one"):
        sk.fit(scorekit_numpy.MLP(2), sk.objectives.DenoisingScoreMatching(0.1), np.ones((4, 2)), steps=1)


def test_variables_without_the_other_processes_are_named(monkeypatch):
    from scorekit_torch import MLP

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(ValueError, match=r"RANK and WORLD_SIZE are set.*torchrun --nproc-per-node N"):
        sk.backend("torch").learner(MLP(2), sk.objectives.DenoisingScoreMatching(0.1))
