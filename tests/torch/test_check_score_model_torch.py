"""check_score_model on modules: each fault is named in one sentence, and what is right passes."""

from __future__ import annotations

import warnings

import pytest

import scorekit as sk
from scorekit.testing import check_score_model

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from scorekit_torch import MLP  # noqa: E402

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def _seeded(make):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return make()


def net(*middle, activation=nn.SiLU, out=3):
    return _seeded(lambda: nn.Sequential(nn.Linear(3, 16), *middle, activation(), nn.Linear(16, out)))


class Conditional(nn.Module):
    """A network that is told sigma in a way of its own."""

    def __init__(
        self, level=lambda x, sigma: torch.as_tensor(sigma, dtype=x.dtype).log().expand(len(x)).reshape(-1, 1)
    ):
        super().__init__()
        self.level = level
        self.body = _seeded(lambda: nn.Sequential(nn.Linear(4, 16), nn.SiLU(), nn.Linear(16, 3)))

    def forward(self, x, sigma):
        return self.body(torch.cat([x, self.level(x, sigma)], dim=1))


class Around(nn.Module):
    """A network whose output, or input, goes through a function."""

    def __init__(self, body, after=lambda s, x: s, before=lambda x: x):
        super().__init__()
        self.body, self.before, self.after = body, before, after

    def forward(self, x):
        return self.after(self.body(self.before(x)), x)


class Idle(nn.Module):
    """One parameter is never used, one is detached."""

    def __init__(self, freeze=False):
        super().__init__()
        self.body, self.idle = net(), nn.Parameter(torch.ones(2), requires_grad=not freeze)
        self.cut = nn.Parameter(torch.ones(3), requires_grad=not freeze)

    def forward(self, x):
        return self.body(x) * self.cut.detach()


def zero_last(module):
    nn.init.zeros_(module[-1].weight)
    nn.init.zeros_(module[-1].bias)
    return module


def energy(x, sigma=None):
    return ENERGY(x)[:, 0]


ENERGY = net(out=1)


class EnergyModule(nn.Module):
    def __init__(self, activation=nn.SiLU):
        super().__init__()
        self.body = net(activation=activation, out=1)

    def forward(self, x, sigma=None):
        return self.body(x)[:, 0]


@pytest.mark.parametrize(
    ("model", "sigma"),
    [
        (net(), None),
        (net(nn.GroupNorm(4, 16)), None),
        (net(nn.BatchNorm1d(16)).eval(), None),
        (net(nn.Dropout(0.5)).eval(), None),
        (zero_last(net()), None),
        (nn.Linear(3, 3), None),
        (Idle(freeze=True), None),
        (Conditional(), 0.5),
        (Conditional(), torch.linspace(0.1, 1.0, 6)),
        (Conditional(lambda x, s: s[:, None]), 0.5),
        (MLP(3, hidden=(8,), dtype="float32"), 0.3),
        (sk.models.Preconditioned(MLP(3, hidden=(8,), dtype="float32"), 1.0), 0.3),
        (sk.models.EnergyModel(EnergyModule()), None),
        (sk.models.EnergyModel(energy), None),
        (sk.distributions.GaussianMixture([0.5, 0.5], [[0.0] * 3, [1.0] * 3], 1.0).score, 0.5),
    ],
)
@pytest.mark.filterwarnings("error")
def test_right_modules_pass(model, sigma):
    assert check_score_model(model, X, sigma) is None


class _NoGrad(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = net()

    def forward(self, x):
        with torch.no_grad():
            return self.body(x)


@pytest.mark.parametrize(
    ("model", "sigma", "error", "words"),
    [
        (net(nn.BatchNorm1d(16)), None, ValueError, r"changes by .* the other samples change.*call model\.eval\(\)"),
        (net(nn.Dropout(0.5)), None, ValueError, r"two calls .* differ by .*Dropout.*call model\.eval\(\)"),
        (net(out=2), None, sk.ShapeError, r"model returned shape \(6, 2\) for x of shape \(6, 3\)"),
        (net(out=1), None, sk.ShapeError, r"model returned shape \(6, 1\).*EnergyModel\(f\)"),
        (
            EnergyModule(),
            None,
            sk.ShapeError,
            r"model returned shape \(6,\).*For an energy .* wrap it: EnergyModel\(f\)",
        ),
        (net().double(), None, TypeError, "has torch.float64 parameters and x is torch.float32: convert one"),
        (net().to("meta"), None, TypeError, "has parameters on meta and x is on cpu: move one"),
        (MLP(3, conditional=False).to("meta"), None, TypeError, "got two devices"),
        (
            Around(net(), lambda s, x: s + 0j),
            None,
            TypeError,
            "returned dtype torch.complex64 for x of dtype torch.float32",
        ),
        (Around(net(), lambda s, x: s.detach().numpy()), None, TypeError, "got two frameworks"),
        (Around(net(), lambda s, x: (s,)), None, TypeError, "model returned a tuple"),
        (Around(net(), before=lambda x: x.mul_(2)), None, ValueError, "the model changed x"),
        (nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 3)), None, ValueError, "the model changed x"),
        (Around(net(), lambda s, x: s.detach()), None, ValueError, "is 0 along a direction.*cut from the graph"),
        (_NoGrad(), None, ValueError, "is 0 along a direction.*cut from the graph"),
        (Around(net(), lambda s, x: s.detach() - x), None, ValueError, "cut from the graph"),
        (Around(net(), lambda s, x: 0 * s.detach() - x), None, ValueError, "does not depend on the model's parameters"),
        (Idle(), None, ValueError, r"does not change with 2 of 6 parameters, which get no gradient: idle, cut\."),
        (Conditional(), None, ValueError, r"fails at x .* with no sigma \(.*If it depends .*sigma=0\.5"),
        (MLP(3, dtype="float32"), None, ValueError, "conditional on sigma, got None"),
        (
            Conditional(lambda x, s: torch.full((len(x), 1), float(s))),
            0.5,
            ValueError,
            r"fails at x of shape \(6, 3\) with a scalar sigma 0\.5",
        ),
        (
            Conditional(lambda x, s: torch.full((len(x), 1), float(s))),
            torch.ones(6),
            ValueError,
            r"fails at x .* with sigma of shape \(6,\)",
        ),
        (
            Around(net(), lambda s, x: s + (9 * x).exp() - (9 * x).exp()),
            None,
            sk.NonFiniteError,
            "at 10 times x, and finite at x",
        ),
        (Around(net(), lambda s, x: s / 0), None, sk.NonFiniteError, "NaN or infinite in 6 of 6 rows"),
        (
            Conditional(lambda x, s: (torch.as_tensor(s) - 0.1).log().expand(6)[:, None]),
            0.5,
            sk.NonFiniteError,
            "hundredth of sigma",
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_wrong_modules_are_named(model, sigma, error, words):
    with pytest.raises(error, match=words) as caught:
        check_score_model(model, X, sigma)
    assert isinstance(caught.value, sk.ScorekitError)
    assert "\n" not in str(caught.value)


def test_a_sigma_along_the_features_is_found_where_the_shapes_agree():
    """Three samples of three numbers: x / sigma has the right shape and the wrong levels."""
    with pytest.raises(ValueError, match="align sigma with the batch axis"):
        check_score_model(lambda x, sigma: -x / sigma, X[:3], 0.5)


def test_neither_the_data_nor_the_running_means_are_touched():
    model, x = net(nn.BatchNorm1d(16)), X.clone().requires_grad_()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="Batch normalization"):
        check_score_model(model, x)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training
    assert x.grad is None
    with pytest.raises(ValueError, match="changed x"):
        check_score_model(Around(net(), before=lambda x: x.mul_(2)), x)
    assert torch.equal(x, X)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU])
def test_linear_pieces_are_told_and_not_refused(activation):
    with pytest.warns(RuntimeWarning, match=r"is piecewise linear.*wrong in ImplicitScoreMatching and Sliced"):
        check_score_model(net(activation=activation), X)


def test_an_energy_of_linear_pieces_has_a_trace_of_zero():
    with (
        pytest.warns(RuntimeWarning, match=r"is piecewise constant.*its trace is zero"),
        pytest.raises(ValueError, match=r"get no gradient: body\.0\.bias"),
    ):
        check_score_model(sk.models.EnergyModel(EnergyModule(nn.ReLU)), X)
    with pytest.warns(RuntimeWarning, match=r"is piecewise constant"):
        check_score_model(lambda x: -x.sign(), X)


def test_why_linear_pieces_are_told():
    """s(x) = -relu(x - b), data N(0, 1), E[s' + s²/2] = -P(x > b) + E[relu(x - b)²]/2.

    Its derivative with respect to b is p(b) - E[relu(x - b)]; automatic differentiation leaves p(b) out.
    """
    b = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    x = torch.randn(40_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    loss = sk.objectives.ImplicitScoreMatching()(lambda y: -torch.relu(y - b), x)
    value, slope = loss.item(), torch.autograd.grad(loss, b)[0].item()
    density = (2 * torch.pi) ** -0.5  # p(0), and E[relu(x)]
    assert abs(value - (-0.5 + 0.25)) < 5 * 0.9 / 200  # the value is right
    assert (
        abs(slope + density) < 5 * 0.6 / 200
    )  # and the slope -E[relu(x)], where the true one is p(0) - E[relu(x)] = 0


def test_few_warnings_for_smooth_networks():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for activation in (nn.GELU, nn.Tanh, nn.Softplus, nn.SiLU):
            check_score_model(net(activation=activation), X)
