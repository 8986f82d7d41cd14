"""A step of Langevin and of annealed Langevin by backend, dtype, dimension and chains; its overhead over a network.

``python benchmarks/sampling.py`` prints milliseconds per step of annealed Langevin with a network and of the network
alone at the same levels, min / median / max of interleaved runs, and the median of the paired ratios. langevin.py has
plain loops.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import scorekit as sk
from benchmarks import cases
from benchmarks.timing import paired_ratio, spread, take_turns

LEVELS = sk.noise.Geometric(5.0, 0.1, 10)
SAMPLERS = {
    "Langevin": sk.samplers.Langevin(0.05, 50),
    "annealed": sk.samplers.AnnealedLangevin(LEVELS, 5, 0.001, denoise=False),
}
STEPS = 50
NETWORKS = ("MLP, 2,000 chains", "NCSN, 16 images of 28x28")


def mixture(d):
    """Eight spherical components."""
    means = 4 * np.random.default_rng(0).standard_normal((8, d)) / d**0.5
    return sk.distributions.GaussianMixture(np.ones(8) / 8, means, 0.5)


class ChainStep:
    """asv: nanoseconds of one step of one chain on a mixture of eight components, score and noise included."""

    params = (list(SAMPLERS), list(cases.BACKENDS), list(cases.DTYPES), [2, 50], [100, 2000])
    param_names = ("sampler", "backend", "dtype", "d", "chains")

    def setup(self, sampler, backend, dtype, d, chains):
        cases.one_thread()
        self.score, self.x = mixture(d).score, cases.data(backend, dtype, chains, d)

    def track_chain_step(self, sampler, backend, dtype, d, chains):
        run = {"ours": lambda: SAMPLERS[sampler].sample(self.score, self.x, rng=0)}
        return float(np.median(take_turns(run, 3)["ours"])) / (STEPS * chains) * 1e9

    track_chain_step.unit = "ns"


@dataclass(frozen=True)
class OnNetwork:
    """Annealed Langevin on a network of tensors, and the network alone, as often and at the same levels."""

    net: Any
    x: Any
    sampler: sk.samplers.AnnealedLangevin

    @classmethod
    def named(cls, name, levels=5):
        cases.one_thread()
        noise = sk.noise.Geometric(1.0, 0.01, levels)
        sampler = sk.samplers.AnnealedLangevin(noise, 2, 2e-5, denoise=False)
        if name.startswith("MLP"):
            net = cases.network("torch", "float32", 2, conditional=True)
            return cls(net, cases.data("torch", "float32", 2000, 2), sampler)
        from scorekit_torch import NCSN

        images = cases.data("torch", "float32", 16, 28 * 28).reshape(16, 1, 28, 28)
        return cls(NCSN(1, noise, 16).eval(), images, sampler)

    @property
    def steps(self):
        return len(self.sampler.noise) * self.sampler.steps_per_level

    def annealed(self):
        return self.sampler.sample(self.net, self.x, rng=0).x

    def bare(self):
        import torch

        with torch.no_grad():
            for sigma in self.sampler.noise.sigmas:
                for _ in range(self.sampler.steps_per_level):
                    self.net(self.x, float(sigma))


class NetworkStep:
    """asv: milliseconds of a step of annealed Langevin on a network, and of the bare network."""

    params = (list(NETWORKS), ["annealed", "bare"])
    param_names = ("network", "way")

    def setup(self, name, way):
        self.case = OnNetwork.named(name)

    def track_step(self, name, way):
        return float(np.median(take_turns({way: getattr(self.case, way)}, 5)[way])) / self.case.steps * 1e3

    track_step.unit = "ms"


def main(repeats=15):
    for name in NETWORKS:
        case = OnNetwork.named(name)
        spent = take_turns({"annealed": case.annealed, "bare": case.bare}, repeats)
        shown = "   ".join(f"{way} {spread(each / case.steps * 1e3, '.2f')}" for way, each in spent.items())
        print(f"{name}: ms a step, {shown}   ratio {paired_ratio(spent, 'annealed', 'bare'):.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
