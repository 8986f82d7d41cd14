"""Short reprs and HTML tables of results. Notebooks display the tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

__all__ = ["displayed", "html_table", "html_text", "short", "short_repr", "text_table"]

Class = TypeVar("Class", bound=type)


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
    return f"{type(result).__name__}({', '.join(f'{name}={short(v)}' for name, v in _fields(result))})"


def _fields_html(result: Any) -> str:
    """The fields of a named tuple as an HTML table with one row per field."""
    return html_table((type(result).__name__, ""), [(name, short(v)) for name, v in _fields(result)])


def _fields(result: Any) -> Iterable[tuple[str, Any]]:
    return zip(result._fields, result, strict=True)


def short(value: Any, longest: int = 60) -> str:
    """The repr of a value on one line: the shape of an array, the size of a long collection, or a cut text.

    >>> import numpy as np
    >>> short(np.zeros((3, 2))), short(tuple(range(100))), short("a long text", longest=8)
    ('<array of shape (3, 2)>', '<tuple of 100>', "'a long…")
    """
    shape = getattr(value, "shape", None)
    if shape and hasattr(value, "dtype"):
        return f"<array of shape {tuple(shape)}>"
    text = " ".join(repr(value).split())
    if len(text) <= longest:
        return text
    if isinstance(value, (tuple, list, dict)):
        return f"<{type(value).__name__} of {len(value)}>"
    return text[: longest - 1] + "…"


def _escaped(value: Any) -> str:
    return html.escape(str(value))
