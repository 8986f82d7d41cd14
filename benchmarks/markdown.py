"""Results as Markdown: tables, and pages with generated text between two marks."""

from __future__ import annotations

from collections.abc import Iterable


def table(rows: Iterable[Iterable[str]]) -> str:
    """A table whose first row is its head."""
    head, *body = (list(row) for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def between(page: str, begin: str, end: str, text: str) -> str:
    """The page with ``text`` between its marks, whatever stood there before."""
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"the page lacks the marks {begin} and {end}.")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"
