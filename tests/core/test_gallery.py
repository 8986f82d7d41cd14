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
GALLERY = ROOT / "docs" / "gallery"
PAGES = sorted(GALLERY.glob("plot_*.py"))
QUICK = ("plot_10_new_objective", "plot_12_new_backend", "plot_16_law_of_a_sampler")


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
        assert {type(node) for node in ast.walk(inside.test)} & {ast.Lt, ast.Gt}  # a number within a tolerance

    def test_it_prints_a_number_and_shows_a_figure(self, page):
        calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(page.read_text())) if isinstance(node, ast.Call)}
        assert {"print", "plt.show"} <= calls

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


def test_the_reproductions_name_pages_and_figures_of_theirs():
    text, images = (ROOT / "docs" / "reproductions.md").read_text().split("\n## Images")
    assert "(images.md#results)" in images
    commands = re.findall(r"^python docs/gallery/(plot_\w+)\.py", text, flags=re.MULTILINE)
    figures = re.findall(r"!\[[^]]+\]\((figures/toys-[\w-]+\.png)\)", text)
    assert len(commands) == len(figures) == text.count("\n## ")
    assert all((GALLERY / f"{name}.py").exists() for name in commands)
    assert all((ROOT / "docs" / figure).exists() for figure in figures)


def run(text, folder):
    """A page, or what became of it, as a script of its own."""
    script = folder / "page.py"
    script.write_text(text)
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")])}
    return subprocess.run(
        [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_page_runs(name, tmp_path):
    done = run(GALLERY.joinpath(f"{name}.py").read_text(), tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d\.\d+", done.stdout)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("plot_10_new_objective", "0.5 * self.weight(x)", "self.weight(x)"),
        ("plot_12_new_backend", "12 * h", "11 * h"),
        ("plot_16_law_of_a_sampler", "lambda e: np.sqrt(e)", "lambda e: np.sqrt(1.0001 * e)"),
    ],
)
def test_a_page_with_a_wrong_formula_fails(name, right, wrong, tmp_path):
    text = GALLERY.joinpath(f"{name}.py").read_text()
    assert text.count(right) == 1
    done = run(text.replace(right, wrong), tmp_path)
    assert done.returncode == 1
    assert re.search("AssertionError|InvalidValueError", done.stderr)
