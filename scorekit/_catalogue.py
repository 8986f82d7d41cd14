"""Tables of the library's classes, one line each: objectives, samplers, noise, densities, data sets and networks.

Experiment files, the conformance suite of backends, the documentation and the tests read these tables. A new class
needs its file, its export and its line here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from scorekit import datasets
from scorekit.distributions import (
    Banana,
    Checkerboard,
    Empirical,
    Funnel,
    Gaussian,
    GaussianMixture,
    Rings,
    ShapesImages,
    SwissRoll,
    TwoMoons,
)
from scorekit.noise import Geometric, Levels, LogNormal, LogUniform, design
from scorekit.objectives import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    ImplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)
from scorekit.protocols import Array
from scorekit.samplers import AnnealedLangevin, ConsistentAnnealed, Inpaint, Langevin

__all__ = [
    "DATASETS",
    "DENSITIES",
    "NETWORKS",
    "NOISE",
    "OBJECTIVES",
    "SAMPLERS",
    "Entry",
    "Network",
    "by_name",
    "examples",
]


class Entry(NamedTuple):
    """One class or function of the library.

    ``name`` is the name in experiment files, empty if a file cannot describe the class. ``examples`` returns the
    instances for tests; it is a function, so that they are created only when needed.
    """

    make: Callable[..., Any]
    name: str = ""
    examples: Callable[[], Sequence[Any]] = tuple


class Network(NamedTuple):
    """A network's name in the exports of backends, and its default preconditioning in experiment files."""

    name: str
    preconditioning: str


def by_name(entries: Sequence[Entry]) -> dict[str, Callable[..., Any]]:
    """The classes and functions that experiment files can name."""
    return {entry.name: entry.make for entry in entries if entry.name}


def examples(entries: Sequence[Entry]) -> list[Any]:
    """All example instances."""
    return [example for entry in entries for example in entry.examples()]


def _standard_normal(x: Array, sigma: Any = None) -> Array:  # noqa: ARG001
    """The score of N(0, I), in any dimension."""
    return -x


def _plane(n: int) -> Any:
    return np.random.default_rng(18).normal(size=(n, 2))


_LEVELS = Geometric(2.0, 0.5, 3)

OBJECTIVES = (
    Entry(ExplicitScoreMatching, "", lambda: [ExplicitScoreMatching(_standard_normal)]),
    Entry(ImplicitScoreMatching, "", lambda: [ImplicitScoreMatching(), ImplicitScoreMatching("hutchinson", 3)]),
    Entry(SlicedScoreMatching, "sliced", lambda: [
        *(SlicedScoreMatching(2, kind) for kind in ("rademacher", "gaussian", "sphere")),
        *(SlicedScoreMatching(2, kind, variance_reduced=False) for kind in ("rademacher", "gaussian", "sphere")),
    ]),
    Entry(DenoisingScoreMatching, "denoising", lambda: [
        *(DenoisingScoreMatching(0.3, kind) for kind in (None, "control", "antithetic")),
    ]),
    Entry(NoiseConditional, "noise-conditional", lambda: [
        NoiseConditional(LogUniform(1.0, 0.1)),
        NoiseConditional(LogUniform(1.0, 0.1), variance_reduction="control"),
        NoiseConditional(LogUniform(1.0, 0.1), "likelihood", "antithetic"),
        NoiseConditional(LogUniform(1.0, 0.1), "edm", "control", sigma_data=0.5),
        NoiseConditional(Geometric(1.0, 0.1, 4)),
        NoiseConditional(Geometric(1.0, 0.1, 4), "likelihood"),
        NoiseConditional(LogNormal(-1.0, 1.0)),
    ]),
)  # fmt: skip

SAMPLERS = (
    Entry(Langevin, "langevin", lambda: [Langevin(0.1, 6)]),
    Entry(AnnealedLangevin, "annealed", lambda: [AnnealedLangevin(_LEVELS, 2, 0.1)]),
    Entry(ConsistentAnnealed, "consistent", lambda: [ConsistentAnnealed(_LEVELS)]),
    Entry(Inpaint, "", lambda: [Inpaint(AnnealedLangevin(_LEVELS, 2, 0.1), False, 0.0)]),
)

NOISE = (
    Entry(Geometric, "geometric", lambda: [Geometric(10.0, 0.1, 5), Geometric(2.0, 1.0, 1)]),
    Entry(Levels, "", lambda: [Levels((3.0, 1.0, 0.2))]),
    Entry(LogUniform, "log-uniform", lambda: [LogUniform(10.0, 0.1)]),
    Entry(LogNormal, "log-normal", lambda: [LogNormal(-1.2, 1.2)]),
    Entry(design, "design", lambda: [design(_plane(50))]),
)

DENSITIES = (
    Entry(Gaussian, "", lambda: [Gaussian(np.zeros(2), np.eye(2))]),
    Entry(GaussianMixture, "", lambda: [
        GaussianMixture([0.7, 0.3], [[0.0, 0.0], [2.0, 1.0]], np.stack([np.eye(2), 0.5 * np.eye(2)])),
    ]),
    Entry(Banana, "", lambda: [Banana()]),
    Entry(SwissRoll, "", lambda: [SwissRoll(noise=0.2)]),
    Entry(Empirical, "", lambda: [Empirical(_plane(20))]),
    Entry(Rings, "", lambda: [Rings()]),
    Entry(TwoMoons, "", lambda: [TwoMoons()]),
    Entry(Checkerboard, "", lambda: [Checkerboard()]),
    Entry(Funnel, "", lambda: [Funnel()]),
    Entry(ShapesImages, "", lambda: [ShapesImages(8, (0.7, 0.3), ("circle", "rings"), 3, 2)]),
)  # fmt: skip

DATASETS = (
    Entry(datasets.digits, "digits"),
    Entry(datasets.shapes, "shapes", lambda: [datasets.shapes(40, size=8)]),
    Entry(datasets.fashion_mnist, "fashion_mnist"),
    Entry(datasets.mnist, "mnist"),
    Entry(datasets.mnist_5k, "mnist_5k"),
    Entry(datasets.kmnist, "kmnist"),
    Entry(datasets.emnist, "emnist"),
    Entry(datasets.cifar10, "cifar10"),
    Entry(datasets.cifar100, "cifar100"),
    Entry(datasets.celeba, "celeba"),
    Entry(datasets.image_folder, "image_folder"),
    Entry(datasets.arrays, "arrays"),
    Entry(datasets.parquet, "parquet"),
    Entry(datasets.hub, "hub"),
)

NETWORKS = (
    Network("UNet", "edm"),
    Network("MLP", "edm"),
    Network("NCSN", "none"),
    Network("NCSNv2", "none"),
)
