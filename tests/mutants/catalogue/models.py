"""Seeded bugs of the views of models."""

from __future__ import annotations

from .base import seeded

__all__ = ["MODELS"]

TWEEDIE = "scorekit/models/tweedie.py"
LEVEL = "scorekit/models/level.py"
ENERGY = "scorekit/models/energy.py"
PRECONDITIONED = "scorekit/models/preconditioned.py"

MODELS = (
    *seeded(
        TWEEDIE,
        "DenoiserModel.__call__",
        (
            "tweedie-sign",
            'evaluate(self.denoise, x, level, condition, "denoise") - x',
            '-(evaluate(self.denoise, x, level, condition, "denoise") - x)',
            "a sign",
        ),
        ("tweedie-sigma", "expand(level, x) ** 2", "expand(level, x)", "σ for σ²"),
    ),
    *seeded(
        LEVEL,
        "denoise",
        ("denoise-view-sigma", "level ** 2", "level", "σ for σ²"),
        (
            "denoise-view-sign",
            "x + level ** 2 * evaluate(model, own(x), sigma, check_condition(condition, x))",
            "x - level ** 2 * evaluate(model, own(x), sigma, check_condition(condition, x))",
            "a sign",
        ),
    ),
    *seeded(
        LEVEL,
        "AtLevel.__call__",
        (
            "at-forgets-its-level",
            "evaluate(self.model, x, self.level, condition)",
            "evaluate(self.model, x, sigma, condition)",
            "the level of the call, not the fixed one",
        ),
    ),
    *seeded(
        ENERGY,
        "EnergyModel.__call__",
        ("energy-sign", "-backend_of(x).grad(energy, x)[1]", "backend_of(x).grad(energy, x)[1]", "climbs the energy"),
    ),
    *seeded(
        ENERGY,
        "EnergyModel._checked.checked",
        ("energy-without-sigma", "energy(y, level, condition)", "energy(y, None, condition)", "no level"),
    ),
    *seeded(
        PRECONDITIONED,
        "Preconditioned.__call__",
        ("edm-c-in", "x / root", "x / width", "σ² for σ in c_in"),
        ("edm-c-out", "level * root", "width * root", "c_out"),
        ("edm-c-out-sigma", "level * root", "root", "σ missing in c_out"),
        ("edm-c-skip", "x / width", "x / level ** 2", "σ_data missing in c_skip"),
        ("edm-c-skip-root", "x / width", "x / root", "√ in c_skip"),
        (
            "ncsn-scale",
            'evaluate(self.net, x, checked, condition, "net") / level',
            'evaluate(self.net, x, checked, condition, "net") / level ** 2',
            "σ² for σ",
        ),
    ),
)
