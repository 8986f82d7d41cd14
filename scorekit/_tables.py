"""Short reprs and HTML tables of results. Notebooks display the tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

__all__ = ["displayed", "html_table", "html_text", "short_repr", "text_table"]

Class = TypeVar("Class", bound=type)

_LONGEST = 60
"""Longest text of one field in a repr."""


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]], left: Iterable[int] = ()) -> str:
    """The rows as aligned text. Columns are aligned to the right, those in ``left`` to the left.

    >>> print(text_table(("name", "value"), [("a", "1.25"), ("total", "3.5")], left=(0,)))
    name   value
    a       1.25
    total    3.5
    """
    lines, flush = [tuple(header), *map(tuple, rows)], set(left)
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in flush else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def html_table(header: Sequence[Any], rows: Iterable[Sequence[Any]], note: str = "") -> str:
    """The rows as an HTML table with escaped cells, and a note below it.

    >>> html_table(("class",), [("a<b",)])
    '<table><thead><tr><th>class</th></tr></thead><tbody><tr><td>a&lt;b</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{_escaped(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    below = f"<p>{_escaped(note)}</p>" if note else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def html_text(text: str) -> str:
    """A printed report as preformatted HTML.

    >>> html_text("sigma < 1")
    '<pre>sigma &lt; 1</pre>'
    """
    return f"<pre>{_escaped(text)}</pre>"


def displayed(result: Class) -> Class:
    """A decorator for named tuples: a short repr, and in notebooks its printed form, or else a table of its fields.

    >>> from scorekit.metrics import SteinTest
    >>> SteinTest(0.5, 0.01)._repr_html_().count("<tr>")
    3
    """
    has_text = "__str__" in vars(result)
    result.__repr__ = short_repr  # type: ignore[method-assign, assignment]
    if not hasattr(result, "_repr_html_"):
        result._repr_html_ = (lambda self: html_text(str(self))) if has_text else _fields_html  # type: ignore[attr-defined]
    return result


def short_repr(result: Any) -> str:
    """The repr of a named tuple, with arrays as their shapes and long fields cut.

    >>> import numpy as np
    >>> from scorekit.metrics import Neighbors
    >>> short_repr(Neighbors(np.zeros((1000, 3)), 0.5))
    'Neighbors(indices=<array of shape (1000, 3)>, distances=0.5)'
    """
    return f"{type(result).__name__}({', '.join(f'{name}={_short(v)}' for name, v in _fields(result))})"


def _fields_html(result: Any) -> str:
    """The fields of a named tuple as an HTML table with one row per field."""
    return html_table((type(result).__name__, ""), [(name, _short(v)) for name, v in _fields(result)])


def _fields(result: Any) -> Iterable[tuple[str, Any]]:
    return zip(result._fields, result, strict=True)


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape:
        return f"<array of shape {tuple(shape)}>"
    text = repr(value)
    if len(text) <= _LONGEST:
        return text
    return f"<{type(value).__name__} of {len(value)}>" if hasattr(value, "__len__") else text[: _LONGEST - 1] + "…"


def _escaped(value: Any) -> str:
    return html.escape(str(value))
