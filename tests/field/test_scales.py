"""What is known is compared: scales of data and noise, levels of training and sampling, step sizes, rounding, memory.

The sources are named in the cases. Where no thread is named, the case is from a user's trial of the first version.
"""

from __future__ import annotations

import math
import tracemalloc
import warnings

import numpy as np
import pytest

import scorekit as sk
from scorekit.noise.columns import extreme_columns, far_rows, location_scale
from scorekit.samplers import AnnealedLangevin, ConsistentAnnealed, Inpaint, Langevin
from scorekit.samplers.kernels import ChainSampler, Context, Linear, Row, Rows, Schedule, langevin_row, linear_schedule
from scorekit_numpy import MLP

MIXTURE = sk.distributions.GaussianMixture([0.7, 0.3], [[1.0, 1.0], [-1.0, -1.0]], 0.09)
MEAN, SCALE = np.array([10.0, -5e3]), np.array([1.0, 1000.0])
X = MEAN + SCALE * MIXTURE.sample(400, rng=0)
U = (X - MEAN) / SCALE
LEVELS = sk.noise.Geometric(10.0, 0.01, 40)
MODEL = sk.models.standardized(MIXTURE.score, MEAN, SCALE)


def warned(call):
    """The result of a call and the messages of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, [str(each.message) for each in caught]


def quick_fit(model, objective, data, steps=1, **options):
    return sk.fit(model, objective, data, steps=steps, progress=False, **options)


def noise_conditional(sigma_max, sigma_min):
    return sk.objectives.NoiseConditional(sk.noise.LogUniform(sigma_max, sigma_min))


# ---------------------------------------------------------------- standardized models


class TestStandardized:
    """sbi-dev/sbi#1680: one scale for all parameters is detrimental if they live on different scales."""

    def test_the_score_is_that_of_the_scaled_density(self):
        normal = sk.distributions.Gaussian(MEAN, np.diag(SCALE**2))
        model = sk.models.standardized(lambda u, sigma=None: -u, MEAN, SCALE)
        np.testing.assert_allclose(model(X), normal.score(X), rtol=1e-12)

    def test_noise_is_sigma_times_scale(self):
        smoothed = sk.distributions.Gaussian(MEAN, np.diag(SCALE**2 * (1 + 0.5**2)))
        model = sk.models.standardized(lambda u, sigma: -u / (1 + sigma**2), MEAN, SCALE)
        np.testing.assert_allclose(model(X, 0.5), smoothed.score(X), rtol=1e-12)

    @pytest.mark.parametrize("shape", [(), (1,), (4,), (3, 1, 4), (1, 3, 1, 4)])
    def test_mean_and_scale_broadcast_to_a_sample(self, shape):
        x = np.random.default_rng(0).normal(size=(5, 3, 2, 4))
        mean, scale = np.full(shape, 2.0), np.full(shape, 4.0)
        model = sk.models.standardized(lambda u: -u, mean, scale)
        np.testing.assert_allclose(model(x), -(x - 2) / 16, rtol=1e-12)

    def test_denoise_returns_the_mean_of_the_posterior_in_the_units_of_x(self):
        for sigma in (0.5, np.linspace(0.1, 2.0, len(X))):
            expected = MEAN + SCALE * sk.models.denoise(MIXTURE.score, U, sigma)
            np.testing.assert_allclose(sk.models.denoise(MODEL, X, sigma), expected, rtol=1e-12)

    def test_log_prob_has_the_volume(self):
        normal = sk.distributions.Gaussian([0.0, 0.0], np.eye(2))

        class Known:
            def __call__(self, u, sigma=None):
                return normal.score(u, sigma)

            def log_prob(self, u, sigma=None):
                return normal.log_prob(u)

        log_prob = sk.models.standardized(Known(), MEAN, SCALE).log_prob
        np.testing.assert_allclose(log_prob(X), sk.distributions.Gaussian(MEAN, np.diag(SCALE**2)).log_prob(X))
        one = sk.models.standardized(Known(), 3.0, 2.0).log_prob(np.array([[3.0, 5.0]]))
        assert one == pytest.approx(-math.log(2 * math.pi) - 0.5 - 2 * math.log(2))

    @pytest.mark.parametrize(
        "objective",
        [
            sk.objectives.DenoisingScoreMatching(0.3),
            sk.objectives.DenoisingScoreMatching(0.3, "control"),
            sk.objectives.NoiseConditional(LEVELS, variance_reduction="antithetic"),
            sk.objectives.SlicedScoreMatching(),
            sk.objectives.ImplicitScoreMatching(),
        ],
    )
    def test_losses_are_those_of_standardized_data(self, objective):
        score = MIXTURE.score if objective.sampling_levels != (None,) else lambda u: MIXTURE.score(u)
        model = sk.models.standardized(score, MEAN, SCALE)
        noise = objective.draw(X, rng=1)
        np.testing.assert_allclose(
            objective.losses(model, X, noise=noise), objective.losses(score, U, noise=noise), rtol=1e-9
        )

    def test_the_explicit_loss_compares_with_a_target_in_the_units_of_x(self):
        target = sk.distributions.Gaussian(MEAN, np.diag(SCALE**2))
        objective = sk.objectives.ExplicitScoreMatching(target)
        assert objective(sk.models.standardized(lambda u: -u, MEAN, SCALE), X) == pytest.approx(0, abs=1e-20)
        off = objective.losses(sk.models.standardized(lambda u: -2 * u, MEAN, SCALE), X)
        np.testing.assert_allclose(off, 0.5 * (U**2).sum(axis=1), rtol=1e-9)
        with pytest.raises(ValueError, match="expected sigma=None"):
            sk.objectives.ExplicitScoreMatching(target, 0.5)(MODEL, X)

    def test_a_network_keeps_its_own_trace(self):
        network, probed = MLP(2, hidden=(4,), conditional=False), []

        class Watched(MLP):
            def divergence(self, *arguments, **named):
                probed.append(1)
                return network.divergence(*arguments, **named)

        model = sk.models.standardized(Watched(2, hidden=(4,), conditional=False), MEAN, SCALE)
        loss = sk.objectives.ImplicitScoreMatching()(model, X)
        assert probed
        assert loss == pytest.approx(sk.objectives.ImplicitScoreMatching()(network, U))

    @pytest.mark.parametrize(
        "sampler", [ConsistentAnnealed(LEVELS), AnnealedLangevin(LEVELS, 3, 1e-5), Langevin(0.01, 20)], ids=repr
    )
    def test_chains_are_those_of_standardized_points(self, sampler):
        score = (lambda u: MIXTURE.score(u)) if isinstance(sampler, Langevin) else MIXTURE.score
        model = sk.models.standardized(score, MEAN, SCALE)
        x0 = MEAN + SCALE * 10 * np.random.default_rng(1).normal(size=(50, 2))
        here = sampler.sample(model, x0, rng=2, keep_every=7)
        there = sampler.sample(score, (x0 - MEAN) / SCALE, rng=2, keep_every=7)
        np.testing.assert_allclose(here.x, MEAN + SCALE * there.x, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(here.trajectory, MEAN + SCALE * there.trajectory, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(here.stats["score_norm"], there.stats["score_norm"], rtol=1e-6)
        states = list(sampler.iterate(model, x0, rng=2))
        np.testing.assert_array_equal(states[-1].x, here.x)

    def test_known_entries_are_in_the_units_of_x(self):
        sampler = Inpaint(ConsistentAnnealed(LEVELS), [True, False], [11.0, np.nan])
        x0 = sk.samplers.initial(LEVELS, (100, 2), rng=1, model=MODEL)
        x = sampler.sample(MODEL, x0, rng=0).x
        np.testing.assert_allclose(x[:, 0], 11.0, rtol=1e-12)
        assert abs(x[:, 1].mean() - (MEAN[1] + SCALE[1])) < 300  # the mode that the first column names

    def test_initial_points_have_the_noise_of_the_first_level(self):
        x0 = sk.samplers.initial(LEVELS, (40_000, 2), rng=1, model=MODEL)
        np.testing.assert_allclose(((x0 - MEAN) / SCALE).std(axis=0), math.sqrt(101), rtol=0.02)
        assert warned(lambda: ConsistentAnnealed(LEVELS).sample(MODEL, x0[:500], rng=0))[1] == []
        for wrong in ({"mean": MEAN}, {"std": SCALE}, {"mean": 1.0}):
            with pytest.raises(ValueError, match="omit mean and std"):
                sk.samplers.initial(LEVELS, (3, 2), model=MODEL, **wrong)
        with pytest.raises(TypeError, match="without mean and scale"):
            sk.samplers.initial(LEVELS, (3, 2), model=MIXTURE.score)

    def test_a_start_with_noise_in_the_units_of_x_warns(self):
        x0 = sk.samplers.initial(LEVELS, (500, 2), rng=1, mean=MEAN, std=SCALE)
        _, said = warned(lambda: ConsistentAnnealed(LEVELS).sample(MODEL, x0, rng=0))
        assert len(said) == 1
        assert "x0 = sk.samplers.initial(noise, shape, model=model)" in said[0]

    def test_conditions_and_one_level_stand_outside(self):
        def by_class(u, sigma, condition):
            return (condition[:, None] - u) / (1 + sigma**2)

        model = sk.models.standardized(by_class, MEAN, SCALE)
        fixed = sk.models.condition(model, 1)
        np.testing.assert_allclose(fixed(X, 0.5), (1 - U) / 1.25 / SCALE, rtol=1e-12)
        x0 = sk.samplers.initial(LEVELS, (400, 2), rng=1, model=fixed)
        x = ConsistentAnnealed(LEVELS).sample(fixed, x0, rng=0).x
        assert np.all(np.abs((x.mean(axis=0) - MEAN) / SCALE - 1) < 0.3)
        started = Langevin(0.1, 5).sample(sk.models.at(MODEL, 0.5), X, rng=0).x
        other = Langevin(0.1, 5).sample(sk.models.at(MIXTURE.score, 0.5), U, rng=0).x
        np.testing.assert_allclose(started, MEAN + SCALE * other, rtol=1e-9)

    def test_blocks(self):
        def begin(count, rng):
            return sk.samplers.initial(LEVELS, (count, 2), rng, model=MODEL)

        gathered = sk.samplers.gather(
            sk.samplers.sample_blocks(ConsistentAnnealed(LEVELS), MODEL, begin, 60, 0, block=20)
        )
        assert abs(np.mean((gathered.x - MEAN) / SCALE)) < 2

    def test_saved_and_loaded_exactly(self, tmp_path):
        mean, scale = np.array([1 / 3, 1e-9]), np.array([math.pi, 1e9])
        inside = sk.models.Preconditioned(MLP(2, hidden=(4,)), 1.0)
        for number, (m, s) in enumerate([(mean, scale), (0.1, scale), (1 / 7, 3.0)]):
            model = sk.models.standardized(inside, m, s)
            sk.save(model, tmp_path / str(number))
            again = sk.load(tmp_path / str(number))
            assert np.array_equal(again.mean, m)
            assert np.array_equal(again.scale, s)
            assert np.array_equal(again(X, 0.3), model(X, 0.3))

    @pytest.mark.parametrize("outer", [
        lambda m: sk.models.Preconditioned(m, 1.0), sk.models.EnergyModel, sk.models.DenoiserModel,
        lambda m: sk.models.Preconditioned(sk.models.at(m, 1.0), 1.0),
    ])  # fmt: skip
    def test_scaling_inside_of_scaling_is_refused(self, outer):
        with pytest.raises(TypeError, match=r"put the view of standardized data outside, sk.models.standardized\("):
            outer(MODEL)

    @pytest.mark.parametrize(
        ("call", "error", "words"),
        [
            (lambda: sk.models.standardized(3, 0.0, 1.0), TypeError, "model is a int"),
            (lambda: sk.models.standardized(MODEL, 0.0, 1.0), TypeError, "standardized already"),
            (lambda: sk.models.standardized(abs, 0.0, 0.0), ValueError, "scale must be positive"),
            (lambda: sk.models.standardized(abs, 0.0, [1.0, 0.0]), ValueError, r"got 0.0 at index \[1\].*constant"),
            (lambda: sk.models.standardized(abs, 0.0, [1.0, math.inf]), ValueError, "got inf"),
            (lambda: sk.models.standardized(abs, [math.nan], 1.0), ValueError, "mean holds NaN"),
            (lambda: sk.models.standardized(abs, "0", 1.0), TypeError, "mean is 0: expected a number"),
            (lambda: sk.models.standardized(abs, 0.0, True), TypeError, "scale is bool"),
            (
                lambda: sk.models.standardized(abs, [0.0] * 3, 1.0)(X),
                ValueError,
                r"mean of standardized has shape \(3,",
            ),
            (lambda: sk.models.standardized(abs, 0.0, np.ones((400, 2)))(X), ValueError, "broadcasts to one sample"),
            (lambda: sk.metrics.score_error(MODEL, MIXTURE, X, 0.5), TypeError, "its noise is sigma \\* scale"),
            (lambda: sk.metrics.score_error_report(MODEL, MIXTURE, [1.0], 50), TypeError, "its noise is sigma"),
        ],
    )
    def test_what_is_refused(self, call, error, words):
        with pytest.raises(error, match=words) as caught:
            call()
        assert isinstance(caught.value, sk.ScorekitError)

    @pytest.mark.parametrize(
        "use",
        [
            lambda model: ConsistentAnnealed(LEVELS).sample(model, X, rng=0),
            lambda model: Langevin(0.1, 2).sample(sk.models.at(model, 0.5), X, rng=0),
            lambda model: sk.objectives.NoiseConditional(LEVELS)(model, X, rng=0),
            lambda model: sk.objectives.DenoisingScoreMatching(0.5)(model, X, rng=0),
            lambda model: sk.models.denoise(model, X, 0.5),
            lambda model: sk.metrics.score_error(model, MIXTURE, X, 0.5),
        ],
    )
    def test_a_function_that_hides_it_is_refused(self, use):
        with pytest.raises(TypeError, match=r"a standardized model is inside of a function.*Put the function inside"):
            use(lambda x, sigma: MODEL(x, sigma))
        assert MODEL(X, 0.5).shape == X.shape  # elsewhere it may be called

    def test_without_noise_it_is_compared_in_the_units_of_x(self):
        target = sk.distributions.Gaussian(MEAN, np.diag(SCALE**2))
        model = sk.models.standardized(lambda u: -u, MEAN, SCALE)
        assert sk.metrics.score_error(model, target, X).relative_l2 < 1e-12

    def test_tensors(self):
        torch = pytest.importorskip("torch")
        x = torch.as_tensor(X, dtype=torch.float32)
        model = sk.models.standardized(lambda u, sigma: -u / (1 + sigma**2), torch.as_tensor(MEAN), SCALE)
        made = model(x, 0.5)
        assert made.dtype == torch.float32
        np.testing.assert_allclose(made.numpy(), -U / 1.25 / SCALE, rtol=1e-3)
        np.testing.assert_allclose(model(X, 0.5), -U / 1.25 / SCALE, rtol=1e-12)  # another dtype after it

    def test_float32_chains_keep_the_precision_of_standardized_points(self):
        """x near 1e6 has steps of 0.06 in float32; the chain moves in u."""
        model = sk.models.standardized(lambda u, sigma: -u / (1 + sigma**2), 1e6, 1.0)
        x0 = np.full((2000, 1), 1e6, np.float32) + np.random.default_rng(0).normal(size=(2000, 1)).astype("float32")
        x, said = warned(lambda: AnnealedLangevin([0.5, 0.05], 50, 0.2 * 0.05**2, denoise=False).sample(model, x0, 0).x)
        assert said == []
        assert 0.95 < x.astype(float).std() < 1.2  # between N(0, 1) and its noisy version at 0.5

    def test_fit_trains_it_as_the_model_inside_on_standardized_data(self):
        inside = sk.models.Preconditioned(MLP(2, hidden=(8,)), 1.0)
        objective = sk.objectives.NoiseConditional(LEVELS)
        whole = quick_fit(sk.models.standardized(inside, MEAN, SCALE), objective, X, steps=20, validation=X[:50])
        alone = quick_fit(inside, objective, U, steps=20, validation=U[:50])
        np.testing.assert_allclose(whole.history.loss, alone.history.loss, rtol=1e-6)
        np.testing.assert_allclose(whole.history.validation_loss, alone.history.validation_loss, rtol=1e-6)
        np.testing.assert_allclose(whole.model(X, 0.3), alone.model(U, 0.3) / SCALE, rtol=1e-5)

    def test_fit_with_torch(self):
        torch = pytest.importorskip("torch")
        import scorekit_torch

        x = torch.as_tensor(X)
        model = sk.models.standardized(
            sk.models.Preconditioned(scorekit_torch.MLP(2, hidden=(8,), dtype="float64"), 1.0), MEAN, SCALE
        )
        result = quick_fit(model, sk.objectives.NoiseConditional(LEVELS), x, steps=5)
        x0 = sk.samplers.initial(LEVELS, (50, 2), rng=1, model=result.model, like=x)
        assert ConsistentAnnealed(LEVELS).sample(result.model, x0, rng=0).x.shape == (50, 2)

    def test_an_objective_of_your_own_is_told_that_noise_is_scaled(self):
        def own(model, x, rng):
            z = sk.array_namespace(x).asarray(rng.normal(x.shape, like=x))
            return sk.array_namespace(x).mean((0.1 * model(x + 0.1 * SCALE * z, 0.1) * SCALE + z) ** 2)

        model = sk.models.standardized(sk.models.Preconditioned(MLP(2, hidden=(4,)), 1.0), MEAN, SCALE)
        _, said = warned(lambda: quick_fit(model, own, X))
        assert len(said) == 1
        assert "its noise must be sigma * scale" in said[0]


@pytest.mark.slow
def test_columns_with_deviations_1_and_1000_end_in_the_modes():
    """The recipe of the guide. The same data without it put 16 to 64 % of the samples into the modes."""
    data = MEAN + SCALE * MIXTURE.sample(5000, rng=3)
    mean, scale = sk.noise.location_scale(data)
    noise = sk.noise.design((data - mean) / scale)
    model = sk.models.standardized(sk.models.Preconditioned(MLP(2, hidden=(64, 64)), 1.0), mean, scale)
    result = quick_fit(
        model,
        sk.objectives.NoiseConditional(noise),
        data,
        steps=1500,
        learning_rate=sk.training.WarmupCosine(8e-3, 1500, warmup=100),
    )
    x0 = sk.samplers.initial(noise, (2000, 2), rng=1, model=result.model)
    x = AnnealedLangevin(noise, noise.steps_per_level, noise.step_size).sample(result.model, x0, rng=2).x
    squares = (((x - MEAN) / SCALE)[:, None] - np.array([[1.0, 1.0], [-1.0, -1.0]])) ** 2 / 0.09
    assert np.mean(squares.sum(axis=2).min(axis=1) < 13.8) > 0.95  # all but 0.1 % of a mode


# ---------------------------------------------------------------- robust scales, and noise levels from data


class TestLocationScale:
    def test_normal_columns(self):
        data = np.random.default_rng(0).normal([0.0, 50.0, -1e-9], [1.0, 1e3, 1e-12], (20_000, 3))
        mean, scale = location_scale(data)
        np.testing.assert_allclose(scale, [1.0, 1e3, 1e-12], rtol=0.02)
        np.testing.assert_allclose((mean - [0.0, 50.0, -1e-9]) / scale, 0.0, atol=0.04)

    def test_one_outlier_does_not_count(self):
        data = np.random.default_rng(0).normal(size=(2000, 2))
        spoiled = data.copy()
        spoiled[7, 1] = 1e6
        (a, b), (c, d) = location_scale(data), location_scale(spoiled)
        np.testing.assert_allclose(c, a, atol=0.01)
        np.testing.assert_allclose(d, b, rtol=0.02)

    def test_constant_columns_get_the_smallest_scale_of_the_others(self):
        """kchua/handful-of-trials#11: which scale has a constant column?"""
        data = np.random.default_rng(0).normal(size=(500, 3)) * [1e-6, 0.0, 5.0] + [0.0, 0.1, 3.0]
        _, scale = location_scale(data)
        assert scale[1] == scale[0] < 2e-6
        assert location_scale(np.full((5, 2), 0.1)).scale.tolist() == [1.0, 1.0]

    def test_rare_values_are_not_outliers(self):
        data = np.zeros((1000, 1))
        data[:10] = 1.0
        assert location_scale(data).scale[0] == pytest.approx(math.sqrt(0.01 * 0.99))

    def test_shape_framework_and_dtype(self):
        images = np.random.default_rng(0).random((40, 1, 4, 4)).astype(np.float32)
        mean, scale = location_scale(images)
        assert mean.shape == scale.shape == (1, 4, 4)
        assert mean.dtype == np.float32
        torch = pytest.importorskip("torch")
        made = location_scale(torch.as_tensor(images, dtype=torch.float64))
        assert made.scale.dtype == torch.float64
        np.testing.assert_allclose(made.scale.numpy(), scale, rtol=1e-6)

    def test_across_blocks(self, monkeypatch):
        data = np.random.default_rng(0).normal(size=(300, 2))
        whole = location_scale(data)
        monkeypatch.setattr("scorekit.noise.columns.CHUNK", 7)
        np.testing.assert_allclose(location_scale(data), whole, rtol=1e-12)

    @pytest.mark.parametrize("wrong", [np.ones((1, 2)), np.ones(5), np.array([[1.0], [np.nan]])])
    def test_what_is_refused(self, wrong):
        with pytest.raises(ValueError):  # noqa: PT011
            location_scale(wrong)


class TestDesign:
    def test_one_outlier_does_not_set_sigma_max(self):
        data = np.random.default_rng(0).normal(size=(500, 2))
        usual = sk.noise.design(data)
        spoiled = np.concatenate([data, [[0.0, 1e6]]])
        noise, said = warned(lambda: sk.noise.design(spoiled))
        assert noise.sigmas == pytest.approx(usual.sigmas, rel=1e-12)
        assert noise.left_out == 1
        assert "1 far from all others left out" in noise.report()
        assert len(said) == 1
        assert "sample 500 has 1e+06 in column 1" in said[0]
        assert warned(lambda: sk.noise.design(spoiled, sigma_max=5.0, sigma_min=0.05))[1] == []

    @pytest.mark.parametrize("place", [0, 250, 499])
    @pytest.mark.parametrize("size", [1e3, -1e9])
    def test_wherever_it_stands(self, place, size):
        data = np.random.default_rng(0).normal(size=(500, 2))
        data[place] = size
        noise, said = warned(lambda: sk.noise.design(data))
        assert noise.sigma_max < 12
        assert len(said) == 1
        assert f"sample {place} " in said[0]

    @pytest.mark.parametrize("n", [2, 19, 20, 500])
    def test_heavy_tails_rare_modes_and_few_rows_are_data(self, n):
        g = np.random.default_rng(0)
        rare = g.normal(size=(n, 2)) + 100 * (g.random((n, 1)) < 0.05)
        for data in (g.standard_t(3, (n, 2)), rare, np.concatenate([np.zeros((n, 1)), np.ones((n, 1))])):
            assert not far_rows(data).any()

    def test_a_range_that_a_few_values_set_is_named(self):
        data = np.random.default_rng(0).standard_cauchy((2000, 2))
        _, said = warned(lambda: sk.noise.design(data))
        assert len(said) == 2
        assert "hides the structure of all but the few values that are far away. Set sigma_min=0.0" in said[1]
        assert len(warned(lambda: sk.noise.design(data, sigma_min=0.05))[1]) == 1

    def test_columns_of_different_scales_are_named_with_the_remedy(self):
        _, said = warned(lambda: sk.noise.design(X))
        assert len(said) == 1
        assert "column 0 has the scale" in said[0]
        assert "column 1 the scale" in said[0]
        assert "sk.noise.design((data - mean) / scale)" in said[0]
        assert "sk.models.standardized(model, mean, scale)" in said[0]
        assert warned(lambda: sk.noise.design((X - MEAN) / SCALE))[1] == []

    @pytest.mark.parametrize(
        ("ratio", "sigma_min", "uneven"),
        [(2.0, 0.5, False), (4.0, 0.3, False), (4.0, 0.5, True), (18.0, 0.01, False), (22.0, 0.01, True)],
    )
    def test_the_threshold(self, ratio, sigma_min, uneven):
        """Measured: two modes of one column are kept by 98, 93, 92 and 80 % at ratios 3, 5, 10 and 30."""
        ends = np.linspace(-1, 1, 1001)[:, None]  # interquartile range 1, as a normal of deviation 0.741
        assert extreme_columns(1.349 * ends * [1.0, ratio]).fit(sigma_min) is not uneven

    def test_images_and_binary_columns_are_not_compared(self):
        g = np.random.default_rng(0)
        images = g.random((200, 1, 8, 8)) * np.geomspace(1e-4, 1, 64).reshape(8, 8)
        assert warned(lambda: sk.noise.design(images))[1] == []
        sparse = np.stack([1e-4 * (g.random(500) < 0.2), g.normal(size=500), g.normal(size=500)], axis=1)
        assert warned(lambda: sk.noise.design(sparse))[1] == []
        digits = sk.datasets.digits().images
        assert warned(lambda: sk.noise.design(digits.reshape(len(digits), -1)))[1] == []


# ---------------------------------------------------------------- the data beside noise and preconditioning, in fit


IMAGES = np.random.default_rng(0).integers(0, 256, (64, 4)).astype(float)
STANDARD = np.random.default_rng(0).normal(size=(200, 2))


class TestBeforeTheFirstStep:
    """siyuh/Squidiff#10: unscaled samples of data that were not normalized. NVlabs/edm#21: which noise levels for my
    data? intuitive-robots/beso#3, openai/consistency_models#41: sigma_data is not that of the data."""

    @pytest.mark.parametrize(
        ("data", "model", "objective", "words"),
        [
            (IMAGES, lambda: sk.models.Preconditioned(MLP(4, hidden=(4,)), 140.0), noise_conditional(10.0, 0.01),
             ["from 0 to 255", "levels from 0.01 to 10 are too small", "divide the data by 255"]),
            (100 * STANDARD, lambda: MLP(2, hidden=(4,)), noise_conditional(1000.0, 1.0),
             ["entries of the order of 8", "standardized(sk.models.Preconditioned(network, sigma_data=1.0)"]),
            (1e-3 * STANDARD, lambda: sk.models.Preconditioned(MLP(2, hidden=(4,)), 1e-3),
             noise_conditional(10.0, 0.01), ["are too large for them", "sk.noise.design(data)"]),
            (1000 * STANDARD, lambda: sk.models.Preconditioned(MLP(2, hidden=(4,)), 1.0), noise_conditional(9e3, 10.0),
             ["Preconditioned has sigma_data=1, and the root mean square of the data is", "write sigma_data="]),
            (STANDARD, lambda: sk.models.Preconditioned(MLP(2, hidden=(4,)), 1.0),
             sk.objectives.NoiseConditional(sk.noise.LogUniform(9.0, 0.1), "edm", sigma_data=50.0),
             ["NoiseConditional has sigma_data=50"]),
            (10 + STANDARD, lambda: sk.models.Preconditioned(MLP(2, hidden=(4,)), 10.0), noise_conditional(5.0, 0.05),
             ["standard deviations away from zero", "sk.models.standardized(model, *sk.noise.location_scale(data))"]),
            (X, lambda: sk.models.standardized(MLP(2, hidden=(4,)), MEAN, SCALE), noise_conditional(9e3, 10.0),
             ["in standardized units", "noise = sk.noise.design((data - mean) / scale)"]),
            (X - MEAN, lambda: sk.models.Preconditioned(MLP(2, hidden=(4,)), 700.0), noise_conditional(9e3, 0.01),
             ["column 0 has the scale", "mean, scale = sk.noise.location_scale(data)"]),
            (STANDARD, lambda: MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(30.0),
             ["noise level 30 is too large"]),
            ((1e4 + STANDARD).astype("float32"),
             lambda: sk.models.standardized(MLP(2, hidden=(4,), dtype="float32"), 0.0, 1e3),
             noise_conditional(5.0, 1e-7), ["in standardized units", "lost to rounding"]),
        ],
    )  # fmt: skip
    def test_one_warning_with_numbers_and_a_remedy(self, data, model, objective, words):
        _, said = warned(lambda: quick_fit(model(), objective, data))
        assert len(said) == 1
        for word in words:
            assert word in said[0]

    @pytest.mark.parametrize(
        ("data", "model", "objective"),
        [
            (STANDARD, lambda: MLP(2, hidden=(4,)), noise_conditional(5.0, 0.05)),
            (STANDARD, lambda: MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.01)),
            (STANDARD, lambda: MLP(2, hidden=(4,), conditional=False), sk.objectives.SlicedScoreMatching()),
            (IMAGES / 255, lambda: MLP(4, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.5)),  # a denoiser
            (3 + STANDARD, lambda: sk.models.Preconditioned(MLP(2, hidden=(4,)), 3.0), noise_conditional(5.0, 0.05)),
            (STANDARD * [1.0, 15.0], lambda: sk.models.Preconditioned(MLP(2, hidden=(4,)), 10.0),
             noise_conditional(90.0, 0.05)),
            (IMAGES / 255, lambda: MLP(4, hidden=(4,)), noise_conditional(10.0, 0.01)),
            (IMAGES / 127.5 - 1, lambda: sk.models.Preconditioned(MLP(4, hidden=(4,)), 0.5),
             sk.objectives.NoiseConditional(sk.noise.LogNormal(-1.2, 1.2), "edm", sigma_data=0.5)),
            (np.concatenate([STANDARD, [[0.0, 1e6]]]), lambda: MLP(2, hidden=(4,)), noise_conditional(5.0, 0.05)),
            (np.ones((50, 2)), lambda: MLP(2, hidden=(4,)), sk.objectives.DenoisingScoreMatching(0.1)),
            (1e4 * STANDARD[:5], lambda: MLP(2, hidden=(4,)), noise_conditional(5.0, 0.05)),
            (X, lambda: sk.models.standardized(MLP(2, hidden=(4,)), MEAN, SCALE), noise_conditional(5.0, 0.05)),
        ],
    )  # fmt: skip
    def test_no_false_alarm(self, data, model, objective):
        assert warned(lambda: quick_fit(model(), objective, data))[1] == []

    def test_data_sets_and_loaders_are_compared_too(self):
        torch = pytest.importorskip("torch")
        import scorekit_torch

        images = torch.as_tensor(IMAGES, dtype=torch.float32)
        held = torch.utils.data.TensorDataset(images)
        for data in (held, torch.utils.data.DataLoader(held, batch_size=32)):
            network = sk.models.Preconditioned(scorekit_torch.MLP(4, hidden=(4,), dtype="float32"), 140.0)
            _, said = warned(lambda n=network, d=data: quick_fit(n, noise_conditional(10.0, 0.01), d))
            assert len(said) == 1
            assert "divide the data by 255" in said[0]


# ---------------------------------------------------------------- levels of training and of sampling


class Noisy(sk.noise.NoiseDistribution):
    def icdf(self, u):
        return 0.5 + u

    def pdf(self, sigma):
        return 0 * sigma + 1


class TestTrainedLevels:
    """cvlab-epfl/single-stage-pose#3: noise of 15 in training, of 31 in testing. wbhu/DnCNN-tensorflow#26: networks for
    noise 5, 10 and 15, all called on noise 5."""

    @pytest.mark.parametrize(
        ("objective", "levels"),
        [
            (noise_conditional(5.0, 0.1), (0.1, 5.0)),
            (sk.objectives.NoiseConditional(sk.noise.Geometric(3.0, 0.3, 4)), (0.3, 3.0)),
            (sk.objectives.DenoisingScoreMatching(0.4), (0.4, 0.4)),
            (sk.objectives.NoiseConditional(Noisy()), (0.501, 1.499)),
        ],
    )
    def test_fit_sets_them_and_saving_keeps_them(self, objective, levels, tmp_path):
        network = MLP(2, hidden=(4,))
        result = quick_fit(sk.models.Preconditioned(network, 1.0), objective, STANDARD)
        assert result.model.net.trained_levels == pytest.approx(levels)
        assert not hasattr(network, "trained_levels")
        sk.save(result.model, tmp_path / "model")
        assert sk.load(tmp_path / "model").net.trained_levels == result.model.net.trained_levels

    def test_without_noise_they_are_none(self, tmp_path):
        first = quick_fit(MLP(2, hidden=(4,)), noise_conditional(5.0, 0.1), STANDARD).model
        again = quick_fit(first, lambda m, x, rng: sk.array_namespace(x).mean(m(x, 1.0) ** 2), STANDARD).model
        assert again.trained_levels is None
        plain = quick_fit(MLP(2, hidden=(4,), conditional=False), sk.objectives.SlicedScoreMatching(), STANDARD).model
        assert plain.trained_levels is None
        sk.save(plain, tmp_path / "model")
        assert sk.load(tmp_path / "model").trained_levels is None

    def test_of_a_resumed_run(self, tmp_path):
        for _ in range(2):
            result = quick_fit(MLP(2, hidden=(4,)), noise_conditional(5.0, 0.1), STANDARD, checkpoint=tmp_path / "run")
            assert result.model.trained_levels == pytest.approx((0.1, 5.0))

    def test_any_module(self, tmp_path):
        torch = pytest.importorskip("torch")

        class Own(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(2, 2)

            def forward(self, x, sigma):
                return self.layer(x) / sigma[:, None]

        data = torch.as_tensor(STANDARD, dtype=torch.float32)
        model = quick_fit(sk.models.standardized(Own(), 0.0, 1.0), noise_conditional(5.0, 0.1), data).model
        assert model.model.trained_levels == pytest.approx((0.1, 5.0))
        assert "trained_levels" not in model.model.state_dict()
        sk.save(model, tmp_path / "model")
        assert sk.load(tmp_path / "model", into=Own()).model.trained_levels == pytest.approx((0.1, 5.0))
        _, said = warned(lambda: ConsistentAnnealed([9.0, 1.0]).sample(model, 9 * torch.randn(20, 2), rng=0))
        assert len(said) == 1

    NETWORK = MLP(2, hidden=(4,))
    NETWORK.trained_levels = (0.1, 5.0)

    @pytest.mark.parametrize("view", [
        lambda m: m, lambda m: sk.models.Preconditioned(m, 1.0), lambda m: sk.models.standardized(m, 0.0, 1.0),
        lambda m: sk.models.per_sample(sk.models.Preconditioned(m, 1.0)),
    ])  # fmt: skip
    @pytest.mark.parametrize("sampler", [
        ConsistentAnnealed([8.0, 1.0]), ConsistentAnnealed([1.0, 0.06]), AnnealedLangevin([30.0, 1.0], 1, 0.1),
        Inpaint(ConsistentAnnealed([8.0, 1.0]), False, 0.0), Langevin(1e-4, 2),
    ], ids=repr)  # fmt: skip
    def test_a_sampler_outside_of_them_warns_once(self, view, sampler):
        model = view(self.NETWORK)
        model = sk.models.at(model, 0.01) if isinstance(sampler, Langevin) else model
        x0 = 20 * np.random.default_rng(0).normal(size=(20, 2))
        _, said = warned(lambda: sampler.sample(model, x0, rng=0))
        assert len(said) == 1
        assert "was trained on levels from 0.1 to 5" in said[0]
        assert "sk.noise.Geometric(5, 0.1, levels)" in said[0]
        assert "sk.noise.LogUniform(" in said[0]

    @pytest.mark.parametrize("levels", [[7.4, 1.0, 0.07], [5.0, 0.1], [1.0, 0.5]])
    def test_within_a_factor_of_one_and_a_half_it_does_not(self, levels):
        x0 = 8 * np.random.default_rng(0).normal(size=(20, 2))
        for model in (self.NETWORK, sk.models.Preconditioned(self.NETWORK, 1.0)):
            assert warned(lambda m=model: ConsistentAnnealed(levels).sample(m, x0, rng=0))[1] == []
        assert warned(lambda: Langevin(0.01, 2).sample(sk.models.at(self.NETWORK, 0.1), x0, rng=0))[1] == []

    def test_a_function_has_none(self):
        x0 = np.zeros((5, 2))
        assert warned(lambda: ConsistentAnnealed([1e6, 1e-6]).sample(lambda x, sigma: -x / sigma**2, x0, 0))[1] == []

    def test_one_trained_level_names_langevin(self):
        network = MLP(2, hidden=(4,))
        network.trained_levels = (0.4, 0.4)
        _, said = warned(lambda: ConsistentAnnealed([5.0, 0.4]).sample(network, np.zeros((5, 2)), rng=0))
        assert "was trained on sigma = 0.4: " in said[0]
        assert "sk.models.at(model, 0.4)" in said[0]


# ---------------------------------------------------------------- step sizes


class TestStepSizes:
    """openai/ebm_code_release#2, point0bar1/ebm-anatomy#1: steps of 1 and of 180, with noise of another size."""

    @pytest.mark.parametrize("relative", [4.0, 4.1, 1e6])
    def test_an_unstable_one_is_refused_when_the_sampler_is_made(self, relative):
        with pytest.raises(ValueError, match=r"expected less than 4 times.*Try step_size=0.05"):
            AnnealedLangevin([2.0, 0.5], 5, relative * 0.5**2)

    def test_the_bound_holds_in_spite_of_rounding(self):
        with pytest.raises(ValueError, match="expected less than 4 times"):
            AnnealedLangevin([1.0, 0.1], 5, 0.04)  # 4 * 0.1**2 is a little more in floating point

    def test_near_the_bound_the_variance_is_stated_and_right(self):
        sampler, said = warned(lambda: AnnealedLangevin([1.0, 0.5], 200, 3.2 * 0.5**2, denoise=False))
        assert len(said) == 1
        assert "tends to 1 / (1 - 3.2/4) = 5 times sigma^2" in said[0]
        x = sampler.sample(lambda x, sigma: -x / sigma**2, np.zeros((20_000, 1)), rng=0).x
        assert x.var() / 0.25 == pytest.approx(5.0, rel=0.1)

    def test_half_of_the_bound_and_designed_steps_do_not_warn(self):
        for steps in (1, 2, 5, 100):
            noise = sk.noise.design(STANDARD, steps_per_level=steps)
            assert warned(lambda n=noise: AnnealedLangevin(n, n.steps_per_level, n.step_size))[1] == []
        assert warned(lambda: AnnealedLangevin([1.0, 0.5], 1, 2 * 0.5**2))[1] == []

    def test_iterate_warns_as_sample_does(self):
        x0 = np.random.default_rng(0).normal(size=(200, 2))
        run = lambda x: -x  # noqa: E731
        _, sampled = warned(lambda: Langevin(3.9, 300).sample(run, x0, rng=0))
        _, iterated = warned(lambda: list(Langevin(3.9, 300).iterate(run, x0, rng=0)))
        assert len(sampled) == len(iterated) == 1
        assert sampled == iterated

    def test_the_warning_points_to_the_call(self):
        x0 = np.random.default_rng(0).normal(size=(200, 2))
        for call in (
            lambda: Langevin(3.9, 300).sample(lambda x: -x, x0, rng=0, progress=True),
            lambda: list(Langevin(3.9, 300).iterate(lambda x: -x, x0, rng=0)),
        ):
            with pytest.warns(RuntimeWarning, match="4/L") as caught:
                call()
            assert [each.filename for each in caught] == [__file__]

    def test_rising_levels_are_judged_by_the_largest(self):
        """A chain that is noised from 1e-4 to 1e4 grows by a factor of 1e8, and is well."""

        class Rising(ChainSampler):
            def schedule(self):
                sigmas = np.geomspace(1e-4, 1e4, 30)
                return linear_schedule([langevin_row(float(s) ** 2, float(s), i) for i, s in enumerate(sigmas)])

        x = Rising().sample(lambda x, sigma: -x / sigma**2, np.full((50, 2), 1e-4), rng=0).x
        assert 1e3 < np.abs(x).max() < 1e5

    def test_extremes_of_a_long_schedule(self):
        rows = Rows(10**7, lambda k: Row(sigma=1.0 + k, step_size=1e7 - k))
        assert Schedule((Linear(),), rows).extremes == (1e7, 1.0, 1e7)
        assert Schedule((Linear(),), [Row()]).extremes == (None, None, 0.0)


class TestUnits:
    """Data in units of 1e-6: meters for micrometers."""

    @pytest.mark.parametrize("unit", [1e-9, 1e-6, 1.0, 1e6])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_the_curvature_of_a_curved_density_does_not_depend_on_the_unit(self, unit, dtype):
        def model(x):  # −U' of U = (x/unit)⁴/4 + (x/unit)²/2: curvature 4 at ±unit, where the score is not linear
            u = x / dtype(unit)
            return -(u**3 + u) / dtype(unit)

        x0 = np.full((5, 1), unit, dtype)
        with pytest.raises(sk.DivergedError, match="4/L") as caught:
            Langevin(30 * unit**2, 2000).sample(model, x0, rng=0)
        suggested = float(str(caught.value).rpartition("step_size=")[2].rstrip("."))
        assert suggested / unit**2 == pytest.approx(4 / 4 / 8, rel=0.3)

    @pytest.mark.parametrize("unit", [1e-6, 1.0])
    def test_the_warning_near_the_limit_too(self, unit):
        x0 = unit * np.random.default_rng(0).normal(size=(200, 2)).astype("float32")
        _, said = warned(lambda: Langevin(3.9 * unit**2, 300).sample(lambda x: -x / np.float32(unit) ** 2, x0, rng=0))
        assert len(said) == 1
        assert "97" in said[0]

    def test_from_zero_the_noise_of_a_step_sets_the_length(self):
        from scorekit.samplers._curvature import curvature_at

        def model(x):
            return -np.sin(x / np.float32(1e-6)) / np.float32(1e-6)

        x0 = np.zeros((3, 1), np.float32)
        context = Context(model, x0, rng=0)
        found = curvature_at(context.copy_in(x0), langevin_row(0.01 * 1e-12), context)
        assert found.size == pytest.approx(1e12, rel=1e-3)


class TestRounding:
    """bambinos/bambi#550: a sampler in float32 ends with steps of 1e-38."""

    def test_how_much_a_step_changes_x(self):
        from scorekit.samplers._resolution import change_of
        from scorekit.samplers.kernels import denoising_row

        assert change_of(langevin_row(0.25)) == change_of(Row(step_size=0.25)) == change_of(denoising_row(0.5)) == 0.5
        assert change_of(Row()) == math.inf

    def test_steps_below_the_resolution_of_float32_warn_once(self):
        x0 = np.full((20, 2), 1e4, np.float32)
        _, said = warned(lambda: Langevin(1e-8, 50).sample(lambda x: 1e4 - x, x0, rng=0))
        assert len(said) == 1
        assert (
            "step 1 changes x by about 0.0001, and neighboring float32 numbers of the size of x, 1e+04, are" in said[0]
        )
        assert "sk.models.standardized" in said[0]

    @pytest.mark.parametrize(
        "x0", [np.full((20, 2), 1e4), np.full((20, 2), 1.0, np.float32)], ids=["float64", "near 1"]
    )
    def test_others_do_not(self, x0):
        assert warned(lambda: Langevin(1e-8, 50).sample(lambda x: 0 * x, x0, rng=0))[1] == []

    def test_a_distant_start_of_an_annealed_chain_does_not(self):
        """At the first level x is of the order of 1e4, at the last one of the order of 1."""
        noise = sk.noise.Geometric(1e4, 1e-3, 60)
        x0 = sk.samplers.initial(noise, (50, 2), rng=0, like=np.empty(0, np.float32))
        for sampler in (AnnealedLangevin(noise, 5, 0.2 * 1e-6), ConsistentAnnealed(noise)):
            assert warned(lambda s=sampler: s.sample(lambda x, sigma: -x / (1 + sigma**2), x0, rng=0))[1] == []

    def test_small_levels_at_a_distance_do(self):
        noise = sk.noise.Geometric(1.0, 1e-5, 20)
        x0 = np.full((20, 2), 1e3, np.float32)
        for sampler in (AnnealedLangevin(noise, 2, 0.2 * 1e-10), ConsistentAnnealed(noise, eta=0.5)):
            _, said = warned(lambda s=sampler: s.sample(lambda x, sigma: (1e3 - x) / (1 + sigma**2), x0, rng=0))
            assert len(said) == 1


# ---------------------------------------------------------------- memory and time


class TestMemory:
    """tensorflow/probability#436, florianhartig/BayesianTools#227: the kept states of chains fill the memory."""

    def test_a_trajectory_that_cannot_fit_is_refused_before_the_run(self):
        calls = []

        def model(x):
            calls.append(1)
            return -x

        with pytest.raises(
            ValueError, match=r"keep_every=1 keeps 1000000000 states of 8 MB.*keep_every=\d+ fits"
        ) as caught:
            Langevin(0.1, 10**9).sample(model, np.zeros((10**6, 1)), rng=0, keep_every=1)
        assert not calls
        assert "GB are free" in str(caught.value)

    def test_the_suggestion_fits(self, monkeypatch):
        monkeypatch.setattr("scorekit.samplers._recorder.free_bytes", lambda: 10_000)
        sampler, x0 = Langevin(0.1, 1000), np.zeros((10, 2))
        with pytest.raises(ValueError, match="keep_every") as caught:
            sampler.sample(lambda x: -x, x0, rng=0, keep_every=1)
        every = int(str(caught.value).partition("keep_every=")[2].partition("keep_every=")[2].partition(" ")[0])
        assert sampler.sample(lambda x: -x, x0, rng=0, keep_every=every).trajectory.nbytes * 2 <= 10_000
        monkeypatch.setattr("scorekit.samplers._recorder.free_bytes", lambda: 100)
        with pytest.raises(ValueError, match=r"sk\.samplers\.sample_blocks"):
            sampler.sample(lambda x: -x, x0, rng=0, keep_every=1000)

    def test_where_the_system_says_nothing_nothing_is_said(self, monkeypatch):
        monkeypatch.setattr("scorekit.samplers._recorder.free_bytes", lambda: None)
        assert Langevin(0.1, 10).sample(lambda x: -x, np.zeros((2, 2)), rng=0, keep_every=1).trajectory is not None

    @pytest.mark.parametrize("blocks", [None, range(0, 10**6, 3), range(10**6 - 1, -1, -1)])
    def test_a_million_blocks_start_at_once(self, blocks):
        def begin(count, rng):
            return rng.normal((count, 1))

        tracemalloc.start()
        made = sk.samplers.sample_blocks(Langevin(0.1, 2), lambda x: -x, begin, 10**8, 0, blocks=blocks)
        first = next(made)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert first.samples.x.shape == (100, 1)
        assert peak < 1_000_000

    @pytest.mark.parametrize("blocks", [range(11), range(-1, 5), range(20, 2, -2)])
    def test_a_range_beyond_the_blocks_is_refused(self, blocks):
        with pytest.raises(ValueError, match="there are 10 blocks, expected an index from 0 to 9"):
            sk.samplers.sample_blocks(
                Langevin(0.1, 2), lambda x: -x, lambda n, rng: rng.normal((n, 1)), 100, block=10, blocks=blocks
            )

    def test_an_exact_trace_that_takes_seconds_says_so_once(self, monkeypatch):
        monkeypatch.setattr("scorekit.objectives._trace_cost._time_of_one", lambda score, x: 0.013)
        objective, x = sk.objectives.ImplicitScoreMatching(), np.ones((2, 600))
        model = lambda x: -x  # noqa: E731
        monkeypatch.setattr(
            "scorekit.objectives._base.CheckedScore.divergence", lambda self, x, probes=None: (-x, -x[:, 0])
        )
        _, said = warned(lambda: [objective(model, x) for _ in range(3)])
        assert len(said) == 1
        assert "600 derivatives" in said[0]
        assert "about 7.8 s" in said[0]
        assert "SlicedScoreMatching()" in said[0]
        for quick in (
            lambda: objective(lambda x: -x, np.ones((2, 500))),
            lambda: sk.objectives.SlicedScoreMatching()(model, x, 0),
        ):
            assert warned(quick)[1] == []

    def test_a_network_with_a_trace_of_its_own_is_not_judged(self, monkeypatch):
        monkeypatch.setattr("scorekit.objectives._trace_cost._time_of_one", lambda score, x: 1.0)
        network = MLP(600, hidden=(2,), conditional=False)
        assert warned(lambda: sk.objectives.ImplicitScoreMatching()(network, np.ones((2, 600))))[1] == []
