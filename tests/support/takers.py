"""Every public function that takes ``rng``, and how to call it: add one line to ``CALLS`` for a new one.

A line calls the function with ``rng=0`` and returns numbers that depend on its draws in an order of their own, such as
samples, losses or weights, at least 200 of them; or None where it returns few (``_few``).
"""

from __future__ import annotations

import importlib
import inspect

import numpy as np

import scorekit as sk

N = 400
# two ways into one computation draw the same by design
_SHARED = {"iterate": "sample", "losses": "__call__", "draw": "__call__"}
_HOST = np.random.default_rng(1)
_X, _Y = _HOST.normal(size=(2, N, 2))
_ROWS = np.arange(N)[:, None, None, None] / N + np.asarray([0, 0.001])  # each image has values of its own
_IMAGES = sk.datasets.ImageData(_ROWS.astype(np.float32), levels=256)
_LEVELS = sk.noise.Geometric(1.0, 0.5, 2)
_TOY = {"hidden": (16, 16)}


def _score(x, sigma=None):
    return 1.0 - x


def _slope(x, sigma=None):
    """Its Jacobian is not diagonal, so that traces differ from probe to probe."""
    return x[:, ::-1] + x


def _loss(objective):
    return lambda rng: objective.losses(_slope, np.ones((N, 2)), rng=rng)


def _drawn(objective):
    return lambda rng: objective.draw(np.ones((N, 2)), rng=rng)[-1].ravel()


def _few(call):
    """For what returns few numbers: its streams are compared, its result is not."""

    def draws(rng):
        call(rng)

    return draws


def _mean_loss(objective):
    return _few(lambda rng: objective(_slope, np.ones((N, 2)), rng=rng))


def _samples(distribution):
    return lambda rng: distribution.sample(N, rng=rng)


def _chain(sampler):
    return lambda rng: sampler.sample(_score, np.zeros((N, 2)), rng=rng).x


def _states(sampler):
    return lambda rng: [state.x for state in sampler.iterate(_score, np.zeros((N, 2)), rng=rng)][-1]


def _weights(network):
    import torch

    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)]
    return torch.cat([layer.weight.detach().flatten() for layer in layers])[: 4 * N].numpy()


def _torch(name, *args, **options):
    def call(rng):
        return _weights(getattr(importlib.import_module("scorekit_torch"), name)(*args, rng=rng, **options))

    return call


def _fit(rng):
    from scorekit_numpy import MLP

    network, objective = MLP(2, **_TOY, rng=sk.rng(("a network", 0))), sk.objectives.DenoisingScoreMatching(0.5)
    sk.fit(network, objective, _X, steps=3, rng=rng, validation=_Y, progress=False)


def _blocks(rng):
    start = np.zeros((N, 2))
    made = sk.samplers.sample_blocks(sk.samplers.Langevin(0.1, 1), _score, lambda n, rng: start, N, rng, block=N)
    return next(made).samples.x


def _numpy_weights(rng):
    from scorekit_numpy import MLP

    return np.concatenate([w.ravel() for w in MLP(2, **_TOY, rng=rng).parameters().values() if w.std() > 0])


_DENSITIES = sk.distributions
_NOISE = sk.noise
_OBJECTIVES = {
    "DenoisingScoreMatching": sk.objectives.DenoisingScoreMatching(0.5),
    "ImplicitScoreMatching": sk.objectives.ImplicitScoreMatching("hutchinson", probes=1),
    "NoiseConditional": sk.objectives.NoiseConditional(_LEVELS),
    "SlicedScoreMatching": sk.objectives.SlicedScoreMatching(),
}
_SAMPLERS = {
    "AnnealedLangevin": sk.samplers.AnnealedLangevin(_LEVELS, 1, 0.01),
    "ConsistentAnnealed": sk.samplers.ConsistentAnnealed(_LEVELS),
    "Inpaint": sk.samplers.Inpaint(sk.samplers.Langevin(0.1, 1), [True, False], [2.0, 0.0]),
    "Langevin": sk.samplers.Langevin(0.1, 1),
}

CALLS = {
    "rng": lambda rng: sk.rng(rng).normal((N,)),
    "training.fit": _fit,
    "datasets.ImageData.dequantized": lambda rng: _IMAGES.dequantized(rng=rng).images - _IMAGES.images,
    "datasets.ImageData.flipped": lambda rng: (_IMAGES.flipped(rng=rng).images - _IMAGES.images)[..., 0],
    "datasets.ImageData.split": lambda rng: _IMAGES.split(0.9, rng=rng)[0].images[..., 0],
    "datasets.ImageData.subset": lambda rng: _IMAGES.subset(n=300, rng=rng).images[..., 0],
    "datasets.dequantize": lambda rng: sk.datasets.dequantize(np.zeros((N, 1)), levels=2, rng=rng),
    "datasets.flip": lambda rng: sk.datasets.flip(np.tile([0.0, 1.0], (N, 1, 1)), rng=rng)[..., 0],
    "datasets.shapes": lambda rng: sk.datasets.shapes(N, 8, rng=rng).images.mean(axis=(1, 2, 3)),
    "distributions.Banana.sample": _samples(_DENSITIES.Banana()),
    "distributions.Checkerboard.sample": _samples(_DENSITIES.Checkerboard()),
    "distributions.Empirical.sample": _samples(_DENSITIES.Empirical(_X)),
    "distributions.Funnel.sample": _samples(_DENSITIES.Funnel(dim=2)),
    "distributions.Gaussian.sample": _samples(_DENSITIES.Gaussian(np.zeros(2), np.eye(2))),
    "distributions.GaussianMixture.sample": _samples(_DENSITIES.GaussianMixture([1.0], np.zeros((1, 2)), 1.0)),
    "distributions.Rings.sample": _samples(_DENSITIES.Rings()),
    "distributions.ShapesImages.sample": lambda rng: _DENSITIES.ShapesImages(8).sample(N, rng=rng).mean(axis=(1, 2, 3)),
    "distributions.Smoothed.sample": _samples(_DENSITIES.Banana().smoothed(1.0)),
    "distributions.SwissRoll.sample": _samples(_DENSITIES.SwissRoll()),
    "distributions.TwoMoons.sample": _samples(_DENSITIES.TwoMoons()),
    "metrics.c2st": _few(lambda rng: sk.metrics.c2st(_X, _Y, rng=rng)),
    "metrics.kernel_stein_discrepancy": _few(lambda rng: sk.metrics.kernel_stein_discrepancy(_score, _X, rng=rng)),
    "metrics.class_proportions": _few(
        lambda rng: sk.metrics.class_proportions(_X, lambda x: 0 * x[:, 0], [0.91, *[0.01] * 9], rng=rng)
    ),
    "metrics.mmd": _few(lambda rng: sk.metrics.mmd(_X, _Y, rng=rng)),
    "metrics.score_error_report": _few(
        lambda rng: sk.metrics.score_error_report(_score, _DENSITIES.Banana(), _LEVELS, n=100, rng=rng)
    ),
    "metrics.sliced_wasserstein": _few(
        lambda rng: sk.metrics.sliced_wasserstein(_X.reshape(-1, 4), _Y.reshape(-1, 4), rng=rng)
    ),
    "noise.Designed.sample": _samples(_NOISE.design(_X)),
    "noise.Geometric.sample": _samples(_NOISE.Geometric(10.0, 0.1, 100)),
    "noise.Levels.sample": _samples(_NOISE.Levels(tuple(np.linspace(3.0, 1.0, 100)))),
    "noise.LogNormal.sample": _samples(_NOISE.LogNormal(0.0, 1.0)),
    "noise.LogUniform.sample": _samples(_NOISE.LogUniform(10.0, 0.1)),
    **{f"objectives.{name}.draw": _drawn(made) for name, made in _OBJECTIVES.items()},
    **{f"objectives.{name}.losses": _loss(made) for name, made in _OBJECTIVES.items()},
    **{f"objectives.{name}.__call__": _mean_loss(made) for name, made in _OBJECTIVES.items()},
    **{f"samplers.{name}.sample": _chain(made) for name, made in _SAMPLERS.items()},
    **{f"samplers.{name}.iterate": _states(made) for name, made in _SAMPLERS.items()},
    "samplers.initial": lambda rng: sk.samplers.initial([1.0], (N, 2), rng),
    "samplers.sample_blocks": _blocks,
    "scorekit_numpy.MLP": _numpy_weights,
    "scorekit_torch.MLP": _torch("MLP", 2, **_TOY),
    "scorekit_torch.NCSN": _torch("NCSN", channels=1, noise=_LEVELS, base_channels=8),
    "scorekit_torch.NCSNv2": _torch("NCSNv2", channels=1, base_channels=8),
    "scorekit_torch.UNet": _torch("UNet", channels=1, base_channels=8, channel_mult=(1,), attention=()),
}

WITHOUT_DRAWS = {
    *(f"objectives.ExplicitScoreMatching.{name}" for name in ("draw", "losses", "__call__")),
    *(f"learning.{name}" for name in ("as_rng", "draw_for", "seeds")),  # they use the stream that they are handed
}


def public_modules():
    """The modules whose ``__all__`` is public: the rooms of scorekit and the packages of its installed backends."""
    rooms = [name for name in sk.__all__ if inspect.ismodule(getattr(sk, name))]
    packages = ["scorekit.learning", "scorekit.storage"]
    packages += [f"scorekit_{name}" for name, installed in sk.backends().items() if installed]
    return [getattr(sk, room) for room in rooms] + [importlib.import_module(name) for name in packages]


def takers(modules):
    """The names of all functions, classes and methods in ``__all__`` of the modules that have an argument ``rng``."""
    return {name for module in modules for exported in module.__all__ for name in _takers_in(module, exported)}


def _takers_in(module, exported):
    thing, name = getattr(module, exported), f"{module.__name__.removeprefix('scorekit.')}.{exported}"
    if inspect.isabstract(thing):
        return []
    methods = inspect.getmembers(thing, inspect.isfunction) if inspect.isclass(thing) else []
    public = [(f"{name}.{key}", f) for key, f in methods if key == "__call__" or not key.startswith("_")]
    return [key for key, f in [(name, thing), *public] if _takes_rng(f)]


def _takes_rng(f):
    try:
        return callable(f) and "rng" in inspect.signature(f).parameters
    except ValueError:  # exceptions have no signature
        return False


def by_design(name):
    """What a function shares its draws with: an iterator draws what its sampler draws."""
    holder, _, method = name.rpartition(".")
    return f"{holder}.{_SHARED[method]}" if method in _SHARED else name
