"""The tables of docs/performance.md, from results.json: ``python benchmarks/peers/report.py`` writes them there."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.markdown import between, table
from benchmarks.peers.contest import OURS, RESULTS
from benchmarks.peers.targets import targets
from benchmarks.timing import spread

PAGE = Path(__file__).resolve().parents[2] / "docs/performance.md"
BEGIN, END = "<!-- benchmarks/peers/report.py begins -->", "<!-- benchmarks/peers/report.py ends -->"


def page(text: str, results: Mapping[str, Any]) -> str:
    """``text`` with the tables between the markers made anew."""
    return between(text, BEGIN, END, tables(results))


def tables(results: Mapping[str, Any]) -> str:
    """All of it, as Markdown."""
    samplers, steps = results["samplers"], results["steps"]
    parts = [
        "### Langevin on a mixture",
        f"{samplers['chains']:,} chains × {samplers['steps']:,} steps; ns a chain-step. {_setting(samplers)}",
        _langevin(samplers["contests"]),
        "### One optimizer step",
        f"3 × 128 networks, 128 samples, float32; ms. {_setting(steps)}",
        _by_dimension(steps["contests"], "step"),
        "### A loss with its gradient, without an optimizer",
        "From the same run.",
        _by_dimension(steps["contests"], "gradient"),
        "### Not timed",
        _not_timed([*samplers["contests"], *steps["contests"]]),
        "### Targets",
        targets(results),
    ]
    return "\n\n".join(parts)


def _setting(section: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in section["versions"].items())
    return f"{section['rounds']} rounds on one of {section['cores']} cores of an {section['processor']}; {versions}."


def _langevin(contests: list[dict]) -> str:
    def rows():
        for contest in contests:
            spent = contest["spent"]
            yield [f"**{contest['case']}**", "", ""]
            yield [OURS, spread(spent[OURS], ".1f"), ""]
            for who in list(spent)[1:]:
                yield [who, spread(spent[who], ".1f"), spread(_ratios(spent, who), ".2f")]

    return table([["", "min / median / max", "ours / theirs"], *rows()])


def _by_dimension(contests: list[dict], what: str) -> str:
    """A row a pair, a column a dimension."""
    chosen = [each for each in contests if each.get("what") == what]
    dimensions = sorted({each["d"] for each in chosen})

    def rows():
        for case, group in groupby(chosen, key=lambda each: each["case"]):
            of = {each["d"]: each["spent"] for each in group}
            for who in list(next(iter(of.values())))[1:]:
                yield [case, who, *(_pair(of[d], who) for d in dimensions)]

    return table([["loss", "beside", *(f"d = {d}" for d in dimensions)], *rows()])


def _pair(spent: Mapping[str, list[float]], who: str) -> str:
    ours, theirs = (f"{np.median(spent[each]):.3g}" for each in (OURS, who))
    return f"{ours}, {theirs}: {spread(_ratios(spent, who), '.2f')}"


def _ratios(spent: Mapping[str, list[float]], who: str) -> np.ndarray:
    return np.array(spent[OURS]) / np.array(spent[who])


def _not_timed(contests: list[dict]) -> str:
    wrong = {(c["case"], who): fault for c in contests for who, fault in c["wrong"].items()}
    absent = sorted({(c["case"], who) for c in contests for who in c["absent"]})
    lines = [f"- {who}, *{case}*: wrong, {fault}." for (case, who), fault in wrong.items()]
    lines += [f"- {who}, *{case}*: not installed in this run." for case, who in absent]
    return "\n".join(lines) or "Everybody was there, and right."


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(), json.loads(RESULTS.read_text())))
    print(f"written: {PAGE}")
