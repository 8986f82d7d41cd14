"""Sphinx: the guide and the API reference."""

import re

import scorekit

project = "scorekit"
author = "The scorekit authors"
release = scorekit.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath"]
html_theme = "furo"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
exclude_patterns = ["_build"]


def _escape_bars(app, what, name, obj, options, lines):
    """|s| is a length to us, and a substitution to reStructuredText: escape bars outside of literals."""
    for i, line in enumerate(lines):
        parts = re.split(r"(``.*?``)", line)
        lines[i] = "".join(part if part.startswith("``") else part.replace("|", r"\|") for part in parts)


def setup(app):
    app.connect("autodoc-process-docstring", _escape_bars, priority=400)
