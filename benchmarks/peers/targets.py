"""What was aimed at, and whether the contests met it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.peers.contest import OURS

LIBRARIES = ("torchebm", "azula", "score_models", "blackjax")
SAME_WORK = "by hand, the same work"
TIMES_FASTER, OF_THE_BEST = 3.0, 1.05


def targets(results: Mapping[str, Any]) -> str:
    """Each target: met, or where it is missed, with the median ratio that it speaks of."""
    langevin = [(*pair, 1 / ratio) for *pair, ratio in _ratios(results["samplers"]["contests"])]
    steps = _ratios([each for each in results["steps"]["contests"] if each.get("what") == "step"])
    lines = {
        f"Langevin at least {TIMES_FASTER:g} times as fast as each library (theirs / ours)": [
            row for row in langevin if _is_library(row[1]) and row[2] < TIMES_FASTER
        ],
        "an optimizer step faster than that of each library (ours / theirs)": [
            row for row in steps if _is_library(row[1]) and row[2] >= 1
        ],
        f"an optimizer step at most {OF_THE_BEST:g} of the best loop by hand (ours / theirs)": [
            row for row in steps if row[1] == SAME_WORK and row[2] > OF_THE_BEST
        ],
    }
    return "\n".join(line for aim, missed in lines.items() for line in _verdict(aim, missed))


def _verdict(aim: str, missed: list[tuple[str, str, float]]) -> list[str]:
    if not missed:
        return [f"- {aim}: met everywhere."]
    return [f"- {aim}: missed by", *(f"  - {case}, beside {who}: {ratio:.2f}" for case, who, ratio in missed)]


def _is_library(who: str) -> bool:
    return who.startswith(LIBRARIES)


def _ratios(contests: list[dict]) -> list[tuple[str, str, float]]:
    """Case, rival and the median of ours over theirs."""
    found = []
    for contest in contests:
        spent = contest.get("spent", {})
        detail = f"{contest['case']}, d = {contest['d']}" if "d" in contest else contest["case"]
        for who in list(spent)[1:]:
            found.append((detail, who, float(np.median(np.array(spent[OURS]) / np.array(spent[who])))))
    return found
