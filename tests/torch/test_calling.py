"""Networks as other people write them train, are sampled, denoised, measured, saved, and told a condition."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

X = torch.tensor(np.random.default_rng(0).normal(size=(64, 2)), dtype=torch.float32)
IMAGES = torch.tensor(np.random.default_rng(1).uniform(size=(24, 1, 8, 8)), dtype=torch.float32)
NOISE = sk.noise.LogUniform(3.0, 0.1)
LEVELS = sk.noise.Geometric(3.0, 0.1, 6)


class Points(nn.Module):
    """A network on points; ``how`` makes of sigma (n,) a column (n, 1)."""

    def __init__(self, how=lambda sigma: sigma[:, None], told=0):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(3 + told, 16), nn.SiLU(), nn.Linear(16, 2))
        self.how = how

    def forward(self, x, sigma):
        return self.body(torch.cat([x, self.how(sigma)], 1))


class Told(Points):
    """A network with a condition of two numbers."""

    def __init__(self):
        super().__init__(told=2)

    def forward(self, x, sigma, y):
        return self.body(torch.cat([x, sigma[:, None], y], 1))


class Classes(Points):
    """A network with an embedding of three classes and one for none."""

    classes = 3
    null_condition = 3

    def __init__(self):
        super().__init__(told=2)
        self.embedding = nn.Embedding(4, 2)

    def forward(self, x, sigma, y):
        return self.body(torch.cat([x, sigma.log()[:, None], self.embedding(y)], 1))


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x, sigma):
        return self.convolution(x) / sigma.view(-1, 1, 1, 1)


class DividesRows(Points):
    """Right for one level and, by accident of shapes, not refused by torch where n is the dimension."""

    def forward(self, x, sigma):
        return self.body(torch.cat([x, x[:, :1]], 1)) / sigma


class Indexed(nn.Module):
    """Takes its sigma for a number."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x, sigma):
        return -self.scale * x if float(sigma) > 1 else -x


HOW = {
    "index": lambda sigma: sigma[:, None],
    "log": lambda sigma: sigma.log().unsqueeze(1),
    "view": lambda sigma: sigma.view(-1, 1),
    "reshape": lambda sigma: sigma.reshape(sigma.shape[0], 1),
    "torch.log": lambda sigma: torch.log(sigma)[:, None],
}
OBJECTIVES = {
    "many levels": sk.objectives.NoiseConditional(NOISE),
    "one level": sk.objectives.DenoisingScoreMatching(0.3, "control"),
}


def learned(net, data=X, objective=None, **options):
    objective = OBJECTIVES["many levels"] if objective is None else objective
    return sk.fit(net, objective, data, steps=3, batch_size=16, progress=False, **options).model


@pytest.mark.parametrize(
    "around", [lambda net: net, lambda net: sk.models.Preconditioned(net, 1.0)], ids=["bare", "view"]
)
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
@pytest.mark.filterwarnings("ignore:the model is called at noise levels:RuntimeWarning")  # trained on one level
def test_whatever_is_done_with_sigma(how, objective, around, tmp_path):
    model = learned(around(Points(how)), objective=objective, validation=X[:20])
    for sampler in (sk.samplers.AnnealedLangevin(LEVELS, 2, 1e-3), sk.samplers.ConsistentAnnealed(LEVELS)):
        assert sampler.sample(model, X[:5], rng=0).x.shape == (5, 2)
        assert sampler.sample(model, X[:1], rng=0).x.shape == (1, 2)
    assert sk.samplers.Langevin(1e-3, 3).sample(sk.models.at(model, 0.3), X[:5], rng=0).x.shape == (5, 2)
    assert sk.models.denoise(model, X, 0.5).shape == X.shape
    exact = sk.distributions.Gaussian([0.0, 0.0], np.eye(2))
    assert sk.metrics.score_error(model, exact, X, sigma=0.5).esm > 0
    sk.save(model, tmp_path / "model")
    again = sk.load(tmp_path / "model", into=Points(how))
    assert torch.equal(again(X, torch.full((64,), 0.5)), model(X, torch.full((64,), 0.5)))


def test_an_image_network_that_views_sigma():
    model = learned(Images(), IMAGES)
    assert sk.samplers.ConsistentAnnealed(LEVELS).sample(model, IMAGES[:2], rng=0).x.shape == (2, 1, 8, 8)


def test_a_lambda_around_a_network_is_told_to_declare_itself():
    net = Points()
    x0 = X[:5]
    around = lambda x, sigma: net(x, sigma)  # noqa: E731
    with pytest.raises(TypeError, match=r"sigma = 3, a float.*write sk\.models\.per_sample\(model\)"):
        sk.samplers.ConsistentAnnealed(LEVELS).sample(around, x0, rng=0)
    declared = sk.models.per_sample(around)
    drawn = sk.samplers.ConsistentAnnealed(LEVELS).sample(declared, x0, rng=0).x
    assert torch.equal(drawn, sk.samplers.ConsistentAnnealed(LEVELS).sample(net, x0, rng=0).x)


def test_a_formula_that_broadcasts_along_the_wrong_axis_is_told_to_expand():
    objective = OBJECTIVES["many levels"]
    with pytest.raises(TypeError, match=r"sigma of shape \(64,\).*sk\.expand\(sigma, x\).*reshape\(-1, 1\)"):
        objective(lambda x, sigma: -x / (1 + sigma**2), X, rng=0)
    with pytest.raises(ValueError, match=r"sample 0 among 2 samples .* is not that of sample 0 alone.*sk\.expand"):
        objective(lambda x, sigma: -x / (1 + sigma**2), X[:2], rng=0)  # n is the dimension: torch does not mind
    assert objective(lambda x, sigma: -x / (1 + sk.expand(sigma, x) ** 2), X[:2], rng=0) > 0


def test_a_plain_function_gets_a_float_where_one_level_is_shared():
    seen = []
    sk.samplers.ConsistentAnnealed(LEVELS).sample(lambda x, sigma: seen.append(sigma) or -x, X[:5], rng=0)
    assert all(isinstance(sigma, float) for sigma in seen)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (Indexed(), r"before the first step fit calls the model.*Indexed raised .*sigma of shape \(3,\)"),
        (DividesRows(), r"before the first step fit calls the model.*sk\.expand\(sigma, x\)"),
        (nn.BatchNorm1d(2), "model is a function of x alone"),
    ],
)
def test_what_fails_after_the_last_step_is_said_before_the_first(net, words):
    seen = []
    with pytest.raises(TypeError, match=words):
        learned(net, callbacks=[lambda state: seen.append(state.step)])
    assert seen == []


@pytest.mark.parametrize(
    ("objective", "fails"),
    [
        ("one level", lambda x, sigma: len(x) == 1),
        ("one level", lambda x, sigma: len(x) > 1),
        ("many levels", lambda x, sigma: len(x) == 1 and float(sigma) < 1.01 * NOISE.sigma_min),
        ("many levels", lambda x, sigma: len(x) == 1 and float(sigma) > 0.99 * NOISE.sigma_max),
    ],
    ids=["one row", "several rows", "smallest level", "largest level"],
)
def test_a_network_that_fails_in_its_evaluation_mode(objective, fails):
    class Fussy(Points):
        def forward(self, x, sigma):
            if not self.training and fails(x, sigma):
                raise RuntimeError("expected something else")
            return super().forward(x, sigma)

    with pytest.raises(TypeError, match=r"before the first step .* in evaluation mode.*expected something else"):
        learned(Fussy(), objective=OBJECTIVES[objective])


# ---------------------------------------------------------------- conditions

Y = 0.5 * X + 0.1
LABELS = torch.arange(64) % 3


@pytest.mark.parametrize(
    "data",
    [(X, Y), TensorDataset(X, Y), DataLoader(TensorDataset(X, Y), batch_size=16), (X, Y.double())],
    ids=["pair", "dataset", "loader", "another precision"],
)
def test_a_condition_comes_through_from_anywhere(data):
    batch = {} if isinstance(data, DataLoader) else {"batch_size": 16}
    objective = OBJECTIVES["many levels"]
    model = sk.fit(Told(), objective, data, steps=2, progress=False, validation=(X[:9], Y[:9]), **batch).model
    drawn = sk.samplers.ConsistentAnnealed(LEVELS).sample(sk.models.condition(model, Y[0]), X[:5], rng=0).x
    other = sk.samplers.ConsistentAnnealed(LEVELS).sample(sk.models.condition(model, Y[:5]), X[:5], rng=0).x
    assert torch.equal(drawn[0], other[0])
    assert not torch.equal(drawn[1], other[1])


def test_conditions_are_replaced_by_the_null_one_at_the_asked_rate():
    seen = []

    class Watched(Classes):
        def forward(self, x, sigma, y):
            if self.training:
                seen.append(y)
            return super().forward(x, sigma, y)

    watched = Watched()
    sk.fit(
        watched,
        OBJECTIVES["many levels"],
        (X, LABELS),
        steps=200,
        batch_size=64,
        condition_dropout=0.25,
        progress=False,
    )
    seen = torch.cat(seen)
    n, k = len(seen), int((seen == 3).sum())
    assert abs(k - 0.25 * n) < 4.9 * np.sqrt(n * 0.25 * 0.75)
    for label in range(3):
        assert abs(int((seen == label).sum()) - 0.25 * n) < 4.9 * np.sqrt(n * 0.25 * 0.75) + n / 64


def test_the_null_condition_may_be_the_users(tmp_path):
    options = {"condition_dropout": 0.5, "null_condition": np.zeros(2), "checkpoint": tmp_path}
    learned(Told(), (X, Y), **options)
    with pytest.raises(sk.CheckpointError, match=r"condition_dropout was 0\.5, now 0\.25"):
        learned(Told(), (X, Y), **options | {"condition_dropout": 0.25})


@pytest.mark.parametrize("p", [1.0, -0.1, 1.5, float("nan")])
def test_a_dropout_that_is_no_probability(p):
    with pytest.raises(ValueError, match=r"condition_dropout must be a probability in \[0, 1\)"):
        learned(Told(), (X, Y), condition_dropout=p)


@pytest.mark.parametrize(
    ("net", "data", "options", "error", "words"),
    [
        (Points(), (X, Y), {}, TypeError, "have a second item, .* and the model has no parameter for it"),
        (Told(), X, {}, ValueError, "Told takes a condition, and was called without one"),
        (Told(), (X, Y[:9]), {}, ValueError, r"has shape \(9, 2\) for 64 samples"),
        (Told(), (X, Y / 0), {}, ValueError, "second item of the data holds NaN or infinity"),
        (Told(), (X, Y.numpy()), {}, TypeError, "frameworks"),
        (Classes(), (X, LABELS + 1), {}, ValueError, "labels are from 1 to 3: expected 0 to 2, the 3 classes"),
        (Classes(), (X, nn.functional.one_hot(LABELS)), {}, TypeError, r"For one-hot rows write rows\.argmax\(1\)"),
        (Told(), (X, Y), {"condition_dropout": 0.1}, ValueError, "needs a null condition"),
        (Told(), (X, Y), {"null_condition": 0.0}, ValueError, "null_condition needs condition_dropout > 0"),
        (Points(), X, {"condition_dropout": 0.1}, ValueError, "the data have no conditions"),
        (
            Told(),
            (X, Y),
            {"condition_dropout": 0.1, "null_condition": [0.0] * 3},
            ValueError,
            r"null_condition has shape \(3,\): expected \(2,\)",
        ),
        (Told(), (X, Y), {"validation": X[:5]}, TypeError, "expected pairs"),
        (Points(), X, {"validation": (X[:5], Y[:5])}, TypeError, "expected pairs"),
        (Told(), (X, Y), {"validation": (X[:5], Y[:4])}, ValueError, r"has shape \(4, 2\) for 5 samples"),
    ],
    ids=lambda value: None,
)
def test_conditions_that_do_not_fit(net, data, options, error, words):
    with pytest.raises(error, match=words):
        learned(net, data, **options)


def test_a_conditional_model_without_its_condition_is_refused_by_samplers():
    model = learned(Told(), (X, Y))
    with pytest.raises(ValueError, match=r"takes a condition, and was called without one.*sk\.models\.condition"):
        sk.samplers.ConsistentAnnealed(LEVELS).sample(model, X[:5], rng=0)


def test_a_module_with_a_part_called_inner_is_no_view():
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Points()

        def forward(self, x, sigma):
            return self.inner(x, sigma)

    assert sk.samplers.ConsistentAnnealed(LEVELS).sample(learned(Holder()), X[:3], rng=0).x.shape == (3, 2)
