"""Shared by the suites: backends, dtypes, data, networks and objectives by name."""

from __future__ import annotations

import importlib

import numpy as np

import scorekit as sk

BACKENDS, DTYPES = ("numpy", "torch"), ("float32", "float64")
HIDDEN = (128, 128, 128)
OBJECTIVES = {
    "ESM": sk.objectives.ExplicitScoreMatching(lambda x: -x),
    "ISM, exact": sk.objectives.ImplicitScoreMatching(),
    "ISM, Hutchinson": sk.objectives.ImplicitScoreMatching("hutchinson"),
    "SSM-VR": sk.objectives.SlicedScoreMatching(),
    "DSM": sk.objectives.DenoisingScoreMatching(0.3),
    "NCSN": sk.objectives.NoiseConditional(sk.noise.Geometric(5.0, 0.1, 10)),
}


def one_thread():
    """Tensors get one thread; NumPy's is set by OPENBLAS_NUM_THREADS, before it is imported."""
    if sk.backends()["torch"]:
        importlib.import_module("torch").set_num_threads(1)


def data(backend, dtype, batch, d):
    """Standard normal samples."""
    draws = np.random.default_rng(0).standard_normal((batch, d))
    return sk.backend(backend, dtype=dtype).asarray(draws)


def network(backend, dtype, d, *, conditional=False, hidden=HIDDEN):
    """The backend's perceptron; the weights are the same in both."""
    one_thread()
    module = importlib.import_module(f"scorekit_{backend}")
    return module.MLP(d, hidden, conditional=conditional, dtype=dtype)


def value_and_gradient(backend, objective, net, x):
    """A function that computes the loss and its gradient in all weights."""
    if backend == "torch":
        return lambda: objective(net, x, rng=0).backward()
    from autograd import value_and_grad

    names, values = zip(*net.parameters().items(), strict=True)
    gradient = value_and_grad(lambda v: objective(net.with_parameters(dict(zip(names, v, strict=True))), x, rng=0))
    return lambda: gradient(values)
