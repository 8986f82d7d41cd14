"""Seeded bugs of the views of models."""

from __future__ import annotations

from .base import Mutant

__all__ = ["MODELS"]

ENERGY = "scorekit/models/energy.py"
LEVEL = "scorekit/models/level.py"
PRECONDITIONED = "scorekit/models/preconditioned.py"
TWEEDIE = "scorekit/models/tweedie.py"

MODELS = (
    Mutant("tweedie-sign", TWEEDIE, "return (evaluate(", "return -(evaluate(", "a sign"),
    Mutant("tweedie-sigma", TWEEDIE, "- x) / align(level, x) ** 2", "- x) / align(level, x)", "σ for σ²"),
    Mutant("denoise-view-sigma", LEVEL, "return x + level**2 *", "return x + level *", "σ for σ²"),
    Mutant("denoise-view-sign", LEVEL, "return x + level**2 *", "return x - level**2 *", "a sign"),
    Mutant("at-forgets-its-level", LEVEL, "x, self.level)", "x, sigma)", "the level of the call, not the fixed one"),
    Mutant("energy-sign", ENERGY, "return -backend_of(x)", "return backend_of(x)", "climbs the energy"),
    Mutant("energy-without-sigma", ENERGY, "value = energy(y, level)", "value = energy(y, None)", "no level"),
    Mutant("edm-c-in", PRECONDITIONED, "self.net, x / root,", "self.net, x / width,", "σ² for σ in c_in"),
    Mutant("edm-c-out", PRECONDITIONED, "/ (level * root)", "/ (width * root)", "c_out"),
    Mutant("edm-c-out-sigma", PRECONDITIONED, "/ (level * root)", "/ root", "σ missing in c_out"),
    Mutant("edm-c-skip", PRECONDITIONED, "- x / width", "- x / level**2", "σ_data missing in c_skip"),
    Mutant("edm-c-skip-root", PRECONDITIONED, "- x / width", "- x / root", "√ in c_skip"),
    Mutant("ncsn-scale", PRECONDITIONED, "x, checked) / level", "x, checked) / level**2", "σ² for σ"),
)
