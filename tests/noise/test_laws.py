"""Laws of the noise level: quantile, density and sample must be of one law, and that law the one named."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

import scorekit as sk
from scorekit.noise import Geometric, Ladder, LogNormal, LogUniform, NoiseLaw

# (law, the same one in SciPy's words, where its mass lies)
CONTINUOUS = [
    (LogUniform(10.0, 0.1), stats.loguniform(0.1, 10.0)),
    (LogUniform(2.0, 1.9), stats.loguniform(1.9, 2.0)),
    (LogNormal(-1.2, 1.2), stats.lognorm(s=1.2, scale=np.exp(-1.2))),
    (LogNormal(3.0, 0.1), stats.lognorm(s=0.1, scale=np.exp(3.0))),
]
ALL = [law for law, _ in CONTINUOUS] + [Geometric(10.0, 0.1, 4), Ladder((3.0, 1.0, 0.2))]
U = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 0.999])


@pytest.mark.parametrize(("law", "known"), CONTINUOUS)
class TestContinuous:
    def test_quantile(self, law, known):
        assert np.allclose(law.quantile(U), known.ppf(U), rtol=1e-10, atol=0)

    def test_density(self, law, known):
        sigma = known.ppf(U)
        assert np.allclose(law.density(sigma), known.pdf(sigma), rtol=1e-8, atol=0)

    def test_density_integrates_to_one(self, law, known):
        total, _ = integrate.quad(
            lambda t: float(law.density(np.exp([t]))[0] * np.exp(t)),  # over log sigma, where the law is smooth
            *np.log(known.ppf([1e-12, 1 - 1e-12])),
            epsabs=1e-12,
        )
        assert total == pytest.approx(1.0, abs=1e-8)

    def test_density_is_one_over_the_slope_of_the_quantile(self, law, known):
        h = 1e-6
        u = U[1:-1]
        slope = (law.quantile(u + h) - law.quantile(u - h)) / (2 * h)
        assert np.allclose(law.density(law.quantile(u)) * slope, 1.0, rtol=1e-6)

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
    assert LogNormal(-1.2, 1.2).quantile(np.array([0.5]))[0] == pytest.approx(np.exp(-1.2), rel=1e-14)


def test_the_quantile_of_a_log_normal_is_finite_at_the_ends():
    ends = LogNormal(-1.2, 1.2).quantile(np.array([0.0, 1.0]))
    assert np.isfinite(ends).all()
    assert (ends > 0).all()


@pytest.mark.parametrize("levels", [4, 7])
def test_a_ladder_gives_each_level_the_same_share(levels):
    ladder = Geometric(10.0, 0.1, levels)
    values, counts = np.unique(ladder.sample(levels * 50, rng=0), return_counts=True)
    assert np.allclose(values, ladder.sigmas[::-1])
    assert counts.tolist() == [50] * levels
    # a batch that is no multiple of the levels: shares differ by at most one
    counts = np.unique(ladder.sample(levels * 50 + 3, rng=0), return_counts=True)[1]
    assert counts.min() >= 50
    assert counts.max() <= 51


def test_each_draw_from_a_ladder_is_uniform_on_its_levels():
    ladder, rng = Ladder((3.0, 1.0, 0.2)), sk.rng(11)
    first = np.array([ladder.sample(2, rng=rng)[0] for _ in range(6000)])
    counts = [(first == sigma).sum() for sigma in ladder.sigmas]
    assert stats.chisquare(counts).pvalue > 1e-6  # sees a share off by 0.05


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
        assert law.quantile(np.array([0.3], dtype)).dtype == dtype
        assert law.density(np.array([0.3], dtype)).dtype == dtype
        assert law.sample(9, rng=0).dtype == np.float64

    def test_is_a_value(self, law):
        assert isinstance(law, NoiseLaw)
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
