"""Every public name has an example, and Sphinx builds pages where each is documented once and no link is broken."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pydoc
import subprocess
import sys
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from types import GenericAlias, ModuleType, UnionType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import scorekit
from scorekit import _catalogue

ROOT = Path(__file__).parents[2]
ROOMS = [
    "scorekit",
    *(f"scorekit.{name}" for name in scorekit.__all__ if isinstance(getattr(scorekit, name), ModuleType)),
    *("scorekit.errors", "scorekit.learning", "scorekit.protocols", "scorekit.registry", "scorekit.storage"),
    "scorekit.samplers.kernels",
    *("scorekit_numpy", "scorekit_torch"),
]


def public(room: str) -> dict[str, Any]:
    """What a room offers, but for other rooms."""
    package = pytest.importorskip(room) if room == "scorekit_torch" else importlib.import_module(room)
    found = {name: getattr(package, name) for name in package.__all__}
    return {name: value for name, value in found.items() if not isinstance(value, ModuleType)}


def needs_no_example(value: Any) -> bool:
    """Exceptions, records that other things return, and names of types explain themselves where they are used."""
    return is_alias(value) or (isinstance(value, type) and (issubclass(value, Exception) or hasattr(value, "_fields")))


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_an_example(room):
    found = public(room)
    assert found
    without = [n for n, v in found.items() if not needs_no_example(v) and ">>>" not in (inspect.getdoc(v) or "")]
    assert not without


class Page(HTMLParser):
    """The places that a page offers, those that it points to, and what a browser fetches for it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.fetched: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        self.targets += [given[key] for key in ("href", "src") if given.get(key)]
        self.fetched += [given[key] for key in ("href", "src") if given.get(key) and tag != "a"]


def needs_the_docs_extra() -> None:
    """Skip where it is not installed."""
    for name in ("sphinx", "furo", "myst_parser", "latex2mathml"):
        pytest.importorskip(name, reason="the docs extra is not installed")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The pages without the gallery, whose scripts have tests of their own."""
    needs_the_docs_extra()
    target = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-d", f"{target}-doctrees"]
    command += ["-D", "plot_gallery=0", str(ROOT / "docs"), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return target


def documented(folder: Path) -> list[str]:
    """The names that Sphinx documented directly in a room; classes also have entries for where they are defined."""
    entries = zlib.decompress((folder / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode().splitlines()
    named = (line.split(" ")[:2] for line in entries)
    return [name for name, role in named if role.startswith("py:") and name.rpartition(".")[0] in ROOMS]


def is_alias(value: Any) -> bool:
    """A name for a type: equal ones are one object, so only the name tells them apart."""
    return isinstance(value, (GenericAlias, UnionType)) or value is Any


def test_every_public_name_is_documented_once(built):
    names = documented(built)
    times = Counter(id(pydoc.locate(name)) for name in names)
    for room in ROOMS:
        for name, value in public(room).items():
            found = names.count(f"{room}.{name}") if is_alias(value) else times[id(value)]
            assert found == 1, f"{room}.{name} is documented {found} times"


def test_no_link_within_the_pages_is_broken_and_nothing_comes_from_elsewhere(built):
    pages = {path: Page(path) for path in built.rglob("*.html")}
    assert len(pages) > 20
    for path, page in pages.items():
        assert not [target for target in page.fetched if urlsplit(target).netloc], path.name
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                assert parts.scheme == "https", f"{path.name}: {target}"
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert there.exists(), f"{path.name}: {target}"
            if parts.fragment and there in pages:
                assert unquote(parts.fragment) in pages[there].ids, f"{path.name}: {target}"


@pytest.mark.parametrize("extension", ["catalogue_table", "mathml"])
def test_the_examples_of_our_extensions_hold(monkeypatch, extension):
    needs_the_docs_extra()
    monkeypatch.syspath_prepend(ROOT / "docs/_extensions")
    tried = doctest.testmod(importlib.import_module(extension))
    assert tried.attempted >= 2
    assert not tried.failed


def test_the_page_of_experiments_lists_what_files_can_name(built):
    text = (built / "api/experiments.html").read_text()
    for entry in (*_catalogue.OBJECTIVES, *_catalogue.SAMPLERS, *_catalogue.NOISE, *_catalogue.DATASETS):
        assert not entry.name or f">{entry.name}</span>" in text


def test_formulas_are_in_the_pages(built):
    for path in built.glob("theory/*.html"):
        assert "<math" in path.read_text()
        assert 'class="eqno"' in path.read_text() or path.stem == "index"
