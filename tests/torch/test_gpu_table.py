"""The table of benchmarks/gpu on the CPU: it runs, a wrong number shows, and nothing that was measured is lost."""

from __future__ import annotations

import json
import signal
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scorekit_torch")

from benchmarks.gpu import images, perceptrons, report, run, sampling  # noqa: E402
from benchmarks.gpu.bench import Bench, Case, products  # noqa: E402
from benchmarks.gpu.table import COLUMNS, HEADER, Row, Times, line  # noqa: E402
from benchmarks.markdown import between  # noqa: E402

BENCH = Bench(torch.device("cpu"), quick=True)


@pytest.fixture
def groups(monkeypatch):
    """``groups(rows or errors, …)``: the table has one group of cases that give these."""

    def case(number, outcome, seconds=0.0):
        def made():
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome() if callable(outcome) else outcome

        return Case(f"case {number}", "fp32", made, seconds)

    def replace(*outcomes, **options):
        cases = [case(i, outcome, **options) for i, outcome in enumerate(outcomes)]
        monkeypatch.setattr(run, "GROUPS", [run.Group("these", lambda bench: iter(cases), 1.0)])

    return replace


def kept(path):
    return json.loads(path.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- all of it


def test_every_case_runs_on_the_cpu(tmp_path, capsys):
    assert run.main(["--device", "cpu", "--quick", "--json", str(tmp_path / "table.json")]) == 0
    head, columns, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("CPU")
    assert columns == HEADER
    rows = [report._row(entry) for entry in kept(tmp_path / "table.json")["rows"]]
    assert len(rows) == len(lines) == 2 * len(perceptrons.OBJECTIVES) + 2 + 2 * 3 + 2 * len(images.STEPS)
    assert not any(row.wrong for row in rows)
    compared = [row for row in rows if row.error is not None]
    assert {row.case for row in compared} >= {*perceptrons.OBJECTIVES, *(f"{name}, step" for name in images.STEPS)}
    for row in rows:
        assert row.error is None or 0 < row.error < row.allowed
        assert (row.times is None) == (row.note == "only CUDA records graphs") == (row.variant == "bf16 graph")


def test_the_plain_network_has_the_values_of_ours():
    """Else its time would say nothing."""
    ours, plain = (images.stirred(images.STEPS[name](8)) for name in ("NCSN", "NCSN, plainly written"))
    at = images.inputs(2, 8).to(torch.device("cpu"), torch.float32, 2)
    torch.testing.assert_close(ours(at.x, at.sigma), plain(at.x, at.sigma), rtol=1e-5, atol=1e-5)


def test_a_share_is_work_over_time_over_the_rate(monkeypatch):
    """Operations of a convolution: 2 · 9 · before · after a pixel, three times that with the gradients."""
    monkeypatch.setattr(Bench, "matrix_rate", lambda *a, **o: 1e9)
    monkeypatch.setattr(Bench, "milliseconds", lambda *a, **o: Times(1.0, 2.0, 3.0))
    exact = images.Exact(torch.ones(1), torch.ones(1), 1e4)
    monkeypatch.setattr(images, "relative", lambda mine, exact: 0.0)
    row = images._step(BENCH, images.NETWORKS["NCSNv2"](4), images.VARIANTS["fp32"], images.inputs(4, 8), 4, exact)
    assert row.share == pytest.approx(1e4 * 4 / 2e-3 / 1e9)
    assert row.a_second == pytest.approx(4 / 2e-3)


# ---------------------------------------------------------------- what the learner is given


def test_compiled_rows_time_the_learner_like_all_others(monkeypatch):
    """With a stand-in for the compiler, which takes minutes."""
    compiled, timed = [], []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, **_: compiled.append(type(module).__name__))
    monkeypatch.setattr(Bench, "milliseconds", lambda bench, run, **_: timed.append(run()) or Times(1.0, 1.0, 1.0))
    bench = Bench(torch.device("cpu"), quick=False)
    cases = {case.variant: case for case in perceptrons.perceptrons(bench) if case.name == "DSM"}
    assert list(cases) == ["fp32", "bf16", "fp32 compile"]
    assert not cases["fp32 compile"].run().wrong
    assert compiled == ["MLP"]
    assert all(step.applied for step in timed)


def test_images_are_compiled_last_and_never_the_plain_network():
    cases = list(images.images(Bench(torch.device("cpu"), quick=False)))
    compiled = [case.name for case in cases if "compile" in case.variant]
    assert compiled == [f"{name}, step" for name in images.NETWORKS]
    assert [case.name for case in cases[-len(compiled) :]] == compiled
    assert len(cases) == len(images.STEPS) * (len(images.VARIANTS) - 1) + len(compiled)


@pytest.mark.parametrize("factor", [1.0, 1.2])
def test_a_recorded_score_is_held_against_plain_calls(factor, monkeypatch):
    """With a stand-in for the recording."""
    monkeypatch.setattr(Bench, "records", True)
    monkeypatch.setattr(sampling, "CapturedModel", lambda model, x, sigma: lambda x, sigma: factor * model(x, sigma))
    row = sampling._row(BENCH, "case", "NCSNv2", 2, "bf16 graph")
    assert row.error == pytest.approx(factor - 1, abs=1e-3)
    assert row.wrong is (factor != 1.0)


# ---------------------------------------------------------------- the loop around the cases


def test_a_wrong_number_is_marked_and_decides_the_exit_status(groups, capsys):
    groups(Row("right", "fp32", 1e-9, 1e-4), Row("wrong", "fp32", float("nan"), 1e-4))
    assert run.main(["--device", "cpu"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert " ok" in printed[2]
    assert "WRONG" in printed[3]


def test_a_case_that_fails_is_a_row_and_the_others_go_on(groups, capsys):
    groups(RuntimeError("no triton\nmore"), Row("right", "fp32", 1e-9, 1e-4))
    assert run.main(["--device", "cpu"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert "WRONG" in printed[2]
    assert printed[2].endswith("RuntimeError: no triton")
    assert printed[3].startswith("right")


def test_a_case_that_would_take_longer_than_what_is_left_is_not_begun(groups, capsys):
    groups(AssertionError("begun"), seconds=100.0)
    assert run.main(["--device", "cpu", "--seconds", "50"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("left out, no time")


def test_each_group_has_its_part_and_what_the_one_before_left():
    assert sum(group.share for group in run.GROUPS) == pytest.approx(1.0)
    assert run.SECONDS < 8 * 60


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), "alarm"])
def test_what_was_measured_is_kept_when_the_run_is_stopped(stop, groups, tmp_path, capsys):
    first = Row("first", "fp32", 1e-9, 1e-4, Times(1.0, 2.0, 3.0))
    groups(first, (lambda: time.sleep(60)) if stop == "alarm" else stop)
    seconds = ["--seconds", "2"] if stop == "alarm" else []
    begin = time.perf_counter()
    assert run.main(["--device", "cpu", "--json", str(tmp_path / "table.json"), *seconds]) == 1
    assert time.perf_counter() - begin < 40
    assert [report._row(entry) for entry in kept(tmp_path / "table.json")["rows"]] == [first]
    assert "stopped after 1 rows" in capsys.readouterr().err
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0.0
    assert [path.name for path in tmp_path.iterdir()] == ["table.json"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_the_table_says_so_in_one_line(capsys):
    assert run.main([]) == 2
    assert capsys.readouterr().out.startswith("no CUDA device here")


def test_the_batch_is_halved_until_it_fits():
    tried = []

    def step(batch):
        tried.append(batch)
        if batch > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return f"with {batch}"

    assert BENCH.fitting(128, step) == ("with 32", "batch 32, memory ran out at 64")
    assert tried == [128, 64, 32]
    assert BENCH.fitting(8, step) == ("with 8", "")
    with pytest.raises(torch.OutOfMemoryError):
        BENCH.fitting(1, lambda batch: step(100))


def test_tf32_is_said_and_set_back():
    switches = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [switch.allow_tf32 for switch in switches]
    for wanted in (False, True):
        with products(wanted):
            assert [switch.allow_tf32 for switch in switches] == [wanted, wanted]
        assert [switch.allow_tf32 for switch in switches] == before


# ---------------------------------------------------------------- the page


def test_a_line_stands_under_its_titles():
    row = Row("a", "b", 1e-3, 1e-2, Times(1.0, 2.0, 3.0), 12345.6, 10.0, 0.25, "a note")
    assert line(row).split() == [
        "a",
        "b",
        "1.0e-03",
        "ok",
        "2.000",
        "(1.000–3.000)",
        "12,346",
        "10",
        "25.0%",
        "a",
        "note",
    ]
    assert line(row).index("25.0%") + 5 == len(HEADER) == sum(map(abs, COLUMNS.values())) + len(COLUMNS) - 1


def test_the_page_says_what_is_committed():
    page = report.PAGE.read_text(encoding="utf-8")
    made = between(page, report.BEGIN, report.END, report.section(report.RESULTS))
    assert made == page, "run python -m benchmarks.gpu.report"


def test_without_a_file_the_page_says_that_nothing_was_measured(tmp_path):
    made = report.section(tmp_path / "none.json")
    assert made.startswith("Nothing has been measured on a GPU yet")
    assert report.COMMANDS in made


def test_a_file_becomes_tables_that_name_the_device(tmp_path):
    facts = run.described(Bench(torch.device("cpu"), quick=False)) | {"device": "A Card", "cuda": "13.0"}
    rows = [
        ("first", Row("one", "fp32", 1e-9, 1e-4, Times(1.0, 2.0, 3.0), 100.0, 5.0, 0.5)),
        ("first", Row("two", "bf16", note="left out, no time")),
        ("second", Row("three", "bf16", 1.0, 0.1)),
    ]
    run.keep(tmp_path / "table.json", facts, rows)
    made = report.section(tmp_path / "table.json")
    assert made.startswith(f"A Card (torch {torch.__version__}, cuda 13.0, python")
    assert made.count(report.TITLES) == 2
    assert made.index("**First**") < made.index("**Second**")
    assert "| one | fp32 | 1.0e-09 | ok | 2.000 | (1.000–3.000) | 100 | 5 | 50.0% |  |" in made
    assert "| two | bf16 | - |  | - |  | - | - | - | left out, no time |" in made
    assert "| three | bf16 | 1.0e+00 | WRONG |" in made


def test_a_quick_run_is_no_measurement(tmp_path):
    run.keep(tmp_path / "table.json", run.described(BENCH), [])
    with pytest.raises(SystemExit, match="--quick run, which measures nothing"):
        report.section(tmp_path / "table.json")
