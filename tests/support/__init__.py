"""What several tests share: quadrature rules, families of smooth models, scripted randomness."""

from __future__ import annotations

from support.families import FAMILIES, Family, flattened, parameter_gradient
from support.quadrature import gauss_hermite, mixture_rule, rademacher_vectors
from support.scripted import ScriptedRng

__all__ = [
    "FAMILIES",
    "Family",
    "ScriptedRng",
    "flattened",
    "gauss_hermite",
    "mixture_rule",
    "parameter_gradient",
    "rademacher_vectors",
]
