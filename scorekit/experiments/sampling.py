"""Draw from the model of a run, in blocks that are written as they are finished."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import scorekit as sk
from scorekit._checks import check_count, check_path
from scorekit.errors import CheckpointError, InvalidValueError
from scorekit.experiments.config import Section
from scorekit.experiments.folder import RunFolder
from scorekit.experiments.parts import Parts
from scorekit.learning.process_group import process_group
from scorekit.learning.seeding import STREAMS
from scorekit.protocols import Array, Rng
from scorekit.storage.files import replacing

__all__ = ["read_samples", "sample"]

_WAY_ROWS, _WAY_STATES = 8, 40
_GRID = 100


def sample(
    run: str | os.PathLike[str],
    n: int = 64,
    *,
    block: int = 32,
    seed: int = 0,
    label: int | str | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Draw ``n`` images; returns the folder that holds them.

    Each block of images is one file, and depends only on the model, the seed and the number of the block. It is written
    when it is done, so that the same call continues where it was stopped. Processes that torchrun started share the
    blocks.

    Args:
        run: the folder of a run.
        n: how many images.
        block: how many at a time; memory is that of one block.
        seed: of the samples.
        label: the class of a network that was trained with labels: its number, its name, or ``"all"`` for each class
            in turn. None draws without a class, where the run was trained with ``condition_dropout``.
        device: where to draw; None for the device of the run.
        options: keys of the section [sampler] to change; with another ``name`` they replace the section.
        progress: show a bar.

    Raises:
        ValueError: the run has no model yet, an option is unknown or invalid, or no class has this name.
        CheckpointError: ``run`` cannot be read, or its samples were drawn with other options.

    >>> from scorekit import experiments
    >>> place = experiments.sample("runs/digits", 100, options={"levels": 50})  # doctest: +SKIP
    >>> images = experiments.read_samples(place)  # doctest: +SKIP
    """
    n, block = check_count(n, "-n"), check_count(block, "--block")
    seed = check_count(seed, "--seed", minimum=0)
    folder = RunFolder.open(run, device)
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
    missing = [b for b in range(processes.rank, count, processes.size) if not _file(place, b).exists()]
    made = sk.samplers.sample_blocks(
        sampler, model, _start(parts, noise_levels, told), n, seed,
        block=block, blocks=missing, like=parts.like, progress=progress and processes.rank == 0,
    )  # fmt: skip
    try:
        for each in made:
            _write_block(place, each.number, parts.as_images(each.samples.x), about)
        processes.any(False)  # all have written
        if processes.rank == 0:
            _finish(place, parts, model, sampler, _start(parts, noise_levels, told), seed, min(_WAY_ROWS, n))
    except KeyboardInterrupt:
        done = len(list(place.glob("block-*.npy")))
        print(f"{done} of {count} blocks are in {place}/: the same call draws those that are missing.", file=sys.stderr)
        raise
    return place


def _section(section: Section, options: Mapping[str, Any]) -> Section:
    """The section of the file with these keys changed; another sampler starts from nothing but the sequence of
    levels.
    """
    kept = dict(section.values)
    if "name" in options and options["name"] != kept.get("name", "consistent"):
        kept = {key: kept[key] for key in ("sigma_max", "sigma_min", "levels") if key in kept}
    return Section("scorekit sample", kept | dict(options))


def _on_device(model: Any, parts: Parts) -> Any:
    inside = model
    while not hasattr(inside, "to") and hasattr(inside, "inner"):
        inside = inside.inner
    if hasattr(inside, "to"):
        inside.to(parts.like.device).eval()
    return model


def class_of(label: int | str | None, parts: Parts) -> int | str | None:
    """The number of the class that ``label`` names, ``"all"``, or None for no class; refused when there is none."""
    if not parts.conditional:
        if label is not None:
            raise InvalidValueError(
                f"--label is {label}, and the network was trained without labels: leave it out, or train with "
                "conditional = true in [network]."
            )
        return None
    names = parts.class_names
    if label is None:
        if parts.drops_conditions:
            return None
        raise InvalidValueError(
            "the network was trained with labels, and has never seen an image without one: name a class, for instance "
            f"--label {names[0]}, or --label all. With condition_dropout in [train] it learns both."
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
    """A function of a count that returns the labels of so many images; None for a network without conditions."""
    if not parts.conditional:
        return None
    classes = len(parts.class_names)
    if label == "all":
        return lambda n: parts.on_device(np.arange(n) % classes)
    return lambda n: parts.on_device(np.full(n, classes if label is None else label))


def _start(parts: Parts, noise_levels: Any, told: Callable[[int], Array] | None) -> Callable[[int, Rng], Any]:
    """Where the chains of a block start, with their labels where the network takes them."""
    begin = parts.start(noise_levels, parts.like)
    return begin if told is None else lambda n, rng: (begin(n, rng), told(n))


def _place(folder: RunFolder, section: Section, about: dict[str, Any]) -> Path:
    """The folder of these samples, named after the model and the sampler too: another of either makes others."""
    made_by = hashlib.sha256((folder.model_path() / "manifest.json").read_bytes())
    made_by.update(f"{about['sampler']} {about['levels']}".encode())
    which = "" if about["label"] is None else f"-class{about['label']}"
    name = f"{section.get('name', 'consistent')}-{about['n']}-seed{about['seed']}{which}-{made_by.hexdigest()[:6]}"
    place = folder.path / "samples" / name
    there = _read_json(place / "samples.json") if (place / "samples.json").exists() else about
    if there != about:
        wrong = ", ".join(
            f"{key} was {there.get(key)}, now {about[key]}" for key in about if there.get(key) != about[key]
        )
        raise CheckpointError(f"{place} holds other samples ({wrong}): remove that folder, or choose another --seed.")
    return place


def _read_json(path: Path) -> Any:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}): remove its folder and sample again.") from error


def _file(place: Path, number: int) -> Path:
    return place / f"block-{number:05d}.npy"


def _write_block(place: Path, number: int, images: Any, about: Mapping[str, Any]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    with replacing(place / "samples.json", shared=True) as new:
        new.write_text(json.dumps(about))
    with replacing(_file(place, number)) as new, new.open("wb") as file:
        np.save(file, np.asarray(images, np.float32))


def read_samples(place: str | os.PathLike[str]) -> Any:
    """All finished samples of a folder, ``(n, c, h, w)`` in [0, 1]; read-only. They are also put into ``samples.npy``.

    Raises:
        ValueError: the folder holds no samples.
        CheckpointError: a file is damaged.

    >>> read_samples("no/such/folder")
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidValueError: no/such/folder holds no samples: expected a folder that scorekit sample wrote.
    """
    folder = check_path(place, "place")
    blocks = [_open(file) for file in sorted(folder.glob("block-*.npy"))]
    if not blocks:
        raise InvalidValueError(f"{folder} holds no samples: expected a folder that scorekit sample wrote.")
    shape = (sum(len(b) for b in blocks), *blocks[0].shape[1:])
    with replacing(folder / "samples.npy") as new:
        whole, start = np.lib.format.open_memmap(new, mode="w+", dtype=np.float32, shape=shape), 0
        for block in blocks:
            whole[start : start + len(block)] = block
            start += len(block)
        whole.flush()
    return np.load(folder / "samples.npy", mmap_mode="r")


def _open(file: Path) -> Any:
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CheckpointError(
            f"{file} is damaged ({error}): remove it, the same call of sample draws it again."
        ) from error


def _finish(place: Path, parts: Parts, model: Any, sampler: Any, start: Any, seed: int, rows: int) -> None:
    images = read_samples(place)
    ax = sk.plot.image_grid(np.asarray(images[:_GRID]), limits=(0.0, 1.0))
    sk.plot.write(ax.figure, place / "samples.png", close=True)
    _draw_way(place, parts, model, sampler, start, seed, rows)
    print(f"{len(images)} samples in {place}/: samples.npy, samples.png, way.png, way.gif", file=sys.stderr)


def _draw_way(place: Path, parts: Parts, model: Any, sampler: Any, start: Any, seed: int, rows: int) -> None:
    """A few images on their way down the levels, as a strip and as a GIF."""
    stream = parts.backend.rng(("way", seed))
    steps = len(sampler.schedule())
    begun = start(rows, stream)
    if isinstance(begun, tuple):
        begun, model = begun[0], sk.models.condition(model, begun[1])
    made = sampler.sample(model, begun, rng=stream, keep_every=max(1, steps // _WAY_STATES))
    way = (made.trajectory + 1) / 2 if parts.centered else made.trajectory
    ax = sk.plot.image_strip(made._replace(trajectory=way), rows=rows, limits=(0.0, 1.0))
    sk.plot.write(ax.figure, place / "way.png", close=True)
    sk.plot.animate_images(way, place / "way.gif", limits=(0.0, 1.0))
