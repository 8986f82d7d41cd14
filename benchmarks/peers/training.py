"""What trains a module here: our learner, the loop of a README around somebody's loss, and the careful loop by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

import scorekit as sk
from benchmarks.torch_steps import RATE, SIGMA, ByHand, dsm
from scorekit_torch import MLP

LOWEST, HIGHEST = 0.1, 1.0
"""The noise levels of the losses with many: log sigma is uniform between theirs."""

LEVELS = sk.noise.LogUniform(HIGHEST, LOWEST)
OBJECTIVES = {
    "DSM": sk.objectives.DenoisingScoreMatching(SIGMA),
    "SSM": sk.objectives.SlicedScoreMatching(variance_reduced=False),
    "SSM-VR": sk.objectives.SlicedScoreMatching(),
    "ISM": sk.objectives.ImplicitScoreMatching(),
    "ISM, estimated": sk.objectives.ImplicitScoreMatching("hutchinson"),
    "NCSN": sk.objectives.NoiseConditional(LEVELS),
    "EDM": sk.objectives.NoiseConditional(LEVELS, weighting="edm", sigma_data=1.0),
}


class Loop:
    """``loss(x)`` of a module in the loop that a README shows: torch's Adam, nothing else.

    ``scale(d)``: how many times ours that loss is, by its author's convention.
    """

    def __init__(self, module: nn.Module, loss: Callable, scale: Callable[[int], float] = lambda d: 1.0) -> None:
        self.module, self.loss, self.scale = module, loss, scale
        self.optimizer = torch.optim.Adam(module.parameters(), lr=RATE)

    def gradient(self, x):
        self.module.zero_grad()
        self.loss(x).backward()

    def step(self, x):
        self.optimizer.zero_grad()
        self.loss(x).backward()
        self.optimizer.step()


class Ours(Loop):
    """The learner as ``sk.fit`` makes it: finite checks, clipping, fused Adam and an average of the weights."""

    def __init__(self, name: str, module: nn.Module, view: Callable) -> None:
        stream, model = sk.backend("torch", dtype="float32").rng(0), view(module)
        super().__init__(module, lambda x: OBJECTIVES[name](model, x, rng=stream))
        self.learner, self.stream = sk.backend("torch").learner(model, OBJECTIVES[name]), stream

    def step(self, x):
        self.learner.step(x, self.stream)


class Careful(Loop):
    """The loop by hand that does what the learner does, see benchmarks/torch_steps.py."""

    def __init__(self, module: nn.Module, loss: Callable) -> None:
        self.by_hand, generator = ByHand(loss, module), torch.Generator().manual_seed(0)
        super().__init__(module, lambda x: loss(module, x, generator))

    def step(self, x):
        self.by_hand.step(x)


class Levelled(nn.Module):
    """A module of (x, log sigma) as one of (x, sigma); ``divided``: by sigma too."""

    def __init__(self, module: nn.Module, divided: bool) -> None:
        super().__init__()
        self.module, self.divided = module, divided

    def forward(self, x, sigma):
        out = self.module(x, torch.log(sigma))
        return out / sigma if self.divided else out


def as_ours(module):
    """A plain network as the one of this package, with its weights; the module of the laws as it is."""
    if not isinstance(module, nn.Sequential):
        return module
    mine = MLP(module[0].in_features, conditional=False, dtype="float32")
    with torch.no_grad():
        for weight, given in zip(mine.parameters(), module.parameters(), strict=True):
            weight.copy_(given)
    return mine


VIEWS = {
    "energy": sk.models.EnergyModel,
    "score": lambda module: module,
    "score, ours": as_ours,
    "levels": lambda module: sk.models.Preconditioned(Levelled(module, False), sigma_data=1.0, kind="ncsn"),
    "levels, energy": lambda module: sk.models.EnergyModel(Levelled(module, True)),
    "levels, EDM": lambda module: sk.models.Preconditioned(Levelled(module, False), sigma_data=1.0),
}
"""How our objectives see a module, by what it gives; see steps.py."""


def ours(name: str, kind: str) -> Callable[[nn.Module], Loop]:
    return lambda module: Ours(name, module, VIEWS[kind])


# ---------------------------------------------------------------- losses by hand


def published_dsm(net, x):
    noisy = x + SIGMA * torch.randn_like(x)
    off = net(noisy) + (noisy - x) / SIGMA**2
    return 0.5 * (off**2).sum(dim=-1).mean()


def published_sliced(net, x, reduced):
    """Gaussian directions on expanded samples (Song, Garg, Shi, Ermon, 2019), written here from the paper."""
    x = x.unsqueeze(0).expand(1, *x.shape).contiguous().view(-1, *x.shape[1:]).requires_grad_()
    v, s = torch.randn_like(x), net(x)
    along = (s * v).sum(dim=-1)
    pulled = torch.autograd.grad(along.sum(), x, create_graph=True)[0]
    square = (s**2).sum(dim=-1) if reduced else along**2
    return ((v * pulled).sum(dim=-1) + 0.5 * square).mean()


def published_ism(net, x):
    """The exact trace by a loop of reverse passes."""
    x = x.detach().requires_grad_()
    s = net(x)
    loss = 0.5 * (s**2).sum(dim=-1)
    for i in range(x.shape[1]):
        loss = loss + torch.autograd.grad(s[:, i].sum(), x, create_graph=True, retain_graph=True)[0][:, i]
    return loss.mean()


def published_ncsn(net, x):
    """The loss of Song and Ermon (2019), with the levels of the contest in the place of their sequence of levels."""
    sigma = LOWEST * (HIGHEST / LOWEST) ** torch.rand(x.shape[0])
    column = sigma.view(-1, 1)
    noisy = x + column * torch.randn_like(x)
    score = net(noisy, torch.log(sigma)) / column
    off = score + (noisy - x) / column**2
    return (0.5 * (off**2).sum(dim=-1) * sigma**2).mean()


def ssm(net, x, generator):
    v = torch.randn(x.shape, generator=generator)
    curvature, s = along(net, x, v)
    return (curvature + 0.5 * (s * v).sum(dim=1).square()).mean()


def ssm_vr(net, x, generator):
    v = torch.randint(0, 2, x.shape, generator=generator, dtype=x.dtype).mul_(2).sub_(1)
    curvature, s = along(net, x, v)
    return (curvature + 0.5 * (s * s).sum(dim=1)).mean()


def along(net, x, v):
    """vᵀ ∇s v and s, of any network, by a reverse pass that can be differentiated."""
    x = x.detach().requires_grad_()
    s = net(x)
    (pulled,) = torch.autograd.grad(s, x, v, create_graph=True)
    return (pulled * v).sum(dim=1), s


def ncsn(net, x, generator):
    log_sigma = torch.rand(x.shape[0], generator=generator).mul_(math.log(HIGHEST / LOWEST)).add_(math.log(LOWEST))
    z = torch.randn(x.shape, generator=generator)
    off = net(torch.addcmul(x, log_sigma.exp()[:, None], z), log_sigma) + z
    return (off * off).sum(dim=1).mean() * 0.5


PUBLISHED = {
    "DSM": published_dsm,
    "SSM": lambda net, x: published_sliced(net, x, reduced=False),
    "SSM-VR": lambda net, x: published_sliced(net, x, reduced=True),
    "ISM": published_ism,
    "NCSN": published_ncsn,
}
BEST = {"DSM": dsm, "SSM": ssm, "SSM-VR": ssm_vr, "ISM": lambda net, x, generator: published_ism(net, x), "NCSN": ncsn}


def published(name: str) -> Callable[[nn.Module], Loop]:
    return lambda module: Loop(module, lambda x: PUBLISHED[name](module, x))


def careful(name: str) -> Callable[[nn.Module], Loop]:
    return lambda module: Careful(module, BEST[name])
