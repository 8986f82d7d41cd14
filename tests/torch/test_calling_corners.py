"""Which parameter gets sigma and which the condition; models that look wrong, and conditions that look right."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils.data import Dataset  # noqa: E402

from scorekit_torch import MLP  # noqa: E402

X = torch.tensor(np.random.default_rng(0).normal(size=(12, 2)), dtype=torch.float32)
Y = 0.5 * X + 0.1
LABELS = torch.arange(12) % 3
LEVELS = sk.noise.Geometric(3.0, 0.1, 6)
MANY = sk.objectives.NoiseConditional(sk.noise.LogUniform(3.0, 0.1))


class Scaled(nn.Module):
    """A module with one weight; ``forward`` is given by its subclasses."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def made_of(self, x, sigma, y=0.0):
        return -self.weight * x / (1 + sigma[:, None] ** 2) + y


class SigmaLast(Scaled):
    def forward(self, x, condition, sigma):
        return self.made_of(x, sigma, condition)


class SigmaOnlyByName(Scaled):
    def forward(self, x, y, *, sigma):
        return self.made_of(x, sigma, y)


class SigmaAfterAnOption(Scaled):
    def forward(self, x, scale=1.0, sigma=None):
        return self.made_of(scale * x, sigma)


def learned(net, data, objective=MANY, **options):
    return sk.fit(net, objective, data, steps=2, batch_size=6, progress=False, **options)


@pytest.mark.parametrize("net", [SigmaLast, SigmaOnlyByName])
def test_what_is_called_sigma_gets_sigma(net):
    model = learned(net(), (X, Y)).model
    sigma = torch.full((12,), 0.5)
    expected = -model.weight * X / 1.25 + Y
    assert torch.allclose(sk.models.condition(model, Y)(X, sigma), expected, atol=1e-6)
    assert sk.samplers.ConsistentAnnealed(LEVELS).sample(sk.models.condition(model, Y), X, rng=0).x.shape == (12, 2)


def test_sigma_after_an_option():
    model = learned(SigmaAfterAnOption(), X).model
    assert torch.allclose(sk.models.at(model, 0.5)(X), -model.weight * X / 1.25)


@pytest.mark.parametrize("around", [lambda net: net, sk.models.per_sample, lambda net: sk.models.EnergyModel(abs)])
def test_a_network_made_without_sigma_does_not_learn_levels(around):
    with pytest.raises(TypeError, match=r"model is a function of x alone.*a function s\(x, sigma\)"):
        MANY(around(MLP(2, hidden=(4,), conditional=False, dtype="float32")), X, rng=0)


def test_an_energy_of_x_alone_has_no_levels_and_one_of_sigma_has():
    with pytest.raises(TypeError, match="function of x alone"):
        MANY(sk.models.EnergyModel(lambda x: (x**2).sum(1)), X, rng=0)
    levels = sk.models.EnergyModel(lambda x, sigma: (x**2).sum(1) / (1 + sigma**2))
    assert MANY(levels, X, rng=0) > 0


class Accident(Scaled):
    """Right for one level; for two samples in two dimensions sigma meets the wrong axis without an error."""

    def forward(self, x, sigma):
        return -self.weight * x / (1 + sigma**2)


class Pairs(Dataset):
    """A dataset of points, each with ``second(i)``."""

    def __init__(self, second):
        self.second = second

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i], self.second(i)


class Bare(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i]


@pytest.mark.parametrize("data", [X, Bare()], ids=["array", "dataset"])
@pytest.mark.parametrize("batch", [2, 6])
def test_the_wrong_axis_is_found_before_training_whatever_the_batch(data, batch):
    seen = []
    with pytest.raises((TypeError, ValueError), match=r"sk\.expand"):
        sk.fit(Accident(), MANY, data, steps=2, batch_size=batch, progress=False, callbacks=[seen.append])
    assert seen == []


def test_the_wrong_axis_is_found_in_training_mode_too():
    with pytest.raises(ValueError, match="is not that of sample 0 alone"):
        MANY(Accident().train(), X[:2], rng=0)


class Dropping(Scaled):
    def __init__(self, normalize=False):
        super().__init__()
        self.extra = nn.BatchNorm1d(2) if normalize else nn.Dropout(0.5)

    def forward(self, x, sigma):
        if isinstance(self.extra, nn.Dropout):
            return self.made_of(self.extra(x[:, :, None].repeat(1, 1, 64)).mean(2), sigma)
        return self.made_of(self.extra(x), sigma)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("hidden", [False, True])
def test_dropout_and_batch_normalization_are_not_blamed_on_sigma(normalize, hidden):
    net = Dropping(normalize).train()
    buffers = {name: value.clone() for name, value in net.named_buffers()}
    model = sk.models.per_sample(lambda x, sigma: net(x, sigma)) if hidden else net
    for seed in range(5):
        assert MANY(model, X[:2], rng=seed) > 0
    assert net.training
    assert net.extra.training
    if normalize and not hidden:
        assert int(net.extra.num_batches_tracked) == 5  # the check itself changed nothing
        assert buffers.keys() == dict(net.named_buffers()).keys()


# ---------------------------------------------------------------- conditions


def test_a_resumed_run_has_the_conditions_and_the_dropout_of_the_first(tmp_path):
    def run(data, place, steps, **options):
        return sk.fit(
            SigmaLast(), MANY, data, steps=steps, batch_size=6, progress=False, checkpoint=tmp_path / place, **options
        )

    run((X, Y), "told", 2)
    with pytest.raises(sk.CheckpointError, match="condition was"):
        run((X, Y + 1), "told", 4)
    dropped = {"condition_dropout": 0.5, "null_condition": np.zeros(2)}
    run((X, Y), "dropped", 2, **dropped)
    with pytest.raises(sk.CheckpointError, match=r"condition_dropout was 0\.5, now None"):
        run((X, Y), "dropped", 4)
    with pytest.raises(sk.CheckpointError, match=r"null_condition was \[0\.0, 0\.0\], now \[1\.0, 1\.0\]"):
        run((X, Y), "dropped", 4, **dropped | {"null_condition": np.ones(2)})
    assert run((X, Y), "dropped", 4, **dropped).history.step[-1] == 4


@pytest.mark.parametrize("holes", [(1,), (0,), (11,)])
def test_a_dataset_with_conditions_in_some_items_only(holes):
    data = Pairs(lambda i: None if i in holes else Y[i])
    with pytest.raises(ValueError, match=r"in each (item|batch), or in none"):
        sk.fit(SigmaLast(), MANY, data, steps=40, batch_size=4, progress=False)


def test_labels_of_a_dataset_may_be_numpy_integers():
    net = MLP(2, hidden=(4,), classes=3, dtype="float32")
    model = learned(net, Pairs(lambda i: np.int64(i % 3))).model
    assert sk.models.condition(model, 2)(X, torch.full((12,), 0.5)).shape == (12, 2)


@pytest.mark.parametrize(
    ("null", "words"),
    [
        (1.5, "expected integers"),
        (True, "expected integers"),
        (4, "integer from 0 to 3, usually 3"),
        (-1, "from 0 to 3"),
    ],
)
def test_a_null_condition_that_is_no_class(null, words):
    net = MLP(2, hidden=(4,), classes=3, dtype="float32")
    with pytest.raises((TypeError, ValueError), match=words):
        learned(net, (X, LABELS), condition_dropout=0.1, null_condition=null)


def test_validation_has_conditions_like_those_of_the_data():
    with pytest.raises(ValueError, match=r"second item of validation is .*\(5, 1\).*that of the data .*\(12, 2\)"):
        learned(SigmaLast(), (X, Y), validation=(X[:5], Y[:5, :1]))


def test_the_condition_of_a_view_takes_the_precision_of_the_points():
    view = sk.models.condition(SigmaLast(), Y.double())
    assert view(X, torch.full((12,), 0.5)).dtype == torch.float32


def test_weights_are_loaded_into_the_network_of_a_view(tmp_path):
    model = sk.models.Preconditioned(Scaled2(), 1.0)
    model.inner.weight.data.fill_(3.0)
    sk.save(model, tmp_path / "model")
    again = sk.load(tmp_path / "model", into=sk.models.Preconditioned(Scaled2(), 1.0))
    sigma = torch.full((12,), 0.5)
    assert torch.equal(again(X, sigma), model(X, sigma))


class Scaled2(Scaled):
    def forward(self, x, sigma):
        return self.made_of(x, sigma)


def test_a_stream_of_another_framework_is_named():
    with pytest.raises(TypeError, match=r"rng is a numpy stream.*sk\.rng\(seed, like=x\)"):
        sk.rng(0).normal((2,), X)
    with pytest.raises(TypeError, match=r"rng is a torch stream.*sk\.rng\(seed, like=x\)"):
        sk.rng(0, like=X).normal((2,), np.zeros(2))
