"""The directive ``catalogue``: a table of what experiment files can name, read from ``scorekit._catalogue``."""

from __future__ import annotations

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from scorekit import _catalogue

__all__ = ["setup", "table"]


def table(entries) -> list[str]:
    """A table of three columns as lines of reStructuredText: name, class or function, first line of its docstring.

    >>> from scorekit.noise import Geometric
    >>> table([_catalogue.Entry(Geometric, "geometric")])[-3:-1]
    ['   * - ``geometric``', '     - :py:obj:`~scorekit.noise.Geometric`']
    """
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - name", "     - what", "     - "]
    for entry in entries:
        if entry.name:
            room = ".".join(entry.make.__module__.split(".")[:2])
            first = (entry.make.__doc__ or "").splitlines()[0].replace("|", r"\|")
            lines += [f"   * - ``{entry.name}``", f"     - :py:obj:`~{room}.{entry.make.__name__}`", f"     - {first}"]
    return lines


class _Catalogue(SphinxDirective):
    required_arguments = 1

    def run(self):
        parent = nodes.Element()
        lines = StringList(table(getattr(_catalogue, self.arguments[0])), source=__file__)
        self.state.nested_parse(lines, self.content_offset, parent)
        return parent.children


def setup(app):
    app.add_directive("catalogue", _Catalogue)
    return {"parallel_read_safe": True}
