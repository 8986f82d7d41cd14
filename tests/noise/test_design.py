"""The sequence of levels from the data: published figures, the recursion of the variance, and how it scales."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import scorekit as sk
from samplers.laws import annealed_moments
from scorekit.noise import Designed, Geometric, Levels, design, overlaps, variance_ratio, widest_ratio

DATA = np.random.default_rng(0).normal(size=(40, 3, 4, 4))


def spread(n, d, seed=0):
    return np.random.default_rng(seed).standard_t(3, size=(n, d))


def diameter(x):
    """The largest distance, pair by pair."""
    rows = np.asarray(x, dtype=float).reshape(len(x), -1)
    return max(math.dist(a, b) for a, b in itertools.combinations(rows.tolist(), 2))


class TestRatio:
    def test_the_published_one(self):
        """Song and Ermon (2020): D = 32 · 32 · 3."""
        assert widest_ratio(3072) == pytest.approx(1.03980, abs=5e-6)

    @pytest.mark.parametrize("dim", [41, 64, 784, 3072, 64 * 64 * 3, 10**7])
    def test_it_solves_its_equation(self, dim):
        gamma = widest_ratio(dim)
        low, high = (math.sqrt(2 * dim) * (gamma - 1) + sign * 3 * gamma for sign in (-1, 1))
        assert stats.norm.cdf(high) - stats.norm.cdf(low) == pytest.approx(0.5, abs=1e-9)

    def test_many_dimensions_need_close_levels_and_few_are_capped(self):
        ratios = [widest_ratio(dim) for dim in (1, 4, 5, 40, 41, 100, 1000, 10_000)]
        assert ratios[:4] == [1.5] * 4
        assert all(a > b for a, b in itertools.pairwise(ratios[3:]))
        # far out the upper tail is 0 and the lower one is at its middle: sqrt(2D)(gamma - 1) = 3 gamma
        assert widest_ratio(10**6) == pytest.approx(1 / (1 - 3 / math.sqrt(2e6)), rel=1e-6)

    def test_overlaps_are_the_mass_of_radii(self):
        """Drawn radii of the smaller level within three standard deviations of the larger one's: D = 3072 is normal."""
        dim, gamma, n = 3072, 1.03, 40_000
        radii = np.sqrt(np.random.default_rng(1).chisquare(dim, n))
        inside = np.abs(radii - gamma * math.sqrt(dim)) < 3 * gamma / math.sqrt(2)
        share = overlaps([gamma, 1.0], dim)[0]
        assert abs(inside.mean() - share) < 4.9 * math.sqrt(share * (1 - share) / n) + 0.01  # not quite normal

    def test_overlaps_of_a_sequence_of_levels(self):
        assert overlaps(Levels((3.0, 2.0, 1.0)), 10).tolist() == [
            overlaps([3.0, 2.0], 10)[0],
            overlaps([2.0, 1.0], 10)[0],
        ]
        same = overlaps(Geometric(10.0, 0.1, 30), 784)
        assert same.shape == (29,)
        assert np.allclose(same, same[0])
        assert overlaps([1.0 + 1e-12, 1.0], 3072)[0] == pytest.approx(0.9973, abs=1e-4)
        assert overlaps([1.0], 5).shape == (0,)


class TestStepSize:
    @pytest.mark.parametrize(("sigma_max", "levels", "epsilon"), [(50.0, 232, 6.2e-6), (90.0, 500, 3.3e-6)])
    def test_the_published_ones(self, sigma_max, levels, epsilon):
        """CIFAR-10 and CelebA in Song and Ermon (2020), T = 5; their step is x + epsilon s + sqrt(2 epsilon) z."""
        noise = design(DATA, sigma_max=sigma_max, sigma_min=0.01, levels=levels, steps_per_level=5)
        assert noise.step_size / 2 == pytest.approx(epsilon, abs=0.06e-6)

    @pytest.mark.parametrize(("gamma", "steps"), [(1.04, 5), (1.04, 1), (1.5, 3), (3.0, 2), (1.0001, 100)])
    def test_the_variance_ratio_is_that_of_the_chain(self, gamma, steps):
        """Annealed Langevin on one-point data, entered at a level with the variance of the level before."""
        noise = design(DATA, sigma_max=2.0 * gamma, sigma_min=2.0, levels=2, steps_per_level=steps)
        [(_, variance)] = annealed_moments(0.0, noise.sigma_max**2, 0.0, 0.0, [2.0], steps, noise.step_size)
        assert noise.variance_ratio == pytest.approx(variance / 4.0, rel=1e-12)

    @pytest.mark.parametrize(("gamma", "steps"), [(1.04, 5), (1.04, 1), (1.5, 3), (3.0, 2), (1.0001, 100)])
    def test_no_other_step_comes_nearer_to_one(self, gamma, steps):
        noise = design(DATA, sigma_max=2.0 * gamma, sigma_min=2.0, levels=2, steps_per_level=steps)
        others = [variance_ratio(gamma, steps, u) for u in np.geomspace(1e-9, 1.0, 20_001)]
        assert 1 < noise.variance_ratio <= min(others) + 1e-12
        assert noise.variance_ratio < variance_ratio(gamma, steps, 1.02 * noise.step_size / 8)
        assert noise.variance_ratio < variance_ratio(gamma, steps, 0.98 * noise.step_size / 8)

    def test_more_steps_come_nearer(self):
        ratios = [design(DATA, steps_per_level=steps).variance_ratio for steps in (1, 5, 20, 100)]
        assert all(a > b for a, b in itertools.pairwise(ratios))
        assert ratios[-1] < 1.03

    def test_the_sampler_with_these_numbers_keeps_to_the_levels(self):
        noise = design(DATA)
        rows = annealed_moments(0.0, noise.largest**2, 0.0, 0.0, noise.sigmas, noise.steps_per_level, noise.step_size)
        shares = np.array([variance for _, variance in rows]) / noise.sigmas**2
        assert np.all((shares > 0.99) & (shares < noise.variance_ratio * 1.15))


class TestLevels:
    def test_sigma_max_is_the_largest_distance(self):
        assert design(DATA).sigma_max == pytest.approx(diameter(DATA), rel=1e-12)
        assert design(np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]])).sigma_max == pytest.approx(5.0, rel=1e-15)

    def test_of_many_small_sets(self):
        for seed in range(200):
            x = spread(7, 3, seed)
            assert design(x).sigma_max == pytest.approx(diameter(x), rel=1e-12)

    def test_across_chunks(self, monkeypatch):
        x = spread(33, 5)
        for chunk in (1, 7, 32, 33, 100):
            monkeypatch.setattr("scorekit.noise.columns.CHUNK", chunk)
            assert design(x).sigma_max == pytest.approx(diameter(x), rel=1e-12)

    def test_a_subset_takes_the_samples_far_from_the_mean(self):
        x = spread(400, 6) + 100.0
        exact = design(x)
        assert exact.compared == exact.samples == 400
        few = design(x, subset=20)
        assert few.compared == 20
        assert few.sigma_max == pytest.approx(exact.sigma_max, rel=1e-12)
        far = np.argsort(-np.linalg.norm(x - x.mean(axis=0), axis=1))[:7]
        assert design(x, subset=7).sigma_max == pytest.approx(diameter(x[far]), rel=1e-12)

    def test_sigma_min_is_a_hundredth_of_the_range(self):
        assert design(DATA).sigma_min == pytest.approx(0.01 * (DATA.max() - DATA.min()), rel=1e-12)
        images = (DATA > 0).astype(float)
        assert design(images).sigma_min == 0.01

    @pytest.mark.parametrize("dim", [2, 48, 784, 3072])
    def test_levels_are_as_few_as_overlap_by_half(self, dim):
        noise = design(spread(10, dim), sigma_max=50.0, sigma_min=0.01)
        limit = widest_ratio(dim)
        assert noise.ratio <= limit * (1 + 1e-9)
        assert (50.0 / 0.01) ** (1 / (noise.levels - 2)) > limit
        assert noise.overlap >= 0.5 - 1e-6
        assert noise.dim == dim
        assert np.allclose(noise.sigmas[:-1] / noise.sigmas[1:], noise.ratio)

    def test_a_whole_number_of_ratios_takes_no_level_more(self):
        assert design(DATA[:, 0, 0], sigma_max=1.5**4, sigma_min=1.0).levels == 5

    def test_what_is_given_is_taken(self):
        noise = design(DATA, sigma_max=3.0, sigma_min=0.5, levels=4, steps_per_level=7)
        assert (noise.sigma_max, noise.sigma_min, noise.levels, noise.steps_per_level) == (3.0, 0.5, 4, 7)
        assert noise.compared == 0
        assert np.array_equal(noise.sigmas, Geometric(3.0, 0.5, 4).sigmas)


class TestMetamorphic:
    @pytest.mark.parametrize("c", [1e-3, 0.5, 7.0, 1e4])
    def test_scale(self, c):
        a, b = design(DATA), design(c * DATA)
        assert b.sigmas == pytest.approx(c * a.sigmas, rel=1e-9)
        assert b.step_size == pytest.approx(c**2 * a.step_size, rel=1e-9)
        assert b.levels == a.levels

    def test_translation_order_shape_and_type(self):
        a = design(DATA)
        for other in (DATA + 50.0, DATA[::-1], DATA.reshape(40, -1), DATA.reshape(40, 2, 24), -DATA):
            b = design(other)
            assert b.sigmas == pytest.approx(a.sigmas, rel=1e-9)
            assert b.step_size == pytest.approx(a.step_size, rel=1e-9)
        assert design(DATA.astype(np.float32)).sigmas == pytest.approx(a.sigmas, rel=1e-5)

    def test_rotation_keeps_the_largest_level(self):
        q = np.linalg.qr(np.random.default_rng(2).normal(size=(48, 48)))[0]
        assert design(DATA.reshape(40, 48) @ q).sigma_max == pytest.approx(design(DATA).sigma_max, rel=1e-12)

    def test_tensors(self):
        torch = pytest.importorskip("torch")
        assert design(torch.tensor(DATA, requires_grad=True)) == design(DATA)

    def test_the_data_are_left_alone(self):
        x = DATA.copy()
        x.flags.writeable = False
        assert design(x) == design(DATA)


def test_it_is_a_sequence_of_levels_wherever_one_is_asked_for():
    noise = design(DATA)
    assert isinstance(noise, Designed)
    assert isinstance(noise, Geometric)
    assert sk.noise.as_levels(noise) is noise
    x0 = sk.samplers.initial(noise, (4, 3, 4, 4), rng=0)
    sampler = sk.samplers.AnnealedLangevin(noise, noise.steps_per_level, noise.step_size)
    assert len(sampler.schedule()) == noise.levels * noise.steps_per_level + 1
    assert sk.samplers.ConsistentAnnealed(noise).sample(lambda x, s: -x / (1 + s**2), x0, rng=0).x.shape == x0.shape
    sk.objectives.NoiseConditional(noise).losses(lambda x, s: 0 * x, DATA, rng=0)


def test_the_report_says_what_was_chosen():
    text = design(DATA, subset=9).report()
    noise = design(DATA, subset=9)
    for part in (
        f"{noise.sigma_max:.6g}",
        f"levels           {noise.levels} ",
        "9 of 40 samples",
        f"{noise.step_size:.6g}",
    ):
        assert part in text
    assert "(given)" in design(DATA, sigma_max=9.0).report()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: design(DATA[:1]), ValueError, r"data has shape \(1, 3, 4, 4\): expected at least two samples"),
        (
            lambda: design(np.ones((5, 2))),
            ValueError,
            "all 5 samples of data are equal.*Set sigma_max and sigma_min",
        ),
        (lambda: design(np.full((5, 2), 0.1)), ValueError, "all 5 samples of data are equal"),
        (lambda: design(np.ones((5, 2)), sigma_max=1.0), ValueError, "their range gives no sigma_min. Set sigma_min"),
        (lambda: design(np.where(DATA > 2, np.nan, DATA)), ValueError, "data holds NaN"),
        (lambda: design(DATA[:, 0, 0, 0]), ValueError, r"data has shape \(40,\)"),
        (lambda: design((255 * DATA).astype(np.uint8)), TypeError, "data has dtype uint8"),
        (lambda: design(DATA, sigma_min=100.0), ValueError, "sigma_max must exceed sigma_min.*sigma_min=100.0"),
        (lambda: design(DATA, sigma_max=1.0, sigma_min=1.0), ValueError, "sigma_max must exceed sigma_min"),
        (lambda: design(DATA, sigma_max=0.0), ValueError, "sigma_max must be positive"),
        (lambda: design(DATA, sigma_min=-1.0), ValueError, "sigma_min must be positive"),
        (lambda: design(DATA, levels=1), ValueError, "levels must be at least 2, got 1"),
        (lambda: design(DATA, levels=2.5), TypeError, "levels must be an integer"),
        (lambda: design(DATA, steps_per_level=0), ValueError, "steps_per_level must be at least 1"),
        (lambda: design(DATA, subset=1), ValueError, "subset must be at least 2"),
        (lambda: widest_ratio(0), ValueError, "dim must be at least 1"),
        (lambda: overlaps([2.0, 1.0], 0), ValueError, "dim must be at least 1"),
        (lambda: overlaps([1.0, 2.0], 3), ValueError, "levels must descend"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words) as caught:
        call()
    assert isinstance(caught.value, sk.ScorekitError)


def test_samples_of_which_two_are_the_same_are_fine():
    assert design(np.concatenate([DATA, DATA])).sigmas == pytest.approx(design(DATA).sigmas, rel=1e-12)


def test_the_range_is_that_of_all_chunks(monkeypatch):
    """The smallest number stands in the first chunk and the largest in the last, and the other way round."""
    monkeypatch.setattr("scorekit.noise.columns.CHUNK", 4)
    x = np.random.default_rng(0).random((12, 3))
    for low, high in ((0, 11), (11, 0), (5, 6), (6, 5), (0, 1)):
        y = x.copy()
        y[low, 1], y[high, 2] = -3.0, 7.0
        assert design(y).sigma_min == pytest.approx(0.1, rel=1e-12)
        assert design(y).sigma_max == pytest.approx(diameter(y), rel=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_nothing_depends_on_the_unit(unit):
    """Levels of 1e-9 to 1e-7 are a schedule like any other: no comparison has a size of its own."""
    a, b = design(DATA), design(unit * DATA)
    assert b.sigmas == pytest.approx(unit * a.sigmas, rel=1e-9)
    assert b.step_size == pytest.approx(unit**2 * a.step_size, rel=1e-9)
    assert (b.levels, b.ratio, b.overlap) == (a.levels, pytest.approx(a.ratio), pytest.approx(a.overlap))
    assert b.variance_ratio == pytest.approx(a.variance_ratio)
    levels = np.array([100.0, 30.0, 1.0])
    assert overlaps(unit * levels, 5) == pytest.approx(overlaps(levels, 5), rel=1e-12)
    given = design(DATA, sigma_max=100 * unit, sigma_min=unit, steps_per_level=3)
    assert given.sigmas == pytest.approx(unit * design(DATA, sigma_max=100.0, sigma_min=1.0).sigmas, rel=1e-9)
    assert Geometric(100 * unit, unit, 3).sigmas == pytest.approx(unit * np.array([100.0, 10.0, 1.0]), rel=1e-12)
    assert Levels((3 * unit, unit)).sigmas.tolist() == [3 * unit, unit]
