"""Saved models and folders: the same bits come back, or an error."""

from __future__ import annotations

import json

import numpy as np
import pytest

import scorekit as sk
from scorekit.storage import read_folder, write_folder
from scorekit_numpy import MLP

X = np.random.default_rng(0).normal(size=(4, 2))


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
    x = X.astype(next(iter(model.parameters().values())).dtype)
    assert np.array_equal(again(x, 0.3), model(x, 0.3))
    assert repr(again) == repr(model)


def test_an_existing_folder_is_left_alone(tmp_path):
    with pytest.raises(sk.CheckpointError, match="exists already"):
        sk.save(MLP(2), tmp_path)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda x: -x, "cannot save a function"),
        (sk.models.EnergyModel(lambda x: x), "cannot save a function"),
        (sk.models.at(MLP(2), 0.1), "cannot save a AtLevel: save the model that it views"),
    ],
)
def test_what_cannot_be_written_down(tmp_path, model, words):
    with pytest.raises(TypeError, match=words):
        sk.save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_folder_that_holds_something_else(tmp_path):
    with pytest.raises(sk.CheckpointError, match="cannot be read"):
        sk.load(tmp_path / "nothing")
    write_folder(tmp_path / "other", {"a": np.ones(2)}, {"kind": "checkpoint"})
    with pytest.raises(sk.CheckpointError, match="holds a checkpoint, not a model"):
        sk.load(tmp_path / "other")


def test_a_manifest_cannot_name_code(tmp_path):
    """Only networks that the backend exports are made: a name from elsewhere is refused, not imported."""
    description = {"kind": "model", "backend": "numpy", "network": "os", "config": {}, "views": []}
    write_folder(tmp_path / "evil", {"a": np.ones(2)}, description)
    with pytest.raises(ValueError, match="has no 'os'"):
        sk.load(tmp_path / "evil")


def _folder(tmp_path):
    arrays = {"weights": np.random.default_rng(0).normal(size=(30, 4)), "steps": np.asarray(7)}
    write_folder(tmp_path / "f", arrays, {"kind": "checkpoint", "step": 7})
    return tmp_path / "f", arrays


def test_no_bit_flip_is_loaded_in_silence(tmp_path):
    """1,000 flips anywhere in the two files: an error, or exactly what was written."""
    folder, arrays = _folder(tmp_path)
    files = [folder / "arrays.safetensors", folder / "manifest.json"]
    g, refused = np.random.default_rng(), 0
    for _ in range(1000):
        file = files[g.integers(2)]
        original = file.read_bytes()
        damaged = bytearray(original)
        damaged[g.integers(len(damaged))] ^= 1 << g.integers(8)
        file.write_bytes(damaged)
        try:
            back, description = read_folder(folder)
        except sk.CheckpointError:
            refused += 1
        else:
            assert description == {"kind": "checkpoint", "step": 7}
            assert back.keys() == arrays.keys()
            assert all(
                np.array_equal(back[k], arrays[k])
                and back[k].shape == arrays[k].shape
                and back[k].dtype == arrays[k].dtype
                for k in arrays
            )
        file.write_bytes(original)
    assert refused > 900


def test_no_truncation_is_loaded(tmp_path):
    folder, _ = _folder(tmp_path)
    g = np.random.default_rng()
    for file in (folder / "arrays.safetensors", folder / "manifest.json"):
        original = file.read_bytes()
        for _ in range(50):
            file.write_bytes(original[: g.integers(len(original))])
            with pytest.raises(sk.CheckpointError):
                read_folder(folder)
        file.write_bytes(original)
    read_folder(folder)


def test_a_later_format_is_refused(tmp_path):
    folder, _ = _folder(tmp_path)
    content = json.loads((folder / "manifest.json").read_text())
    content.pop("checksum")
    content["format"] = 2
    from scorekit.storage import _checksum

    (folder / "manifest.json").write_text(json.dumps(content | {"checksum": _checksum(content)}))
    with pytest.raises(sk.CheckpointError, match="has format 2: this version reads format 1"):
        read_folder(folder)


def test_files_hold_no_pickle(tmp_path):
    sk.save(MLP(2, hidden=(4,)), tmp_path / "m")
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["arrays.safetensors", "manifest.json"]
    json.loads((tmp_path / "m" / "manifest.json").read_text())
