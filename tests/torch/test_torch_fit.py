"""fit, checkpoints and saved models on tensors: the same loop, the same promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import scorekit as sk
import scorekit_numpy
from scorekit.objectives import DenoisingScoreMatching, ImplicitScoreMatching, NoiseConditional, SlicedScoreMatching
from scorekit.training import WarmupCosine

torch = pytest.importorskip("torch")
from scorekit_torch import MLP  # noqa: E402

VALUES = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 0.5] + [0.3, -0.2]
DATA = torch.tensor(VALUES)


def network(**options):
    return MLP(2, **{"hidden": (16,), "conditional": False} | options)


def run(**options):
    options = {"steps": 12, "batch_size": 50, "progress": False} | options
    model = options.pop("model", None) or network()
    return sk.fit(model, options.pop("objective", SlicedScoreMatching()), options.pop("data", DATA), **options)


def weights(result):
    return torch.cat([v.flatten() for v in result.model.state_dict().values()])


def test_implicit_score_matching_finds_the_gaussian_maximum_likelihood_fit():
    """The minimizer is the sample mean and the inverse sample covariance (ddof 0), the minimum -tr(P)/2."""
    precision = np.linalg.inv(np.cov(VALUES.T, ddof=0))
    affine = torch.nn.Linear(2, 2, dtype=torch.float64)
    torch.nn.init.zeros_(affine.weight)
    result = run(
        model=affine,
        objective=ImplicitScoreMatching(),
        steps=2000,
        batch_size=200,
        learning_rate=WarmupCosine(0.05, 2000),
        gradient_clip=None,
    )
    np.testing.assert_allclose(result.model.weight.detach(), -precision, atol=2e-3)
    np.testing.assert_allclose(result.model.bias.detach(), VALUES.mean(0) @ precision, atol=2e-3)
    assert result.history.loss[-1] == pytest.approx(-np.trace(precision) / 2, abs=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_noise_conditional_network_learns_the_smoothed_score(dtype):
    mixture = sk.distributions.GaussianMixture([0.5, 0.5], [[1.0, 0.0], [-1.0, 0.5]], np.stack([0.1 * np.eye(2)] * 2))
    like = torch.zeros(1, dtype=getattr(torch, dtype))
    model = sk.models.Preconditioned(MLP(2, hidden=(48, 48), dtype=dtype), sigma_data=1.0)
    result = run(
        model=model,
        objective=NoiseConditional(sk.noise.LogUniform(3.0, 0.1)),
        data=mixture.sample(2000, rng=0, like=like),
        steps=500,
        batch_size=256,
        learning_rate=WarmupCosine(8e-3, 500, 50),
    )
    with torch.no_grad():
        for sigma in (0.3, 1.0):
            x = mixture.smoothed(sigma).sample(1000, rng=1, like=like)
            truth = mixture.score(x, sigma)
            assert ((result.model(x, sigma) - truth) ** 2).mean() < 0.05 * (truth**2).mean()
            assert ((model(x, sigma) - truth) ** 2).mean() > 0.1 * (truth**2).mean()


def test_equal_arguments_give_equal_weights_and_other_seeds_others():
    assert torch.equal(weights(run()), weights(run()))
    assert not torch.equal(weights(run()), weights(run(rng=1)))


def test_a_loss_that_is_not_finite_stops_or_is_skipped():
    def failing():
        calls = []

        def objective(model, x, rng=None):
            calls.append(0)
            return (model(x) ** 2).sum() * (float("nan") if len(calls) == 3 else 1.0)

        return objective

    with pytest.raises(sk.NonFiniteError, match=r"loss nan and gradient norm nan at step 3 of 12"):
        run(objective=failing())
    result = run(objective=failing(), on_nonfinite="skip")
    assert np.flatnonzero(~result.history.applied).tolist() == [2]
    assert weights(result).isfinite().all()


def _module_with_everything():
    """Batch norm has buffers, dropout draws: all of it must come back."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Linear(2, 16), torch.nn.BatchNorm1d(16), torch.nn.Dropout(0.2), torch.nn.Linear(16, 2)
        ).double()


@pytest.mark.parametrize(
    ("make", "objective"),
    [
        (network, SlicedScoreMatching()),
        (lambda: sk.models.Preconditioned(MLP(2, hidden=(8,)), 1.0), NoiseConditional(sk.noise.LogUniform(2.0, 0.1))),
        (_module_with_everything, DenoisingScoreMatching(0.2)),
    ],
    ids=["mlp", "view", "module"],
)
def test_a_stopped_run_resumes_to_the_same_bits(tmp_path, make, objective):
    options = {"steps": 30, "validation": DATA[:30], "ema": 0.9, "objective": objective, "optimizer": "adamw"}
    whole = run(model=make(), **options)
    stop = [lambda state: state.step == 13]
    stopped = run(model=make(), **options, checkpoint=tmp_path, callbacks=stop)
    assert (stopped.step, stopped.interrupted) == (13, True)
    resumed = run(model=make(), **options, checkpoint=tmp_path)
    inside = [r.model.inner if hasattr(r.model, "inner") else r.model for r in (resumed, whole)]
    for name, value in inside[1].state_dict().items():
        assert torch.equal(inside[0].state_dict()[name], value)
    for name in ("step", "loss", "grad_norm", "validation_loss"):
        assert np.array_equal(getattr(resumed.history, name), getattr(whole.history, name))


KILLED = textwrap.dedent("""
    import os, random, signal, sys, time
    from pathlib import Path
    import numpy as np, torch, scorekit as sk
    import safetensors.numpy, scorekit.training, scorekit_torch.learner, torch._dynamo, tqdm  # what a fit imports
    from scorekit_torch import MLP
    torch.set_num_threads(1)
    place = Path(sys.argv[1])

    def fit(name):
        data = torch.tensor(np.random.default_rng(0).normal(size=(200, 2)))
        result = sk.fit(MLP(2, hidden=(16,), conditional=False), sk.objectives.SlicedScoreMatching(), data, steps=400,
                        batch_size=50, progress=False, checkpoint=place / name, checkpoint_every=5)
        np.save(place / name, np.concatenate([v.numpy().ravel() for v in result.model.state_dict().values()]))

    def newest(name):
        return max((p.name for p in (place / name).glob("step-*[0-9]")), default="")

    def start(name):
        child = os.fork()
        if child == 0:
            try:
                fit(name)
                os._exit(0)
            finally:
                os._exit(1)
        return child

    def killed(name):  # at a random moment after its first checkpoint; False when it came to its end before that
        before, child = newest(name), start(name)
        while newest(name) == before and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.03))
        try:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1] == signal.SIGKILL
        except (ProcessLookupError, ChildProcessError):
            return False

    kills = 0
    while kills < 12 and killed("killed"):
        kills += 1
    ends = [os.waitpid(start(name), 0)[1] for name in ("killed", "whole")]
    print(kills, *ends, np.array_equal(np.load(place / "killed.npy"), np.load(place / "whole.npy")))
""")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_killed_at_random_moments_resumes_to_the_same_bits(tmp_path):
    """SIGKILL, real processes, up to 12 times in one run; the weights are those of a run that was left alone.

    They are forked from one that has imported torch, so that a kill costs the time of a few steps.
    """
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kills, *ends, equal = done.stdout.split()
    assert (ends, equal) == (["0", "0"], "True"), done.stderr
    assert int(kills) >= 5


def test_sigterm_writes_and_exits(tmp_path):
    def send(state):
        if state.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as caught:
        run(checkpoint=tmp_path, callbacks=[send])
    assert caught.value.code == 143
    assert (tmp_path / "step-000000005").is_dir()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"model": network(hidden=(8,))},
            r"another model: 12 tensors differ: weights\.layers\.0\.weight is \(16, 2\), the model has \(8, 2\)",
        ),
        ({"data": VALUES, "model": scorekit_numpy.MLP(2, hidden=(16,), conditional=False)}, "backend was torch, now"),
        ({"data": DATA.float(), "model": network(dtype="float32")}, "data dtype was torch.float64, now torch.float32"),
    ],
)
def test_another_run_is_not_continued(tmp_path, change, words):
    run(steps=12, checkpoint=tmp_path)
    with pytest.raises(sk.CheckpointError, match=words):
        run(**{"steps": 24, "checkpoint": tmp_path} | change)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"data": VALUES}, TypeError, r"model is a torch network.*Convert the data: torch\.as_tensor\(data\)"),
        ({"model": scorekit_numpy.MLP(2)}, TypeError, r"scorekit_numpy.MLP.*Convert the data: data\.numpy\(\)"),
        ({"model": lambda x: -x}, TypeError, "function and the data are tensors"),
        ({"data": DATA.to(torch.int64)}, TypeError, "data has dtype torch.int64"),
        ({"data": DATA.to(torch.complex128)}, TypeError, "data has dtype torch.complex128"),
        ({"data": DATA / 0}, ValueError, "data holds NaN or infinity"),
        ({"optimizer": "sdg"}, ValueError, "unknown optimizer 'sdg'"),
        ({"acumulate": 2}, TypeError, "no training option 'acumulate'.*Did you mean accumulate"),
        ({"validation": VALUES[:5]}, TypeError, "got two frameworks"),
    ],
)
def test_what_fit_refuses(options, error, words):
    with pytest.raises(error, match=words):
        run(**options)


# ---------------------------------------------------------------- saved models


@pytest.mark.parametrize(
    "model",
    [
        MLP(2, hidden=(8,)),
        MLP(2, hidden=(8, 4), dtype="float32", rng=3),
        sk.models.Preconditioned(MLP(2, hidden=(8,)), 0.7, "ncsn"),
        sk.models.DenoiserModel(sk.models.Preconditioned(MLP(2, hidden=(8,)), 0.7)),
    ],
    ids=repr,
)
def test_a_model_comes_back_with_the_same_bits(tmp_path, model):
    sk.save(model, tmp_path / "model")
    again = sk.load(tmp_path / "model")
    x = DATA.float() if "float32" in repr(model) else DATA
    assert torch.equal(again(x, 0.3), model(x, 0.3))
    assert repr(again) == repr(model)


def test_a_module_of_any_class_is_loaded_into_one_like_it(tmp_path):
    net, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    sk.save(sk.models.Preconditioned(net, 2.0), tmp_path / "model")
    again = sk.load(tmp_path / "model", into=other)
    assert again == sk.models.Preconditioned(other, 2.0)
    assert torch.equal(other.weight, net.weight)
    with pytest.raises(sk.CheckpointError, match=r"weights of a torch.*Linear, which no backend exports.*into=net"):
        sk.load(tmp_path / "model")
    with pytest.raises(sk.CheckpointError, match=r"weight is \(2, 2\), the model has \(3, 2\)"):
        sk.load(tmp_path / "model", into=torch.nn.Linear(2, 3))
    with pytest.raises(TypeError, match=r"cannot save a .*function: expected a network"):
        sk.save(lambda x: x, tmp_path / "function")


def test_the_demo_runs_on_tensors(tmp_path, capsys):
    from scorekit.cli import main

    main(["demo", "banana", "--backend", "torch", "--quick", "--out", str(tmp_path / "demo")])
    assert "figures in" in capsys.readouterr().out
