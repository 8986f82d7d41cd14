"""Puts what the recipes found, ``docs/results/*.json``, into the page on images, and draws the proportions of classes.

    python docs/figures/make_results.py

The tables stand in ``docs/images.md`` between the marks ``<!-- results: NAME -->`` and ``<!-- results end -->``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

DOCS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(DOCS.parent))

from benchmarks.markdown import table  # noqa: E402

PAGE, RESULTS = DOCS / "images.md", DOCS / "results"
MARKED = re.compile(r"(<!-- results: (\S+) -->\n).*?(<!-- results end -->)", re.DOTALL)
COLORS = {"Langevin": "#7a7a7a", "annealed": "#c4622d", "consistent": "#1f3b73"}


def read(name: str) -> dict:
    """What was found for an experiment."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def filled(page: str) -> str:
    """The page with the table of each mark."""
    return MARKED.sub(lambda found: f"{found[1]}\n{table(read(found[2])['table'])}\n\n{found[3]}", page)


def draw_proportions(measured: dict[str, list[dict]], path: Path) -> None:
    """Bars of the true proportions, and those of each sampler's first seed with their intervals."""
    figure, ax = plt.subplots(figsize=(8.4, 3.4), layout="constrained")
    first = next(iter(measured.values()))[0]
    places = np.arange(len(first["classes"]))
    ax.bar(places, first["truth"], width=0.8, color="0.88", label="truth")
    for i, (name, seeds) in enumerate(measured.items()):
        proportions, low, high = (
            np.array(seeds[0][key]) for key in ("proportions", "proportions_lower", "proportions_upper")
        )
        where = places + 0.25 * (i - (len(measured) - 1) / 2)
        ax.errorbar(
            where,
            proportions,
            [proportions - low, high - proportions],
            fmt="o",
            capsize=4,
            color=COLORS[name],
            label=name,
        )
    ax.set_xticks(places, first["classes"])
    ax.set_ylabel("proportion, with its 95 % interval")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main() -> None:
    """Write the tables and the pictures."""
    PAGE.write_text(filled(PAGE.read_text()))
    for file in sorted(RESULTS.glob("*.json")):
        measured = read(file.stem)["measured"]
        if isinstance(measured, dict):
            draw_proportions(measured, DOCS / "figures" / f"proportions-{file.stem}.png")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
