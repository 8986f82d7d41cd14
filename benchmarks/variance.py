"""The effect of variance reduction on the gradient of denoising score matching, for a linear model and for a network.

``OPENBLAS_NUM_THREADS=1 python benchmarks/variance.py`` prints the standard deviation of the parameter gradient (the
root of the summed variances over the noise, the data fixed), relative to plain DSM, and the cost of a gradient.
"""

from __future__ import annotations

import time

import autograd
import numpy as np

import scorekit as sk
from scorekit.objectives import DenoisingScoreMatching
from scorekit_numpy import MLP

SIGMAS = (0.01, 0.03, 0.1, 0.3, 1.0)
WAYS = (None, "control", "antithetic")
REPEATS = 200


def linear():
    """s = -a x, one parameter."""
    return [np.array(0.8)], lambda values: lambda x, sigma=None: -values[0] * x


def trained():
    """A network of 64, 64, trained for a short while, so that its score is of the right size."""
    net = MLP(2, hidden=(64, 64), conditional=False)
    data = batch(4096)
    objective = sk.objectives.SlicedScoreMatching()
    net = sk.fit(net, objective, data, steps=300, batch_size=256, learning_rate=3e-3, progress=False).model
    names, values = zip(*net.parameters().items(), strict=True)
    return list(values), lambda given: net.with_parameters(dict(zip(names, given, strict=True)))


def batch(n=64):
    mixture = sk.distributions.GaussianMixture([0.5, 0.5], [[1.0, 0.0], [-1.0, 0.0]], 0.25)
    return mixture.sample(n, rng=0)


def spread(model, sigma, way, repeats=REPEATS):
    """The standard deviation of the gradient over the noise, and the seconds that one gradient takes."""
    values, build = model
    objective, x = DenoisingScoreMatching(sigma, way), batch()
    gradient = autograd.grad(lambda given, seed: objective(build(given), x, rng=seed))
    start = time.perf_counter()
    draws = np.array([np.concatenate([np.ravel(g) for g in gradient(values, seed)]) for seed in range(repeats)])
    return float(np.sqrt(draws.var(axis=0).sum())), (time.perf_counter() - start) / repeats


class GradientSpread:
    """asv: the spread of the network's gradient, by sigma and way."""

    params = (list(SIGMAS), list(WAYS))
    param_names = ("sigma", "variance_reduction")

    def setup(self, sigma, way):
        self.model = trained()

    def track_spread(self, sigma, way):
        return spread(self.model, sigma, way, 50)[0]


def main():
    for name, model in (("linear model", linear()), ("network, 64 x 64", trained())):
        print(f"{name}: gradient spread of plain DSM, how many times smaller it gets, and the cost of a gradient")
        for sigma in SIGMAS:
            results = {way: spread(model, sigma, way) for way in WAYS}
            plain, cost = results[None]
            rest = "  ".join(
                f"{way} {plain / results[way][0]:7.1f} x (cost {results[way][1] / cost:.2f})" for way in WAYS[1:]
            )
            print(f"  sigma {sigma:<5g} plain {plain:10.4g}  {rest}")


if __name__ == "__main__":
    main()
