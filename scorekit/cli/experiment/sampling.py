"""``scorekit sample RUN``: draw from what a run has learned, in blocks that are written as they are finished."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import scorekit as sk
from scorekit._arrays import check_count
from scorekit.cli.experiment.config import Section
from scorekit.cli.experiment.folder import RunFolder
from scorekit.cli.experiment.parts import Parts
from scorekit.errors import CheckpointError, InvalidValueError
from scorekit.training.world import world_here

__all__ = ["read_samples", "sample"]

_WAY_ROWS, _WAY_STATES = 8, 40
_GRID = 100


def sample(
    run: str,
    n: int = 64,
    *,
    block: int = 32,
    seed: int = 0,
    label: int | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Draw ``n`` images; returns the folder that holds them.

    Each block of images is a file of its own, a function of the model, the seed and its number, and is written when it
    is done. The same call goes on where it was stopped. In processes that torchrun started each takes every so many
    blocks.

    Args:
        run: the folder of a run.
        n: how many images.
        block: how many at a time; memory is that of one block.
        seed: of the samples.
        label: the class, of a network that has been trained with labels.
        device: where to draw; None for the device of the run.
        options: keys of the section [sampler] to change; with another ``name`` they replace the section.
        progress: show a bar.
    """
    n, block = check_count(n, "-n"), check_count(block, "--block")
    seed = check_count(seed, "--seed", minimum=0)
    folder = RunFolder.open(run, device)
    parts = Parts(folder.experiment, folder.facts)
    section = _section(folder.experiment["sampler"], options or {})
    sampler, ladder = parts.sampler(section)
    model = parts.score(_conditioned(_on_device(folder.model(), parts), parts, label), sampler, ladder)
    about = {"n": n, "block": block, "seed": seed, "label": label, "sampler": repr(sampler), "levels": repr(ladder)}
    place = _place(folder, section, about)
    world, count = world_here(parts.backend, parts.like), math.ceil(n / block)
    missing = [b for b in range(world.rank, count, world.size) if not _file(place, b).exists()]
    made = sk.samplers.sample_blocks(
        sampler, model, parts.start(ladder, parts.like), n, seed,
        block=block, blocks=missing, like=parts.like, progress=progress and world.rank == 0,
    )  # fmt: skip
    try:
        for each in made:
            _write_block(place, each.number, parts.as_images(each.samples.x), about)
        world.any(False)  # all have written
        if world.rank == 0:
            _finish(place, parts, model, sampler, ladder, seed, min(_WAY_ROWS, n))
    except KeyboardInterrupt:
        done = len(list(place.glob("block-*.npy")))
        print(f"{done} of {count} blocks are in {place}/: the same call draws those that are missing.", file=sys.stderr)
        raise
    return place


def _section(section: Section, options: Mapping[str, Any]) -> Section:
    """The section of the file with these keys changed; another sampler starts from nothing but the ladder."""
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


def _conditioned(model: Any, parts: Parts, label: int | None) -> Any:
    if label is not None:
        return sk.models.given(model, label)
    if parts.conditional:
        raise InvalidValueError(
            "the network was trained with labels, and has never seen an image without one: say which class, --label 0."
        )
    return model


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
    _replace(place / "samples.json", json.dumps(about).encode())
    partial = place / f"block-{number:05d}.partial"
    with partial.open("wb") as file:
        np.save(file, np.asarray(images, np.float32))
    partial.replace(_file(place, number))


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def read_samples(place: Path) -> Any:
    """All finished samples of a folder, ``(n, c, h, w)`` in [0, 1], put together in ``samples.npy``; read-only."""
    blocks = [_open(file) for file in sorted(place.glob("block-*.npy"))]
    if not blocks:
        raise InvalidValueError(f"{place} holds no samples: expected a folder that scorekit sample wrote.")
    shape = (sum(len(b) for b in blocks), *blocks[0].shape[1:])
    partial, start = place / "samples.partial", 0
    whole = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
    for block in blocks:
        whole[start : start + len(block)] = block
        start += len(block)
    whole.flush()
    partial.replace(place / "samples.npy")
    return np.load(place / "samples.npy", mmap_mode="r")


def _open(file: Path) -> Any:
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CheckpointError(
            f"{file} is damaged ({error}): remove it, the same call of sample draws it again."
        ) from error


def _finish(place: Path, parts: Parts, model: Any, sampler: Any, ladder: Any, seed: int, rows: int) -> None:
    images = read_samples(place)
    ax = sk.plot.image_grid(np.asarray(images[:_GRID]), limits=(0.0, 1.0))
    sk.plot.write(ax.figure, place / "samples.png", close=True)
    _draw_way(place, parts, model, sampler, ladder, seed, rows)
    print(f"{len(images)} samples in {place}/: samples.npy, samples.png, way.png, way.gif", file=sys.stderr)


def _draw_way(place: Path, parts: Parts, model: Any, sampler: Any, ladder: Any, seed: int, rows: int) -> None:
    """A few images on their way down the levels, as a strip and as a GIF."""
    stream = parts.backend.rng((seed, 2))
    steps = len(sampler.schedule())
    start = parts.start(ladder, parts.like)(rows, stream)
    made = sampler.sample(model, start, rng=stream, keep_every=max(1, steps // _WAY_STATES))
    way = (made.trajectory + 1) / 2 if parts.centred else made.trajectory
    ax = sk.plot.image_strip(made._replace(trajectory=way), rows=rows, limits=(0.0, 1.0))
    sk.plot.write(ax.figure, place / "way.png", close=True)
    sk.plot.animate_images(way, place / "way.gif", limits=(0.0, 1.0))
