"""What must not matter: weights' scale, order, the split of a batch, the shape of an event."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given

from properties.strategies import density_and_model, gaussians, models, seeds
from scorekit._catalogue import OBJECTIVES, examples
from scorekit.objectives import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)
from support import FAMILIES, ScriptedRng, flattened, parameter_gradient


def _draws(objective, x, g):
    """The draws that the objective will ask for, each with its batch axis."""
    if isinstance(objective, NoiseConditional):
        n = len(x)
        return {"normal": [g.normal(size=x.shape)], "uniform": [np.array([0.3])], "choice": [g.permutation(n)]}
    if isinstance(objective, DenoisingScoreMatching):
        return {"normal": [g.normal(size=x.shape)]}
    if isinstance(objective, SlicedScoreMatching):
        shape = (objective.projections, *x.shape)
        if objective.distribution == "rademacher":
            return {"rademacher": [g.choice([-1.0, 1.0], shape)]}
        return {"normal": [g.normal(size=shape)]}
    if getattr(objective, "trace", None) == "hutchinson":
        return {"rademacher": [g.choice([-1.0, 1.0], (objective.probes, *x.shape))]}
    return {}


def _picked(draws, rows):
    """The draws that belong to the given rows."""

    def pick(kind, a):
        if kind == "uniform":
            return a
        return a[rows] if a.ndim <= 2 and kind != "rademacher" and a.shape[0] > 1 else a[:, rows]

    return {kind: [pick(kind, a) for a in arrays] for kind, arrays in draws.items()}


def _name(objective):
    """A name without the address that a function shows: parallel workers must agree on it."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(objective))[:90]


EVERY = examples(OBJECTIVES)
EACH = pytest.mark.parametrize("objective", EVERY, ids=_name)
ROW_WISE = pytest.mark.parametrize("objective", [o for o in EVERY if not isinstance(o, NoiseConditional)], ids=_name)


def _case(case, seed, n=8):
    density, family, theta = case
    g = np.random.default_rng(seed)
    return family.model(theta, density.d), g.normal(size=(n, density.d)), g


@EACH
def test_a_common_factor_of_the_weights_changes_nothing_and_weights_are_a_mean(objective):
    @given(density_and_model(gaussians()), seeds)
    def law(case, seed):
        model, x, g = _case(case, seed)
        draws, w = _draws(objective, x, g), g.uniform(0.1, 1, len(x))

        def loss(weights):
            return objective(model, x, rng=ScriptedRng(**draws), weights=weights)

        per_sample = objective.losses(model, x, rng=ScriptedRng(**draws))
        assert per_sample.shape == (len(x),)
        near = {"rtol": 1e-12, "atol": 1e-13 * np.abs(per_sample).max()}  # a mean may cancel to almost nothing
        np.testing.assert_allclose(loss(w), np.sum(w * per_sample) / np.sum(w), **near)
        np.testing.assert_allclose(loss(7.3 * w), loss(w), **near)
        np.testing.assert_allclose(loss(None), np.mean(per_sample), **near)
        np.testing.assert_allclose(loss(np.full(len(x), 0.2)), loss(None), **near)

    law()


@ROW_WISE
def test_permuting_the_batch_permutes_the_losses(objective):
    @given(density_and_model(gaussians()), seeds)
    def law(case, seed):
        model, x, g = _case(case, seed)
        draws, order = _draws(objective, x, g), g.permutation(len(x))
        straight = objective.losses(model, x, rng=ScriptedRng(**draws))
        permuted = objective.losses(model, x[order], rng=ScriptedRng(**_picked(draws, order)))
        np.testing.assert_allclose(permuted, straight[order], rtol=1e-9, atol=1e-12)

    law()


@ROW_WISE
def test_splitting_the_batch_and_averaging_gives_the_whole(objective):
    @given(density_and_model(gaussians()), seeds)
    def law(case, seed):
        model, x, g = _case(case, seed)
        draws = _draws(objective, x, g)
        whole = objective(model, x, rng=ScriptedRng(**draws))
        parts = [
            objective(model, x[rows], rng=ScriptedRng(**_picked(draws, rows)))
            for rows in (np.arange(0, 4), np.arange(4, 8))
        ]
        np.testing.assert_allclose(np.mean(parts), whole, rtol=1e-9, atol=1e-12)

    law()


@EACH
def test_the_shape_of_an_event_changes_no_loss(objective):
    @given(models(4), seeds)
    def law(case, seed):
        family, theta = case
        g = np.random.default_rng(seed)
        model, x = family.model(theta, 4), g.normal(size=(6, 4))
        draws = _draws(objective, x, g)
        flat = objective.losses(flattened(model), x, rng=ScriptedRng(**draws))
        for event in [(2, 2), (1, 4), (2, 1, 2)]:
            folded = {
                kind: [a.reshape(*a.shape[:-1], *event) if a.shape[-2:] == x.shape else a for a in arrays]
                for kind, arrays in draws.items()
            }
            objective_ = (
                ExplicitScoreMatching(lambda y, s: -y) if isinstance(objective, ExplicitScoreMatching) else objective
            )
            got = objective_.losses(_lifted(model), x.reshape(-1, *event), rng=ScriptedRng(**folded))
            np.testing.assert_allclose(got, flat, rtol=1e-9, atol=1e-12)

    law()


def _lifted(model):
    """The model of flat samples for folded ones; sigma of shape (n,) reaches it unchanged."""
    return flattened(model)


@EACH
def test_the_parameter_gradient_agrees_with_central_differences(objective):
    @given(density_and_model(gaussians(3)), seeds)
    def law(case, seed):
        density, family, theta = case
        g = np.random.default_rng(seed)
        x = g.normal(size=(5, density.d))
        draws = _draws(objective, x, g)

        def loss(t):
            return objective(family.model(t, density.d), x, rng=ScriptedRng(**draws))

        gradient = parameter_gradient(objective, family, theta, x, rng=lambda: ScriptedRng(**draws))
        step = 1e-5
        units = np.eye(len(theta))
        central = np.array([(loss(theta + step * u) - loss(theta - step * u)) / (2 * step) for u in units])
        np.testing.assert_allclose(gradient, central, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(central).max()))

    law()


def _draws_numbers(objective):
    return objective.draw(np.ones((3, 2)), rng=0) is not None


@pytest.mark.parametrize("objective", [o for o in EVERY if _draws_numbers(o)], ids=_name)
def test_every_sample_has_noise_of_its_own(objective):
    """Equal rows have different losses: one probe shared by the batch would make them equal."""
    family = FAMILIES[1]
    theta = np.random.default_rng(0).uniform(-1, 1, family.size(3))
    losses = objective.losses(family.model(theta, 3), np.ones((32, 3)), rng=3)
    assert len(np.unique(losses.round(12))) >= 4


@EACH
def test_equal_seeds_give_equal_losses_and_the_data_are_left_alone(objective):
    family = FAMILIES[1]
    theta = np.random.default_rng(0).uniform(-1, 1, family.size(3))
    model, x = family.model(theta, 3), np.random.default_rng(1).normal(size=(7, 3))
    kept = x.copy()
    x.flags.writeable = False
    first, second = (objective.losses(model, x, rng=5) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(x, kept)
    if _draws_numbers(objective):
        assert not np.array_equal(first, objective.losses(model, x, rng=6))
