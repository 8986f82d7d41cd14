"""Learning that cannot work: refused or warned of before the first step, and no false alarm on what can learn."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.objectives import (
    DenoisingScoreMatching,
    ImplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)

ISM, SSM, DSM = ImplicitScoreMatching(), SlicedScoreMatching(), DenoisingScoreMatching(0.3)
LEVELS = NoiseConditional(sk.noise.Geometric(3.0, 0.1, 5))
DATA = np.random.default_rng(0).normal(size=(200, 2))


def fit(model, objective=ISM, data=DATA, steps=1, **options):
    return sk.fit(model, objective, data, steps=steps, progress=False, **options)


class Network:
    """A score network of the NumPy backend, or an energy: x → (layer, activation) → layer."""

    def __init__(self, f, parameters=None, energy=False, dtype="float64", zero=False):
        self.f, self.energy = f, energy
        draw = np.random.default_rng(1).normal
        shapes = {"a": (2, 24), "b": (24,), "c": (24, 24), "d": (24,), "e": (24, 1 if energy else 2), "g": (2,)}
        made = {
            name: (draw(size=shape) * (0.6 if shape[0] == 2 else 0.25)).astype(dtype) for name, shape in shapes.items()
        }
        self._parameters = parameters or made | ({"e": 0 * made["e"], "g": 0 * made["g"]} if zero else {})

    def parameters(self):
        return self._parameters

    def with_parameters(self, parameters):
        return Network(self.f, parameters, self.energy)

    def __call__(self, x, sigma=None):
        xp, p = sk.array_namespace(x), self._parameters
        h = self.f(xp, self.f(xp, x @ p["a"] + p["b"]) @ p["c"] + p["d"]) @ p["e"]
        return xp.sum(h, axis=1) + xp.sum(p["g"]) if self.energy else h + p["g"]


def elu(xp, h):
    return xp.where(h > 0, h, xp.exp(xp.where(h > 0, 0 * h, h)) - 1)


def softplus(xp, h, beta=1.0):
    return xp.logaddexp(0 * h, beta * h) / beta


JUMPS = {  # the derivative of the score with respect to the parameters jumps
    "ReLU": lambda xp, h: xp.maximum(h, 0 * h),
    "LeakyReLU": lambda xp, h: xp.maximum(h, 0.2 * h),
    "LeakyReLU, nearly linear": lambda xp, h: xp.maximum(h, 0.9 * h),
    "Hardtanh": lambda xp, h: xp.where(xp.abs(h) < 1, h, xp.sign(h)),
    "ReLU6": lambda xp, h: xp.where(h < 6, xp.maximum(h, 0 * h), 6 + 0 * h),
    "abs": lambda xp, h: xp.abs(h),
    "SELU": lambda xp, h: 1.05 * xp.where(h > 0, h, 1.67 * (xp.exp(xp.where(h > 0, 0 * h, h)) - 1)),
    "max": lambda xp, h: xp.maximum(h, xp.roll(h, 1, axis=1)),
    "tanh then ReLU": lambda xp, h: xp.maximum(xp.tanh(h), 0 * h),
    "normalized ReLU": lambda xp, h: xp.maximum(
        (h - xp.mean(h, axis=1, keepdims=True)) / xp.sqrt(1e-5 + xp.mean(h * h, axis=1, keepdims=True)), 0 * h
    ),
}
SMOOTH = {
    "linear": lambda xp, h: h,
    "tanh": lambda xp, h: xp.tanh(h),
    "SiLU": lambda xp, h: h / (1 + xp.exp(-h)),
    "softplus": softplus,
    "softplus, nearly linear": lambda xp, h: softplus(xp, h, 1e-2),
    "softplus, steep": lambda xp, h: softplus(xp, h, 100.0),
    "ELU": elu,
    "squared ReLU": lambda xp, h: xp.where(h > 0, h, 0 * h) ** 2,
    "sine": lambda xp, h: xp.sin(h),
    "quadratic": lambda xp, h: 0.1 * h * h,
    "saturated": lambda xp, h: xp.tanh(20 * h),
}
ROUGH_ENERGIES = ("ELU", "squared ReLU")  # continuously differentiable once: enough for a score, not for an energy


def _network(name, **options):
    return Network((JUMPS | SMOOTH)[name], **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", JUMPS)
def test_a_score_whose_derivatives_jump_is_refused(name, dtype):
    """lioryariv/idr#16: "relu is not differentiable", softplus is. Here the loss falls and nothing is learned."""
    for objective, model in ((ISM, _network(name, dtype=dtype)), (SSM, _network(name, dtype=dtype, zero=True))):
        with pytest.raises(
            ValueError, match=rf"as with ReLU.*{type(objective).__name__}.*autodiff misses the jumps.*softplus"
        ):
            fit(model, objective, DATA.astype(dtype))


@pytest.mark.parametrize("name", [*JUMPS, *ROUGH_ENERGIES])
def test_so_is_an_energy_whose_second_derivatives_jump(name):
    with pytest.raises(ValueError, match="second derivatives of this energy jump") as caught:
        fit(sk.models.EnergyModel(_network(name, energy=True)))
    assert "DenoisingScoreMatching" not in str(caught.value)  # it is differentiated in the same way


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_one_is_not(name, dtype):
    fit(_network(name, dtype=dtype), ISM, DATA.astype(dtype))
    fit(_network(name, dtype=dtype, zero=True), SSM, DATA.astype(dtype))
    if name not in (*ROUGH_ENERGIES, "linear"):
        fit(sk.models.EnergyModel(_network(name, dtype=dtype, energy=True)), ISM, DATA.astype(dtype))
    fit(_network(name, dtype=dtype), DSM, DATA.astype(dtype))


def test_a_kink_before_all_parameters_is_legal():
    """The derivative with respect to the parameters is continuous: tr ∇s is right, and so is its gradient."""

    class Clamped(Network):
        def __call__(self, x, sigma=None):
            xp = sk.array_namespace(x)
            return super().__call__(xp.where(xp.abs(x) < 0.5, x, 0.5 * xp.sign(x)))

        def with_parameters(self, parameters):
            return Clamped(self.f, parameters)

    fit(Clamped(SMOOTH["tanh"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["softplus", "ReLU"])
def test_what_is_refused_would_have_learned_nothing(name, monkeypatch):
    """By ISM the relative error of softplus is below 0.2, and that of ReLU about 1 if it is not refused."""
    from scorekit.training import learnable

    monkeypatch.setattr(learnable, "derivatives_jump", lambda segments: False)
    target = sk.distributions.Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 0.25]])
    data, points = target.sample(4000, rng=0), target.sample(2000, rng=1)

    def error(objective, sigma=None):
        learned = fit(_network(name), objective, data, steps=1500, learning_rate=3e-3, batch_size=256).model
        exact = target.score(points, sigma)
        return np.mean((learned(points) - exact) ** 2) / np.mean(exact**2)

    implicit = error(ISM)
    assert implicit < 0.2 if name == "softplus" else implicit > 0.8
    assert error(DenoisingScoreMatching(0.2), 0.2) < 0.2
