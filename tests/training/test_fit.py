"""fit: what it learns, that it is reproducible, and how it stops, fails and resumes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import scorekit as sk
from scorekit.objectives import DenoisingScoreMatching, ImplicitScoreMatching, NoiseConditional, SlicedScoreMatching
from scorekit.training import History, WarmupCosine, store
from scorekit_numpy import MLP

DATA = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 0.5] + [0.3, -0.2]


def network(**options):
    return MLP(2, **{"hidden": (16,), "conditional": False} | options)


def run(**options):
    options = {"steps": 12, "batch_size": 50, "progress": False} | options
    model = options.pop("model", None) or network()
    return sk.fit(model, options.pop("objective", SlicedScoreMatching()), options.pop("data", DATA), **options)


def weights(result):
    return np.concatenate([v.ravel() for v in result.model.parameters().values()])


class Affine:
    """s = -P (x - m): ISM on Gaussian data has the closed minimum at the sample moments."""

    def __init__(self, matrix, offset):
        self.matrix, self.offset = matrix, offset

    def parameters(self):
        return {"matrix": self.matrix, "offset": self.offset}

    def with_parameters(self, parameters):
        return Affine(**parameters)

    def __call__(self, x, sigma=None):
        return x @ self.matrix + self.offset


def test_implicit_score_matching_finds_the_gaussian_maximum_likelihood_fit():
    """The minimizer is the sample mean and the inverse sample covariance (ddof 0), the minimum -tr(P)/2."""
    precision = np.linalg.inv(np.cov(DATA.T, ddof=0))
    result = run(
        model=Affine(np.zeros((2, 2)), np.zeros(2)),
        objective=ImplicitScoreMatching(),
        steps=3000,
        batch_size=200,
        learning_rate=WarmupCosine(0.05, 3000),
        gradient_clip=None,
    )
    np.testing.assert_allclose(result.model.matrix, -precision, atol=1e-3)
    np.testing.assert_allclose(result.model.offset, DATA.mean(0) @ precision, atol=1e-3)
    assert result.history.loss[-1] == pytest.approx(-np.trace(precision) / 2, abs=1e-5)


def test_a_noise_conditional_network_learns_the_smoothed_score():
    mixture = sk.distributions.GaussianMixture([0.5, 0.5], [[1.0, 0.0], [-1.0, 0.5]], np.stack([0.1 * np.eye(2)] * 2))
    data = mixture.sample(2000, rng=0)
    model = sk.models.Preconditioned(MLP(2, hidden=(48, 48)), sigma_data=1.0)
    result = run(
        model=model,
        objective=NoiseConditional(sk.noise.LogUniform(3.0, 0.1)),
        data=data,
        steps=500,
        batch_size=256,
        learning_rate=WarmupCosine(8e-3, 500, 50),
    )
    for sigma in (0.3, 1.0):
        x = mixture.smoothed(sigma).sample(1000, rng=1)
        truth = mixture.score(x, sigma)
        assert np.mean((result.model(x, sigma) - truth) ** 2) < 0.05 * np.mean(truth**2)
        assert np.mean((model(x, sigma) - truth) ** 2) > 0.1 * np.mean(truth**2)


def test_equal_arguments_give_equal_weights_and_other_seeds_others():
    assert np.array_equal(weights(run()), weights(run()))
    assert not np.array_equal(weights(run()), weights(run(rng=1)))
    assert np.array_equal(weights(run(rng=sk.rng(5))), weights(run(rng=sk.rng(5))))


def test_each_epoch_sees_every_sample_once_in_a_new_order():
    seen = []

    def objective(model, x, rng=None):
        seen.append(x[:, 0].copy())
        return sk.array_namespace(x).mean(model(x) ** 2)

    run(objective=objective, steps=8, batch_size=50)
    first, second = np.concatenate(seen[:4]), np.concatenate(seen[4:])
    assert np.array_equal(np.sort(first), np.sort(DATA[:, 0]))
    assert np.array_equal(np.sort(second), np.sort(DATA[:, 0]))
    assert not np.array_equal(first, second)


def test_the_noise_of_every_step_is_its_own():
    draws = []

    def objective(model, x, rng=None):
        draws.append(rng.normal((3,)))
        return sk.array_namespace(x).mean(model(x) ** 2)

    run(objective=objective, steps=8)
    assert len({tuple(d) for d in draws}) == 8


def test_the_history_tells_the_run(tmp_path):
    result = run(validation=DATA[:20], steps=40)
    assert result.history.step.tolist() == list(range(1, 41))
    assert np.all(np.diff(result.history.seconds) >= 0)
    assert result.history.validation_step.tolist() == list(range(2, 41, 2))
    assert np.isfinite(result.history.validation_loss).all()
    assert (result.step, result.interrupted) == (40, False)
    result.history.save(tmp_path / "history.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert rows[0]["loss"] == result.history.loss[0]
    assert rows[-1] == {"validation_step": 40, "validation_loss": result.history.validation_loss[-1]}
    assert repr(result.history).startswith("History(40 steps, last loss")
    with pytest.raises(AttributeError, match="a History has no 'losses': expected one of step, loss"):
        result.history.losses  # noqa: B018
    assert repr(History()) == "History(no steps)"


def test_the_validation_loss_is_that_of_all_held_out_samples():
    """Whatever the batch size: 7 samples in 3 parts of 2, 2 and 3 have the noise and the mean of one part."""
    losses = [
        run(validation=DATA[:7], steps=1, batch_size=size, learning_rate=1e-12).history.validation_loss
        for size in (3, 7)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-9)


def test_progress_shows_loss_and_steps(capsys):
    run(progress=True)
    shown = capsys.readouterr().err
    assert "12/12" in shown
    assert "loss=" in shown


def test_callbacks_see_each_step_and_may_stop():
    states = []
    result = run(callbacks=[lambda state: states.append(state) or state.step == 5])
    assert [s.step for s in states] == [1, 2, 3, 4, 5]
    assert states[-1].info.applied
    assert (result.step, result.interrupted) == (5, True)


# ---------------------------------------------------------------- non-finite


def _failing(at):
    calls = []

    def objective(model, x, rng=None):
        calls.append(0)
        xp = sk.array_namespace(x)
        return xp.sum(model(x) ** 2) * (np.nan if len(calls) in at else 1.0)

    return objective


def test_a_loss_that_is_not_finite_stops_with_step_and_loss():
    with pytest.raises(sk.NonFiniteError, match=r"loss nan and gradient norm nan at step 3 of 12.*on_nonfinite"):
        run(objective=_failing({3}))


def test_or_is_skipped():
    result = run(objective=_failing({3, 7}), on_nonfinite="skip")
    assert np.flatnonzero(~result.history.applied).tolist() == [2, 6]
    assert np.isfinite(weights(result)).all()


def test_skipping_gives_up_when_nothing_else_happens():
    with pytest.raises(sk.NonFiniteError, match="100 steps in a row"):
        run(objective=_failing(set(range(1000))), on_nonfinite="skip", steps=500)


# ---------------------------------------------------------------- stopping and resuming


class _Sender:
    """A callback that sends a signal to its own process at one step."""

    def __init__(self, step, number):
        self.step, self.number = step, number

    def __call__(self, state):
        if state.step == self.step:
            os.kill(os.getpid(), self.number)


def test_ctrl_c_stops_between_steps_and_the_run_resumes_to_the_same_bits(tmp_path, capsys):
    options = {"steps": 30, "validation": DATA[:30], "ema": 0.9}
    whole = run(**options)
    stopped = run(**options, checkpoint=tmp_path, callbacks=[_Sender(13, signal.SIGINT)])
    assert (stopped.step, stopped.interrupted) == (13, True)
    assert f"stopped by Ctrl-C after step 13 of 30; resume with checkpoint='{tmp_path}'" in capsys.readouterr().err
    resumed = run(**options, checkpoint=tmp_path)
    assert (resumed.step, resumed.interrupted) == (30, False)
    assert np.array_equal(weights(resumed), weights(whole))
    for name in ("step", "loss", "grad_norm", "validation_loss"):
        assert np.array_equal(getattr(resumed.history, name), getattr(whole.history, name))


def test_sigterm_writes_and_exits(tmp_path):
    with pytest.raises(SystemExit) as caught:
        run(checkpoint=tmp_path, callbacks=[_Sender(5, signal.SIGTERM)])
    assert caught.value.code == 143
    assert (tmp_path / "step-000000005").is_dir()


def test_the_handlers_of_the_caller_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


CHILD = textwrap.dedent("""
    import sys, numpy as np, scorekit as sk
    from scorekit_numpy import MLP
    data = np.random.default_rng(0).normal(size=(200, 2))
    result = sk.fit(MLP(2, hidden=(16,), conditional=False), sk.objectives.SlicedScoreMatching(), data, steps=400,
                    batch_size=50, progress=False, checkpoint=sys.argv[1], checkpoint_every=7)
    np.save(sys.argv[2], np.concatenate([v.ravel() for v in result.model.parameters().values()]))
""")


def test_a_run_killed_at_random_moments_resumes_to_the_same_bits(tmp_path):
    """SIGKILL, a real process, four times; the weights are those of a run that was left alone."""

    def start(folder):
        return subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / folder), str(tmp_path / f"{folder}.npy")])

    assert start("whole").wait() == 0
    for _ in range(4):
        child, before, deadline = start("killed"), _newest(tmp_path / "killed"), time.time() + 60
        while _newest(tmp_path / "killed") == before and child.poll() is None:
            assert time.time() < deadline
            time.sleep(0.005)
        time.sleep(np.random.default_rng().uniform(0.0, 0.05))
        child.kill()
        child.wait()
    assert start("killed").wait() == 0
    assert np.array_equal(np.load(tmp_path / "killed.npy"), np.load(tmp_path / "whole.npy"))


def _newest(folder):
    return max((p.name for p in folder.glob("step-*[0-9]")), default=None)


def test_the_last_checkpoints_are_kept(tmp_path):
    run(steps=12, checkpoint=tmp_path, checkpoint_every=3, keep=2)
    assert sorted(p.name for p in tmp_path.glob("step-*")) == ["step-000000009", "step-000000012"]


def test_a_longer_run_goes_on_where_the_shorter_one_ended(tmp_path):
    run(steps=12, checkpoint=tmp_path)
    longer = run(steps=24, checkpoint=tmp_path)
    assert np.array_equal(weights(longer), weights(run(steps=24)))
    with pytest.raises(sk.CheckpointError, match="has completed 24 steps"):
        run(steps=12, checkpoint=tmp_path)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(tmp_path):
    run(steps=12, checkpoint=tmp_path, checkpoint_every=6)
    victim = tmp_path / "step-000000012" / "arrays.safetensors"
    content = bytearray(victim.read_bytes())
    content[-5] ^= 4
    victim.write_bytes(content)
    with pytest.warns(RuntimeWarning, match=r"step-000000012 is damaged: .* do not match their SHA-256"):
        resumed = run(steps=12, checkpoint=tmp_path)
    assert np.array_equal(weights(resumed), weights(run(steps=12)))


def test_when_all_are_damaged_nothing_is_guessed(tmp_path):
    run(steps=12, checkpoint=tmp_path)
    (tmp_path / "step-000000012" / "manifest.json").write_text("{")
    with pytest.warns(RuntimeWarning), pytest.raises(sk.CheckpointError, match=r"all 1 checkpoints .* are damaged"):
        run(steps=12, checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_size": 25}, "batch_size was 50, now 25"),
        ({"rng": 3}, "seed was 0, now 3"),
        ({"objective": DenoisingScoreMatching(0.1)}, "objective was SlicedScoreMatching.*, now DenoisingScoreMatching"),
        ({"data": DATA[:100]}, r"data shape was \[200, 2\], now \[100, 2\]"),
        ({"data": DATA + 1}, "data sample was"),
        (
            {"model": MLP(2, hidden=(8,), conditional=False)},
            r"another model: 12 tensors differ: weights\.layers\.0\.weight is \(\d+, \d+\), the model has",
        ),
        (
            {"model": MLP(2, hidden=(7, 4), conditional=False), "was": MLP(2, hidden=(4, 7), conditional=False)},
            "differ",
        ),
        ({"resume": False}, "already contains a run and resume is False"),
        ({"rng": None}, "rng is None"),
    ],
)
def test_another_run_is_not_continued(tmp_path, change, words):
    run(steps=12, checkpoint=tmp_path, model=change.pop("was", None))
    with pytest.raises(sk.CheckpointError, match=words):
        run(**{"steps": 24, "checkpoint": tmp_path} | change)


def test_a_run_with_other_streams_is_not_continued(tmp_path, monkeypatch):
    identity = store._identity
    with monkeypatch.context() as before:  # a version that wrote nothing of its streams
        before.setattr(store, "_identity", lambda run: {k: v for k, v in identity(run).items() if k != "streams"})
        run(steps=12, checkpoint=tmp_path)
    with pytest.raises(sk.CheckpointError, match=r"maps seeds to other random numbers. Use that version to resume"):
        run(steps=24, checkpoint=tmp_path)


# ---------------------------------------------------------------- the door


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"steps": 1.5}, TypeError, "steps must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_size": 201}, ValueError, "batch_size must be at most 200, the number of samples"),
        ({"data": DATA[:0]}, ValueError, "data has shape .* at least one sample"),
        ({"data": DATA[:, 0]}, ValueError, r"data has shape \(200,\)"),
        ({"data": DATA.astype(int)}, TypeError, "data has dtype int64"),
        ({"data": np.where(DATA > 1, np.nan, DATA)}, ValueError, "data holds NaN or infinity in"),
        ({"data": DATA.tolist()}, TypeError, "is a list"),
        ({"data": np.ones((200, 3))}, ValueError, "this network expects samples of dimension 2"),
        ({"validation": np.ones((5, 3))}, ValueError, r"validation has shape \(5, 3\), data \(200, 2\)"),
        ({"on_nonfinite": "ignore"}, ValueError, "unknown on_nonfinite 'ignore': expected one of 'raise', 'skip'"),
        ({"optimizer": "adamw"}, ValueError, "unknown optimizer 'adamw'"),
        ({"objective": SlicedScoreMatching}, TypeError, "objective is the class SlicedScoreMatching"),
        ({"objective": "dsm"}, TypeError, "objective is a str"),
        ({"rng": "seed"}, TypeError, "rng is a str"),
        ({"rng": -1}, ValueError, "non-negative seed"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every must be at least 1"),
        ({"model": lambda x: -x}, TypeError, "cannot train it"),
    ],
)
def test_what_fit_refuses(options, error, words):
    with pytest.raises(error, match=words):
        run(**options)


def test_keep_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match="keep must be at least 1"):
        run(checkpoint=tmp_path, keep=0)


def test_a_folder_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(sk.CheckpointError, match=r"cannot write to .*file.*choose a folder"):
        run(checkpoint=file / "run")


def test_warmup_and_cosine():
    rate = WarmupCosine(1.0, steps=100, warmup=10)
    assert [rate(0), rate(4), rate(9)] == [0.1, 0.5, 1.0]
    assert rate(55) == pytest.approx(0.5)
    assert rate(100) == rate(1000) == pytest.approx(0.0)
    with pytest.raises(ValueError, match="warmup must be smaller"):
        WarmupCosine(1.0, 10, 10)
