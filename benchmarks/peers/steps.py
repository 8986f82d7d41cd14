"""A loss with its gradient: scorekit beside torchebm, and beside the way of the code published with sliced matching.

``python benchmarks/peers/steps.py`` (after ``pip install torchebm``, which needs no other version of torch) prints
milliseconds, min / median / max of interleaved runs on one thread, its own time. torchebm trains energies, so both get
the energy network there; the published way (Song, Garg, Shi, Ermon, 2019: Gaussian directions on expanded samples, the
exact trace by a loop of reverse passes), written here from the paper, trains score networks. A contestant whose value
is wrong on an energy that can be done by hand is shown with what came and what is right, and is not timed.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import numpy as np
import torch
from torch import nn

import scorekit as sk

SIGMA, BATCH = 0.5, 128
DIMENSIONS = (2, 10, 100)
OURS = {
    "DSM": sk.objectives.DenoisingScoreMatching(SIGMA),
    "SSM": sk.objectives.SlicedScoreMatching(variance_reduced=False),
    "SSM-VR": sk.objectives.SlicedScoreMatching(),
    "ISM": sk.objectives.ImplicitScoreMatching(),
}
STREAM = sk.backend("torch").rng(0)


def network(d, out):
    torch.manual_seed(0)
    hidden = [part for a, b in pairwise([d, 128, 128, 128]) for part in (nn.Linear(a, b), nn.Softplus())]
    return nn.Sequential(*hidden, nn.Linear(128, out))


class Quadratic(nn.Module):
    """The energy |x|²/2, with a parameter that changes nothing: its score is -x."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return 0.5 * (x * x).sum(dim=1, keepdim=True) + self.nothing


# ---------------------------------------------------------------- contestants: a function of (network, x) -> loss


def scorekit_energy(name):
    views = {}

    def loss(energy, x):
        if energy not in views:
            views[energy] = sk.models.EnergyModel(lambda z: energy(z)[:, 0])
        return OURS[name](views[energy], x, rng=STREAM)

    return loss


def scorekit_score(name):
    return lambda net, x: OURS[name](net, x, rng=STREAM)


def torchebm_energy(name):
    """None where torchebm is missing or has no such loss."""
    try:
        from torchebm import losses
        from torchebm.core import BaseModel
    except ImportError:
        return None
    makers = {
        "DSM": lambda model: losses.DenoisingScoreMatching(model, noise_scale=SIGMA),
        "SSM": lambda model: losses.SlicedScoreMatching(model, n_projections=1),
        "ISM": lambda model: losses.ScoreMatching(model, hessian_method="exact"),
    }

    class Energy(BaseModel):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x).squeeze(1)

    made = {}

    def loss(energy, x):
        if energy not in made:
            made[energy] = makers[name](Energy(energy))
        return made[energy](x)

    return loss if name in makers else None


def published_dsm(net, x):
    noisy = x + SIGMA * torch.randn_like(x)
    off = net(noisy) + (noisy - x) / SIGMA**2
    return 0.5 * (off**2).sum(dim=-1).mean()


def published_sliced(net, x, reduced):
    x = x.unsqueeze(0).expand(1, *x.shape).contiguous().view(-1, *x.shape[1:]).requires_grad_()
    v, s = torch.randn_like(x), net(x)
    along = (s * v).sum(dim=-1)
    pulled = torch.autograd.grad(along.sum(), x, create_graph=True)[0]
    square = (s**2).sum(dim=-1) if reduced else along**2
    return ((v * pulled).sum(dim=-1) + 0.5 * square).mean()


def published_ism(net, x):
    x = x.detach().requires_grad_()
    s = net(x)
    loss = 0.5 * (s**2).sum(dim=-1)
    for i in range(x.shape[1]):
        loss = loss + torch.autograd.grad(s[:, i].sum(), x, create_graph=True, retain_graph=True)[0][:, i]
    return loss.mean()


PUBLISHED = {
    "DSM": published_dsm,
    "SSM": lambda net, x: published_sliced(net, x, reduced=False),
    "SSM-VR": lambda net, x: published_sliced(net, x, reduced=True),
    "ISM": published_ism,
}


# ---------------------------------------------------------------- right first, then fast


def by_hand(name, x):
    """The expectation of the loss of the score -x at ``x``."""
    square, d = float((x * x).sum(dim=1).mean()), x.shape[1]
    return 0.5 * (square + d * (1 / SIGMA - SIGMA) ** 2) if name == "DSM" else 0.5 * square - d


def verdict(name, loss, module):
    """None, or what is wrong. 200,000 samples: the error of a right mean is below 1 %."""
    x = torch.randn(200_000, 2, generator=torch.Generator().manual_seed(0))
    came, right = float(loss(module, x).detach()), by_hand(name, x)
    return None if abs(came - right) < 0.02 * max(1.0, abs(right)) else f"gives {came:.4f}, right is {right:.4f}"


class MinusX(nn.Module):
    def forward(self, x):
        return -x


def milliseconds(loss, module, x, steps):
    begin = time.process_time()
    for _ in range(steps):
        module.zero_grad()
        loss(module, x).backward()
    return (time.process_time() - begin) / steps * 1e3


def contest(title, contestants, module, steps, repeats, d):
    x = torch.randn(BATCH, d, generator=torch.Generator().manual_seed(1))
    times = {who: [] for who in contestants}
    for repeat in range(repeats + 1):
        for who, loss in contestants.items():
            spent = milliseconds(loss, module, x, steps)
            if repeat:
                times[who].append(spent)
    shown = "   ".join(f"{w} {min(t):.2f} / {np.median(t):.2f} / {max(t):.2f}" for w, t in times.items())
    print(f"  d = {d:<4d} {title:16s} {shown}")


def fields():
    """Title, contestants and the networks: the one to be judged on, and how to make the one to be timed."""
    for name in OURS:
        energies = {"scorekit": scorekit_energy(name), "torchebm": torchebm_energy(name)}
        if energies["torchebm"] is not None:
            yield name, f"{name}, energy", energies, Quadratic(), lambda d: network(d, 1)
        published = {"scorekit": scorekit_score(name), "published way": PUBLISHED[name]}
        yield name, f"{name}, score", published, MinusX(), lambda d: network(d, d)


def main(repeats=7, steps=10):
    torch.set_num_threads(1)
    if torchebm_energy("DSM") is None:
        print("torchebm is not installed: pip install torchebm. Going on without it.")
    print(f"ms a loss with its gradient, min / median / max of {repeats} x {steps}")
    for name, title, contestants, simple, make in fields():
        faults = {who: verdict(name, loss, simple) for who, loss in contestants.items()}
        for who, fault in faults.items():
            if fault is not None:
                print(f"  {title}: {who} {fault}; not timed")
        right = {who: loss for who, loss in contestants.items() if faults[who] is None}
        for d in DIMENSIONS:
            few = max(1, steps // 10) if name == "ISM" and d == 100 else steps
            contest(title, right, make(d), few, repeats, d)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
