"""The NumPy + autograd backend of scorekit: derivatives, random numbers, a network and its learner."""

from __future__ import annotations

from scorekit_numpy.backend import NumpyBackend
from scorekit_numpy.environment import devices, environment
from scorekit_numpy.networks import MLP

__all__ = ["MLP", "NumpyBackend", "devices", "environment"]
