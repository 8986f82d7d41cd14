"""Networks as other people write them, which train and must not be warned of."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk

torch = pytest.importorskip("torch")
nn = torch.nn

LEVELS = sk.noise.Geometric(10.0, 0.05, 10)
NOISE = sk.objectives.NoiseConditional(LEVELS)
DENOISING, SLICED = sk.objectives.DenoisingScoreMatching(0.3), sk.objectives.SlicedScoreMatching()


def perceptron(inputs, outputs=2):
    return nn.Sequential(nn.Linear(inputs, 16), nn.SiLU(), nn.Linear(16, outputs))


class Transformer(nn.Module):
    """Its attention has second derivatives in training mode only: another kernel runs in evaluation mode on the CPU."""

    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Linear(1, 8), nn.Linear(8, 1)
        layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True, dropout=0.1)
        self.encoder = nn.TransformerEncoder(layer, 1)

    def forward(self, x):
        return self.out(self.encoder(self.embed(x[..., None])))[..., 0]


class Heads(nn.Module):
    """One head for each noise level."""

    def __init__(self):
        super().__init__()
        self.register_buffer("levels", torch.tensor(np.asarray(LEVELS.sigmas), dtype=torch.float32))
        self.trunk, self.heads = perceptron(2, 16), nn.ModuleList(nn.Linear(16, 2) for _ in LEVELS.sigmas)

    def forward(self, x, sigma):
        nearest, hidden = (sigma[:, None] - self.levels).abs().argmin(1), self.trunk(x)
        out = torch.zeros_like(x)
        for k, head in enumerate(self.heads):
            rows = (nearest == k).nonzero()[:, 0]
            out = out.index_add(0, rows, head(hidden[rows]))
        return out


class NullCondition(nn.Module):
    """A learned embedding for the null condition −9, or for conditions that it drops itself while it is trained."""

    def __init__(self, drops):
        super().__init__()
        self.null, self.embed, self.net = nn.Parameter(torch.zeros(4)), nn.Linear(3, 4), perceptron(7)
        self.drops = drops

    def forward(self, x, sigma, condition):
        null = condition[:, :1] < -5
        if self.drops:
            null = (torch.rand(len(x), 1) < 0.3) & self.training
        embedded = torch.where(null, self.null, self.embed(condition))
        return self.net(torch.cat([x, sigma.log()[:, None] / 4, embedded], 1))


class AlwaysDrops(nn.Module):
    """Dropout in evaluation mode too: two calls differ, and not because of kinks."""

    def __init__(self):
        super().__init__()
        self.net = perceptron(2)

    def forward(self, x):
        return nn.functional.dropout(self.net(x), 0.1)


class Energy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Transformer()

    def forward(self, x):
        return self.net(x).sum(1)


CASES = {
    "attention with dropout, sliced": (lambda: Transformer(), SLICED, {}),
    "an energy of attention": (lambda: sk.models.EnergyModel(Energy()), DENOISING, {}),
    "a head for each level": (lambda: Heads(), NOISE, {}),
    "a learned null condition": (
        lambda: NullCondition(drops=False),
        NOISE,
        {"condition_dropout": 0.2, "null_condition": torch.full((3,), -9.0)},
    ),
    "its own dropout of conditions": (lambda: NullCondition(drops=True), NOISE, {}),
    "dropout in evaluation mode": (lambda: AlwaysDrops(), SLICED, {}),
    "compiled, of x alone": (lambda: torch.compile(perceptron(2), backend="eager"), DENOISING, {}),
    "data parallel, of x alone": (lambda: nn.DataParallel(perceptron(2)), SLICED, {}),
}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor:UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_it_trains_without_a_warning(name):
    make, objective, options = CASES[name]
    x = torch.tensor(sk.rng(0).normal((500, 2)), dtype=torch.float32)
    told = torch.tensor(sk.rng(1).normal((500, 3)), dtype=torch.float32)
    data = (x, told) if "condition" in name else x
    assert sk.fit(make(), objective, data, steps=2, progress=False, **options).history.applied.all()


def test_a_parameter_that_is_never_used_is_named():
    net = AlwaysDrops()
    net.unused = nn.Linear(2, 2)
    with pytest.warns(RuntimeWarning, match=r"2 of 6 parameters get no gradient .*unused\.weight, unused\.bias"):
        sk.fit(net, DENOISING, torch.ones(64, 2) * torch.arange(64.0)[:, None] / 64, steps=1, progress=False)


def test_a_condition_of_which_a_part_is_used_is_not_ignored():
    """Two samples in many dimensions usually have one class; the network does not use the rest of the condition."""

    class OfClass(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(3073, 3072)

        def forward(self, x, sigma, condition):
            return self.net(torch.cat([x, condition[:, :1]], 1)) / sigma[:, None]

    rare = torch.stack([(torch.arange(300) // 60 % 3 == 2).long(), torch.arange(300)], 1).float()
    x = torch.tensor(sk.rng(0).normal((300, 3072)), dtype=torch.float32)
    assert sk.fit(OfClass(), NOISE, (x, rare), steps=1, progress=False).history.applied.all()
