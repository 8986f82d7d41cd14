"""What the recipes found stands on the page, and README shows what the documentation's scripts draw."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from support.scripts import DOCS, load

ROOT = Path(__file__).parents[2]


results = load("figures/make_results.py")


def test_the_page_has_the_tables_of_the_committed_results():
    page = results.PAGE.read_text()
    assert results.filled(page) == page
    named = re.findall(r"<!-- results: (\S+) -->", page)
    assert sorted(named) == sorted(file.stem for file in results.RESULTS.glob("*.json"))


def test_another_result_makes_another_page(monkeypatch):
    page = results.PAGE.read_text()
    monkeypatch.setattr(results, "read", lambda name: {"table": [["a", "b"], [name, "0.123"]]})
    assert "| digits | 0.123 |" in results.filled(page)


@pytest.mark.parametrize("name", ["shapes-balanced", "shapes-imbalanced"])
def test_the_table_of_shares_is_made_of_the_counts(name):
    """Shares are k/n, the table shows them to three digits, and the largest is off by less than 0.05."""
    found = json.loads((results.RESULTS / f"{name}.json").read_text())
    one = found["measured"]["consistent"][0]
    counts = np.array(one["proportions"]) * one["samples"]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-6)
    row = next(row for row in found["table"] if row[0] == "consistent")
    assert [cell[:5] for cell in row[1:-1]] == [f"{proportion:.3f}" for proportion in one["proportions"]]
    assert np.abs(np.array(one["proportions"]) - one["truth"]).max() < 0.05


def test_every_picture_that_the_page_shows_is_there():
    for target in re.findall(r"\]\((figures/\S+)\)", results.PAGE.read_text()):
        assert (DOCS / target).is_file(), target


def test_the_pictures_of_readme_are_those_that_the_demo_writes():
    """``scorekit demo``, the command below them, draws them anew."""
    demo = "".join(file.read_text() for file in (ROOT / "scorekit/cli/demo").glob("*.py"))
    shown = re.findall(r"\]\(docs/figures/(\S+)\)", (ROOT / "README.md").read_text())
    assert shown
    for name in shown:
        assert f'"{name}"' in demo, name
