"""Writes the results of a recipe into the documentation: numbers to ``docs/results``, images to ``docs/figures``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import scorekit as sk
from scorekit.experiments import RunFolder

DOCS = Path(__file__).parents[1]


def publish(run: str, name: str, samples: str, found: dict) -> None:
    """Write ``results/NAME.json``, ``figures/images-NAME.png`` and ``figures/way-NAME.png``.

    Args:
        run: the folder of the run.
        name: NAME; ``""`` for the name of the experiment.
        samples: the name of the folder with the samples to show.
        found: the results, in values that JSON can represent.
    """
    experiment = RunFolder.open(run).experiment
    name = name or experiment.name
    place = Path(run) / "samples" / samples
    images = np.load(place / "samples.npy", mmap_mode="r", allow_pickle=False)[:100]
    ax = sk.plot.image_grid(np.asarray(images), Figure(figsize=(4, 4)).subplots(), columns=10, limits=(0, 1))
    sk.plot.write(ax.figure, DOCS / "figures" / f"images-{name}.png")
    (DOCS / "figures" / f"way-{name}.png").write_bytes((place / "way.png").read_bytes())
    about = {"experiment": experiment.plain(), "scorekit": sk.__version__} | found
    path = DOCS / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(about, indent=1) + "\n")
    print(f"written: {path}; next: python docs/figures/make_results.py")
