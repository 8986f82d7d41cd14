"""A pytest plugin for the run of one mutant: what failed first, and was it the copy that was tested?

It writes one JSON object to the file named by ``SCOREKIT_MUTANT_REPORT``: ``kind`` is ``"test"`` for a failure of a
test itself, ``"collection"``, ``"setup"`` or ``"teardown"`` otherwise.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# few examples, always the same ones, and no search for a smaller one: a bug is to be noticed, not explained
settings.register_profile(
    "mutants",
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def _note(kind, where):
    report = Path(os.environ["SCOREKIT_MUTANT_REPORT"])
    if not report.exists():
        report.write_text(json.dumps({"kind": kind, "where": where}), encoding="utf-8")


def pytest_collectreport(report):
    if report.failed:
        _note("collection", report.nodeid)


def pytest_collection_finish(session):
    root = session.config.rootpath.resolve()
    assert settings().max_examples == 10, "another Hypothesis profile is in force"
    for name, module in list(sys.modules.items()):
        ours = name.split(".")[0] in ("scorekit", "scorekit_numpy", "scorekit_torch") and module.__file__
        if ours and root not in Path(module.__file__).resolve().parents:
            pytest.exit(f"{name} was imported from {module.__file__}, not from the copy", returncode=4)


def pytest_runtest_logreport(report):
    if report.failed:
        _note("test" if report.when == "call" else report.when, report.nodeid)
