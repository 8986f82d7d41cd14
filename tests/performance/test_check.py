"""The judge of ratios: what it lets pass, what it names, and what it writes."""

from __future__ import annotations

import json

import pytest

check = pytest.importorskip("benchmarks.check")

COMMITTED = {"step of DSM": 1.0, "trace": 0.8}


def test_a_quarter_slower_passes_and_a_little_more_fails():
    assert not any(v.fault for v in check.compare({"step of DSM": 1.24, "trace": 0.8 * 1.24}, COMMITTED))
    verdicts = check.compare({"step of DSM": 1.26, "trace": 0.8}, COMMITTED)
    assert [bool(v.fault) for v in verdicts] == [True, False]


def test_it_is_the_ratio_to_the_committed_ratio_that_counts():
    verdicts = check.compare({"step of DSM": 1.01, "trace": 1.01}, COMMITTED)
    assert [v.case for v in verdicts if v.fault] == ["trace"]


def test_the_table_names_the_case_and_both_ratios():
    shown = check.table(check.compare({"step of DSM": 1.26, "trace": 0.8}, COMMITTED))
    assert "step of DSM is 1.26 times the committed ratio, above 1.25" in shown
    line = next(line for line in shown.split("\n") if line.startswith("step of DSM"))
    assert line.split()[-3:] == ["1.260", "1.000", "FAILS"]
    assert "trace is" not in shown


def test_a_case_on_one_side_only_is_a_fault_that_says_what_to_type():
    new, gone = check.compare({"new": 1.0}, {"gone": 1.0})
    assert new == ("new", 1.0, None, "is not among the committed ratios: --update writes it")
    assert gone == ("gone", None, 1.0, "is committed and no longer measured: --update removes it")


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """The whole program with given measurements: exit status, table, and what is then committed."""
    committed = tmp_path / "ratios.json"
    committed.write_text(json.dumps(COMMITTED))

    def call(measurements, *arguments):
        pending = {case: iter(values) for case, values in measurements.items()}
        monkeypatch.setattr(check, "COMMITTED", committed)
        monkeypatch.setattr(check, "cases", lambda: ((case, lambda v=v: next(v)) for case, v in pending.items()))
        return check.main(list(arguments)), capsys.readouterr().out, json.loads(committed.read_text())

    return call


def test_the_exit_status(run):
    assert run({"step of DSM": [1.24], "trace": [0.7]})[0] == 0
    status, shown, committed = run({"step of DSM": [1.4, 1.3], "trace": [0.7]})
    assert status == 1
    assert "step of DSM is 1.30 times" in shown
    assert committed == COMMITTED


def test_a_slow_case_has_one_more_try_and_a_new_one_fails(run):
    assert run({"step of DSM": [1.4, 1.1], "trace": [0.7]})[0] == 0
    assert run({"step of DSM": [1.0], "trace": [0.7], "new": [1.0]})[0] == 1


def test_update_writes_what_was_measured(run):
    status, _, committed = run({"step of DSM": [1.4321], "new": [0.5]}, "--update")
    assert status == 0
    assert committed == {"step of DSM": 1.432, "new": 0.5}


def test_what_is_committed_is_what_is_measured():
    assert list(json.loads(check.COMMITTED.read_text())) == [case for case, _ in check.cases()]
