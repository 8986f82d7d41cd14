"""The pieces of which the scripts make the generated pages."""

import pytest

from benchmarks.markdown import between, table


def test_a_table_has_a_head_a_rule_and_its_rows():
    assert table(iter([["a", "b"], ["1", "2"]])) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_what_stood_between_the_marks_is_replaced():
    assert between("x<b>old<e>y", "<b>", "<e>", "new") == "x<b>\n\nnew\n\n<e>y"


@pytest.mark.parametrize("page", ["", "<b>", "<e><b>"])
def test_a_page_without_its_marks_in_order_is_refused(page):
    with pytest.raises(SystemExit, match="lacks the marks <b> and <e>"):
        between(page, "<b>", "<e>", "new")
