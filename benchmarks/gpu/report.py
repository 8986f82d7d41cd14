"""Writes what was measured on a GPU into docs/performance.md, between the two marks there.

``python -m benchmarks.gpu.report FILE`` reads what ``benchmarks/gpu/run.py --json FILE`` kept; without an argument the
file that is committed. Where there is none the page says that nothing was measured, and with which command to do so.
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.gpu.table import Row, Times, cells
from benchmarks.markdown import between

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "gpu" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- gpu: written by benchmarks/gpu/report.py -->", "<!-- gpu: end -->"

COMMANDS = """```sh
python benchmarks/gpu/run.py --json benchmarks/gpu/results.json
python -m benchmarks.gpu.report
```"""
UNMEASURED = f"""Nothing has been measured on a GPU yet: none was at hand. In less than eight minutes on a CUDA device

{COMMANDS}

compares losses, gradients, scores and chains with float64 on the CPU, measures time, memory and the proportion of the
device's own matrix rate, and writes the table into this page."""
TITLES = "| case | variant | error | | ms a step | range | a second | peak MiB | of rate | |"


def section(results: Path) -> str:
    """What stands between the marks."""
    if not results.exists():
        return UNMEASURED
    found = json.loads(results.read_text(encoding="utf-8"))
    if found["quick"]:
        raise SystemExit(f"{results} is of a --quick run, which measures nothing: run it without.")
    parts = [_introduction(found)]
    for group, entries in groupby(found["rows"], key=lambda entry: entry["group"]):
        rows = [_in_page(_row(entry)) for entry in entries]
        parts.append("\n".join([f"**{group[:1].upper()}{group[1:]}**", "", TITLES, "|---" * 10 + "|", *rows]))
    return "\n\n".join(parts)


def _introduction(found: dict[str, Any]) -> str:
    kinds = ("memory GiB", "torch", "cuda", "cudnn", "python")
    versions = ", ".join(f"{kind} {found[kind]}" for kind in kinds if found[kind] is not None)
    return (
        f"{found['device']} ({versions}), {found['date']}, by\n\n{COMMANDS}\n\n"
        "The error is relative, against float64 on the CPU (of a recorded graph: against plain calls). Times are the\n"
        "median of single runs, with the least and the most. Memory is that of a run beyond what is held before it.\n"
        "The proportion is of the rate that a product of 8,192 × 8,192 matrices reaches in the same precision. "
        "fp32 is\n"
        "without TF32; tf32 allows it in products and convolutions; nhwc is channels_last. Batches are 1,024 × 64\n"
        "numbers for the objectives, 128 images of 32 × 32 × 3 and 128 features for a step of a network, 1,000,000\n"
        "chains in the plane, of which one step is timed."
    )


def _row(entry: dict[str, Any]) -> Row:
    fields = {name: value for name, value in entry.items() if name != "group"}
    return Row(**fields | {"times": fields["times"] and Times(*fields["times"])})


def _in_page(row: Row) -> str:
    return f"| {' | '.join([*cells(row), row.note.replace('|', '/')])} |"


def main(arguments: list[str]) -> None:
    """Rewrites the page."""
    results = Path(arguments[0]) if arguments else RESULTS
    PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, END, section(results)), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {f'the table of {results}' if results.exists() else 'unmeasured'}")


if __name__ == "__main__":
    main(sys.argv[1:])
