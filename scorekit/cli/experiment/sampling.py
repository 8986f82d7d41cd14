"""``scorekit sample RUN``: draw from what a run has learned, in blocks that are written as they are finished."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import scorekit as sk
from scorekit._arrays import check_count
from scorekit.cli.experiment.config import Section
from scorekit.cli.experiment.folder import RunFolder, rank
from scorekit.cli.experiment.parts import Parts
from scorekit.errors import CheckpointError
from scorekit.training.world import world_here

__all__ = ["read_samples", "sample"]

_STRIP_ROWS = 8


def sample(
    run: str,
    n: int = 64,
    *,
    block: int = 64,
    seed: int = 0,
    label: int | None = None,
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Draw ``n`` images; returns the folder that holds them.

    Each block of images is a file of its own, a function of the seed and its number, and is written when it is done.
    The same call goes on where it was stopped. In processes that torchrun started each takes every so many blocks.

    Args:
        run: the folder of a run.
        n: how many images.
        block: how many at a time; memory is that of one block.
        seed: of the samples.
        label: the class, of a network that has been trained with labels.
        options: keys of the section [sampler] to change; with a ``name`` they replace the section.
        progress: show a bar.
    """
    folder = RunFolder.open(run)
    parts = Parts(folder.experiment)
    section = _section(folder.experiment["sampler"], options or {})
    sampler, ladder = parts.sampler(section)
    model = _on_device(folder.model(), parts)
    model = model if label is None else sk.models.given(model, label)
    n, block = check_count(n, "-n"), check_count(block, "--block")
    place = _place(
        folder.path, section, {"n": n, "block": block, "seed": seed, "label": label, "sampler": repr(sampler)}
    )
    world = world_here(parts.backend, parts.like)
    missing = [b for b in range(world.rank, math.ceil(n / block), world.size) if not _file(place, b).exists()]
    made = sk.samplers.sample_blocks(
        sampler, parts.score(model, sampler, ladder), parts.start(ladder, parts.like), n, seed,
        block=block, blocks=missing, like=parts.like, progress=progress and world.rank == 0,
    )  # fmt: skip
    for each in made:
        _write(_file(place, each.number), parts.as_images(each.samples.x))
    world.any(False)  # all have written
    if world.rank == 0:
        images = read_samples(place)
        _draw(place, images)
        _draw_way(place, parts, model, sampler, ladder, seed, min(_STRIP_ROWS, n))
        print(f"{len(images)} samples in {place}/: samples.npy, samples.png, way.png, way.gif", file=sys.stderr)
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


def _place(run: Path, section: Section, about: dict[str, Any]) -> Path:
    """The folder of these samples; one that holds others is refused."""
    which = "" if about["label"] is None else f"-class{about['label']}"
    place = run / "samples" / f"{section.get('name', 'consistent')}-{about['n']}-seed{about['seed']}{which}"
    place.mkdir(parents=True, exist_ok=True)
    file = place / "samples.json"
    there = json.loads(file.read_text()) if file.exists() else about
    if there != about:
        raise CheckpointError(
            f"{place} holds samples of {there}, and now {about} are asked for: remove that folder, or choose another "
            "--seed."
        )
    if rank() == 0:
        file.write_text(json.dumps(about))
    return place


def _file(place: Path, number: int) -> Path:
    return place / f"block-{number:05d}.npy"


def _write(path: Path, images: Any) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.save(file, np.asarray(images, np.float32))
    partial.replace(path)


def read_samples(place: Path) -> Any:
    """All samples of a folder, ``(n, c, h, w)`` in [0, 1]; those of unfinished blocks are not among them."""
    files = sorted(place.glob("block-*.npy"))
    images = np.concatenate([np.load(file, allow_pickle=False) for file in files])
    _write(place / "samples.npy", images)
    return images


def _draw(place: Path, images: Any) -> None:
    figure, axes = sk.plot.panels(1, 1)
    sk.plot.image_grid(images[:100], axes[0], limits=(0.0, 1.0))
    sk.plot.write(figure, place / "samples.png")


def _draw_way(place: Path, parts: Parts, model: Any, sampler: Any, ladder: Any, seed: int, rows: int) -> None:
    """A few images on their way down the levels, as a strip and as a GIF."""
    stream = parts.backend.rng((seed, 2))
    steps = sum(stage.steps for stage in sampler.plan())
    start = parts.start(ladder, parts.like)(rows, stream)
    made = sampler.sample(parts.score(model, sampler, ladder), start, rng=stream, keep_every=max(1, steps // 40))
    way = (made.trajectory + 1) / 2 if parts.centred else made.trajectory
    figure, axes = sk.plot.panels(1, 1)
    sk.plot.image_strip(made._replace(trajectory=way), axes[0], rows=rows, limits=(0.0, 1.0))
    sk.plot.write(figure, place / "way.png")
    sk.plot.animate_images(way, place / "way.gif", limits=(0.0, 1.0))
