"""Reading weights that others published, by a reader that executes nothing, and putting them into a network."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from scorekit.errors import CheckpointError, reason_of
from scorekit.learning import check_path

__all__ = ["filled", "read", "renamed", "tensors"]

Array: TypeAlias = Any

_LISTED = 6  # faults that a message writes out


def read(path: str | os.PathLike[str]) -> tuple[Path, Any]:
    """What ``torch.save`` wrote to ``path``: tensors and plain containers, on the CPU; anything else is refused."""
    place = check_path(path, "path")
    try:
        return place, torch.load(place, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged or hostile file raises is any of a dozen types
        raise CheckpointError(
            f"{place} cannot be read ({_cause(error)}): expected a file that torch.save wrote, of "
            "tensors, numbers, lists and dicts only."
        ) from error


def _cause(error: Exception) -> str:
    """The reason of torch, without its advice to load the file in a way that executes it."""
    said = re.search(r"WeightsUnpickler error: (.*?)(\. |\n|$)", str(error))
    return said[1] if said else reason_of(error)


def tensors(state: Any, place: Path, what: str) -> dict[str, Array]:
    """``state`` as tensors by name, without the prefix of ``DataParallel``."""
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(f"{place} holds no {what}: expected tensors by name, got a {type(state).__name__}.")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def renamed(given: Mapping[str, Array], names: Mapping[str, str], place: Path) -> dict[str, Array]:
    """The tensors by our names; ``names`` gives theirs for ours. What is missing or left over is named."""
    missing = [theirs for theirs in names.values() if theirs not in given]
    left_over = sorted(given.keys() - set(names.values()))
    if missing or left_over:
        raise CheckpointError(
            f"{place} does not fit: missing are {_listed(missing)}; left over are {_listed(left_over)}. Nothing was "
            "loaded. Are these the settings that the file was trained with?"
        )
    return {ours: given[theirs] for ours, theirs in names.items()}


def filled(network: nn.Module, state: Mapping[str, Array], place: Path) -> Any:
    """The network with these weights, in eval mode, if every shape is right."""
    own = network.state_dict()
    wrong = [
        f"{name} is {tuple(state[name].shape)}, the network has {tuple(own[name].shape)}"
        for name in own
        if state[name].shape != own[name].shape
    ]
    if wrong:
        raise CheckpointError(f"{place} does not fit: {_listed(wrong)}. Nothing was loaded.")
    network.load_state_dict(dict(state))
    return network.eval()


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_LISTED]) or "none"
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"
