"""Print how every call of the catalogue ends.

From the root of the repository::

    python tests/field/calls                 # counts, and every call that does not end as it should
    python tests/field/calls -k metrics      # those with this word in their name
    python tests/field/calls --all           # the message of every call

Exit status 1 if a call is silent or cryptic, or more than 5 of 1,000 are unclear.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "backends"), str(ROOT / "tests")]


def main():
    """Judge all calls, print the table."""
    parser = argparse.ArgumentParser(prog="python tests/field/calls", description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="WORD", default="", help="only calls with this word in their name")
    parser.add_argument("--all", action="store_true", help="print every call")
    chosen = parser.parse_args()
    from field.calls import calls, judge

    every = [call for call in calls() if chosen.k in call.name]
    counts = Counter({"right": 0, "silent": 0, "cryptic": 0, "unclear": 0})
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        for call in every:
            verdict = judge(call)
            counts[verdict.kind] += 1
            if chosen.all or verdict.kind != "right":
                print(f"{verdict.kind:8} {call.name}\n         {verdict.reason}")
        os.chdir("/")
    print(f"{len(every)} calls: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    return int(counts["silent"] + counts["cryptic"] > 0 or counts["unclear"] * 1000 > 5 * len(every))


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.exit(main())
