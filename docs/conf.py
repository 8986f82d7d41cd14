"""Sphinx: front page, guide, theory and API reference. Everything that a page needs lies in the build: no network."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import scorekit

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE)]  # catalogue.py, mathml.py, films.py

project = "scorekit"
author = copyright = "The scorekit authors"
release = scorekit.__version__
extensions = [
    "catalogue_table",
    "mathml",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
math_numfig = True
numfig = True
html_math_renderer = "mathml"

html_theme = "furo"
html_title = f"scorekit {release}"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["scorekit.css"]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": "plot_" if find_spec("torch") else "plot_(?!09_|14_)",  # those two need PyTorch
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("films.scrape",),
    "image_srcset": ["2x"],
    "reset_modules": ("matplotlib",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 1,
    "write_computation_times": False,
}

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"


def _escape_bars(app, what, name, obj, options, lines):
    """|s| is a length to us, and a substitution to reStructuredText: escape bars outside of literals."""
    for i, line in enumerate(lines):
        parts = re.split(r"(``.*?``)", line)
        lines[i] = "".join(part if part.startswith("``") else part.replace("|", r"\|") for part in parts)


def _stay_at_home(app, module, name):
    """A name that we gave to a built-in type, like ``Shape``, is ours; Sphinx would look for the type's source."""
    value = getattr(sys.modules.get(module), str(name), None)
    return module if getattr(value, "__module__", None) == "builtins" else None


def setup(app):
    app.connect("viewcode-follow-imported", _stay_at_home)
    app.connect("autodoc-process-docstring", _escape_bars, priority=400)
