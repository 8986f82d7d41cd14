"""The exact trace of a network without a trace of its own: ISM, loss and parameter gradient, by the methods of torch.

``python benchmarks/traces.py`` prints milliseconds (min / median / max of interleaved runs, processor time of one
thread) and peak memory in forward passes: a 3 x 128 softplus network, 128 samples, float32.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.func import jacrev, vmap

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import scorekit as sk
from benchmarks import cases
from benchmarks.memory import peak_bytes, peak_bytes_of_arrays
from benchmarks.timing import spread, take_turns

DIMENSIONS = (10, 100, 784)


def network(d):
    torch.manual_seed(0)
    widths = [d, 128, 128, 128]
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.Softplus())]
    return nn.Sequential(*layers, nn.Linear(128, d))


def ours(net, x):
    return sk.backend("torch").divergence(net, x)


def jacobians(net, x):
    """vmap(jacrev): every sample's whole Jacobian."""

    def one(point):
        def value(z):
            y = net(z[None])[0]
            return y, y

        jacobian, y = jacrev(value, has_aux=True)(point)
        return y, jacobian.diagonal().sum()

    return vmap(one)(x)


def batched(net, x, chunk=64):
    """is_grads_batched, all graphs kept."""
    z = x.detach().requires_grad_()
    y, (n, d) = net(z), x.shape
    parts = []
    for units in torch.eye(d).split(chunk):
        pulled = torch.autograd.grad(
            y, z, units[:, None].expand(-1, n, d), create_graph=True, retain_graph=True, is_grads_batched=True
        )[0]
        parts.append((pulled * units[:, None]).sum(dim=(0, 2)))
    return y, sum(parts[1:], parts[0])


def loop(net, x):
    """One reverse pass a direction, all graphs kept."""
    z = x.detach().requires_grad_()
    y = net(z)
    columns = [torch.autograd.grad(y[:, i].sum(), z, create_graph=True)[0][:, i] for i in range(x.shape[1])]
    return y, sum(columns[1:], columns[0])


WAYS = {"scorekit": ours, "vmap(jacrev)": jacobians, "is_grads_batched by 64": batched, "loop": loop}


def step(way, net, x):
    """Loss and parameter gradient."""
    net.zero_grad()
    s, trace = WAYS[way](net, x)
    loss = (trace + 0.5 * (s * s).sum(dim=1)).mean()
    loss.backward()
    return loss.item()


class Trace:
    """asv: seconds and peak memory of a loss with its gradient."""

    params = (list(DIMENSIONS), list(WAYS))
    param_names = ("d", "way")
    rounds, repeat, warmup_time = 1, (2, 5, 1.0), 0

    def setup(self, d, way):
        torch.set_num_threads(1)
        self.net, self.x = network(d), torch.randn(128, d)

    def time_loss_and_gradient(self, d, way):
        step(way, self.net, self.x)

    def track_memory(self, d, way):
        return peak_bytes(lambda: step(way, self.net, self.x)) / peak_bytes(lambda: self.net(self.x))

    track_memory.unit = "forward passes"


class Divergence:
    """asv: seconds and MiB at the peak of a divergence without its gradient, of a network that is a black box."""

    params = (["exact", "Hutchinson"], list(cases.BACKENDS), list(cases.DTYPES), [2, 10, 50, 100, 784])
    param_names = ("trace", "backend", "dtype", "d")
    rounds, repeat, warmup_time = 1, (3, 10, 0.4), 0.05

    def setup(self, trace, backend, dtype, d):
        net, x = cases.network(backend, dtype, d), cases.data(backend, dtype, 128, d)
        probes = sk.rng(0, like=x).rademacher((1, *x.shape), x) if trace == "Hutchinson" else None
        self.run = lambda: sk.backend(backend).divergence(lambda z: net(z), x, probes)

    def time_divergence(self, *parameters):
        self.run()

    def track_memory(self, trace, backend, dtype, d):
        return (peak_bytes_of_arrays if backend == "numpy" else peak_bytes)(self.run) / 2**20

    track_memory.unit = "MiB"


def runs(d, ways=tuple(WAYS)):
    """The ways as functions of nothing, after checking that they give one loss."""
    torch.set_num_threads(1)
    net, x = network(d), torch.randn(128, d)
    steps = {way: lambda way=way: step(way, net, x) for way in ways}
    np.testing.assert_allclose([run() for run in steps.values()], steps["scorekit"](), rtol=1e-4)
    return steps


def main(repeats=5):
    for d in DIMENSIONS:
        steps = runs(d)
        net, x = network(d), torch.randn(128, d)
        forward = peak_bytes(lambda net=net, x=x: net(x))
        print(f"d = {d}: ms, min / median / max of {repeats}; peak in forward passes of {forward / 2**20:.2f} MiB")
        for way, spent in take_turns(steps, repeats).items():
            print(f"  {way:24s} {spread(spent * 1e3, '8.1f')}   {peak_bytes(steps[way]) / forward:7.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
