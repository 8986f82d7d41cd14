"""One optimizer step on tensors, compared with an optimized loop by hand for the same loss from the same noise.

``python benchmarks/torch_steps.py`` checks that both give the same losses and prints milliseconds per step, min /
median / max of interleaved runs, and the median of the paired ratios: a 3 x 128 GELU network, 128 samples, float32,
one thread. Processor time is measured, which depends less on other work on the machine.
The loop by hand does the same work as the learner: noise from a generator, fused Adam, loss and gradient norm checked
and clipped, EMA of the weights by one multi-tensor lerp.
"""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import scorekit as sk
from benchmarks.timing import paired_ratio, spread, take_turns
from scorekit_torch import MLP

DIMENSIONS = (2, 10, 100)
SIGMA, RATE, CLIP, DECAY = 0.1, 1e-3, 1.0, 0.999


def plain_network(d):
    widths = [d, 128, 128, 128]
    hidden = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.GELU("tanh"))]
    return nn.Sequential(*hidden, nn.Linear(128, d))


def dsm(net, x, generator):
    z = torch.randn(x.shape, generator=generator)
    off = SIGMA * net(x + SIGMA * z) + z
    return (off * off).sum(dim=1).mean() * (0.5 / SIGMA**2)


def ssm_vr(net, x, generator):
    """The directions pushed through the layers beside x: a reverse pass less than to differentiate the score."""
    v = torch.randint(0, 2, x.shape, generator=generator, dtype=x.dtype).mul_(2).sub_(1)
    first, *middle, last = (layer for layer in net if isinstance(layer, nn.Linear))
    before = first(x)
    pushed = v @ first.weight.T
    for layer in middle:
        pushed = slope(before) * pushed @ layer.weight.T
        before = layer(gelu(before, approximate="tanh"))
    pushed = slope(before) * pushed
    s = last(gelu(before, approximate="tanh"))
    return ((pushed * (v @ last.weight)).sum(dim=1) + 0.5 * (s * s).sum(dim=1)).mean()


def ism(net, x, generator):
    """All tangents pushed through the layers in one product, of the last layer the diagonal alone."""
    first, *middle, last = (layer for layer in net if isinstance(layer, nn.Linear))
    before = first(x)
    pushed = first.weight.T.unsqueeze(1)
    for layer in middle:
        pushed = slope(before) * pushed @ layer.weight.T
        before = layer(gelu(before, approximate="tanh"))
    pushed = slope(before) * pushed
    s = last(gelu(before, approximate="tanh"))
    trace = pushed.transpose(0, 1).reshape(x.shape[0], -1) @ last.weight.reshape(-1)
    return (trace + 0.5 * (s * s).sum(dim=1)).mean()


def slope(before):
    return torch.ops.aten.gelu_backward(torch.ones_like(before), before, approximate="tanh")


OBJECTIVES = {
    "DSM": (lambda: sk.objectives.DenoisingScoreMatching(SIGMA), dsm),
    "SSM-VR": (sk.objectives.SlicedScoreMatching, ssm_vr),
    "ISM": (sk.objectives.ImplicitScoreMatching, ism),
}


class ByHand:
    """The loop as an expert writes it, for a ``loss`` of (net, x, generator)."""

    def __init__(self, loss, net):
        self.loss, self.net = loss, net
        self.parameters = list(net.parameters())
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.Adam(self.parameters, lr=RATE, fused=True)
        self.generator, self.steps = torch.Generator().manual_seed(0), 0

    def step(self, x):
        loss = self.loss(self.net, x, self.generator)
        self.optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        value = loss.item()
        if not (math.isfinite(value) and math.isfinite(norm.item())):
            raise ArithmeticError(value)
        self.optimizer.step()
        self.steps += 1
        decay = min(DECAY, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        return value


class Ours:
    """The learner."""

    def __init__(self, name, net):
        objective = OBJECTIVES[name][0]()
        self.learner = sk.backend("torch").learner(net, objective, learning_rate=RATE, gradient_clip=CLIP, ema=DECAY)
        self.rng = sk.backend("torch", dtype="float32").rng(0)

    def step(self, x):
        return self.learner.step(x, self.rng).loss


def data(d, n=128):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(1))


def contestants(name, d):
    """Both from the same weights, with the same stream of noise."""
    torch.set_num_threads(1)
    net, plain = MLP(d, conditional=False, dtype="float32"), plain_network(d)
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), plain.parameters(), strict=True):
            theirs.copy_(mine)
    ours, by_hand = Ours(name, net), ByHand(OBJECTIVES[name][1], plain)
    ours.rng.normal((1,))  # makes the generator
    by_hand.generator.set_state(ours.rng._generator(torch.device("cpu")).get_state())
    return {"scorekit": ours, "by hand": by_hand}


def check_same(pair, x, steps=5):
    """Both trajectories, losses and updates, agree."""
    losses = np.array([[each.step(x) for each in pair.values()] for _ in range(steps)])
    np.testing.assert_allclose(losses[:, 0], losses[:, 1], rtol=1e-6, atol=1e-6 * np.abs(losses).max())


def runs(name, d, steps):
    """The two, checked, as functions that make so many steps."""
    pair, x = contestants(name, d), data(d)
    check_same(pair, x)
    return {way: lambda each=each: [each.step(x) for _ in range(steps)] for way, each in pair.items()}


class Step:
    """asv: seconds a step, by objective, d and way."""

    params = (list(OBJECTIVES), list(DIMENSIONS), ["scorekit", "by hand"])
    param_names = ("objective", "d", "way")
    rounds, repeat, warmup_time = 1, (3, 10, 1.0), 0.05

    def setup(self, name, d, way):
        pair, self.x = contestants(name, d), data(d)
        check_same(pair, self.x)
        self.each = pair[way]

    def time_step(self, name, d, way):
        self.each.step(self.x)


def main(repeats=15, steps=40):
    print(f"ms a step, min / median / max of {repeats} x {steps} steps; median of the paired ratios")
    for d in DIMENSIONS:
        for name in OBJECTIVES:
            spent = take_turns(runs(name, d, steps), repeats)
            shown = "   ".join(f"{way} {spread(each / steps * 1e3, '6.2f')}" for way, each in spent.items())
            print(f"  d = {d:<4d} {name:7s} {shown}   ratio {paired_ratio(spent, *spent):.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
