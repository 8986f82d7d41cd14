"""The level of p-values, simulated over their whole range of use: many classes, rare classes, few and many samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import scorekit as sk
from scorekit.metrics._goodness import _has_limit, _statistic, multinomial_p_value

RUNS = 400_000

TRUTHS = {
    "nine rare": np.array([0.91] + [0.01] * 9),
    "nine very rare": np.array([0.991] + [0.001] * 9),
    "one rare": np.array([0.5, 0.49, 0.01]),
    "ten equal": np.full(10, 0.1),
    "falling": np.geomspace(1, 1e-3, 6) / np.geomspace(1, 1e-3, 6).sum(),
}


def level(truth, n, alpha, seed):
    """P(p <= alpha) over ``RUNS`` draws of the counts; the p-value falls with the statistic, so a search is enough."""
    counts = np.random.default_rng(seed).multinomial(n, truth, size=RUNS)
    counts = counts[np.argsort(-_statistic(counts, n, truth), kind="stable")]
    below, above = 0, RUNS  # how many of the most extreme outcomes have p <= alpha
    while below < above:
        middle = (below + above) // 2
        if multinomial_p_value(counts[middle], truth) <= alpha:
            below = middle + 1
        else:
            above = middle
    return below / RUNS


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 100, 500, 2000, 20_000])
@pytest.mark.parametrize("name", TRUTHS)
def test_the_level_of_the_p_value_of_shares_everywhere(name, n):
    for alpha in (1e-1, 1e-2, 1e-3, 1e-4):
        assert_level(level(TRUTHS[name], n, alpha, n), alpha)


@pytest.mark.parametrize(("name", "n"), [("nine rare", 100), ("one rare", 500), ("ten equal", 100)])
def test_the_level_of_the_p_value_of_shares(name, n):
    assert_level(level(TRUTHS[name], n, 1e-4, n), 1e-4)


def assert_level(found, alpha):
    """At most 1.2 alpha, the error of the limit where it is used, beside the spreads of the simulations, at 1e-6 each.

    A simulated p-value of alpha rests on 100,000 alpha draws: with one seed the level has that relative spread too.
    """
    own = stats.poisson.isf(1e-6, 1e5 * alpha) / (1e5 * alpha)
    assert found * RUNS <= stats.poisson.isf(1e-6, 1.2 * alpha * RUNS * own)


def test_a_simulated_p_value_follows_its_stream_and_is_the_same_by_default():
    counts, truth = np.array([93, 2, 1, 0, 1, 1, 0, 1, 1, 0]), TRUTHS["nine rare"]
    values = [multinomial_p_value(counts, truth, rng) for rng in (0, 0, 1, sk.rng(2))]
    assert values[0] == values[1] == multinomial_p_value(counts, truth)
    assert len(set(values)) == 3
    assert np.ptp(values) < 0.02  # 99,999 draws: 1e-6, two-sided, is 0.011
    x = np.repeat(np.arange(10.0), counts)[:, None]
    found = [sk.metrics.class_proportions(x, lambda x: x[:, 0], truth, rng=rng).p_value for rng in (0, 1)]
    assert found == [values[0], values[2]]


def test_a_simulated_p_value_is_the_exact_one(monkeypatch):
    """Four classes of 40: 12,341 outcomes, enumerated and simulated."""
    truth, rng = np.array([0.9, 0.05, 0.03, 0.02]), np.random.default_rng(1)
    outcomes = rng.multinomial(40, truth, size=6)
    exact = [multinomial_p_value(counts, truth) for counts in outcomes]
    monkeypatch.setattr("scorekit.metrics._goodness._FEW", 0)
    for counts, p in zip(outcomes, exact, strict=True):
        assert abs(multinomial_p_value(counts, truth) - p) < 4.9 * np.sqrt(p * (1 - p) / 99_999) + 1e-5


def test_the_least_p_value_of_a_simulation():
    counts = np.array([50, 40, 2, 2, 1, 1, 1, 1, 1, 1])
    assert multinomial_p_value(counts, TRUTHS["nine rare"]) == pytest.approx(1e-5)
    assert multinomial_p_value(np.array([5000, 4000, 1000]), np.full(3, 1 / 3)) < 1e-100  # the limit has no least


def test_the_limit_is_used_where_no_class_is_rare_and_its_variance_is_right():
    n, k = 10**6, 100
    for expected in (9.99, 10.01):
        p = np.append(expected / n, np.full(k - 1, (1 - expected / n) / (k - 1)))
        assert _has_limit(n, p) is (expected > 10)
    p = np.array([0.1, 0.45, 0.45])  # 1/0.1 + 2/0.45 − 9 − 6 + 2 = 1.444, of which 0.0025 · 4 is 1/144.4
    assert [_has_limit(n, p) for n in (144, 145)] == [False, True]


def test_a_class_that_cannot_occur_and_did_not():
    """Truth 0 and share 0: no star, and the p-value of the others. With one sample in it: a star and a p-value of 0."""
    x, truth = np.array([0.0] * 6 + [1.0] * 4)[:, None], [0.5, 0.5, 0.0]
    found = sk.metrics.class_proportions(x, lambda x: x[:, 0], truth)
    assert (found.proportions[2], found.lower[2]) == (0.0, 0.0)
    assert found.p_value == sk.metrics.class_proportions(x, lambda x: x[:, 0], [0.5, 0.5]).p_value
    assert "*" not in str(found)
    once = sk.metrics.class_proportions(np.append(x, [[2.0]], axis=0), lambda x: x[:, 0], truth)
    assert once.p_value == 0.0
    assert str(once).splitlines()[3].endswith("*")


def test_a_kind_of_shape_that_has_no_share_is_not_in_the_law():
    absent = sk.distributions.ShapesImages(8, (1.0, 0.0), ("circle", "rings"), 3, 2)
    alone = sk.distributions.ShapesImages(8, None, ("circle",), 3, 2)
    x = alone.sample(4, rng=0)
    np.testing.assert_allclose(absent.smoothed(0.5).log_prob(x), alone.smoothed(0.5).log_prob(x), rtol=1e-12)
    assert np.array_equal(absent.score(x, 0.5), alone.score(x, 0.5))
    assert {tuple(image) for image in absent.sample(500, rng=0).reshape(500, -1)} <= {
        tuple(image) for image in alone.templates.reshape(len(alone.templates), -1)
    }


class TestTwoSamples:
    """Exact tests have their level for every law and size: simulated with few samples, with ties and without."""

    ALPHA, RUNS = 0.05, 1500

    def draw(self, rng, n, kind):
        x = rng.standard_cauchy((n, 2)) if kind == "heavy" else rng.normal(size=(n, 2))
        return np.round(x) if kind == "ties" else x

    def assert_valid(self, p_values):
        hits = int(np.sum(np.array(p_values) <= self.ALPHA))
        assert hits <= stats.binom.isf(1e-6, len(p_values), self.ALPHA)

    @pytest.mark.filterwarnings("ignore:with 4:RuntimeWarning")
    @pytest.mark.parametrize("kind", ["normal", "heavy", "ties"])
    @pytest.mark.parametrize(("n", "m"), [(4, 4), (5, 30), (40, 12)])
    def test_classifier(self, kind, n, m):
        rng = np.random.default_rng(0)
        self.assert_valid(
            [sk.metrics.c2st(self.draw(rng, n, kind), self.draw(rng, m, kind), rng=i).p_value for i in range(self.RUNS)]
        )

    @pytest.mark.filterwarnings("ignore:with 2:RuntimeWarning", "ignore:bandwidth is 1:RuntimeWarning")
    @pytest.mark.parametrize("kind", ["normal", "heavy", "ties"])
    @pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 12), (20, 8)])
    def test_mmd(self, kind, n, m):
        rng = np.random.default_rng(1)
        self.assert_valid(
            [
                sk.metrics.mmd(self.draw(rng, n, kind), self.draw(rng, m, kind), 1.0, permutations=39, rng=i).p_value
                for i in range(self.RUNS // 3)
            ]
        )

    @pytest.mark.parametrize("kind", ["normal", "heavy", "ties"])
    @pytest.mark.parametrize(("n", "m"), [(1, 1), (30, 5), (5, 200)])
    def test_memorization(self, kind, n, m):
        rng = np.random.default_rng(2)
        found = []
        for _ in range(self.RUNS // 3):
            samples, held_out, training = (self.draw(rng, size, kind) for size in (n, m, 20))
            found.append(sk.metrics.memorization(samples, training, held_out, quantile=0.1).p_value)
        self.assert_valid(found)
