"""The rules of conditions on single numbers: which are dropped, what stands for none, what is in range."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit._conditions import Conditions, dropped, tiled

UNIFORM = np.array([0.1, 0.25, 0.9, 0.2])
X = np.ones((4, 2))


def test_conditions_are_dropped_where_the_uniform_is_below_p():
    """P(u < p) = p for u in [0, 1): at p itself the condition is kept."""
    labels, vectors = np.array([0, 1, 2, 0]), np.arange(8.0).reshape(4, 2)
    assert dropped(labels, UNIFORM, 0.25, 3).tolist() == [3, 1, 2, 3]
    assert dropped(vectors, UNIFORM, 0.25, [8.0, 9.0]).tolist() == [[8, 9], [2, 3], [4, 5], [8, 9]]
    assert dropped(vectors, UNIFORM, 0.25, 9.0).tolist() == [[9, 9], [2, 3], [4, 5], [9, 9]]
    assert dropped(labels, UNIFORM, 0.0, 3).tolist() == labels.tolist()


def test_a_block_of_conditions_is_repeated_as_a_whole():
    assert tiled(np.array([5, 6]), X).tolist() == [5, 6, 5, 6]
    assert tiled(np.array([[5, 0], [6, 0]]), X).tolist() == [[5, 0], [6, 0], [5, 0], [6, 0]]


def test_what_stands_for_no_condition():
    """The label after the last class, and the zero vector; both pass the check of the network."""
    labels, vectors = Conditions(3, None), Conditions(None, 2)
    assert labels.null == 3
    assert vectors.null == [0.0, 0.0]
    assert Conditions(None, None).null is None
    assert labels.checked(np.full(4, labels.null), X).tolist() == [3, 3, 3, 3]
    assert vectors.checked(np.array([vectors.null] * 4), X).tolist() == [[0.0, 0.0]] * 4
    with pytest.raises(sk.ScorekitError, match="labels from 0 to 4: expected classes from 0 to 2, or 3"):
        labels.checked(np.array([0, 4, 1, 2]), X)
