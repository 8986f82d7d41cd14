"""The recipe of proportions: seeds are pooled by their counts, and the published table is made of the published
counts."""

import pytest

from support.scripts import DOCS, load


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "recipes"))
    return load("recipes/proportions.py")


def test_seeds_of_different_size_count_by_their_samples(recipe):
    """50 of 100 and 30 of 300 are 80 of 400; Wilson's interval of that, by hand from its formula."""
    (proportion, low, high), _ = recipe.pooled(
        [{"samples": 100, "proportions": [0.5, 0.5]}, {"samples": 300, "proportions": [0.1, 0.9]}]
    )
    z, n = 1.959963984540054, 400
    middle, half = (0.2 + z * z / (2 * n)), z * ((0.2 * 0.8 + z * z / (4 * n)) / n) ** 0.5
    assert proportion == pytest.approx(0.2)
    assert (low, high) == pytest.approx(((middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)))


@pytest.mark.parametrize("name", ["shapes-balanced", "shapes-imbalanced"])
def test_the_published_table_is_that_of_the_published_counts(recipe, name):
    found = load("figures/make_results.py").read(name)
    assert recipe.table(found["measured"]) == found["table"]
