"""What each loss must give: its expectation, by hand, for the score −a x, and the slope of that in a."""

from __future__ import annotations

import math

import torch
from torch import nn

from benchmarks.peers.training import HIGHEST, LOWEST, SIGMA, Loop

TOLERANCE = 0.03
"""What a mean over a million samples may be off by, relative: six of its standard errors or more."""


class Linear(nn.Module):
    """The module whose score is −a x, with a = 1, in each of the forms that a network here has."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.a = kind, nn.Parameter(torch.ones(()))

    def forward(self, x, log_sigma=None):
        if self.kind == "energy":
            return 0.5 * self.a * (x * x).sum(dim=1)
        if self.kind == "score":
            return -self.a * x
        sigma = torch.exp(log_sigma)
        if self.kind == "levels, energy":
            return 0.5 * self.a * (x * x).sum(dim=1) * sigma
        sigma = sigma.view(-1, 1)
        return -self.a * x * sigma if self.kind == "levels" else self._inside_edm(x, sigma)

    def _inside_edm(self, x, sigma):
        """Solves c_skip y + c_out F(c_in y) = y + sigma² s(y) for F, with x = c_in y."""
        w = 1 + sigma**2
        return ((1 - self.a * sigma**2) * w - 1) / sigma * x


def expectation(name: str, a: float, square: float, d: int) -> float:
    """The loss of −a x at points with the mean square ``square`` of their norms."""
    if name == "DSM":
        return 0.5 * (a**2 * square + d * (1 / SIGMA - a * SIGMA) ** 2)
    if name in ("NCSN", "EDM"):
        plain = 0.5 * (a**2 * square * moment(2) + d * (1 - 2 * a * moment(2) + a**2 * moment(4)))
        more = 0.5 * (a**2 * square * moment(4) + d * (moment(2) - 2 * a * moment(4) + a**2 * moment(6)))
        return plain if name == "NCSN" else plain + more  # the weight is 1 + sigma²
    return 0.5 * a**2 * square - a * d


def moment(k: int) -> float:
    """E sigma^k for log sigma uniform."""
    return (HIGHEST**k - LOWEST**k) / (k * math.log(HIGHEST / LOWEST))


def judge(name: str, trainer: Loop, n: int = 1_000_000, d: int = 3) -> str | None:
    """None, or what is wrong with the loss or with its gradient, for a trainer of :class:`Linear`."""
    torch.manual_seed(0)  # most of them take no generator
    x = 2 * torch.randn(n, d, generator=torch.Generator().manual_seed(1))
    trainer.module.zero_grad()
    loss = trainer.loss(x)
    loss.backward()
    square = float((x * x).sum(dim=1).mean())
    low, value, high = (expectation(name, a, square, d) for a in (0.0, 1.0, 2.0))
    slope = (high - low) / 2  # exact: the expectation is a quadratic in a
    for what, came, right in (("loss", loss.item(), value), ("gradient", trainer.module.a.grad.item(), slope)):
        came /= trainer.scale(d)
        if not abs(came - right) <= TOLERANCE * max(1.0, abs(right)):
            return f"its {what} is {came:.3f} where it should be {right:.3f}"
    return None
