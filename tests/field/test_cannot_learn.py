"""Learning that cannot work: refused or warned of before the first step, and no false alarm on what can learn."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.objectives import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    ImplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)
from scorekit.training import FitResult, History
from scorekit.training.trend import trend_of
from scorekit_numpy import MLP

ISM, SSM, DSM = ImplicitScoreMatching(), SlicedScoreMatching(), DenoisingScoreMatching(0.3)
LEVELS = NoiseConditional(sk.noise.Geometric(3.0, 0.1, 5))
DATA = np.random.default_rng(0).normal(size=(200, 2))


def fit(model, objective=ISM, data=DATA, steps=1, **options):
    return sk.fit(model, objective, data, steps=steps, progress=False, **options)


class Network:
    """A score network of the NumPy backend, or an energy: x → (layer, activation) → layer."""

    def __init__(self, f, parameters=None, energy=False, dtype="float64", zero=False):
        self.f, self.energy = f, energy
        draw = np.random.default_rng(1).normal
        shapes = {"a": (2, 24), "b": (24,), "c": (24, 24), "d": (24,), "e": (24, 1 if energy else 2), "g": (2,)}
        made = {
            name: (draw(size=shape) * (0.6 if shape[0] == 2 else 0.25)).astype(dtype) for name, shape in shapes.items()
        }
        self._parameters = parameters or made | ({"e": 0 * made["e"], "g": 0 * made["g"]} if zero else {})

    def parameters(self):
        return self._parameters

    def with_parameters(self, parameters):
        return Network(self.f, parameters, self.energy)

    def __call__(self, x, sigma=None):
        xp, p = sk.array_namespace(x), self._parameters
        h = self.f(xp, self.f(xp, x @ p["a"] + p["b"]) @ p["c"] + p["d"]) @ p["e"]
        return xp.sum(h, axis=1) + xp.sum(p["g"]) if self.energy else h + p["g"]


def elu(xp, h):
    return xp.where(h > 0, h, xp.exp(xp.where(h > 0, 0 * h, h)) - 1)


def softplus(xp, h, beta=1.0):
    return xp.logaddexp(0 * h, beta * h) / beta


JUMPS = {  # the derivative of the score with respect to the parameters jumps
    "ReLU": lambda xp, h: xp.maximum(h, 0 * h),
    "LeakyReLU": lambda xp, h: xp.maximum(h, 0.2 * h),
    "LeakyReLU, nearly linear": lambda xp, h: xp.maximum(h, 0.9 * h),
    "Hardtanh": lambda xp, h: xp.where(xp.abs(h) < 1, h, xp.sign(h)),
    "ReLU6": lambda xp, h: xp.where(h < 6, xp.maximum(h, 0 * h), 6 + 0 * h),
    "abs": lambda xp, h: xp.abs(h),
    "SELU": lambda xp, h: 1.05 * xp.where(h > 0, h, 1.67 * (xp.exp(xp.where(h > 0, 0 * h, h)) - 1)),
    "max": lambda xp, h: xp.maximum(h, xp.roll(h, 1, axis=1)),
    "tanh then ReLU": lambda xp, h: xp.maximum(xp.tanh(h), 0 * h),
    "normalized ReLU": lambda xp, h: xp.maximum(
        (h - xp.mean(h, axis=1, keepdims=True)) / xp.sqrt(1e-5 + xp.mean(h * h, axis=1, keepdims=True)), 0 * h
    ),
}
SMOOTH = {
    "linear": lambda xp, h: h,
    "tanh": lambda xp, h: xp.tanh(h),
    "SiLU": lambda xp, h: h / (1 + xp.exp(-h)),
    "softplus": softplus,
    "softplus, nearly linear": lambda xp, h: softplus(xp, h, 1e-2),
    "softplus, steep": lambda xp, h: softplus(xp, h, 100.0),
    "ELU": elu,
    "squared ReLU": lambda xp, h: xp.where(h > 0, h, 0 * h) ** 2,
    "sine": lambda xp, h: xp.sin(h),
    "quadratic": lambda xp, h: 0.1 * h * h,
    "saturated": lambda xp, h: xp.tanh(20 * h),
}
ROUGH_ENERGIES = ("ELU", "squared ReLU")  # continuously differentiable once: enough for a score, not for an energy


def _network(name, **options):
    return Network((JUMPS | SMOOTH)[name], **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", JUMPS)
def test_a_score_whose_derivatives_jump_is_refused(name, dtype):
    """lioryariv/idr#16: "relu is not differentiable", softplus is. Here the loss falls and nothing is learned."""
    for objective, model in ((ISM, _network(name, dtype=dtype)), (SSM, _network(name, dtype=dtype, zero=True))):
        with pytest.raises(
            ValueError, match=rf"as with ReLU.*{type(objective).__name__}.*autodiff misses the jumps.*softplus"
        ):
            fit(model, objective, DATA.astype(dtype))


@pytest.mark.parametrize("name", [*JUMPS, *ROUGH_ENERGIES])
def test_so_is_an_energy_whose_second_derivatives_jump(name):
    with pytest.raises(ValueError, match="second derivatives of this energy jump") as caught:
        fit(sk.models.EnergyModel(_network(name, energy=True)))
    assert "DenoisingScoreMatching" not in str(caught.value)  # it is differentiated in the same way


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_one_is_not(name, dtype):
    fit(_network(name, dtype=dtype), ISM, DATA.astype(dtype))
    fit(_network(name, dtype=dtype, zero=True), SSM, DATA.astype(dtype))
    if name not in (*ROUGH_ENERGIES, "linear"):
        fit(sk.models.EnergyModel(_network(name, dtype=dtype, energy=True)), ISM, DATA.astype(dtype))
    fit(_network(name, dtype=dtype), DSM, DATA.astype(dtype))


def test_a_kink_before_all_parameters_is_legal():
    """The derivative with respect to the parameters is continuous: tr ∇s is right, and so is its gradient."""

    class Clamped(Network):
        def __call__(self, x, sigma=None):
            xp = sk.array_namespace(x)
            return super().__call__(xp.where(xp.abs(x) < 0.5, x, 0.5 * xp.sign(x)))

        def with_parameters(self, parameters):
            return Clamped(self.f, parameters)

    fit(Clamped(SMOOTH["tanh"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["softplus", "ReLU"])
def test_what_is_refused_would_have_learned_nothing(name, monkeypatch):
    """By ISM the relative error of softplus is below 0.2, and that of ReLU about 1 if it is not refused."""
    from scorekit.training import learnable

    monkeypatch.setattr(learnable, "derivatives_jump", lambda segments: False)
    target = sk.distributions.Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 0.25]])
    data, points = target.sample(4000, rng=0), target.sample(2000, rng=1)

    def error(objective, sigma=None):
        learned = fit(_network(name), objective, data, steps=1500, learning_rate=3e-3, batch_size=256).model
        exact = target.score(points, sigma)
        return np.mean((learned(points) - exact) ** 2) / np.mean(exact**2)

    implicit = error(ISM)
    assert implicit < 0.2 if name == "softplus" else implicit > 0.8
    assert error(DenoisingScoreMatching(0.2), 0.2) < 0.2


# ---------------------------------------------------------------- a score that is cut from its parameters, or from x


def test_a_score_that_depends_on_no_parameter_is_refused_by_the_numpy_backend():
    class Plain(Network):
        def __call__(self, x, sigma=None):
            return -x

        def with_parameters(self, parameters):
            return Plain(self.f, parameters)

    for objective in (ISM, DSM, ExplicitScoreMatching(lambda x: -x)):
        with pytest.raises(ValueError, match=r"depends on none of the 6 parameters.*a, b, c, d, e and 1 more.*detach"):
            fit(Plain(softplus), objective)


def test_a_parameter_that_gets_no_gradient_is_named():
    class Half(Network):
        def __call__(self, x, sigma=None):
            xp, p = sk.array_namespace(x), self._parameters
            return xp.tanh(x @ p["a"]) @ p["e"] + p["g"]

        def with_parameters(self, parameters):
            return Half(self.f, parameters)

    with pytest.warns(RuntimeWarning, match=r"^3 of 6 parameters get no gradient.*: b, c, d\. The score does not use"):
        fit(Half(softplus))


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def _module(torch, forward, width=2, zero=False):
    """A module with two layers and this forward."""

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = torch.nn.Linear(width, 16).double(), torch.nn.Linear(16, width).double()
            if zero:
                for parameter in self.b.parameters():
                    torch.nn.init.zeros_(parameter)

        def forward(self, x, sigma=None, condition=None):
            return forward(self, x, sigma, condition)

    return Module()


def _tanh(module, x):
    return module.b(module.a(x).tanh())


WHOLLY = {
    "detach": lambda m, x, *_: _tanh(m, x).detach(),
    "numpy": lambda m, x, *_: x.new_tensor(_tanh(m, x).detach().numpy()),
    "data": lambda m, x, *_: _tanh(m, x).data,
}
PARTLY = {  # detectron2#1386: "parameters that were not used in producing loss"
    "detach": (lambda m, x, *_: m.b(m.a(x).tanh().detach()), r"^2 of 4 parameters.*: a\.weight, a\.bias\."),
    "data": (lambda m, x, *_: m.b((x @ m.a.weight.data.T).tanh()), r"^2 of 4 parameters.*: a\.weight, a\.bias\."),
    "not used": (lambda m, x, *_: m.b((x @ m.a.weight.T).tanh()), r"^1 of 4 parameters.*: a\.bias\."),
}


@pytest.mark.parametrize("cut", WHOLLY)
@pytest.mark.parametrize(
    "objective", [ISM, DSM, LEVELS, ExplicitScoreMatching(lambda x: -x)], ids=lambda o: type(o).__name__
)
def test_a_module_that_is_detached_is_refused(torch, cut, objective):
    with pytest.raises(ValueError, match=r"does not depend on the model's parameters.*detach"):
        fit(_module(torch, WHOLLY[cut]), objective, torch.tensor(DATA))


@pytest.mark.parametrize("cut", PARTLY)
def test_a_module_of_which_a_part_is_detached_is_warned_of(torch, cut):
    forward, words = PARTLY[cut]
    with pytest.warns(RuntimeWarning, match=words) as caught:
        fit(_module(torch, forward), DSM, torch.tensor(DATA))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    module = _module(torch, forward)
    module.a.requires_grad_(False)
    fit(module, DSM, torch.tensor(DATA))


def test_a_score_that_is_cut_from_x_has_no_trace(torch):
    """The trace is zero and the loss ½|s|², whose minimum is s = 0. DSM takes no derivative with respect to x."""
    for forward in (lambda m, x, *_: _tanh(m, x.detach()), lambda m, x, *_: _tanh(m, x.detach() + 0.2 * x)):
        with pytest.raises(ValueError, match="derivative with respect to x, which SlicedScoreMatching needs"):
            fit(_module(torch, forward), SSM, torch.tensor(DATA))
        fit(_module(torch, forward), DSM, torch.tensor(DATA))


def test_what_legally_gets_no_gradient_at_first(torch):
    """The constant of an energy, and everything before a last layer of zeros."""
    energy = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Softplus(), torch.nn.Linear(8, 1)).double()
    fit(sk.models.EnergyModel(_energy(torch, energy)), ISM, torch.tensor(DATA))

    def by_hand(m, x, *_):
        with torch.enable_grad():
            z = x if x.requires_grad else x.detach().requires_grad_()
            return -torch.autograd.grad(_tanh(m, z).sum(), z, create_graph=True)[0]

    fit(_module(torch, by_hand), DSM, torch.tensor(DATA))
    fit(_module(torch, lambda m, x, *_: _tanh(m, x), zero=True), ISM, torch.tensor(DATA))


def _energy(torch, net):
    class Energy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, sigma=None):
            return self.net(x)[:, 0]

    return Energy()


def test_an_energy_whose_score_jumps_is_warned_of_by_denoising(torch):
    energy = torch.nn.Sequential(
        torch.nn.Linear(2, 8), torch.nn.LeakyReLU(), torch.nn.Linear(8, 1, bias=False)
    ).double()
    with pytest.warns(RuntimeWarning) as caught:
        fit(sk.models.EnergyModel(_energy(torch, energy)), DSM, torch.tensor(DATA))
    assert any("score of this energy jumps" in str(each.message) for each in caught)


def test_second_derivatives_that_do_not_exist_are_named(torch):
    """As those of fused attention on a GPU."""
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Hardsigmoid(), torch.nn.Linear(8, 2)).double()
    with pytest.raises(
        ValueError, match=r"second derivatives of this score, which ImplicitScoreMatching needs.*hardsigmoid"
    ):
        fit(net, ISM, torch.tensor(DATA))


@pytest.mark.parametrize("activation", ["ReLU", "SiLU"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_convolutions(torch, activation, dtype):
    """So many units that even the shortest segments contain kinks, and a last layer of zeros."""
    layers = [torch.nn.Conv2d(1, 24, 3, padding=1), getattr(torch.nn, activation)()]
    layers += [torch.nn.GroupNorm(4, 24), torch.nn.Conv2d(24, 1, 3, padding=1)]
    torch.nn.init.zeros_(layers[-1].weight)
    net, x = torch.nn.Sequential(*layers), torch.rand(16, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    x = (x + torch.randn(x.shape, generator=torch.Generator().manual_seed(1))).to(getattr(torch, dtype))
    if activation == "SiLU":
        fit(net.to(x.dtype), SSM, x)
        return
    with pytest.raises(ValueError, match="derivatives of this score jump"):
        fit(net.to(x.dtype), SSM, x)


@pytest.mark.parametrize("make", ["dropout", "attention", "bfloat16 weights", "one sample", "equal samples"])
def test_what_else_is_no_kink(torch, make):
    from scorekit_torch import MLP

    class Attention(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Linear(1, 8), torch.nn.Linear(8, 1)
            self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x, sigma=None):
            h = self.first(x[..., None])
            return self.last(self.attention(h, h, h)[0])[..., 0]

    x = torch.tensor(DATA, dtype=torch.float32)
    layers = torch.nn.Linear(2, 8), torch.nn.SiLU(), torch.nn.Dropout(0.3), torch.nn.Linear(8, 2)
    options = {"hidden": (8,), "conditional": False}
    model, data = {
        "dropout": (torch.nn.Sequential(*layers), x),
        "attention": (Attention(), x),
        "bfloat16 weights": (MLP(2, **options, dtype="bfloat16"), x),
        "one sample": (MLP(2, **options, dtype="float32"), x[:1]),
        "equal samples": (MLP(2, **options, dtype="float32"), 0 * x + 1),
    }[make]
    fit(model, SSM, data)


# ---------------------------------------------------------------- inputs that a network ignores


def test_a_network_that_ignores_sigma_is_warned_of(torch):
    """samb-t/unleashing-transformers#10: "the time step t is not used?"."""
    from scorekit_torch import MLP

    x = torch.tensor(DATA)
    for model in (
        _module(torch, lambda m, x, *_: _tanh(m, x)),
        sk.models.Preconditioned(MLP(2, hidden=(8,), conditional=False), 1.0),
        sk.models.Preconditioned(_module(torch, lambda m, x, *_: _tanh(m, x), zero=True), 1.0, "ncsn"),
    ):
        with pytest.warns(
            RuntimeWarning, match=r"ignores sigma: its output is the same at sigma = 3 and 0\.1.*conditional=True"
        ):
            fit(model, LEVELS, x)
    fit(_module(torch, lambda m, x, sigma, _: _tanh(m, x + sigma[:, None].log() * m.a.bias[:2]), zero=True), LEVELS, x)
    fit(sk.models.Preconditioned(MLP(2, hidden=(8,)), 1.0), LEVELS, x)
    with pytest.raises(TypeError, match="model is a function of x alone"):
        fit(MLP(2, hidden=(8,), conditional=False), LEVELS, x)


def test_in_high_dimension_a_preconditioned_network_can_infer_sigma(torch):
    """The root mean square of a noisy sample shows its level (arXiv:2502.13129)."""
    net = _module(torch, lambda m, x, *_: _tanh(m, x), width=100)
    fit(sk.models.Preconditioned(net, 1.0), LEVELS, torch.randn(50, 100, dtype=torch.float64))


def test_a_network_that_ignores_its_condition_is_warned_of(torch):
    from scorekit_torch import MLP

    data = torch.tensor(DATA), torch.arange(200) % 3
    with pytest.warns(RuntimeWarning, match="ignores its condition"):
        fit(_module(torch, lambda m, x, sigma, c: _tanh(m, x)), DSM, data)
    fit(MLP(2, hidden=(8,), classes=3), DSM, data)
    fit(MLP(2, hidden=(8,), classes=3), DSM, (data[0], 0 * data[1]))


# ---------------------------------------------------------------- data with an edge

SMOOTH_DATA = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "Student t": lambda rng, shape: rng.standard_t(3, shape),
    "Laplace": lambda rng, shape: rng.laplace(size=shape),
    "gamma 3": lambda rng, shape: rng.gamma(3.0, size=shape),
    "mixture": lambda rng, shape: (
        0.3 * rng.standard_normal(shape) + rng.choice([-4.0, 0.0, 3.0], shape, p=[0.06, 0.44, 0.5])
    ),
    "log-normal": lambda rng, shape: rng.lognormal(0.0, 1.0, shape),
    "rounded": lambda rng, shape: np.round(rng.standard_normal(shape)),
}
EDGES = {
    "exponential": lambda rng, shape: rng.exponential(0.5, shape),
    "uniform": lambda rng, shape: rng.random(shape),
    "half-normal": lambda rng, shape: np.abs(rng.standard_normal(shape)),
    "arcsine": lambda rng, shape: rng.beta(0.5, 0.5, shape),
    "Pareto": lambda rng, shape: rng.pareto(3.0, shape),
    "many zeros": lambda rng, shape: np.maximum(rng.standard_normal(shape), 0.0),
}


def _edge(values):
    from scorekit.training.edges import edge_of
    from scorekit.training.sources import open_source

    return edge_of(open_source(values, None, 0))


@pytest.mark.parametrize(("n", "repeats"), [(100, 20), (2048, 20), (4000, 5), (100_000, 1)])
@pytest.mark.parametrize("name", SMOOTH_DATA)
def test_smooth_data_have_no_edge(name, n, repeats):
    """The rate of false alarms is below 1e-4 a data set: of 1,000 columns of 2,048 log-normal samples, none."""
    for k in range(repeats):
        assert _edge(SMOOTH_DATA[name](np.random.default_rng(k), (n, 4))) is None


@pytest.mark.parametrize("n", [2048, 10_000, 100_000])
@pytest.mark.parametrize("name", EDGES)
def test_edges_are_found(name, n):
    """Of 2,048 values 96 % of exponential and uniform ones are found; here one of two columns has to be."""
    data = np.random.default_rng(3).standard_normal((n, 3))
    data[:, 1:] = EDGES[name](np.random.default_rng(0), (n, 2))
    assert "column 1" in (found := _edge(data) or "none") or "column 2" in found


def test_fit_warns_of_an_edge_and_says_why():
    """On Exponential(2) ISM of s = −λ is λ²/2, smallest at λ = 0: the boundary term λ p(0) is left out."""
    data = np.random.default_rng(0).exponential(0.5, (5000, 1))
    with pytest.warns(
        RuntimeWarning, match=r"column 0 of the data ends abruptly at its smallest value.*boundary term.*log"
    ) as caught:
        fit(MLP(1, hidden=(8,), conditional=False), ISM, data)
    assert len(caught) == 1
    fit(MLP(1, hidden=(8,), conditional=False), ISM, np.log(data))
    fit(MLP(1, hidden=(8,), conditional=False), DSM, data)
    images = np.maximum(np.random.default_rng(0).random((64, 1, 6, 6)) - 0.5, 0.0)
    with pytest.warns(
        RuntimeWarning, match=r"^\d\d% of the values in column 0 of the data equal the smallest, 0, exactly"
    ):
        fit(MLP(36, hidden=(8,), conditional=False), SSM, images)


# ---------------------------------------------------------------- has the run settled?

T = np.arange(3000)
RUNS = {
    "flat": (2 * np.exp(-T / 100), "flat"),
    "one spike": (2 * np.exp(-T / 100) + 1e4 * (T == 1500), "flat"),
    "falling": (2 * np.exp(-T / 1000), "falling"),
    "rising": (2 * np.exp(-T / 100) + T / 12_000, "rising"),
    "late blow-up": (2 * np.exp(-T / 100) + np.maximum(T - 2400, 0) / 300, "diverged"),
    "early jump": (np.where(T < 1000, 2 * np.exp(-T / 100), 1.0), "diverged"),
    "from the start": (T / 3000, "diverged"),
}


def _result(losses, **options):
    history = History()
    for step, loss in enumerate(losses, 1):
        history.append(step=step, loss=loss, grad_norm=1.0, seconds=0.01 * step, applied=True)
    return FitResult(None, history, len(losses), **{"interrupted": False} | options)


@pytest.mark.parametrize("name", RUNS)
def test_the_verdict_on_a_run(name):
    """Skewed noise, twenty seeds; two of them may be wrong, which happens to a right verdict of 99 % once in 1,000."""
    mean, verdict = RUNS[name]
    noise = (np.random.default_rng(seed).chisquare(2, len(T)) * 0.1 for seed in range(20))
    assert sum(trend_of(mean + each).verdict == verdict for each in noise) >= 18


@pytest.mark.parametrize("n", [128, 500, 3000])
@pytest.mark.parametrize("tails", ["normal", "chi2", "Cauchy"])
def test_a_constant_loss_is_called_flat(n, tails):
    """1 % of false verdicts, for any tails: at most 8 of 200, which a rate of 1 % exceeds once in 4,000 times."""
    rng = np.random.default_rng(n)
    draw = {
        "normal": rng.standard_normal,
        "chi2": lambda n: rng.chisquare(3, n),
        "Cauchy": lambda n: abs(rng.standard_cauchy(n)),
    }
    assert sum(trend_of(draw[tails](n)).verdict != "flat" for _ in range(200)) <= 8


def test_a_result_is_three_lines():
    rng = np.random.default_rng(0)
    lines = str(_result(RUNS["falling"][0] + 0.1 * rng.chisquare(2, 3000), saved=3000)).splitlines()
    assert lines[0] == "fit: 3,000 steps in 30 s, checkpoint of step 3,000"
    assert lines[1].startswith("loss 2.0")
    assert lines[1].endswith("(last 93 steps): still falling over the last half")
    assert lines[2] == "next: fit(…, steps=6000) and the same checkpoint folder continues from step 3,000"
    diverged = str(_result(RUNS["late blow-up"][0])).splitlines()
    assert len(diverged) == 3
    assert "diverged" in diverged[1]
    assert "learning_rate three times smaller" in diverged[2]
    assert "sk.save(result.model, folder)" in str(_result(RUNS["flat"][0] + 0.1 * rng.chisquare(2, 3000)))
    assert str(_result([1.0, 2.0])).splitlines()[1] == "loss 1 → 2: too few steps to say more"
    assert len(str(_result([])).splitlines()) == 3
    assert repr(_result([1.0])) == "FitResult(step=1, loss too short, interrupted=False, saved=None)"


# ---------------------------------------------------------------- one finite outlier and batch normalization


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outlier", [1e7, 1e20, 1e38])
def test_an_outlier_does_not_poison_buffers(torch, dtype, outlier):
    """pytorch/pytorch#1206: running_mean and running_var are NaN, and the training loss is perfect."""
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 8), torch.nn.SiLU(), torch.nn.Linear(8, 2))
    x = torch.tensor(DATA, dtype=getattr(torch, dtype))
    x[7, 1] = outlier
    with pytest.raises(
        sk.NonFiniteError, match=r"step \d of 5: the buffer 0\.running_\w+ .*largest value .* in its row \d+;.*skip"
    ):
        fit(net.to(x.dtype), DSM, x, steps=5, batch_size=50)
    result = fit(net.to(x.dtype), DSM, x, steps=8, batch_size=50, on_nonfinite="skip")
    assert np.count_nonzero(~result.history.applied) == 2  # once an epoch
    assert all(float(buffer.double().abs().max()) < 10 for buffer in result.model.buffers())


def test_a_buffer_may_have_the_scale_of_the_data(torch):
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 2)).double()
    net.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    with pytest.warns(RuntimeWarning, match="far from the order of one"):
        assert fit(net, DenoisingScoreMatching(1e6), 1e7 * torch.tensor(DATA), steps=3).history.applied.all()
