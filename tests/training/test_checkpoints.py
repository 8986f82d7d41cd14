"""Checkpoints in trouble: a full disk, a folder in use, damage, leftovers, another version or machine."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from contextlib import suppress

import filelock
import numpy as np
import pytest

import scorekit as sk
from scorekit.storage import folders
from scorekit.training import environment
from scorekit_numpy import MLP
from support.manifests import rewrite

DATA = np.random.default_rng(0).normal(size=(64, 2))


def run(folder, **options):
    options = {"steps": 20, "batch_size": 32, "progress": False, "checkpoint_every": 5} | options
    model = MLP(2, hidden=(8,), conditional=False)
    return sk.fit(model, sk.objectives.SlicedScoreMatching(), DATA, checkpoint=folder, **options)


def weights(result):
    return np.concatenate([v.ravel() for v in result.model.parameters().values()])


def kept(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


# ---------------------------------------------------------------- a disk that is full

FULL = textwrap.dedent("""
    import resource, signal, sys, warnings
    import numpy as np, scorekit as sk
    from scorekit_numpy import MLP
    warnings.simplefilter("always")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    first, last, checkpoint = int(sys.argv[2]), int(sys.argv[3]), sys.argv[1]

    def disk(state):
        full = first <= state.step < last
        resource.setrlimit(resource.RLIMIT_FSIZE, (200 if full else resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    data = np.random.default_rng(0).normal(size=(64, 2))
    result = sk.fit(MLP(2, hidden=(8,), conditional=False), sk.objectives.SlicedScoreMatching(), data, steps=20,
                    batch_size=32, progress=False, checkpoint_every=5, checkpoint=checkpoint, callbacks=[disk])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(result.step, result.saved, result.interrupted)
    sk.save(result.model, checkpoint + "-saved")
""")


def on_a_full_disk(folder, first, last):
    command = [sys.executable, "-c", FULL, str(folder), str(first), str(last)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
@pytest.mark.parametrize(
    ("first", "last", "saved", "there", "words"),
    [
        (7, 12, 20, [5, 15, 20], "step 10 of 20: cannot write {}/step-000000010.* is of step 5. Training continues"),
        (2, 6, 20, [10, 15, 20], "step 5 of 20: .*There is no checkpoint. Training continues, and the next"),
        (17, 99, 15, [5, 10, 15], "step 20 of 20: .* is of step 15. The weights are in the result: .* sk.save"),
    ],
    ids=["middle", "first", "last"],
)
def test_a_run_outlives_a_full_disk(tmp_path, first, last, saved, there, words):
    """The kernel refuses to let a file grow: the run ends with the weights of one that never met that."""
    done = on_a_full_disk(tmp_path / "run", first, last)
    assert done.stdout.split() == ["20", str(saved), "False"]
    assert done.stderr.count("RuntimeWarning") == 1
    assert "File too large" in done.stderr
    assert re.search(words.format(tmp_path / "run"), done.stderr)
    assert kept(tmp_path / "run") == [f"step-{step:09d}" for step in there]
    whole = weights(run(tmp_path / "whole"))
    assert np.array_equal(
        np.concatenate([v.ravel() for v in sk.load(f"{tmp_path}/run-saved").parameters().values()]), whole
    )
    assert np.array_equal(weights(run(tmp_path / "run")), whole)  # from the newest there is


def test_sigterm_on_a_full_disk_says_from_where_the_run_resumes(tmp_path, monkeypatch, capsys):
    def stop(state):
        if state.step == 7:
            monkeypatch.setattr(os, "fsync", _no_room)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.warns(RuntimeWarning, match="No space left on device"), pytest.raises(SystemExit):
        run(tmp_path, callbacks=[stop])
    assert f"after step 7 of 20; resume with checkpoint='{tmp_path}', from its step 5." in capsys.readouterr().err
    assert kept(tmp_path) == ["step-000000005"]


def _no_room(handle):
    raise OSError(28, "No space left on device")


def test_an_old_checkpoint_that_cannot_be_removed_does_not_end_the_run(tmp_path, monkeypatch):
    real = shutil.rmtree

    def stuck(path, ignore_errors=False):
        if not ignore_errors:
            raise PermissionError(1, "Operation not permitted")
        real(path, ignore_errors=True)

    monkeypatch.setattr(shutil, "rmtree", stuck)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = run(tmp_path, keep=1)
    assert (result.step, result.saved) == (20, 20)
    assert re.search(
        r"cannot remove .*step-000000005 .*newest checkpoint is of step 10. Training continues", str(caught[0].message)
    )


def test_a_result_says_what_is_saved(tmp_path):
    assert run(None).saved is None
    assert run(tmp_path, callbacks=[lambda state: state.step == 13]).saved == 13
    assert run(tmp_path, steps=13).saved == 13  # nothing left to do: what was found


# ---------------------------------------------------------------- damage and leftovers


def damage(checkpoint):
    path = checkpoint / "arrays.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def test_with_one_kept_a_new_checkpoint_is_not_dropped_for_a_damaged_later_one(tmp_path):
    run(tmp_path, keep=2)
    damage(tmp_path / "step-000000020")
    with pytest.warns(RuntimeWarning, match="step-000000020 is damaged"):
        stopped = run(tmp_path, keep=1, callbacks=[lambda state: state.step == 17])
    assert stopped.saved == 17
    assert kept(tmp_path) == ["step-000000017", "step-000000020"]
    with pytest.warns(RuntimeWarning, match="step-000000020 is damaged"):
        again = run(tmp_path, keep=1)
    assert kept(tmp_path) == ["step-000000020"]
    assert np.array_equal(weights(again), weights(run(None)))


def test_what_a_killed_run_left_half_written_goes(tmp_path):
    (tmp_path / "step-000000007.partial").mkdir(parents=True)
    (tmp_path / "step-000000007.partial" / "arrays.safetensors").write_bytes(b"half")
    run(tmp_path)
    assert kept(tmp_path) == [f"step-{step:09d}" for step in (10, 15, 20)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": 21}, "is not a checkpoint of step 20: its manifest has step 21"),
        ({"step": "20"}, "no valid step"),
        ({"step": True}, "no valid step"),
        ({"spent": float("nan")}, "no valid spent"),
        ({"spent": None}, "no valid spent"),
        ({"skipped": -1}, "no valid skipped"),
        ({"identity": None}, "no valid identity"),
        ({"environment": []}, "no valid environment"),
        ({"kind": "model"}, "is not a checkpoint of step 20"),
    ],
)
def test_a_description_that_is_none_is_passed_over(tmp_path, change, words):
    run(tmp_path)
    rewrite(tmp_path / "step-000000020", lambda content: content["description"].update(change))
    with pytest.warns(RuntimeWarning, match=words):
        assert np.array_equal(weights(run(tmp_path)), weights(run(None)))


def test_the_checkpoint_of_a_later_version_is_not_passed_over(tmp_path):
    run(tmp_path)
    rewrite(tmp_path / "step-000000020", lambda content: content.update(format=2))
    with pytest.raises(sk.CheckpointError, match="written by a newer scorekit"):
        run(tmp_path)


# ---------------------------------------------------------------- one run at a time

HOLD = textwrap.dedent("""
    import os, sys, time
    from pathlib import Path
    from scorekit.training.lock import lock
    with lock(Path(sys.argv[1])):
        if len(sys.argv) > 2:
            forked, here = os.pipe()
            if os.fork() == 0:
                os.write(here, b"!")  # it runs, and so what runs at a fork has run
                time.sleep(60)
            os.read(forked, 1)
        print(os.getpid(), flush=True)
        time.sleep(60)
""")
pytestmark_lock = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork on this platform")


@pytestmark_lock
@pytest.mark.parametrize("forks", [False, True])
def test_a_folder_in_use_is_refused_and_free_when_its_process_dies(tmp_path, forks):
    """Killed, not ended; and a child that it has forked, such as a worker, does not hold on."""
    command = [sys.executable, "-c", HOLD, str(tmp_path), *(["fork"] if forks else [])]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert holder.stdout is not None
    try:
        number = holder.stdout.readline().strip()
        with pytest.raises(sk.CheckpointError, match=f"{tmp_path} is in use by the training process {number}"):
            run(tmp_path)
        holder.kill()
        holder.wait()
        assert run(tmp_path).saved == 20
    finally:
        with suppress(ProcessLookupError):
            os.killpg(holder.pid, signal.SIGKILL)
        holder.stdout.close()


def test_two_threads_do_not_share_a_folder(tmp_path):
    refused = []

    def second(state):
        def try_it():
            with pytest.raises(sk.CheckpointError, match=f"in use by the training process {os.getpid()}"):
                run(tmp_path)
            refused.append(state.step)

        if state.step == 6:
            thread = threading.Thread(target=try_it)
            thread.start()
            thread.join()

    assert run(tmp_path, callbacks=[second]).saved == 20
    assert refused == [6]
    assert run(tmp_path, steps=25).saved == 25  # free again


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch, code):
    def unsupported(held, **options):
        raise OSError(code, "Operation not supported")

    monkeypatch.setattr(filelock.FileLock, "acquire", unsupported)
    assert run(tmp_path).saved == 20


def test_a_lock_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(sk.CheckpointError, match=rf"cannot lock {tmp_path} \(.*\): choose a folder you may write to"):
        run(tmp_path)


# ---------------------------------------------------------------- what has changed


def test_a_run_that_goes_on_elsewhere_says_what_is_different(tmp_path):
    run(tmp_path)
    rewrite(
        tmp_path / "step-000000020",
        lambda content: content["description"]["environment"].update(numpy="1.0", gone="x"),
    )
    with pytest.warns(
        RuntimeWarning,
        match=rf"{tmp_path} resumes in a different environment: numpy was 1\.0, now {np.__version__}; gone was x",
    ):
        run(tmp_path, steps=25)


def test_the_environment_of_a_backend_that_tells_nothing(monkeypatch):
    monkeypatch.setattr(environment, "offered", lambda name, what: None)
    assert set(environment.environment(sk.backend("numpy"), DATA)) == {"scorekit", "machine"}


def test_an_unwritable_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(
        folders.tempfile, "TemporaryFile", lambda **_: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
    )
    with pytest.raises(sk.CheckpointError, match=rf"cannot write to {tmp_path} \(Permission denied\): choose a folder"):
        run(tmp_path)
