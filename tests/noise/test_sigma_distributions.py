"""Laws of the noise level: quantile, density and sample must be of one law, and that law the one named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

import scorekit as sk
from scorekit.noise import Geometric, Levels, LogNormal, LogUniform, NoiseDistribution
from scorekit.noise._normal_quantile import normal_quantile
from support import ScriptedRng

# (law, the same one in SciPy's words, where its mass lies)
CONTINUOUS = [
    (LogUniform(10.0, 0.1), stats.loguniform(0.1, 10.0)),
    (LogUniform(2.0, 1.9), stats.loguniform(1.9, 2.0)),
    (LogNormal(-1.2, 1.2), stats.lognorm(s=1.2, scale=np.exp(-1.2))),
    (LogNormal(3.0, 0.1), stats.lognorm(s=0.1, scale=np.exp(3.0))),
]
ALL = [law for law, _ in CONTINUOUS] + [Geometric(10.0, 0.1, 4), Levels((3.0, 1.0, 0.2))]
U = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 0.999])


@pytest.mark.parametrize(("law", "known"), CONTINUOUS)
class TestContinuous:
    def test_quantile(self, law, known):
        assert np.allclose(law.icdf(U), known.ppf(U), rtol=1e-10, atol=0)

    def test_density(self, law, known):
        sigma = known.ppf(U)
        assert np.allclose(law.pdf(sigma), known.pdf(sigma), rtol=1e-8, atol=0)

    def test_density_integrates_to_one(self, law, known):
        total, _ = integrate.quad(
            lambda t: float(law.pdf(np.exp([t]))[0] * np.exp(t)),  # over log sigma, where the law is smooth
            *np.log(known.ppf([1e-12, 1 - 1e-12])),
            epsabs=1e-12,
        )
        assert total == pytest.approx(1.0, abs=1e-8)

    def test_density_is_one_over_the_slope_of_the_quantile(self, law, known):
        h = 1e-6
        u = U[1:-1]
        slope = (law.icdf(u + h) - law.icdf(u - h)) / (2 * h)
        assert np.allclose(law.pdf(law.icdf(u)) * slope, 1.0, rtol=1e-6)

    def test_samples_have_the_law_and_are_stratified(self, law, known):
        n = 1000
        u = np.sort(known.cdf(law.sample(n, rng=0)))
        # each n-th of the range holds one level, all at the same place within it
        offset = u * n - np.arange(n)
        assert ((offset > -1e-6) & (offset < 1 + 1e-6)).all()
        assert np.ptp(offset) < 1e-6

    def test_one_sample_at_a_time_has_the_law(self, law, known):
        """Not only the batch: each draw by itself. The Kolmogorov-Smirnov test errs once in 1e6 seeds."""
        rng = sk.rng(7)
        draws = [float(law.sample(2, rng=rng)[0]) for _ in range(4000)]
        assert stats.kstest(draws, known.cdf).pvalue > 1e-6


def test_edm_quantiles_of_the_paper():
    """P_mean = -1.2, P_std = 1.2 (Karras et al. 2022): the median is exp(-1.2)."""
    assert LogNormal(-1.2, 1.2).icdf(np.array([0.5]))[0] == pytest.approx(np.exp(-1.2), rel=1e-14)


def test_the_quantile_of_a_log_normal_is_finite_at_the_ends():
    ends = LogNormal(-1.2, 1.2).icdf(np.array([0.0, 1.0]))
    assert np.isfinite(ends).all()
    assert (ends > 0).all()


def scripted(n, shift):
    """The stream that shifts the strata by ``shift``, and leaves them in order."""
    return ScriptedRng(uniform=[np.array([shift])], choice=[np.arange(n)])


class TestTailsInFloat32:
    """A float32 number next to 1 is 6e-8 away from it: quantiles of float32 numbers have atoms in the upper tail."""

    LAW, LIKE = LogNormal(-1.2, 1.2), np.zeros(1, np.float32)

    def z(self, sigma):
        return (np.log(sigma.astype(float)) + 1.2) / 1.2

    def test_a_million_draws_are_all_different_and_reach_both_tails(self):
        n = 1_000_000
        sigma = np.sort(self.LAW.sample(n, rng=0, like=self.LIKE))
        assert sigma.dtype == np.float32
        assert (np.diff(sigma) > 0).all()
        u = stats.norm.cdf(self.z(sigma))
        assert (np.abs(u * n - np.arange(n) - 0.5) < 0.5 + 0.1).all()  # one in each n-th; float32 blurs by 0.05
        upper = stats.norm.sf(self.z(sigma[-5:])) * n  # the same from the other side, where 1 − u is rounded
        offset = upper - np.arange(5)[::-1]
        assert (np.abs(offset - offset[0]) < 1e-4).all()
        assert 0 < offset[0] < 1

    @pytest.mark.parametrize("shift", [1e-9, 1e-3, 0.4, 1 - 1e-3, 1 - 1e-9])
    def test_the_extremes_of_a_million_are_right_wherever_the_strata_are_shifted(self, shift):
        n = 1_000_000
        sigma = self.LAW.sample(n, rng=scripted(n, shift), like=self.LIKE)
        assert stats.norm.cdf(self.z(sigma[:1])) * n == pytest.approx(shift, rel=1e-5)
        assert stats.norm.sf(self.z(sigma[-1:])) * n == pytest.approx(1 - shift, rel=1e-4)

    def test_draws_one_at_a_time_have_the_law(self):
        """The Kolmogorov-Smirnov test errs once in 1e6 seeds."""
        rng = sk.rng(3)
        sigma = np.concatenate([self.LAW.sample(1, rng=rng, like=self.LIKE) for _ in range(5000)])
        assert stats.kstest(self.z(sigma), "norm").pvalue > 1e-6
        assert len(np.unique(sigma)) > 4990  # float32 numbers coincide by chance: 5000²/2 · 1e-7 = 1 of them


def test_the_normal_quantile_is_right_to_the_last_digits():
    u = np.concatenate([np.geomspace(1e-300, 0.49, 400), 1 - np.geomspace(1e-16, 0.49, 200)])
    np.testing.assert_allclose(normal_quantile(u), special.ndtri(u), rtol=2e-15)
    edges = [0.075, 0.925, math.exp(-25)]  # where one ratio takes over from another
    for edge in edges:
        u = edge * (1 + np.array([-1e-12, 0.0, 1e-12]))
        np.testing.assert_allclose(normal_quantile(u), special.ndtri(u), rtol=2e-15)
    assert normal_quantile(np.array([0.5]))[0] == 0.0


@pytest.mark.parametrize("name", [name for name, installed in sk.backends().items() if installed])
def test_the_normal_quantile_has_its_derivative(name):
    """dz/du = 1/φ(z), in the center, where ranges meet and in the tails."""
    backend = sk.backend(name)
    u = np.array([1e-12, 0.01, 0.075, 0.2, 0.5, 0.7, 0.925, 1 - 1e-9])
    _, slope = backend.grad(normal_quantile, backend.asarray(u))
    np.testing.assert_allclose(backend.to_numpy(slope), 1 / stats.norm.pdf(special.ndtri(u)), rtol=1e-9)


def test_a_log_normal_keeps_to_the_array_standard():
    """No value is read and nothing leaves the framework: arrays of a library that no backend owns are enough."""
    strict = pytest.importorskip("array_api_strict")
    got = LogNormal(-1.2, 1.2).icdf(strict.asarray(U))
    np.testing.assert_allclose(np.asarray(got), CONTINUOUS[2][1].ppf(U), rtol=1e-10)


@pytest.mark.parametrize("levels", [4, 7])
def test_a_sequence_of_levels_gives_each_level_the_same_share(levels):
    noise_levels = Geometric(10.0, 0.1, levels)
    values, counts = np.unique(noise_levels.sample(levels * 50, rng=0), return_counts=True)
    assert np.allclose(values, noise_levels.sigmas[::-1])
    assert counts.tolist() == [50] * levels
    # a batch that is no multiple of the levels: shares differ by at most one
    counts = np.unique(noise_levels.sample(levels * 50 + 3, rng=0), return_counts=True)[1]
    assert counts.min() >= 50
    assert counts.max() <= 51


def test_each_draw_from_a_sequence_of_levels_is_uniform_on_its_levels():
    noise_levels, rng = Levels((3.0, 1.0, 0.2)), sk.rng(11)
    first = np.array([noise_levels.sample(2, rng=rng)[0] for _ in range(6000)])
    counts = [(first == sigma).sum() for sigma in noise_levels.sigmas]
    assert stats.chisquare(counts).pvalue > 1e-6  # sees a proportion off by 0.05


@pytest.mark.parametrize("law", ALL)
class TestEveryLaw:
    def test_order_is_random(self, law):
        """Levels must not be tied to the position in the batch: correlations above 0.3 are seen at n = 1000."""
        sigma = law.sample(1000, rng=3)
        assert abs(stats.spearmanr(np.arange(1000), sigma).statistic) < 0.16  # 1e-6, two-sided

    def test_reproducible(self, law):
        a, b, c = (law.sample(50, rng=seed) for seed in (0, 0, 1))
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)
        assert np.array_equal(law.sample(50, rng=sk.rng(0)), law.sample(50, rng=sk.rng(0)))
        assert not np.array_equal(law.sample(50), law.sample(50))

    def test_a_stream_goes_on(self, law):
        rng = sk.rng(0)
        assert not np.array_equal(law.sample(50, rng=rng), law.sample(50, rng=rng))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_like(self, law, dtype):
        like = np.zeros((2, 3), dtype)
        sigma = law.sample(9, rng=0, like=like)
        assert sigma.shape == (9,)
        assert sigma.dtype == dtype
        assert (sigma > 0).all()
        assert law.icdf(np.array([0.3], dtype)).dtype == dtype
        assert law.pdf(np.array([0.3], dtype)).dtype == dtype
        assert law.sample(9, rng=0).dtype == np.float64

    def test_is_a_value(self, law):
        assert isinstance(law, NoiseDistribution)
        assert law == type(law)(**{name: getattr(law, name) for name in law.__dataclass_fields__})
        assert repr(law).startswith(type(law).__name__ + "(")
        assert isinstance(hash(law), int)

    @pytest.mark.parametrize(
        ("n", "error", "words"),
        [(0, ValueError, "n must be at least 1, got 0"), (2.0, TypeError, "n must be an integer, got 2.0")],
    )
    def test_bad_count(self, law, n, error, words):
        with pytest.raises(error, match=words):
            law.sample(n)

    def test_bad_rng(self, law):
        with pytest.raises(TypeError, match="expected a scorekit Rng"):
            law.sample(3, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: LogUniform(0.1, 10.0), ValueError, "sigma_max must exceed sigma_min.*Swap them"),
        (lambda: LogUniform(1.0, 0.0), ValueError, "sigma_min must be positive and finite"),
        (lambda: LogUniform(float("nan"), 0.1), ValueError, "sigma_max must be positive and finite"),
        (lambda: LogNormal(0.0, 0.0), ValueError, "std must be positive and finite, got 0.0"),
        (lambda: LogNormal(0.0, -1.0), ValueError, "std must be positive and finite"),
        (lambda: LogNormal(float("nan"), 1.0), ValueError, "mean must be finite, got nan"),
        (lambda: LogNormal(float("inf"), 1.0), ValueError, "mean must be finite, got inf"),
    ],
)
def test_what_is_refused(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert isinstance(caught.value, sk.ScorekitError)
