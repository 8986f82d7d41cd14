"""What a seeded bug is: a change of the syntax tree of one function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["DoesNotApplyError", "Mutant", "seeded"]

MODULE = "<module>"


class DoesNotApplyError(ValueError):
    """The code that a mutant changes is not there, or is there more than once."""


@dataclass(frozen=True)
class Mutant:
    """One bug: inside ``function`` of ``file`` the code ``old`` becomes ``new``; ``why`` says what is wrong then.

    ``function`` is a qualified name such as ``"Gaussian.score"`` or ``"outer.inner"``, that of a class, or
    ``"<module>"``. ``old`` and ``new`` are Python expressions or statements. ``old`` is compared as a syntax tree, so
    line breaks, comments and brackets that change nothing do not matter; it must occur exactly once.
    """

    name: str
    file: str
    function: str
    old: str
    new: str
    why: str

    def apply(self, source: str) -> str:
        """The mutated source, without its comments.

        Raises:
            DoesNotApplyError: ``function`` is missing, or ``old`` does not occur exactly once in it.
        """
        tree = ast.parse(source)
        scopes = [node for name, node in _scopes(tree) if name == self.function]
        if not scopes:
            raise DoesNotApplyError(f"{self.file} has no {self.function}")
        old, new = _fragment(self.old), _fragment(self.new)
        places = list(_places(scopes, old, new))
        if len(places) != 1:
            raise DoesNotApplyError(f"{len(places)} places in {self.file}, {self.function} match {self.old!r}")
        places[0].put()
        return ast.unparse(tree)


def seeded(file: str, function: str, *changes: tuple[str, str, str, str]) -> tuple[Mutant, ...]:
    """Mutants of one function: each change is (name, old, new, why)."""
    return tuple(Mutant(name, file, function, old, new, why) for name, old, new, why in changes)


@dataclass(frozen=True)
class _Place:
    """``node.field``, or items of it, where new nodes belong."""

    node: ast.AST
    field: str
    items: slice | None
    new: list[ast.AST]

    def put(self) -> None:
        if self.items is None:
            setattr(self.node, self.field, self.new[0])
        else:
            getattr(self.node, self.field)[self.items] = self.new


def _fragment(code: str) -> list[ast.AST]:
    """The nodes of a fragment: one expression, or statements."""
    body = ast.parse(code).body
    return [body[0].value] if len(body) == 1 and isinstance(body[0], ast.Expr) else list(body)


def _statements(fragment: list[ast.AST]) -> list[ast.AST]:
    return [ast.Expr(value=node) if isinstance(node, ast.expr) else node for node in fragment]


def _scopes(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """All functions and classes with their qualified names, and the module."""
    if not prefix:
        yield MODULE, tree
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name, node
            yield from _scopes(node, f"{prefix}{node.name}.")
        elif not isinstance(node, ast.expr):
            yield from ((name, inner) for name, inner in _scopes(node, prefix) if name != MODULE)


def _places(scopes: list[ast.AST], old: list[ast.AST], new: list[ast.AST]) -> Iterator[_Place]:
    """Where ``old`` stands in the scopes: an expression anywhere, statements in a block."""
    if not (len(old) == 1 and len(new) == 1 and isinstance(old[0], ast.expr) and isinstance(new[0], ast.expr)):
        old, new = _statements(old), _statements(new)
    wanted = [ast.dump(node) for node in old]
    for node in (inner for scope in scopes for inner in ast.walk(scope)):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                found = [ast.dump(item) if isinstance(item, ast.AST) else "" for item in value]
                starts = range(len(found) - len(wanted) + 1)
                yield from (
                    _Place(node, field, slice(i, i + len(wanted)), new)
                    for i in starts
                    if found[i : i + len(wanted)] == wanted
                )
            elif isinstance(value, ast.AST) and [ast.dump(value)] == wanted:
                yield _Place(node, field, None, new)
