"""The look at the built pages finds what is wrong with a page, each fault by name, and nothing on one that is well."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.scripts import DOCS, load

SCRIPT = DOCS / "check_pages.py"
HEAD = '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
WELL = HEAD + '<p id="here">Well: <math><mi>x</mi></math> <a href="index.html#here">itself</a></p>'
FAULTS = {
    "wider than the window by": '<div style="width: 600px">wide</div>',
    "image does not show: gone.png": '<img src="gone.png">',
    "console: said so": "<script>console.error('said so')</script>",
    "exception: Uncaught": "<script>nobody.knows()</script>",
    "asks another place: http://127.0.0.1:9000/a.js": '<script src="http://127.0.0.1:9000/a.js"></script>',
    "mathematics takes no room": "<math><mi></mi></math>",
    "leads nowhere: file:": '<a href="gone.html">there</a>',
    "no such place: file:": '<a href="index.html#gone">there</a>',
}


@pytest.fixture(scope="module")
def look():
    return load("check_pages.py")


@pytest.fixture(scope="module")
def found(look, tmp_path_factory):
    """What is found in a folder of one page that is well and one page a fault, all in one browser."""
    program = look.find_browser()
    if program is None:
        pytest.skip("no Chromium or Chrome on the path")
    folder = tmp_path_factory.mktemp("pages")
    (folder / "index.html").write_text(WELL)
    for i, fault in enumerate(FAULTS.values()):
        (folder / f"fault{i}.html").write_text(HEAD + fault)
    return look.check(folder, program)


def test_a_page_that_is_well_has_no_fault(found):
    assert not [page for page in found if page.startswith("index.html")]


@pytest.mark.parametrize(("number", "said"), list(enumerate(FAULTS)))
def test_a_fault_is_named_on_a_phone_and_on_a_desktop_where_it_is_one(found, number, said):
    pages = [page for page, faults in found.items() if any(said in fault for fault in faults)]
    widths = (390,) if "window" in said else (1280, 390)
    assert pages == [f"fault{number}.html at {width}" for width in widths]


def test_a_folder_that_is_no_documentation_is_refused(tmp_path):
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "no browser" in done.stderr or "has no index.html: python -m sphinx docs" in done.stderr
