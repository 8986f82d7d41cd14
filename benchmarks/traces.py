"""The exact trace of a network that is a black box: ISM, loss and parameter gradient, by the ways that torch has.

``python benchmarks/traces.py`` prints milliseconds (min / median / max of interleaved runs, one thread and its
own time) and peak memory in forward passes: a 3 x 128 softplus network, 128 samples, float32.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.func import jacrev, vmap

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import scorekit as sk
from benchmarks.memory import peak_bytes

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
    timeout = 300

    def setup(self, d, way):
        torch.set_num_threads(1)
        self.net, self.x = network(d), torch.randn(128, d)

    def time_loss_and_gradient(self, d, way):
        step(way, self.net, self.x)

    def track_memory(self, d, way):
        return peak_bytes(lambda: step(way, self.net, self.x)) / peak_bytes(lambda: self.net(self.x))

    track_memory.unit = "forward passes"


def main(repeats=5):
    torch.set_num_threads(1)
    for d in DIMENSIONS:
        net, x = network(d), torch.randn(128, d)
        forward = peak_bytes(lambda net=net, x=x: net(x))
        times, losses = {way: [] for way in WAYS}, {}
        for repeat in range(repeats + 1):
            for way in WAYS:
                begin = time.process_time()
                losses[way] = step(way, net, x)
                if repeat:
                    times[way].append((time.process_time() - begin) * 1e3)
        np.testing.assert_allclose(list(losses.values()), losses["scorekit"], rtol=1e-4)
        print(f"d = {d}: ms, min / median / max of {repeats}; peak in forward passes of {forward / 2**20:.2f} MiB")
        for way, spent in times.items():
            peak = peak_bytes(lambda way=way, net=net, x=x: step(way, net, x)) / forward
            print(f"  {way:24s} {min(spent):8.1f} / {np.median(spent):8.1f} / {max(spent):8.1f}   {peak:7.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
