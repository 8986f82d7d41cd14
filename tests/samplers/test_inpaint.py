"""Inpainting: exact finite-step laws of the free coordinate, and what happens to the known one."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import CHAINS, SEED, Gaussian, TapedRng, assert_law, assert_normal, clamped_moments
from scorekit.noise import Geometric
from scorekit.samplers import AnnealedLangevin, ConsistentAnnealed, Inpaint, Langevin
from scorekit.testing import impulse_law

MEAN, COVARIANCE = (1.0, -0.5), [[1.0, 0.9], [0.9, 1.2]]
LAW = sk.distributions.Gaussian(list(MEAN), COVARIANCE)
Y = 3.0
CONDITIONAL = (-0.5 + 0.9 * (Y - 1.0), 1.2 - 0.81)
SIGMAS = [2.0, 1.0, 0.5]
FIRST = np.array([True, False])


def free(samples):
    """The free coordinate of each chain, as a column."""
    return samples[..., 1:]


def sample(sampler, x0=None, **options):
    x0 = np.zeros((2 * CHAINS, 2)) if x0 is None else x0
    return Inpaint(sampler, FIRST, [Y, np.nan]).sample(LAW.score, x0, rng=SEED, **options)


@pytest.mark.parametrize("denoise", [True, False])
def test_annealed_langevin_at_every_level(denoise):
    # N = 60,000: 0.04 sd and 5.6 % of variance are seen
    e, steps = 0.1, 4
    samples = sample(AnnealedLangevin(SIGMAS, steps, e, denoise), keep_every=steps)
    alphas = [e * sigma**2 / 0.25 for sigma in SIGMAS]
    stages = [(sigma, alpha / 2, alpha, steps) for sigma, alpha in zip(SIGMAS, alphas, strict=True)]
    stages += [(0.5, 0.25, 0.0, 1)] if denoise else []
    rows = clamped_moments(0.0, 0.0, (MEAN, COVARIANCE), Y, stages)
    assert len(samples.trajectory) == len(rows)
    for x, row in zip(samples.trajectory, rows, strict=True):
        assert_law(free(x), *row)
    assert np.all(samples.x[:, 0] == Y)


@pytest.mark.parametrize("eta", [None, 0.6, 1.0])
def test_consistent_sampling_at_every_level(eta):
    samples = sample(ConsistentAnnealed(SIGMAS, eta), keep_every=1)
    stages = []
    for sigma, after in ((2.0, 1.0), (1.0, 0.5)):
        eta_i = 0.75 if eta is None else eta
        stages.append((sigma, eta_i * sigma**2, after**2 - (1 - eta_i) ** 2 * sigma**2, 1))
    stages.append((0.5, 0.25, 0.0, 1))
    for x, row in zip(samples.trajectory, clamped_moments(0.0, 0.0, (MEAN, COVARIANCE), Y, stages), strict=True):
        assert_law(free(x), *row)


def test_langevin_knows_the_value_without_noise():
    e, steps = 0.1, 7
    samples = sample(Langevin(e, steps))
    [row] = clamped_moments(0.0, 0.0, (MEAN, COVARIANCE), Y, [(0.0, e / 2, e, steps)])
    assert_law(free(samples.x), *row)
    assert np.all(samples.x[:, 0] == Y)


def annealed_stages(sigmas, steps, share):
    return [(s, share * s**2 / 2, share * s**2, steps) for s in sigmas] + [(sigmas[-1], sigmas[-1] ** 2, 0.0, 1)]


UNIT = sk.distributions.Gaussian([0.0, 0.0], [[1.0, 0.9], [0.9, 1.0]])


def slope(sampler):
    """By how much the mean of the free coordinate follows the known one."""
    means = [impulse_law(Inpaint(sampler, FIRST, [y, np.nan]), UNIT.score, np.zeros(2)).mean[1] for y in (0.0, 1.0)]
    return means[1] - means[0]


def test_the_slopes_that_the_docstring_names():
    levels = Geometric(3.0, 0.05, 20)
    named = [AnnealedLangevin(levels, n, 0.2 * 0.05**2) for n in (20, 100)] + [ConsistentAnnealed(levels)]
    assert [round(slope(sampler), 2) for sampler in named] == [0.85, 0.89, 0.59]
    # many levels from afar: d mu / dt = (t mu - rho y) / (t² - rho²) with t = 1 + sigma², mu = 0 at infinity
    limit = (1 - np.sqrt(1 - 0.81)) / 0.9
    assert round(limit, 2) == 0.63
    errors = [abs(slope(ConsistentAnnealed(Geometric(100.0, 0.01, n))) - limit) for n in (200, 400, 800)]
    assert np.allclose(np.array(errors[:-1]) / errors[1:], 2.0, atol=0.1)  # of first order in the levels


def test_many_steps_a_level_tend_to_the_conditional_law():
    """By the recursion, which the tests above compare with the chains."""
    fine = clamped_moments(0.0, 0.0, (MEAN, COVARIANCE), Y, annealed_stages(np.geomspace(3.0, 0.01, 60), 4000, 0.02))[
        -1
    ]
    assert fine == pytest.approx(CONDITIONAL, rel=0.02)


def test_the_noise_of_the_known_entries_is_drawn_once_a_level():
    rng, model = TapedRng(), Gaussian()
    Inpaint(AnnealedLangevin([2.0, 0.5], 3, 0.1), FIRST, Y).sample(model, np.zeros((5, 2)), rng=rng)
    noise = rng.outer((5, 2))
    assert len(noise) == 2 * (1 + 3) + 1  # with the denoising step a stage of its own
    known = np.stack([x[:, 0] for x in model.points])
    for k, (stage, sigma) in enumerate([(0, 2.0)] * 3 + [(4, 0.5)] * 3 + [(8, 0.5)]):
        assert np.allclose(known[k], Y + sigma * noise[stage][:, 0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("sampler", [Langevin(0.1, 4), ConsistentAnnealed(SIGMAS), AnnealedLangevin(SIGMAS, 2, 0.1)])
class TestEverySampler:
    def test_known_pixels_come_back_exactly_and_the_rest_does_not(self, sampler):
        image = np.random.default_rng(0).random((4, 3, 8, 8))
        mask = np.zeros((8, 8), bool)
        mask[:, :4] = True
        image[..., ~mask] = np.nan
        x = Inpaint(sampler, mask, image).sample(Gaussian(), np.zeros((4, 3, 8, 8)), rng=0).x
        assert np.array_equal(x[..., mask], image[..., mask])
        assert np.isfinite(x).all()
        assert np.unique(x[..., ~mask]).size == 4 * 3 * 32

    def test_where_nothing_is_known_it_is_the_sampler(self, sampler):
        plain = sampler.sample(Gaussian(1.0, 0.5), np.zeros((CHAINS, 2)), rng=SEED).x
        wrapped = Inpaint(sampler, False, 0.0).sample(Gaussian(1.0, 0.5), np.zeros((CHAINS, 2)), rng=SEED + 1).x
        assert_normal((wrapped - plain) / np.sqrt(2), 0.0, plain.var(), "difference of two draws")

    def test_where_all_is_known_it_is_the_values(self, sampler):
        values = np.arange(12.0).reshape(6, 2)
        x = Inpaint(sampler, True, values).sample(Gaussian(), np.zeros((6, 2)), rng=0).x
        assert np.array_equal(x, values)

    def test_a_start_at_the_known_entries_is_not_read(self, sampler):
        a, b = (sample(sampler, np.array([[k, 1.0]])).x for k in (0.0, 1e6))
        assert np.array_equal(a, b)

    def test_dtype(self, sampler):
        x = Inpaint(sampler, FIRST, [Y, 0.0]).sample(Gaussian(), np.zeros((5, 2), np.float32), rng=0).x
        assert x.dtype == np.float32
        assert np.all(x[:, 0] == np.float32(Y))


def test_it_is_a_value_that_nobody_changes():
    mask, values = FIRST.copy(), np.array([Y, 0.0])
    sampler = Inpaint(Langevin(0.1, 2), mask, values)
    mask[:], values[:] = True, -1.0
    assert sampler.mask.tolist() == [True, False]
    assert sampler.values.tolist() == [Y, 0.0]
    with pytest.raises(ValueError, match="read-only"):
        sampler.values[0] = 1.0
    assert repr(sampler) == "Inpaint(Langevin(step_size=0.1, steps=2), mask of shape (2,), 1 of it known)"


def test_two_of_them_compose():
    inner = Inpaint(Langevin(0.1, 3), [True, False, False], 1.0)
    x = Inpaint(inner, [False, False, True], 2.0).sample(Gaussian(), np.zeros((5, 3)), rng=0).x
    assert (x[:, 0] == 1.0).all()
    assert (x[:, 2] == 2.0).all()
    assert np.unique(x[:, 1]).size == 5


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Inpaint(Langevin, FIRST, 0.0), TypeError, "sampler is .*expected an instance of one of sk.samplers"),
        (
            lambda: Inpaint(Langevin(0.1, 1), [1, 0], 0.0),
            TypeError,
            "mask has dtype int64: expected booleans.*mask != 0",
        ),
        (lambda: Inpaint(Langevin(0.1, 1), None, 0.0), TypeError, "mask is a NoneType.*expected an array of numbers"),
        (lambda: Inpaint(Langevin(0.1, 1), FIRST, "a"), TypeError, "values is a str"),
        (lambda: Inpaint(Langevin(0.1, 1), FIRST, [np.nan, 1.0]), ValueError, "values holds NaN .*numpy.isfinite"),
        (lambda: Inpaint(Langevin(0.1, 1), FIRST, np.ones(3)), ValueError, r"mask has shape \(2,\) and values \(3,\)"),
    ],
)
def test_bad_configuration(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert isinstance(caught.value, sk.ScorekitError)


def test_what_does_not_fit_the_start_is_refused_at_once():
    for bad, name in (
        (Inpaint(Langevin(0.1, 1), np.ones(3, bool), 0.0), "mask"),
        (Inpaint(Langevin(0.1, 1), True, np.ones((5, 2))), "values"),
    ):
        for run in (bad.sample, bad.iterate):
            with pytest.raises(sk.ShapeError, match=name + r" has shape .*broadcasts to that of x0, \(4, 2\)"):
                run(Gaussian(), np.zeros((4, 2)))


def test_a_divergence_is_told_in_the_words_of_the_sampler_inside():
    with pytest.raises(sk.DivergedError, match=r"Langevin is stable below 4/L.*try step_size=0.5"):
        Inpaint(Langevin(12.0, 1000), FIRST, 1.0).sample(lambda x: -x, np.ones((4, 2)), rng=0)
