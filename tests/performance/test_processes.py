"""Contestants in processes of their own."""

import pytest

from benchmarks.processes import WARM_UP, process


@pytest.mark.parametrize(("ours", "mark"), [(True, "1"), (False, "0")])
def test_a_run_is_done_elsewhere_each_time_that_it_is_asked_for(tmp_path, ours, mark):
    marks = tmp_path / "marks"
    with process("support.counted:marks", str(marks), ours=ours) as run:
        for times in (1, 2):
            run()
            assert marks.read_text().split() == [mark] * (WARM_UP + times)


def test_a_run_that_fails_ends_the_race():
    with process("support.counted:failing") as run, pytest.raises(RuntimeError, match=r"failing\(\) ended"):
        run()
