"""Draw samples from the model of a run, in blocks that are saved when they are complete."""

from __future__ import annotations

import hashlib
import math
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import scorekit as sk
from scorekit._checks import check_count, check_path
from scorekit._reading import read_bytes
from scorekit.datasets._decode import need_pillow
from scorekit.errors import CheckpointError, InvalidValueError
from scorekit.experiments.blocks import read_block, write_block
from scorekit.experiments.config import Section
from scorekit.experiments.folder import RunFolder
from scorekit.experiments.image_files import write_images
from scorekit.experiments.parts import Parts
from scorekit.learning.process_group import process_group
from scorekit.learning.seeding import STREAMS
from scorekit.learning.views import innermost
from scorekit.protocols import Array, Rng
from scorekit.storage.files import own_folder, replacing
from scorekit.storage.sealed import read_sealed, seal

__all__ = ["newest_samples", "read_samples", "sample"]

_WAY_ROWS, _WAY_STATES = 8, 40
_GRID = 100
_FORMAT = 2  # of samples.json; format 1 was not written in the file
_MANIFEST_AT_MOST = 32 << 20


def sample(
    run: str | os.PathLike[str],
    n: int = 64,
    *,
    block: int = 32,
    seed: int = 0,
    label: int | str | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    changes: Sequence[str] = (),
    png: bool = False,
    progress: bool = True,
) -> Path:
    """Draw ``n`` images from the model of a run.

    Images are drawn in blocks. Each block is one file, and depends only on the model, the sampler, the seed and the
    block number. A block is saved when it is complete, so after an interruption the same call draws the missing blocks.
    Processes that torchrun started divide the blocks among them.

    Args:
        run: the folder of a run.
        n: the number of images.
        block: the number of images in memory at a time.
        seed: the seed of the samples, not negative.
        label: the class for a network that was trained with labels: its index, its name, or ``"all"`` for all classes
            in turn. None for no class; the run must then have used ``condition_dropout``.
        device: the device for the computation; None for the device of the run.
        options: keys of the section [sampler] to change. With another sampler ``name``, only the noise levels of the
            section are kept.
        changes: the path of data that have moved, such as ``"data.path=/new/place"``; only a run of an early version
            needs its data for sampling.
        png: also write each image as a file, ``png/000000.png`` and so on, in the order of the blocks: 8-bit gray or
            RGB, the value round(255 x). The same call with ``png=True`` adds the files to samples that exist already.
        progress: show a progress bar.

    Returns:
        The folder of the samples, for :func:`read_samples`.

    Raises:
        ValueError: the run has no model yet, an option is unknown or invalid, or ``label`` is not a class.
        CheckpointError: ``run`` or a block cannot be read; the folder contains samples with other options; or a folder
            inside ``run`` is a symbolic link.

    >>> from scorekit import experiments
    >>> place = experiments.sample("runs/digits", 100, options={"levels": 50})  # doctest: +SKIP
    >>> images = experiments.read_samples(place)  # doctest: +SKIP
    """
    n, block = check_count(n, "-n"), check_count(block, "--block")
    seed = check_count(seed, "--seed", minimum=0)
    if png:
        need_pillow()
    folder = RunFolder.open(run, device, changes, "scorekit sample")
    parts = Parts(folder.experiment, folder.facts)
    section = _section(folder.experiment["sampler"], options or {})
    sampler, noise_levels = parts.sampler(section)
    label = class_of(label, parts)
    told = _conditions(parts, label)
    model = parts.score(_on_device(folder.model(), parts), sampler, noise_levels)
    about = {
        "n": n,
        "block": block,
        "seed": seed,
        "label": label,
        "sampler": repr(sampler),
        "levels": repr(noise_levels),
    }
    about["streams"] = STREAMS
    place = _place(folder, section, about)
    processes, count = process_group(parts.backend, parts.like), math.ceil(n / block)
    own = range(processes.rank, count, processes.size)
    missing = [b for b in own if not _is_there(place, b, min(block, n - b * block))]
    made = sk.samplers.sample_blocks(
        sampler, model, _start(parts, noise_levels, told), n, seed,
        block=block, blocks=missing, like=parts.like, progress=progress and processes.rank == 0,
    )  # fmt: skip
    try:
        for each in made:
            write_block(_file(place, each.number), parts.as_images(each.samples.x))
        processes.any(False)  # a barrier: all processes have saved their blocks
        if png:
            for number in range(processes.rank, count, processes.size):
                write_images(place / "png", read_block(_file(place, number))[0], number * block)
        if processes.rank == 0:
            _finish(place, parts, model, sampler, _start(parts, noise_levels, told), seed, min(_WAY_ROWS, n))
    except (KeyboardInterrupt, SystemExit):  # SystemExit: scorekit sample was stopped by SIGTERM or SIGHUP
        done = len(list(place.glob("block-*.npy")))
        print(f"{done} of {count} blocks are in {place}/: the same call draws the missing ones.", file=sys.stderr)
        raise
    return place


def _section(section: Section, options: Mapping[str, Any]) -> Section:
    """The section of the file with these keys changed; with another sampler, only its noise levels are kept."""
    kept = dict(section.values)
    if "name" in options and options["name"] != kept.get("name", "consistent"):
        kept = {key: kept[key] for key in ("sigma_max", "sigma_min", "levels") if key in kept}
    return Section("scorekit sample", kept | dict(options))


def _on_device(model: Any, parts: Parts) -> Any:
    network = innermost(model)
    if hasattr(network, "to"):
        network.to(parts.like.device).eval()
    return model


def class_of(label: int | str | None, parts: Parts) -> int | str | None:
    """The index of the class ``label``, ``"all"``, or None for no class; an error for other labels."""
    if not parts.conditional:
        if label is not None:
            raise InvalidValueError(
                f"--label is {label}, and the network was trained without labels: omit --label, or train with "
                "conditional = true in [network]."
            )
        return None
    names = parts.class_names
    if label is None:
        if parts.drops_conditions:
            return None
        raise InvalidValueError(
            "the network was trained with labels only: pass a class, for instance "
            f"--label {names[0]}, or --label all. To sample without a label, train with condition_dropout in [train]."
        )
    if label == "all":
        return label
    number = names.index(label) if label in names else int(label) if str(label).isdecimal() else -1
    if not 0 <= number < len(names):
        raise InvalidValueError(
            f"--label is {label}: expected a number from 0 to {len(names) - 1}, one of {', '.join(names)}, or all."
        )
    return number


def _conditions(parts: Parts, label: int | str | None) -> Callable[[int], Array] | None:
    """A function that returns the labels of ``n`` images; None for a network without conditions."""
    if not parts.conditional:
        return None
    classes = len(parts.class_names)
    if label == "all":
        return lambda n: parts.on_device(np.arange(n) % classes)
    return lambda n: parts.on_device(np.full(n, classes if label is None else label))


def _start(parts: Parts, noise_levels: Any, told: Callable[[int], Array] | None) -> Callable[[int, Rng], Any]:
    """A function that draws the initial points of a block, with labels if the network is conditional."""
    begin = parts.start(noise_levels, parts.like)
    return begin if told is None else lambda n, rng: (begin(n, rng), told(n))


def _place(folder: RunFolder, section: Section, about: dict[str, Any]) -> Path:
    """The folder of these samples. Its name contains a hash of the model and the sampler."""
    made_by = hashlib.sha256(read_bytes(folder.model_path() / "manifest.json", _MANIFEST_AT_MOST))
    made_by.update(f"{about['sampler']} {about['levels']}".encode())
    which = "" if about["label"] is None else f"-class{about['label']}"
    name = f"{section.get('name', 'consistent')}-{about['n']}-seed{about['seed']}{which}-{made_by.hexdigest()[:6]}"
    place = own_folder(folder.path, "samples", name)
    file = place / "samples.json"
    there = _read(file) if file.exists() else about
    if there != about:
        wrong = ", ".join(
            f"{key} was {there.get(key)}, now {about[key]}" for key in about if there.get(key) != about[key]
        )
        raise CheckpointError(f"{place} contains other samples ({wrong}): remove it, or choose another --seed.")
    with replacing(file, shared=True) as new:
        new.write_bytes(seal({"format": _FORMAT, **about}))
    return place


def _read(file: Path) -> Any:
    """The options of samples. Files of an earlier version have neither a format nor a checksum."""
    again = f"delete {file.parent} and sample again"
    try:
        about, sealed = read_sealed(file)
        if not isinstance(about, dict):
            raise ValueError(f"expected an object, got a {type(about).__name__}")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}): {again}.") from error
    except CheckpointError as error:
        raise CheckpointError(f"{error} To replace it, {again}.") from error
    version = about.pop("format", None)
    if version != (_FORMAT if sealed else None):
        raise CheckpointError(f"{file} has format {version} and {'a' if sealed else 'no'} checksum: {again}.")
    return about


def _is_there(place: Path, number: int, rows: int) -> bool:
    """Whether a block has been drawn. A damaged one raises an error before any block is drawn."""
    file = _file(place, number)
    if not file.exists():
        return False
    images, _ = read_block(file)
    if len(images) != rows:
        raise CheckpointError(f"{file} has {len(images)} images, expected {rows}: delete it and sample again.")
    return True


def _file(place: Path, number: int) -> Path:
    return place / f"block-{number:05d}.npy"


def read_samples(place: str | os.PathLike[str]) -> Any:
    """All samples of a folder as a read-only array ``(n, c, h, w)`` in [0, 1]. They are also saved as ``samples.npy``.

    Raises:
        ValueError: the folder contains no samples.
        CheckpointError: a file is damaged.

    >>> read_samples("no/such/folder")
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidValueError: no/such/folder contains no samples: expected a folder that scorekit sample wrote.
    """
    folder = check_path(place, "place")
    files = sorted(folder.glob("block-*.npy"))
    if not files:
        raise InvalidValueError(f"{folder} contains no samples: expected a folder that scorekit sample wrote.")
    blocks, sealed = zip(*map(read_block, files), strict=True)
    _check_alike(files, blocks)
    _check_complete(folder, sum(map(len, blocks)))
    if not all(sealed):
        warnings.warn(
            f"{len(sealed) - sum(sealed)} of {len(sealed)} blocks in {folder} have no checksum, because an earlier "
            "version or another program wrote them: they are read unverified.",
            UserWarning,
            stacklevel=2,
        )
    shape = (sum(len(b) for b in blocks), *blocks[0].shape[1:])
    with replacing(folder / "samples.npy") as new:
        whole, start = np.lib.format.open_memmap(new, mode="w+", dtype=np.float32, shape=shape), 0
        for block in blocks:
            whole[start : start + len(block)] = block
            start += len(block)
        whole.flush()
    return np.load(folder / "samples.npy", mmap_mode="r")


def newest_samples(run: Path) -> Path:
    """The folder of the newest samples of a run."""
    places = sorted(run.glob("samples/*/block-*.npy"), key=lambda path: path.stat().st_mtime)
    if not places:
        raise InvalidValueError(f"{run} has no samples yet: run scorekit sample {run} -n 1000")
    return places[-1].parent


def _check_complete(folder: Path, count: int) -> None:
    """Warn if blocks are missing."""
    n = _read(folder / "samples.json").get("n", count) if (folder / "samples.json").exists() else count
    if isinstance(n, int) and count < n:
        warnings.warn(
            f"{folder} has {count} of {n} samples: run scorekit sample again with the same options for the others.",
            UserWarning,
            stacklevel=3,
        )


def _check_alike(files: Sequence[Path], blocks: Sequence[Any]) -> None:
    for file, block in zip(files, blocks, strict=True):
        if block.shape[1:] != blocks[0].shape[1:]:
            raise CheckpointError(
                f"{file} has images of shape {block.shape[1:]}, and {files[0].name} of shape {blocks[0].shape[1:]}: "
                "delete the wrong one and run scorekit sample again with the same options."
            )


def _finish(place: Path, parts: Parts, model: Any, sampler: Any, start: Any, seed: int, rows: int) -> None:
    images = read_samples(place)
    ax = sk.plot.image_grid(np.asarray(images[:_GRID]), limits=(0.0, 1.0))
    sk.plot.write(ax.figure, place / "samples.png", close=True)
    _draw_way(place, parts, model, sampler, start, seed, rows)
    print(f"{len(images)} samples in {place}/: samples.npy, samples.png, way.png, way.gif", file=sys.stderr)


def _draw_way(place: Path, parts: Parts, model: Any, sampler: Any, start: Any, seed: int, rows: int) -> None:
    """Draw the trajectories of a few images over the noise levels, as a strip and as a GIF."""
    stream = parts.backend.rng(("way", seed))
    steps = len(sampler.schedule())
    begun = start(rows, stream)
    if isinstance(begun, tuple):
        begun, model = begun[0], sk.models.condition(model, begun[1])
    made = sampler.sample(model, begun, rng=stream, keep_every=max(1, steps // _WAY_STATES))
    way = parts.as_shown(made.trajectory)
    ax = sk.plot.image_strip(made._replace(trajectory=way), rows=rows, limits=(0.0, 1.0))
    sk.plot.write(ax.figure, place / "way.png", close=True)
    sk.plot.animate_images(way, place / "way.gif", limits=(0.0, 1.0))
