"""The machinery of seeded bugs, on a small made-up source. Whether the catalogue fits the code is the command's job."""

from __future__ import annotations

import ast
import textwrap
from collections import Counter

import pytest

from mutants.catalogue import MUTANTS, DoesNotApplyError, Mutant

SOURCE = textwrap.dedent('''
    HALF = 0.5

    def loss(x, s):
        """A loss."""
        # a comment
        trace = (
            x + s
        )
        return trace + 0.5 * s**2

    class Model:
        def score(self, x):
            def inner(y):
                return -y
            self.calls = 1
            return inner(x) + inner(x)

        def twice(self, x):
            return 0.5 * x
''')


def mutated(function, old, new):
    return Mutant("name", "file.py", function, old, new, "why").apply(SOURCE)


def run(function, old, new):
    space = {}
    exec(mutated(function, old, new), space)
    return space


def test_an_expression_is_found_however_it_is_laid_out():
    assert run("loss", "x + s", "x - s")["loss"](5.0, 2.0) == 5.0
    assert run("loss", "(0.5*s ** 2)", "s ** 2")["loss"](5.0, 2.0) == 11.0


def test_a_replaced_operand_keeps_its_place_in_the_expression():
    assert run("loss", "s ** 2", "s + 1")["loss"](5.0, 2.0) == 8.5  # 7 + 0.5 * (2 + 1)


def test_statements_are_found_in_a_block_and_may_become_several():
    space = run("loss", "trace = x + s", "s = 0\ntrace = x")
    assert space["loss"](5.0, 2.0) == 5.0
    assert run("loss", "return trace + 0.5 * s ** 2", "return trace")["loss"](5.0, 2.0) == 7.0
    assert run("loss", "'A loss.'", "x = -x")["loss"](5.0, 2.0) == -1.0


def test_functions_are_named_as_python_names_them():
    assert run("Model.score.inner", "-y", "y")["Model"]().score(3.0) == 6.0
    assert run("Model.twice", "0.5 * x", "x")["Model"]().twice(3.0) == 3.0
    assert run("Model", "0.5 * x", "x")["Model"]().twice(3.0) == 3.0
    assert run("<module>", "HALF = 0.5", "HALF = 2")["HALF"] == 2


def test_what_stands_outside_of_the_function_stays():
    before, after = ast.parse(SOURCE), ast.parse(mutated("loss", "x + s", "x - s"))
    assert [ast.dump(node) for node in before.body[::2]] == [ast.dump(node) for node in after.body[::2]]


@pytest.mark.parametrize(
    ("function", "old", "reason"),
    [
        ("loss", "x - s", "^0 places in file.py, loss match 'x - s'"),
        ("Model.score", "inner(x)", "^2 places"),
        ("twice", "0.5 * x", "file.py has no twice"),
        ("loss", "0.5 * x", "^0 places"),
        ("loss", "return trace", "^0 places"),
    ],
)
def test_code_that_is_not_there_exactly_once_does_not_apply(function, old, reason):
    with pytest.raises(DoesNotApplyError, match=reason):
        mutated(function, old, "y")


def test_names_are_unique_and_say_why():
    assert [name for name, count in Counter(m.name for m in MUTANTS).items() if count > 1] == []
    assert all(m.name == m.name.lower() and " " not in m.name and m.why for m in MUTANTS)
