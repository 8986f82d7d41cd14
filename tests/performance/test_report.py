"""From asv's files to a page: what is taken, what is left behind, what is shown."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks import report

RUN = {
    "python": "/somewhere/bin/python3",
    "result_columns": ["result", "params", "version", "started_at"],
    "results": {
        "a.B.time_it": [[0.00123756, float("nan"), 2.0, 30.0], [["'numpy'", "'torch'"], ["2", "10"]], "hash", 1],
        "a.B.track_it": [[8], [], "hash", 1],
    },
}
KNOWN = {
    "a.B.time_it": {"unit": "seconds", "param_names": ["backend", "d"]},
    "a.B.track_it": {"unit": "MiB", "param_names": []},
}


def test_units_parameters_and_four_digits_are_taken_and_nothing_else():
    assert report.condensed(RUN, KNOWN) == {
        "a.B.time_it": {
            "unit": "seconds",
            "names": ["backend", "d"],
            "params": [["numpy", "torch"], ["2", "10"]],
            "results": [0.001238, None, 2.0, 30.0],
        },
        "a.B.track_it": {"unit": "MiB", "names": [], "params": [], "results": [8.0]},
    }


@pytest.mark.parametrize("result", [None, [1.0, None, 2.0, 3.0]])
def test_a_run_with_a_failure_is_refused_by_name(result):
    failed = {**RUN, "results": {"a.B.time_it": [result, *RUN["results"]["a.B.time_it"][1:]]}}
    with pytest.raises(SystemExit, match=r"a\.B\.time_it failed in this run: asv run -b 'a\.B\.time_it'"):
        report.condensed(failed, KNOWN)


def test_no_run_says_where_to_look(monkeypatch, tmp_path):
    monkeypatch.setattr(report, "KEPT", tmp_path)
    with pytest.raises(SystemExit, match=r"asv has kept no run of mine: see CONTRIBUTING\.md"):
        report.take("mine")


@pytest.mark.parametrize(
    ("across", "table"),
    [
        ("d", [["backend", "d = 2", "d = 10"], ["numpy", "1.24", "–"], ["torch", "2,000", "30,000"]]),
        ("backend", [["d", "backend = numpy", "backend = torch"], ["2", "1.24", "2,000"], ["10", "–", "30,000"]]),
    ],
)
def test_one_parameter_goes_across_and_seconds_become_milliseconds(across, table):
    assert list(report.rows(report.condensed(RUN, KNOWN)["a.B.time_it"], across)) == table


def test_rows_without_a_figure_are_left_out():
    found = {"unit": "ns", "names": ["a", "b"], "params": [["1", "2"], ["x", "y"]], "results": [1.0, None, None, None]}
    assert list(report.rows(found, "b")) == [["a", "b = x", "b = y"], ["1", "1.00", "–"]]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.01234, "0.0123"), (1.0, "1.00"), (99.96, "100"), (123456.0, "123,000"), (0.0, "0"), (None, "–")],
)
def test_three_digits(value, shown):
    assert report.number(value, "ns") == shown


def test_what_is_written_is_read_again():
    whole = {"machine": "m", "cores": 2, "benchmarks": report.condensed(RUN, KNOWN)}
    assert json.loads(report.dumped(whole)) == whole


def test_every_benchmark_has_its_table_and_the_parameter_that_goes_across():
    committed = report.read(report.MACHINE)["benchmarks"]
    tables = {table.benchmark: table.across for chapter in report.CHAPTERS.values() for table in chapter}
    assert sorted(tables) == sorted(committed)
    assert all(across in committed[name]["names"] for name, across in tables.items())


def test_the_committed_results_say_nothing_of_where_they_were_made():
    for path in report.COMMITTED.glob("*.json"):
        assert not re.search(r'"/|\\\\|_bin_|home|venv', path.read_text()), path


def test_the_page_is_that_of_the_committed_results():
    assert report.PAGE.read_text() == report.page(), "run python benchmarks/report.py"
