"""Every reader of files, with small files that it reads: what the fuzz job damages."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
import scorekit_numpy
from scorekit.experiments import Parts, RunFolder, read_experiment, read_samples, train
from scorekit.experiments import sample as draw
from scorekit.experiments.training import Plan
from scorekit.training.checkpoints import Checkpoints
from support.image_files import idx, png, python2_batch, rgb

__all__ = ["READERS", "Reader"]

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
LABELS = np.arange(6, dtype=np.uint8)
TINY: dict[str, Any] = {
    "backend": "numpy",
    "device": "cpu",
    "data": {"name": "shapes", "n": 40, "size": 8},
    "network": {"name": "MLP", "hidden": [8]},
    "noise": {"kind": "log-uniform", "sigma_max": 1.0, "sigma_min": 0.1},
    "train": {"steps": 2, "batch_size": 8},
    "sampler": {"levels": 3},
}


class Reader(NamedTuple):
    """A reader of files.

    ``make`` fills a folder. ``read`` reads it, and returns what was read. ``files`` are the patterns of the files that
    are damaged. With ``sealed``, a value that differs from the right one is a fault; without it, the format has no
    checksum. With ``json``, an entry of the JSON text is changed, and the text gets a checksum that fits. ``needs`` is
    an optional package.
    """

    make: Callable[[Path], Any]
    read: Callable[[Path], Any]
    files: tuple[str, ...] = ("*",)
    sealed: bool = False
    json: bool = False
    needs: str = ""


# ---------------------------------------------------------------- saved models, checkpoints, runs


def _save(place: Path) -> None:
    sk.save(sk.models.Preconditioned(scorekit_numpy.MLP(2, hidden=(8,), rng=1), 0.7), place / "model")


def _load(place: Path) -> Any:
    model = sk.load(place / "model")
    return {name: np.asarray(value) for name, value in model.parameters().items()} | {"": repr(model)}


def _save_torch(place: Path) -> None:
    from scorekit_torch import UNet

    net = UNet(1, base_channels=8, channel_mult=(1,), num_res_blocks=1, attention=(), rng=1)
    sk.save(sk.models.Preconditioned(net, 0.7), place / "model")


def _load_torch(place: Path) -> Any:
    model = sk.load(place / "model")
    state = {name: value.detach().numpy() for name, value in sk.learning.innermost(model).state_dict().items()}
    return state | {"": repr(model)}


def _fit(place: Path) -> Any:
    net, data = (
        scorekit_numpy.MLP(2, hidden=(4,), conditional=False, rng=1),
        np.random.default_rng(0).normal(size=(16, 2)),
    )
    result = sk.fit(
        net, sk.objectives.SlicedScoreMatching(), data, steps=4, batch_size=8, rng=0, progress=False,
        checkpoint=place / "checkpoints", checkpoint_every=2,
    )  # fmt: skip
    return dict(result.model.parameters())


def _newest(place: Path) -> Any:
    """The right values, also if they come from the checkpoint before the damaged one."""
    found = Checkpoints.open(place / "checkpoints", 3).newest()
    assert found is not None
    return found[1]["step"] in (2, 4) and found[1]["identity"]


def _train(place: Path) -> Any:
    return train(TINY, place / "run", progress=False)


def _open(place: Path) -> Any:
    folder = RunFolder.open(place / "run")
    parts = Parts(folder.experiment, folder.facts)
    start = parts.start(parts.sampler()[1], parts.like)(2, sk.rng(0))
    return [json.dumps(folder.experiment.plain()), np.asarray(start), parts.class_names]


def _sample(place: Path) -> Any:
    _train(place)
    draw(place / "run", 5, block=2, progress=False)


def _samples(place: Path) -> Any:
    return np.array(read_samples(next((place / "run" / "samples").iterdir())))


def _resume(place: Path) -> Any:
    """The samples of a call that draws what is missing."""
    folder = next((place / "run" / "samples").iterdir())
    return np.array(read_samples(draw(place / "run", 5, block=2, progress=False))), folder.name


def _write_toml(place: Path) -> None:
    lines = []
    for key, value in TINY.items():
        head = not isinstance(value, dict)
        lines += (
            [f"{key} = {json.dumps(value)}"]
            if head
            else [f"[{key}]", *(f"{k} = {json.dumps(v)}" for k, v in value.items())]
        )
    (place / "e.toml").write_text("\n".join(lines) + "\n")


def _read_toml(place: Path) -> Any:
    experiment = read_experiment(place / "e.toml")
    Parts(experiment)
    return repr(Plan.of(experiment["train"]))


# ---------------------------------------------------------------- data sets


def _mnist(end: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        pack = gzip.compress if end else bytes
        for name, content in (("images-idx3", idx(IMAGES)), ("labels-idx1", idx(LABELS))):
            (place / f"train-{name}-ubyte{end}").write_bytes(pack(content))

    return make


def _data(load: Callable[[Path], Any]) -> Callable[[Path], Any]:
    def read(place: Path) -> Any:
        data = load(place)
        return data.images, data.labels, data.classes

    return read


def _csv(place: Path) -> None:
    rows = [",".join(map(str, [*image.ravel(), label])) for image, label in zip(IMAGES, LABELS, strict=True)]
    (place / "mnist_5k.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))


def _cifar(place: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3072), np.uint8)
    (place / "test_batch").write_bytes(python2_batch(pixels.tobytes(), 20, [i % 10 for i in range(20)]))


def _cifar_binary(place: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 10, (20, 3073), np.uint8)
    (place / "test_batch.bin").write_bytes(rows.tobytes())


def _read_cifar(place: Path) -> Any:
    module = sys.modules["scorekit.datasets._cifar10"]
    kept, module._IN_A_FILE = module._IN_A_FILE, 20  # type: ignore[attr-defined]
    try:
        return _data(lambda p: sk.datasets.cifar10(p, split="test"))(place)
    finally:
        module._IN_A_FILE = kept  # type: ignore[attr-defined]


def _pictures() -> Mapping[str, bytes]:
    gray = np.random.default_rng(1).integers(0, 256, (8, 8), np.uint8)
    palette = bytes(range(48))
    return {
        "a/1.png": rgb(8, 8, 1),
        "a/2.jpg": rgb(8, 8, 2, "JPEG"),
        "a/3.bmp": rgb(8, 8, 3, "BMP"),
        "b/4.gif": rgb(8, 8, 4, "GIF"),
        "b/5.tif": rgb(8, 8, 5, "TIFF"),
        "b/6.webp": rgb(8, 8, 6, "WEBP", lossless=True),
        "b/7.ppm": rgb(8, 8, 7, "PPM"),
        "b/8.png": png(gray % 16, 8, 3, palette=palette),
        "b/9.png": png(gray, 8, 0),
    }


def _folder(place: Path) -> None:
    for name, content in _pictures().items():
        (place / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "images" / name).write_bytes(content)


def _image_folder(name: str) -> Callable[[Path], Any]:
    return lambda place: sk.datasets.image_folder(place / name, channels=3)


def _zip(place: Path) -> None:
    with zipfile.ZipFile(place / "images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _pictures().items():
            archive.writestr(name, content)


def _celeba(place: Path) -> None:
    (place / "img_align_celeba").mkdir()
    for i in range(3):
        (place / "img_align_celeba" / f"00000{i}.jpg").write_bytes(rgb(218, 178, i))
    (place / "list_attr_celeba.txt").write_text(
        "3\nSmiling Bald\n" + "".join(f"00000{i}.jpg  1 -1\n" for i in range(3))
    )
    (place / "list_eval_partition.txt").write_text("".join(f"00000{i}.jpg 0\n" for i in range(3)))


def _read_celeba(place: Path) -> Any:
    return _data(lambda p: sk.datasets.celeba(p, size=8, split="train", attribute="Smiling"))(place)


def _array_file(name: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        images, labels = IMAGES[:, :8, :8], LABELS % 3
        if name == "images.npy":
            np.save(place / name, images)
        elif name == "packed.npz":
            np.savez_compressed(place / name, images=images, labels=labels)
        else:
            np.savez(place / name, images=images, labels=labels, names=np.array(["a", "b"]))

    return make


def _arrays(name: str) -> Callable[[Path], Any]:
    return _data(lambda place: sk.datasets.arrays(place / name, layout="nhw"))


def _hdf5(place: Path) -> None:
    import h5py

    with h5py.File(place / "images.h5", "w") as file:
        file.create_dataset("images", data=IMAGES, compression="gzip")
        file["labels"] = LABELS % 3


def _parquet(place: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [{"image": {"bytes": rgb(8, 8, i), "path": None}, "label": i % 3} for i in range(5)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), place / "images.parquet")


def _styled(place: Path) -> None:
    """A data set of StyleGAN: images, and their classes in ``dataset.json``."""
    names = [f"00000/img{i}.png" for i in range(3)]
    with zipfile.ZipFile(place / "images.zip", "w") as archive:
        for i, name in enumerate(names):
            archive.writestr(name, rgb(8, 8, i))
        archive.writestr("dataset.json", json.dumps({"labels": [[name, i] for i, name in enumerate(names)]}))


def _styled_folder(place: Path) -> None:
    _styled(place)
    with zipfile.ZipFile(place / "images.zip") as archive:
        archive.extractall(place / "images")
    (place / "images.zip").unlink()


def _cifar100(place: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 20, (20, 3074), np.uint8)
    (place / "test.bin").write_bytes(rows.tobytes())
    (place / "fine_label_names.txt").write_text("\n".join(f"class{i}" for i in range(100)))


def _read_cifar100(place: Path) -> Any:
    module = sys.modules["scorekit.datasets._cifar100"]
    kept, module._COUNTS = module._COUNTS, {"train": 20, "test": 20}  # type: ignore[attr-defined]
    try:
        return _data(lambda p: sk.datasets.cifar100(p, split="test"))(place)
    finally:
        module._COUNTS = kept  # type: ignore[attr-defined]


# ---------------------------------------------------------------- weights of others


def _published(kind: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        import torch

        from support import published

        torch.save(published.checkpoint(published.CASES[kind]), place / "checkpoint.pth")

    return make


def _weights(name: str, kind: str) -> Callable[[Path], Any]:
    def read(place: Path) -> Any:
        import scorekit_torch
        from support import published

        load, path, case = getattr(scorekit_torch, name), place / "checkpoint.pth", published.CASES[kind]
        given = [case[key] for key in ("noise", "arguments") if key in case]
        return {key: value.numpy() for key, value in load(path, *given).state_dict().items()}

    return read


def _bare(kind: str) -> Callable[[Path], None]:
    """The tensors alone, in a safetensors file."""

    def make(place: Path) -> None:
        from safetensors.torch import save_file

        from support import published

        save_file(published.state(published.CASES[kind], ""), place / "checkpoint.pth")

    return make


def _legacy(place: Path) -> None:
    """The format of torch.save before version 1.6."""
    import torch

    from support import published

    state = published.checkpoint(published.CASES["ncsnv2"])
    torch.save(state, place / "checkpoint.pth", _use_new_zipfile_serialization=False)


_RUN = ("run/run.json",)
_MODEL = ("model/*",)
READERS: dict[str, Reader] = {
    "model": Reader(_save, _load, _MODEL, sealed=True),
    "model, checksum right": Reader(_save, _load, ("model/manifest.json",), json=True),
    "torch model": Reader(_save_torch, _load_torch, _MODEL, sealed=True),
    "torch model, checksum right": Reader(_save_torch, _load_torch, ("model/manifest.json",), json=True),
    "checkpoints": Reader(_fit, _newest, ("checkpoints/step-*/*",), sealed=True),
    "resume, checksum right": Reader(_fit, _fit, ("checkpoints/step-*/manifest.json",), json=True),
    "run.json": Reader(_train, _open, _RUN, sealed=True),
    "run.json, checksum right": Reader(_train, _open, _RUN, json=True),
    "blocks": Reader(_sample, _samples, ("run/samples/*/block-*.npy",), sealed=True),
    "samples.json": Reader(_sample, _resume, ("run/samples/*/samples.json",), sealed=True),
    "experiment file": Reader(_write_toml, _read_toml),
    "IDX": Reader(_mnist(""), _data(sk.datasets.mnist)),
    "IDX, gzip": Reader(_mnist(".gz"), _data(sk.datasets.mnist)),
    "mnist_5k": Reader(_csv, _data(lambda place: sk.datasets.mnist_5k(place / "mnist_5k.csv.gz"))),
    "CIFAR pickle": Reader(_cifar, _read_cifar),
    "CIFAR binary": Reader(_cifar_binary, _read_cifar),
    "CIFAR-100": Reader(_cifar100, _read_cifar100),
    "npy": Reader(_array_file("images.npy"), _arrays("images.npy")),
    "npz": Reader(_array_file("images.npz"), _arrays("images.npz")),
    "npz, compressed": Reader(_array_file("packed.npz"), _arrays("packed.npz")),
    "HDF5": Reader(_hdf5, _arrays("images.h5"), needs="h5py"),
    "Parquet": Reader(_parquet, _data(lambda place: sk.datasets.parquet(place / "images.parquet")), needs="pyarrow"),
    "image folder": Reader(_folder, _data(_image_folder("images")), ("images/*/*",)),
    "image zip": Reader(_zip, _data(_image_folder("images.zip"))),
    "dataset.json": Reader(_styled_folder, _data(_image_folder("images")), ("images/dataset.json",)),
    "image zip of StyleGAN": Reader(_styled, _data(_image_folder("images.zip"))),
    "CelebA": Reader(_celeba, _read_celeba, ("*.txt", "img_align_celeba/*")),
    "load_ncsn": Reader(_published("ncsn grey"), _weights("load_ncsn", "ncsn grey")),
    "load_ncsnv2": Reader(_published("ncsnv2"), _weights("load_ncsnv2", "ncsnv2")),
    "load_ncsnv2, legacy": Reader(_legacy, _weights("load_ncsnv2", "ncsnv2")),
    "load_ncsnv2, safetensors": Reader(_bare("ncsnv2"), _weights("load_ncsnv2", "ncsnv2")),
    "load_ncsnpp": Reader(_published("ncsn++ residual"), _weights("load_ncsnpp", "ncsn++ residual")),
}  # fmt: skip
