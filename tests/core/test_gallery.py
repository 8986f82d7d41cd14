"""Each page of the gallery has a title, prose and a number that is held against something; the quickest run for real.

All of them run when the documentation is built.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "gallery").glob("plot_*.py"))
QUICK = ("plot_10_new_objective", "plot_12_new_backend")


def cells(page):
    """The prose of a page: its docstring, and the comments that follow each ``# %%``."""
    text = page.read_text()
    return [ast.get_docstring(ast.parse(text)), *re.findall(r"^# %%\n((?:#.*\n)+)", text, flags=re.MULTILINE)]


def test_there_are_pages():
    assert {page.stem for page in PAGES} >= set(QUICK)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
class TestPage:
    def test_it_compiles_and_ends_with_an_assertion(self, page):
        tree = ast.parse(page.read_text())
        compile(tree, str(page), "exec")
        last = tree.body[-1]
        inside = last.body[-1] if isinstance(last, ast.For) else last
        assert isinstance(inside, ast.Assert)
        assert not isinstance(inside.test, ast.Constant)
        assert inside.msg is not None or "abs" in ast.unparse(inside.test)

    def test_it_prints_a_number_and_shows_a_figure(self, page):
        calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(page.read_text())) if isinstance(node, ast.Call)}
        assert "print" in calls
        assert "plt.show" in calls or page.stem == "plot_12_new_backend"  # which has nothing to show

    def test_it_has_a_title_and_prose_with_formulas(self, page):
        opening, *prose = cells(page)
        title, underline, blank, *rest = opening.splitlines()
        assert set(underline) == {"="}
        assert len(underline) == len(title)
        assert blank == ""
        assert len(" ".join(rest).split()) > 15
        assert len(prose) >= 3
        assert any(":math:" in cell or ".. math::" in cell for cell in [opening, *prose])

    def test_it_imports_what_is_public(self, page):
        for node in ast.walk(ast.parse(page.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            assert not [name for name in names if any(part.startswith("_") for part in name.split("."))]


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_page_runs(name, tmp_path):
    page = ROOT / "docs" / "gallery" / f"{name}.py"
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "backends")))
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": paths}
    run = subprocess.run(
        [sys.executable, str(page)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("plot_10_new_objective", "return 0.5 * self.weight(x)", "return self.weight(x)"),
        ("plot_12_new_backend", "/ (12 * h)", "/ (11 * h)"),
    ],
)
def test_a_page_with_a_wrong_formula_fails(name, right, wrong, tmp_path):
    text = (ROOT / "docs" / "gallery" / f"{name}.py").read_text()
    assert text.count(right) == 1
    (tmp_path / "page.py").write_text(text.replace(right, wrong))
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "backends")))
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": paths}
    run = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode != 0
    assert "AssertionError" in run.stderr or "InvalidValueError" in run.stderr
