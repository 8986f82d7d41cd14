"""One training step of NCSN and NCSNv2, compared with plain implementations: 16 images, 64 features, two threads.

``python benchmarks/images.py`` first checks that both give equal outputs. It prints milliseconds per step, min / median
/ max of interleaved runs, each in its own process, and the median ratio to the plain network. ``--compile`` adds our
networks through torch.compile, which takes minutes for each. The plain network uses Adam with its default settings,
ours the fused Adam of the learner.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import scorekit as sk
from benchmarks.processes import process
from benchmarks.timing import paired_ratio, spread, take_turns
from scorekit_torch import NCSN, NCSNv2
from support import plain_images

BATCH, FEATURES = 16, 64
LEVELS = sk.noise.Geometric(1.0, 0.01, 10)
NETWORKS = {"NCSN": lambda c, **o: NCSN(c, LEVELS, FEATURES, **o), "NCSNv2": lambda c, **o: NCSNv2(c, FEATURES, **o)}
SIZES = {"28x28x1": (1, 28), "32x32x3": (3, 32)}
PLAIN = "plain"
VARIANTS = (PLAIN, "float32", "bfloat16")
COMPILED = ("float32, compiled", "bfloat16, compiled")


def data(size):
    channels, side = SIZES[size]
    x = torch.from_numpy(np.random.default_rng(0).uniform(size=(BATCH, channels, side, side)).astype(np.float32))
    sigma = torch.from_numpy(LEVELS.sigmas[np.arange(BATCH) % len(LEVELS)].astype(np.float32))
    return x, sigma


def training_step(name, size, variant):
    """A function that makes one step: the sum of squares of σ s + z, its gradient, Adam."""
    x, sigma = data(size)
    plain, precision = variant == PLAIN, "float32" if variant == PLAIN else variant.partition(",")[0]
    net = NETWORKS[name](SIZES[size][0], precision=precision)
    z = torch.from_numpy(np.random.default_rng(1).standard_normal(x.shape).astype(np.float32))
    scale = sigma[:, None, None, None]
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=None if plain else True)
    if plain:
        net.to(memory_format=torch.contiguous_format)  # as published
    if variant in COMPILED:
        net.compile(dynamic=False)

    def step():
        noisy = x + scale * z
        score = plain_images.score(net, noisy, sigma) if plain else net(noisy, sigma)
        loss = 0.5 * (scale * score + z).square().flatten(1).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def largest_difference(name, size):
    """Between our network and the plain one, in units of the largest output."""
    x, sigma = data(size)
    net = NETWORKS[name](SIZES[size][0])
    with torch.no_grad():
        ours, plain = net(x, sigma), plain_images.score(net, x, sigma)
    return float((ours - plain).abs().max() / plain.abs().max())


class ImageStep:
    """asv: seconds a step."""

    params = (list(NETWORKS), list(SIZES), list(VARIANTS))
    param_names = ("network", "size", "variant")
    number, rounds, repeat, warmup_time = 1, 1, (2, 5, 3.0), 0

    def setup(self, name, size, variant):
        torch.set_num_threads(2)
        self.step = training_step(name, size, variant)
        self.step()

    def time_step(self, name, size, variant):
        self.step()


def measured(name, size, repeats, variants):
    """Seconds of a step by variant, on the wall, after checking that the networks are equal."""
    off = largest_difference(name, size)
    assert off < 1e-5, f"{name} at {size} differs from the plain network by {off:.1e}"
    with ExitStack() as stack:
        steps = {
            variant: stack.enter_context(
                process("benchmarks.images:own_step", name, size, variant, ours=variant != PLAIN)
            )
            for variant in variants
        }
        return take_turns(steps, repeats, time.perf_counter)


def own_step(name, size, variant):
    """A step on two threads."""
    torch.set_num_threads(2)
    return training_step(name, size, variant)


def main(repeats=15):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--compile", action="store_true", help="the compiled networks too, after minutes")
    chosen = parser.parse_args()
    variants = (*VARIANTS, *COMPILED) if chosen.compile else VARIANTS
    for name, size in itertools.product(chosen.networks, chosen.sizes):
        print(f"{name} at {size}: ms a step, min / median / max of {repeats}, and over the plain network")
        times = measured(name, size, repeats, variants)
        for variant, spent in times.items():
            print(f"  {variant:18s} {spread(spent * 1e3, '6.0f')}   {paired_ratio(times, variant, PLAIN):.2f}")


if __name__ == "__main__":
    main()
