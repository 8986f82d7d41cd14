"""The Python in README, the front page, the guide and the theory runs as it stands, and what pages link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/index.md", "docs/guide.md"]
THEORY = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs/theory").glob("*.md") if page.stem != "index")


def run(page: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), page, "exec"), {"__name__": page})


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run(page)
    assert "mode" in capsys.readouterr().out


@pytest.mark.parametrize("page", THEORY)
def test_a_page_of_theory_ends_with_a_check_that_holds(page):
    text = (ROOT / page).read_text()
    assert text.count("```python") == 1
    assert re.search(r"^assert .*```\s*$", text[text.index("## Checked") :], flags=re.DOTALL | re.MULTILINE)
    run(page)


@pytest.mark.parametrize("page", THEORY)
def test_every_displayed_equation_has_a_name(page):
    rest = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    assert len(re.findall(r"^\$\$ \([a-z0-9-]+\)$", rest, flags=re.MULTILINE)) * 2 == rest.count("$$")


def test_every_test_that_the_comparison_rests_on_is_there():
    cited = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/comparison.md").read_text())
    assert len(cited) > 10
    for path, name in cited:
        assert f"def {name}" in (ROOT / path).read_text(), f"{path}::{name}"


@pytest.mark.parametrize("page", [*PAGES, "docs/comparison.md", "docs/performance.md", "CONTRIBUTING.md"])
def test_what_a_page_links_to_exists(page):
    here = (ROOT / page).parent
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text()):
        assert (here / target).exists() or target.startswith("examples/"), target  # the build writes these
